using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, Documentation/filesystems/ext4, "Index Nodes"; field names without their "i_".
//
// 128 bytes, then, when inodes are larger, as many bytes of the extra part as its own size field says, then attributes up to the end.

/// <summary>The first 128 bytes of an inode.</summary>
internal struct ExtInodeRecord
{
    public const int Size = 128, BlockOffset = 0x28, BlockLength = 60;

    public U16Le Mode;                   // 0x00  kind and permissions as in POSIX; 0: never used
    public U16Le UserLo;                 // 0x02
    public U32Le SizeLo;                 // 0x04  bytes
    public U32Le AccessTime;             // 0x08  seconds since 1970, signed
    public U32Le ChangeTime;             // 0x0C
    public U32Le ModifyTime;             // 0x10
    public U32Le DeleteTime;             // 0x14  0 while the inode lives; next inode of the orphan list
    public U16Le GroupLo;                // 0x18
    public U16Le LinksCount;             // 0x1A  1 for directories of 65,000 and more (dir_nlink)
    public U32Le BlocksLo;               // 0x1C  units of 512 bytes, or blocks with the flag HugeFile
    public ExtInodeFlagsField Flags;     // 0x20
    public U32Le VersionLo;              // 0x24
    public ExtInodeBlock Block;          // 0x28  block numbers, extent tree root, inline data, or a short link's target
    public U32Le Generation;             // 0x64
    public U32Le FileAclLo;              // 0x68  block of extended attributes
    public U32Le SizeHigh;               // 0x6C  files (and directories with large_dir)
    public U32Le FragmentAddress;        // 0x70  never used
    public U16Le BlocksHigh;             // 0x74
    public U16Le FileAclHigh;            // 0x76
    public U16Le UserHigh;               // 0x78
    public U16Le GroupHigh;              // 0x7A
    public U16Le ChecksumLo;             // 0x7C
    public U16Le Reserved;               // 0x7E
}

/// <summary>What stands at 0x80 of inodes larger than 128 bytes; a field counts when <see cref="ExtraSize"/> reaches over it.</summary>
internal struct ExtInodeExtra
{
    public const int Size = 32;

    public U16Le ExtraSize;              // 0x80  bytes from here on that are fields
    public U16Le ChecksumHi;             // 0x82
    public U32Le ChangeTimeExtra;        // 0x84  bits 0-1: 2^32 s each on top of the seconds; the rest: nanoseconds
    public U32Le ModifyTimeExtra;        // 0x88
    public U32Le AccessTimeExtra;        // 0x8C
    public U32Le CreateTime;             // 0x90
    public U32Le CreateTimeExtra;        // 0x94
    public U32Le VersionHi;              // 0x98
    public U32Le ProjectId;              // 0x9C
}

/// <summary>Flags of an inode.</summary>
[Flags]
internal enum ExtInodeFlags : uint
{
    None = 0,
    SecureDelete = 0x1,
    Undelete = 0x2,
    Compressed = 0x4,
    Sync = 0x8,
    Immutable = 0x10,
    Append = 0x20,
    NoDump = 0x40,
    NoAtime = 0x80,
    Dirty = 0x100,
    CompressedBlocks = 0x200,
    NoCompress = 0x400,
    Encrypt = 0x800,

    /// <summary>The directory has a hash tree.</summary>
    Index = 0x1000,

    Imagic = 0x2000,
    JournalData = 0x4000,
    NoTail = 0x8000,
    DirSync = 0x10000,
    TopDir = 0x20000,

    /// <summary>i_blocks counts blocks, not units of 512 bytes.</summary>
    HugeFile = 0x40000,

    Extents = 0x80000,
    Verity = 0x100000,

    /// <summary>The inode holds the value of an extended attribute.</summary>
    EaInode = 0x200000,

    EofBlocks = 0x400000,
    Snapshot = 0x1000000,
    Dax = 0x2000000,
    InlineData = 0x10000000,
    ProjectInherit = 0x20000000,

    /// <summary>Names in this directory are compared without case.</summary>
    Casefold = 0x40000000,
}

internal struct ExtInodeFlagsField
{
    public U32Le Raw;
    public readonly ExtInodeFlags Value => (ExtInodeFlags)(uint)Raw;
}

[InlineArray(ExtInodeRecord.BlockLength)]
internal struct ExtInodeBlock
{
    private byte _first;
}
