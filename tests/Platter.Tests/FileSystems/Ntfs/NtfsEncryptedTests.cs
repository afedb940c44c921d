using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Platter.Trees;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Encrypted files on a volume that is edited: their content stays as it lies, all else works.</summary>
public class NtfsEncryptedTests
{
    private const int Length = 10_000;

    [Fact]
    public void Content_that_is_encrypted_is_not_changed()
    {
        using var volume = Open(Made());
        var (file, key) = (volume.Find("/secret").Id, StreamName.Named("second"));
        Assert.Contains("EFS", Assert.Throws<UnsupportedFeatureException>(() => volume.OpenRead(file, StreamName.Data)).Message, StringComparison.Ordinal);
        using (var stream = volume.OpenWrite(file, StreamName.Data))
        {
            Assert.Throws<UnsupportedFeatureException>(() => stream.WriteAt(0, [1]));
            Assert.Throws<UnsupportedFeatureException>(() => stream.WriteAt(Length, [1]));
            Assert.Throws<UnsupportedFeatureException>(() => stream.SetLength(5));
            Assert.Throws<UnsupportedFeatureException>(() => stream.SetLength(0));
            Assert.Throws<UnsupportedFeatureException>(() => stream.SetLength(2 * Length));
            Assert.Throws<UnsupportedFeatureException>(() => stream.PunchHole(0, 8192));
            Assert.Throws<UnsupportedFeatureException>(() => stream.ReadAt(0, new byte[10]));
        }
        Assert.Throws<UnsupportedFeatureException>(() => volume.SetMetadata(file, new MetadataChange { Compressed = true }));
        Assert.Throws<UnsupportedFeatureException>(() => volume.SetMetadata(file, new MetadataChange { Sparse = true }));
        Assert.Equal(0, volume.UncommittedBytes);

        // A stream of its own is content like any other.
        using (var stream = volume.OpenWrite(file, key))
            stream.WriteAt(0, ConformanceCase.Bytes(5000));
        volume.DeleteStream(file, key);
        volume.Commit();
        Assert.Equal(Length, volume.GetMetadata(file).Length);
    }

