using System.Numerics;
using System.Runtime.CompilerServices;

namespace Platter.Primitives.Codecs;

/// <summary>A block of a deflate stream: literals and matches are gathered, then written in whichever of the three ways is the shortest
/// (RFC 1951, section 3.2.3: stored, with the fixed codes, with codes of its own).</summary>
internal sealed unsafe class DeflateBlock
{
    /// <summary>Bytes of content that a block takes.</summary>
    internal const int MaxLength = 64 << 10;

    internal const int ShortestMatch = 3, LongestMatch = 258;

    private const int EndOfBlock = 256, FirstLength = 257, LiteralSymbols = 286, DistanceSymbols = 30, LengthSymbols = 19;
    private const int LongestCode = 15, LongestLengthCode = 7;
    private const int LongestStored = 65535;

    private static readonly byte[] LengthSlots = MakeLengthSlots();

    // Section 3.2.7: the order in which the lengths of the code for lengths are written.
    private static ReadOnlySpan<byte> LengthOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    // Pinned for good, so that the inner loops of all calls use plain pointers.
    private readonly int[] _literalCounts = GC.AllocateArray<int>(LiteralSymbols, pinned: true);
    private readonly int[] _distanceCounts = GC.AllocateArray<int>(DistanceSymbols, pinned: true);
    private readonly ulong[] _sequences = GC.AllocateArray<ulong>(MaxLength / ShortestMatch + 2, pinned: true);
    private readonly uint[] _literals = GC.AllocateArray<uint>(LiteralSymbols + 2, pinned: true);       // code | bits << 24
    private readonly uint[] _lengths = GC.AllocateArray<uint>(LongestMatch + 1, pinned: true);          // the same with the extra bits, by length of the match
    private readonly uint[] _distances = GC.AllocateArray<uint>(DistanceSymbols + 2, pinned: true);
    private readonly byte[] _codeLengths = new byte[LiteralSymbols + 2 + DistanceSymbols + 2];
    private readonly int[] _codes = new int[LiteralSymbols + 2];
    private readonly ushort[] _header = new ushort[LiteralSymbols + DistanceSymbols];       // the lengths of codes, run by run: symbol | extra bits << 8
    private readonly byte[] _headerLengths = new byte[LengthSymbols];
    private readonly int[] _headerCounts = new int[LengthSymbols];
    private int _count;

    /// <summary>How often each literal and length has been gathered; who gathers literals counts them here.</summary>
    internal int* LiteralCounts => (int*)Unsafe.AsPointer(ref _literalCounts[0]);

    internal void Begin()
    {
        _literalCounts.AsSpan().Clear();
        _distanceCounts.AsSpan().Clear();
        _count = 0;
    }

    /// <summary>Gathers a match, and says how many literals stood between it and the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(int literals, int length, int distance)
    {
        _sequences[_count++] = (ulong)literals << 32 | (uint)length << 16 | (uint)distance;
        _literalCounts[FirstLength + LengthSlots[length]]++;
        _distanceCounts[DistanceSlot(distance)]++;
    }

    /// <summary>Writes the block.</summary>
    /// <param name="to">Where.</param>
    /// <param name="content">What the block stands for.</param>
    /// <param name="length">Bytes of content.</param>
    /// <param name="isLast">Whether no block follows.</param>
    /// <returns>False when there is no room; then nothing useful is written.</returns>
    internal bool Write(ref DeflateBits to, byte* content, int length, bool isLast)
    {
        _literalCounts[EndOfBlock]++;
        var (literalCount, distanceCount, headerCount, headerBits) = ChooseCodes();
        var own = headerBits + ContentBits(_codeLengths.AsSpan(0, LiteralSymbols), _codeLengths.AsSpan(LiteralSymbols, DistanceSymbols));
        var @fixed = FixedBits();
        // A stored part has up to 7 bits in front of its two lengths.
        var stored = length * 8L + (length + LongestStored - 1) / LongestStored * (7 + 32 + 3L);
        var shortest = Math.Min(own, @fixed) + 3;
        if (stored <= shortest)
            return WriteStored(ref to, content, length, isLast);
        if (shortest > to.Room)
            return false;
        var last = isLast ? 1u : 0;
        if (@fixed < own)
        {
            to.Put(last | 1 << 1, 3);
            PackFixed();
        }
        else
        {
            to.Put(last | 2 << 1, 3);
            WriteHeader(ref to, literalCount, distanceCount, headerCount);
            PackOwn();
        }
        PackLengths();
        WriteContent(ref to, content, length);
        return true;
    }

    private static int LengthSlot(int length)
    {
        var above = length - ShortestMatch;
        if (above < 8)
            return above;
        if (length == LongestMatch)
            return 28;
        var log = BitOperations.Log2((uint)above);
        return 4 * (log - 1) + (above >> log - 2 & 3);
    }

