using Platter.Primitives;
using Xunit;

namespace Platter.Tests.Primitives;

public sealed class BitmapTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(64, 2)]
    [InlineData(65, 3)]
    [InlineData(1000, 4)]
    public void Random_changes_give_what_an_array_of_flags_would_hold(int size, int seed)
    {
        var random = new Random(seed);
        var bitmap = new Bitmap(size);
        var model = new bool[size];
        for (var step = 0; step < 3000; step++)
        {
            var start = random.Next(size);
            var count = random.Next(size - start + 1);
            var value = random.Next(2) == 0;
            if (random.Next(3) == 0)
            {
                bitmap[start] = value;
                model[start] = value;
            }
            else
            {
                count = Math.Min(count, 100);
                bitmap.Fill(start, count, value);
                Array.Fill(model, value, start, count);
            }
            Assert.Equal(model.Count(b => b), bitmap.CountSet());
            Assert.Equal(model[start], bitmap[start]);
            Assert.Equal(model.Skip(start).Take(count).Count(b => b), bitmap.CountSet(start, count));
            Assert.Equal(Find(true), bitmap.NextSet(start, start + count));
            Assert.Equal(Find(false), bitmap.NextClear(start, start + count));
            Assert.Equal(FindRun(start, count, 5, 9), bitmap.FindClearRun(start, start + count, 5, 9));

            long Find(bool what) => model.AsSpan(start, count).IndexOf(what) is >= 0 and var i ? start + i : -1;
        }
        var runs = bitmap.Runs(true, 0, size).ToList();
        Assert.Equal(bitmap.CountSet(), runs.Sum(r => r.Length));
        Assert.Equal(size, runs.Sum(r => r.Length) + bitmap.Runs(false, 0, size).Sum(r => r.Length));

        LongRange? FindRun(int start, int count, int minimum, int maximum)
        {
            for (var i = start; i + minimum <= start + count; i++)
            {
                var length = 0;
                while (i + length < start + count && length < maximum && !model[i + length])
                    length++;
                if (length >= minimum)
                    return new LongRange(i, length);
            }
            return null;
        }
    }

    [Theory]
    [InlineData(70)]
    [InlineData(64 * 512)]
    [InlineData(64 * 513)]
    [InlineData(64 * 514 + 63)]
    [InlineData(199_999)]
    public void A_bit_is_found_however_far_away(int place)
    {
        var bitmap = new Bitmap(200_000);
        bitmap.Fill(place, 1, true);
        Assert.Equal(place, bitmap.NextSet(0, 200_000));
        Assert.Equal(place, bitmap.NextSet(3, place + 1));
        Assert.Equal(-1, bitmap.NextSet(3, place));
        bitmap.Fill(0, 200_000, true);
        bitmap.Fill(place, 1, false);
        Assert.Equal(place, bitmap.NextClear(1, 200_000));
        Assert.Equal(-1, bitmap.NextClear(0, place));
    }

    [Fact]
    public void Bits_go_to_disk_in_either_order()
    {
        var bitmap = new Bitmap(20);
        bitmap.Load(0, [0b0000_0001, 0b1000_0000, 0xFF]);
        Assert.True(bitmap[0] && bitmap[15] && bitmap[16] && bitmap[19]);
        Assert.Equal(6, bitmap.CountSet());
        var bytes = new byte[3];
        bitmap.Save(0, bytes);
        Assert.Equal([0x01, 0x80, 0x0F], bytes);
        bitmap.Save(0, bytes, mostSignificantFirst: true);
        Assert.Equal([0x80, 0x01, 0xF0], bytes);
        bitmap.Load(8, [0b1100_0000], mostSignificantFirst: true);
        Assert.True(bitmap[8] && bitmap[9] && !bitmap[15]);
    }

    [Fact]
    public void A_bit_outside_is_refused()
    {
        var bitmap = new Bitmap(10);
        Assert.Throws<ArgumentOutOfRangeException>(() => bitmap[10]);
        Assert.Throws<ArgumentOutOfRangeException>(() => bitmap.Fill(5, 6, true));
        Assert.Throws<ArgumentOutOfRangeException>(() => bitmap.Load(4, [1]));
    }
}
