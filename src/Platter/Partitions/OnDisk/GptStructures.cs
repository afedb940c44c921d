using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.Partitions.OnDisk;

// UEFI specification 2.10, section 5.3; little-endian, GUIDs mixed-endian.
//
//   sector 0            protective MBR
//   sector 1            primary header
//   2..                 primary entry array, at least 16 KiB
//   FirstUsable..Last   partitions
//   ..                  backup entry array
//   last sector         backup header: the same, with MySector and AlternateSector exchanged and its own EntriesSector

internal struct GptHeader                       // 92 bytes, table 5.5; the rest of the sector is reserved, zeros
{
    public U64Le Signature;                     // 0x00  "EFI PART"
    public U32Le Revision;                      // 0x08  0x00010000
    public U32Le HeaderSize;                    // 0x0C  92..sector size; what HeaderCrc covers
    public U32Le HeaderCrc;                     // 0x10  CRC-32, computed with this field 0
    public U32Le Reserved;                      // 0x14  0
    public U64Le MySector;                      // 0x18
    public U64Le AlternateSector;               // 0x20  of the other header
    public U64Le FirstUsableSector;             // 0x28
    public U64Le LastUsableSector;              // 0x30  inclusive
    public MixedGuid DiskGuid;                  // 0x38
    public U64Le EntriesSector;                 // 0x48
    public U32Le EntryCount;                    // 0x50
    public U32Le EntrySize;                     // 0x54  128 times a power of two
    public U32Le EntriesCrc;                    // 0x58  CRC-32 of EntryCount * EntrySize bytes

    public const ulong ValidSignature = 0x5452415020494645; // "EFI PART", little-endian
    public const uint Revision1 = 0x00010000;
    public const int Size = 92;
}

internal struct GptEntry                        // 128 bytes, table 5.6
{
    public MixedGuid Type;                      // 0x00  zeros = the entry is unused
    public MixedGuid UniqueId;                  // 0x10
    public U64Le FirstSector;                   // 0x20
    public U64Le LastSector;                    // 0x28  inclusive
    public U64Le Attributes;                    // 0x30  PartitionFlags
    public GptName Name;                        // 0x38  36 UTF-16LE units, zero-terminated when shorter

    public const int Size = 128, NameUnits = 36;
}

[InlineArray(2 * GptEntry.NameUnits)]
internal struct GptName
{
    private byte _first;
}
