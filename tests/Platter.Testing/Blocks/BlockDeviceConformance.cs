using Platter.Blocks;
using Platter.Primitives;
using Xunit;

namespace Platter.Testing.Blocks;

/// <summary>The contract of <see cref="BlockDevice"/>. Each implementation inherits it and passes all of it.</summary>
public abstract class BlockDeviceConformance
{
    /// <summary>Bytes that the device under test has: an odd number of pages, sectors and bytes for those that can.</summary>
    protected virtual long TestLength => 1_000_003;

    /// <summary>A writable device of <see cref="TestLength"/> bytes that reads as zeros.</summary>
    protected abstract BlockDevice Create();

    /// <summary>Flushes and opens the same medium again, where there is something to open; else the same device.</summary>
    protected virtual BlockDevice Reopen(BlockDevice device)
    {
        device.Flush();
        return device;
    }

    [Fact]
    public void A_new_device_has_its_length_and_reads_as_zeros()
    {
        using var device = Create();
        Assert.Equal(TestLength, device.Length);
        Assert.True(device.CanWrite);
        Assert.True(device.SectorSize is 512 or 1024 or 2048 or 4096);
        Assert.Equal(new byte[TestLength], ReadAll(device));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 512)]
    [InlineData(511, 2)]
    [InlineData(4095, 2)]
    [InlineData(4096, 4096)]
    [InlineData(1, 100_000)]
    [InlineData(65_537, 65_535)]
    public void What_is_written_is_read_and_nothing_beside_it_changes(int offset, int count)
    {
        using var device = Create();
        var data = Bytes(count, 1);
        device.Write(offset, data);
        var expected = new byte[TestLength];
        data.CopyTo(expected, offset);
        Assert.Equal(expected, ReadAll(device));
        var again = new byte[count];
        device.Read(offset, again);
        Assert.Equal(data, again);
    }

    [Fact]
    public void The_last_byte_can_be_written_and_read()
    {
        using var device = Create();
        device.Write(TestLength - 1, [42]);
        var one = new byte[1];
        device.Read(TestLength - 1, one);
        Assert.Equal(42, one[0]);
    }

    [Fact]
    public void Empty_reads_and_writes_are_allowed_up_to_the_very_end()
    {
        using var device = Create();
        device.Read(0, []);
        device.Read(TestLength, []);
        device.Write(TestLength, []);
        device.WriteFresh(TestLength, []);
        device.Discard(TestLength, 0);
        device.WriteZeros(TestLength, 0);
        Assert.Empty(device.AllocatedRanges(TestLength, 0));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 1_000_000_000)]
    [InlineData(long.MaxValue, 1)]
    [InlineData(long.MinValue, 1)]
    public void Ranges_outside_are_refused_and_change_nothing(long offset, int count)
    {
        using var device = Create();
        var buffer = new byte[Math.Min(count, (int)TestLength + 1)];
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Read(offset, buffer));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Write(offset, buffer));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.WriteFresh(offset, buffer));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Discard(offset, count));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.WriteZeros(offset, count));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.AllocatedRanges(offset, count).ToList());
        Assert.Equal(new byte[TestLength], ReadAll(device));
    }

    [Fact]
    public void One_byte_past_the_end_is_outside()
    {
        using var device = Create();
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Write(TestLength - 1, new byte[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Read(TestLength, new byte[1]));
    }

    [Fact]
    public void Fresh_writes_are_read_back_and_win_over_older_writes_and_lose_to_newer_ones()
    {
        using var device = Create();
        device.Write(1000, Bytes(9000, 1));
        device.WriteFresh(3000, Bytes(100_000, 2));
        device.Write(50_000, Bytes(500, 3));
        var expected = new byte[TestLength];
        Bytes(9000, 1).CopyTo(expected, 1000);
        Bytes(100_000, 2).CopyTo(expected, 3000);
        Bytes(500, 3).CopyTo(expected, 50_000);
        Assert.Equal(expected, ReadAll(device));
    }

    [Theory]
    [InlineData(0, 1_000)]
    [InlineData(4096, 4096)]
    [InlineData(777, 200_000)]
    [InlineData(100_000, 900_003)]
    public void Zeroed_ranges_read_as_zeros_and_nothing_beside_them_changes(int offset, int count)
    {
        count = (int)Math.Min(count, TestLength - offset);
        using var device = Create();
        var expected = Bytes((int)TestLength, 5);
        device.Write(0, expected);
        device.WriteZeros(offset, count);
        Array.Clear(expected, offset, count);
        Assert.Equal(expected, ReadAll(device));
        device.Write(offset + count / 2, [1, 2, 3]);
        new byte[] { 1, 2, 3 }.CopyTo(expected, offset + count / 2);
        Assert.Equal(expected, ReadAll(device));
    }

    [Fact]
    public void Discarding_changes_nothing_outside_and_inside_leaves_old_bytes_or_zeros()
    {
        using var device = Create();
        var before = Bytes((int)TestLength, 6);
        device.Write(0, before);
        device.Flush();
        device.Discard(10_000, 700_000);
        device.Flush();
        var after = ReadAll(device);
        Assert.Equal(before[..10_000], after[..10_000]);
        Assert.Equal(before[710_000..], after[710_000..]);
        for (var i = 10_000; i < 710_000; i++)
            Assert.True(after[i] == 0 || after[i] == before[i]);
    }

    [Fact]
    public void What_is_written_after_a_discard_stays()
    {
        using var device = Create();
        device.Write(0, Bytes(800_000, 1));
        device.Flush();
        device.Discard(0, 800_000);
        device.Write(200_000, Bytes(100_000, 2));
        device.WriteFresh(400_000, Bytes(100_000, 3));
        device.WriteZeros(600_000, 100_000);
        device.Flush();
        var all = ReadAll(device);
        Assert.Equal(Bytes(100_000, 2), all[200_000..300_000]);
        Assert.Equal(Bytes(100_000, 3), all[400_000..500_000]);
        Assert.Equal(new byte[100_000], all[600_000..700_000]);
    }

    [Fact]
    public void Allocated_ranges_cover_everything_that_is_not_zero_in_order_and_within()
    {
        using var device = Create();
        device.Write(3, [1]);
        device.Write(500_000, Bytes(10_000, 1));
        device.WriteFresh(700_000, Bytes(80_000, 2));
        CheckAllocated(device);
        device.WriteZeros(500_000, 300_000);
        CheckAllocated(device);
        device.Flush();
        CheckAllocated(device);
    }

    [Fact]
    public void Allocated_ranges_of_a_part_are_cut_to_it()
    {
        using var device = Create();
        device.Write(0, Bytes((int)TestLength, 1));
        device.Flush();
        var ranges = device.AllocatedRanges(1_001, 5_000).ToList();
        Assert.Equal(1_001, ranges[0].Offset);
        Assert.Equal(6_001, ranges[^1].End);
    }

    [Fact]
    public void What_was_flushed_is_there_after_opening_again()
    {
        var device = Create();
        var data = Bytes(300_000, 8);
        device.Write(12_345, data);
        device.WriteFresh(400_001, data);
        device.Flush();
        using var again = Reopen(device);
        var all = ReadAll(again);
        Assert.Equal(data, all[12_345..312_345]);
        Assert.Equal(data, all[400_001..700_001]);
    }

    [Fact]
    public void Rolling_back_returns_to_the_last_flush_or_is_refused()
    {
        using var device = Create();
        device.Write(0, Bytes(50_000, 1));
        device.Flush();
        if (!device.CanRollback)
        {
            Assert.Throws<NotSupportedException>(device.Rollback);
            return;
        }
        var before = ReadAll(device);
        device.Write(0, Bytes(20_000, 2));
        device.WriteZeros(30_000, 500_000);
        device.Discard(0, 50_000);
        device.Rollback();
        Assert.Equal(before, ReadAll(device));
        device.Write(7, [9]);
        device.Flush();
        before[7] = 9;
        Assert.Equal(before, ReadAll(device));
    }

    [Fact]
    public void Many_threads_read_at_once()
    {
        using var device = Create();
        var expected = Bytes((int)TestLength, 4);
        device.Write(0, expected);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, thread =>
        {
            var random = new Random(thread);
            var buffer = new byte[20_000];
            for (var i = 0; i < 200; i++)
            {
                var offset = random.Next((int)TestLength - buffer.Length);
                device.Read(offset, buffer);
                Assert.True(buffer.AsSpan().SequenceEqual(expected.AsSpan(offset, buffer.Length)));
            }
        });
    }

    [Fact]
    public void Random_edits_give_what_an_array_would_hold()
    {
        const int Seed = 20_261;
        var random = new Random(Seed);
        var device = Create();
        var model = new byte[TestLength];
        for (var step = 0; step < 400; step++)
        {
            var offset = random.Next((int)TestLength);
            var count = (int)Math.Min(TestLength - offset, random.Next(4) == 0 ? random.Next(150_000) : random.Next(9000));
            var data = Bytes(count, step);
            switch (random.Next(8))
            {
                case 0:
                    device.WriteZeros(offset, count);
                    Array.Clear(model, offset, count);
                    break;
                case 1:
                    device.WriteFresh(offset, data);
                    data.CopyTo(model, offset);
                    break;
                case 2:
                    device.Flush();
                    break;
                case 3:
                    device.Read(offset, data);
                    Assert.True(data.AsSpan().SequenceEqual(model.AsSpan(offset, count)), $"seed {Seed}, step {step}");
                    break;
                case 4 when step % 5 == 0:
                    device = Reopen(device);
                    break;
                default:
                    device.Write(offset, data);
                    data.CopyTo(model, offset);
                    break;
            }
        }
        Assert.True(ReadAll(device).AsSpan().SequenceEqual(model), $"seed {Seed}");
        device.Dispose();
    }

    /// <summary>The same bytes for the same seed, no zeros among them.</summary>
    protected static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] |= 1;
        return bytes;
    }

    protected static byte[] ReadAll(BlockDevice device)
    {
        var all = new byte[device.Length];
        device.Read(0, all);
        return all;
    }

    private static void CheckAllocated(BlockDevice device)
    {
        var all = ReadAll(device);
        var holes = new RangeSet();
        holes.Add(0, device.Length);
        var end = -1L;
        foreach (var range in device.AllocatedRanges())
        {
            Assert.True(range.Offset > end && range.Length > 0 && range.End <= device.Length, $"{range} follows {end}");
            end = range.End;
            holes.Remove(range.Offset, range.Length);
        }
        foreach (var hole in holes)
            Assert.True(all.AsSpan((int)hole.Start, (int)hole.Length).IndexOfAnyExcept((byte)0) < 0, $"{hole} is said to be a hole");
    }
}
