using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>What to do with symbolic links that the target cannot hold.</summary>
public enum MissingLinks
{
    /// <summary>Leave them out, and say so in the report.</summary>
    Drop,

    /// <summary>Put a copy of the file that the link leads to in its place, when it leads to a file within the source; else leave it out.</summary>
    CopyTarget,
}

/// <summary>The owner that every entry gets.</summary>
public readonly record struct Ownership(uint UserId, uint GroupId);

/// <summary>How <see cref="TreeCopier"/> copies.</summary>
public sealed record CopyOptions
{
    public static CopyOptions Default { get; } = new();

    public IProgress<WorkProgress>? Progress { get; init; }

    /// <summary>The copy stops between two pieces of at most a MiB; the file being written is undone.</summary>
    public CancellationToken Cancellation { get; init; }

    public Overwrite Overwrite { get; init; }

    /// <summary>Whether entries keep their times; else they get the target's clock.</summary>
    public bool PreserveTimes { get; init; } = true;

    /// <summary>For builds that give the same bytes every time: later modification times become this, and the other times come
    /// from the target's clock, which is to stand still.</summary>
    public Timestamp? Epoch { get; init; }

    /// <summary>Gives everything to one owner; null keeps the owners.</summary>
    public Ownership? Owner { get; init; }

    public MissingLinks MissingLinks { get; init; }

    /// <summary>Whether the target's top directory gets the metadata of the source's.</summary>
    public bool CopyRootMetadata { get; init; }

    /// <summary>Ends with an exception at the first entry that cannot be copied, instead of listing it in the report.</summary>
    public bool StopAtFirstProblem { get; init; }

    /// <summary>Bytes of uncommitted structures beyond which a volume is committed between two files. The last commit is the caller's.</summary>
    public long CommitEvery { get; init; } = 64 << 20;

    /// <summary>Bytes of content read ahead of the writer.</summary>
    public int ReadAhead { get; init; } = 16 << 20;

    /// <summary>For the progress: bytes in all, when known.</summary>
    public long? TotalBytes { get; init; }

    /// <summary>For the progress: entries in all, when known.</summary>
    public long? TotalItems { get; init; }
}
