using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Gives clusters to the files of a volume that is being laid out, in the order of mkntfs.</summary>
internal sealed class NtfsNewSpace(long clusterCount)
{
    public RangeSet Used { get; } = new();

    /// <summary>The first cluster behind what is kept for the MFT; halved when the rest is full.</summary>
    public long ZoneEnd { get; set; }

    /// <summary>Takes clusters at a place.</summary>
    /// <returns>Null when they are not free, or not on the volume.</returns>
    public NtfsRunList? Take(long start, long count)
    {
        if (start < 0 || count <= 0 || start > clusterCount - count || Used.Overlaps(start, count))
            return null;
        Used.Add(start, count);
        var runs = new NtfsRunList();
        runs.Add(start, count);
        return runs;
    }

    /// <summary>Takes the first free clusters behind the MFT's zone; then those in its last half, and so on.</summary>
    /// <returns>Null when there are too few.</returns>
    public NtfsRunList? TakeScattered(long count)
    {
        var runs = new NtfsRunList();
        for (var end = clusterCount; ; end = ZoneEnd, ZoneEnd >>= 1)
        {
            if (ZoneEnd <= 0)
                return null;
            for (var from = ZoneEnd; count > 0 && Used.NextGap(from, end) is { } gap; from = gap.End)
            {
                var part = Math.Min(gap.Length, count);
                Used.Add(gap.Start, part);
                runs.Add(gap.Start, part);
                count -= part;
            }
            if (count == 0)
                return runs;
        }
    }
}
