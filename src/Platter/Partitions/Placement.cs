using System.Globalization;
using System.Numerics;
using Platter.Blocks;

namespace Platter.Partitions;

/// <summary>Chooses where a new partition goes, among the gaps that a table has.</summary>
internal sealed class Placement(int sectorSize, PartitionOptions options)
{
    /// <summary>The place that <paramref name="wish"/> gets.</summary>
    /// <param name="wish">Start and length, either of which may be left open.</param>
    /// <param name="gaps">Where the partition's own bytes may lie.</param>
    /// <param name="conflict">Says, for a range that lies in no gap, what is in its way.</param>
    public ByteRange Choose(NewPartition wish, IReadOnlyList<ByteRange> gaps, Func<ByteRange, string> conflict)
    {
        if (options.Alignment < sectorSize || !BitOperations.IsPow2(options.Alignment))
            throw new ArgumentException($"an alignment of {options.Alignment} bytes is not a power of two of at least one sector of {sectorSize}");
        var length = wish.Length is { } wished ? WholeSectors(wished) : (long?)null;
        if (wish.Start is { } start)
            return AtStart(start, length, gaps, conflict);

        var least = options.AllowSmallerAlignment ? sectorSize : options.Alignment;
        for (var alignment = options.Alignment; alignment >= least; alignment /= 2)
        {
            if (FirstFit(length, alignment, gaps) is { } place)
                return place;
        }
        throw new VolumeFullException("bytes between partitions", length ?? sectorSize, LargestAligned(least, gaps));
    }

    /// <summary><paramref name="length"/> in bytes, rounded up to whole sectors.</summary>
    /// <exception cref="ArgumentException">It is not positive, or absurd.</exception>
    public long WholeSectors(long length)
    {
        if (length is <= 0 or > long.MaxValue - 4096)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"a partition of {length} bytes cannot be; expected at least 1"));
        return Gaps.AlignUp(length, sectorSize);
    }

    private ByteRange AtStart(long start, long? length, IReadOnlyList<ByteRange> gaps, Func<ByteRange, string> conflict)
    {
        if (start < 0 || start % sectorSize != 0)
            throw new ArgumentException($"a partition cannot start at byte {start}: expected a multiple of the sector size, {sectorSize}");
        foreach (var gap in gaps)
        {
            if (start < gap.Offset || start >= gap.End)
                continue;
            if (length is null)
                return new ByteRange(start, FillEnd(start, gap.End, options.Alignment) - start);
            if (length <= gap.End - start)
                return new ByteRange(start, length.Value);
        }
        var wanted = new ByteRange(start, Math.Min(length ?? sectorSize, long.MaxValue - start));
        throw new ArgumentException($"bytes {wanted.Offset}..{wanted.End} cannot become a partition: {conflict(wanted)}");
    }

    private ByteRange? FirstFit(long? length, long alignment, IReadOnlyList<ByteRange> gaps)
    {
        ByteRange? best = null;
        foreach (var gap in gaps)
        {
            var start = Gaps.AlignUp(gap.Offset, alignment);
            if (length is { } wanted)
            {
                if (start < gap.End && gap.End - start >= wanted)
                    return new ByteRange(start, wanted);
            }
            else if (gap.End - start >= sectorSize && gap.End - start > (best?.Length ?? 0))
            {
                best = new ByteRange(start, FillEnd(start, gap.End, alignment) - start);
            }
        }
        return best;
    }

    private long LargestAligned(long alignment, IReadOnlyList<ByteRange> gaps) =>
        gaps.Select(g => g.End - Gaps.AlignUp(g.Offset, alignment)).Append(0).Max();

    /// <summary>A partition that fills its gap ends on the alignment, as fdisk has it, unless nothing would be left.</summary>
    private long FillEnd(long start, long gapEnd, long alignment)
    {
        var aligned = Gaps.AlignDown(gapEnd, alignment);
        return aligned > start ? aligned : Gaps.AlignDown(gapEnd, sectorSize);
    }
}
