namespace Platter.Partitions;

/// <summary>How a partition table is made and edited.</summary>
public sealed record PartitionOptions
{
    /// <summary>1 MiB: what all tools agree on, a multiple of every flash page and RAID stripe in use.</summary>
    public const long DefaultAlignment = 1 << 20;

    /// <summary>Bytes, a power of two, at least one sector: where a partition may start when the caller names no start.</summary>
    public long Alignment { get; init; } = DefaultAlignment;

    /// <summary>Whether to halve the alignment, down to one sector, when a partition fits nowhere otherwise; for floppies and other tiny disks.</summary>
    public bool AllowSmallerAlignment { get; init; }

    /// <summary>Where new GUIDs come from (and the MBR disk signature: the first 4 bytes of one). Null: random ones.
    /// A reproducible build passes its own.</summary>
    public Func<Guid>? NewGuid { get; init; }

    /// <summary>GPT: the disk's GUID. Null: from <see cref="NewGuid"/>.</summary>
    public Guid? DiskId { get; init; }

    /// <summary>MBR: the disk's signature, at byte 440. Null: from <see cref="NewGuid"/>. 0: none.</summary>
    public uint? DiskSignature { get; init; }

    /// <summary>GPT: how many entries a new table has room for; 4 to 1024 (the specification's least array of 16 KiB holds 128).
    /// APM: blocks of the map, 63 when this is left at 128.</summary>
    public int EntryCount { get; init; } = 128;

    /// <summary>Whether a new table may replace one that holds partitions.</summary>
    public bool Overwrite { get; init; }
}

/// <summary>Where a partition of an MBR disk goes.</summary>
public enum MbrPlacement
{
    /// <summary>A primary partition while an entry of the four and a gap are free, else a logical one in the extended partition there is.</summary>
    Automatic,

    /// <summary>One of the four.</summary>
    Primary,

    /// <summary>Within the extended partition, which is made over the largest gap when there is none.</summary>
    Logical,
}

/// <summary>A partition to be made.</summary>
public sealed record NewPartition
{
    public required PartitionType Type { get; init; }

    /// <summary>Bytes from the start of the disk, a multiple of the sector size; null for the first aligned gap that fits.</summary>
    public long? Start { get; init; }

    /// <summary>Bytes; rounded up to whole sectors. Null: to the end of the gap at <see cref="Start"/>, or of the largest gap.</summary>
    public long? Length { get; init; }

    /// <summary>GPT: up to 36 UTF-16 units; APM: up to 31 Mac Roman characters, of which Platter writes ASCII; MBR: must be empty.</summary>
    public string Name { get; init; } = "";

    public PartitionFlags Flags { get; init; }

    /// <summary>GPT: the unique GUID. Null: from <see cref="PartitionOptions.NewGuid"/>.</summary>
    public Guid? UniqueId { get; init; }

    /// <summary>The wished number (a primary one, for MBR); null for the first free.</summary>
    public int? Number { get; init; }

    /// <summary>MBR only.</summary>
    public MbrPlacement Placement { get; init; }
}

/// <summary>What to change of a partition's entry; null leaves a field as it is.</summary>
public sealed record PartitionChange
{
    public PartitionType? Type { get; init; }
    public string? Name { get; init; }
    public PartitionFlags? Flags { get; init; }
    public Guid? UniqueId { get; init; }
}
