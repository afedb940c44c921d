namespace Platter.Fuzz;

/// <summary>The chance of one case: the same seed, the same throws, on every machine.</summary>
internal sealed class Dice(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>Where a case says what it does; null unless it is reproduced.</summary>
    public Action<string>? Trace { get; init; }

    /// <summary>0 to <paramref name="limit"/> - 1; 0 for a limit below 1.</summary>
    public int Next(int limit) => limit < 1 ? 0 : _random.Next(limit);

    public long NextLong(long limit) => limit < 1 ? 0 : _random.NextInt64(limit);

    public int Between(int least, int most) => _random.Next(least, most + 1);

    /// <summary>True once in so many times.</summary>
    public bool OneIn(int times) => _random.Next(times) == 0;

    public T Pick<T>(IReadOnlyList<T> choices) => choices[_random.Next(choices.Count)];

    public void Fill(Span<byte> bytes) => _random.NextBytes(bytes);

    /// <summary>A value that breaks arithmetic, in so many bytes: the ends of the range, a step beside what is there, a power of two, a flipped bit.</summary>
    /// <param name="found">What stands there now.</param>
    /// <param name="width">Bytes: 1, 2, 4 or 8.</param>
    public ulong Odd(ulong found, int width)
    {
        var all = width == 8 ? ulong.MaxValue : (1UL << (8 * width)) - 1;
        var bit = 1UL << Next(8 * width);
        return all & Next(12) switch
        {
            0 => 0,
            1 => 1,
            2 => all,
            3 => all >> 1,
            4 => (all >> 1) + 1,
            5 => found + 1,
            6 => found - 1,
            7 => bit,
            8 => bit - 1,
            9 => found ^ bit,
            10 => found * 2,
            _ => (ulong)_random.NextInt64(),
        };
    }
}
