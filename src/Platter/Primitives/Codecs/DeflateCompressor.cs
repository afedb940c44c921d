using System.Numerics;
using System.Runtime.CompilerServices;

namespace Platter.Primitives.Codecs;

/// <summary>Compresses short buffers to raw deflate (RFC 1951) that refers back 4096 bytes at most: what readers of qcow2 expect, who inflate with
/// a window of 12 bits. Made for many buffers of some 64 KiB one after the other. One thread at a time.</summary>
/// <remarks>
/// <para>Matches are found through chains of places with the same hash of 4 bytes, the nearest first, and one table of hashes of 3; a match is
/// put off by a byte when the next place has a better one. In so short a window the tables stay within the processor's first cache.</para>
/// <para>Places are kept by their low 16 bits. What is found that way is always compared, so a place that was meant differently does no harm. The
/// tables are cleared for each buffer: the same bytes always give the same stream.</para>
/// </remarks>
internal sealed unsafe class DeflateCompressor
{
    private const int WindowSize = 4096, WindowMask = WindowSize - 1;
    private const int HashBits = 13, ShortHashBits = 12;
    private const int Depth = 20;           // candidates looked at for one place
    private const int GoodLength = 16;      // what is found already, for which fewer of them will do
    private const int NiceLength = 64;      // taken at once
    private const int PatienceBits = 8, LongestStep = 15;       // bytes without a match, in powers of two, after which one more is passed each time
    private const int Readable = 4;         // bytes that hashing takes

    private readonly ushort[] _heads = GC.AllocateArray<ushort>(1 << HashBits, pinned: true);           // by hash: the last place
    private readonly ushort[] _shortHeads = GC.AllocateArray<ushort>(1 << ShortHashBits, pinned: true);
    private readonly ushort[] _previous = GC.AllocateArray<ushort>(WindowSize, pinned: true);           // by place: the one before with the same hash
    private readonly DeflateBlock _block = new();
    private byte[] _packed = [];

    /// <summary>Compresses a buffer to one stream.</summary>
    /// <returns>Bytes put into <paramref name="target"/>; -1 when they don't fit.</returns>
    internal int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        ArgumentOutOfRangeException.ThrowIfZero(source.Length);
        _heads.AsSpan().Clear();
        _shortHeads.AsSpan().Clear();
        _previous.AsSpan().Clear();
        // Bits are put eight bytes at a time, so the stream grows in a buffer with room behind it.
        if (_packed.Length < target.Length + sizeof(ulong))
            _packed = GC.AllocateUninitializedArray<byte>(target.Length + sizeof(ulong), pinned: true);
        var packed = (byte*)Unsafe.AsPointer(ref _packed[0]);
        var bits = new DeflateBits(packed, packed + target.Length);
        fixed (byte* bytes = source)
        {
            for (var start = 0; start < source.Length;)
            {
                var end = Math.Min(start + DeflateBlock.MaxLength, source.Length);
                _block.Begin();
                Gather(bytes, start, end);
                if (!_block.Write(ref bits, bytes + start, end - start, isLast: end == source.Length))
                    return -1;
                start = end;
            }
        }
        bits.Align();
        var length = (int)(bits.At - packed);
        _packed.AsSpan(0, length).CopyTo(target);
        return length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(uint four) => four * 0x9E3779B1 >> 32 - HashBits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ShortHash(uint four) => (four << 8) * 0x9E3779B1 >> 32 - ShortHashBits;

    // How many bytes from two places on are the same, up to a limit.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CommonLength(byte* a, byte* b, int from, int limit)
    {
        var length = from;
        for (; length + sizeof(ulong) <= limit; length += sizeof(ulong))
        {
            var difference = Unsafe.ReadUnaligned<ulong>(a + length) ^ Unsafe.ReadUnaligned<ulong>(b + length);
            if (difference != 0)
                return length + (BitOperations.TrailingZeroCount(BitConverter.IsLittleEndian ? difference : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(difference)) >> 3);
        }
        while (length < limit && a[length] == b[length])
            length++;
        return length;
    }

