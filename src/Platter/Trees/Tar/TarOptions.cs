namespace Platter.Trees.Tar;

/// <summary>How an archive is read.</summary>
public sealed record TarOptions
{
    public static TarOptions Default { get; } = new();

    /// <summary>Where the bytes of compressed archives, and of those that come from a stream, are put until the source is closed; null for the
    /// host's folder for large temporary files.</summary>
    public string? TemporaryFolder { get; init; }

    /// <summary>More entries than this are refused: each takes about 200 bytes of memory.</summary>
    public int MaxEntries { get; init; } = 8_000_000;

    /// <summary>Ends the reading of the archive's headers.</summary>
    public CancellationToken Cancellation { get; init; }
}
