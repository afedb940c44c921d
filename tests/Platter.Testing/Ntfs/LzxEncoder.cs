using System.Buffers.Binary;

namespace Platter.Testing.Ntfs;

/// <summary>Writes LZX chunks as WIM images have them, with blocks of every kind; for tests alone.</summary>
public sealed class LzxEncoder
{
    private const int MainSymbols = 256 + 8 * 30, LengthSymbols = 249;
    private const int FileSize = 12_000_000;

    private readonly List<byte> _out = [];
    private readonly int[] _recent = [1, 1, 1];
    private byte[] _mainLengths = new byte[MainSymbols], _lengthLengths = new byte[LengthSymbols];
    private int _word, _count;

    /// <summary>The chunk of some bytes.</summary>
    /// <param name="data">At most 32 KiB.</param>
    /// <param name="blocks">Each block's kind (1 verbatim, 2 aligned, 3 uncompressed) and size; the last one takes what is left.</param>
    public static byte[] Encode(ReadOnlySpan<byte> data, params (int Kind, int Size)[] blocks)
    {
        var translated = data.ToArray();
        Translate(translated);
        var encoder = new LzxEncoder();
        var at = 0;
        for (var i = 0; i < blocks.Length && at < data.Length; i++)
        {
            var size = i == blocks.Length - 1 ? data.Length - at : Math.Min(blocks[i].Size, data.Length - at);
            encoder.Block(translated, at, size, blocks[i].Kind);
            at += size;
        }
        encoder.Flush();
        return [.. encoder._out];
    }

    private static void Translate(Span<byte> data)
    {
        for (var i = 0; i < data.Length - 10; i++)
        {
            if (data[i] != 0xE8)
                continue;
            var field = data.Slice(i + 1, 4);
            var target = BinaryPrimitives.ReadInt32LittleEndian(field);
            if (target >= -i && target < FileSize - i)
                BinaryPrimitives.WriteInt32LittleEndian(field, target + i);
            else if (target >= FileSize - i && target < FileSize)
                BinaryPrimitives.WriteInt32LittleEndian(field, target - FileSize);
            i += 4;
        }
    }

    private void Block(byte[] data, int from, int size, int kind)
    {
        Put(kind, 3);
        Put(size == 32768 ? 1 : 0, 1);
        if (size != 32768)
            Put(size, 16);
        if (kind == 3)
        {
            Uncompressed(data.AsSpan(from, size));
            return;
        }
        // Matches may lie in earlier blocks: the search runs over all, and starts to write at this one.
        var symbols = new List<(int Main, int Length, int Lower, int LowerBits)>();
        foreach (var token in Tokens(data.AsSpan(0, from + size), from))
            symbols.Add(Symbol(token));
        var mainCounts = new int[MainSymbols];
        var lengthCounts = new int[LengthSymbols];
        var alignedCounts = new int[8];
        foreach (var (main, length, lower, bits) in symbols)
        {
            mainCounts[main]++;
            if (length >= 0)
                lengthCounts[length]++;
            if (bits >= 3)
                alignedCounts[lower & 7]++;
        }
        var alignedLengths = PrefixCodeBuilder.Lengths(alignedCounts, 7);
        if (kind == 2)
        {
            foreach (var length in alignedLengths)
                Put(length, 3);
        }
        var mainLengths = PrefixCodeBuilder.Lengths(mainCounts, 16);
        var lengthLengths = lengthCounts.All(c => c == 0) ? new byte[LengthSymbols] : PrefixCodeBuilder.Lengths(lengthCounts, 16);
        Lengths(_mainLengths.AsSpan(0, 256), mainLengths.AsSpan(0, 256));
        Lengths(_mainLengths.AsSpan(256), mainLengths.AsSpan(256));
        Lengths(_lengthLengths, lengthLengths);
        (_mainLengths, _lengthLengths) = (mainLengths, lengthLengths);
        int[] mainCodes = PrefixCodeBuilder.Codes(mainLengths), lengthCodes = PrefixCodeBuilder.Codes(lengthLengths), alignedCodes = PrefixCodeBuilder.Codes(alignedLengths);
        foreach (var (main, length, lower, bits) in symbols)
        {
            Put(mainCodes[main], mainLengths[main]);
            if (length >= 0)
                Put(lengthCodes[length], lengthLengths[length]);
            if (kind == 2 && bits >= 3)
            {
                Put(lower >> 3, bits - 3);
                Put(alignedCodes[lower & 7], alignedLengths[lower & 7]);
            }
            else
            {
                Put(lower, bits);
            }
        }
    }

