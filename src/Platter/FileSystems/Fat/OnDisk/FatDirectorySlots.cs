using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

// Microsoft "FAT: General Overview of On-Disk Format" 1.03, sections "FAT Directory Structure" and "FAT Long Directory Entries".
//
// A directory is an array of slots of 32 bytes. A file is a short slot, with the slots of its long name right before it,
// last piece first:  [0x40|n][n-1]...[1][short]. A first byte of 0x00 ends the directory, 0xE5 marks a removed slot.

/// <summary>A short entry: 32 bytes.</summary>
internal struct FatShortSlot
{
    public const int Size = 32;
    public const byte End = 0x00, Removed = 0xE5;

    /// <summary>Stands for a first character 0xE5, which would mean "removed" (a Kanji lead byte).</summary>
    public const byte KanjiE5 = 0x05;

    public FatShortName11 Name;          // 0x00  8 + 3, padded with spaces, OEM code page
    public byte Attributes;              // 0x0B  DosAttributes, six bits
    public FatCaseFlags Case;            // 0x0C  Windows NT: base or extension is all lower case
    public byte CreatedTenMs;            // 0x0D  0 to 199, units of 10 ms, on top of CreatedTime
    public U16Le CreatedTime;            // 0x0E
    public U16Le CreatedDate;            // 0x10
    public U16Le AccessedDate;           // 0x12
    public U16Le ClusterHigh;            // 0x14  FAT32 only; OS/2 and Linux's umsdos kept other things here on FAT12/16
    public U16Le ModifiedTime;           // 0x16
    public U16Le ModifiedDate;           // 0x18
    public U16Le ClusterLow;             // 0x1A  0: no content
    public U32Le Length;                 // 0x1C  bytes; 0 for directories
}

/// <summary>A piece of a long name, 13 UTF-16 units: 32 bytes.</summary>
internal struct FatLongSlot
{
    /// <summary>Set in <see cref="Ordinal"/> of the last piece, which comes first.</summary>
    public const byte LastFlag = 0x40;

    /// <summary>Read-only, hidden, system and volume label together: what old systems pass over.</summary>
    public const byte AttributesValue = 0x0F;

    public const int UnitsPerSlot = 13, MaxSlots = 20;

    public byte Ordinal;                 // 0x00  1 to 20, with LastFlag
    public FatUnits5 Units1;             // 0x01
    public byte Attributes;              // 0x0B  0x0F
    public byte Type;                    // 0x0C  0
    public byte Checksum;                // 0x0D  of the short name
    public FatUnits6 Units2;             // 0x0E
    public U16Le Cluster;                // 0x1A  0
    public FatUnits2 Units3;             // 0x1C
}

/// <summary>Windows NT's case bits of a short slot, and the one of a Linux patch.</summary>
[Flags]
internal enum FatCaseFlags : byte
{
    None = 0,
    LowerBase = 0x08,
    LowerExtension = 0x10,

    /// <summary>The short name stands for none; only the long one counts.</summary>
    NoShortName = 0x20,
}

[InlineArray(10)]
internal struct FatUnits5
{
    private byte _first;
}

[InlineArray(12)]
internal struct FatUnits6
{
    private byte _first;
}

[InlineArray(4)]
internal struct FatUnits2
{
    private byte _first;
}
