using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vmdk;

/// <summary>Where the parts of a sparse extent lie, in bytes; checked when it is made.</summary>
/// <remarks>
/// <code>
///   header | descriptor | redundant directory, tables | directory, tables | grain | grain ...
/// </code>
/// A directory entry is the sector of a table, a table entry the sector of a grain; 0 for none.
/// </remarks>
internal sealed record VmdkLayout
{
    private const long LargestGrain = 16 << 20;
    private const int MostEntries = 4096;

    internal required VmdkHeader Header { get; init; }
    internal required long GrainSize { get; init; }
    internal required long Length { get; init; }
    internal required int EntriesPerTable { get; init; }
    internal required long DirectoryOffset { get; init; }

    /// <summary>-1 when there is none.</summary>
    internal long RedundantOffset { get; init; } = -1;

    internal long DescriptorOffset => (long)(ulong)Header.DescriptorOffset * VmdkHeader.Sector;
    internal long DescriptorSize => (long)(ulong)Header.DescriptorSize * VmdkHeader.Sector;
    internal bool IsCompressed => (Header.Flags & VmdkFlags.IsCompressed) != 0;
    internal bool HasZeroGrains => (Header.Flags & VmdkFlags.HasZeroGrains) != 0;
    internal long GrainCount => (Length + GrainSize - 1) / GrainSize;
    internal int TableCount => (int)((GrainCount + EntriesPerTable - 1) / EntriesPerTable);
    internal int TableSize => EntriesPerTable * 4;

    /// <summary>Bytes before the first grain.</summary>
    internal long Overhead => (long)Math.Min((ulong)Header.Overhead, long.MaxValue / VmdkHeader.Sector) * VmdkHeader.Sector;

    /// <exception cref="DiskFormatException">The header is damaged, or its tables are not within the file.</exception>
    /// <exception cref="UnsupportedFeatureException">The header asks for what is not known.</exception>
    internal static VmdkLayout Read(BlockDevice host)
    {
        var header = ReadHeader(host, 0);
        if ((ulong)header.DirectoryOffset == VmdkHeader.DirectoryAtEnd)
            header = ReadFooter(host);
        return Of(header, host);
    }

    private static VmdkLayout Of(in VmdkHeader header, BlockDevice host)
    {
        if (header.Version is { } version && (uint)version is < 1 or > 3)
            throw new UnsupportedFeatureException($"the VMDK has a sparse extent of version {(uint)version}; 1 to 3 are known");
        if ((header.Flags & VmdkFlags.HasNewlineTest) != 0 && !((ReadOnlySpan<byte>)header.Newlines).SequenceEqual(VmdkHeader.ExpectedNewlines))
            throw Broken("VMDK-0015", "newlines", 0x49, "found other bytes than \\n, space, \\r, \\n: the file was sent as text, which has damaged it");
        ulong grain = header.GrainSize, capacity = header.Capacity, directory = header.DirectoryOffset;
        uint entries = header.EntriesPerTable;
        if (grain is 0 or > LargestGrain / VmdkHeader.Sector || (grain & (grain - 1)) != 0)
            throw Broken("VMDK-0003", "grainSize", 0x14, $"found {grain} sectors, expected a power of two, at most {LargestGrain / VmdkHeader.Sector}");
        if (entries is 0 or > MostEntries)
            throw Broken("VMDK-0004", "numGTEsPerGT", 0x2C, $"found {entries}, expected 512 (1 to {MostEntries} are read)");
        if (capacity > long.MaxValue / VmdkHeader.Sector)
            throw Broken("VMDK-0005", "capacity", 0x0C, $"found {capacity} sectors, more than a disk can have");
        var tables = (capacity + grain * entries - 1) / (grain * entries);
        if (directory > (ulong)host.Length / VmdkHeader.Sector || tables > ((ulong)host.Length - directory * VmdkHeader.Sector) / 4)
            throw Broken("VMDK-0006", "gdOffset", 0x38, $"found sector {directory} for a directory of {tables} entries, expected it within the file of {host.Length} bytes");
        if (header.DescriptorOffset > (ulong)host.Length / VmdkHeader.Sector || header.DescriptorSize > (ulong)(host.Length / VmdkHeader.Sector) - header.DescriptorOffset)
            throw Broken("VMDK-0010", "descriptorOffset", 0x1C, $"found {(ulong)header.DescriptorSize} sectors at sector {(ulong)header.DescriptorOffset}, expected them within the file of {host.Length} bytes");
        if ((header.Flags & VmdkFlags.IsCompressed) != 0 && (header.Compression != VmdkHeader.Deflate || (header.Flags & VmdkFlags.HasMarkers) == 0))
            throw new UnsupportedFeatureException($"the VMDK is compressed in a way that is not known (algorithm {(ushort)header.Compression}, flags 0x{(uint)header.FlagBits:X})");
        ulong redundant = header.RedundantDirectoryOffset;
        // Only who writes needs it; a stream is never written to.
        var hasRedundant = (header.Flags & (VmdkFlags.HasRedundantTables | VmdkFlags.IsCompressed)) == VmdkFlags.HasRedundantTables && redundant != 0;
        if (hasRedundant && (redundant > (ulong)host.Length / VmdkHeader.Sector || tables > ((ulong)host.Length - redundant * VmdkHeader.Sector) / 4))
            throw Broken("VMDK-0006", "rgdOffset", 0x30, $"found sector {redundant} for a directory of {tables} entries, expected it within the file of {host.Length} bytes");
        return new VmdkLayout
        {
            Header = header, GrainSize = (long)grain * VmdkHeader.Sector, Length = (long)capacity * VmdkHeader.Sector, EntriesPerTable = (int)entries,
            DirectoryOffset = (long)directory * VmdkHeader.Sector, RedundantOffset = hasRedundant ? (long)redundant * VmdkHeader.Sector : -1,
        };
    }