    private static List<LzToken> Tokens(Span<byte> data, int from)
    {
        var tokens = new List<LzToken>();
        var at = 0;
        foreach (var token in LzSearch.Tokens(data, 3, 257))
        {
            // What begins before the block and reaches into it is written byte by byte.
            var length = Math.Max(1, token.Length);
            if (at >= from)
                tokens.Add(token);
            else
            {
                for (var i = Math.Max(at, from); i < at + length; i++)
                    tokens.Add(new LzToken(data[i], 0, 0));
            }
            at += length;
        }
        return tokens;
    }

    private (int Main, int Length, int Lower, int LowerBits) Symbol(LzToken token)
    {
        if (token.Length == 0)
            return (token.Literal, -1, 0, 0);
        int slot, lower = 0, bits = 0;
        var recent = Array.IndexOf(_recent, token.Offset);
        if (recent >= 0)
        {
            slot = recent;
            (_recent[0], _recent[recent]) = (_recent[recent], _recent[0]);
        }
        else
        {
            (_recent[2], _recent[1], _recent[0]) = (_recent[1], _recent[0], token.Offset);
            var value = token.Offset + 2;
            slot = 3;
            for (var first = 3; ; slot++, first += 1 << bits)
            {
                bits = slot < 4 ? 0 : (slot - 2) / 2;
                if (value < first + (1 << bits))
                {
                    lower = value - first;
                    break;
                }
            }
        }
        var header = Math.Min(7, token.Length - 2);
        return (256 + 8 * slot + header, header == 7 ? token.Length - 9 : -1, lower, bits);
    }

    private void Uncompressed(ReadOnlySpan<byte> data)
    {
        Put(0, 16 - _count);
        Flush();
        foreach (var offset in _recent)
            _out.AddRange(BitConverter.GetBytes(offset));
        _out.AddRange(data);
        if ((data.Length & 1) != 0)
            _out.Add(0);
    }

    // Differences to the block before; runs of zeros as runs.
    private void Lengths(ReadOnlySpan<byte> before, ReadOnlySpan<byte> lengths)
    {
        var items = new List<(int Symbol, int Extra, int Bits)>();
        for (var i = 0; i < lengths.Length;)
        {
            var run = 1;
            while (i + run < lengths.Length && lengths[i + run] == lengths[i])
                run++;
            if (lengths[i] == 0 && run >= 20)
            {
                run = Math.Min(run, 51);
                items.Add((18, run - 20, 5));
            }
            else if (lengths[i] == 0 && run >= 4)
            {
                run = Math.Min(run, 19);
                items.Add((17, run - 4, 4));
            }
            else if (run >= 4)
            {
                run = Math.Min(run, 5);
                items.Add((19, run - 4, 1));
                items.Add(((before[i] - lengths[i] + 17) % 17, 0, 0));
            }
            else
            {
                run = 1;
                items.Add(((before[i] - lengths[i] + 17) % 17, 0, 0));
            }
            i += run;
        }
        var counts = new int[20];
        foreach (var (symbol, _, _) in items)
            counts[symbol]++;
        var codeLengths = PrefixCodeBuilder.Lengths(counts, 15);
        var codes = PrefixCodeBuilder.Codes(codeLengths);
        foreach (var length in codeLengths)
            Put(length, 4);
        foreach (var (symbol, extra, bits) in items)
        {
            Put(codes[symbol], codeLengths[symbol]);
            Put(extra, bits);
        }
    }

    private void Put(int value, int length)
    {
        for (var i = length - 1; i >= 0; i--)
        {
            _word = _word << 1 | (value >> i & 1);
            if (++_count < 16)
                continue;
            _out.Add((byte)_word);
            _out.Add((byte)(_word >> 8));
            _word = _count = 0;
        }
    }

    private void Flush()
    {
        if (_count > 0)
            Put(0, 16 - _count);
    }
}
