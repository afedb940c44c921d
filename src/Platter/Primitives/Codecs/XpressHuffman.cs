using System.Buffers.Binary;

namespace Platter.Primitives.Codecs;

/// <summary>XPRESS with Huffman codes, the compression of WOF's XPRESS4K, 8K and 16K.</summary>
/// <remarks>
/// <para>[MS-XCA] 2.2. A block is 256 bytes of code lengths, four bits for each of 512 symbols, and a stream of 16-bit little-endian words, taken from the
/// top bit down. Symbols below 256 are bytes; the others are matches: the low nibble is the length less 3 (15: more follows, in whole bytes out of
/// the stream), the next one the bits of the offset.</para>
/// </remarks>
internal sealed class XpressHuffman
{
    private const int Symbols = 512, LengthBytes = Symbols / 2, MinMatch = 3, LongMatch = 15;

    private readonly PrefixDecoder _code = new(Symbols);
    private readonly byte[] _lengths = new byte[Symbols];

    /// <summary>Decompresses one block that fills <paramref name="target"/>.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (source.Length < LengthBytes)
            return $"has {source.Length} bytes, expected code lengths of {LengthBytes}";
        for (var i = 0; i < LengthBytes; i++)
        {
            _lengths[2 * i] = (byte)(source[i] & 15);
            _lengths[2 * i + 1] = (byte)(source[i] >> 4);
        }
        if (!_code.TryBuild(_lengths) || _code.IsEmpty)
            return "its code lengths make no complete code";
        var at = LengthBytes;
        var bits = (uint)Word(source, ref at) << 16 | Word(source, ref at);
        var extra = 16;      // bits beyond the 16 that there always are
        for (var done = 0; done < target.Length;)
        {
            // Words behind the end are zeros, which may be part of the last symbols; but not more than those.
            if (at > source.Length + 4)
                return $"ends after {done} bytes, expected {target.Length}";
            var symbol = _code.Decode((int)(bits >> 16), out var length);
            Consume(source, ref at, ref bits, ref extra, length);
            if (symbol < 256)
            {
                target[done++] = (byte)symbol;
                continue;
            }
            var match = symbol & 15;
            if (match == LongMatch && !TryReadLength(source, ref at, ref match))
                return $"ends within the length of a match, after {done} bytes";
            var offsetBits = symbol - 256 >> 4;
            var offset = 1 << offsetBits | (int)((ulong)bits << offsetBits >> 32);
            Consume(source, ref at, ref bits, ref extra, offsetBits);
            if (offset > done)
                return $"refers {offset} bytes back, after {done}";
            var end = (int)Math.Min((long)done + match + MinMatch, target.Length);
            for (; done < end; done++)
                target[done] = target[done - offset];
        }
        return null;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> source, ref int at, ref int match)
    {
        if (at + 1 > source.Length)
            return false;
        match = source[at++];
        if (match == 255)
        {
            if (at + 2 > source.Length)
                return false;
            match = BinaryPrimitives.ReadUInt16LittleEndian(source[at..]);
            at += 2;
            if (match == 0)
            {
                if (at + 4 > source.Length)
                    return false;
                match = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(source[at..]), int.MaxValue / 2);
                at += 4;
            }
            return match >= LongMatch;
        }
        match += LongMatch;
        return true;
    }

    private static void Consume(ReadOnlySpan<byte> source, ref int at, ref uint bits, ref int extra, int count)
    {
        bits <<= count;
        extra -= count;
        if (extra < 0)
        {
            bits |= (uint)Word(source, ref at) << -extra;
            extra += 16;
        }
    }

    private static ushort Word(ReadOnlySpan<byte> source, ref int at)
    {
        var word = at + 2 <= source.Length ? BinaryPrimitives.ReadUInt16LittleEndian(source[at..]) : (ushort)0;
        at += 2;
        return word;
    }
}
