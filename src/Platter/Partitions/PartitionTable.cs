using Platter.Blocks;

namespace Platter.Partitions;

/// <summary>A disk's partition table, as read.</summary>
public sealed class PartitionTable
{
    internal PartitionTable(BlockDevice disk) => Disk = disk;

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

    /// <summary>Finds the partition of this number.</summary>
    /// <exception cref="FileNotFoundException">There is none; the message lists the numbers there are.</exception>
    public Partition this[int number] => throw new InvalidOperationException();

    /// <summary>The gaps between partitions, in order, whole sectors, at least one; an extended partition counts as taken.</summary>
    public IReadOnlyList<ByteRange> FreeRanges() => throw new InvalidOperationException();

    /// <summary>Reads the table of a disk: GPT, MBR or APM; null when there is none (a blank disk, or a file system without a table).</summary>
    /// <exception cref="DiskFormatException">There is a table, and it is too damaged to be read.</exception>
    public static PartitionTable? TryOpen(BlockDevice disk) => throw new InvalidOperationException();
}
