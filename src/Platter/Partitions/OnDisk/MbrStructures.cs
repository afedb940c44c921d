using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.Partitions.OnDisk;

// The first sector of a disk, and of each link of the chain of logical partitions (EBR). Always 512 bytes, whatever the sector size.
// There is no standard; UEFI 2.10, section 5.2, and the Windows and Linux sources agree on this.

internal struct MbrSector                       // 512 bytes
{
    public BootCode BootCode;                   // 0x000
    public U32Le DiskSignature;                 // 0x1B8  Windows NT and later; 0 = none
    public U16Le CopyProtection;                // 0x1BC  0x5A5A = read-only disk; otherwise 0
    public MbrEntries Entries;                  // 0x1BE
    public U16Le Signature;                     // 0x1FE  0xAA55

    public const ushort ValidSignature = 0xAA55;
    public const int Size = 512, BootCodeSize = 440, DiskSignatureOffset = 0x1B8, EntriesOffset = 0x1BE, SignatureOffset = 0x1FE;
}

[InlineArray(MbrSector.BootCodeSize)]
internal struct BootCode
{
    private byte _first;
}

[InlineArray(4)]
internal struct MbrEntries
{
    private MbrEntry _first;
}

internal struct MbrEntry                        // 16 bytes
{
    public byte Status;                         // 0x0  0x80 = active, 0 = not; nothing else is legal
    public ChsAddress First;                    // 0x1
    public byte Type;                           // 0x4  0 = the entry is unused
    public ChsAddress Last;                     // 0x5
    public U32Le StartSector;                   // 0x8  absolute in the MBR; in an EBR relative: see LogicalChain
    public U32Le SectorCount;                   // 0xC

    public const int Size = 16;
    public const byte Active = 0x80, Protective = 0xEE;

    public readonly bool IsUnused => Type == 0 && SectorCount == 0;
    public readonly bool IsExtended => Type is 0x05 or 0x0F or 0x85;
    public readonly long EndSector => (long)(uint)StartSector + (uint)SectorCount;
}

internal struct ChsAddress                      // 3 bytes
{
    public byte Head;                           // 0x0
    public byte SectorAndCylinderHigh;          // 0x1  bits 0-5 sector, from 1; bits 6-7 cylinder bits 8-9
    public byte CylinderLow;                    // 0x2

    // "LBA-assist" geometry, which every BIOS and operating system of the last decades takes for disks of any size.
    private const int Heads = 255, SectorsPerTrack = 63, LastCylinder = 1023;

    /// <summary>The address of a sector; FE FF FF (cylinder 1023, head 254, sector 63) for one that CHS cannot reach.</summary>
    public static ChsAddress OfSector(long sector)
    {
        var cylinder = sector / (Heads * SectorsPerTrack);
        if (cylinder > LastCylinder)
            return new ChsAddress { Head = 0xFE, SectorAndCylinderHigh = 0xFF, CylinderLow = 0xFF };
        return new ChsAddress
        {
            Head = (byte)(sector / SectorsPerTrack % Heads),
            SectorAndCylinderHigh = (byte)((sector % SectorsPerTrack + 1) | (cylinder >> 8 << 6)),
            CylinderLow = (byte)cylinder,
        };
    }
}
