using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// "NTFS Documentation" of the Linux-NTFS project, "Index Root", "Index Record"; fs/ntfs3/ntfs.h.
//
// A B-tree. Its root is the value of $INDEX_ROOT; nodes below are blocks of $INDEX_ALLOCATION, those in use set in $BITMAP, all three
// of one name ($I30 for directories).
//
//   root   | NtfsIndexRoot | NtfsIndexHeader | entry | entry | ... | end |
//   block  | NtfsIndexBlock: INDX ... NtfsIndexHeader | update sequence | entry | ... | end |
//
// An entry with a sub-node has, in its last 8 bytes, the VCN of the block with the keys before it.

/// <summary>$INDEX_ROOT: 16 bytes, then an <see cref="NtfsIndexHeader"/>.</summary>
internal struct NtfsIndexRoot
{
    public const int Size = 16;

    public U32Le AttributeType;              // 0x00  what is indexed: 0x30 in directories, 0 in view indexes
    public U32Le Collation;                  // 0x04
    public U32Le BlockSize;                  // 0x08  bytes of a block of $INDEX_ALLOCATION
    public byte ClustersPerBlock;            // 0x0C  of clusters, or of 512 bytes when a cluster is larger than a block
    public NtfsReserved3 Reserved;           // 0x0D
}

/// <summary>What comes before the entries of a node: 16 bytes.</summary>
internal struct NtfsIndexHeader
{
    public const int Size = 16;

    public U32Le EntriesOffset;              // 0x00  from the start of this header
    public U32Le IndexLength;                // 0x04  up to the end of the end entry, from the start of this header
    public U32Le AllocatedSize;              // 0x08  room for it
    public byte Flags;                       // 0x0C  1: has sub-nodes (in a root: there is an $INDEX_ALLOCATION)
    public NtfsReserved3 Reserved;           // 0x0D

    public const byte HasSubNodes = 1;
}

/// <summary>The head of a block of $INDEX_ALLOCATION: 24 bytes and an <see cref="NtfsIndexHeader"/>.</summary>
internal struct NtfsIndexBlock
{
    public const int Size = 40, HeaderOffset = 24;

    public NtfsProtectedHeader Protection;   // 0x00  "INDX"
    public U64Le LogSequenceNumber;          // 0x08
    public U64Le Vcn;                        // 0x10  its own, in the unit of NtfsIndexRoot.ClustersPerBlock
    public NtfsIndexHeader Index;            // 0x18

    public const uint MagicValue = 0x5844_4E49;     // "INDX"
}

/// <summary>The head of an entry: 16 bytes, then the key, then data of view indexes, then the VCN of the sub-node.</summary>
internal struct NtfsIndexEntry
{
    public const int Size = 16;
    public const ushort HasSubNode = 1, IsEnd = 2;

    /// <summary>Bytes of the VCN at the end.</summary>
    public const int SubNodeSize = 8;

    public NtfsFileReference File;           // 0x00  in directories; in view indexes see NtfsViewEntry
    public U16Le Length;                     // 0x08  of the entry, a multiple of 8
    public U16Le KeyLength;                  // 0x0A  0 in the end entry
    public U16Le Flags;                      // 0x0C
    public U16Le Reserved;                   // 0x0E
}

/// <summary>The first 8 bytes of an entry of a view index, where directories have the reference.</summary>
internal struct NtfsViewEntry
{
    public U16Le DataOffset;                 // 0x00  from the start of the entry
    public U16Le DataLength;                 // 0x02
    public U32Le Reserved;                   // 0x04
}

/// <summary>How keys are ordered.</summary>
internal enum NtfsCollationRule : uint
{
    /// <summary>By bytes, the shorter one first.</summary>
    Binary = 0,

    /// <summary>$FILE_NAME values, by name: capitals first, case where that leaves them equal.</summary>
    FileName = 1,

    UnicodeString = 2,

    /// <summary>One number of 32 bits.</summary>
    UnsignedLong = 0x10,

    Sid = 0x11,

    /// <summary>Hash, then security id.</summary>
    SecurityHash = 0x12,

    /// <summary>Several numbers of 32 bits.</summary>
    UnsignedLongs = 0x13,
}

/// <summary>A key of <c>$Extend\$Reparse:$R</c>: 12 bytes, no data.</summary>
internal struct NtfsReparseKey
{
    public const int Size = 12;

    public U32Le Tag;                        // 0x00
    public NtfsFileReference File;           // 0x04
}

/// <summary>The data of an entry of <c>$Extend\$ObjId:$O</c>, whose key is the id: 56 bytes.</summary>
internal struct NtfsObjectIdData
{
    public const int Size = 56;

    public NtfsFileReference File;           // 0x00
    public NtfsObjectBirth Birth;            // 0x08
}

/// <summary>The data of an entry of <c>$Extend\$Quota:$Q</c>, whose key is the owner's id: 48 bytes, then the owner's SID.</summary>
internal struct NtfsQuotaData
{
    public const int Size = 48;

    /// <summary>In the flags of owner 1, for the whole volume: bytes are counted; what was counted is no longer right.</summary>
    public const uint TrackingEnabled = 0x10, OutOfDate = 0x200;

    public U32Le Version;                    // 0x00  2
    public U32Le Flags;                      // 0x04
    public U64Le BytesUsed;                  // 0x08
    public U64Le ChangeTime;                 // 0x10
    public U64Le Threshold;                  // 0x18  -1: none
    public U64Le Limit;                      // 0x20  -1: none
    public U64Le ExceededTime;               // 0x28
}
