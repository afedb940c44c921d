using System.Buffers.Binary;
using System.Numerics;

namespace Platter.Primitives.Codecs;

/// <summary>LZNT1, the compression of NTFS's compressed files.</summary>
/// <remarks>
/// <para>[MS-XCA] 2.5. Content is cut into chunks of 4096 bytes, each of which starts with a word:</para>
/// <code>
///   bit 15: compressed    bits 14-12: 3    bits 11-0: bytes behind the word, less 1        a word of 0, or the end of the data, ends it
///   compressed: | flags | 8 tokens | flags | 8 tokens ...      bit clear: a byte; bit set: a word, offset - 1 above length - 3
/// </code>
/// <para>The further a chunk has got, the more of that word's bits are the offset's: 4 to 12.</para>
/// </remarks>
internal static class Lznt1
{
    public const int ChunkSize = 4096;

    private const int CompressedFlag = 0x8000, Signature = 0x3000, MinMatch = 3;

    /// <summary>Decompresses; what the data leaves out, up to the end of <paramref name="target"/>, is zeros.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        var at = 0;
        for (var done = 0; done < target.Length; done += ChunkSize)
        {
            var chunk = target.Slice(done, Math.Min(ChunkSize, target.Length - done));
            var header = at + 2 <= source.Length ? BinaryPrimitives.ReadUInt16LittleEndian(source[at..]) : 0;
            if (header == 0)
            {
                target[done..].Clear();
                return null;
            }
            var length = (header & 0xFFF) + 1;
            at += 2;
            if (length > source.Length - at)
                return $"the chunk at byte {at - 2} is of {length} bytes, with {source.Length - at} behind it";
            var body = source.Slice(at, length);
            if ((header & CompressedFlag) == 0)
            {
                body[..Math.Min(length, chunk.Length)].CopyTo(chunk);
                chunk[Math.Min(length, chunk.Length)..].Clear();
            }
            else if (!DecompressChunk(body, chunk))
            {
                return $"the chunk at byte {at - 2} refers to bytes before its start";
            }
            at += length;
        }
        return null;
    }

    /// <summary>Compresses; the result has no end mark.</summary>
    /// <param name="source">What to compress.</param>
    /// <param name="target">At least as long as <paramref name="source"/> and two bytes more for every 4096.</param>
    /// <returns>Bytes written.</returns>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Span<ushort> heads = stackalloc ushort[HashSize];
        var written = 0;
        for (var at = 0; at < source.Length; at += ChunkSize)
        {
            var chunk = source.Slice(at, Math.Min(ChunkSize, source.Length - at));
            var length = CompressChunk(chunk, target.Slice(written + 2, chunk.Length), heads);
            var header = Signature | CompressedFlag;
            if (length < 0)
            {
                // A stored chunk is always a whole one: readers take its length for granted.
                chunk.CopyTo(target[(written + 2)..]);
                length = chunk.Length;
                header = Signature;
            }
            BinaryPrimitives.WriteUInt16LittleEndian(target[written..], (ushort)(header | length - 1));
            written += 2 + length;
        }
        return written;
    }

    private static bool DecompressChunk(ReadOnlySpan<byte> body, Span<byte> chunk)
    {
        var done = 0;
        for (var at = 0; at < body.Length && done < chunk.Length;)
        {
            int flags = body[at++];
            for (var bit = 0; bit < 8 && at < body.Length && done < chunk.Length; bit++, flags >>= 1)
            {
                if ((flags & 1) == 0)
                {
                    chunk[done++] = body[at++];
                    continue;
                }
                if (at + 2 > body.Length)
                    return false;
                int token = BinaryPrimitives.ReadUInt16LittleEndian(body[at..]);
                at += 2;
                var lengthBits = LengthBits(done);
                var offset = (token >> lengthBits) + 1;
                if (offset > done)
                    return false;
                var end = Math.Min(done + (token & (1 << lengthBits) - 1) + MinMatch, chunk.Length);
                for (; done < end; done++)
                    chunk[done] = chunk[done - offset];
            }
        }
        chunk[done..].Clear();
        return true;
    }

    // 12 in the first 16 bytes, then one less each time the position doubles.
    private static int LengthBits(int position) => position <= 16 ? 12 : 12 - (BitOperations.Log2((uint)(position - 1)) - 3);

    private const int HashSize = 4096, MaxChain = 16;

    // -1 when it doesn't get shorter.
    private static int CompressChunk(ReadOnlySpan<byte> chunk, Span<byte> target, Span<ushort> heads)
    {
        // Positions + 1 of the last string with a hash, and of the one before each.
        Span<ushort> before = stackalloc ushort[ChunkSize];
        heads.Clear();
        int written = 0, flagsAt = -1, bit = 8;
        for (var at = 0; at < chunk.Length;)
        {
            if (bit == 8)
            {
                if (written >= target.Length)
                    return -1;
                flagsAt = written++;
                target[flagsAt] = 0;
                bit = 0;
            }
            var lengthBits = LengthBits(at);
            var (offset, length) = Longest(chunk, at, lengthBits, heads, before);
            if (length >= MinMatch)
            {
                if (written + 2 > target.Length)
                    return -1;
                target[flagsAt] |= (byte)(1 << bit);
                BinaryPrimitives.WriteUInt16LittleEndian(target[written..], (ushort)(offset - 1 << lengthBits | length - MinMatch));
                written += 2;
            }
            else
            {
                if (written >= target.Length)
                    return -1;
                target[written++] = chunk[at];
                length = 1;
            }
            bit++;
            for (var end = at + length; at < end; at++)
            {
                if (at + MinMatch > chunk.Length)
                    continue;
                var hash = HashAt(chunk, at);
                before[at] = heads[hash];
                heads[hash] = (ushort)(at + 1);
            }
        }
        return written < chunk.Length ? written : -1;
    }

    private static (int Offset, int Length) Longest(ReadOnlySpan<byte> chunk, int at, int lengthBits, Span<ushort> heads, Span<ushort> before)
    {
        if (at + MinMatch > chunk.Length)
            return default;
        var most = Math.Min((1 << lengthBits) - 1 + MinMatch, chunk.Length - at);
        var maxOffset = 1 << 16 - lengthBits;
        var best = (Offset: 0, Length: 0);
        var left = MaxChain;
        for (int candidate = heads[HashAt(chunk, at)]; candidate != 0 && left > 0; candidate = before[candidate - 1], left--)
        {
            var from = candidate - 1;
            if (at - from > maxOffset)
                break;
            var length = chunk.Slice(at, most).CommonPrefixLength(chunk[from..]);
            if (length > best.Length)
                best = (at - from, length);
        }
        return best;
    }

    private static int HashAt(ReadOnlySpan<byte> chunk, int at) =>
        (int)((uint)(chunk[at] | chunk[at + 1] << 8 | chunk[at + 2] << 16) * 0x9E3779B1 >> 20);
}
