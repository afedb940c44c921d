using System.Collections.ObjectModel;
using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>A <c>[filesystem]</c> or <c>[partition.filesystem]</c> of a spec. Its size is that of the partition, or of the image.</summary>
public sealed record FileSystemSpec
{
    /// <summary>Of the table.</summary>
    public required TextPlace Place { get; init; }

    /// <summary>The filesystem type, such as <c>fat32</c> or <c>ext4</c>. Not checked against the types there are.</summary>
    public required string Type { get; init; }

    /// <summary>Where <see cref="Type"/> stands, for messages.</summary>
    public required TextPlace TypePlace { get; init; }

    /// <summary>The volume label; null: none. The filesystem has its own rules for length and characters.</summary>
    public string? Label { get; init; }

    /// <summary>Where <see cref="Label"/> stands; that of the table when there is none.</summary>
    public required TextPlace LabelPlace { get; init; }

    /// <summary>The volume's serial number or UUID, in the filesystem's own notation (FAT: <c>1234-ABCD</c>); null: chosen by the builder.</summary>
    public string? VolumeId { get; init; }

    /// <summary>Where the content comes from, bottom layer first; empty: nothing but <see cref="Files"/>.</summary>
    public IReadOnlyList<SourceSpec> Sources { get; init; } = [];

    /// <summary>Which of their entries to leave out, as <see cref="PathPattern"/> has it.</summary>
    public IReadOnlyList<SourceSpec> Excludes { get; init; } = [];

    /// <summary>What the entries are to be like, by pattern; of several that fit, the last one wins.</summary>
    public IReadOnlyList<RuleSpec> Rules { get; init; } = [];

    /// <summary>The filesystem's own format options by name; numbers and booleans as text (<c>4096</c>, <c>true</c>). Not checked.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Where <see cref="Options"/> stands; that of the table when there are none.</summary>
    public required TextPlace OptionsPlace { get; init; }

    /// <summary>The one owner that all entries get (those with an owner of their own excepted); null: the sources' owners are kept.</summary>
    public OwnerSpec? Owner { get; init; }

    /// <summary>A bare filesystem: what it has free besides when its size is <see cref="SizeRule.Auto"/>.</summary>
    public FreeRoom Free { get; init; }

    /// <summary>Single entries on top of the layers, in the order of the spec; no path is named twice.</summary>
    public IReadOnlyList<FileSpec> Files { get; init; } = [];
}

/// <summary>One <c>[[filesystem.rule]]</c>: owner, mode or time of the entries that fit a pattern.</summary>
public sealed record RuleSpec
{
    /// <summary>Of the table.</summary>
    public required TextPlace Place { get; init; }

    /// <summary>Any of these fits.</summary>
    public required PathPatterns Match { get; init; }

    /// <summary>Null: entries of any kind.</summary>
    public FileSpecKind? Kind { get; init; }

    public OwnerSpec? Owner { get; init; }

    /// <summary>POSIX permission bits, 0 to 0o7777; null keeps them.</summary>
    public int? Mode { get; init; }

    public DateTimeOffset? ModificationTime { get; init; }
}

/// <summary>One layer (a directory, a tar, or an image with or without <c>@N</c>), a host file, or a pattern, as the user wrote it.</summary>
/// <param name="Path">Not empty; relative to the folder of the text that <paramref name="Place"/> names.</param>
/// <param name="Place">Where it stands.</param>
public readonly record struct SourceSpec(string Path, TextPlace Place);

/// <summary>A POSIX owner, written <c>UID:GID</c>.</summary>
public readonly record struct OwnerSpec(uint Uid, uint Gid)
{
    public override string ToString() => $"{Uid}:{Gid}";
}
