using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.Images.Vhdx;

// [MS-VHDX] "Virtual Hard Disk v2 (VHDX) File Format". All numbers are little-endian; the header section is the file's first MiB:
//   0 identifier | 64K header 1 | 128K header 2 | 192K region table 1 | 256K region table 2
// The log, the metadata and the block allocation table are regions at multiples of 1 MiB behind it, as are the blocks.

/// <summary>Numbers that the format fixes.</summary>
internal static class VhdxFormatConstants
{
    internal const int HeaderSize = 4096, TableSize = 64 << 10, MaxTableEntries = 2047;
    internal const long MiB = 1 << 20;
    internal const long MaximumSize = 64L << 40;
    internal const int SmallestBlock = 1 << 20, LargestBlock = 256 << 20;

    /// <summary>Sectors that one block of the sector bitmap (1 MiB) stands for.</summary>
    internal const long SectorsPerBitmap = 1 << 23;

    /// <summary>Where the two headers and the two region tables stand.</summary>
    internal static ReadOnlySpan<long> HeaderOffsets => [64 << 10, 128 << 10];

    /// <inheritdoc cref="HeaderOffsets"/>
    internal static ReadOnlySpan<long> RegionTableOffsets => [192 << 10, 256 << 10];

    internal static readonly Guid BatRegion = new("2DC27766-F623-4200-9D64-115E9BFD4A08");
    internal static readonly Guid MetadataRegion = new("8B7CA206-4790-4B9A-B8FE-575F050F886E");

