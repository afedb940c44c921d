using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, Documentation/filesystems/ext4, "Journal (jbd2)". All fields are big-endian, but those of fast commits.
//
//   superblock | descriptor, blocks... | revoke | ... | commit | descriptor ... (a ring from First to MaxLength)   [fast commits]
// A transaction is what stands before its commit block; all blocks of it carry its sequence number.

/// <summary>The head of every block but the logged ones: 12 bytes.</summary>
internal struct JbdHeader
{
    public const int Size = 12;
    public const uint MagicValue = 0xC03B3998;

    public U32Be Magic;                  // 0x00
    public U32Be Type;                   // 0x04  JbdBlockType
    public U32Be Sequence;               // 0x08
}

internal enum JbdBlockType : uint
{
    Descriptor = 1,
    Commit = 2,
    SuperblockV1 = 3,
    SuperblockV2 = 4,
    Revoke = 5,
}

/// <summary>The journal's superblock: 1024 bytes in block 0 of the journal.</summary>
internal struct JbdSuperblock
{
    public const int Size = 1024;

    public JbdHeader Header;             // 0x000
    public U32Be BlockSize;              // 0x00C  the volume's
    public U32Be MaxLength;              // 0x010  blocks, this one included
    public U32Be First;                  // 0x014  first block of the log
    public U32Be Sequence;               // 0x018  of the first transaction to be expected
    public U32Be Start;                  // 0x01C  its block; 0: nothing to replay
    public U32Be ErrorNumber;            // 0x020  negative; set by an aborted journal
    public JbdCompatField Compat;        // 0x024
    public JbdIncompatField Incompat;    // 0x028
    public U32Be RoCompat;               // 0x02C
    public BigEndianGuid Uuid;           // 0x030
    public U32Be UserCount;              // 0x040  volumes that use it; 1
    public U32Be DynamicSuper;           // 0x044
    public U32Be MaxTransaction;         // 0x048
    public U32Be MaxTransactionData;     // 0x04C
    public byte ChecksumType;            // 0x050  4: crc32c
    public JbdPadding3 Padding1;         // 0x051
    public U32Be FastCommitBlocks;       // 0x054  0: 256
    public U32Be Head;                   // 0x058
    public JbdPadding160 Padding2;       // 0x05C
    public U32Be Checksum;               // 0x0FC  crc32c of these 1024 bytes, with 0 here
    public JbdUsers Users;               // 0x100
}

[Flags]
internal enum JbdCompat : uint
{
    None = 0,
    Checksum = 1,
}

[Flags]
internal enum JbdIncompat : uint
{
    None = 0,
    Revoke = 0x1,
    Bit64 = 0x2,
    AsyncCommit = 0x4,
    ChecksumV2 = 0x8,
    ChecksumV3 = 0x10,
    FastCommit = 0x20,
}

internal struct JbdCompatField
{
    public U32Be Raw;
    public readonly JbdCompat Value => (JbdCompat)(uint)Raw;
}

internal struct JbdIncompatField
{
    public U32Be Raw;
    public readonly JbdIncompat Value => (JbdIncompat)(uint)Raw;
}

/// <summary>Names a logged block, without checksums or with those of version 2. Followed by a UUID of 16 bytes unless SameUuid is set.</summary>
/// <remarks>The length on disk depends on the features: 8, 10 (v2), 12 (64-bit), 14 (both); <see cref="BlockHi"/> is only there with 64-bit.</remarks>
internal struct JbdTag
{
    public U32Be Block;                  // 0x00
    public U16Be Checksum;               // 0x04  with version 2: the low half
    public U16Be Flags;                  // 0x06
    public U32Be BlockHi;                // 0x08
}

/// <summary>Names a logged block, with checksums of version 3: 16 bytes.</summary>
internal struct JbdTag3
{
    public const int Size = 16;

    public U32Be Block;                  // 0x00
    public U32Be Flags;                  // 0x04
    public U32Be BlockHi;                // 0x08
    public U32Be Checksum;               // 0x0C
}

[Flags]
internal enum JbdTagFlags : uint
{
    None = 0,

    /// <summary>The block began with the journal's magic number, which was zeroed in the log.</summary>
    Escape = 1,

    SameUuid = 2,
    Deleted = 4,
    Last = 8,
}

/// <summary>The head of a revoke block: 16 bytes; block numbers of 4 or (64-bit) 8 bytes follow.</summary>
internal struct JbdRevokeHeader
{
    public const int Size = 16;

    public JbdHeader Header;             // 0x00
    public U32Be Count;                  // 0x0C  bytes in use, this header included
}

/// <summary>A commit block, the first 60 bytes.</summary>
internal struct JbdCommit
{
    /// <summary>Of the commit checksum of version 1.</summary>
    public const byte Crc32Type = 1, Crc32Size = 4;

    public JbdHeader Header;             // 0x00
    public byte ChecksumType;            // 0x0C
    public byte ChecksumSize;            // 0x0D
    public U16Be Padding;                // 0x0E
    public U32Be Checksum;               // 0x10  version 1: crc32 of all blocks; versions 2 and 3: crc32c of this block
    public JbdChecksums MoreChecksums;   // 0x14
    public U64Be Seconds;                // 0x30
    public U32Be Nanoseconds;            // 0x38
}

/// <summary>A tag of the fast commit area (little-endian): 4 bytes, then <see cref="Length"/> more.</summary>
internal struct JbdFastTag
{
    public const int Size = 4;

    public U16Le Tag;                    // 0x00  JbdFastTagKind
    public U16Le Length;                 // 0x02
}

internal enum JbdFastTagKind : ushort
{
    AddRange = 1,
    DeleteRange = 2,
    Create = 3,
    Link = 4,
    Unlink = 5,
    Inode = 6,
    Padding = 7,
    Tail = 8,
    Head = 9,
}

/// <summary>Blocks that an inode has from now on: 16 bytes.</summary>
internal struct JbdFastAddRange
{
    public const int Size = 16;

    public U32Le Inode;                  // 0x00
    public ExtExtent Extent;             // 0x04
}

/// <summary>Blocks that an inode has no more: 12 bytes.</summary>
internal struct JbdFastDeleteRange
{
    public const int Size = 12;

    public U32Le Inode;                  // 0x00
    public U32Le Block;                  // 0x04  logical
    public U32Le Count;                  // 0x08
}

/// <summary>A name that comes or goes: 8 bytes, then the name.</summary>
internal struct JbdFastName
{
    public const int Size = 8;

    public U32Le Parent;                 // 0x00  the directory's inode
    public U32Le Inode;                  // 0x04
}

[InlineArray(3)]
internal struct JbdPadding3
{
    private byte _first;
}

[InlineArray(160)]
internal struct JbdPadding160
{
    private byte _first;
}

[InlineArray(768)]
internal struct JbdUsers
{
    private byte _first;
}

[InlineArray(28)]
internal struct JbdChecksums
{
    private byte _first;
}
