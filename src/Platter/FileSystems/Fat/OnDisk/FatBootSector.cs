using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

// Microsoft "FAT: General Overview of On-Disk Format" 1.03, section "Boot Sector and BPB"; ECMA-107.
//
//   0x000 jump, OEM name | 0x00B BPB common to all | 0x024 FAT12/16 tail or FAT32 tail | boot code | 0x1FE 55 AA

/// <summary>The head of the boot sector, common to all widths; 36 bytes.</summary>
internal struct FatBiosParameterBlock
{
    public FatJump Jump;                 // 0x00  EB xx 90 or E9 xx xx; Atari and old DOS disks have anything
    public FatOemName OemName;           // 0x03  who formatted; Windows reads nothing from it
    public U16Le BytesPerSector;         // 0x0B  512, 1024, 2048, 4096; 128 and 256 are not known to survive
    public byte SectorsPerCluster;       // 0x0D  power of two, 1 to 128
    public U16Le ReservedSectors;        // 0x0E  before the first FAT, the boot sector included; never 0
    public byte FatCount;                // 0x10  2; 1 on some flash media
    public U16Le RootEntries;            // 0x11  slots of the fixed root of FAT12/16; 0 on FAT32
    public U16Le TotalSectors16;         // 0x13  0: see TotalSectors32
    public byte Media;                   // 0x15  F0, F8..FF; repeated in the low byte of FAT[0]
    public U16Le FatSectors16;           // 0x16  sectors of one FAT; 0 on FAT32
    public U16Le SectorsPerTrack, Heads; // 0x18, 0x1A  for INT 13h only
    public U32Le HiddenSectors;          // 0x1C  sectors before the volume on its disk
    public U32Le TotalSectors32;         // 0x20  used when TotalSectors16 is 0
}

/// <summary>What follows the parameter block at 0x24 on FAT12 and FAT16; 26 bytes.</summary>
internal struct FatExtendedBootRecord
{
    public byte DriveNumber;             // 0x24  0x80 hard disk, 0x00 floppy
    public FatStateFlags State;          // 0x25  Windows NT and Linux keep a dirty bit here
    public byte Signature;               // 0x26  0x29: the three fields below are there; 0x28: the serial alone
    public U32Le SerialNumber;           // 0x27
    public FatShortName11 Label;         // 0x2B  padded with spaces; "NO NAME    " when there is none
    public FatOemName TypeText;          // 0x36  "FAT12   " ...; says nothing about the width
}

/// <summary>What follows the parameter block at 0x24 on FAT32; the extended record then stands at 0x40.</summary>
internal struct Fat32BootRecord
{
    public U32Le FatSectors;             // 0x24
    public U16Le ExtFlags;               // 0x28  bit 7: no mirroring, bits 0-3 name the active FAT
    public U16Le Version;                // 0x2A  0
    public U32Le RootCluster;            // 0x2C  usually 2
    public U16Le InfoSector;             // 0x30  usually 1; 0 and 0xFFFF: none
    public U16Le BackupBootSector;       // 0x32  usually 6; 0 and 0xFFFF: none
    public FatReserved12 Reserved;       // 0x34
    public FatExtendedBootRecord Extended; // 0x40
}

/// <summary>Bits of the byte at 0x25 (FAT12/16) or 0x41 (FAT32).</summary>
[Flags]
internal enum FatStateFlags : byte
{
    None = 0,

    /// <summary>The volume was not unmounted properly (Linux, Windows NT).</summary>
    Dirty = 1,

    /// <summary>A surface scan is due (Windows NT).</summary>
    SurfaceTest = 2,
}

/// <summary>The FAT32 information sector: hints about free space; 512 bytes.</summary>
internal struct FatInfoSector
{
    public const uint LeadValue = 0x41615252, StructureValue = 0x61417272, TrailValue = 0xAA550000;

    /// <summary>In both counts: not known.</summary>
    public const uint Unknown = 0xFFFFFFFF;

    public U32Le Lead;                   // 0x000  "RRaA"
    public FatReserved480 Reserved1;     // 0x004
    public U32Le Structure;              // 0x1E4  "rrAa"
    public U32Le FreeClusters;           // 0x1E8  last known count
    public U32Le NextFree;               // 0x1EC  where to start looking
    public FatReserved12 Reserved2;      // 0x1F0
    public U32Le Trail;                  // 0x1FC
}

[InlineArray(3)]
internal struct FatJump
{
    private byte _first;
}

[InlineArray(8)]
internal struct FatOemName
{
    private byte _first;
}

[InlineArray(11)]
internal struct FatShortName11
{
    private byte _first;
}

[InlineArray(12)]
internal struct FatReserved12
{
    private byte _first;
}

[InlineArray(480)]
internal struct FatReserved480
{
    private byte _first;
}
