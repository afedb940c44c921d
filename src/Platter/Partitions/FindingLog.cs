namespace Platter.Partitions;

/// <summary>Where the rules of the formats report to. Every rule is written once: opening throws at one that makes the table unreadable and
/// keeps the others as findings; the checker keeps them all.</summary>
internal sealed class FindingLog(bool throws)
{
    public CheckReport Report { get; } = new();

    /// <summary>A broken rule that leaves the table readable.</summary>
    public void Add(string code, Severity severity, string structure, long offset, string problem) =>
        Report.Add(code, severity, structure, offset, problem);

    /// <summary>A broken rule that leaves nothing to read.</summary>
    public void Unreadable(string code, string structure, long offset, string problem)
    {
        if (throws)
            throw new DiskFormatException(code, structure, offset, problem);
        Report.Add(code, Severity.Error, structure, offset, problem);
    }
}
