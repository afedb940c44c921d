using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>Edits the chain of logical partitions. The record at the extended partition's first sector is always the chain's head, whichever
/// partition it describes; every other record lies in the gap before its partition.</summary>
internal sealed class LogicalWriter(PartitionTable table, int sectorSize, PartitionOptions options)
{
    private readonly BlockDevice _disk = table.Disk;

    /// <summary>A record to be written: its sector and the partition it describes.</summary>
    private sealed record Link(long EbrSector, long StartSector, long SectorCount, byte Type, byte Status)
    {
        public long EndSector => StartSector + SectorCount;
    }

    /// <summary>Adds a logical partition; returns where it starts, in bytes.</summary>
    public long Add(IReadOnlyList<LogicalEntry> chain, NewPartition wish, ByteRange extended)
    {
        RefuseNumber(wish);
        var links = Links(chain);
        var head = extended.Offset / sectorSize;
        var place = new Placement(sectorSize, options).Choose(wish, DataGaps(extended, links, sectorSize),
            wanted => Conflict(wanted, extended, table));
        var start = place.Offset / sectorSize;

        // In the chain behind the partition that precedes it on the disk, so that numbers and places keep the same order.
        var before = links.FindLastIndex(l => l.EndSector <= start && l.EndSector == links.Where(x => x.EndSector <= start).Max(x => x.EndSector));
        if (before < 0 && links.Count > 0) // the head's record passes to the new one, its former partition gets one right in front of itself
            links[0] = links[0] with { EbrSector = links[0].StartSector - 1 };
        links.Insert(before + 1, new Link(before < 0 ? head : RecordSector(start, extended, links), start, place.Length / sectorSize, wish.Type.Byte, MbrWriter.Status(wish.Flags)));
        Write(chain, links, head);
        return place.Offset;
    }

    /// <summary>Refuses a wish that would not fit into an extended partition about to be made.</summary>
    public static void RequireFit(PartitionTable table, ByteRange extended, NewPartition wish, int sectorSize, PartitionOptions options)
    {
        RefuseNumber(wish);
        new Placement(sectorSize, options).Choose(wish, DataGaps(extended, [], sectorSize), wanted => Conflict(wanted, extended, table));
    }

    public void Remove(IReadOnlyList<LogicalEntry> chain, long start)
    {
        var links = Links(chain);
        links.RemoveAt(IndexOf(links, start));
        var head = chain[0].EbrSector;
        if (links.Count > 0)
            links[0] = links[0] with { EbrSector = head };
        Write(chain, links, head);
    }

    public void Resize(IReadOnlyList<LogicalEntry> chain, Partition partition, long length)
    {
        var links = Links(chain);
        var index = IndexOf(links, partition.Start);
        var extended = table.Partitions.First(p => p.IsExtended);
        var end = partition.Start + length;
        var limit = links.SelectMany(l => new[] { l.EbrSector, l.StartSector }).Where(s => s > links[index].StartSector)
            .Select(s => s * sectorSize).Append(Math.Min(extended.End, _disk.Length)).Min();
        if (end < 0 || end > limit)
            throw new ArgumentException($"partition {partition.Number} cannot end at byte {end}: expected at most {limit}, where the next logical partition's record or the extended partition's end is");
        links[index] = links[index] with { SectorCount = length / sectorSize };
        Write(chain, links, chain[0].EbrSector);
    }

    public void Set(IReadOnlyList<LogicalEntry> chain, long start, PartitionChange change)
    {
        var links = Links(chain);
        var index = IndexOf(links, start);
        links[index] = links[index] with
        {
            Type = change.Type?.Byte ?? links[index].Type,
            Status = change.Flags is { } flags ? MbrWriter.Status(flags) : links[index].Status,
        };
        Write(chain, links, chain[0].EbrSector);
    }

    /// <summary>A record that describes nothing, at the start of an extended partition.</summary>
    public static void WriteEmptyRecord(BlockDevice disk, long offset)
    {
        var bytes = new byte[MbrSector.Size];
        Primitives.OnDisk.Edit<MbrSector>(bytes).Signature = MbrSector.ValidSignature;
        disk.Write(offset, bytes);
    }

    private static void RefuseNumber(NewPartition wish)
    {
        if (wish.Number is not null)
            throw new ArgumentException("logical partitions number themselves, from 5, in the order of their chain");
    }

    private static List<Link> Links(IReadOnlyList<LogicalEntry> chain) =>
        [.. chain.Where(l => l.IsPartition).Select(l => new Link(l.EbrSector, l.StartSector, l.SectorCount, l.Type, l.Status))];

    private int IndexOf(List<Link> links, long start) => links.FindIndex(l => l.StartSector * sectorSize == start);

