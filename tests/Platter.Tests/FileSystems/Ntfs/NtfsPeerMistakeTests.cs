using System.Buffers.Binary;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>What other writers of NTFS are known to have got wrong, each looked at in the bytes. Large directories, fragmented files, the MFT's own list, short
/// names' own rules, links' forms and inheritance have tests of their own beside these.</summary>
public class NtfsPeerMistakeTests
{
    private readonly NtfsFixture _fixture = NtfsLayouts.Of(4096);

    [Fact]
    public void What_lies_behind_the_volume_on_a_longer_device_is_left_alone()
    {
        var empty = NtfsFixture.Empty("-c 4096", 8 << 20);
        var device = new ScratchDevice((8 << 20) + 100_000);
        var bytes = new byte[8 << 20];
        empty.Read(0, bytes);
        device.Write(0, bytes);
        var foreign = ConformanceCase.Bytes(100_000, 77);
        device.Write(8 << 20, foreign);
        device.Flush();
        var type = new NtfsType();
        using (var volume = type.OpenForEditing(device, VolumeOptions.Default))
        {
            volume.SetLabel("Longer");
            volume.CreateFile(volume.RootId, "all of it", new MemoryStream(new byte[volume.FreeBytes - 100_000]), null, MetadataChange.None);
            volume.Commit();
        }
        var behind = new byte[foreign.Length];
        device.Read(8 << 20, behind);
        Assert.Equal(foreign, behind);
        var (boot, copy) = (new byte[512], new byte[512]);
        device.Read(0, boot);
        device.Read(BinaryPrimitives.ReadInt64LittleEndian(boot.AsSpan(0x28)) * 512, copy);
        Assert.Equal(boot, copy);
        Assert.True(type.Check(device, CheckOptions.Default).IsClean);
    }

