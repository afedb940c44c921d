using Platter.FileSystems;

namespace Platter.Trees.Comparing;

/// <summary>On which side an entry is.</summary>
public enum DifferenceKind
{
    /// <summary>Only in the second tree.</summary>
    Added,

    /// <summary>Only in the first tree.</summary>
    Removed,

    /// <summary>In both, and not the same.</summary>
    Changed,
}

/// <summary>What of an entry differs.</summary>
public enum EntryPart
{
    /// <summary>A file here, a directory there.</summary>
    Type,

    /// <summary>The bytes of a file.</summary>
    Content,

    /// <summary>Where a symbolic link points.</summary>
    LinkTarget,

    /// <summary>The numbers of a device.</summary>
    Device,

    /// <summary>POSIX permission bits.</summary>
    Mode,

    /// <summary>Numeric owner or group.</summary>
    Owner,

    /// <summary>The modification time.</summary>
    Modified,

    /// <summary>The read-only, hidden or system attribute.</summary>
    DosAttributes,

    ExtendedAttributes,

    /// <summary>Named streams, or the resource fork.</summary>
    Streams,

    /// <summary>Which other name it is the same file as.</summary>
    HardLink,

    /// <summary>It could not be read, on one side at least: what differs is not known.</summary>
    Unreadable,
}

/// <summary>One thing in which an entry differs.</summary>
/// <param name="Part">What.</param>
/// <param name="First">How it is in the first tree, as text; null where there is nothing to say.</param>
/// <param name="Second">How it is in the second tree.</param>
public readonly record struct EntryChange(EntryPart Part, string? First, string? Second)
{
    /// <summary>Of a content of the same length: the first byte that differs. -1 otherwise.</summary>
    public long Offset { get; init; } = -1;
}

/// <summary>An entry that is not the same in two trees.</summary>
public sealed record TreeDifference
{
    /// <summary>From the top: <c>/etc/hosts</c>; <c>/</c> is the top itself.</summary>
    public required string Path { get; init; }

    public required DifferenceKind Kind { get; init; }

    /// <summary>What the entry is: in the second tree, if it is there.</summary>
    public required EntryKind EntryKind { get; init; }

    /// <summary>Bytes of a file's content, where it is on one side only.</summary>
    public long Length { get; init; }

    /// <summary>What differs of an entry that is on both sides, or could not be read.</summary>
    public IReadOnlyList<EntryChange> Changes { get; init; } = [];
}

/// <summary>What to compare.</summary>
public sealed record TreeCompareOptions
{
    public static TreeCompareOptions Default { get; } = new();

    /// <summary>Only which entries there are, of what type, and their contents, link targets and device numbers.</summary>
    public bool ContentOnly { get; init; }

    public bool IgnoreTimes { get; init; }
    public bool IgnoreOwners { get; init; }
    public bool IgnoreModes { get; init; }
    public bool IgnoreExtendedAttributes { get; init; }

    /// <summary>Whether names must be names of one file in both trees or in neither.</summary>
    public bool HardLinks { get; init; }

    /// <summary>Entries to leave out on both sides, with all below them.</summary>
    public PathPatterns Exclude { get; init; } = PathPatterns.None;

    public IProgress<WorkProgress>? Progress { get; init; }
    public CancellationToken Cancellation { get; init; }
}