    /// <summary>Where a new partition's own bytes may lie: each gap less the sector that a record needs.</summary>
    private static List<ByteRange> DataGaps(ByteRange extended, List<Link> links, int sectorSize)
    {
        var head = extended.Offset / sectorSize;
        var taken = links.SelectMany(l => new[] { new ByteRange(l.EbrSector * sectorSize, sectorSize), new ByteRange(l.StartSector * sectorSize, l.SectorCount * sectorSize) })
            .Append(new ByteRange(head * sectorSize, sectorSize));
        var gaps = new List<ByteRange>();
        foreach (var gap in Gaps.Between(extended, taken))
        {
            var isFirst = links.All(l => l.StartSector * sectorSize > gap.Offset);
            var usable = (isFirst, links.Count) switch
            {
                (true, 0) => gap, // the head's record is there already
                // The head's record passes to the new one; the sector is for the former first one's new record. That one must lie right behind.
                (true, _) when links[0].StartSector * sectorSize == gap.End => gap with { Length = gap.Length - sectorSize },
                (true, _) => default,
                _ => new ByteRange(gap.Offset + sectorSize, gap.Length - sectorSize),
            };
            if (usable.Length > 0)
                gaps.Add(usable);
        }
        return gaps;
    }

    /// <summary>An alignment before the partition where that is free, as sfdisk has it; else the sector right before.</summary>
    private long RecordSector(long start, ByteRange extended, List<Link> links)
    {
        var wished = start - (options.Alignment / sectorSize);
        var previousEnd = links.Where(l => l.StartSector < start).Select(l => l.EndSector)
            .Concat(links.Where(l => l.EbrSector < start).Select(l => l.EbrSector + 1)).Append((extended.Offset / sectorSize) + 1).Max();
        return wished >= previousEnd ? wished : start - 1;
    }

    private static string Conflict(ByteRange wanted, ByteRange extended, PartitionTable table)
    {
        if (wanted.Offset < extended.Offset || wanted.End > extended.End)
            return $"outside of the extended partition's bytes {extended.Offset}..{extended.End}";
        var other = table.Partitions.FirstOrDefault(p => p.IsLogical && p.Start < wanted.End && wanted.Offset < p.End);
        return other is null ? "the records of the logical partitions need some of them" : $"overlaps partition {other.Number} at bytes {other.Start}..{other.End}";
    }

    /// <summary>Writes every record of the chain, last to first, keeping what bytes of existing ones it does not know.</summary>
    private void Write(IReadOnlyList<LogicalEntry> chain, List<Link> links, long head)
    {
        foreach (var sector in links.Select(l => l.EbrSector).Append(head))
            RequireOutsideOfPartitions(sector, links);
        if (links.Count == 0)
        {
            WriteRecord(chain, head, default, default);
            return;
        }
        for (var i = links.Count - 1; i >= 0; i--)
        {
            var link = links[i];
            var data = MbrWriter.MakeEntry(link.StartSector, link.SectorCount, link.EbrSector, link.Type, link.Status);
            var next = i + 1 < links.Count
                ? MbrWriter.MakeEntry(links[i + 1].EbrSector, links[i + 1].EndSector - links[i + 1].EbrSector, head, 0x05, 0)
                : default;
            WriteRecord(chain, link.EbrSector, data, next);
        }
    }

    /// <summary>A damaged table can have partitions where the chain's records are; their data is not ours to overwrite.</summary>
    private void RequireOutsideOfPartitions(long sector, List<Link> links)
    {
        var offset = sector * sectorSize;
        var primary = table.Partitions.FirstOrDefault(p => !p.IsLogical && !p.IsExtended && p.Start <= offset && offset < p.End);
        if (primary is not null || links.Any(l => l.StartSector <= sector && sector < l.EndSector) || offset == 0)
            throw new DiskFormatException("MBR-0014", "EBR", offset, $"found {(primary is null ? "another partition" : $"partition {primary.Number}")} over a record of the chain of logical partitions; remove one of them first");
    }

    private void WriteRecord(IReadOnlyList<LogicalEntry> chain, long sector, MbrEntry data, MbrEntry next)
    {
        var bytes = new byte[MbrSector.Size];
        if (chain.Any(l => l.EbrSector == sector))
            _disk.Read(sector * sectorSize, bytes);
        ref var record = ref Primitives.OnDisk.Edit<MbrSector>(bytes);
        record.Entries[0] = data;
        record.Entries[1] = next;
        record.Entries[2] = default;
        record.Entries[3] = default;
        record.Signature = MbrSector.ValidSignature;
        _disk.Write(sector * sectorSize, bytes);
    }
}