    internal static readonly Guid FileParameters = new("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
    internal static readonly Guid VirtualDiskSize = new("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
    internal static readonly Guid VirtualDiskId = new("BECA12AB-B2E6-4523-93EF-C309E000C746");
    internal static readonly Guid LogicalSectorSizeItem = new("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
    internal static readonly Guid PhysicalSectorSizeItem = new("CDA348C7-445D-4471-9CC9-E9885251C556");
    internal static readonly Guid ParentLocator = new("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");
    internal static readonly Guid ParentLocatorType = new("B04AEFB7-D19E-4A81-B789-25B8E9445913");
}

/// <summary>The start of the file; section 2.2.1.</summary>
internal struct VhdxIdentifier                      // 520 bytes
{
    public U64Le Signature;                         // 0x000  "vhdxfile"
    public CreatorText Creator;                     // 0x008  UTF-16, who made it; for people

    [InlineArray(512)]
    internal struct CreatorText
    {
        private byte _first;
    }

    internal const ulong SignatureValue = 0x656C_6966_7864_6876;
}

/// <summary>The header, of which there are two; the valid one with the greater sequence number counts. Section 2.2.2.</summary>
internal struct VhdxHeader                          // 80 bytes, the rest of its 4096 is reserved
{
    public U32Le Signature;                         // 0x00  "head"
    public U32Le Checksum;                          // 0x04  CRC-32C of the 4096 bytes, with this field zero
    public U64Le SequenceNumber;                    // 0x08
    public MixedGuid FileWriteGuid;                 // 0x10  new whenever somebody opened the file and changed it
    public MixedGuid DataWriteGuid;                 // 0x20  new whenever the disk inside was changed since it was opened
    public MixedGuid LogGuid;                       // 0x30  zero = nothing to replay
    public U16Le LogVersion, Version;               // 0x40  0;  0x42  1
    public U32Le LogLength;                         // 0x44  bytes, a multiple of 1 MiB
    public U64Le LogOffset;                         // 0x48  bytes

    internal const uint SignatureValue = 0x6461_6568;
}

/// <summary>The head of a region table; section 2.2.3.1.</summary>
internal struct VhdxRegionTable                     // 16 bytes, then entries; 64 KiB in all
{
    public U32Le Signature;                         // 0x00  "regi"
    public U32Le Checksum;                          // 0x04  CRC-32C of the 64 KiB, with this field zero
    public U32Le EntryCount, Reserved;              // 0x08, 0x0C

    internal const uint SignatureValue = 0x6967_6572;
}

/// <summary>Where a region lies; section 2.2.3.2.</summary>
internal struct VhdxRegion                          // 32 bytes
{
    public MixedGuid Id;                            // 0x00
    public U64Le Offset;                            // 0x10  bytes, a multiple of 1 MiB
    public U32Le Length;                            // 0x18  bytes, a multiple of 1 MiB
    public U32Le Required;                          // 0x1C  bit 0: who doesn't know it must not open the file
}

/// <summary>The head of the metadata table; section 2.6.1.1.</summary>
internal struct VhdxMetadataTable                   // 32 bytes, then entries; 64 KiB in all
{
    public U64Le Signature;                         // 0x00  "metadata"
    public U16Le Reserved, EntryCount;              // 0x08, 0x0A
    public ReservedBytes Reserved2;                 // 0x0C

    [InlineArray(20)]
    internal struct ReservedBytes
    {
        private byte _first;
    }

    internal const ulong SignatureValue = 0x6174_6164_6174_656D;
}

/// <summary>What is special about a metadata item.</summary>
[Flags]
internal enum VhdxItemFlags : uint { None = 0, IsUser = 1, IsVirtualDisk = 2, IsRequired = 4 }

/// <summary>Where a metadata item lies; section 2.6.1.2.</summary>
internal struct VhdxMetadataEntry                   // 32 bytes
{
    public MixedGuid Id;                            // 0x00
    public U32Le Offset, Length;                    // 0x10, 0x14  bytes, from the start of the region, at least 64 KiB
    public U32Le Flags, Reserved;                   // 0x18, 0x1C
}

/// <summary>The item that says how blocks are; section 2.6.2.1.</summary>
internal struct VhdxFileParameters                  // 8 bytes
{
    public U32Le BlockSize;                         // 0x00  bytes; a power of two, 1 MiB to 256 MiB
    public U32Le Flags;                             // 0x04  bit 0: blocks stay allocated (fixed); bit 1: has a parent

    internal const uint LeaveBlocksAllocated = 1, HasParent = 2;
}

/// <summary>The head of the parent locator; section 2.6.2.6.1.</summary>
internal struct VhdxParentLocator                   // 20 bytes, then entries
{
    public MixedGuid Type;                          // 0x00
    public U16Le Reserved, Count;                   // 0x10, 0x12
}

/// <summary>A key and its value, both UTF-16; section 2.6.2.6.2.</summary>
internal struct VhdxLocatorEntry                    // 12 bytes
{
    public U32Le KeyOffset, ValueOffset;            // 0x00, 0x04  bytes from the start of the locator
    public U16Le KeyLength, ValueLength;            // 0x08, 0x0A  bytes
}

/// <summary>The head of a log entry; section 2.3.1.1.</summary>
internal struct VhdxLogEntry                        // 64 bytes, then descriptors to a multiple of 4096, then a data sector for each data descriptor
{
    public U32Le Signature;                         // 0x00  "loge"
    public U32Le Checksum;                          // 0x04  CRC-32C of the whole entry, with this field zero
    public U32Le Length;                            // 0x08  bytes, a multiple of 4096
    public U32Le Tail;                              // 0x0C  where in the log the oldest entry starts that isn't in its place yet
    public U64Le SequenceNumber;                    // 0x10
    public U32Le DescriptorCount, Reserved;         // 0x18, 0x1C
    public MixedGuid LogGuid;                       // 0x20  the header's
    public U64Le FlushedFileOffset;                 // 0x30  the file is at least so long, or it was cut
    public U64Le LastFileOffset;                    // 0x38  everything in the file lies before this

    internal const uint SignatureValue = 0x6567_6F6C;
}

/// <summary>One change in a log entry; sections 2.3.1.2 and 2.3.1.3.</summary>
internal struct VhdxLogDescriptor                   // 32 bytes
{
    public U32Le Signature;                         // 0x00  "zero" or "desc"
    public U32Le TrailingBytes;                     // 0x04  of the data, in place of which the data sector has its sequence number
    public U64Le LeadingBytes;                      // 0x08  the same for its start; for zeros, how many bytes
    public U64Le FileOffset;                        // 0x10  a multiple of 4096
    public U64Le SequenceNumber;                    // 0x18  the entry's

    internal const uint ZeroSignature = 0x6F72_657A, DataSignature = 0x6373_6564;

    /// <summary>What a data sector starts with.</summary>
    internal const uint SectorSignature = 0x6174_6164;
}
