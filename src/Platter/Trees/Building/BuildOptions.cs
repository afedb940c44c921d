using Platter.FileSystems;
using Platter.Images;
using Platter.Partitions;

namespace Platter.Trees.Building;

/// <summary>How images are built.</summary>
public sealed record BuildOptions
{
    public static BuildOptions Default { get; } = new();

    /// <summary>The folder that relative paths of a spec start from; null for the current one.</summary>
    public string? BaseFolder { get; init; }

    /// <summary>For the same bytes every time (SOURCE_DATE_EPOCH): later modification times become this, every clock stands still at
    /// it, and identifiers are derived from the spec and it instead of being random.</summary>
    public DateTimeOffset? Epoch { get; init; }

    /// <summary>The container; null to go by the spec, and then by the image's name.</summary>
    public ContainerFormat? Format { get; init; }

    /// <summary>Settings of the container, by key, in the place of those of the spec; null for none.</summary>
    public IReadOnlyDictionary<string, string>? ContainerSettings { get; init; }

    public IProgress<WorkProgress>? Progress { get; init; }
    public CancellationToken Cancellation { get; init; }

    /// <summary>Whether an image that is there under the name gives way once the new one is complete.</summary>
    public bool Overwrite { get; init; }

    /// <inheritdoc cref="NewImageOptions.NoSync"/>
    public bool NoSync { get; init; }

    /// <summary>Builds on when single entries cannot be stored, and lists them in the report; else the first one ends the build.</summary>
    public bool KeepGoing { get; init; }

    /// <summary>Code page and time zone of the volumes that are made, and of those that are layers.</summary>
    public VolumeOptions Volume { get; init; } = VolumeOptions.Default;

    /// <summary>What to do with symbolic links that a filesystem cannot hold.</summary>
    public MissingLinks MissingLinks { get; init; }

    /// <summary>Opens a layer that is no directory: given the absolute path, returns null to leave it to the builder, which knows
    /// archives and images (<c>old.img@2</c>).</summary>
    public Func<string, TreeSource?>? OpenLayer { get; init; }

    /// <summary>How the layers are opened.</summary>
    internal TreeSourceOptions Sources => new() { Volume = Volume, LeaveOut = Output, TemporaryFolder = TemporaryFolder, Cancellation = Cancellation };

    /// <summary>Where the bytes of compressed archives are put while they are layers; null for the host's folder for large temporary files.</summary>
    public string? TemporaryFolder { get; init; }

    /// <summary>The image being built, which is no part of its own content; null for the path that is built to.</summary>
    internal string? Output { get; init; }

    /// <summary>How the image is made.</summary>
    internal NewImageOptions Image(ContainerFormat? format, ContainerOptions container) =>
        new() { Format = format, Overwrite = Overwrite, NoSync = NoSync, Container = container };

    internal TimeProvider Clock => Epoch is { } epoch ? new StandingClock(epoch) : TimeProvider.System;

    private sealed class StandingClock(DateTimeOffset time) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => time;
    }
}

/// <summary>A filesystem that was built.</summary>
public sealed record BuiltVolume
{
    /// <summary>Its entry in the partition table; null when it fills the image.</summary>
    public Partition? Partition { get; init; }

    public required VolumeInfo Info { get; init; }

    /// <summary>Bytes of the volume.</summary>
    public required long Length { get; init; }

    /// <summary>Bytes left for more content.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>What was copied into it, and what it could not hold.</summary>
    public required CopyReport Copied { get; init; }
}

/// <summary>The bytes of a host file that were put into a partition, or beside the partitions.</summary>
public sealed record BuiltBlob
{
    /// <summary>The host file, as the spec names it.</summary>
    public required string Source { get; init; }

    /// <summary>Its partition; null when it lies outside of them.</summary>
    public Partition? Partition { get; init; }

    /// <summary>Bytes from the start of the disk.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes of the file.</summary>
    public required long Length { get; init; }
}

/// <summary>An image that was built.</summary>
public sealed record BuildReport
{
    public required string Path { get; init; }

    /// <summary>The container's name: <c>raw</c>, <c>vhd-fixed</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Bytes of the disk inside.</summary>
    public required long Length { get; init; }

    public IReadOnlyList<Partition> Partitions { get; init; } = [];
    public IReadOnlyList<BuiltVolume> Volumes { get; init; } = [];

    /// <summary>What was put on the disk as bare bytes.</summary>
    public IReadOnlyList<BuiltBlob> Blobs { get; init; } = [];
}
