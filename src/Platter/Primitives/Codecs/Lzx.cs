using System.Buffers.Binary;

namespace Platter.Primitives.Codecs;

/// <summary>LZX as WOF and WIM images use it: chunks of at most 32 KiB that stand for themselves.</summary>
/// <remarks>
/// <para>[MS-PATCH] and the cabinet SDK's "LZX data compression format", with the changes that wimlib's documentation lists: block sizes are one bit
/// (32 KiB) or 16 bits, calls in x86 code are translated always, and as for a file of 12,000,000 bytes.</para>
/// <code>
///   block: | kind 3 | size 1 (+16) | aligned: lengths of 8 codes | lengths of the main code | lengths of the length code | symbols ... |
///   symbol below 256: a byte; else 8 * position slot + length header, then more of the length, then the offset's lower bits
/// </code>
/// <para>Bits come from 16-bit little-endian words, from the top bit down.</para>
/// </remarks>
internal sealed class Lzx
{
    public const int MaxChunk = 32768;

    private const int PositionSlots = 30, MainSymbols = 256 + 8 * PositionSlots, LengthSymbols = 249, PretreeSymbols = 20, AlignedSymbols = 8;
    private const int VerbatimBlock = 1, AlignedBlock = 2, UncompressedBlock = 3;
    private const int FileSize = 12_000_000;

    // What the lower bits of an offset are added to, and how many they are.
    private static ReadOnlySpan<int> SlotBase =>
    [
        0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576,
    ];

    private static ReadOnlySpan<byte> SlotBits => [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

    private readonly PrefixDecoder _main = new(MainSymbols), _length = new(LengthSymbols), _pretree = new(PretreeSymbols), _aligned = new(AlignedSymbols);
    private readonly byte[] _mainLengths = new byte[MainSymbols], _lengthLengths = new byte[LengthSymbols];

    /// <summary>Decompresses one chunk that fills <paramref name="target"/>.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (target.Length > MaxChunk)
            return $"is to be {target.Length} bytes, expected at most {MaxChunk}";
        Array.Clear(_mainLengths);
        Array.Clear(_lengthLengths);
        var bits = new BitReader(source);
        var recent = new RecentOffsets { R0 = 1, R1 = 1, R2 = 1 };
        for (var done = 0; done < target.Length;)
        {
            var kind = bits.Take(3);
            var size = bits.Take(1) != 0 ? MaxChunk : bits.Take(16);
            if (size == 0 || size > target.Length - done)
                return $"has a block of {size} bytes after {done}, expected 1..{target.Length - done}";
            var block = target[..(done + size)];
            var problem = kind switch
            {
                VerbatimBlock or AlignedBlock => ReadCodes(ref bits, kind == AlignedBlock) ?? ReadSymbols(ref bits, block, done, kind == AlignedBlock, ref recent),
                UncompressedBlock => ReadUncompressed(ref bits, block[done..], ref recent),
                _ => $"has a block of kind {kind} after {done} bytes, expected 1..3",
            };
            if (problem is not null)
                return problem;
            done += size;
        }
        RestoreCalls(target);
        return null;
    }

    private string? ReadCodes(ref BitReader bits, bool isAligned)
    {
        if (isAligned)
        {
            Span<byte> lengths = stackalloc byte[AlignedSymbols];
            foreach (ref var length in lengths)
                length = (byte)bits.Take(3);
            if (!_aligned.TryBuild(lengths) || _aligned.IsEmpty)
                return "its aligned offset code is not complete";
        }
        if (!ReadLengths(ref bits, _mainLengths.AsSpan(0, 256)) || !ReadLengths(ref bits, _mainLengths.AsSpan(256)) || !_main.TryBuild(_mainLengths) || _main.IsEmpty)
            return "its main code is not complete";
        return ReadLengths(ref bits, _lengthLengths) && _length.TryBuild(_lengthLengths) ? null : "its length code is not complete";
    }

    // Differences to the lengths of the block before, modulo 17; and runs.
    private bool ReadLengths(ref BitReader bits, Span<byte> lengths)
    {
        Span<byte> pretree = stackalloc byte[PretreeSymbols];
        foreach (ref var length in pretree)
            length = (byte)bits.Take(4);
        if (!_pretree.TryBuild(pretree) || _pretree.IsEmpty)
            return false;
        for (var i = 0; i < lengths.Length;)
        {
            var symbol = bits.Decode(_pretree);
            if (symbol < 17)
            {
                lengths[i] = Changed(lengths[i], symbol);
                i++;
                continue;
            }
            var run = symbol switch { 17 => 4 + bits.Take(4), 18 => 20 + bits.Take(5), _ => 4 + bits.Take(1) };
            byte value = 0;
            if (symbol == 19)
            {
                symbol = bits.Decode(_pretree);
                if (symbol > 16)
                    return false;
                value = Changed(lengths[i], symbol);
            }
            run = Math.Min(run, lengths.Length - i);
            lengths.Slice(i, run).Fill(value);
            i += run;
        }
        return !bits.IsOver;
    }

