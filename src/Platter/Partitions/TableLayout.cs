using Platter.Blocks;

namespace Platter.Partitions;

/// <summary>A table's own bytes, as read: what an editor changes and writes back.</summary>
internal abstract class TableLayout
{
    /// <summary>Bytes in the sectors that the table counts in.</summary>
    public required int SectorSize { get; init; }
}

/// <summary>The rules that hold for the partitions of every kind of table.</summary>
internal static class CommonRules
{
    /// <summary>Each partition ends within the device.</summary>
    public static void EndWithinDevice(IEnumerable<Partition> partitions, long deviceLength, string code, FindingLog log)
    {
        foreach (var p in partitions)
        {
            if (p.ReachesPastEnd)
                log.Add(code, Severity.Error, $"partition {p.Number}", p.Start, $"found bytes {p.Start}..{p.End}, expected the end within the device's {deviceLength} bytes");
        }
    }

    /// <summary>No byte belongs to two partitions.</summary>
    public static void NoOverlap(IEnumerable<Partition> partitions, string code, FindingLog log)
    {
        Partition? last = null; // the one that reaches furthest so far
        foreach (var p in partitions.Where(p => p.Length > 0).OrderBy(p => p.Start))
        {
            if (last is not null && p.Start < last.End)
                log.Add(code, Severity.Error, $"partition {p.Number}", p.Start, $"overlaps partition {last.Number}, which ends at byte {last.End}");
            if (last is null || p.End > last.End)
                last = p;
        }
    }
}

/// <summary>The arithmetic of free space.</summary>
internal static class Gaps
{
    /// <summary>What is left of <paramref name="usable"/>, in order; empty pieces are left out.</summary>
    public static List<ByteRange> Between(ByteRange usable, IEnumerable<ByteRange> taken)
    {
        var gaps = new List<ByteRange>();
        var at = usable.Offset;
        foreach (var range in taken.OrderBy(r => r.Offset))
        {
            if (range.Offset > at)
                AddGap(at, Math.Min(range.Offset, usable.End));
            at = Math.Max(at, range.End);
        }
        AddGap(at, usable.End);
        return gaps;

        void AddGap(long start, long end)
        {
            if (end > start)
                gaps.Add(new ByteRange(start, end - start));
        }
    }

    public static long AlignUp(long value, long alignment) => (value + alignment - 1) / alignment * alignment;

    public static long AlignDown(long value, long alignment) => value / alignment * alignment;
}
