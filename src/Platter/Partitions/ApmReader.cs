using System.Numerics;
using System.Text;
using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>An Apple partition map.</summary>
internal sealed class ApmLayout : TableLayout
{
    /// <summary>The entries, a block each, in the map's order.</summary>
    public required IReadOnlyList<byte[]> Entries { get; init; }
}

/// <summary>Reads an Apple partition map.</summary>
internal static class ApmReader
{
    // Apple's tools make maps of 63 blocks; the entry that describes the map can name more. A bound against hostile images.
    private const int EntryLimit = 1024;

    /// <summary>Null when there is no map.</summary>
    public static PartitionTable? TryRead(BlockDevice disk, FindingLog log)
    {
        if (FindBlockSize(disk, log) is not { } blockSize)
            return null;
        var entries = ReadEntries(disk, blockSize, log);
        if (entries.Count == 0)
            return null;
        var partitions = new List<Partition>();
        foreach (var (bytes, i) in entries.Select((e, i) => (e, i)))
            partitions.Add(MakePartition(disk, blockSize, i, bytes));

        var map = partitions.Find(p => p.Type.Text == "Apple_partition_map");
        if (map is null)
            log.Add("APM-0007", Severity.Warning, "ApmEntry.type", blockSize, "no entry of type Apple_partition_map; expected the map to describe itself");
        else if (map.End < (entries.Count + 1L) * blockSize)
            log.Add("APM-0007", Severity.Warning, $"ApmEntry[{map.Number - 1}].blockCount", (long)map.Number * blockSize, $"the map's own partition ends at byte {map.End}, before its {entries.Count} entries do");
        CommonRules.NoOverlap(partitions, "APM-0006", log);
        CommonRules.EndWithinDevice(partitions, disk.Length, "APM-0005", log);
        var usable = Math.Max(map?.End ?? 0, (entries.Count + 1L) * blockSize);
        var end = Math.Min(Gaps.AlignDown(disk.Length, blockSize), (long)uint.MaxValue * blockSize); // blocks are counted with 32 bits
        return new PartitionTable(disk, new ApmLayout { SectorSize = blockSize, Entries = entries })
        {
            Scheme = PartitionScheme.Apm,
            SectorSize = blockSize,
            Partitions = partitions,
            Findings = log.Report.Findings,
            UsableRange = new ByteRange(Math.Min(usable, end), Math.Max(0, end - usable)),
        };
    }

    /// <summary>The block size that the driver descriptor names, if an entry is there; else the one at which an entry is found.</summary>
    private static int? FindBlockSize(BlockDevice disk, FindingLog log)
    {
        if (disk.Length < 1024)
            return null;
        var bytes = new byte[DriverDescriptor.Size];
        disk.Read(0, bytes);
        var descriptor = Primitives.OnDisk.View<DriverDescriptor>(bytes);
        var hasDescriptor = descriptor.Signature == DriverDescriptor.ValidSignature;
        var named = (int)(ushort)descriptor.BlockSize;
        if (hasDescriptor && named is >= 512 and <= 4096 && BitOperations.IsPow2(named) && IsEntryAt(disk, named))
            return named;
        foreach (var size in new[] { 512, 2048, 1024, 4096 })
        {
            if (!IsEntryAt(disk, size))
                continue;
            if (!hasDescriptor)
                log.Add("APM-0001", Severity.Warning, "DriverDescriptor.signature", 0, $"found 0x{(ushort)descriptor.Signature:X4}, expected 0x4552 (\"ER\")");
            else // CDs of two block sizes carry a map for each; the one that the descriptor does not name is usual there
                log.Add("APM-0002", Severity.Note, "DriverDescriptor.blockSize", 2, $"found {named}, but the map is in blocks of {size}");
            return size;
        }
        return null;
    }

    private static bool IsEntryAt(BlockDevice disk, long offset)
    {
        if (offset > disk.Length - 512)
            return false;
        var bytes = new byte[ApmEntry.Size];
        disk.Read(offset, bytes);
        ref readonly var entry = ref Primitives.OnDisk.View<ApmEntry>(bytes);
        return entry.Signature == ApmEntry.ValidSignature && entry.MapBlockCount != 0;
    }

    private static List<byte[]> ReadEntries(BlockDevice disk, int blockSize, FindingLog log)
    {
        var entries = new List<byte[]>();
        var count = 1L;
        for (var i = 0; i < count; i++)
        {
            var offset = (i + 1L) * blockSize;
            if (offset > disk.Length - blockSize)
            {
                log.Add("APM-0003", Severity.Error, $"ApmEntry[{i}]", offset, $"the map should have {count} entries, the device ends before this one");
                break;
            }
            var bytes = new byte[blockSize];
            disk.Read(offset, bytes);
            ref readonly var entry = ref Primitives.OnDisk.View<ApmEntry>(bytes);
            if (entry.Signature != ApmEntry.ValidSignature)
            {
                log.Add("APM-0003", Severity.Error, $"ApmEntry[{i}].signature", offset, $"found 0x{(ushort)entry.Signature:X4}, expected 0x504D (\"PM\"); the entries from here on are left out");
                break;
            }
            if (i == 0)
            {
                count = entry.MapBlockCount;
                if (count is 0 or > EntryLimit)
                {
                    log.Add("APM-0004", Severity.Error, "ApmEntry[0].mapBlockCount", offset + 4, $"found {count}, expected 1..{EntryLimit}; the entries behind are left out");
                    count = Math.Min(count, EntryLimit);
                }
            }
            else if (entry.MapBlockCount != count)
            {
                log.Add("APM-0004", Severity.Warning, $"ApmEntry[{i}].mapBlockCount", offset + 4, $"found {(uint)entry.MapBlockCount}, the first entry says {count}");
            }
            if ((ulong)entry.DataStart + entry.DataCount > entry.BlockCount && entry.DataCount != 0)
                log.Add("APM-0008", Severity.Warning, $"ApmEntry[{i}].dataCount", offset + 0x54, $"found {(uint)entry.DataCount} data blocks from {(uint)entry.DataStart}, the partition has {(uint)entry.BlockCount}");
            entries.Add(bytes);
        }
        return entries;
    }

    private static Partition MakePartition(BlockDevice disk, int blockSize, int index, byte[] bytes)
    {
        ref readonly var entry = ref Primitives.OnDisk.View<ApmEntry>(bytes);
        return new Partition
        {
            Number = index + 1,
            Start = (long)(uint)entry.StartBlock * blockSize,
            Length = (long)(uint)entry.BlockCount * blockSize,
            Type = PartitionType.FromText(ReadText(entry.Type)),
            Name = ReadText(entry.Name),
            Flags = (entry.Status.Value & ApmStatus.Bootable) != 0 ? PartitionFlags.Bootable : PartitionFlags.None,
            Disk = disk,
        };
    }

    /// <summary>Bytes above 0x7F are shown as Latin-1: the specification names no encoding, and types and names are ASCII in practice.</summary>
    private static string ReadText(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? field : field[..end]);
    }
}
