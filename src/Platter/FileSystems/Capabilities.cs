namespace Platter.FileSystems;

/// <summary>What a filesystem can store beyond files and directories.</summary>
[Flags]
public enum Features
{
    None = 0,
    HardLinks = 1,
    SymbolicLinks = 1 << 1,

    /// <summary>Character and block devices, FIFOs, sockets.</summary>
    DeviceNodes = 1 << 2,

    /// <summary>Holes take no space and read as zeros.</summary>
    SparseFiles = 1 << 3,

    NamedStreams = 1 << 4,
    ResourceForks = 1 << 5,
    FinderInfo = 1 << 6,

    /// <summary>POSIX permission bits.</summary>
    Mode = 1 << 7,

    /// <summary>Numeric owner and group.</summary>
    Owner = 1 << 8,

    DosAttributes = 1 << 9,
    ExtendedAttributes = 1 << 10,
    SecurityDescriptors = 1 << 11,
    ShortNames = 1 << 12,
    Label = 1 << 13,
}

/// <summary>The unit in which a filesystem counts the length of a name.</summary>
public enum NameUnit
{
    Bytes,
    Utf16,
}

/// <summary>One of the times, as a filesystem stores it.</summary>
/// <param name="Resolution">The step, in nanoseconds: 2,000,000,000 for FAT's modification time.</param>
/// <param name="First">The earliest that can be stored, a whole second; steps of a second and more are counted from here, so that days are local days.</param>
/// <param name="Last">The latest that can be stored.</param>
public readonly record struct TimeCapability(long Resolution, Timestamp First, Timestamp Last)
{
    /// <summary>The time as it will be stored: pulled into the range, then cut to the step, towards the past. Steps of a second
    /// and more count from <see cref="First"/>, so that days are those of the volume's own time zone.</summary>
    public Timestamp Round(Timestamp time)
    {
        if (time < First)
            return First;
        if (time > Last)
            time = Last;
        return Resolution < 1_000_000_000
            ? time with { Nanoseconds = (int)(time.Nanoseconds / Resolution * Resolution) }
            : new Timestamp(time.UnixSeconds - (time.UnixSeconds - First.UnixSeconds) % (Resolution / 1_000_000_000));
    }
}

/// <summary>What this volume can store; asking for more is an <see cref="UnsupportedFeatureException"/> that names it.</summary>
public sealed record Capabilities
{
    public required Features Features { get; init; }

    /// <summary>The longest name, in <see cref="NameUnit"/>.</summary>
    public required int MaxNameLength { get; init; }

    public required NameUnit NameUnit { get; init; }

    /// <summary>Whether two names may differ by case alone.</summary>
    public required bool CaseSensitive { get; init; }

    /// <summary>The largest file, in bytes.</summary>
    public required long MaxFileLength { get; init; }

    /// <summary>Null where the filesystem has no such time.</summary>
    public TimeCapability? Created { get; init; }

    public TimeCapability? Modified { get; init; }
    public TimeCapability? Changed { get; init; }
    public TimeCapability? Accessed { get; init; }

    /// <summary>The longest label, in the filesystem's own unit; 0 when there is none.</summary>
    public int MaxLabelLength { get; init; }

    /// <summary>The settable attribute bits.</summary>
    public DosAttributes SettableAttributes { get; init; }

    /// <summary>The attribute bits that say how content is stored, set by <see cref="MetadataChange.Compressed"/> and <see cref="MetadataChange.Sparse"/>.</summary>
    public DosAttributes StorageAttributes { get; init; }

    public bool Has(Features feature) => (Features & feature) == feature;

    /// <summary>Names what a change asks for and this volume cannot store; null when it can store all of it.</summary>
    internal string? MissingFor(MetadataChange change) =>
        change.Mode is not null && !Has(Features.Mode) ? "permissions"
        : (change.UserId is not null || change.GroupId is not null) && !Has(Features.Owner) ? "owners"
        : change.FinderInfo is not null && !Has(Features.FinderInfo) ? "Finder information"
        : change.SecurityDescriptor is not null && !Has(Features.SecurityDescriptors) ? "security descriptors"
        : change.ShortName is not null && !Has(Features.ShortNames) ? "short names"
        : change.Compressed is not null && !StorageAttributes.HasFlag(DosAttributes.Compressed) ? "compression"
        : change.Sparse is not null && !StorageAttributes.HasFlag(DosAttributes.Sparse) ? "sparse attribute"
        : change.DosAttributes is { } asked && (asked & ~(SettableAttributes | DosAttributes.Directory | DosAttributes.VolumeLabel)) is var foreign and not 0 ? $"attributes {foreign}"
        : null;
}
