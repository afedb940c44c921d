namespace Platter.FileSystems;

/// <summary>How to repair a volume.</summary>
public sealed record RepairOptions
{
    public static RepairOptions Default { get; } = new();

    /// <summary>Only say what would be done.</summary>
    public bool DryRun { get; init; }

    /// <summary>How the volume is looked at, before and afterwards.</summary>
    public CheckOptions Check { get; init; } = CheckOptions.Default;
}

/// <summary>One thing that was mended, or would be.</summary>
/// <param name="Code">The id of the finding that it answers.</param>
/// <param name="Structure">What was changed.</param>
/// <param name="Message">How.</param>
public sealed record Repair(string Code, string Structure, string Message);

/// <summary>What a repair did.</summary>
/// <param name="Repairs">In the order in which they were made; in a dry run, what would be done.</param>
/// <param name="Remaining">What a check finds afterwards; in a dry run, what it finds now.</param>
public sealed record RepairReport(IReadOnlyList<Repair> Repairs, CheckReport Remaining);
