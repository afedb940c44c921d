using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, Documentation/filesystems/ext4, "Directory Entries" and "Hash Tree Directories".
//
// A directory is a file of blocks, a block is a chain of entries that fills it; an entry of inode 0 is free. With metadata_csum the last
// 12 bytes are an entry of inode 0 that holds the block's checksum.
//
//   hash tree:  block 0: "." ".." info limit count entries...   node: one empty entry over the whole block, limit count entries...
// An index entry's first slot has no hash: limit and count stand in its place.

/// <summary>The head of an entry, 8 bytes; the name follows. Entries are multiples of 4 bytes.</summary>
internal struct ExtDirectoryEntryHead
{
    public const int Size = 8, MaxNameLength = 255;

    /// <summary>In <see cref="FileType"/> of the entry that holds a block's checksum.</summary>
    public const byte ChecksumType = 0xDE;

    public U32Le Inode;                  // 0x00  0: free
    public U16Le RecordLength;           // 0x04  to the next entry; blocks of 64 KiB: 0 and 65535 stand for 65536, bits 0-1 for bits 16-17
    public byte NameLength;              // 0x06
    public byte FileType;                // 0x07  with filetype; else the high byte of the name's length, 0
}

/// <summary>The last entry of a directory block with metadata_csum: 12 bytes.</summary>
internal struct ExtDirectoryTail
{
    public const int Size = 12;

    public U32Le Inode;                  // 0x00  0
    public U16Le RecordLength;           // 0x04  12
    public byte NameLength;              // 0x06  0
    public byte FileType;                // 0x07  0xDE
    public U32Le Checksum;               // 0x08  of the block before, with the inode's seed
}

/// <summary>What stands behind ".." of a hash tree's root: 8 bytes.</summary>
internal struct ExtHashRootInfo
{
    public const int Size = 8;

    /// <summary>Where it stands in block 0: two entries of 12 bytes come before.</summary>
    public const int Offset = 24;

    public U32Le Reserved;               // 0x00  0
    public byte HashVersion;             // 0x04
    public byte InfoLength;              // 0x05  8
    public byte IndirectLevels;          // 0x06  nodes between root and leaves; 1, with large_dir 2
    public byte UnusedFlags;             // 0x07  bit 0: unknown flags
}

/// <summary>An index entry of a hash tree: 8 bytes. The first one of a block is limit, count and the block for hash 0.</summary>
internal struct ExtHashEntry
{
    public const int Size = 8;

    public U32Le Hash;                   // 0x00  first hash; bit 0: a chain of collisions goes on from the block before
    public U32Le Block;                  // 0x04  logical block of the directory, 28 bits

    /// <summary>Of the first entry: room in this block.</summary>
    public readonly ushort Limit => (ushort)((uint)Hash & 0xFFFF);

    /// <summary>Of the first entry: entries in use, this one included.</summary>
    public readonly ushort Count => (ushort)((uint)Hash >> 16);
}

/// <summary>What follows the last possible index entry with metadata_csum: 8 bytes.</summary>
internal struct ExtHashTail
{
    public const int Size = 8;

    public U32Le Reserved;               // 0x00
    public U32Le Checksum;               // 0x04
}

/// <summary>What an entry's hash and minor hash are kept in, behind the name, in directories that are both encrypted and without case.</summary>
internal struct ExtEntryHash
{
    public U32Le Hash, MinorHash;        // 0x00, 0x04
}

/// <summary>The kinds in a directory entry.</summary>
internal enum ExtFileType : byte
{
    Unknown = 0,
    File = 1,
    Directory = 2,
    CharacterDevice = 3,
    BlockDevice = 4,
    Fifo = 5,
    Socket = 6,
    SymbolicLink = 7,
}

/// <summary>The last 8 bytes of a block of the orphan file.</summary>
internal struct ExtOrphanTail
{
    public const int Size = 8;
    public const uint MagicValue = 0x0B10CA04;

    public U32Le Magic;                  // 0x00
    public U32Le Checksum;               // 0x04  of the block's number and its inode numbers, with the orphan file's seed
}

/// <summary>The multiple mount protection block: 1024 bytes.</summary>
internal struct ExtMmpBlock
{
    public const uint MagicValue = 0x004D4D50;
    public const uint SequenceClean = 0xFF4D4D50, SequenceCheck = 0xE24D4D50, SequenceMax = 0xE24D4D4F;

    public U32Le Magic;                  // 0x000  "PMM"
    public U32Le Sequence;               // 0x004
    public U64Le Time;                   // 0x008
    public ExtPath NodeName;             // 0x010
    public ExtFunctionName DeviceName;   // 0x050
    public U16Le CheckInterval;          // 0x070
    public U16Le Pad1;                   // 0x072
    public ExtReserved904 Pad2;          // 0x074
    public U32Le Checksum;               // 0x3FC
}

[InlineArray(904)]
internal struct ExtReserved904
{
    private byte _first;
}