    [Theory]
    [InlineData("-c 4096", (8 << 20) + 3 * 512)]
    [InlineData("-c 65536", (40 << 20) + 5 * 4096)]
    [InlineData("-c 512", (8 << 20) + 512)]
    public void Bits_behind_the_last_cluster_are_ones_and_no_such_cluster_is_taken(string arguments, long length)
    {
        var device = NtfsFixture.Empty(arguments, length);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            for (var i = 0; volume.FreeBytes > 300_000; i++)
                volume.CreateFile(volume.RootId, $"{i}", new MemoryStream(ConformanceCase.Bytes((int)Math.Min(1_000_000, volume.FreeBytes - 200_000))), null, MetadataChange.None);
            volume.Commit();
        }
        using var read = NtfsVolume.Open(device, VolumeOptions.Default);
        var bitmap = read.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!.ReadAll(1 << 20, "NTFS-0112");
        Assert.Equal(0, bitmap.Length % 8);
        for (var cluster = read.Geometry.ClusterCount; cluster < bitmap.Length * 8L; cluster++)
            Assert.True((bitmap[cluster >> 3] & 1 << (int)(cluster & 7)) != 0, $"cluster {cluster} of {read.Geometry.ClusterCount}");
        Assert.True(new NtfsType().Check(device, CheckOptions.Default).IsClean);
    }

    [Fact]
    public void Sequence_numbers_go_up_with_every_file_that_a_record_is_given_to_and_those_of_the_system_stay()
    {
        using var volume = _fixture.Create(_fixture.Length);
        Assert.Equal(5UL << 48 | 5, volume.RootId.Value);
        var seen = new List<ushort>();
        long? record = null;
        for (var i = 0; i < 5; i++)
        {
            var reference = new NtfsReference(volume.CreateFile(volume.RootId, "again", MetadataChange.None).Value);
            Assert.Equal(record ?? reference.Record, reference.Record);
            Assert.True(reference.Record >= 24);
            record = reference.Record;
            seen.Add(reference.Sequence);
            volume.Delete(volume.RootId, "again");
            volume.Commit();
        }
        Assert.Equal(Enumerable.Range(seen[0], 5).Select(s => (ushort)s), seen);
        using var read = NtfsVolume.Open(_fixture.Device, VolumeOptions.Default);
        for (var i = 0; i < 16; i++)
            Assert.Equal(Math.Max(1, i), read.Mft.Read(i).Header.SequenceNumber);
        Sound();
    }

    [Fact]
    public void Records_are_made_before_they_count_in_lengths_of_eight_and_their_guard_changes_with_every_write()
    {
        using var volume = _fixture.Create(_fixture.Length);
        for (var i = 0; i < 300; i++)
            volume.CreateFile(volume.RootId, $"a file with a name {i}", new MemoryStream(new byte[i]), i, MetadataChange.None);
        volume.Commit();
        var id = volume.Find("/a file with a name 200").Id;
        var guards = new HashSet<ushort> { Guard() };
        for (var i = 0; i < 3; i++)
        {
            volume.SetMetadata(id, new MetadataChange { Modified = new Timestamp(1_000_000 + i) });
            volume.Commit();
            Assert.True(guards.Add(Guard()));
        }
        using var read = NtfsVolume.Open(_fixture.Device, VolumeOptions.Default);
        Assert.True(read.Mft.Count > 320);
        for (var number = 0L; number < read.Mft.Count; number++)
        {
            // Every one has its magic, its guards, its number.
            var record = read.Mft.Load(number, out var problem, out _);
            Assert.Null(problem);
            Assert.Equal(0U, record.Header.BytesInUse % 8);
            // mkntfs leaves 0 in those that it does not use.
            Assert.True(record.Header.RecordNumber == (uint)number || (number < 64 && !record.IsInUse), $"record {number} has the number {(uint)record.Header.RecordNumber}");
        }
        Sound();

        ushort Guard()
        {
            using var now = NtfsVolume.Open(_fixture.Device, VolumeOptions.Default);
            var bytes = new byte[1024];
            _fixture.Device.Read(now.Mft.Read(new NtfsReference(id.Value)).Offset, bytes);
            return BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(4))));
        }
    }

    [Fact]
    public void The_number_that_tells_the_files_of_a_record_apart_leaves_out_zero_when_it_starts_again()
    {
        NodeId id;
        using (var volume = _fixture.Create(_fixture.Length))
        {
            id = volume.CreateFile(volume.RootId, "file", MetadataChange.None);
            volume.Delete(volume.RootId, "file");
            volume.Commit();
        }
        var record = new NtfsReference(id.Value).Record;
        SetSequence(record, ushort.MaxValue);
        using (var volume = _fixture.Reopen())
        {
            var last = new NtfsReference(volume.CreateFile(volume.RootId, "last", MetadataChange.None).Value);
            Assert.Equal((record, ushort.MaxValue), (last.Record, last.Sequence));
            volume.Commit();
            Sound();
            volume.Delete(volume.RootId, "last");
            var first = new NtfsReference(volume.CreateFile(volume.RootId, "first", MetadataChange.None).Value);
            Assert.Equal((record, (ushort)1), (first.Record, first.Sequence));
            Assert.Throws<FileNotFoundException>(() => volume.GetMetadata(new NodeId(last.Raw)));
            volume.Commit();
        }
        Sound();

        void SetSequence(long number, ushort sequence)
        {
            using var volume = NtfsVolume.Open(_fixture.Device, VolumeOptions.Default);
            var place = volume.Mft.OffsetOf(number * 1024);
            _fixture.Device.Write(place + 16, BitConverter.GetBytes(sequence));
            _fixture.Device.Flush();
        }
    }

    [Fact]
    public void Halves_of_surrogate_pairs_are_names_that_are_looked_up_moved_and_taken_away_like_any_other()
    {
        string[] names = ["\uD83D", "\uDE00", "\uDE00\uD83D", "\uD83D\uDE00", "a\uD800b", "a\uDFFFb", "A\uD800B.TXT"];
        using (var volume = _fixture.Create(_fixture.Length))
        {
            for (var i = 0; i < 40; i++)
                volume.CreateFile(volume.RootId, $"{(char)(0xD7F0 + i)} {i}", MetadataChange.None);
            foreach (var name in names)
                volume.CreateFile(volume.RootId, name, new MemoryStream([.. name.Select(c => (byte)c)]), null, MetadataChange.None);
            Assert.Throws<AlreadyExistsException>(() => volume.CreateFile(volume.RootId, "A\uD800B", MetadataChange.None));
            volume.Commit();
        }
        Sound();
        using (var volume = _fixture.Reopen())
        {
            foreach (var name in names)
            {
                using var stream = volume.OpenRead(volume.Find("/" + name).Id, StreamName.Data);
                Assert.Equal(name.Length, stream.Length);
            }
            Assert.True(volume.TryLookup(volume.RootId, "A\uD800B", out _));
            var directory = volume.CreateDirectory(volume.RootId, "\uDC00", MetadataChange.None);
            foreach (var name in names)
                volume.Rename(volume.RootId, name, directory, name + "\uD800", replace: false);
            volume.CreateHardLink(volume.Find("/\uDC00/\uD83D\uD800").Id, volume.RootId, "\uD83D");
            volume.Commit();
            Assert.Equal(names.Select(n => n + "\uD800").Order(StringComparer.Ordinal), volume.Enumerate(directory).Select(e => e.Name).Order(StringComparer.Ordinal));
        }
        Sound();
        using (var volume = _fixture.Reopen())
        {
            volume.DeleteRecursively(volume.RootId, "\uDC00");
            volume.Delete(volume.RootId, "\uD83D");
            volume.Commit();
            Assert.Equal(40, volume.Enumerate(volume.RootId).Count());
        }
        Sound();
    }

    [Theory]
    [InlineData("Ärger", "äRGER")]
    [InlineData("ÉTÉ", "été")]
    [InlineData("ΣΊΣΥΦΟΣ", "σίσυφοσ")]
    [InlineData("ЁЛКА", "ёлка")]
    [InlineData("ﬀ", null)]
    [InlineData("straße", "STRAßE")]
    public void Names_that_differ_by_case_are_one_in_every_script(string name, string? other)
    {
        using var volume = _fixture.Create(_fixture.Length);
        var id = volume.CreateFile(volume.RootId, name, MetadataChange.None);
        Assert.False(volume.TryLookup(volume.RootId, "FF", out _));
        if (other is not null)
        {
            Assert.True(volume.TryLookup(volume.RootId, other, out var found));
            Assert.Equal(id, found);
            Assert.Throws<AlreadyExistsException>(() => volume.CreateFile(volume.RootId, other, MetadataChange.None));
            volume.Rename(volume.RootId, name, volume.RootId, other, replace: false);
            Assert.Equal([other], volume.Enumerate(volume.RootId).Select(e => e.Name));
        }
        volume.Commit();
        Sound();
    }

    [Fact]
    public void One_of_two_links_in_a_directory_goes_alone_and_a_long_name_takes_its_short_one_along()
    {
        using var volume = _fixture.Create(_fixture.Length);
        volume.CreateFile(volume.RootId, "kept", MetadataChange.None);
        // The MFT grows once.
        volume.CreateFile(volume.RootId, "gone", MetadataChange.None);
        volume.Delete(volume.RootId, "gone");
        volume.Commit();
        var free = volume.FreeBytes;
        var id = volume.CreateFile(volume.RootId, "first long name.text", new MemoryStream(ConformanceCase.Bytes(50_000)), null, MetadataChange.None);
        volume.SetExtendedAttribute(id, "user.ntfs.short_name", "*"u8.ToArray());
        volume.CreateHardLink(id, volume.RootId, "second");
        volume.Commit();
        Assert.Equal((2, "FIRSTL~1.TEX"), (volume.GetMetadata(id).LinkCount, volume.GetMetadata(id).ShortName));
        Assert.Equal(3, Record().Header.LinkCount);
        volume.Delete(volume.RootId, "second");
        volume.Commit();
        Assert.Equal((1, 2), (volume.GetMetadata(id).LinkCount!.Value, (int)Record().Header.LinkCount));
        Assert.True(volume.TryFind("/FIRSTL~1.TEX", out _));
        Sound();
        volume.CreateHardLink(id, volume.RootId, "second");
        volume.Delete(volume.RootId, "firstl~1.tex");
        Assert.Equal(["kept", "second"], volume.Enumerate(volume.RootId).Select(e => e.Name));
        Assert.Equal(50_000, volume.Find("/second").Length);
        volume.Commit();
        Assert.Equal(1, Record().Header.LinkCount);
        Sound();
        volume.Delete(volume.RootId, "second");
        volume.Commit();
        Assert.Equal(free, volume.FreeBytes);
        Sound();

        NtfsRecord Record()
        {
            using var read = NtfsVolume.Open(_fixture.Device, VolumeOptions.Default);
            return read.Mft.Read(new NtfsReference(id.Value));
        }
    }

    [Fact]
    public void A_new_file_has_all_four_times_and_its_names_have_what_its_record_has()
    {
        using var volume = _fixture.Create(_fixture.Length);
        var id = volume.CreateFile(volume.RootId, "file", new MemoryStream([1, 2, 3, 4, 5]), 5, new MetadataChange { Created = new Timestamp(1_000_000_000) });
        volume.CreateHardLink(id, volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None), "link");
        volume.Commit();
        using var read = NtfsVolume.Open(_fixture.Device, VolumeOptions.Default);
        var file = read.OpenFile(id);
        Assert.True(file.TryFind(NtfsAttributeType.StandardInformation, "", out _, out var attribute));
        var information = OnDisk.View<NtfsStandardInformation>(attribute.Value);
        Assert.Equal(1_000_000_000, NtfsTimes.Decode(information.Created).UnixSeconds);
        var now = Timestamp.From(_fixture.Clock.GetUtcNow());
        foreach (var time in new[] { information.Modified, information.Changed, information.Accessed })
            Assert.Equal(now.UnixSeconds, NtfsTimes.Decode(time).UnixSeconds);
        foreach (var (parent, name) in new[] { (read.RootId, "file"), (read.Find("/dir").Id, "link") })
        {
            var entry = read.OpenIndex(read.OpenFile(parent), NtfsDirectory.IndexName)!.Entries().Single(e => NtfsCollation.NameOf(e.Key).SequenceEqual(name));
            var copy = OnDisk.View<NtfsFileName>(entry.Key);
            Assert.Equal(((ulong)information.Created, (ulong)information.Changed), ((ulong)copy.Created, (ulong)copy.Changed));
            Assert.Equal(((ulong)information.Modified, (ulong)information.Accessed), ((ulong)copy.Modified, (ulong)copy.Accessed));
            // In the record: the length rounded up to 8, not to clusters.
            Assert.Equal((5UL, 8UL), ((ulong)copy.DataSize, (ulong)copy.AllocatedSize));
        }
        Sound();
    }

    [Fact]
    public void Lines_of_attribute_lists_have_their_names_where_Windows_looks_for_them()
    {
        using var volume = _fixture.Create(_fixture.Length);
        var id = volume.CreateFile(volume.RootId, "file", MetadataChange.None);
        for (var i = 0; i < 60; i++)
        {
            using var stream = volume.OpenWrite(id, StreamName.Named($"stream of a longer name {i}"));
            stream.WriteAt(0, ConformanceCase.Bytes(40));
        }
        volume.Commit();
        using var read = NtfsVolume.Open(_fixture.Device, VolumeOptions.Default);
        Assert.True(read.OpenFile(id).Base.TryFind(NtfsAttributeType.AttributeList, "", out var attribute));
        var list = attribute.IsResident ? attribute.Value.ToArray() : Clusters(read, attribute);
        var named = 0;
        for (var at = 0; at < list.Length;)
        {
            ref readonly var line = ref OnDisk.View<NtfsAttributeListEntry>(list, at);
            Assert.Equal((0x1A, 0, 0U), (line.NameOffset, line.Length % 8, (uint)at % 8));
            Assert.Equal(0x1A + 2 * line.NameLength + 7 & ~7, (int)line.Length);
            named += line.NameLength > 0 ? 1 : 0;
            at += line.Length;
        }
        Assert.Equal(60, named);
        Sound();
    }

    [Fact]
    public void A_bitmap_in_pieces_is_changed_where_its_pieces_are()
    {
        var device = NtfsFixture.Empty("-c 512", 8 << 20);
        long oldPlace, newPlace, firstPlace;
        {
            var changes = new NtfsChanges(device);
            using var volume = NtfsVolume.Open(changes, VolumeOptions.Default);
            var state = new NtfsEditState(volume, changes, VolumeOptions.Default);
            state.Begin();
            var bitmap = state.File(new NtfsReference(NtfsMft.BitmapRecord, 0)).Open(NtfsAttributeType.Data)!;
            Assert.Equal((1, 4L), (bitmap.Runs.Count, bitmap.Runs.End));
            oldPlace = bitmap.Runs[0].Lcn + 2;
            bitmap.Runs.Replace(2, 2, NtfsRun.Hole);
            bitmap.Allocate(2, 4, 0, 0);
            bitmap.SetSizes(bitmap.Length);
            state.Space.Release(oldPlace, 2);
            state.Store();
            state.Keep();
            state.Commit();
            newPlace = bitmap.Runs[1].Lcn;
            firstPlace = bitmap.Runs[0].Lcn;
        }
        // The second half goes to its new place; the first one has the bits of both.
        var half = new byte[1024];
        device.Read(oldPlace * 512, half);
        device.Write(newPlace * 512, half);
        device.Read(firstPlace * 512, half);
        for (var i = 0; i < 2; i++)
        {
            half[oldPlace + i >> 3] &= (byte)~(1 << (int)(oldPlace + i & 7));
            half[newPlace + i >> 3] |= (byte)(1 << (int)(newPlace + i & 7));
        }
        device.Write(firstPlace * 512, half);
        device.Flush();
        var type = new NtfsType();
        using (var volume = type.OpenForEditing(device, VolumeOptions.Default))
        {
            var clean = type.Check(device, CheckOptions.Default);
            Assert.True(clean.IsClean, string.Join('\n', clean.Findings.Take(5)));
            for (var i = 0; volume.FreeBytes > 100_000; i++)
                volume.CreateFile(volume.RootId, $"{i}", new MemoryStream(ConformanceCase.Bytes((int)Math.Min(700_000, volume.FreeBytes - 50_000), i)), null, MetadataChange.None);
            volume.Commit();
            for (var i = 0; volume.TryFind($"/{i}", out _); i += 2)
                volume.Delete(volume.RootId, $"{i}");
            volume.Commit();
        }
        using var read = NtfsVolume.Open(device, VolumeOptions.Default);
        Assert.Equal(2, read.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!.Runs.Count);
        var report = type.Check(device, CheckOptions.Default);
        Assert.True(report.IsClean, string.Join('\n', report.Findings.Take(5)));
        Assert.Null(NtfsFixture.Complaint(device));
    }

    private byte[] Clusters(NtfsVolume volume, in NtfsAttribute attribute)
    {
        var runs = new NtfsRunList();
        Assert.Null(runs.Decode(attribute.RunBytes, attribute.EndVcn, volume.Geometry.ClusterCount));
        return NtfsContent.OfRuns(_fixture.Device, volume.Geometry, "", attribute, runs).ReadAll(NtfsAttributeListEntry.MaxListLength, "NTFS-0110");
    }

    private void Sound()
    {
        Assert.Empty(_fixture.Check()!.Findings);
        Assert.Null(_fixture.Judge());
    }
}
