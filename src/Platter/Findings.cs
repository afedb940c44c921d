namespace Platter;

/// <summary>How bad a finding is.</summary>
public enum Severity
{
    /// <summary>Worth knowing; the structure is sound. Does not make a volume unclean.</summary>
    Note,

    /// <summary>Against the specification, but no data is at risk.</summary>
    Warning,

    /// <summary>Damage: data is, or can get, lost.</summary>
    Error,
}

/// <summary>One thing that a checker has to say.</summary>
/// <param name="Code">Stable id, never reused: <c>FAT-0107</c>. Listed in <c>docs/findings.md</c>.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Structure">The structure, and the path or number where there is one.</param>
/// <param name="Offset">Bytes from the start of the checked device, or null when there is no one place.</param>
/// <param name="Message">What was found and what was expected.</param>
public sealed record Finding(string Code, Severity Severity, string Structure, long? Offset, string Message);

/// <summary>What a check found. Clean means: no finding above <see cref="Severity.Note"/>.</summary>
public sealed class CheckReport
{
    private readonly List<Finding> _findings = [];

    /// <summary>The findings kept, in the order they were made; at most <see cref="Limit"/>.</summary>
    public IReadOnlyList<Finding> Findings => _findings;

    /// <summary>How many findings are kept; a hostile image must not fill the memory. The count goes on.</summary>
    public int Limit { get; init; } = 10_000;

    /// <summary>How many findings were made, kept or not.</summary>
    public long Total { get; private set; }

    /// <summary>True when nothing worse than a note was found.</summary>
    public bool IsClean { get; private set; } = true;

    public void Add(Finding finding)
    {
        Total++;
        if (finding.Severity > Severity.Note)
            IsClean = false;
        if (_findings.Count < Limit)
            _findings.Add(finding);
    }

    public void Add(string code, Severity severity, string structure, long? offset, string message) =>
        Add(new Finding(code, severity, structure, offset, message));

    /// <summary>Takes over the findings of a part (a partition of a disk), moved by where the part starts.</summary>
    public void AddRange(CheckReport part, long partOffset, string prefix)
    {
        foreach (var f in part.Findings)
            Add(f with { Offset = f.Offset + partOffset, Structure = prefix + f.Structure });
    }
}
