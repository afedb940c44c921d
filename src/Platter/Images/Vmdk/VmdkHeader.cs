using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.Images.Vmdk;

[Flags]
internal enum VmdkFlags : uint
{
    HasNewlineTest = 1 << 0,
    HasRedundantTables = 1 << 1,
    HasZeroGrains = 1 << 2,         // a grain table entry of 1 means zeros
    IsCompressed = 1 << 16,
    HasMarkers = 1 << 17,
}

/// <summary>The header of a sparse extent; "Virtual Disk Format 5.0", VMware, 2011, "Hosted Sparse Extents".</summary>
/// <remarks>Offsets and sizes are sectors of 512 bytes. Fields from <see cref="Capacity"/> on aren't aligned to anything.</remarks>
internal struct VmdkHeader                              // 512 bytes, little-endian
{
    internal const int Size = 512, Sector = 512;
    internal const uint MagicValue = 0x564D444B;        // "KDMV" as it stands in the file
    internal const ulong DirectoryAtEnd = ulong.MaxValue;
    internal const ushort Deflate = 1;

    public U32Le Magic, Version;                        // 0x00, 0x04  1..3
    public U32Le FlagBits;                              // 0x08
    public U64Le Capacity;                              // 0x0C  of the disk
    public U64Le GrainSize;                             // 0x14  a power of two
    public U64Le DescriptorOffset, DescriptorSize;      // 0x1C, 0x24  0 when it has a file of its own
    public U32Le EntriesPerTable;                       // 0x2C  512
    public U64Le RedundantDirectoryOffset;              // 0x30
    public U64Le DirectoryOffset;                       // 0x38
    public U64Le Overhead;                              // 0x40  before the first grain
    public byte UncleanShutdown;                        // 0x48
    public NewlineTest Newlines;                        // 0x49  "\n \r\n": damaged when the file was sent as text
    public U16Le Compression;                           // 0x4D
    public Padding Rest;                                // 0x4F

    [InlineArray(4)]
    internal struct NewlineTest
    {
        private byte _first;
    }

    [InlineArray(433)]
    internal struct Padding
    {
        private byte _first;
    }

    internal static ReadOnlySpan<byte> ExpectedNewlines => "\n \r\n"u8;

    internal readonly VmdkFlags Flags => (VmdkFlags)(uint)FlagBits;
}

/// <summary>What stands before compressed grains and tables in a streamOptimized extent; the same specification, "Stream-Optimized Compressed Sparse Extents".</summary>
internal struct VmdkMarker                              // 512 bytes; of a grain only the first 12, then its data
{
    internal const int GrainHeaderSize = 12;
    internal const uint EndOfStream = 0, GrainTable = 1, GrainDirectory = 2, Footer = 3;

    public U64Le Value;                                 // 0x00  sectors that follow; of a grain, its first sector on the disk
    public U32Le DataSize;                              // 0x08  bytes of a grain's data; 0 in all others
    public U32Le Kind;                                  // 0x0C  not in a grain's
    public Padding Rest;                                // 0x10

    [InlineArray(496)]
    internal struct Padding
    {
        private byte _first;
    }
}
