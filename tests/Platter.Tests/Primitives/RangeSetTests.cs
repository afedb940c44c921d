using Platter.Primitives;
using Xunit;

namespace Platter.Tests.Primitives;

public sealed class RangeSetTests
{
    [Fact]
    public void Touching_and_overlapping_ranges_become_one()
    {
        var set = new RangeSet();
        set.Add(10, 10);
        set.Add(30, 10);
        set.Add(20, 10);
        Assert.Equal([new LongRange(10, 30)], set);
        set.Add(0, 100);
        Assert.Equal([new LongRange(0, 100)], set);
        Assert.Equal(100, set.Total);
    }

    [Fact]
    public void Removing_splits_cuts_and_swallows()
    {
        var set = new RangeSet();
        set.Add(0, 100);
        set.Remove(40, 20);
        Assert.Equal([new LongRange(0, 40), new LongRange(60, 40)], set);
        set.Remove(30, 40);
        Assert.Equal([new LongRange(0, 30), new LongRange(70, 30)], set);
        set.Remove(0, 1000);
        Assert.True(set.IsEmpty);
        Assert.Equal(0, set.Total);
    }

    [Fact]
    public void Gaps_are_found_up_to_the_limit()
    {
        var set = new RangeSet();
        set.Add(0, 10);
        set.Add(12, 8);
        Assert.Equal(new LongRange(10, 2), set.NextGap(0, 100));
        Assert.Equal(new LongRange(20, 80), set.NextGap(0, 100, 3));
        Assert.Null(set.NextGap(0, 15, 3));
        Assert.Null(set.NextGap(12, 20));
        Assert.Equal(new LongRange(15, 5), set.NextRange(15));
        Assert.Null(set.NextRange(20));
    }

    [Fact]
    public void The_largest_numbers_are_allowed_and_none_beyond()
    {
        var set = new RangeSet();
        set.Add(long.MaxValue - 5, 5);
        Assert.True(set.Contains(long.MaxValue - 1));
        Assert.False(set.Contains(long.MaxValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => set.Add(long.MaxValue, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => set.Add(-1, 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_changes_give_what_an_array_of_flags_would_hold(int seed)
    {
        const int Size = 600;
        var random = new Random(seed);
        var set = new RangeSet();
        var model = new bool[Size];
        for (var step = 0; step < 4000; step++)
        {
            var start = random.Next(Size);
            var length = random.Next(Math.Min(40, Size - start) + 1);
            var add = random.Next(2) == 0;
            if (add)
                set.Add(start, length);
            else
                set.Remove(start, length);
            Array.Fill(model, add, start, length);

            Assert.Equal(model.Count(b => b), set.Total);
            var at = random.Next(Size);
            Assert.Equal(model[at], set.Contains(at));
            var count = random.Next(Size - at + 1);
            Assert.Equal(model.AsSpan(at, count).IndexOf(false) < 0, set.Contains(at, count));
            Assert.Equal(model.AsSpan(at, count).Contains(true), set.Overlaps(at, count));
            var previous = -1L;
            foreach (var range in set)
            {
                Assert.True(range.Start > previous && range.Length > 0);
                previous = range.End;
                Assert.False(model.AsSpan((int)range.Start, (int)range.Length).Contains(false));
            }
            Assert.Equal(set.Enumerate(at, count).Sum(r => r.Length), model.Skip(at).Take(count).Count(b => b));
        }
    }
}
