using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, Documentation/filesystems/ext4, "Super Block"; field names without their "s_".
//
// 1024 bytes at byte 1024 of the volume, whatever the block size. Copies stand at the start of the groups that sparse_super
// (or sparse_super2) names. Counts are split into a low and, with 64bit, a high half.

/// <summary>The superblock: 1024 bytes.</summary>
internal struct ExtSuperblock
{
    public const int UuidOffset = 0x68, UuidLength = 16;
    public const int Size = 1024, Offset = 1024;
    public const ushort MagicValue = 0xEF53;

    /// <summary>In <see cref="EncodingFlags"/>.</summary>
    public const ushort StrictEncoding = 1;

    public U32Le InodesCount;            // 0x000
    public U32Le BlocksCountLo;          // 0x004  blocks, also with bigalloc
    public U32Le ReservedBlocksLo;       // 0x008  for root
    public U32Le FreeBlocksLo;           // 0x00C  blocks; the kernel corrects it at unmount only
    public U32Le FreeInodes;             // 0x010
    public U32Le FirstDataBlock;         // 0x014  1 with blocks of 1 KiB and no bigalloc, else 0
    public U32Le LogBlockSize;           // 0x018  block size = 1024 << this; 0 to 6
    public U32Le LogClusterSize;         // 0x01C  the same for clusters; equal without bigalloc
    public U32Le BlocksPerGroup;         // 0x020
    public U32Le ClustersPerGroup;       // 0x024
    public U32Le InodesPerGroup;         // 0x028
    public U32Le MountTime;              // 0x02C  seconds since 1970, with MountTimeHi 40 bits
    public U32Le WriteTime;              // 0x030
    public U16Le MountCount;             // 0x034
    public U16Le MaxMountCount;          // 0x036
    public U16Le Magic;                  // 0x038  0xEF53
    public ExtState State;               // 0x03A
    public U16Le Errors;                 // 0x03C  what a driver does on an error: 1 go on, 2 read-only, 3 panic
    public U16Le MinorRevision;          // 0x03E
    public U32Le LastCheck;              // 0x040
    public U32Le CheckInterval;          // 0x044  seconds; 0: never
    public U32Le CreatorOs;              // 0x048  0 Linux, 1 Hurd, 2 Masix, 3 FreeBSD, 4 Lites
    public U32Le Revision;               // 0x04C  0: inodes of 128 bytes and no features; 1: what follows counts
    public U16Le ReservedUser;           // 0x050
    public U16Le ReservedGroup;          // 0x052
    public U32Le FirstInode;             // 0x054  first that is not reserved; 11
    public U16Le InodeSize;              // 0x058  a power of two, 128 up to a block
    public U16Le BlockGroup;             // 0x05A  of this copy
    public ExtCompatField Compat;        // 0x05C
    public ExtIncompatField Incompat;    // 0x060
    public ExtRoCompatField RoCompat;    // 0x064
    public BigEndianGuid Uuid;           // 0x068 = UuidOffset
    public ExtLabel VolumeName;          // 0x078
    public ExtPath LastMounted;          // 0x088
    public U32Le AlgorithmBitmap;        // 0x0C8  compression, never merged
    public byte PreallocBlocks;          // 0x0CC
    public byte PreallocDirBlocks;       // 0x0CD
    public U16Le ReservedGdtBlocks;      // 0x0CE  blocks kept behind the descriptors for growing
    public BigEndianGuid JournalUuid;    // 0x0D0
    public U32Le JournalInode;           // 0x0E0  8
    public U32Le JournalDevice;          // 0x0E4  of an external journal
    public U32Le LastOrphan;             // 0x0E8  head of the list of deleted, still open inodes
    public ExtHashSeed HashSeed;         // 0x0EC  four words
    public byte DefaultHashVersion;      // 0x0FC
    public byte JournalBackupType;       // 0x0FD  1: JournalBlocks is a copy of the journal inode's map and size
    public U16Le DescriptorSize;         // 0x0FE  with 64bit: 64 (a power of two up to 1024)
    public U32Le DefaultMountOptions;    // 0x100
    public U32Le FirstMetaBlockGroup;    // 0x104  with meta_bg: descriptor blocks from this one on lie in their own groups
    public U32Le MakeTime;               // 0x108
    public ExtJournalCopy JournalBlocks; // 0x10C  i_block[15], i_size_high, i_size
    public U32Le BlocksCountHi;          // 0x150
    public U32Le ReservedBlocksHi;       // 0x154
    public U32Le FreeBlocksHi;           // 0x158
    public U16Le MinExtraInodeSize;      // 0x15C
    public U16Le WantExtraInodeSize;     // 0x15E
    public ExtMiscFlagsField Flags;      // 0x160
    public U16Le RaidStride;             // 0x164
    public U16Le MmpInterval;            // 0x166  seconds
    public U64Le MmpBlock;               // 0x168  multiple mount protection
    public U32Le RaidStripeWidth;        // 0x170
    public byte LogGroupsPerFlex;        // 0x174
    public byte ChecksumType;            // 0x175  1: crc32c
    public byte EncryptionLevel;         // 0x176
    public byte ReservedPad;             // 0x177
    public U64Le KbytesWritten;          // 0x178
    public U32Le SnapshotInode;          // 0x180  this and the next three: snapshots, never merged
    public U32Le SnapshotId;             // 0x184
    public U64Le SnapshotReservedBlocks; // 0x188
    public U32Le SnapshotList;           // 0x190
    public U32Le ErrorCount;             // 0x194
    public U32Le FirstErrorTime;         // 0x198
    public U32Le FirstErrorInode;        // 0x19C
    public U64Le FirstErrorBlock;        // 0x1A0
    public ExtFunctionName FirstErrorFunction; // 0x1A8
    public U32Le FirstErrorLine;         // 0x1C8
    public U32Le LastErrorTime;          // 0x1CC
    public U32Le LastErrorInode;         // 0x1D0
    public U32Le LastErrorLine;          // 0x1D4
    public U64Le LastErrorBlock;         // 0x1D8
    public ExtFunctionName LastErrorFunction; // 0x1E0
    public ExtPath MountOptions;         // 0x200
    public U32Le UserQuotaInode;         // 0x240
    public U32Le GroupQuotaInode;        // 0x244
    public U32Le OverheadBlocks;         // 0x248
    public U32Le BackupGroup1;           // 0x24C  with sparse_super2: the groups that have copies
    public U32Le BackupGroup2;           // 0x250
    public U32Le EncryptionAlgorithms;   // 0x254  four bytes
    public BigEndianGuid EncryptionSalt; // 0x258
    public U32Le LostFoundInode;         // 0x268
    public U32Le ProjectQuotaInode;      // 0x26C
    public U32Le ChecksumSeed;           // 0x270  with metadata_csum_seed
    public byte WriteTimeHi;             // 0x274
    public byte MountTimeHi;             // 0x275
    public byte MakeTimeHi;              // 0x276
    public byte LastCheckHi;             // 0x277
    public byte FirstErrorTimeHi;        // 0x278
    public byte LastErrorTimeHi;         // 0x279
    public byte FirstErrorCode;          // 0x27A
    public byte LastErrorCode;           // 0x27B
    public U16Le Encoding;               // 0x27C  of names, with casefold: 1 UTF-8 12.1
    public U16Le EncodingFlags;          // 0x27E  1: strict, names that are no UTF-8 are refused
    public U32Le OrphanFileInode;        // 0x280
    public ExtReserved376 Reserved;      // 0x284
    public U32Le Checksum;               // 0x3FC  crc32c of the 1020 bytes before
}

/// <summary>How the volume was left.</summary>
internal struct ExtState
{
    public const ushort Valid = 1, HasErrors = 2, HasOrphans = 4, FastCommitReplay = 0x20;

    public U16Le Value;
}

/// <summary>Signedness of the directory hash, and marks of old test kernels.</summary>
[Flags]
internal enum ExtMiscFlags : uint
{
    None = 0,
    SignedHash = 1,
    UnsignedHash = 2,
    TestFileSystem = 4,
}

internal struct ExtMiscFlagsField
{
    public U32Le Raw;
    public readonly ExtMiscFlags Value => (ExtMiscFlags)(uint)Raw;
}

[InlineArray(16)]
internal struct ExtLabel
{
    private byte _first;
}

[InlineArray(64)]
internal struct ExtPath
{
    private byte _first;
}

[InlineArray(32)]
internal struct ExtFunctionName
{
    private byte _first;
}

[InlineArray(4)]
internal struct ExtHashSeed
{
    private U32Le _first;
}

[InlineArray(17)]
internal struct ExtJournalCopy
{
    private U32Le _first;
}

[InlineArray(376)]
internal struct ExtReserved376
{
    private byte _first;
}
