using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, Documentation/filesystems/ext4, "Extent Tree".
//
//   root (60 bytes in the inode): header, up to 4 entries     node (a block): header, entries, tail with a checksum
//   depth 0: entries are extents; else indexes to nodes of one depth less. At most 5 levels below the root.

/// <summary>The head of a node: 12 bytes.</summary>
internal struct ExtExtentHeader
{
    public const int Size = 12;
    public const ushort MagicValue = 0xF30A;
    public const int MaxDepth = 5;

    public U16Le Magic;                  // 0x00  0xF30A
    public U16Le Entries;                // 0x02
    public U16Le Max;                    // 0x04  room
    public U16Le Depth;                  // 0x06  0: extents follow
    public U32Le Generation;             // 0x08  Lustre's
}

/// <summary>An extent: 12 bytes.</summary>
internal struct ExtExtent
{
    public const int Size = 12;

    /// <summary>Lengths above this are of unwritten extents, by so much longer.</summary>
    public const int MaxInitialised = 32768;

    public U32Le Block;                  // 0x00  first logical block
    public U16Le Length;                 // 0x04  blocks; above 32768: that much less, and unwritten
    public U16Le StartHi;                // 0x06
    public U32Le StartLo;                // 0x08

    public readonly long Start => (long)(ushort)StartHi << 32 | (uint)StartLo;
    public readonly bool IsUnwritten => Length > MaxInitialised;
    public readonly int Count => Length > MaxInitialised ? Length - MaxInitialised : Length;
}

/// <summary>An index entry: 12 bytes.</summary>
internal struct ExtExtentIndex
{
    public U32Le Block;                  // 0x00  first logical block below
    public U32Le LeafLo;                 // 0x04  block of the node
    public U16Le LeafHi;                 // 0x08
    public U16Le Unused;                 // 0x0A

    public readonly long Leaf => (long)(ushort)LeafHi << 32 | (uint)LeafLo;
}
