using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

// Microsoft "exFAT file system specification", sections 6 "Directory Structure" and 7 "Directory Entry Definitions".
//
// A directory is an array of entries of 32 bytes. A file is a set: a primary entry and the secondary ones that follow it at once,
//
//   [85 file][C0 stream][C1 name] ... [C1 name][E0, E1 or others: benign]
//
// The type byte:  bit 7 in use | bit 6 secondary | bit 5 benign (may be passed over when not known) | bits 0-4 code.
// 00 ends the directory; 01..7F is an entry that was removed: its type with bit 7 cleared.

/// <summary>The first byte of an entry.</summary>
internal static class ExFatEntryType
{
    public const int Size = 32;

    public const byte End = 0x00;
    public const byte Bitmap = 0x81, Upcase = 0x82, Label = 0x83, File = 0x85;      // critical primary
    public const byte VolumeGuid = 0xA0, TexFatPadding = 0xA1;                      // benign primary
    public const byte Stream = 0xC0, Name = 0xC1;                                   // critical secondary
    public const byte VendorExtension = 0xE0, VendorAllocation = 0xE1;              // benign secondary

    public const byte InUseBit = 0x80, SecondaryBit = 0x40, BenignBit = 0x20;

    public static bool IsInUse(byte type) => (type & InUseBit) != 0;

    public static bool IsSecondary(byte type) => (type & SecondaryBit) != 0;

    public static bool IsBenign(byte type) => (type & BenignBit) != 0;
}

/// <summary>Bits of the flags byte of every secondary entry, and of the volume GUID's and unknown primary entries' flags word.</summary>
[Flags]
internal enum ExFatSecondaryFlags : byte
{
    None = 0,

    /// <summary>FirstCluster and DataLength mean something.</summary>
    AllocationPossible = 1,

    /// <summary>The clusters follow one another; the FAT says nothing about them.</summary>
    NoFatChain = 2,
}

/// <summary>What primary entries have in common; 32 bytes.</summary>
internal struct ExFatPrimaryEntry
{
    public byte Type;                    // 0x00
    public byte SecondaryCount;          // 0x01  entries that follow and belong to this one
    public U16Le SetChecksum;            // 0x02  of the whole set without these two bytes
    public U16Le Flags;                  // 0x04  ExFatSecondaryFlags
    public ExFatReserved14 Custom;       // 0x06
    public U32Le FirstCluster;           // 0x14  0: nothing allocated
    public U64Le DataLength;             // 0x18  bytes
}

/// <summary>What secondary entries have in common; 32 bytes.</summary>
internal struct ExFatSecondaryEntry
{
    public byte Type;                    // 0x00
    public ExFatSecondaryFlags Flags;    // 0x01
    public ExFatReserved18 Custom;       // 0x02
    public U32Le FirstCluster;           // 0x14  0: nothing allocated
    public U64Le DataLength;             // 0x18  bytes
}

/// <summary>0x81: where the allocation bitmap lies. In the root; two on TexFAT.</summary>
internal struct ExFatBitmapEntry
{
    /// <summary>Bit 0 of <see cref="Flags"/>: this is the second bitmap, which belongs to the second FAT.</summary>
    public const byte SecondBitmap = 1;

    public byte Type;                    // 0x00
    public byte Flags;                   // 0x01
    public ExFatReserved18 Reserved;     // 0x02
    public U32Le FirstCluster;           // 0x14
    public U64Le DataLength;             // 0x18  bytes: one bit per cluster, rounded up
}

/// <summary>0x82: where the up-case table lies. In the root, once.</summary>
internal struct ExFatUpcaseEntry
{
    public byte Type;                    // 0x00
    public ExFatReserved3 Reserved1;     // 0x01
    public U32Le TableChecksum;          // 0x04
    public ExFatReserved12 Reserved2;    // 0x08
    public U32Le FirstCluster;           // 0x14
    public U64Le DataLength;             // 0x18  bytes
}

/// <summary>0x83: the volume's label. In the root, once or not at all; Windows leaves an empty one, or one with bit 7 cleared.</summary>
internal struct ExFatLabelEntry
{
    public const int MaxUnits = 11;

    public byte Type;                    // 0x00
    public byte CharacterCount;          // 0x01  0 to 11
    public ExFatLabelUnits Units;        // 0x02  UTF-16
    public ExFatReserved8 Reserved;      // 0x18
}

