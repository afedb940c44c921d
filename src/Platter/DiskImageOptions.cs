using Platter.FileSystems;
using Platter.Images;

namespace Platter;

/// <summary>How <see cref="DiskImage"/> opens an image and the volumes in it.</summary>
public sealed record DiskImageOptions
{
    public static DiskImageOptions Default { get; } = new();

    /// <summary>The image file itself: locks, journal, host disks.</summary>
    public ImageOptions Image { get; init; } = new();

    /// <summary>Code page, time zone, clock and foreign journals of the volumes.</summary>
    public VolumeOptions Volume { get; init; } = VolumeOptions.Default;
}