    private static byte Changed(byte length, int difference) => (byte)(length >= difference ? length - difference : length - difference + 17);

    private string? ReadSymbols(ref BitReader bits, Span<byte> target, int done, bool isAligned, ref RecentOffsets recent)
    {
        while (done < target.Length)
        {
            if (bits.IsOver)
                return $"ends after {done} bytes, expected {target.Length}";
            var symbol = bits.Decode(_main);
            if (symbol < 256)
            {
                target[done++] = (byte)symbol;
                continue;
            }
            symbol -= 256;
            var length = symbol & 7;
            if (length == 7)
            {
                if (_length.IsEmpty)
                    return $"uses a length code that is empty, after {done} bytes";
                length += bits.Decode(_length);
            }
            length += 2;
            var offset = ReadOffset(ref bits, symbol >> 3, isAligned, ref recent);
            if (offset <= 0 || offset > done || length > target.Length - done)
                return $"has a match of {length} bytes, {offset} back, after {done} of {target.Length}";
            for (var end = done + length; done < end; done++)
                target[done] = target[done - offset];
        }
        return null;
    }

    private int ReadOffset(ref BitReader bits, int slot, bool isAligned, ref RecentOffsets recent)
    {
        if (slot < 3)
            return recent.Use(slot);
        int count = SlotBits[slot];
        var lower = isAligned && count >= 3 ? bits.Take(count - 3) << 3 | bits.Decode(_aligned) : bits.Take(count);
        var offset = SlotBase[slot] + lower - 2;
        recent.Push(offset);
        return offset;
    }

    private static string? ReadUncompressed(ref BitReader bits, Span<byte> target, ref RecentOffsets recent)
    {
        var rest = bits.Align();
        if (rest.Length < 12 + target.Length)
            return $"has {rest.Length} bytes for an uncompressed block of {target.Length}, expected 12 more than that";
        recent = new RecentOffsets
        {
            R0 = BinaryPrimitives.ReadInt32LittleEndian(rest),
            R1 = BinaryPrimitives.ReadInt32LittleEndian(rest[4..]),
            R2 = BinaryPrimitives.ReadInt32LittleEndian(rest[8..]),
        };
        rest.Slice(12, target.Length).CopyTo(target);
        bits.Skip(12 + target.Length + (target.Length & 1));
        return null;
    }

    // The compressor replaced the relative targets of calls (E8) by absolute ones, which repeat more often.
    private static void RestoreCalls(Span<byte> chunk)
    {
        for (var i = 0; i < chunk.Length - 10; i++)
        {
            if (chunk[i] != 0xE8)
                continue;
            var field = chunk.Slice(i + 1, 4);
            var target = BinaryPrimitives.ReadInt32LittleEndian(field);
            if (target >= 0 && target < FileSize)
                BinaryPrimitives.WriteInt32LittleEndian(field, target - i);
            else if (target < 0 && target >= -i)
                BinaryPrimitives.WriteInt32LittleEndian(field, target + FileSize);
            i += 4;
        }
    }

    /// <summary>The last three offsets, which have short codes.</summary>
    private struct RecentOffsets
    {
        public int R0, R1, R2;

        public int Use(int index)
        {
            var offset = index switch { 0 => R0, 1 => R1, _ => R2 };
            if (index == 1)
                R1 = R0;
            else if (index == 2)
                R2 = R0;
            R0 = offset;
            return offset;
        }

        public void Push(int offset) => (R0, R1, R2) = (offset, R0, R1);
    }

    private ref struct BitReader(ReadOnlySpan<byte> source)
    {
        private readonly ReadOnlySpan<byte> _source = source;
        private uint _bits;     // the next ones from the top down
        private int _count, _at;

        /// <summary>Whether more was taken than there is; zeros come then.</summary>
        public readonly bool IsOver => _at - _count / 16 * 2 > _source.Length + 1;

        public int Take(int count)
        {
            Ensure(count);
            var value = (int)((ulong)_bits << count >> 32);
            _bits = count == 32 ? 0 : _bits << count;
            _count -= count;
            return value;
        }

        public int Decode(PrefixDecoder code)
        {
            Ensure(16);
            var symbol = code.Decode((int)(_bits >> 16), out var length);
            _bits <<= length;
            _count -= length;
            return symbol;
        }

        /// <summary>Goes on to the next word (a whole one further when it is at one's start) and gives the bytes from there.</summary>
        public ReadOnlySpan<byte> Align()
        {
            Ensure(1);
            _at -= (_count - 1) / 16 * 2;
            _count = 0;
            _bits = 0;
            return _at < _source.Length ? _source[_at..] : [];
        }

        /// <summary>Goes on behind so many bytes, after <see cref="Align"/>.</summary>
        public void Skip(int bytes) => _at += bytes;

        private void Ensure(int count)
        {
            while (_count < count)
            {
                uint word = _at + 2 <= _source.Length ? BinaryPrimitives.ReadUInt16LittleEndian(_source[_at..]) : (ushort)0;
                _at += 2;
                _bits |= word << 16 - _count;
                _count += 16;
            }
        }
    }
}