/// <summary>0x85: a file or directory.</summary>
internal struct ExFatFileEntry
{
    public byte Type;                    // 0x00
    public byte SecondaryCount;          // 0x01  2 to 18: stream, names, benign ones
    public U16Le SetChecksum;            // 0x02
    public U16Le Attributes;             // 0x04  DosAttributes: read-only, hidden, system, directory, archive
    public U16Le Reserved1;              // 0x06
    public U32Le Created;                // 0x08  date in the high half, time in the low one, as FAT has them; local time
    public U32Le Modified;               // 0x0C
    public U32Le Accessed;               // 0x10
    public byte CreatedTenMs;            // 0x14  0 to 199, units of 10 ms on top of Created
    public byte ModifiedTenMs;           // 0x15  0 to 199
    public byte CreatedUtcOffset;        // 0x16  bit 7: valid; bits 0-6: signed quarters of an hour that local time is ahead of UTC
    public byte ModifiedUtcOffset;       // 0x17
    public byte AccessedUtcOffset;       // 0x18
    public ExFatReserved7 Reserved2;     // 0x19
}

/// <summary>0xC0: where a file's content lies; right behind the file entry.</summary>
internal struct ExFatStreamEntry
{
    public byte Type;                    // 0x00
    public ExFatSecondaryFlags Flags;    // 0x01
    public byte Reserved1;               // 0x02
    public byte NameLength;              // 0x03  UTF-16 units, 1 to 255
    public U16Le NameHash;               // 0x04  of the up-cased name
    public U16Le Reserved2;              // 0x06
    public U64Le ValidDataLength;        // 0x08  bytes written; what lies behind reads as zeros. Not above DataLength
    public U32Le Reserved3;              // 0x10
    public U32Le FirstCluster;           // 0x14  0: nothing allocated
    public U64Le DataLength;             // 0x18  bytes
}

/// <summary>0xC1: fifteen UTF-16 units of a name; as many as the name needs.</summary>
internal struct ExFatNameEntry
{
    public const int UnitsPerEntry = 15, MaxEntries = 17, MaxUnits = 255;

    public byte Type;                    // 0x00
    public ExFatSecondaryFlags Flags;    // 0x01  0
    public ExFatNameUnits Units;         // 0x02  UTF-16; units behind the name are 0
}

/// <summary>0xA0: a GUID for the volume. In the root, once or not at all.</summary>
internal struct ExFatVolumeGuidEntry
{
    public byte Type;                    // 0x00
    public byte SecondaryCount;          // 0x01  0
    public U16Le SetChecksum;            // 0x02
    public U16Le Flags;                  // 0x04  0
    public MixedGuid Guid;               // 0x06  not all zeros
    public ExFatReserved10 Reserved;     // 0x16
}

/// <summary>0xA1: fills a TexFAT directory up so that it need not grow during a transaction. Says nothing.</summary>
internal struct ExFatTexFatPaddingEntry
{
    public byte Type;                    // 0x00
    public ExFatReserved31 Reserved;     // 0x01
}

/// <summary>0xE0: what a vendor adds to a file, within the entry.</summary>
internal struct ExFatVendorExtensionEntry
{
    public byte Type;                    // 0x00
    public ExFatSecondaryFlags Flags;    // 0x01  AllocationPossible clear
    public MixedGuid Vendor;             // 0x02
    public ExFatReserved14 Defined;      // 0x12
}

/// <summary>0xE1: what a vendor adds to a file, in clusters of its own, which go when the file goes.</summary>
internal struct ExFatVendorAllocationEntry
{
    public byte Type;                    // 0x00
    public ExFatSecondaryFlags Flags;    // 0x01
    public MixedGuid Vendor;             // 0x02
    public U16Le Defined;                // 0x12
    public U32Le FirstCluster;           // 0x14
    public U64Le DataLength;             // 0x18  bytes
}

[InlineArray(22)]
internal struct ExFatLabelUnits
{
    private byte _first;
}

[InlineArray(30)]
internal struct ExFatNameUnits
{
    private byte _first;
}

[InlineArray(3)]
internal struct ExFatReserved3
{
    private byte _first;
}

[InlineArray(8)]
internal struct ExFatReserved8
{
    private byte _first;
}

[InlineArray(10)]
internal struct ExFatReserved10
{
    private byte _first;
}

[InlineArray(12)]
internal struct ExFatReserved12
{
    private byte _first;
}

[InlineArray(14)]
internal struct ExFatReserved14
{
    private byte _first;
}

[InlineArray(18)]
internal struct ExFatReserved18
{
    private byte _first;
}

[InlineArray(31)]
internal struct ExFatReserved31
{
    private byte _first;
}