    private static byte[] MakeLengthSlots()
    {
        var slots = new byte[LongestMatch + 1];
        for (var length = ShortestMatch; length <= LongestMatch; length++)
            slots[length] = (byte)LengthSlot(length);
        return slots;
    }

    private static int LengthExtra(int slot) => slot < 8 || slot == 28 ? 0 : slot / 4 - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int DistanceSlot(int distance)
    {
        var above = (uint)distance - 1;
        if (above < 4)
            return (int)above;
        var log = BitOperations.Log2(above);
        return 2 * log + (int)(above >> log - 1 & 1);
    }

    private static int DistanceExtra(int slot) => slot < 4 ? 0 : slot / 2 - 1;

    // The lengths of all codes, and the bits that telling them takes.
    private (int Literals, int Distances, int Header, long Bits) ChooseCodes()
    {
        var literals = _codeLengths.AsSpan(0, LiteralSymbols);
        var distances = _codeLengths.AsSpan(LiteralSymbols, DistanceSymbols);
        PrefixCode.ChooseLengths(_literalCounts, LongestCode, literals);
        PrefixCode.ChooseLengths(_distanceCounts, LongestCode, distances);
        var literalCount = Math.Max(FirstLength, literals.LastIndexOfAnyExcept((byte)0) + 1);
        var distanceCount = Math.Max(1, distances.LastIndexOfAnyExcept((byte)0) + 1);
        Span<byte> all = stackalloc byte[LiteralSymbols + DistanceSymbols];
        all = all[..(literalCount + distanceCount)];
        literals[..literalCount].CopyTo(all);
        distances[..distanceCount].CopyTo(all[literalCount..]);
        var count = FindRuns(all);
        _headerCounts.AsSpan().Clear();
        foreach (var item in _header.AsSpan(0, count))
            _headerCounts[item & 0xFF]++;
        PrefixCode.ChooseLengths(_headerCounts, LongestLengthCode, _headerLengths);
        var bits = 14L + 3 * HeaderLengthCount();
        for (var symbol = 0; symbol < LengthSymbols; symbol++)
            bits += _headerCounts[symbol] * (_headerLengths[symbol] + RunExtra(symbol));
        return (literalCount, distanceCount, count, bits);
    }

    // Section 3.2.7: 16 repeats the last length 3 to 6 times, 17 and 18 are 3 to 10 and 11 to 138 zeros.
    private int FindRuns(ReadOnlySpan<byte> lengths)
    {
        var count = 0;
        for (var i = 0; i < lengths.Length;)
        {
            var length = lengths[i];
            var run = lengths[i..].IndexOfAnyExcept(length);
            if (run < 0)
                run = lengths.Length - i;
            i += run;
            if (length != 0)
            {
                _header[count++] = length;
                run--;
            }
            while (run >= 3)
            {
                var part = Math.Min(run, length != 0 ? 6 : 138);
                _header[count++] = (ushort)(length != 0 ? 16 | part - 3 << 8 : part <= 10 ? 17 | part - 3 << 8 : 18 | part - 11 << 8);
                run -= part;
            }
            while (run-- > 0)
                _header[count++] = length;
        }
        return count;
    }

    private static int RunExtra(int symbol) => symbol switch { 16 => 2, 17 => 3, 18 => 7, _ => 0 };

    private int HeaderLengthCount()
    {
        var count = LengthSymbols;
        while (count > 4 && _headerLengths[LengthOrder[count - 1]] == 0)
            count--;
        return count;
    }

    private void WriteHeader(ref DeflateBits to, int literalCount, int distanceCount, int headerCount)
    {
        var lengthCount = HeaderLengthCount();
        to.Put((uint)(literalCount - FirstLength), 5);
        to.Put((uint)(distanceCount - 1), 5);
        to.Put((uint)(lengthCount - 4), 4);
        for (var i = 0; i < lengthCount; i++)
            to.Put(_headerLengths[LengthOrder[i]], 3);
        Span<int> codes = stackalloc int[LengthSymbols];
        PrefixCode.MakeCodes(_headerLengths, codes);
        foreach (var item in _header.AsSpan(0, headerCount))
        {
            var symbol = item & 0xFF;
            to.Put((uint)codes[symbol], _headerLengths[symbol]);
            to.Put((uint)(item >> 8), RunExtra(symbol));
        }
    }

    private long ContentBits(ReadOnlySpan<byte> literals, ReadOnlySpan<byte> distances)
    {
        var bits = 0L;
        for (var symbol = 0; symbol < FirstLength; symbol++)
            bits += (long)_literalCounts[symbol] * literals[symbol];
        for (var symbol = FirstLength; symbol < LiteralSymbols; symbol++)
            bits += (long)_literalCounts[symbol] * (literals[symbol] + LengthExtra(symbol - FirstLength));
        for (var symbol = 0; symbol < DistanceSymbols; symbol++)
            bits += (long)_distanceCounts[symbol] * (distances[symbol] + DistanceExtra(symbol));
        return bits;
    }

