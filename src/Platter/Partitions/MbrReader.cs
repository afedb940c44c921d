using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>An MBR and its chain of logical partitions.</summary>
internal sealed class MbrLayout : TableLayout
{
    /// <summary>The 512 bytes at the start of the disk.</summary>
    public required byte[] Sector { get; init; }

    /// <summary>The chain, in its order; links without a partition included.</summary>
    public required IReadOnlyList<LogicalEntry> Chain { get; init; }

    public MbrEntry Entry(int index) => Primitives.OnDisk.View<MbrSector>(Sector).Entries[index];

    /// <summary>The index of the first extended entry, or -1.</summary>
    public int ExtendedIndex => Enumerable.Range(0, 4).FirstOrDefault(i => Entry(i) is { IsExtended: true, SectorCount: var count } && count != 0, -1);
}

/// <summary>Reads an MBR with its extended partition.</summary>
internal static class MbrReader
{
    public static PartitionTable Read(BlockDevice disk, byte[] sector, FindingLog log)
    {
        var sectorSize = disk.SectorSize;
        var mbr = Primitives.OnDisk.View<MbrSector>(sector);
        var partitions = new List<Partition>();
        var chain = new List<LogicalEntry>();
        int active = 0, extended = 0;
        for (var i = 0; i < 4; i++)
        {
            var entry = mbr.Entries[i];
            var at = MbrSector.EntriesOffset + (i * MbrEntry.Size);
            if ((entry.Status & 0x7F) != 0)
                log.Add("MBR-0001", Severity.Warning, $"MbrEntry[{i}].status", at, $"found 0x{entry.Status:X2}, expected 0x00 or 0x80; Linux ignores the whole table");
            if (entry.IsUnused)
                continue;
            if (entry.Type == 0 || entry.SectorCount == 0 || entry.StartSector == 0)
            {
                log.Add("MBR-0003", Severity.Warning, $"MbrEntry[{i}]", at,
                    $"found type 0x{entry.Type:X2}, start {(uint)entry.StartSector}, {(uint)entry.SectorCount} sectors; expected all of them zero, or none");
                if (entry.Type == 0 || entry.SectorCount == 0)
                    continue;
            }
            active += entry.Status == MbrEntry.Active ? 1 : 0;
            partitions.Add(MakePartition(disk, i + 1, entry.StartSector, entry.SectorCount, entry.Type, entry.Status, isLogical: false));
            if (!entry.IsExtended)
                continue;
            if (++extended == 2)
                log.Add("MBR-0006", Severity.Warning, $"MbrEntry[{i}].type", at, "a second extended partition, expected one at most");
            if ((long)(uint)entry.StartSector * sectorSize <= disk.Length - MbrSector.Size)
                chain.AddRange(LogicalChain.Read(disk, sectorSize, entry.StartSector, entry.SectorCount, log));
        }
        if (active > 1)
            log.Add("MBR-0002", Severity.Warning, "MbrSector.entries", MbrSector.EntriesOffset, $"found {active} active partitions, expected one at most");

        CommonRules.NoOverlap(partitions, "MBR-0005", log);
        var logicals = chain.Where(l => l.IsPartition)
            .Select((l, n) => MakePartition(disk, n + 5, l.StartSector, l.SectorCount, l.Type, l.Status, isLogical: true)).ToList();
        CommonRules.NoOverlap(logicals, "MBR-0005", log);
        partitions.AddRange(logicals);
        CommonRules.EndWithinDevice(partitions, disk.Length, "MBR-0004", log);
        return new PartitionTable(disk, new MbrLayout { SectorSize = sectorSize, Sector = sector, Chain = chain })
        {
            Scheme = PartitionScheme.Mbr,
            SectorSize = sectorSize,
            DiskSignature = mbr.DiskSignature,
            Partitions = partitions,
            Findings = log.Report.Findings,
            UsableRange = Usable(disk),
        };
    }

    /// <summary>From the sector behind the MBR to the last that 32 bits can count.</summary>
    public static ByteRange Usable(BlockDevice disk)
    {
        var end = Math.Min(Gaps.AlignDown(disk.Length, disk.SectorSize), (1L << 32) * disk.SectorSize);
        return new ByteRange(disk.SectorSize, Math.Max(0, end - disk.SectorSize));
    }

    private static Partition MakePartition(BlockDevice disk, int number, long start, long count, byte type, byte status, bool isLogical) => new()
    {
        Number = number,
        Start = start * disk.SectorSize,
        Length = count * disk.SectorSize,
        Type = PartitionType.FromByte(type),
        Flags = status == MbrEntry.Active ? PartitionFlags.Bootable : PartitionFlags.None,
        IsLogical = isLogical,
        Disk = disk,
    };
}
