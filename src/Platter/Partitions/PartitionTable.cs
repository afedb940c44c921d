using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>A disk's partition table, as read.</summary>
public sealed class PartitionTable
{
    internal PartitionTable(BlockDevice disk, TableLayout layout)
    {
        Disk = disk;
        Layout = layout;
    }

    /// <summary>The device the table was read from.</summary>
    public BlockDevice Disk { get; }

    public required PartitionScheme Scheme { get; init; }

    /// <summary>Bytes in the sectors (APM: blocks) that the table counts in. Differs from the device's when the table was made for another
    /// sector size; that is a finding.</summary>
    public required int SectorSize { get; init; }

    /// <summary>GPT: the disk's GUID; null for other tables.</summary>
    public Guid? DiskId { get; init; }

    /// <summary>MBR: the signature at byte 440, 0 when there is none; null for other tables.</summary>
    public uint? DiskSignature { get; init; }

    /// <summary>The partitions, by number. An MBR extended partition is listed itself, as are an APM's map and free entries.</summary>
    public required IReadOnlyList<Partition> Partitions { get; init; }

    /// <summary>What was wrong, or worth knowing, and did not keep the table from being read: a damaged primary GPT, overlaps, ...</summary>
    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>Where partitions may lie: bytes of the disk that the table itself does not need.</summary>
    public required ByteRange UsableRange { get; init; }

    /// <summary>The bytes that an editor starts from.</summary>
    internal TableLayout Layout { get; }

    /// <summary>Finds the partition of this number.</summary>
    /// <exception cref="FileNotFoundException">There is none; the message lists the numbers there are.</exception>
    public Partition this[int number] => Partitions.FirstOrDefault(p => p.Number == number)
        ?? throw new FileNotFoundException(Partitions.Count == 0
            ? $"there is no partition {number}: the table is empty"
            : $"there is no partition {number}: the table has {string.Join(", ", Partitions.Select(p => p.Number))}");

    /// <summary>The gaps between partitions, in order, whole sectors, at least one; an extended partition counts as taken.</summary>
    public IReadOnlyList<ByteRange> FreeRanges() => Gaps.Between(UsableRange,
        Partitions.Where(p => !p.IsLogical && p.Type.Text != "Apple_Free").Select(p => new ByteRange(p.Start, p.Length)));

    /// <summary>Reads the table of a disk: GPT, MBR or APM; null when there is none (a blank disk, or a file system without a table).</summary>
    /// <exception cref="DiskFormatException">There is a table, and it is too damaged to be read.</exception>
    public static PartitionTable? TryOpen(BlockDevice disk) => Read(disk, new FindingLog(throws: true));

    /// <summary>The one way in, for opening and for checking. Linux' order: GPT, MBR, APM.</summary>
    internal static PartitionTable? Read(BlockDevice disk, FindingLog log)
    {
        if (disk.Length < MbrSector.Size)
            return null;
        var sector = new byte[MbrSector.Size];
        disk.Read(0, sector);
        switch (BootSector.Classify(sector, disk.Length / disk.SectorSize))
        {
            case BootSectorKind.FileSystem:
                return null;
            case BootSectorKind.ProtectiveMbr:
                if (GptReader.IsReadable(disk) || !HasOtherEntries(sector))
                    return GptReader.Read(disk, sector, log);
                log.Add("GPT-0001", Severity.Error, "GptHeader", disk.SectorSize, "neither the primary nor the backup copy is sound; the partitions are those of the hybrid MBR");
                return MbrReader.Read(disk, sector, log);
            case BootSectorKind.Mbr:
                if (GptReader.HasSoundPrimary(disk))
                    log.Add("MBR-0012", Severity.Note, "GptHeader", disk.SectorSize, "a GPT lies behind the MBR, which does not announce it; it is taken for a remnant");
                return MbrReader.Read(disk, sector, log);
            case BootSectorKind.EmptyMbr:
                return TryReadUnannounced(disk, sector, log) ?? MbrReader.Read(disk, sector, log);
            default:
                return TryReadUnannounced(disk, sector, log);
        }
    }

    /// <summary>A GPT whose protective MBR is gone, or an Apple map. A backup alone counts only when the disk's start has been
    /// zeroed, for it outlives many a reformatting to a plain file system.</summary>
    private static PartitionTable? TryReadUnannounced(BlockDevice disk, byte[] sector, FindingLog log)
    {
        if (GptReader.HasSoundPrimary(disk) || (StartsWithZeros(disk) && GptReader.IsReadable(disk)))
            return GptReader.Read(disk, sector, log);
        return ApmReader.TryRead(disk, log);
    }

    private static bool HasOtherEntries(byte[] sector)
    {
        var mbr = Primitives.OnDisk.View<MbrSector>(sector);
        return Enumerable.Range(0, 4).Any(i => mbr.Entries[i] is { SectorCount: var count, Type: not 0 and not MbrEntry.Protective } && count != 0);
    }

    private static bool StartsWithZeros(BlockDevice disk)
    {
        var start = new byte[(int)Math.Min(disk.Length, 34 * 512)]; // the MBR, the header and the array of 128 entries
        disk.Read(0, start);
        return !start.AsSpan().ContainsAnyExcept((byte)0);
    }
}
