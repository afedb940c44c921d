namespace Platter.Images;

/// <summary>How <see cref="ImageConverter"/> converts.</summary>
public sealed record ConvertOptions
{
    public static ConvertOptions Default { get; } = new();

    /// <summary>The container of a new image; null to go by the name's extension.</summary>
    public ContainerFormat? Format { get; init; }

    /// <summary>Store compressed blocks, in a format that can but need not.</summary>
    public bool Compress { get; init; }

    /// <summary>What the container wants to know, the parent of a difference among it; null for the defaults.</summary>
    public ContainerOptions? Container { get; init; }

    /// <summary>Bytes of the disk in the new image: at least those of the source, with zeros behind them; null for as many.</summary>
    public long? Length { get; init; }

    /// <summary>Read back what was written, and compare.</summary>
    public bool Verify { get; init; }

    /// <summary>Replace what is there under the name, once the new image is complete.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Allocate all of the new image on the host at once, so that the host can't run full later.</summary>
    public bool Preallocate { get; init; }

    /// <inheritdoc cref="NewImageOptions.NoSync"/>
    public bool NoSync { get; init; }

    /// <summary>Threads that read and compress; 0 for one a core.</summary>
    public int Threads { get; init; }

    public IProgress<WorkProgress>? Progress { get; init; }
    public CancellationToken Cancellation { get; init; }
}

/// <summary>What a conversion did.</summary>
public sealed record ConvertReport
{
    /// <summary>The new image's path; null when the target was opened by the caller.</summary>
    public string? Path { get; init; }

    /// <summary>The name of the container that was made: <c>raw</c>, <c>qcow2</c>; null when none was.</summary>
    public string? Format { get; init; }

    /// <summary>Bytes of the disk in the target.</summary>
    public required long Length { get; init; }

    /// <summary>Bytes read from the source: its holes are not.</summary>
    public required long ReadBytes { get; init; }

    /// <summary>Bytes of the disk that were stored; zeros, and what the parent has already, are not.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>Bytes of the new file; null when none was made.</summary>
    public long? FileLength { get; init; }

    /// <summary>Whether the target was read back and compared.</summary>
    public bool IsVerified { get; init; }
}
