namespace Platter.Primitives.Codecs;

/// <summary>Makes the prefix code of a deflate block: how long each symbol's code is, by how often it occurs, and the codes themselves
/// (RFC 1951, section 3.2.2).</summary>
/// <remarks>Huffman's algorithm over the sorted counts; codes beyond the limit are shortened and others lengthened until the code is
/// complete again, which costs next to nothing where it happens at all.</remarks>
internal static class PrefixCode
{
    internal const int MaxSymbols = 286;
    private const int DeepestTree = 32;     // Huffman trees over counts whose sum is below 2^21 are no deeper than Fibonacci's numbers allow

    /// <summary>Chooses the lengths.</summary>
    /// <param name="counts">How often each symbol occurs. Two at least get a code, since some readers take no code of one symbol.</param>
    /// <param name="limit">Bits of the longest code allowed.</param>
    /// <param name="lengths">Receives bits by symbol; 0 for those that don't occur.</param>
    internal static void ChooseLengths(ReadOnlySpan<int> counts, int limit, Span<byte> lengths)
    {
        lengths.Clear();
        Span<ulong> leaves = stackalloc ulong[MaxSymbols];      // count << 16 | symbol
        var used = 0;
        for (var symbol = 0; symbol < counts.Length; symbol++)
        {
            if (counts[symbol] > 0)
                leaves[used++] = (ulong)counts[symbol] << 16 | (uint)symbol;
        }
        for (var symbol = 0; used < 2; symbol++)
        {
            if (counts[symbol] == 0)
                leaves[used++] = 1UL << 16 | (uint)symbol;
        }
        leaves = leaves[..used];
        leaves.Sort();
        Span<int> perLength = stackalloc int[DeepestTree + 1];
        CountLengths(leaves, perLength);
        Limit(perLength, limit);
        // The rarest symbols get the longest codes.
        var next = 0;
        for (var length = limit; length > 0; length--)
        {
            for (var i = 0; i < perLength[length]; i++)
                lengths[(int)(leaves[next++] & 0xFFFF)] = (byte)length;
        }
    }

    /// <summary>Makes the codes: by length, then by symbol, as the format wants them; their bits reversed, since they are written
    /// from the highest to the lowest into bytes that are filled from the lowest on.</summary>
    internal static void MakeCodes(ReadOnlySpan<byte> lengths, Span<int> codes)
    {
        Span<int> next = stackalloc int[17];
        next.Clear();
        foreach (var length in lengths)
            next[length]++;
        next[0] = 0;
        var code = 0;
        for (var length = 1; length < next.Length; length++)
        {
            var count = next[length];
            next[length] = code;
            code = code + count << 1;
        }
        for (var symbol = 0; symbol < lengths.Length; symbol++)
            codes[symbol] = lengths[symbol] == 0 ? 0 : Reverse(next[lengths[symbol]]++, lengths[symbol]);
    }

    // Huffman: the two lightest nodes become one, until one is left. Leaves are sorted, and inner nodes come in ascending order by themselves.
    private static void CountLengths(ReadOnlySpan<ulong> leaves, Span<int> perLength)
    {
        var count = leaves.Length;
        Span<int> weights = stackalloc int[2 * MaxSymbols];
        Span<short> parents = stackalloc short[2 * MaxSymbols];
        for (var i = 0; i < count; i++)
            weights[i] = (int)(leaves[i] >> 16);
        var (leaf, inner) = (0, count);
        for (var node = count; node < 2 * count - 1; node++)
        {
            var sum = 0;
            for (var child = 0; child < 2; child++)
            {
                var lightest = leaf < count && (inner >= node || weights[leaf] <= weights[inner]) ? leaf++ : inner++;
                sum += weights[lightest];
                parents[lightest] = (short)node;
            }
            weights[node] = sum;
        }
        // The weights are not needed any more: depths take their place, from the root down.
        perLength.Clear();
        weights[2 * count - 2] = 0;
        for (var node = 2 * count - 3; node >= 0; node--)
        {
            weights[node] = weights[parents[node]] + 1;
            if (node < count)
                perLength[weights[node]]++;
        }
    }

    private static void Limit(Span<int> perLength, int limit)
    {
        for (var length = limit + 1; length < perLength.Length; length++)
        {
            perLength[limit] += perLength[length];
            perLength[length] = 0;
        }
        var filled = 0;         // of the 2^limit places that codes of that length have
        for (var length = 1; length <= limit; length++)
            filled += perLength[length] << limit - length;
        // A code goes one bit further down, and takes one of the longest beside it: that frees one place.
        for (; filled > 1 << limit; filled--)
        {
            var length = limit - 1;
            while (perLength[length] == 0)
                length--;
            perLength[length]--;
            perLength[length + 1] += 2;
            perLength[limit]--;
        }
    }

    private static int Reverse(int code, int length)
    {
        var reversed = 0;
        for (var i = 0; i < length; i++)
            reversed |= (code >> i & 1) << length - 1 - i;
        return reversed;
    }
}
