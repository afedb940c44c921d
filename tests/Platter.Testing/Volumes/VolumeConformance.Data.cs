using Platter.Blocks;
using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// Content: sizes, offsets, growing and shrinking.
public abstract partial class VolumeConformance
{
    /// <summary>Sizes around each boundary, as "clusters * k + bytes" and "sectors * k + bytes".</summary>
    public static TheoryData<string, int, int> Boundaries
    {
        get
        {
            var data = new TheoryData<string, int, int> { { "bytes", 0, 1 }, { "bytes", 0, 2 } };
            foreach (var delta in new[] { -1, 0, 1 })
            {
                data.Add("sectors", 1, delta);
                foreach (var clusters in new[] { 1, 2, 7, 16, 33 })
                    data.Add("clusters", clusters, delta);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Boundaries))]
    public void A_file_of_this_size_is_made_overwritten_and_cut_off(string unit, int count, int delta) => Case(c =>
    {
        var size = SizeOf(c, unit, count, delta);
        c.File("/created", ConformanceCase.Bytes(size, 1));
        c.File("/written");
        c.Write("/written", 0, ConformanceCase.Bytes(size, 2));
        c.File("/zeros");
        c.SetLength("/zeros", size);
        c.File("/overwritten", ConformanceCase.Bytes(size, 3));
        c.Write("/overwritten", 0, ConformanceCase.Bytes(size, 4));
        c.File("/cut", ConformanceCase.Bytes(size + 3000, 5));
        c.SetLength("/cut", size);
        c.File("/emptied", ConformanceCase.Bytes(size, 6));
        c.SetLength("/emptied", 0);
    });

    [Theory]
    [MemberData(nameof(Boundaries))]
    public void A_file_of_this_size_is_appended_to(string unit, int count, int delta) => Case(c =>
    {
        var size = SizeOf(c, unit, count, delta);
        foreach (var (name, more) in new[] { ("one", 1), ("cluster", c.ClusterSize), ("much", 3 * c.ClusterSize + 5) })
        {
            c.File("/" + name, ConformanceCase.Bytes(size));
            c.Write("/" + name, size, ConformanceCase.Bytes(more, 2));
        }
    });

    [Theory]
    [MemberData(nameof(Boundaries))]
    public void Old_bytes_never_show_after_cutting_to_this_size_and_growing_again(string unit, int count, int delta) => Case(c =>
    {
        var size = SizeOf(c, unit, count, delta);
        var all = size + 4 * c.ClusterSize + 100;
        foreach (var name in new[] { "/grown", "/written behind" })
        {
            c.File(name, ConformanceCase.Bytes(all));
            c.SetLength(name, size);
        }
        c.Commit();
        c.SetLength("/grown", all);
        c.Write("/written behind", all, [7]);
    });

