using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.Partitions.OnDisk;

// Inside Macintosh: Devices (1994), chapter 3, "The Driver Descriptor Record" and "The Partition Map"; big-endian.
//
//   block 0     driver descriptor record
//   block 1..   the map: one entry a block, one of which describes the map itself

internal struct DriverDescriptor                // 18 bytes, then drivers; the record fills a block
{
    public U16Be Signature;                     // 0x00  sbSig, "ER"
    public U16Be BlockSize;                     // 0x02  sbBlkSize, bytes: 512, on CDs 2048; what the map counts in
    public U32Be BlockCount;                    // 0x04  sbBlkCount, of the device
    public U16Be DeviceType, DeviceId;          // 0x08, 0x0A  reserved
    public U32Be Reserved;                      // 0x0C  sbData
    public U16Be DriverCount;                   // 0x10  sbDrvrCount

    public const ushort ValidSignature = 0x4552; // "ER"
    public const int Size = 18;
}

internal struct ApmEntry                        // 136 bytes, in a block of 512 or more
{
    public U16Be Signature;                     // 0x00  pmSig, "PM"
    public U16Be SignaturePad;                  // 0x02
    public U32Be MapBlockCount;                 // 0x04  pmMapBlkCnt: how many entries there are; the same in each
    public U32Be StartBlock;                    // 0x08  pmPyPartStart
    public U32Be BlockCount;                    // 0x0C  pmPartBlkCnt
    public ApmText Name;                        // 0x10  pmPartName, zero-terminated when shorter than 32
    public ApmText Type;                        // 0x30  pmParType
    public U32Be DataStart, DataCount;          // 0x50, 0x54  pmLgDataStart, pmDataCnt: blocks within the partition
    public ApmStatus Status;                    // 0x58  pmPartStatus
    public U32Be BootStart, BootSize;           // 0x5C, 0x60  pmLgBootStart (block), pmBootSize (bytes)
    public U32Be BootAddress, BootAddress2;     // 0x64, 0x68
    public U32Be BootEntry, BootEntry2;         // 0x6C, 0x70
    public U32Be BootChecksum;                  // 0x74
    public ApmProcessor Processor;              // 0x78  pmProcessor, such as "68000"

    public const ushort ValidSignature = 0x504D; // "PM"
    public const int Size = 136, TextLength = 32;
}

/// <summary>pmPartStatus, big-endian; only bit 3 matters to Platter.</summary>
internal struct ApmStatus
{
    public U32Be Value;

    // Valid, allocated, readable, writable, and "mounted at start-up" as Apple's own tools set them for a data partition.
    public const uint Bootable = 0x08, DataDefault = 0x37;
}

[InlineArray(ApmEntry.TextLength)]
internal struct ApmText
{
    private byte _first;
}

[InlineArray(16)]
internal struct ApmProcessor
{
    private byte _first;
}
