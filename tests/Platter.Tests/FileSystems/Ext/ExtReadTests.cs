using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing.Blocks;
using Platter.Testing.Ext;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>The contract of <see cref="Volume"/> on ext: finding, listing, metadata, content.</summary>
public class ExtReadTests
{
    public static TheoryData<string> Kinds => ["ext2", "plain", "ext4", "inline", "bigalloc"];

    [Theory, MemberData(nameof(Kinds))]
    public void Names_are_found_as_they_are_listed(string kind)
    {
        using var volume = Case(kind).Open();
        foreach (var directory in (string[])["/", "/dir", "/many"])
        {
            var node = volume.Find(directory);
            var entries = volume.Enumerate(node.Id).ToList();
            Assert.NotEmpty(entries);
            Assert.DoesNotContain(entries, e => e.Name is "." or "..");
            foreach (var entry in entries)
            {
                Assert.True(volume.TryLookup(node.Id, entry.Name, out var id), entry.Name);
                Assert.Equal(entry.Id, id);
                Assert.Equal(entry.Kind, volume.GetMetadata(id).Kind);
            }
        }
        Assert.Equal(200, volume.Find("/many").Entries.Count());
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_is_not_there_is_not_found(string kind)
    {
        using var volume = Case(kind).Open();
        foreach (var name in (string[])["missing", "", ".", "..", new string('x', 255), new string('x', 256), "name-of-a-pipe-1 ", "NAME-OF-A-PIPE-1", "a/b"])
        {
            Assert.False(volume.TryLookup(volume.Find("/many").Id, name, out _), name);
            Assert.False(volume.TryLookup(volume.RootId, name, out _), name);
        }
        Assert.False(volume.TryFind("/small/below", out _));
        Assert.Contains("/dir/no", Assert.Throws<FileNotFoundException>(() => volume.Find("/dir/no/where")).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => volume.TryLookup(volume.Find("/small").Id, "x", out _));
        Assert.Throws<DirectoryNotFoundException>(() => volume.Enumerate(volume.Find("/small").Id));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Content_is_read_at_any_place_and_holes_are_zeros(string kind)
    {
        using var volume = Case(kind).Open();
        var whole = Enumerable.Range(0, 60_000).Select(i => (byte)(i * 7 >> 2)).ToArray();
        var holes = whole.ToArray();
        for (var block = 0; block < 40; block += 2)
            holes.AsSpan(block * 1024, 1024).Clear();
        foreach (var (path, expected) in ((string, byte[])[])[("/file", whole), ("/holes", holes)])
        {
            using var stream = volume.Find(path).OpenRead();
            Assert.Equal(expected.Length, stream.Length);
            foreach (var (offset, length) in ((int, int)[])[(0, 60_000), (0, 1), (1023, 2), (1024, 1024), (5000, 40_000), (59_999, 100), (60_000, 1)])
            {
                var buffer = new byte[length];
                var count = stream.ReadAt(offset, buffer);
                Assert.Equal(Math.Max(0, Math.Min(length, expected.Length - offset)), count);
                Assert.Equal(expected.AsSpan(offset, count), buffer.AsSpan(0, count));
            }
            Assert.False(stream.CanWrite);
            Assert.Throws<NotSupportedException>(() => stream.WriteAt(0, [1]));
            Assert.Throws<ArgumentOutOfRangeException>(() => stream.ReadAt(-1, new byte[1]));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Extents_and_data_ranges_say_where_content_is(string kind)
    {
        var test = Case(kind);
        using var volume = test.Open();
        using var stream = volume.Find("/holes").OpenRead();
        var at = 0L;
        var bytes = new byte[60_000];
        foreach (var extent in stream.Extents())
        {
            Assert.Equal(at, extent.StreamOffset);
            if (extent.DeviceOffset >= 0)
                test.Device.Read(extent.DeviceOffset, bytes.AsSpan((int)at, (int)extent.Length));
            at += extent.Length;
        }
        Assert.Equal(60_000, at);
        var found = new byte[60_000];
        Assert.Equal(60_000, stream.ReadAt(0, found));
        Assert.Equal(found, bytes);
        var ranges = stream.DataRanges().ToList();
        Assert.Equal(new ByteRange(1024, 1024), ranges[0]);
        Assert.Equal(60_000 - 20 * 1024, ranges.Sum(r => r.Length));
        foreach (var range in ranges)
            found.AsSpan((int)range.Offset, (int)range.Length).Clear();
        Assert.False(found.AsSpan().ContainsAnyExcept((byte)0));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Links_devices_and_attributes_are_what_debugfs_made(string kind)
    {
        using var volume = Case(kind).Open();
        Assert.Equal("target", volume.Find("/short").Metadata.LinkTarget);
        Assert.Equal(new string('t', 100), volume.Find("/long").Metadata.LinkTarget);
        Assert.Equal(new DeviceNumber(5, 1), volume.Find("/device").Metadata.Device);
        Assert.Equal(EntryKind.CharacterDevice, volume.Find("/device").Kind);
        Assert.Equal(volume.Find("/small").Id, volume.Find("/hard").Id);
        Assert.Equal(2, volume.Find("/small").Metadata.LinkCount);
        var attributes = volume.GetExtendedAttributes(volume.Find("/small").Id);
        Assert.Equal("value"u8.ToArray(), attributes["user.name"]);
        Assert.Equal("another"u8.ToArray(), attributes["user.second"]);
        Assert.Equal(2, attributes.Count);
        Assert.Equal(Enumerable.Range(0, 500).Select(i => (byte)i), volume.GetExtendedAttributes(volume.Find("/dir").Id)["user.large"]);
        Assert.Throws<UnauthorizedAccessException>(() => volume.OpenRead(volume.Find("/device").Id, StreamName.Data));
        Assert.Throws<UnauthorizedAccessException>(() => volume.OpenRead(volume.RootId, StreamName.Data));
        Assert.Throws<FileNotFoundException>(() => volume.OpenRead(volume.Find("/small").Id, StreamName.ResourceFork));
        Assert.Empty(volume.GetStreams(volume.Find("/small").Id));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_allocated_ranges_hold_all_that_is_read(string kind)
    {
        var test = Case(kind);
        using var volume = test.Open();
        var copy = new MemoryDevice(test.Device.Length);
        var used = 0L;
        foreach (var range in volume.AllocatedRanges())
        {
            test.Device.Read(range.Offset, copy.Bytes.AsSpan((int)range.Offset, (int)range.Length));
            used += range.Length;
        }
        Assert.Equal(test.Device.Length, used + volume.FreeBytes);
        using var copied = ExtVolume.Open(copy, VolumeOptions.Default);
        Assert.Equal(ExtListing.Read(volume, []), ExtListing.Read(copied, []));
    }

    [Fact]
    public void A_closed_stream_says_so()
    {
        using var volume = ExtCase.Ext4().Open();
        var stream = volume.Find("/file").OpenRead();
        stream.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.ReadAt(0, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => stream.Length);
    }

    [Fact]
    public void Opening_reads_no_more_than_the_superblock()
    {
        var device = new CountingDevice(ExtCase.Ext4().Device);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        Assert.Equal(1024, device.BytesRead);
        _ = volume.Info;
        Assert.Equal(1024, device.BytesRead);
    }

    [Fact]
    public void Times_before_1970_and_after_2038_keep_their_nanoseconds()
    {
        var test = ExtCase.Plain();
        test.InodeBytes(test.Number("/small"), b =>
        {
            OnDisk.Edit<ExtInodeRecord>(b).ModifyTime = unchecked((uint)-2);                        // 1969-12-31T23:59:58
            OnDisk.Edit<ExtInodeExtra>(b, 128).ModifyTimeExtra = 500_000_000u << 2;
            OnDisk.Edit<ExtInodeRecord>(b).ChangeTime = 0x80000000;                                 // with one step of 2^32 s: 2038-01-19T03:14:08
            OnDisk.Edit<ExtInodeExtra>(b, 128).ChangeTimeExtra = 123_456_789u << 2 | 1;
            OnDisk.Edit<ExtInodeRecord>(b).AccessTime = 0x7FFFFFFF;                                 // the last one: 2446-05-10T22:38:55
            OnDisk.Edit<ExtInodeExtra>(b, 128).AccessTimeExtra = 999_999_999u << 2 | 3;
        });
        using var volume = test.Open();
        var metadata = volume.Find("/small").Metadata;
        Assert.Equal("1969-12-31T23:59:58.5Z", metadata.Modified.ToString());
        Assert.Equal("2038-01-19T03:14:08.123456789Z", metadata.Changed.ToString());
        Assert.Equal("2446-05-10T22:38:55.999999999Z", metadata.Accessed.ToString());
        Assert.Equal(metadata.Accessed, volume.Capabilities.Accessed!.Value.Last);
        using var old = ExtCase.Ext2().Inode("/small", (ref ExtInodeRecord r) => r.ModifyTime = 0x80000000).Open();
        Assert.Equal("1901-12-13T20:45:52Z", old.Find("/small").Metadata.Modified.ToString());
        Assert.Null(old.Find("/small").Metadata.Created);
    }

    [Fact]
    public void Owners_have_32_bits_and_modes_twelve()
    {
        using var volume = ExtCase.Plain().Inode("/small", (ref ExtInodeRecord r) =>
        {
            (r.UserLo, r.UserHigh, r.GroupLo, r.GroupHigh, r.Mode) = (0x1234, 0xABCD, 0xFFFE, 0xFFFF, 0x8FFF);
        }).Open();
        var metadata = volume.Find("/small").Metadata;
        Assert.Equal((0xABCD1234u, 0xFFFFFFFEu, 0xFFF), (metadata.UserId, metadata.GroupId, metadata.Mode!.Value));
    }

    [Fact]
    public void Names_that_are_no_text_survive()
    {
        var test = ExtCase.Ext4();
        test.DirectoryBlock("/dir", 0, b => ((ReadOnlySpan<byte>)[0xFF, 0x80, (byte)'x']).CopyTo(b.AsSpan(32)));
        using var volume = test.Open();
        var entry = volume.Enumerate(volume.Find("/dir").Id).First();
        Assert.StartsWith("\uDCFF\uDC80x", entry.Name, StringComparison.Ordinal);
        Assert.True(volume.TryLookup(volume.Find("/dir").Id, entry.Name, out var id));
        Assert.Equal(entry.Id, id);
        Assert.Equal([0xFF, 0x80, (byte)'x'], EscapedUtf8.Encode(entry.Name)[..3]);
    }

    private static ExtCase Case(string kind) => kind switch
    {
        "ext2" => ExtCase.Ext2(),
        "plain" => ExtCase.Plain(),
        "inline" => ExtCase.Inline(),
        "bigalloc" => ExtCase.Bigalloc(),
        _ => ExtCase.Ext4(),
    };

    private sealed class CountingDevice(BlockDevice inner) : BlockDevice
    {
        public long BytesRead { get; private set; }
        public override long Length => inner.Length;
        public override bool CanWrite => false;

        public override void Flush()
        {
            // Nothing is written.
        }

        protected override void ReadCore(long offset, Span<byte> buffer)
        {
            BytesRead += buffer.Length;
            inner.Read(offset, buffer);
        }

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException();
    }
}
