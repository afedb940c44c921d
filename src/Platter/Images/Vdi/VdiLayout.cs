using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vdi;

/// <summary>Where the parts of a VDI lie, in bytes; checked when it is made.</summary>
/// <remarks>
/// <code>
///   header | map: a number of 32 bits for each block of the disk | block 0 of the file | block 1 | ...
/// </code>
/// </remarks>
internal sealed record VdiLayout(VdiHeader Header, long Length, long BlockSize, long MapOffset, long DataOffset, long BlockExtra)
{
    private const long LargestBlock = 256 << 20;

    internal long BlockCount => (Length + BlockSize - 1) / BlockSize;

    /// <summary>Bytes that a block takes in the file.</summary>
    internal long Stride => BlockExtra + BlockSize;

    /// <exception cref="DiskFormatException">The header is damaged, or its map is not within the file.</exception>
    /// <exception cref="UnsupportedFeatureException">It is of a kind that can't be opened.</exception>
    internal static VdiLayout Read(BlockDevice host)
    {
        if (host.Length < VdiHeader.Size)
            throw Broken("VDI-0001", "size", 0, $"found a file of {host.Length} bytes, expected a header of {VdiHeader.Size}: the file was cut");
        var bytes = new byte[VdiHeader.Size];
        host.Read(0, bytes);
        var header = OnDisk.View<VdiHeader>(bytes);
        if (header.Version >> 16 != 1)
            throw new UnsupportedFeatureException($"the VDI has version {header.Version >> 16}.{header.Version & 0xFFFF}; 1.1 is known");
        switch (header.Kind)
        {
            case VdiType.Dynamic or VdiType.Fixed:
                break;
            case VdiType.Differencing or VdiType.Undo:
                throw new UnsupportedFeatureException("the VDI is a difference to another one, which it names by an identifier that only VirtualBox's own registry knows: merge it there (clonemedium)");
            default:
                throw Broken("VDI-0002", "imageType", 0x4C, $"found {(uint)header.Type}, expected 1 (dynamic) or 2 (fixed)");
        }
        uint blockSize = header.BlockSize;
        if (blockSize is < 4096 or > (uint)LargestBlock || (blockSize & (blockSize - 1)) != 0)
            throw Broken("VDI-0003", "blockSize", 0x178, $"found {blockSize} bytes, expected a power of two, 4096 to {LargestBlock}");
        ulong size = header.DiskSize;
        if (size > (ulong)(long.MaxValue - blockSize) || (size + blockSize - 1) / blockSize > header.BlockCount)
            throw Broken("VDI-0004", "diskSize", 0x170, $"found {size} bytes, expected at most the {(uint)header.BlockCount} blocks of {blockSize} bytes that the map has");
        if (header.BlockExtra > blockSize || header.BlockExtra % 512 != 0)
            throw Broken("VDI-0003", "blockExtra", 0x17C, $"found {(uint)header.BlockExtra} bytes before each block, expected whole sectors, no more than a block");
        var layout = new VdiLayout(header, (long)size, blockSize, (uint)header.MapOffset, (uint)header.DataOffset, (uint)header.BlockExtra);
        if (layout.MapOffset < VdiHeader.Size || layout.MapOffset > host.Length || layout.BlockCount * 4 > host.Length - layout.MapOffset)
            throw Broken("VDI-0005", "offBlocks", 0x154, $"found a map of {layout.BlockCount} entries at {layout.MapOffset}, expected it behind the header and within the file of {host.Length} bytes");
        if (layout.DataOffset < layout.MapOffset + layout.BlockCount * 4)
            throw Broken("VDI-0005", "offData", 0x158, $"found {layout.DataOffset}, expected at least {layout.MapOffset + layout.BlockCount * 4}, where the map ends");
        return layout;
    }

    private static DiskFormatException Broken(string code, string field, long offset, string problem) => new(code, "VdiHeader." + field, offset, problem);
}
