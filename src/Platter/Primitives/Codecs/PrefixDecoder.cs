namespace Platter.Primitives.Codecs;

/// <summary>The decoding side of a canonical prefix code, as XPRESS and LZX have them: shorter codes first, then by symbol.</summary>
/// <param name="maxSymbols">The largest alphabet that <see cref="TryBuild"/> will be given.</param>
internal sealed class PrefixDecoder(int maxSymbols)
{
    public const int MaxLength = 16;

    private const int TableBits = 10;

    // Symbol << 4 | length - 1 for codes of up to TableBits bits; -1 for longer ones.
    private readonly int[] _table = new int[1 << TableBits];

    // For longer ones: codes of a length, aligned to 16 bits, are below its limit; symbols in the order of their codes.
    private readonly int[] _limit = new int[MaxLength + 2];
    private readonly int[] _first = new int[MaxLength + 2];
    private readonly int[] _index = new int[MaxLength + 2];
    private readonly ushort[] _sorted = new ushort[maxSymbols];

    /// <summary>Whether no symbol has a code; nothing may be decoded then.</summary>
    public bool IsEmpty { get; private set; } = true;

    /// <summary>Takes a code over.</summary>
    /// <param name="lengths">Bits of each symbol's code, 0 to 16; 0: the symbol is not used.</param>
    /// <returns>False when the lengths make no complete code. None at all is an (empty) code.</returns>
    public bool TryBuild(ReadOnlySpan<byte> lengths)
    {
        Span<int> counts = stackalloc int[MaxLength + 1];
        counts.Clear();
        foreach (var length in lengths)
            counts[length]++;
        IsEmpty = counts[0] == lengths.Length;
        if (IsEmpty)
            return true;
        counts[0] = 0;
        int code = 0, used = 0;
        Span<int> next = stackalloc int[MaxLength + 1];
        for (var length = 1; length <= MaxLength; length++)
        {
            _first[length] = code;
            _index[length] = used;
            next[length] = used;
            code += counts[length] << MaxLength - length;
            used += counts[length];
            _limit[length] = code;
            if (code > 1 << MaxLength)
                return false;
        }
        if (code != 1 << MaxLength)
            return false;
        for (var symbol = 0; symbol < lengths.Length; symbol++)
        {
            if (lengths[symbol] != 0)
                _sorted[next[lengths[symbol]]++] = (ushort)symbol;
        }
        FillTable(counts);
        return true;
    }

    /// <summary>The symbol at the head of the next bits.</summary>
    /// <param name="bits">The next 16 bits, the first one in bit 15.</param>
    /// <param name="length">Bits of its code.</param>
    public int Decode(int bits, out int length)
    {
        var entry = _table[bits >> MaxLength - TableBits];
        if (entry >= 0)
        {
            length = (entry & 15) + 1;
            return entry >> 4;
        }
        length = TableBits + 1;
        while (bits >= _limit[length])
            length++;
        return _sorted[_index[length] + (bits - _first[length] >> MaxLength - length)];
    }

    private void FillTable(ReadOnlySpan<int> counts)
    {
        var at = 0;
        var symbol = 0;
        for (var length = 1; length <= TableBits; length++)
        {
            for (var i = 0; i < counts[length]; i++)
            {
                var span = 1 << TableBits - length;
                _table.AsSpan(at, span).Fill(_sorted[symbol++] << 4 | length - 1);
                at += span;
            }
        }
        _table.AsSpan(at).Fill(-1);
    }
}
