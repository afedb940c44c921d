using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, include/linux/dqblk_qtree.h, fs/quota/quotaio_v2.h and quota_tree.h: the quota file of format "vfsv1".
//
// Blocks of 1 KiB, whatever the volume's. Block 0 holds the header; block 1 is the root of a tree of four levels, in which each byte of an id,
// the highest first, chooses one of 256 block numbers; the last level leads to a block of entries.

/// <summary>The head of a quota file: 8 bytes, and 24 of information.</summary>
internal struct ExtQuotaHeader
{
    public const int BlockSize = 1024, LevelCount = 4, RootBlock = 1;
    public const uint UserMagic = 0xD9C01F11, GroupMagic = 0xD9C01927, ProjectMagic = 0xD9C03F14;

    public U32Le Magic;                  // 0x00  by type
    public U32Le Version;                // 0x04  1: entries of 72 bytes
    public U32Le BlockGrace;             // 0x08  seconds until a soft limit becomes a hard one
    public U32Le InodeGrace;             // 0x0C
    public U32Le Flags;                  // 0x10
    public U32Le BlockCount;             // 0x14  of this file
    public U32Le FreeBlock;              // 0x18  head of the list of free blocks; 0: none
    public U32Le FreeEntry;              // 0x1C  head of the list of entry blocks that have room

    public static uint MagicOf(ExtQuotaType type) => type switch { ExtQuotaType.User => UserMagic, ExtQuotaType.Group => GroupMagic, _ => ProjectMagic };
}

/// <summary>The head of a block of entries: 16 bytes. Entries follow.</summary>
internal struct ExtQuotaBlockHeader
{
    public const int Size = 16;

    /// <summary>Entries that a block has room for.</summary>
    public const int Capacity = (ExtQuotaHeader.BlockSize - Size) / ExtQuotaEntry.Size;

    public U32Le NextFree;               // 0x00  links of the list of blocks that have room
    public U32Le PreviousFree;           // 0x04
    public U16Le EntryCount;             // 0x08  in use
    public U16Le Padding1;               // 0x0A
    public U32Le Padding2;               // 0x0C
}

/// <summary>What one id uses and may use: 72 bytes. All zero: a free entry.</summary>
internal struct ExtQuotaEntry
{
    public const int Size = 72;

    public U32Le Id;                     // 0x00
    public U32Le Padding;                // 0x04
    public U64Le InodeHardLimit;         // 0x08
    public U64Le InodeSoftLimit;         // 0x10
    public U64Le Inodes;                 // 0x18
    public U64Le BlockHardLimit;         // 0x20  KiB
    public U64Le BlockSoftLimit;         // 0x28
    public U64Le Space;                  // 0x30  bytes
    public U64Le BlockTime;              // 0x38  when the soft limit becomes hard
    public U64Le InodeTime;              // 0x40  1 in an entry of zeros that is in use
}
