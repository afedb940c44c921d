namespace Platter.FileSystems;

/// <summary>How long a volume that is there shall be.</summary>
public sealed record ResizeOptions
{
    /// <summary>Bytes, rounded down to whole sectors; null for all of the device that the volume lies on.</summary>
    public long? Length { get; init; }

    /// <summary>How the volume is opened.</summary>
    public VolumeOptions Volume { get; init; } = VolumeOptions.Default;

    public IProgress<WorkProgress>? Progress { get; init; }

    /// <summary>Stops before the commit, with nothing changed.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>What a resizing did.</summary>
/// <param name="LengthBefore">Bytes that the volume took before.</param>
/// <param name="Length">Bytes that it takes now: those before where nothing was to be done.</param>
public readonly record struct ResizeReport(long LengthBefore, long Length);
