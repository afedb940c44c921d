using System.Runtime.InteropServices;

namespace Platter.Primitives;

/// <summary>A field of bits, 64 at a time; a set bit usually means: in use.</summary>
/// <remarks>Bit n lies in byte n / 8 at weight 1 &lt;&lt; (n % 8), as in NTFS, exFAT and ext; formats that count from the most significant
/// bit (HFS) say so to <see cref="Load"/> and <see cref="Save"/>. Readers may run concurrently while nobody writes.</remarks>
public sealed class Bitmap
{
    private readonly ulong[] _words;

    /// <param name="length">Number of bits, all clear.</param>
    public Bitmap(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _words = new ulong[(length + 63) / 64];
        Length = length;
    }

    /// <summary>Number of bits.</summary>
    public long Length { get; }

    public bool this[long index]
    {
        get
        {
            CheckRange(index, 1);
            return (_words[index >> 6] >> (int)(index & 63) & 1) != 0;
        }
        set
        {
            CheckRange(index, 1);
            var mask = 1UL << (int)(index & 63);
            if (value)
                _words[index >> 6] |= mask;
            else
                _words[index >> 6] &= ~mask;
        }
    }

    /// <summary>Sets or clears a run of bits.</summary>
    public void Fill(long start, long count, bool value)
    {
        CheckRange(start, count);
        BitWords.Fill(_words, start, count, value);
    }

    /// <summary>How many bits are set.</summary>
    public long CountSet() => CountSet(0, Length);

    /// <summary>How many bits of a run are set.</summary>
    public long CountSet(long start, long count)
    {
        CheckRange(start, count);
        return BitWords.CountSet(_words, start, count);
    }

    /// <summary>The first clear bit from <paramref name="from"/> and below <paramref name="limit"/>; -1 when there is none.</summary>
    public long NextClear(long from, long limit) => Next(from, limit, 0);

    /// <summary>The first set bit from <paramref name="from"/> and below <paramref name="limit"/>; -1 when there is none.</summary>
    public long NextSet(long from, long limit) => Next(from, limit, ulong.MaxValue);

    /// <summary>The first run of at least <paramref name="minimum"/> clear bits from <paramref name="from"/> and below
    /// <paramref name="limit"/>, cut at <paramref name="maximum"/> bits. Null when there is none.</summary>
    public LongRange? FindClearRun(long from, long limit, long minimum, long maximum = long.MaxValue)
    {
        CheckRange(from, limit - from);
        while (from < limit)
        {
            var start = Next(from, limit, 0);
            if (start < 0 || limit - start < minimum)
                return null;
            var searched = maximum < limit - start ? start + maximum : limit;
            var end = Next(start, searched, ulong.MaxValue);
            if (end < 0)
                end = searched;
            if (end - start >= minimum)
                return new LongRange(start, end - start);
            from = end;
        }
        return null;
    }

    /// <summary>The runs of set bits (or of clear ones) within a range, in order.</summary>
    public IEnumerable<LongRange> Runs(bool set, long start, long count)
    {
        CheckRange(start, count);
        var limit = start + count;
        while (start < limit)
        {
            start = Next(start, limit, set ? ulong.MaxValue : 0);
            if (start < 0)
                yield break;
            var end = Next(start, limit, set ? 0 : ulong.MaxValue);
            if (end < 0)
                end = limit;
            yield return new LongRange(start, end - start);
            start = end;
        }
    }

    /// <summary>Takes bits over from their form on disk.</summary>
    /// <param name="firstBit">Where they go; a multiple of 8.</param>
    /// <param name="bytes">Eight bits each; bits behind <see cref="Length"/> are ignored.</param>
    /// <param name="mostSignificantFirst">Whether the first bit of a byte is its bit 7, as in HFS.</param>
    public void Load(long firstBit, ReadOnlySpan<byte> bytes, bool mostSignificantFirst = false)
    {
        var target = BytesFrom(firstBit, bytes.Length);
        bytes[..target.Length].CopyTo(target);
        if (mostSignificantFirst)
            ReverseBits(target);
        if ((Length & 63) != 0)
            _words[^1] &= ulong.MaxValue >> (int)(64 - (Length & 63));
    }

    /// <summary>The reverse of <see cref="Load"/>; bits behind <see cref="Length"/> are written as 0.</summary>
    public void Save(long firstBit, Span<byte> bytes, bool mostSignificantFirst = false)
    {
        var source = BytesFrom(firstBit, bytes.Length);
        source.CopyTo(bytes);
        bytes[source.Length..].Clear();
        if (mostSignificantFirst)
            ReverseBits(bytes[..source.Length]);
    }

    private static void ReverseBits(Span<byte> bytes)
    {
        foreach (ref var b in bytes)
            b = (byte)((b * 0x0202020202UL & 0x010884422010UL) % 1023);     // the eight bits of a byte, mirrored
    }

    // The words in memory are the bytes on disk on a little-endian machine, and .NET 10 runs on no other that matters here.
    private Span<byte> BytesFrom(long firstBit, int count)
    {
        if ((firstBit & 7) != 0 || firstBit < 0 || firstBit > Length)
            throw new ArgumentOutOfRangeException(nameof(firstBit), $"bit {firstBit} is no multiple of 8 within {Length} bits");
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("bitmaps are kept in little-endian words");
        var word = (int)(firstBit >> 6);
        var bytes = MemoryMarshal.AsBytes(_words.AsSpan(word))[(int)((firstBit & 63) >> 3)..];
        return bytes[..Math.Min(count, bytes.Length)];
    }

    private long Next(long from, long limit, ulong like)
    {
        CheckRange(from, limit - from);
        return BitWords.Next(_words, from, limit, like);
    }

    private void CheckRange(long start, long count)
    {
        if (start < 0 || count < 0 || start > Length || count > Length - start)
            throw new ArgumentOutOfRangeException(nameof(start), $"bits {start}..{start + count} are not within {Length} bits");
    }
}
