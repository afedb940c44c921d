using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
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
            // Whole sectors, the last one behind the length, too.
            var bytes = new byte[20 * 512];
            Assert.Equal(bytes.Length, stream.Length);
            Assert.Equal(bytes.Length, stream.ReadAt(0, bytes));
            Assert.Equal(ConformanceCase.Bytes(Length), bytes[..Length]);
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

    private static byte[] Keys => ConformanceCase.Bytes(600, 3);

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
        NtfsCheck.AssertClean(device);
    }
}
