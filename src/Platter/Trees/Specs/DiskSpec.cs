using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>What <c>platter build</c> is to make: a partitioned disk, or one bare filesystem. The model of a TOML spec, already checked
/// for all that can be known without the sources, the host or the filesystem type.</summary>
/// <remarks>The format is described in <c>docs/spec.md</c>. Exactly one of <see cref="Partitions"/> and <see cref="FileSystem"/> is filled.</remarks>
public sealed record DiskSpec
{
    /// <summary>The name of the text, for messages; relative paths in the spec are relative to the folder it lies in.</summary>
    public required string SourceName { get; init; }

    /// <summary>Of <c>[image]</c> or <c>[filesystem]</c>.</summary>
    public required TextPlace Place { get; init; }

    /// <summary>Of the whole image: <see cref="SizeRule.Fixed"/> or <see cref="SizeRule.Auto"/>, never <see cref="SizeRule.Rest"/>.</summary>
    public required SizeSpec Size { get; init; }

    /// <summary>The container in lower case, such as <c>raw</c> or <c>qcow2</c>; null: by the output's extension. Not checked against the containers there are.</summary>
    public string? Format { get; init; }

    /// <summary><see cref="SpecPartitionTable.None"/> if and only if <see cref="FileSystem"/> is set.</summary>
    public SpecPartitionTable PartitionTable { get; init; }

    /// <summary>Bytes in a logical sector: 512, 1024, 2048 or 4096.</summary>
    public int SectorSize { get; init; } = 512;

    /// <summary>Bytes, a power of two, at least a sector: where partitions may start. Null: the usual 1 MiB.</summary>
    public long? Alignment { get; init; }

    /// <summary>GPT: the disk's GUID, from <c>disk_id</c>; null: chosen by the builder.</summary>
    public Guid? DiskGuid { get; init; }

    /// <summary>MBR: the disk signature, from <c>disk_id</c>; null: chosen by the builder.</summary>
    public uint? DiskSignature { get; init; }

    /// <summary>In the order of the spec, which is the order on the disk. At most one has <see cref="SizeRule.Rest"/>, and then <see cref="Size"/> is fixed.</summary>
    public IReadOnlyList<PartitionSpec> Partitions { get; init; } = [];

    /// <summary>The bare filesystem that fills the image; null when there are partitions.</summary>
    public FileSystemSpec? FileSystem { get; init; }

    /// <summary>Reads a spec.</summary>
    /// <param name="text">The TOML text.</param>
    /// <param name="sourceName">What messages call it, such as <c>disk.toml</c>.</param>
    /// <exception cref="TomlException">The text is not TOML, or not a spec: it names the place, what was found and what was expected.</exception>
    public static DiskSpec Parse(string text, string sourceName) => SpecReader.Read(TomlDocument.Parse(text, sourceName));

    /// <summary>Reads a spec from UTF-8; a byte order mark is allowed.</summary>
    /// <inheritdoc cref="Parse(string, string)"/>
    public static DiskSpec Parse(ReadOnlySpan<byte> utf8, string sourceName) => SpecReader.Read(TomlDocument.Parse(utf8, sourceName));
}

/// <summary>The kind of partition table that a spec asks for.</summary>
public enum SpecPartitionTable
{
    /// <summary>No table: one filesystem fills the image.</summary>
    None,

    /// <summary>Master boot record.</summary>
    Mbr,

    /// <summary>GUID partition table.</summary>
    Gpt,

    /// <summary>Apple partition map.</summary>
    Apm,
}

/// <summary>How a size is found.</summary>
public enum SizeRule
{
    /// <summary>A number of bytes.</summary>
    Fixed,

    /// <summary><c>"auto"</c>: just enough for the content.</summary>
    Auto,

    /// <summary><c>"rest"</c>: what the other partitions leave.</summary>
    Rest,
}

/// <summary>A size in a spec.</summary>
/// <param name="Rule">How it is found.</param>
/// <param name="Bytes">More than 0 when <paramref name="Rule"/> is <see cref="SizeRule.Fixed"/>, else 0.</param>
/// <param name="Place">Of the value; of the table when the size was left to its default.</param>
public readonly record struct SizeSpec(SizeRule Rule, long Bytes, TextPlace Place)
{
    public override string ToString() => Rule switch { SizeRule.Auto => "auto", SizeRule.Rest => "rest", _ => ByteSize.Format(Bytes) };
}
