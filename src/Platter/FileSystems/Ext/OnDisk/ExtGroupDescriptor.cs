using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, Documentation/filesystems/ext4, "Block Group Descriptors". 32 bytes; with 64bit s_desc_size bytes, usually 64.

/// <summary>A group's descriptor, the first 32 bytes.</summary>
internal struct ExtGroupDescriptor
{
    public const int Size = 32, LargeSize = 64;

    public U32Le BlockBitmapLo;          // 0x00  block number
    public U32Le InodeBitmapLo;          // 0x04
    public U32Le InodeTableLo;           // 0x08
    public U16Le FreeClustersLo;         // 0x0C  clusters with bigalloc
    public U16Le FreeInodesLo;           // 0x0E
    public U16Le UsedDirsLo;             // 0x10
    public ExtGroupFlagsField Flags;     // 0x12
    public U32Le ExcludeBitmapLo;        // 0x14  snapshots, never merged
    public U16Le BlockBitmapChecksumLo;  // 0x18
    public U16Le InodeBitmapChecksumLo;  // 0x1A
    public U16Le UnusedInodesLo;         // 0x1C  at the end of the table, never used
    public U16Le Checksum;               // 0x1E  crc16 (gdt_csum) or the low half of crc32c (metadata_csum)
}

/// <summary>What follows in descriptors of 64 bytes.</summary>
internal struct ExtGroupDescriptorHigh
{
    public U32Le BlockBitmapHi;          // 0x20
    public U32Le InodeBitmapHi;          // 0x24
    public U32Le InodeTableHi;           // 0x28
    public U16Le FreeClustersHi;         // 0x2C
    public U16Le FreeInodesHi;           // 0x2E
    public U16Le UsedDirsHi;             // 0x30
    public U16Le UnusedInodesHi;         // 0x32
    public U32Le ExcludeBitmapHi;        // 0x34
    public U16Le BlockBitmapChecksumHi;  // 0x38
    public U16Le InodeBitmapChecksumHi;  // 0x3A
    public U32Le Reserved;               // 0x3C
}

/// <summary>What of a group was never written.</summary>
[Flags]
internal enum ExtGroupFlags : ushort
{
    None = 0,

    /// <summary>The inode bitmap and table are not initialised: all inodes are free.</summary>
    InodeUninit = 1,

    /// <summary>The block bitmap is not initialised: only the group's own structures are in use.</summary>
    BlockUninit = 2,

    /// <summary>The inode table has been zeroed.</summary>
    InodeZeroed = 4,
}

internal struct ExtGroupFlagsField
{
    public U16Le Raw;
    public readonly ExtGroupFlags Value => (ExtGroupFlags)(ushort)Raw;
}
