using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// "NTFS Documentation" of the Linux-NTFS project, "$Boot"; the kernel's fs/ntfs3/ntfs.h.
//
// The first sector of the volume, and once more in the last sector of its partition: the one behind the TotalSectors that it counts.

/// <summary>The boot sector: 512 bytes, in larger sectors followed by more boot code or zeros.</summary>
internal struct NtfsBootSector
{
    public const int Size = 512;
    public const ushort SignatureValue = 0xAA55;

    /// <summary>"NTFS    ", at <see cref="BootSectorName.Offset"/>; as a number, since the runtime prepares all constants of bytes with the first of them.</summary>
    public const ulong OemValue = 0x2020_2020_5346_544E;

    public NtfsJump Jump;                    // 0x000  EB 52 90
    public U64Le Oem;                        // 0x003  "NTFS    "
    public U16Le BytesPerSector;             // 0x00B  512 to 4096 (mkntfs makes 256, too)
    public byte SectorsPerCluster;           // 0x00D  power of two up to 128; above: 2 to the power of 256 less this
    public U16Le ReservedSectors;            // 0x00E  0
    public byte FatCount;                    // 0x010  0, as all that FAT has here and NTFS lacks
    public U16Le RootEntries;                // 0x011  0
    public U16Le SmallSectors;               // 0x013  0
    public byte Media;                       // 0x015  0xF8
    public U16Le SectorsPerFat;              // 0x016  0
    public U16Le SectorsPerTrack;            // 0x018
    public U16Le Heads;                      // 0x01A
    public U32Le HiddenSectors;              // 0x01C  sectors before the volume on its disk
    public U32Le LargeSectors;               // 0x020  0
    public byte DriveNumber;                 // 0x024  0x80; for INT 13h
    public byte CurrentHead;                 // 0x025
    public byte ExtendedSignature;           // 0x026  0x80
    public byte Reserved;                    // 0x027
    public U64Le TotalSectors;               // 0x028  without the last one of the partition, which holds the copy
    public U64Le MftCluster;                 // 0x030  where record 0 lies
    public U64Le MftMirrorCluster;           // 0x038
    public byte ClustersPerRecord;           // 0x040  signed; negative: 2 to the power of it, in bytes
    public NtfsReserved3 Reserved1;          // 0x041
    public byte ClustersPerIndexBlock;       // 0x044  likewise
    public NtfsReserved3 Reserved2;          // 0x045
    public U64Le SerialNumber;               // 0x048
    public U32Le Checksum;                   // 0x050  0
    public NtfsBootCode BootCode;            // 0x054
    public U16Le Signature;                  // 0x1FE  55 AA
}

[InlineArray(3)]
internal struct NtfsJump
{
    private byte _first;
}

[InlineArray(3)]
internal struct NtfsReserved3
{
    private byte _first;
}

[InlineArray(426)]
internal struct NtfsBootCode
{
    private byte _first;
}