    private static VmdkHeader ReadHeader(BlockDevice host, long offset)
    {
        var bytes = new byte[VmdkHeader.Size];
        if (host.Length < offset + VmdkHeader.Size)
            throw new DiskFormatException("VMDK-0001", "VmdkHeader", offset, $"found a file of {host.Length} bytes, expected a header of {VmdkHeader.Size}: the file was cut");
        host.Read(offset, bytes);
        var header = OnDisk.View<VmdkHeader>(bytes);
        if (header.Magic != VmdkHeader.MagicValue)
            throw new DiskFormatException("VMDK-0001", "VmdkHeader.magicNumber", offset, $"found 0x{(uint)header.Magic:X8}, expected \"KDMV\"");
        return header;
    }

    // A streamOptimized file that was written in one go: ... | marker of the footer | footer | end marker
    private static VmdkHeader ReadFooter(BlockDevice host)
    {
        var at = host.Length / VmdkHeader.Sector * VmdkHeader.Sector - 3 * VmdkHeader.Sector;
        if (at < VmdkHeader.Size)
            throw new DiskFormatException("VMDK-0018", "VmdkFooter", Math.Max(0, at), "found no footer at the end of the file: it was cut");
        var bytes = new byte[VmdkHeader.Sector];
        host.Read(at, bytes);
        var marker = OnDisk.View<VmdkMarker>(bytes);
        if (marker.Kind != VmdkMarker.Footer || marker.DataSize != 0)
            throw new DiskFormatException("VMDK-0018", "VmdkFooter.marker", at, $"found a marker of the kind {(uint)marker.Kind}, expected {VmdkMarker.Footer}, before a footer: the file was cut");
        var footer = ReadHeader(host, at + VmdkHeader.Sector);
        return (ulong)footer.DirectoryOffset != VmdkHeader.DirectoryAtEnd ? footer
            : throw new DiskFormatException("VMDK-0006", "VmdkFooter.gdOffset", at + VmdkHeader.Sector + 0x38, "found no place of the directory, which only a header may leave to the footer");
    }

    private static DiskFormatException Broken(string code, string field, long offset, string problem) => new(code, "VmdkHeader." + field, offset, problem);
}