    [Fact]
    public void Encrypted_files_are_renamed_linked_described_given_out_as_they_lie_and_deleted()
    {
        var device = Made();
        using (var volume = Open(device))
        {
            var file = volume.Find("/secret").Id;
            Assert.NotEqual(DosAttributes.None, volume.GetMetadata(file).DosAttributes!.Value & DosAttributes.Encrypted);
            volume.Rename(volume.RootId, "secret", volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None), "moved", replace: false);
            volume.CreateHardLink(file, volume.RootId, "linked");
            volume.SetMetadata(file, new MetadataChange { DosAttributes = DosAttributes.Hidden, Modified = new Timestamp(1_000_000_000) });
            volume.SetExtendedAttribute(file, "user.colour", "red"u8.ToArray());
            volume.Commit();
            Assert.NotEqual(DosAttributes.None, volume.GetMetadata(file).DosAttributes!.Value & DosAttributes.Encrypted);
            Assert.Equal(Keys, volume.GetFormatAttributes(file)["user.ntfs.efsinfo"]);
        }
        NtfsCheck.AssertClean(device);
        using (var raw = NtfsVolume.Open(device, new VolumeOptions { RawEncrypted = true }))
        using (var stream = raw.Find("/linked").OpenRead())
        {
            // Whole sectors, the last one behind the length, too; and how many bytes of that do not count.
            var bytes = new byte[20 * 512 + 2];
            Assert.Equal(bytes.Length, stream.Length);
            Assert.Equal(bytes.Length, raw.Find("/linked").Metadata.Length);
            Assert.Equal(bytes.Length, stream.ReadAt(0, bytes));
            Assert.Equal(ConformanceCase.Bytes(Length), bytes[..Length]);
            Assert.Equal(20 * 512 - Length, bytes[^2] | bytes[^1] << 8);
        }
        using (var volume = Open(device))
        {
            var free = volume.FreeBytes;
            volume.Delete(volume.RootId, "linked");
            volume.DeleteRecursively(volume.RootId, "dir");
            volume.Commit();
            Assert.True(volume.FreeBytes >= free + 12_288);
        }
        NtfsCheck.AssertClean(device);
    }

    [Fact]
    public void What_is_no_ciphertext_or_cannot_be_encrypted_gets_no_keys()
    {
        var device = NtfsFixture.Empty("-c 4096", 4 << 20);
        using var volume = Open(device);
        var file = Create("file", Raw(5000));
        volume.Commit();
        Refuses<ArgumentException>(file, Keys[..50]);
        Refuses<ArgumentException>(file, [.. Keys, 0]);
        Refuses<UnsupportedFeatureException>(volume.RootId, Keys);
        Refuses<UnsupportedFeatureException>(volume.CreateSymbolicLink(volume.RootId, "link", "file", MetadataChange.None), Keys);
        Refuses<UnsupportedFeatureException>(Create("short", Raw(5000)[..^1]), Keys);
        Refuses<UnsupportedFeatureException>(Create("long", [.. Raw(5000), 0]), Keys);
        Refuses<UnsupportedFeatureException>(Create("tail alone", [0, 0]), Keys);
        Refuses<UnsupportedFeatureException>(Create("padding", [.. Raw(512)[..512], 0, 2]), Keys);
        // A hole that no cluster can make: the second of three sectors was never written.
        Refuses<UnsupportedFeatureException>(Create("hole", [.. Raw(512)[..512], .. new byte[512], .. Raw(512)]), Keys);
        Assert.Throws<UnsupportedFeatureException>(() => volume.SetExtendedAttribute(file, "user.ntfs.efsinfo", null));
        var streams = Create("streams", Raw(100));
        using (var stream = volume.OpenWrite(streams, StreamName.Named("plain")))
            stream.WriteAt(0, [1, 2, 3]);
        Refuses<UnsupportedFeatureException>(streams, Keys);
        volume.SetExtendedAttribute(file, "user.ntfs.efsinfo", Keys);
        Refuses<UnsupportedFeatureException>(file, Keys);
        volume.Commit();
        NtfsCheck.AssertClean(device);
        Assert.Equal(DosAttributes.None, volume.GetMetadata(streams).DosAttributes!.Value & DosAttributes.Encrypted);

        NodeId Create(string name, byte[] content) => volume.CreateFile(volume.RootId, name, new MemoryStream(content), null, MetadataChange.None);

        void Refuses<T>(NodeId id, byte[] keys)
            where T : Exception
        {
            var before = volume.GetMetadata(id);
            Assert.Throws<T>(() => volume.SetExtendedAttribute(id, "user.ntfs.efsinfo", keys));
            Assert.Equal((before.Length, before.DosAttributes), (volume.GetMetadata(id).Length, volume.GetMetadata(id).DosAttributes));
        }
    }

    [Fact]
    public void Keys_make_an_encrypted_file_of_ciphertext_however_it_was_stored()
    {
        var device = NtfsFixture.Empty("-c 4096", 8 << 20);
        using (var volume = Open(device))
        {
            var packed = volume.CreateDirectory(volume.RootId, "packed", new MetadataChange { Compressed = true });
            foreach (var length in new[] { 0, 1, 512, 4096, 4097, 100_000 })
            {
                var id = volume.CreateFile(packed, $"f{length}", new MemoryStream(Raw(length)), null, MetadataChange.None);
                volume.SetExtendedAttribute(id, "system.ntfs_efsinfo", Keys);
                Assert.Equal(length, volume.GetMetadata(id).Length);
                Assert.Equal(DosAttributes.Encrypted, volume.GetMetadata(id).DosAttributes!.Value & (DosAttributes.Encrypted | DosAttributes.Compressed));
                Assert.Equal((length + 4095) / 4096 * 4096, volume.GetMetadata(id).AllocatedLength);
            }
            volume.SetExtendedAttribute(packed, "user.ntfs.efsinfo", Keys);
            Assert.Equal(DosAttributes.Encrypted, volume.GetMetadata(packed).DosAttributes!.Value & (DosAttributes.Encrypted | DosAttributes.Compressed));
            volume.Commit();
        }
        NtfsCheck.AssertClean(device);
        using var raw = NtfsVolume.Open(device, new VolumeOptions { RawEncrypted = true });
        foreach (var entry in raw.Enumerate(raw.Find("/packed").Id))
        {
            using var stream = raw.OpenRead(entry.Id, StreamName.Data);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            Assert.Equal(Raw(int.Parse(entry.Name[1..], System.Globalization.CultureInfo.InvariantCulture)), bytes);
            Assert.Equal(Keys, raw.GetExtendedAttributes(entry.Id)["user.ntfs.efsinfo"]);
        }
    }

    [Fact]
    public void What_was_never_written_stays_so_in_a_restored_file()
    {
        // 3 clusters of ciphertext, one hole, one cluster, and 9,000 bytes that were never written.
        const int cluster = 4096;
        var (device, plain) = (NtfsFixture.Empty("-c 4096", 4 << 20), ConformanceCase.Bytes(5 * cluster));
        plain.AsSpan(3 * cluster, cluster).Clear();
        byte[] raw = [.. EfsMaker.Raw(EfsCipher.Aes256, FileKey, plain)[..^2], .. new byte[9216], 216, 0];
        raw.AsSpan(3 * cluster, cluster).Clear();
        using (var volume = Open(device))
        {
            var id = volume.CreateFile(volume.RootId, "secret", new MemoryStream(raw), null, MetadataChange.None);
            volume.SetExtendedAttribute(id, "user.ntfs.efsinfo", Keys);
            volume.Commit();
            Assert.Equal(5 * cluster + 9000, volume.GetMetadata(id).Length);
            Assert.NotEqual(DosAttributes.None, volume.GetMetadata(id).DosAttributes!.Value & DosAttributes.Sparse);
        }
        NtfsCheck.AssertClean(device);
        using var own = EfsMaker.Certificate();
        using var read = NtfsVolume.Open(device, new VolumeOptions { RawEncrypted = true });
        var file = read.OpenFile(read.Find("/secret").Id);
        var content = file.Open(NtfsAttributeType.Data)!;
        Assert.Equal(5 * cluster, content.Initialized);
        Assert.Equal(7 * cluster, content.Allocated);
        using (var stream = read.Find("/secret").OpenRead())
        {
            var again = new byte[stream.Length];
            stream.ReadExactly(again);
            Assert.Equal(raw, again);
            Assert.Equal([(0, 3 * cluster), (4 * cluster, cluster), (raw.Length - 2, 2)], stream.DataRanges().Select(r => ((int)r.Offset, (int)r.Length)));
        }
        using var key = NtfsFileKey.TryParse([32, 0, 0, 0, 0, 1, 0, 0, 0x10, 0x66, 0, 0, 0, 0, 0, 0, .. FileKey])!;
        using var decrypted = new NtfsEncryptedStream(content, key);
        var bytes = new byte[decrypted.Length];
        decrypted.ReadExactly(bytes);
        Assert.Equal([.. plain, .. new byte[9000]], bytes);
        Assert.Equal([(0, 3 * cluster), (4 * cluster, cluster)], decrypted.DataRanges().Select(r => ((int)r.Offset, (int)r.Length)));
    }

    [Fact]
    public void Encrypted_content_in_the_record_is_told_and_not_read()
    {
        var device = NtfsFixture.Empty("-c 4096", 4 << 20);
        using (var volume = Open(device))
        {
            volume.CreateFile(volume.RootId, "secret", new MemoryStream([1, 2, 3]), null, MetadataChange.None);
            volume.Commit();
        }
        Encrypt(device);
        Assert.Contains(new NtfsType().Check(device, CheckOptions.Default).Findings, f => f.Code == "NTFS-0218");
        using var raw = NtfsVolume.Open(device, new VolumeOptions { RawEncrypted = true });
        Assert.Equal("NTFS-0218", Assert.Throws<DiskFormatException>(() => raw.Find("/secret").OpenRead()).Code);
    }

    [Fact]
    public void A_raw_copy_keeps_encrypted_files_through_volumes_folders_and_archives()
    {
        using var folder = new Testing.TempFolder();
        var (first, second, third) = (NtfsFixture.Empty("-c 4096", 8 << 20), NtfsFixture.Empty("-c 512", 8 << 20), NtfsFixture.Empty("-c 1024", 8 << 20));
        var options = new VolumeOptions { RawEncrypted = true };
        using (var volume = Open(first))
        {
            var directory = volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None);
            foreach (var length in new[] { 0, 700, 50_000, 3_000_000 })
            {
                var id = volume.CreateFile(directory, $"f{length}", new MemoryStream(Raw(length)), null, new MetadataChange { Modified = new Timestamp(1_000_000_000) });
                using (var stream = volume.OpenWrite(id, StreamName.Named("second")))
                    stream.WriteAt(0, Raw(600));
                volume.SetExtendedAttribute(id, "user.ntfs.efsinfo", Keys);
            }
            volume.SetExtendedAttribute(directory, "user.ntfs.efsinfo", Keys);
            volume.CreateFile(directory, "plain", new MemoryStream([1, 2, 3]), null, MetadataChange.None);
            volume.Commit();
        }
        var before = Outline(first);
        Assert.Equal(6, before.Split("efsinfo").Length);
        CopyTo(first, second);
        using (var volume = NtfsVolume.Open(first, options))
        using (var source = VolumeTreeSource.Content(volume))
        {
            using var host = new HostTreeSink(folder.File("host"));
            Done(TreeCopier.Copy(source, host, CopyOptions.Default));
        }
        using (var volume = new NtfsType().OpenForEditing(third, options))
        using (var source = TreeSources.Open(folder.File("host")))
        {
            Done(TreeCopier.Copy(source, new VolumeTreeSink(volume), CopyOptions.Default));
            volume.Commit();
        }
        Assert.Equal(before, Outline(second));
        Assert.Equal(before, Outline(third));
        NtfsCheck.AssertClean(second);
        NtfsCheck.AssertClean(third);

        // A file whose keys do not fit it is told, and the others are copied.
        Testing.Tool.Expect("setfattr", "-n", "user.ntfs.efsinfo", "-v", "0x" + Convert.ToHexString(Keys), folder.File("host/dir/plain"));
        using (var volume = new NtfsType().OpenForEditing(NtfsFixture.Empty("-c 4096", 8 << 20), options))
        using (var source = TreeSources.Open(folder.File("host")))
        {
            var report = TreeCopier.Copy(source, new VolumeTreeSink(volume), CopyOptions.Default);
            Assert.Equal("/dir/plain", Assert.Single(report.Problems).Path);
        }

        void CopyTo(ScratchDevice from, ScratchDevice to)
        {
            using var source = NtfsVolume.Open(from, options);
            using var tree = VolumeTreeSource.Content(source);
            using var target = new NtfsType().OpenForEditing(to, options);
            Done(TreeCopier.Copy(tree, new VolumeTreeSink(target), CopyOptions.Default));
            target.Commit();
        }

        static void Done(CopyReport report) => Assert.Empty(report.Problems);
    }

    // Names, times, raw contents, streams, keys.
    private static string Outline(ScratchDevice device) => VolumeOutline.Of(device, new NtfsType(), (volume, entry, content) =>
        $"{volume.GetMetadata(entry.Id).Length} {(entry.Kind == EntryKind.File ? volume.GetMetadata(entry.Id).Modified : null)} {content} "
        + string.Join(' ', volume.GetStreams(entry.Id).Select(s => $"{s.Name}={s.Length}")) + " "
        + string.Join(' ', volume.GetExtendedAttributes(entry.Id).Select(a => $"{a.Key}={Convert.ToHexString(a.Value)}")), "");

    private static byte[] Keys { get; } = EfsMaker.Keys(EfsCipher.Aes256, FileKey);

    private static byte[] FileKey => new byte[32];

    private static byte[] Raw(int length) => EfsMaker.Raw(EfsCipher.Aes256, FileKey, ConformanceCase.Bytes(length));

    private static EditableVolume Open(ScratchDevice device) => new NtfsType().OpenForEditing(device, VolumeOptions.Default);

    // As Windows leaves one: the data with the flag, the keys in $EFS, the attribute. (What is in it is not encrypted, which nobody can tell.)
    private static ScratchDevice Made()
    {
        var device = NtfsFixture.Empty("-c 4096", 4 << 20);
        using (var volume = Open(device))
        {
            volume.CreateFile(volume.RootId, "secret", new MemoryStream(ConformanceCase.Bytes(Length)), null, MetadataChange.None);
            volume.Commit();
        }
        Encrypt(device);
        NtfsCheck.AssertClean(device);
        return device;
    }

    /// <summary>Marks the file /secret so.</summary>
    internal static void Encrypt(ScratchDevice device)
    {
        var changes = new NtfsChanges(device);
        var edited = NtfsVolume.Open(changes, VolumeOptions.Default);
        var state = new NtfsEditState(edited, changes, VolumeOptions.Default);
        state.Begin();
        var file = state.File(new NtfsReference(edited.Find("/secret").Id.Value));
        var data = file.Find(NtfsAttributeType.Data)!;
        var bytes = data.Bytes!.ToArray();
        bytes[NtfsAttributeHeader.FlagsOffset + 1] |= 0x40;
        file.Replace(data, bytes);
        file.OpenOrCreate(NtfsAttributeType.LoggedUtilityStream, "$EFS").Write(0, Keys);
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) => information.Attributes |= (uint)DosAttributes.Encrypted);
        var names = new NtfsNames(state);
        names.MarkStale(file);
        names.RefreshStale(names.Stale());
        state.Store();
        state.Keep();
        state.Commit();
    }
}
