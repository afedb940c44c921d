using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

// Microsoft "exFAT file system specification", section 3 "Main and Backup Boot Regions".
//
// A boot region is 12 sectors; the volume starts with two of them, the main one and its backup:
//
//   sector  0      boot sector                        (fields below)
//   sector  1..8   extended boot sectors              last four bytes 00 00 55 AA
//   sector  9      OEM parameters                     ten of 48 bytes, GUID first
//   sector 10      reserved
//   sector 11      checksum of sectors 0..10          the same four bytes over and over

/// <summary>The boot sector: 512 bytes, in larger sectors followed by zeros.</summary>
internal struct ExFatBootSector
{
    public const ushort SignatureValue = 0xAA55;

    /// <summary>The last four bytes of each of the eight extended boot sectors.</summary>
    public const uint ExtendedSignatureValue = 0xAA550000;

    public ExFatJump Jump;                       // 0x000  EB 76 90
    public ExFatFileSystemName FileSystemName;   // 0x003  "EXFAT   "
    public ExFatMustBeZero MustBeZero;           // 0x00B  where FAT has its parameter block: a FAT driver must not take this for its own
    public U64Le PartitionOffset;                // 0x040  sectors before the volume on its disk; 0: not known
    public U64Le VolumeLength;                   // 0x048  sectors; at least 1 MiB
    public U32Le FatOffset;                      // 0x050  sectors from the start of the volume; at least 24
    public U32Le FatLength;                      // 0x054  sectors of one FAT
    public U32Le ClusterHeapOffset;              // 0x058  sectors from the start of the volume: where cluster 2 lies
    public U32Le ClusterCount;                   // 0x05C  at most 2^32 - 11
    public U32Le RootCluster;                    // 0x060  first cluster of the root directory
    public U32Le SerialNumber;                   // 0x064
    public U16Le Revision;                       // 0x068  0x0100: high byte major, low byte minor
    public ExFatVolumeFlagBits VolumeFlags;      // 0x06A  not in the boot checksum
    public byte BytesPerSectorShift;             // 0x06C  9 to 12
    public byte SectorsPerClusterShift;          // 0x06D  0 to 25 - BytesPerSectorShift: clusters have 32 MiB at most
    public byte NumberOfFats;                    // 0x06E  1; 2 on TexFAT, which has a second bitmap too
    public byte DriveSelect;                     // 0x06F  0x80; for INT 13h
    public byte PercentInUse;                    // 0x070  0 to 100, 0xFF: not known; not in the boot checksum
    public ExFatReserved7 Reserved;              // 0x071
    public ExFatBootCode BootCode;               // 0x078
    public U16Le BootSignature;                  // 0x1FE  55 AA
}

/// <summary>The field VolumeFlags: little-endian bits.</summary>
internal struct ExFatVolumeFlagBits
{
    public U16Le Raw;

    public ExFatVolumeFlags Flags
    {
        readonly get => (ExFatVolumeFlags)(ushort)Raw;
        set => Raw = (ushort)value;
    }
}

[Flags]
internal enum ExFatVolumeFlags : ushort
{
    None = 0,

    /// <summary>The second FAT and the second bitmap are the ones in use (TexFAT).</summary>
    ActiveFat = 1,

    /// <summary>Being changed, or left without being finished.</summary>
    VolumeDirty = 2,

    /// <summary>The medium failed to read or write, and the cluster could not be marked bad.</summary>
    MediaFailure = 4,

    /// <summary>To be cleared before anything is changed; means nothing else.</summary>
    ClearToZero = 8,
}

[InlineArray(3)]
internal struct ExFatJump
{
    private byte _first;
}

[InlineArray(8)]
internal struct ExFatFileSystemName
{
    private byte _first;
}

[InlineArray(53)]
internal struct ExFatMustBeZero
{
    private byte _first;
}

[InlineArray(7)]
internal struct ExFatReserved7
{
    private byte _first;
}

[InlineArray(390)]
internal struct ExFatBootCode
{
    private byte _first;
}
