using Platter.Primitives;
using Xunit;

namespace Platter.Tests.Primitives;

public sealed class NumberMapTests
{
    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 3000)]
    [InlineData(3, 200_000)]
    public void It_does_what_a_dictionary_does(int seed, int range)
    {
        var random = new Random(seed);
        var map = new NumberMap<string>();
        var model = new Dictionary<ulong, string>();
        for (var step = 0; step < 100_000; step++)
        {
            // Far apart, so that runs wrap around the end of the table and collide.
            var key = (ulong)random.Next(range) * (step % 2 == 0 ? 1UL : 0x1_0000_0001UL);
            switch (random.Next(5))
            {
                case 0 or 1 or 2:
                    map[key] = model[key] = $"{step}";
                    break;
                case 3:
                    Assert.Equal(model.Remove(key, out var expected), map.Remove(key, out var removed));
                    Assert.Equal(expected, removed);
                    break;
                default:
                    Assert.Equal(model.TryGetValue(key, out expected), map.TryGetValue(key, out var found));
                    Assert.Equal(expected, found);
                    break;
            }
        }

        Assert.Equal(model.Count, map.Count);
        Assert.Equal(model.Keys.Order(), map.Keys().Order());
        Assert.Equal(model.Values.Order(StringComparer.Ordinal), map.Values().Order(StringComparer.Ordinal));
        Assert.All(model, pair => Assert.Equal(pair.Value, map[pair.Key]));
    }

    [Fact]
    public void The_largest_number_and_nought_are_keys_like_others()
    {
        var map = new NumberMap<int> { [0] = 1, [ulong.MaxValue] = 2 };

        Assert.Equal((1, 2), (map[0], map[ulong.MaxValue]));
        Assert.Throws<KeyNotFoundException>(() => map[1]);
    }

    [Fact]
    public void Cleared_it_is_empty_and_can_be_filled_again()
    {
        var map = new NumberMap<int>();
        Assert.False(map.Remove(5));
        for (var i = 0UL; i < 100; i++)
            map[i] = 1;

        map.Clear();

        Assert.Equal(0, map.Count);
        Assert.False(map.ContainsKey(7));
        map[7] = 3;
        Assert.Equal(3, map[7]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(60)]
    [InlineData(1000)]
    public void Sorted_keys_are_all_keys_in_order(int count)
    {
        var dice = new Random(count);
        var map = new NumberMap<int>();
        while (map.Count < count)
            map[(ulong)dice.NextInt64() << 1 | (uint)dice.Next(2)] = 1;
        Assert.Equal(map.Keys().Order(), map.SortedKeys());
    }
}
