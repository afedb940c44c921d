namespace Platter.FileSystems;

/// <summary>What kind of thing a node is.</summary>
public enum EntryKind
{
    File,
    Directory,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Fifo,
    Socket,
}

/// <summary>The attribute bits of FAT, exFAT and NTFS; the values are those on disk and in the Windows API.</summary>
[Flags]
public enum DosAttributes
{
    None = 0,
    ReadOnly = 0x01,
    Hidden = 0x02,
    System = 0x04,
    VolumeLabel = 0x08,
    Directory = 0x10,
    Archive = 0x20,
    Temporary = 0x100,
    Sparse = 0x200,
    ReparsePoint = 0x400,
    Compressed = 0x800,
    Offline = 0x1000,
    NotContentIndexed = 0x2000,
    Encrypted = 0x4000,
}

/// <summary>The numbers of a character or block device node.</summary>
public readonly record struct DeviceNumber(uint Major, uint Minor);

/// <summary>Names a byte stream of a node: its data, its resource fork, or a named stream.</summary>
/// <param name="Kind">Which sort of stream.</param>
/// <param name="Name">The name of a named stream; empty otherwise.</param>
public readonly record struct StreamName(StreamKind Kind, string Name)
{
    /// <summary>The main data: the unnamed stream, the data fork.</summary>
    public static StreamName Data => new(StreamKind.Data, "");

    /// <summary>The resource fork of HFS and HFS+.</summary>
    public static StreamName ResourceFork => new(StreamKind.ResourceFork, "");

    /// <summary>A named (alternate) data stream of NTFS.</summary>
    public static StreamName Named(string name) => new(StreamKind.Named, name);

    public override string ToString() => Kind switch
    {
        StreamKind.Data => "data",
        StreamKind.ResourceFork => "resource fork",
        _ => ":" + Name,
    };
}

/// <summary>The sorts of byte stream that a node can have.</summary>
public enum StreamKind
{
    Data,
    ResourceFork,
    Named,
}

/// <summary>A stream that a node has besides its main data.</summary>
public readonly record struct StreamDescription(StreamName Name, long Length);

/// <summary>Everything known of a node, one record for every filesystem. What a filesystem does not have is null.</summary>
public sealed record FileMetadata
{
    public required EntryKind Kind { get; init; }

    /// <summary>Bytes of the main data; 0 for what has none. A symbolic link: the bytes of its target.</summary>
    public long Length { get; init; }

    /// <summary>Bytes allocated on the volume for the main data, when known without a walk.</summary>
    public long? AllocatedLength { get; init; }

    public Timestamp? Created { get; init; }

    /// <summary>When the content was last written.</summary>
    public Timestamp? Modified { get; init; }

    /// <summary>When the node itself was last changed (POSIX ctime).</summary>
    public Timestamp? Changed { get; init; }

    public Timestamp? Accessed { get; init; }

    /// <summary>POSIX permission bits, 0 to 0xFFF (07777); the kind is not in it.</summary>
    public int? Mode { get; init; }

    public uint? UserId { get; init; }
    public uint? GroupId { get; init; }

    /// <summary>The owner's name beside the number, where the source has one (archives do).</summary>
    public string? UserName { get; init; }

    /// <summary>The group's name beside the number, where the source has one.</summary>
    public string? GroupName { get; init; }

    /// <summary>How many names the node has.</summary>
    public int? LinkCount { get; init; }

    public DosAttributes? DosAttributes { get; init; }
    public string? LinkTarget { get; init; }
    public DeviceNumber? Device { get; init; }

    /// <summary>The 8.3 name beside the long one, where there is one.</summary>
    public string? ShortName { get; init; }

    /// <summary>32 bytes of Finder information as HFS and HFS+ store it (type and creator in the first eight).</summary>
    public byte[]? FinderInfo { get; init; }

    /// <summary>The self-relative security descriptor of NTFS.</summary>
    public byte[]? SecurityDescriptor { get; init; }

    /// <summary>The reparse tag of NTFS.</summary>
    public uint? ReparseTag { get; init; }
}

/// <summary>What to set on a node; null leaves as it is. What the filesystem cannot hold is an
/// <see cref="UnsupportedFeatureException"/>: a copier asks <see cref="Capabilities"/> first and reports what it drops.</summary>
public sealed record MetadataChange
{
    public static MetadataChange None { get; } = new();

    public Timestamp? Created { get; init; }
    public Timestamp? Modified { get; init; }
    public Timestamp? Accessed { get; init; }

    /// <summary>POSIX permission bits, 0 to 0xFFF (07777).</summary>
    public int? Mode { get; init; }

    public uint? UserId { get; init; }
    public uint? GroupId { get; init; }

    /// <summary>The settable bits; <see cref="DosAttributes.Directory"/> and <see cref="DosAttributes.VolumeLabel"/> are ignored.</summary>
    public DosAttributes? DosAttributes { get; init; }

    public byte[]? FinderInfo { get; init; }
    public byte[]? SecurityDescriptor { get; init; }
    public string? ShortName { get; init; }

    /// <summary>Whether the content is to be stored compressed; of a directory, that of what is made in it.</summary>
    public bool? Compressed { get; init; }

    /// <summary>Whether the file may have holes where zeros are; false gives it all its space.</summary>
    public bool? Sparse { get; init; }

    /// <summary>Whether nothing is to be set.</summary>
    public bool IsEmpty => Created is null && Modified is null && Accessed is null && Mode is null && UserId is null && GroupId is null
        && DosAttributes is null && FinderInfo is null && SecurityDescriptor is null && ShortName is null && Compressed is null && Sparse is null;
}