    [Fact]
    public void One_byte_at_a_time_makes_a_file() => Case(c =>
    {
        c.File("/file");
        for (var i = 0; i < 1200; i++)
            c.Write("/file", i, [(byte)(i | 1)]);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(4095)]
    [InlineData(9999)]
    public void Overwriting_in_the_middle_leaves_the_rest(int offset) => Case(c =>
    {
        foreach (var length in new[] { 1, 513, 5000 })
        {
            c.File($"/file {length}", ConformanceCase.Bytes(20_000));
            c.Write($"/file {length}", offset, ConformanceCase.Bytes(length, 2));
        }
    });

    [Fact]
    public void Overwriting_across_the_end_grows_the_file() => Case(c =>
    {
        c.File("/file", ConformanceCase.Bytes(5000));
        c.Write("/file", 4990, ConformanceCase.Bytes(3000, 2));
    });

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 100_000)]
    [InlineData(1, 100_000)]
    [InlineData(5000, 5001)]
    [InlineData(5000, 200_000)]
    public void Writing_past_the_end_leaves_zeros_between(int length, int offset) => Case(c =>
    {
        c.File("/old", ConformanceCase.Bytes(300_000, 9));
        c.Commit();
        c.Delete("/old");
        c.Commit();
        c.File("/file", ConformanceCase.Bytes(length));
        c.Write("/file", offset, ConformanceCase.Bytes(10, 2));
    });

    [Fact]
    public void Growing_shows_zeros_where_another_file_lay() => Case(c =>
    {
        c.File("/old", ConformanceCase.Bytes(c.Volume.FreeBytes / 2));
        c.Commit();
        c.Delete("/old");
        c.Commit();
        c.File("/new");
        c.SetLength("/new", 1_000_000);
    });

    [Fact]
    public void A_file_shrinks_and_grows_many_times() => Case(c =>
    {
        c.File("/file", ConformanceCase.Bytes(10_000));
        foreach (var length in new[] { 9_999, 5_000, 5_001, 20_000, 512, 511, 0, 1, 60_000, 1_024, 1_023, 30_000 })
            c.SetLength("/file", length);
        c.Write("/file", 29_000, ConformanceCase.Bytes(2_000, 3));
    });

    [Fact]
    public void Setting_the_same_length_changes_no_content() => Case(c =>
    {
        c.File("/file", ConformanceCase.Bytes(5000));
        c.SetLength("/file", 5000);
    });

    [Fact]
    public void Opening_for_writing_keeps_the_content() => Case(c =>
    {
        var id = c.File("/file", ConformanceCase.Bytes(5000));
        using var stream = c.Volume.OpenWrite(id, StreamName.Data);
        Assert.Equal(5000, stream.Length);
        Assert.Equal(0, stream.Position);
        Assert.True(stream.CanWrite && stream.CanRead && stream.CanSeek);
    });

    [Fact]
    public void Reading_past_the_end_gives_nothing() => Case(c =>
    {
        var id = c.File("/file", ConformanceCase.Bytes(1000));
        using var stream = c.Volume.OpenRead(id, StreamName.Data);
        var buffer = new byte[600];
        Assert.Equal(600, stream.ReadAt(0, buffer));
        Assert.Equal(400, stream.ReadAt(600, buffer));
        Assert.Equal(0, stream.ReadAt(1000, buffer));
        Assert.Equal(0, stream.ReadAt(1L << 40, buffer));
        Assert.Equal(0, stream.ReadAt(0, []));
    });

    [Fact]
    public void Reading_works_at_every_offset() => Case(c =>
    {
        var bytes = ConformanceCase.Bytes(3 * c.ClusterSize + 77);
        var id = c.File("/file", bytes);
        using var stream = c.Volume.OpenRead(id, StreamName.Data);
        var random = new Random(4);
        for (var i = 0; i < 300; i++)
        {
            var offset = random.Next(bytes.Length);
            var buffer = new byte[random.Next(1, bytes.Length - offset + 1)];
            Assert.Equal(buffer.Length, stream.ReadAt(offset, buffer));
            Assert.True(bytes.AsSpan(offset, buffer.Length).SequenceEqual(buffer));
        }
    });

    [Fact]
    public void A_stream_works_as_the_frameworks_own() => Case(c =>
    {
        var id = c.File("/file");
        using (var stream = c.Volume.OpenWrite(id, StreamName.Data))
        {
            stream.Write([1, 2, 3, 4, 5]);
            Assert.Equal(5, stream.Position);
            stream.Seek(-2, SeekOrigin.End);
            stream.WriteByte(9);
            stream.Position = 0;
            Assert.Equal(1, stream.ReadByte());
            var rest = new byte[4];
            stream.ReadExactly(rest);
            Assert.Equal([2, 3, 9, 5], rest);
            Assert.Equal(-1, stream.ReadByte());
        }
        c.Tree.Find("/file").Write(0, [1, 2, 3, 9, 5]);
    });

    [Fact]
    public void A_stream_for_reading_cannot_write() => Case(c =>
    {
        var id = c.File("/file", ConformanceCase.Bytes(10));
        using var stream = c.Volume.OpenRead(id, StreamName.Data);
        Assert.False(stream.CanWrite);
        Assert.Throws<NotSupportedException>(() => stream.WriteAt(0, [1]));
        Assert.Throws<NotSupportedException>(() => stream.SetLength(0));
    });

    [Fact]
    public void Files_written_in_turns_keep_apart() => Case(c =>
    {
        using (var a = c.Volume.OpenWrite(c.File("/a"), StreamName.Data))
        using (var b = c.Volume.OpenWrite(c.File("/b"), StreamName.Data))
        {
            for (var i = 0; i < 60; i++)
            {
                var piece = ConformanceCase.Bytes(700, i);
                a.WriteAt(i * 700, piece);
                c.Tree.Find("/a").Write(i * 700, piece);
                b.WriteAt((59 - i) * 700, piece);
                c.Tree.Find("/b").Write((59 - i) * 700, piece);
            }
        }
    });

    [Fact]
    public void Two_streams_of_a_file_see_each_others_bytes_after_a_flush() => Case(c =>
    {
        var id = c.File("/file", ConformanceCase.Bytes(5000));
        using (var writer = c.Volume.OpenWrite(id, StreamName.Data))
        using (var reader = c.Volume.OpenRead(id, StreamName.Data))
        {
            var more = ConformanceCase.Bytes(9000, 2);
            writer.WriteAt(4000, more);
            writer.Flush();
            c.Tree.Find("/file").Write(4000, more);
            Assert.Equal(13_000, reader.Length);
            var seen = new byte[9000];
            Assert.Equal(9000, reader.ReadAt(4000, seen));
            Assert.Equal(more, seen);
            writer.SetLength(100);
            writer.Flush();
            c.Tree.Find("/file").SetLength(100);
            Assert.Equal(100, reader.Length);
            Assert.Equal(100, c.Volume.GetMetadata(id).Length);
        }
    });

    [Fact]
    public void A_commit_includes_what_an_open_stream_holds() => Case(c =>
    {
        var stream = c.Volume.OpenWrite(c.File("/file"), StreamName.Data);
        var bytes = ConformanceCase.Bytes(5000);
        stream.WriteAt(0, bytes);
        c.Tree.Find("/file").Write(0, bytes);
        c.Reopen();
    });

    [Fact]
    public void A_stream_goes_on_after_a_commit() => Case(c =>
    {
        using (var stream = c.Volume.OpenWrite(c.File("/file"), StreamName.Data))
        {
            for (var i = 0; i < 6; i++)
            {
                var piece = ConformanceCase.Bytes(900, i);
                stream.WriteAt(i * 900, piece);
                c.Tree.Find("/file").Write(i * 900, piece);
                c.Commit();
            }
        }
    });

    [Fact]
    public void A_stream_may_be_disposed_twice() => Case(c =>
    {
        var stream = c.Volume.OpenWrite(c.File("/file"), StreamName.Data);
        stream.WriteAt(0, [1]);
        c.Tree.Find("/file").Write(0, [1]);
        stream.Dispose();
        stream.Dispose();
        c.Delete("/file");
    });

    [Fact]
    public void Reserving_changes_nothing_that_can_be_seen() => Case(c =>
    {
        var id = c.File("/file", ConformanceCase.Bytes(100));
        using (var stream = c.Volume.OpenWrite(id, StreamName.Data))
        {
            stream.Reserve(200_000);
            Assert.Equal(100, stream.Length);
            stream.WriteAt(100, [1, 2, 3]);
        }
        c.Tree.Find("/file").Write(100, [1, 2, 3]);
        c.Commit();
        c.Delete("/file");
    });

    [Fact]
    public void What_was_reserved_and_not_used_is_free_again() => Case(c =>
    {
        c.Directory("/D");
        c.File("/D/F", [1]);
        c.Commit();
        var free = c.Volume.FreeBytes;
        using (var stream = c.Volume.OpenWrite(c.Id("/D/F"), StreamName.Data))
            stream.Reserve(500_000);
        c.Commit();
        AssertFree(c, free);
    });

    [Fact]
    public void A_file_longer_than_the_filesystem_can_hold_is_refused_before_a_byte_is_written() => Case(c =>
    {
        var max = c.Capabilities.MaxFileLength;
        if (max > long.MaxValue - 10)
            return;
        c.Refused<UnsupportedFeatureException>(() => c.Volume.CreateFile(c.Volume.RootId, "long", new MemoryStream([1]), max + 1, MetadataChange.None));
        var id = c.File("/file", ConformanceCase.Bytes(10));
        using var stream = c.Volume.OpenWrite(id, StreamName.Data);
        c.Refused<UnsupportedFeatureException>(() => stream.Reserve(max + 1));
        c.Refused<UnsupportedFeatureException>(() => stream.WriteAt(max, [1]));
        c.Refused<UnsupportedFeatureException>(() => stream.SetLength(max + 1));
        Assert.Equal(10, stream.Length);
    });

    [Fact]
    public void Data_ranges_and_extents_cover_the_content_in_order() => Case(c =>
    {
        var size = 5 * c.ClusterSize + 9;
        var bytes = ConformanceCase.Bytes(size);
        var id = c.File("/file", bytes);
        c.File("/empty");
        c.Reopen();
        using var stream = c.Volume.OpenRead(c.Id("/file"), StreamName.Data);
        Assert.Equal(size, stream.DataRanges().Sum(r => r.Length));
        var at = 0L;
        foreach (var extent in stream.Extents())
        {
            Assert.Equal(at, extent.StreamOffset);
            at += extent.Length;
            if (c.Fixture.Device is { } device && extent.DeviceOffset >= 0)
            {
                var piece = new byte[Math.Min(extent.Length, size - extent.StreamOffset)];
                device.Read(extent.DeviceOffset, piece);
                Assert.True(bytes.AsSpan((int)extent.StreamOffset, piece.Length).SequenceEqual(piece), $"{extent} holds other bytes");
                Assert.Contains(c.Volume.AllocatedRanges(), r => r.Offset <= extent.DeviceOffset && extent.DeviceOffset + extent.Length <= r.End);
            }
        }
        using var empty = c.Volume.OpenRead(c.Id("/empty"), StreamName.Data);
        Assert.Empty(empty.DataRanges());
    });

    [Fact]
    public void Data_ranges_leave_out_nothing_but_zeros() => Case(c =>
    {
        c.File("/holes");
        c.SetLength("/holes", 400_000);
        c.Write("/holes", 100_000, ConformanceCase.Bytes(50_000));
        c.Write("/holes", 399_000, ConformanceCase.Bytes(1_000));
        c.Reopen();
        using var stream = c.Volume.OpenRead(c.Id("/holes"), StreamName.Data);
        var rebuilt = new byte[400_000];
        foreach (var range in stream.DataRanges())
            Assert.Equal(range.Length, stream.ReadAt(range.Offset, rebuilt.AsSpan((int)range.Offset, (int)range.Length)));
        var whole = new byte[400_000];
        stream.ReadAt(0, whole);
        Assert.True(whole.AsSpan().SequenceEqual(rebuilt));
    });

    [Fact]
    public void Allocated_ranges_are_in_order_and_do_not_touch() => Case(c =>
    {
        for (var i = 0; i < 30; i++)
            c.File($"/file {i}", ConformanceCase.Bytes(2000 + i));
        for (var i = 0; i < 30; i += 2)
            c.Delete($"/file {i}");
        c.Commit();
        var end = -1L;
        foreach (var range in c.Volume.AllocatedRanges())
        {
            Assert.True(range.Offset > end && range.Length > 0, $"{range} after one that ends at {end}");
            end = range.End;
        }
        Assert.True(end <= (c.Fixture.Device?.Length ?? long.MaxValue));
    });

    [Fact]
    public void A_copy_of_only_the_allocated_ranges_holds_the_same_tree() => Case(c =>
    {
        c.Directory("/sub");
        for (var i = 0; i < 40; i++)
            c.File($"/sub/a file with a long name {i}", ConformanceCase.Bytes(i * 300, i));
        for (var i = 0; i < 40; i += 3)
            c.Delete($"/sub/a file with a long name {i}");
        c.Commit();
        using var copy = c.Fixture.OpenUsedOnly(c.Volume);
        if (copy is not null)
            c.Tree.Snapshot().AssertSame(TreeSnapshot.Read(copy), "in the copy");
    });

    private static long SizeOf(ConformanceCase c, string unit, int count, int delta) => delta + Math.Min(count, c.Fixture.MostClusters) * (unit switch
    {
        "sectors" => c.Fixture.Device?.SectorSize ?? 512,
        "clusters" => c.ClusterSize,
        _ => 1,
    });
}
