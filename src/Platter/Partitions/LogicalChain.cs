using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>A logical partition, or a link of the chain that describes none.</summary>
internal sealed record LogicalEntry
{
    /// <summary>The sector of its extended boot record, absolute.</summary>
    public required long EbrSector { get; init; }

    /// <summary>Which of the record's four entries it is; -1 for a link without a partition.</summary>
    public required int Index { get; init; }

    /// <summary>Absolute.</summary>
    public long StartSector { get; init; }

    public long SectorCount { get; init; }
    public byte Type { get; init; }
    public byte Status { get; init; }

    public bool IsPartition => Index >= 0;
    public long EndSector => StartSector + SectorCount;
}

/// <summary>The chain of extended boot records (EBR) within an extended partition, each a sector shaped like an MBR.</summary>
/// <remarks><code>
///   extended partition, from sector X
///   EBR at X        entry 0: data, start relative to THIS record      entry 1: link, start relative to X
///   ...data...
///   EBR at X + n    entry 0: data, relative to X + n                  entry 1: link, relative to X
/// </code>
/// Read as Linux does (block/partitions/msdos.c): any of the four entries may be data; the first of an extended type is the link.</remarks>
internal static class LogicalChain
{
    // Linux numbers at most 256 partitions of a disk. More records than that are a hostile image.
    private const int RecordLimit = 1024;

    public static List<LogicalEntry> Read(BlockDevice disk, int sectorSize, long extendedSector, long extendedCount, FindingLog log)
    {
        var entries = new List<LogicalEntry>();
        var visited = new HashSet<long>();
        var bytes = new byte[MbrSector.Size];
        for (long? ebr = extendedSector; ebr is { } sector;)
        {
            var offset = sector * sectorSize;
            if (sector < extendedSector || sector >= extendedSector + extendedCount || offset > disk.Length - MbrSector.Size)
            {
                log.Add("MBR-0009", Severity.Error, "EBR", offset, $"the chain leads to sector {sector}, expected one within the extended partition and the device");
                break;
            }
            if (!visited.Add(sector))
            {
                log.Add("MBR-0008", Severity.Error, "EBR", offset, $"the chain of logical partitions comes back to sector {sector}");
                break;
            }
            if (visited.Count > RecordLimit)
            {
                log.Add("MBR-0011", Severity.Error, "EBR", offset, $"the chain has more than {RecordLimit} records; the rest is left out");
                break;
            }
            disk.Read(offset, bytes);
            ref readonly var record = ref Primitives.OnDisk.View<MbrSector>(bytes);
            if (record.Signature != MbrSector.ValidSignature)
            {
                log.Add("MBR-0007", Severity.Error, "EBR.signature", offset + MbrSector.SignatureOffset, $"found 0x{(ushort)record.Signature:X4}, expected 0xAA55");
                break;
            }
            ebr = ReadRecord(record, sector, extendedSector, extendedCount, entries, sectorSize, log);
        }
        return entries;
    }

    /// <summary>Adds the partitions of one record; returns the sector of the next record.</summary>
    private static long? ReadRecord(
        in MbrSector record, long sector, long extendedSector, long extendedCount, List<LogicalEntry> entries, int sectorSize, FindingLog log)
    {
        long? next = null;
        var partitions = 0;
        for (var i = 0; i < 4; i++)
        {
            ref readonly var entry = ref record.Entries[i];
            if (entry.SectorCount == 0)
                continue;
            if (entry.IsExtended)
            {
                next ??= extendedSector + entry.StartSector;
                continue;
            }
            if (entry.Type == 0)
                continue;
            var logical = new LogicalEntry
            {
                EbrSector = sector, Index = i, StartSector = sector + entry.StartSector, SectorCount = entry.SectorCount, Type = entry.Type, Status = entry.Status,
            };
            var isInside = logical.StartSector >= extendedSector && logical.EndSector <= extendedSector + extendedCount;
            if (i >= 2 && !isInside)
                continue; // Linux: the third and fourth entry are often garbage
            if (!isInside)
            {
                log.Add("MBR-0010", Severity.Error, "EBR.entries", (sector * sectorSize) + MbrSector.EntriesOffset + (i * MbrEntry.Size),
                    $"the logical partition at sectors {logical.StartSector}..{logical.EndSector - 1} is not within the extended partition's {extendedSector}..{extendedSector + extendedCount - 1}");
            }
            if (logical.StartSector <= sector && sector < logical.EndSector)
                log.Add("MBR-0014", Severity.Error, "EBR.entries", sector * sectorSize, $"the logical partition at sector {logical.StartSector} covers the record that describes it");
            entries.Add(logical);
            partitions++;
        }
        if (partitions == 0)
            entries.Add(new LogicalEntry { EbrSector = sector, Index = -1 });
        else if (partitions > 1)
            log.Add("MBR-0013", Severity.Warning, "EBR.entries", sector * sectorSize, $"found {partitions} logical partitions in one record, expected 1");
        return next;
    }
}
