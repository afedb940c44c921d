using Platter.Blocks;
using Platter.Primitives;
using static Platter.Images.Vhdx.VhdxFormatConstants;

namespace Platter.Images.Vhdx;

/// <summary>Where the regions of the file lie; all of them within it, at multiples of 1 MiB.</summary>
/// <param name="Bat">The block allocation table.</param>
/// <param name="Metadata">The metadata.</param>
/// <param name="Others">Regions that may be passed over, by their identifiers.</param>
internal sealed record VhdxRegions(ByteRange Bat, ByteRange Metadata, IReadOnlyList<(Guid Id, ByteRange Range)> Others)
{
    /// <exception cref="DiskFormatException">Neither table is valid, or what it says can't be.</exception>
    /// <exception cref="UnsupportedFeatureException">A required region is not known.</exception>
    internal static VhdxRegions Read(BlockDevice host)
    {
        var bytes = new byte[TableSize];
        var slot = TryReadTable(host, 0, bytes) ? 0 : TryReadTable(host, 1, bytes) ? 1
            : throw new DiskFormatException("VHDX-0003", "VhdxRegionTable", RegionTableOffsets[0], "found no valid region table, here or at 0x40000, expected \"regi\" and a checksum that fits");
        ByteRange? bat = null, metadata = null;
        var others = new List<(Guid, ByteRange)>();
        var count = (int)(uint)OnDisk.View<VhdxRegionTable>(bytes).EntryCount;
        for (var i = 0; i < count; i++)
        {
            var entry = OnDisk.View<VhdxRegion>(bytes, 16 + i * 32);
            Guid id = entry.Id;
            var place = RegionTableOffsets[slot] + 16 + i * 32;
            if (id == BatRegion && bat is null)
                bat = Range(host, entry, place);
            else if (id == MetadataRegion && metadata is null)
                metadata = Range(host, entry, place);
            else if (id == BatRegion || id == MetadataRegion)
                throw new DiskFormatException("VHDX-0005", $"VhdxRegion[{i}].id", place, $"found {id} a second time");
            else if ((entry.Required & 1) != 0)
                throw new UnsupportedFeatureException($"the VHDX has a region of the unknown kind {id}, without which it can't be opened");
            else if (entry.Offset <= (ulong)host.Length && entry.Length <= (ulong)host.Length - entry.Offset)
                others.Add((id, new ByteRange((long)(ulong)entry.Offset, entry.Length)));
        }
        if (bat is null || metadata is null)
            throw new DiskFormatException("VHDX-0005", "VhdxRegionTable", RegionTableOffsets[slot], $"found no region for the {(bat is null ? "block allocation table" : "metadata")}");
        return new VhdxRegions(bat.Value, metadata.Value, others);
    }

    /// <summary>Reads one of the two tables; false when it is damaged.</summary>
    internal static bool TryReadTable(BlockDevice host, int slot, Span<byte> bytes)
    {
        PageOverlay.ReadBelow(host, RegionTableOffsets[slot], bytes);
        ref var table = ref OnDisk.Edit<VhdxRegionTable>(bytes);
        if (table.Signature != VhdxRegionTable.SignatureValue || table.EntryCount > MaxTableEntries)
            return false;
        uint found = table.Checksum;
        table.Checksum = 0;
        var fits = Crc32C.Compute(bytes) == found;
        table.Checksum = found;
        return fits;
    }

    /// <summary>Writes both tables of a new file.</summary>
    internal void Write(BlockDevice host)
    {
        var bytes = new byte[TableSize];
        ref var table = ref OnDisk.Edit<VhdxRegionTable>(bytes);
        table.Signature = VhdxRegionTable.SignatureValue;
        table.EntryCount = 2;
        OnDisk.Edit<VhdxRegion>(bytes, 16) = new VhdxRegion { Id = BatRegion, Offset = (ulong)Bat.Offset, Length = (uint)Bat.Length, Required = 1 };
        OnDisk.Edit<VhdxRegion>(bytes, 48) = new VhdxRegion { Id = MetadataRegion, Offset = (ulong)Metadata.Offset, Length = (uint)Metadata.Length, Required = 1 };
        table.Checksum = Crc32C.Compute(bytes);
        foreach (var offset in RegionTableOffsets)
            host.Write(offset, bytes);
    }

    private static ByteRange Range(BlockDevice host, in VhdxRegion entry, long place)
    {
        ulong offset = entry.Offset;
        uint length = entry.Length;
        if (offset < MiB || offset % MiB != 0 || length == 0 || length % MiB != 0 || offset > (ulong)host.Length || length > (ulong)host.Length - offset)
            throw new DiskFormatException("VHDX-0004", "VhdxRegion", place, $"found {length} bytes at {offset}, expected whole MiB behind the first one and within the file's {host.Length} bytes");
        return new ByteRange((long)offset, length);
    }
}
