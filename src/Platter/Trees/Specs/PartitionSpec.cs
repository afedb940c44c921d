using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>One <c>[[partition]]</c> of a spec.</summary>
public sealed record PartitionSpec
{
    /// <summary>Of <c>[[partition]]</c>.</summary>
    public required TextPlace Place { get; init; }

    /// <summary>The name in the table; empty when there is none. GPT: at most 36 UTF-16 units. MBR has no names, so it is empty there.</summary>
    public string Name { get; init; } = "";

    /// <summary>A well-known name (<c>esp</c>, <c>linux</c>), a GUID, an MBR byte as <c>0x83</c>, or an APM type. Not checked against the types there are.</summary>
    public required string Type { get; init; }

    /// <summary>Where <see cref="Type"/> stands, for messages.</summary>
    public required TextPlace TypePlace { get; init; }

    /// <summary>Fixed, to fit the content, or the rest of the disk. <see cref="SizeRule.Auto"/> only with a <see cref="FileSystem"/> or <see cref="Content"/>.</summary>
    public required SizeSpec Size { get; init; }

    /// <summary>What a partition that fits its filesystem has free besides. None unless <see cref="Size"/> is <see cref="SizeRule.Auto"/>.</summary>
    public FreeRoom Free { get; init; }

    /// <summary>Bytes from the start of the disk, a multiple of the sector size; null: after the partition before it, aligned.</summary>
    public long? Start { get; init; }

    /// <summary>MBR: the active partition (at most one); GPT: the legacy-BIOS-bootable bit; APM: bootable.</summary>
    public bool Bootable { get; init; }

    /// <summary>GPT attribute names, such as <c>read-only</c> or <c>bit48</c>, as <c>platter part set</c> takes them. Not checked against those there are. Empty unless the table is GPT.</summary>
    public IReadOnlyList<string> Attributes { get; init; } = [];

    /// <summary>Where <see cref="Attributes"/> stands; that of the partition when there are none.</summary>
    public required TextPlace AttributesPlace { get; init; }

    /// <summary>GPT: the partition's unique GUID; null: chosen by the builder.</summary>
    public Guid? UniqueId { get; init; }

    /// <summary>The host file whose bytes it holds, zeros behind them; null: none. Never together with <see cref="FileSystem"/>.</summary>
    public SourceSpec? Content { get; init; }

    /// <summary>The filesystem, or swap area, in it; null: none.</summary>
    public FileSystemSpec? FileSystem { get; init; }
}
