namespace Platter.Trees;

/// <summary>Kinds of things that a target cannot hold.</summary>
public enum LossKind
{
    /// <summary>POSIX permission bits (the write bit survives as the read-only attribute where there is one).</summary>
    Mode,

    /// <summary>Numeric owner and group.</summary>
    Owner,

    ExtendedAttributes,
    SymbolicLinks,

    /// <summary>Links that were replaced by a copy of what they lead to.</summary>
    SymbolicLinksCopied,

    /// <summary>Devices, FIFOs, sockets.</summary>
    SpecialFiles,

    /// <summary>Further names of a file, which became copies.</summary>
    HardLinks,

    /// <summary>Files whose holes are written out as zeros.</summary>
    Holes,

    NamedStreams,
    ResourceForks,
    FinderInfo,

    /// <summary>Hidden and system attributes (read-only becomes the mode where there is one; archive is not counted).</summary>
    DosAttributes,

    /// <summary>Security descriptors that somebody set: they say something else than what follows from the directory's.</summary>
    SecurityDescriptors,

    /// <summary>Security descriptors as every new entry of the directory gets one, and those that permit everything to everybody; and whose entries they are.</summary>
    InheritedSecurity,

    /// <summary>Modification times cut to the target's step.</summary>
    TimesRounded,

    /// <summary>Modification times outside the target's range, pulled to its end.</summary>
    TimesOutOfRange,

    /// <summary>Set-user and set-group bits not restored, because the owner was not.</summary>
    SetIdBits,

    /// <summary>Not lost, but worth knowing: symbolic links that lead out of the target folder.</summary>
    LinksLeadingOut,

    /// <summary>Files that were shorter when read than when listed.</summary>
    ChangedWhileRead,
}

/// <summary>So many entries lost this.</summary>
/// <param name="Kind">What was lost.</param>
/// <param name="Count">By how many entries.</param>
/// <param name="FirstPath">The first of them.</param>
public readonly record struct CopyLoss(LossKind Kind, long Count, string FirstPath);

/// <summary>An entry that could not be copied.</summary>
/// <param name="Path">From the top of the source.</param>
/// <param name="Reason">A <see cref="NameCollisionException"/>, an <see cref="InvalidNameException"/>, what the source's medium said...</param>
public readonly record struct CopyProblem(string Path, Exception Reason);

/// <summary>What a copy did, and what it could not.</summary>
public sealed record CopyReport
{
    internal static CopyReport None { get; } = new();

    public long Files { get; init; }
    public long Directories { get; init; }
    public long SymbolicLinks { get; init; }
    public long SpecialFiles { get; init; }
    public long HardLinks { get; init; }

    /// <summary>Bytes of file content written (holes not counted).</summary>
    public long Bytes { get; init; }

    /// <summary>Entries that took the place of older ones.</summary>
    public long Replaced { get; init; }

    /// <summary>Entries left out in favour of older ones.</summary>
    public long Skipped { get; init; }

    /// <summary>What the target cannot hold, one line a kind.</summary>
    public IReadOnlyList<CopyLoss> Losses => LossesByKind is null ? [] : [.. LossesByKind.Where(loss => loss.Count > 0)];

    // The list is made for those who ask: nearly every copy loses something (a FAT holds no owners), and to prepare lists of it takes longer than to copy a file.
    internal CopyLoss[]? LossesByKind { private get; init; }

    /// <summary>How many entries lost this.</summary>
    public long Lost(LossKind kind) => LossesByKind?[(int)kind].Count ?? 0;

    /// <summary>Entries that could not be copied: the first thousand.</summary>
    public IReadOnlyList<CopyProblem> Problems { get => ProblemsIfAny ?? []; init => ProblemsIfAny = value; }

    // Null when there are none, which is nearly always: even an empty list would have to be prepared.
    internal IReadOnlyList<CopyProblem>? ProblemsIfAny { private get; init; }

    /// <summary>Entries that could not be copied, all of them.</summary>
    public long ProblemCount { get; init; }

    /// <summary>Entries below directories that could not be copied; they are not problems of their own.</summary>
    public long NotReached { get; init; }
}

/// <summary>Gathers a <see cref="CopyReport"/>.</summary>
internal sealed class CopyTally
{
    private const int MaxProblems = 1000;
    private CopyLoss[]? _losses;        // one for each kind, in their order; of those that did not occur the default
    private List<CopyProblem>? _problems;

    public long Files, Directories, SymbolicLinks, SpecialFiles, HardLinks, Bytes, Replaced, Skipped, NotReached, ProblemCount;

    public long Items => Files + Directories + SymbolicLinks + SpecialFiles + HardLinks + Skipped;

    public void Lose(LossKind kind, TreeEntry entry)
    {
        _losses ??= new CopyLoss[(int)LossKind.ChangedWhileRead + 1];
        ref var loss = ref _losses[(int)kind];
        loss = new CopyLoss(kind, loss.Count + 1, loss.Count == 0 ? entry.Path : loss.FirstPath);
    }

    public void Fail(TreeEntry entry, Exception reason)
    {
        ProblemCount++;
        _problems ??= [];
        if (_problems.Count < MaxProblems)
            _problems.Add(new CopyProblem(entry.Path, reason));
    }

    public CopyReport ToReport() => new()
    {
        Files = Files, Directories = Directories, SymbolicLinks = SymbolicLinks, SpecialFiles = SpecialFiles, HardLinks = HardLinks,
        Bytes = Bytes, Replaced = Replaced, Skipped = Skipped, LossesByKind = _losses, ProblemsIfAny = _problems,
        ProblemCount = ProblemCount, NotReached = NotReached,
    };
}
