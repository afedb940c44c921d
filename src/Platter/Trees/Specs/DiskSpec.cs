using System.Collections.ObjectModel;
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

    /// <summary>Settings of the container by key, as <c>--container</c> takes them. Not checked.</summary>
    public IReadOnlyDictionary<string, string> ContainerSettings { get; init; } = ReadOnlyDictionary<string, string>.Empty;

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

    /// <summary>What lies outside the partitions, such as a boot loader.</summary>
    public IReadOnlyList<BlobSpec> Blobs { get; init; } = [];

    /// <summary>The folders that relative paths start from, by the name of the text they stand in; of texts that are not there, the
    /// builder knows the folder.</summary>
    internal IReadOnlyDictionary<string, string> Folders { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>The bare filesystem that fills the image; null when there are partitions.</summary>
    public FileSystemSpec? FileSystem { get; init; }

    /// <summary>Reads a spec.</summary>
    /// <param name="text">The TOML text.</param>
    /// <param name="sourceName">What messages call it, such as <c>disk.toml</c>.</param>
    /// <param name="options">Variables, and where included specs are; null for neither.</param>
    /// <exception cref="TomlException">The text is not TOML, or not a spec: it names the place, what was found and what was expected.</exception>
    /// <exception cref="ArgumentException">A variable is set that the spec does not have.</exception>
    public static DiskSpec Parse(string text, string sourceName, SpecOptions? options = null) =>
        SpecReader.Read(SpecLoader.Load(TomlDocument.Parse(text, sourceName), options ?? SpecOptions.Default));

    /// <summary>Reads a spec from UTF-8; a byte order mark is allowed.</summary>
    /// <inheritdoc cref="Parse(string, string, SpecOptions?)"/>
    public static DiskSpec Parse(ReadOnlySpan<byte> utf8, string sourceName, SpecOptions? options = null) =>
        SpecReader.Read(SpecLoader.Load(TomlDocument.Parse(utf8, sourceName), options ?? SpecOptions.Default));

    /// <summary>Reads a spec from a file, with what it includes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="variables">Variables that take the place of the spec's own; null for none.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <inheritdoc cref="Parse(string, string, SpecOptions?)" path="/exception"/>
    public static DiskSpec Load(string path, IReadOnlyDictionary<string, string>? variables = null) =>
        Parse(File.ReadAllBytes(path), path, new SpecOptions
        {
            Folder = Path.GetDirectoryName(Path.GetFullPath(path)), Variables = variables ?? SpecOptions.Default.Variables,
        });
}

/// <summary>What a spec may need besides its own text.</summary>
public sealed record SpecOptions
{
    public static SpecOptions Default { get; } = new();

    /// <summary>The folder that included specs, and other relative paths, start from; null: nothing can be included.</summary>
    public string? Folder { get; init; }

    /// <summary>Values of variables by name, in the place of those that the spec gives them.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = ReadOnlyDictionary<string, string>.Empty;
}

/// <summary>One <c>[[image.blob]]</c>: bytes of a host file at a fixed place of the disk, outside the partitions.</summary>
/// <param name="Content">The host file.</param>
/// <param name="Offset">Bytes from the start of the disk.</param>
/// <param name="Place">Of the table.</param>
public sealed record BlobSpec(SourceSpec Content, long Offset, TextPlace Place);

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
