using System.Buffers.Binary;
using System.Numerics;

namespace Platter.Testing.Ntfs;

/// <summary>Writes XPRESS blocks with Huffman codes, by [MS-XCA] 2.1; for tests alone.</summary>
public sealed class XpressEncoder
{
    private readonly List<byte> _out = [];
    private uint _bits;
    private int _count, _word, _nextWord;

    /// <summary>The block of some bytes.</summary>
    public static byte[] Encode(ReadOnlySpan<byte> data) => new XpressEncoder().EncodeBlock(data);

    private byte[] EncodeBlock(ReadOnlySpan<byte> data)
    {
        var tokens = LzSearch.Tokens(data, 3, 65535 + 3);
        var counts = new int[512];
        counts[256]++;      // the end mark of streams; the code is complete with it
        foreach (var token in tokens)
            counts[Symbol(token)]++;
        var lengths = PrefixCodeBuilder.Lengths(counts, 15);
        var codes = PrefixCodeBuilder.Codes(lengths);
        for (var i = 0; i < 512; i += 2)
            _out.Add((byte)(lengths[i] | lengths[i + 1] << 4));
        _word = _out.Count;
        _nextWord = _word + 2;
        _out.AddRange(new byte[4]);
        foreach (var token in tokens)
        {
            var symbol = Symbol(token);
            Put(codes[symbol], lengths[symbol]);
            if (token.Length == 0)
                continue;
            var rest = token.Length - 3;
            if (rest >= 15)
            {
                _out.Add((byte)Math.Min(rest - 15, 255));
                if (rest - 15 >= 255)
                    _out.AddRange([(byte)rest, (byte)(rest >> 8)]);
            }
            var bits = BitOperations.Log2((uint)token.Offset);
            Put(token.Offset - (1 << bits), bits);
        }
        Put(codes[256], lengths[256]);
        if (_count > 0)
            Put(0, 16 - _count);
        var block = _out.ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(_word), (ushort)(_count == 16 ? _bits : 0));
        return block;
    }

    private static int Symbol(LzToken token) => token.Length == 0 ? token.Literal
        : 256 + (BitOperations.Log2((uint)token.Offset) << 4 | Math.Min(15, token.Length - 3));

    // A word is written where the decoder, two words ahead, will have looked for it.
    private void Put(int value, int length)
    {
        for (var i = length - 1; i >= 0; i--)
        {
            if (_count == 16)
            {
                _out[_word] = (byte)_bits;
                _out[_word + 1] = (byte)(_bits >> 8);
                _word = _nextWord;
                _nextWord = _out.Count;
                _out.AddRange(new byte[2]);
                _bits = 0;
                _count = 0;
            }
            _bits = _bits << 1 | (uint)(value >> i & 1);
            _count++;
        }
    }
}
