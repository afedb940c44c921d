namespace Platter.Testing.Ntfs;

/// <summary>Makes the canonical prefix codes that the encoders of the tests write with.</summary>
public static class PrefixCodeBuilder
{
    /// <summary>Lengths of a complete code for symbols that occur so often; at least two symbols get one.</summary>
    public static byte[] Lengths(int[] counts, int longest)
    {
        var weights = counts.ToArray();
        for (var i = 0; weights.Count(w => w > 0) < 2; i++)
            weights[i] = Math.Max(weights[i], 1);
        while (true)
        {
            var lengths = Huffman(weights);
            if (lengths.Max() <= longest)
                return lengths;
            for (var i = 0; i < weights.Length; i++)
                weights[i] = weights[i] == 0 ? 0 : weights[i] / 2 + 1;
        }
    }

    /// <summary>The codes of lengths: shorter ones first, then by symbol.</summary>
    public static int[] Codes(byte[] lengths)
    {
        var codes = new int[lengths.Length];
        var code = 0;
        for (var length = 1; length <= 16; length++, code <<= 1)
        {
            for (var symbol = 0; symbol < lengths.Length; symbol++)
            {
                if (lengths[symbol] == length)
                    codes[symbol] = code++;
            }
        }
        return codes;
    }

    private static byte[] Huffman(int[] weights)
    {
        var queue = new PriorityQueue<int[], long>();
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] > 0)
                queue.Enqueue([i], (long)weights[i] << 16 | (uint)i);
        }
        var lengths = new byte[weights.Length];
        while (queue.Count > 1)
        {
            queue.TryDequeue(out var a, out var first);
            queue.TryDequeue(out var b, out var second);
            foreach (var symbol in a!.Concat(b!))
                lengths[symbol]++;
            queue.Enqueue([.. a!, .. b!], ((first >> 16) + (second >> 16)) << 16);
        }
        return lengths;
    }
}

/// <summary>A byte (when <see cref="Length"/> is 0), or a match.</summary>
public readonly record struct LzToken(byte Literal, int Length, int Offset);

/// <summary>A plain search for matches, for the encoders of the tests.</summary>
public static class LzSearch
{
    public static List<LzToken> Tokens(ReadOnlySpan<byte> data, int least, int most)
    {
        var last = new Dictionary<int, int>();
        var tokens = new List<LzToken>();
        for (var at = 0; at < data.Length;)
        {
            var token = new LzToken(data[at], 0, 0);
            if (at + 3 <= data.Length && last.TryGetValue(Key(data, at), out var from))
            {
                var length = Math.Min(most, data[at..].CommonPrefixLength(data[from..]));
                if (length >= least)
                    token = new LzToken(0, length, at - from);
            }
            tokens.Add(token);
            for (var end = at + Math.Max(1, token.Length); at < end; at++)
            {
                if (at + 3 <= data.Length)
                    last[Key(data, at)] = at;
            }
        }
        return tokens;
    }

    private static int Key(ReadOnlySpan<byte> data, int at) => data[at] | data[at + 1] << 8 | data[at + 2] << 16;
}
