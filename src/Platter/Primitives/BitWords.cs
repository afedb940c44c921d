using System.Numerics;

namespace Platter.Primitives;

/// <summary>Fields of bits in words that belong to somebody else: a <see cref="Bitmap"/>, or a page of one on disk.</summary>
/// <remarks>Bit n is bit n % 64 of word n / 64. Ranges are the caller's to check.</remarks>
internal static class BitWords
{
    private const int NearWords = 512;

    /// <summary>The first bit from <paramref name="from"/> and below <paramref name="limit"/> that is set (<paramref name="like"/> all ones) or
    /// clear (0); -1 when there is none.</summary>
    public static long Next(ReadOnlySpan<ulong> words, long from, long limit, ulong like)
    {
        if (from >= limit)
            return -1;
        var index = (int)(from >> 6);
        var lastIndex = (int)((limit - 1) >> 6);
        var word = (words[index] ^ ~like) & ulong.MaxValue << (int)(from & 63);
        // The next words by hand: most searches end there, and the framework's vectors would take longer to prepare than that.
        for (var near = 0; word == 0 && index < lastIndex && near < NearWords; near++)
            word = words[++index] ^ ~like;
        while (word == 0 && index < lastIndex)
        {
            var rest = words.Slice(index + 1, lastIndex - index);
            var skipped = rest.IndexOfAnyExcept(~like);       // vectorised: whole words without a hit
            if (skipped < 0)
                return -1;
            index += 1 + skipped;
            word = words[index] ^ ~like;
        }
        if (word == 0)
            return -1;
        var found = ((long)index << 6) + BitOperations.TrailingZeroCount(word);
        return found < limit ? found : -1;
    }

    /// <summary>Sets or clears a run of bits.</summary>
    public static void Fill(Span<ulong> words, long start, long count, bool value)
    {
        if (count == 0)
            return;
        Masks(start, count, out var first, out var last, out var firstMask, out var lastMask);
        if (first == last)
        {
            Apply(ref words[first], firstMask & lastMask, value);
            return;
        }
        Apply(ref words[first], firstMask, value);
        words.Slice(first + 1, last - first - 1).Fill(value ? ulong.MaxValue : 0);
        Apply(ref words[last], lastMask, value);
    }

    /// <summary>How many bits of a run are set.</summary>
    public static long CountSet(ReadOnlySpan<ulong> words, long start, long count)
    {
        if (count == 0)
            return 0;
        Masks(start, count, out var first, out var last, out var firstMask, out var lastMask);
        if (first == last)
            return BitOperations.PopCount(words[first] & firstMask & lastMask);
        long total = BitOperations.PopCount(words[first] & firstMask);
        foreach (var word in words.Slice(first + 1, last - first - 1))
            total += BitOperations.PopCount(word);
        return total + BitOperations.PopCount(words[last] & lastMask);
    }

    private static void Masks(long start, long count, out int first, out int last, out ulong firstMask, out ulong lastMask)
    {
        var end = start + count - 1;
        (first, last) = ((int)(start >> 6), (int)(end >> 6));
        firstMask = ulong.MaxValue << (int)(start & 63);
        lastMask = ulong.MaxValue >> (int)(63 - (end & 63));
    }

    private static void Apply(ref ulong word, ulong mask, bool value)
    {
        if (value)
            word |= mask;
        else
            word &= ~mask;
    }
}
