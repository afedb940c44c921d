using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, Documentation/filesystems/ext4, "Super Block": s_feature_compat, s_feature_incompat, s_feature_ro_compat.
// An unknown INCOMPAT bit forbids reading, an unknown RO_COMPAT bit writing, an unknown COMPAT bit repairing.

/// <summary>Features that a driver may ignore.</summary>
[Flags]
internal enum ExtCompat : uint
{
    None = 0,
    DirPrealloc = 0x1,
    ImagicInodes = 0x2,
    HasJournal = 0x4,
    ExtAttr = 0x8,
    ResizeInode = 0x10,
    DirIndex = 0x20,
    LazyBg = 0x40,
    ExcludeBitmap = 0x100,
    SparseSuper2 = 0x200,
    FastCommit = 0x400,
    StableInodes = 0x800,
    OrphanFile = 0x1000,
}

/// <summary>Features that a driver must know to read.</summary>
[Flags]
internal enum ExtIncompat : uint
{
    None = 0,
    Compression = 0x1,
    Filetype = 0x2,
    Recover = 0x4,
    JournalDevice = 0x8,
    MetaBg = 0x10,
    Extents = 0x40,
    Bit64 = 0x80,
    Mmp = 0x100,
    FlexBg = 0x200,
    EaInode = 0x400,
    DirData = 0x1000,
    ChecksumSeed = 0x2000,
    LargeDir = 0x4000,
    InlineData = 0x8000,
    Encrypt = 0x10000,
    Casefold = 0x20000,
}

/// <summary>Features that a driver must know to write.</summary>
[Flags]
internal enum ExtRoCompat : uint
{
    None = 0,
    SparseSuper = 0x1,
    LargeFile = 0x2,
    BtreeDir = 0x4,
    HugeFile = 0x8,
    GdtChecksum = 0x10,
    DirNlink = 0x20,
    ExtraIsize = 0x40,
    HasSnapshot = 0x80,
    Quota = 0x100,
    Bigalloc = 0x200,
    MetadataChecksum = 0x400,
    Replica = 0x800,
    ReadOnly = 0x1000,
    Project = 0x2000,
    SharedBlocks = 0x4000,
    Verity = 0x8000,
    OrphanPresent = 0x10000,
}

internal struct ExtCompatField
{
    public U32Le Raw;
    public readonly ExtCompat Value => (ExtCompat)(uint)Raw;
}

internal struct ExtIncompatField
{
    public U32Le Raw;
    public readonly ExtIncompat Value => (ExtIncompat)(uint)Raw;
}

internal struct ExtRoCompatField
{
    public U32Le Raw;
    public readonly ExtRoCompat Value => (ExtRoCompat)(uint)Raw;
}