    private long FixedBits()
    {
        Span<byte> literals = stackalloc byte[LiteralSymbols + 2];
        Span<byte> distances = stackalloc byte[DistanceSymbols + 2];
        FillFixed(literals, distances);
        return ContentBits(literals, distances);
    }

    // Section 3.2.6. The codes are made over all 288 and 32 symbols, of which some never occur.
    private static void FillFixed(Span<byte> literals, Span<byte> distances)
    {
        literals[..144].Fill(8);
        literals[144..256].Fill(9);
        literals[256..280].Fill(7);
        literals[280..].Fill(8);
        distances.Fill(5);
    }

    private void PackFixed()
    {
        Span<byte> literals = stackalloc byte[LiteralSymbols + 2];
        Span<byte> distances = stackalloc byte[DistanceSymbols + 2];
        FillFixed(literals, distances);
        Pack(literals, _literals);
        Pack(distances, _distances);
    }

    private void PackOwn()
    {
        Pack(_codeLengths.AsSpan(0, LiteralSymbols), _literals);
        Pack(_codeLengths.AsSpan(LiteralSymbols, DistanceSymbols), _distances);
    }

    private void Pack(ReadOnlySpan<byte> lengths, Span<uint> packed)
    {
        PrefixCode.MakeCodes(lengths, _codes);
        for (var symbol = 0; symbol < lengths.Length; symbol++)
            packed[symbol] = (uint)_codes[symbol] | (uint)lengths[symbol] << 24;
    }

    // Code and extra bits of each length as one.
    private void PackLengths()
    {
        for (var length = ShortestMatch; length <= LongestMatch; length++)
        {
            var slot = LengthSlots[length];
            var (extra, packed) = (LengthExtra(slot), _literals[FirstLength + slot]);
            var above = (uint)(length - ShortestMatch) & (1u << extra) - 1;
            _lengths[length] = packed + ((uint)extra << 24) | above << (int)(packed >> 24);
        }
    }

    private void WriteContent(ref DeflateBits to, byte* content, int length)
    {
        var literals = (uint*)Unsafe.AsPointer(ref _literals[0]);
        var lengths = (uint*)Unsafe.AsPointer(ref _lengths[0]);
        var distances = (uint*)Unsafe.AsPointer(ref _distances[0]);
        var bits = to;          // a copy, so that it can be kept in registers
        var at = content;
        var end = content + length;
        foreach (var sequence in _sequences.AsSpan(0, _count))
        {
            var stop = at + (int)(sequence >> 32);
            for (; at + 3 <= stop; at += 3)
            {
                var (a, b, c) = (literals[at[0]], literals[at[1]], literals[at[2]]);
                var (aBits, bBits) = ((int)(a >> 24), (int)(b >> 24));
                bits.Put(a & 0xFFFFFF | (b & 0xFFFFFF) << aBits | (ulong)(c & 0xFFFFFF) << aBits + bBits, aBits + bBits + (int)(c >> 24));
            }
            for (; at < stop; at++)
                bits.Put(literals[*at] & 0xFFFFFF, (int)(literals[*at] >> 24));
            var (matched, distance) = ((int)(sequence >> 16 & 0xFFFF), (int)(sequence & 0xFFFF));
            var slot = DistanceSlot(distance);
            var (first, second, extra) = (lengths[matched], distances[slot], DistanceExtra(slot));
            var (firstBits, secondBits) = ((int)(first >> 24), (int)(second >> 24));
            var above = (uint)(distance - 1) & (1u << extra) - 1;
            bits.Put(first & 0xFFFFFF | (ulong)(second & 0xFFFFFF) << firstBits | (ulong)above << firstBits + secondBits, firstBits + secondBits + extra);
            at += matched;
        }
        for (; at < end; at++)
            bits.Put(literals[*at] & 0xFFFFFF, (int)(literals[*at] >> 24));
        bits.Put(literals[EndOfBlock] & 0xFFFFFF, (int)(literals[EndOfBlock] >> 24));
        to = bits;
    }

    // Section 3.2.4: the length and its complement, on whole bytes, then the content as it is.
    private static bool WriteStored(ref DeflateBits to, byte* content, int length, bool isLast)
    {
        for (var done = 0; done < length;)
        {
            var part = Math.Min(length - done, LongestStored);
            if ((part + 5L) * 8 + 2 > to.Room)
                return false;
            to.Put(isLast && done + part == length ? 1u : 0, 3);
            to.Align();
            to.Put((uint)part | (uint)(~part & 0xFFFF) << 16, 32);
            to.PutBytes(content + done, part);
            done += part;
        }
        return true;
    }
}
