using Platter.FileSystems;

namespace Platter.Testing.Volumes;

/// <summary>What a <see cref="MemoryVolume"/> can and cannot do: it stands in for any filesystem.</summary>
public sealed record MemoryVolumeOptions
{
    /// <summary>Everything that a <see cref="MemoryVolume"/> knows.</summary>
    public const Features Everything = Features.HardLinks | Features.SymbolicLinks | Features.DeviceNodes | Features.NamedStreams
        | Features.ResourceForks | Features.FinderInfo | Features.Mode | Features.Owner | Features.DosAttributes
        | Features.ExtendedAttributes | Features.SecurityDescriptors | Features.Label;

    public Features Features { get; init; } = Everything;
    public bool CaseSensitive { get; init; }
    public int MaxNameLength { get; init; } = 255;
    public NameUnit NameUnit { get; init; } = NameUnit.Utf16;

    /// <summary>Characters that no name may hold; control characters and <c>/</c> are always refused.</summary>
    public string ForbiddenCharacters { get; init; } = "";

    /// <summary>Whether a name may end in a dot or a space.</summary>
    public bool AllowsTrailingDotOrSpace { get; init; } = true;

    /// <summary>Bytes that content and directories can take in all.</summary>
    public long TotalBytes { get; init; } = 4 << 20;

    /// <summary>Content and directories take whole clusters of this many bytes.</summary>
    public int ClusterSize { get; init; } = 512;

    /// <summary>How many entries the root can hold; null when it grows as other directories do.</summary>
    public int? MaxRootEntries { get; init; }

    public long MaxFileLength { get; init; } = int.MaxValue;

    /// <summary>Null for a filesystem without creation times.</summary>
    public TimeCapability? Created { get; init; } = FileTime;

    public TimeCapability? Modified { get; init; } = FileTime;
    public TimeCapability? Accessed { get; init; } = FileTime;
    public int MaxLabelLength { get; init; } = 32;

    public DosAttributes SettableAttributes { get; init; } =
        DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>As strict as FAT: no links, modes or streams, case ignored, two-second times, files below 4 GiB.</summary>
    public static MemoryVolumeOptions LikeFat { get; } = new()
    {
        Features = Features.DosAttributes | Features.Label,
        ForbiddenCharacters = "\"*:<>?\\|",
        AllowsTrailingDotOrSpace = false,
        MaxRootEntries = 512,
        Created = new TimeCapability(10_000_000, FirstOf(1980), LastOf(2107)),
        Modified = new TimeCapability(2_000_000_000, FirstOf(1980), LastOf(2107)),
        Accessed = new TimeCapability(86_400_000_000_000, FirstOf(1980), LastOf(2107)),
        MaxLabelLength = 11,
    };

    /// <summary>As liberal as ext: POSIX metadata, case kept apart, names of 255 bytes.</summary>
    public static MemoryVolumeOptions LikeExt { get; } = new()
    {
        Features = Features.HardLinks | Features.SymbolicLinks | Features.DeviceNodes | Features.Mode | Features.Owner
            | Features.ExtendedAttributes | Features.Label,
        CaseSensitive = true,
        NameUnit = NameUnit.Bytes,
        ClusterSize = 1024,
        SettableAttributes = DosAttributes.None,
        MaxLabelLength = 16,
    };

    private static TimeCapability FileTime => new(100, new Timestamp(-11_644_473_600), new Timestamp(253_402_300_799, 999_999_900));

    private static Timestamp FirstOf(int year) => Timestamp.From(new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static Timestamp LastOf(int year) => Timestamp.From(new DateTimeOffset(year, 12, 31, 23, 59, 58, TimeSpan.Zero));
}
