using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// "NTFS Documentation" of the Linux-NTFS project, "Attributes"; fs/ntfs3/ntfs.h.
//
//   resident       | header (24) | name | value |                 offsets from the start of the attribute, parts aligned to 8
//   non-resident   | header (64, or 72 when compressed or sparse) | name | run list |
//
// In a record they are sorted by type, then name, then lowest VCN.

/// <summary>What an attribute is.</summary>
internal enum NtfsAttributeType : uint
{
    None = 0,
    StandardInformation = 0x10,
    AttributeList = 0x20,
    FileName = 0x30,

    /// <summary>$VOLUME_VERSION before version 3.</summary>
    ObjectId = 0x40,

    SecurityDescriptor = 0x50,
    VolumeName = 0x60,
    VolumeInformation = 0x70,
    Data = 0x80,
    IndexRoot = 0x90,
    IndexAllocation = 0xA0,
    Bitmap = 0xB0,

    /// <summary>$SYMBOLIC_LINK before version 3, never used.</summary>
    ReparsePoint = 0xC0,

    EaInformation = 0xD0,
    Ea = 0xE0,
    PropertySet = 0xF0,

    /// <summary>Named $EFS: keys of an encrypted file; $TXF_DATA: transactions.</summary>
    LoggedUtilityStream = 0x100,

    FirstUserDefined = 0x1000,
    End = 0xFFFFFFFF,
}

[Flags]
internal enum NtfsAttributeFlags : ushort
{
    None = 0,
    Compressed = 0x0001,

    /// <summary>The method: 0 is LZNT1, and there is no other.</summary>
    CompressionMask = 0x00FF,

    Encrypted = 0x4000,
    Sparse = 0x8000,
}

/// <summary>The head of every attribute: 16 bytes.</summary>
internal struct NtfsAttributeHeader
{
    public const int Size = 16;

    /// <summary>Offset of the flags, for those that change them.</summary>
    public const int FlagsOffset = 0x0C;

    /// <summary>What Windows writes behind the end mark, where a length would stand: an impossible one, on purpose.</summary>
    public const uint EndFiller = 0x11477982;

    /// <summary>Bytes that the end mark takes: the type, and what stands for a length.</summary>
    public const int EndSize = 8;

    public U32Le TypeRaw;                    // 0x00
    public U32Le Length;                     // 0x04  of the whole attribute, a multiple of 8
    public byte NonResident;                 // 0x08  0 or 1
    public byte NameLength;                  // 0x09  UTF-16 units
    public U16Le NameOffset;                 // 0x0A
    public NtfsAttributeFlagsField Flags;    // 0x0C
    public U16Le Instance;                   // 0x0E  unique within its record

    public NtfsAttributeType Type
    {
        readonly get => (NtfsAttributeType)(uint)TypeRaw;
        set => TypeRaw = (uint)value;
    }
}

internal struct NtfsAttributeFlagsField
{
    public U16Le Raw;

    public NtfsAttributeFlags Value
    {
        readonly get => (NtfsAttributeFlags)(ushort)Raw;
        set => Raw = (ushort)value;
    }
}

/// <summary>A resident attribute: 24 bytes, then name and value.</summary>
internal struct NtfsResidentHeader
{
    public const int Size = 24;
    public const byte IndexedFlag = 1;

    public NtfsAttributeHeader Common;       // 0x00
    public U32Le ValueLength;                // 0x10
    public U16Le ValueOffset;                // 0x14  a multiple of 8
    public byte ResidentFlags;               // 0x16  1: the value is a key in an index ($FILE_NAME)
    public byte Reserved;                    // 0x17
}

/// <summary>A non-resident attribute, or one extent of it: 64 bytes, then perhaps <see cref="NtfsCompressedSize"/>, name, run list.</summary>
internal struct NtfsNonResidentHeader
{
    public const int Size = 64, SizeWithCompressed = 72;

    public NtfsAttributeHeader Common;       // 0x00
    public U64Le LowestVcn;                  // 0x10  first cluster that this extent maps
    public U64Le HighestVcn;                 // 0x18  last one; -1 when there is none
    public U16Le RunListOffset;              // 0x20
    public byte CompressionUnit;             // 0x22  2 to the power of it in clusters; 4, or 0 when not compressed
    public NtfsReserved5 Reserved;           // 0x23
    public U64Le AllocatedSize;              // 0x28  bytes, whole clusters; sizes count in the first extent (lowest VCN 0) alone
    public U64Le DataSize;                   // 0x30  bytes
    public U64Le InitializedSize;            // 0x38  bytes that were written; behind them zeros are read
}

/// <summary>Behind the header of the first extent of a compressed or sparse attribute.</summary>
internal struct NtfsCompressedSize
{
    public const int Offset = 0x40;

    public U64Le TotalAllocated;             // 0x40  bytes of clusters that are really there
}

/// <summary>One line of $ATTRIBUTE_LIST: 26 bytes, then the name; padded to 8. Sorted as attributes are, then by lowest VCN.</summary>
internal struct NtfsAttributeListEntry
{
    public const int Size = 26;

    /// <summary>Where a name lies, whether there is one or not: Windows refuses entries with another offset.</summary>
    public const int NameStart = 0x1A;

    /// <summary>Windows takes no longer list.</summary>
    public const int MaxListLength = 256 << 10;

    public U32Le TypeRaw;                    // 0x00
    public U16Le Length;                     // 0x04
    public byte NameLength;                  // 0x06  UTF-16 units
    public byte NameOffset;                  // 0x07  0x1A
    public U64Le LowestVcn;                  // 0x08  of the extent; 0 for resident attributes
    public NtfsFileReference Record;         // 0x10  where the attribute is
    public U16Le Instance;                   // 0x18  and which one there

    public NtfsAttributeType Type
    {
        readonly get => (NtfsAttributeType)(uint)TypeRaw;
        set => TypeRaw = (uint)value;
    }
}

[InlineArray(5)]
internal struct NtfsReserved5
{
    private byte _first;
}