    // Parses a block: what is not part of a match is counted as a literal.
    private void Gather(byte* bytes, int start, int end)
    {
        var counts = _block.LiteralCounts;
        var (at, run) = (start, start);         // run: where the literals since the last match begin
        while (at <= end - Readable)
        {
            var length = Find(bytes, at, end, DeflateBlock.ShortestMatch - 1, Depth, out var distance);
            if (length < DeflateBlock.ShortestMatch)
            {
                // The longer nothing is found, the fewer places are looked at: what can't be compressed goes through fast.
                var stop = Math.Min(end, at + 1 + Math.Min(at - run >> PatienceBits, LongestStep));
                while (at < stop)
                    counts[bytes[at++]]++;
                continue;
            }
            var entered = at + 1;               // the first place that is in no chain yet
            while (length < NiceLength && at + 1 <= end - Readable)
            {
                var next = Find(bytes, at + 1, end, length - 1, length >= GoodLength ? Depth / 8 : Depth / 2, out var nextDistance);
                entered = at + 2;
                if (next < length || 4 * (next - length) + BitOperations.Log2((uint)distance) - BitOperations.Log2((uint)nextDistance) <= 2)
                    break;
                counts[bytes[at++]]++;
                (length, distance) = (next, nextDistance);
            }
            _block.Add(at - run, length, distance);
            at += length;
            run = at;
            Enter(bytes, entered, Math.Min(at, end - Readable + 1));
        }
        for (; at < end; at++)
            counts[bytes[at]]++;
    }

    // The longest match at a place that is longer than a given one; 0 when there is none. The place is entered into the chains.
    private int Find(byte* bytes, int at, int end, int longerThan, int depth, out int distance)
    {
        var heads = (ushort*)Unsafe.AsPointer(ref _heads[0]);
        var shortHeads = (ushort*)Unsafe.AsPointer(ref _shortHeads[0]);
        var previous = (ushort*)Unsafe.AsPointer(ref _previous[0]);
        var here = bytes + at;
        var four = Unsafe.ReadUnaligned<uint>(here);
        if (!BitConverter.IsLittleEndian)
            four = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(four);
        var limit = Math.Min(end - at, DeflateBlock.LongestMatch);
        var reach = Math.Min(at, WindowSize);
        distance = 0;
        var best = longerThan;

        var shortHash = ShortHash(four);
        int candidate = shortHeads[shortHash];
        shortHeads[shortHash] = (ushort)at;
        var hash = Hash(four);
        int next = heads[hash];
        heads[hash] = (ushort)at;
        previous[at & WindowMask] = (ushort)next;

        if (best < DeflateBlock.ShortestMatch)
        {
            var back = (ushort)(at - candidate);
            if (back > 0 && back <= reach && here[0] == (here - back)[0] && here[1] == (here - back)[1] && here[2] == (here - back)[2])
                (best, distance) = (DeflateBlock.ShortestMatch, back);
        }
        if (best >= limit)
            return distance > 0 ? best : 0;
        best = Math.Max(best, DeflateBlock.ShortestMatch);
        var nearer = 0;
        for (int back = (ushort)(at - next); back > nearer && back <= reach && depth > 0; depth--)
        {
            var there = here - back;
            // The bytes that a longer match would need come first: most candidates fall there.
            if (Unsafe.ReadUnaligned<uint>(there + best - 3) == Unsafe.ReadUnaligned<uint>(here + best - 3)
                && Unsafe.ReadUnaligned<uint>(there) == Unsafe.ReadUnaligned<uint>(here))
            {
                var length = CommonLength(there, here, Readable, limit);
                if (length > best)
                {
                    (best, distance) = (length, back);
                    if (length >= NiceLength || length >= limit)
                        break;
                }
            }
            nearer = back;
            back = (ushort)(at - previous[(at - back) & WindowMask]);
        }
        return distance > 0 ? best : 0;
    }

    private void Enter(byte* bytes, int from, int end)
    {
        var heads = (ushort*)Unsafe.AsPointer(ref _heads[0]);
        var shortHeads = (ushort*)Unsafe.AsPointer(ref _shortHeads[0]);
        var previous = (ushort*)Unsafe.AsPointer(ref _previous[0]);
        for (var at = from; at < end; at++)
        {
            var four = Unsafe.ReadUnaligned<uint>(bytes + at);
            if (!BitConverter.IsLittleEndian)
                four = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(four);
            shortHeads[ShortHash(four)] = (ushort)at;
            var hash = Hash(four);
            previous[at & WindowMask] = heads[hash];
            heads[hash] = (ushort)at;
        }
    }
}
