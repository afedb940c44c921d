using System.Text;
using Platter.Blocks;
using Platter.Primitives;
using static Platter.Images.Vhdx.VhdxFormatConstants;

namespace Platter.Images.Vhdx;

/// <summary>What the metadata say of the disk; found plausible.</summary>
internal sealed record VhdxMetadata
{
    private const int LongestLocator = 1 << 20;     // bytes; what the format allows for any item

    public required int BlockSize { get; init; }
    public required bool LeavesBlocksAllocated { get; init; }
    public required bool HasParent { get; init; }

    /// <summary>Bytes of the disk; a multiple of the logical sector size.</summary>
    public required long Length { get; init; }

    public required int LogicalSectorSize { get; init; }
    public required int PhysicalSectorSize { get; init; }

    /// <summary>What the disk calls itself to the guest (SCSI's page 83).</summary>
    public required Guid DiskId { get; init; }

    /// <summary>How the parent is found; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Locator { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Reads the items that are known, and refuses those that must be.</summary>
    /// <exception cref="DiskFormatException">An item is missing or wrong.</exception>
    /// <exception cref="UnsupportedFeatureException">A required item is not known.</exception>
    internal static VhdxMetadata Read(BlockDevice host, ByteRange region)
    {
        var items = Items(host, region);
        var parameters = OnDisk.View<VhdxFileParameters>(Item(host, items, FileParameters, "file parameters", 8));
        ulong length = OnDisk.View<U64Le>(Item(host, items, VirtualDiskSize, "virtual disk size", 8));
        uint logical = OnDisk.View<U32Le>(Item(host, items, LogicalSectorSizeItem, "logical sector size", 4));
        uint physical = OnDisk.View<U32Le>(Item(host, items, PhysicalSectorSizeItem, "physical sector size", 4));
        Guid id = OnDisk.View<MixedGuid>(Item(host, items, VirtualDiskId, "virtual disk id", 16));
        uint block = parameters.BlockSize;
        if (block is < SmallestBlock or > LargestBlock || (block & (block - 1)) != 0)
            throw Wrong(items[FileParameters], "fileParameters.blockSize", $"found {block}, expected a power of two, 1 MiB to 256 MiB");
        if (logical is not (512 or 4096))
            throw Wrong(items[LogicalSectorSizeItem], "logicalSectorSize", $"found {logical}, expected 512 or 4096");
        if (physical is not (512 or 4096))
            throw Wrong(items[PhysicalSectorSizeItem], "physicalSectorSize", $"found {physical}, expected 512 or 4096");
        if (length > (ulong)MaximumSize || length % logical != 0)
            throw Wrong(items[VirtualDiskSize], "virtualDiskSize", $"found {length} bytes, expected whole sectors of {logical}, at most {MaximumSize} (64 TiB)");
        var hasParent = (parameters.Flags & VhdxFileParameters.HasParent) != 0;
        return new VhdxMetadata
        {
            BlockSize = (int)block, LeavesBlocksAllocated = (parameters.Flags & VhdxFileParameters.LeaveBlocksAllocated) != 0, HasParent = hasParent,
            Length = (long)length, LogicalSectorSize = (int)logical, PhysicalSectorSize = (int)physical, DiskId = id,
            Locator = hasParent ? ReadLocator(host, items) : new Dictionary<string, string>(StringComparer.Ordinal),
        };
    }

    /// <summary>The content of a new file's metadata region.</summary>
    internal byte[] ToBytes()
    {
        var parameters = new VhdxFileParameters
        {
            BlockSize = (uint)BlockSize,
            Flags = (LeavesBlocksAllocated ? VhdxFileParameters.LeaveBlocksAllocated : 0) | (HasParent ? VhdxFileParameters.HasParent : 0),
        };
        U64Le length = (ulong)Length;
        U32Le logical = (uint)LogicalSectorSize, physical = (uint)PhysicalSectorSize;
        MixedGuid id = DiskId;
        var items = new List<(Guid Id, byte[] Bytes, VhdxItemFlags Flags)>
        {
            (FileParameters, OnDisk.Bytes(ref parameters).ToArray(), VhdxItemFlags.IsRequired),
            (VirtualDiskSize, OnDisk.Bytes(ref length).ToArray(), VhdxItemFlags.IsRequired | VhdxItemFlags.IsVirtualDisk),
            (LogicalSectorSizeItem, OnDisk.Bytes(ref logical).ToArray(), VhdxItemFlags.IsRequired | VhdxItemFlags.IsVirtualDisk),
            (PhysicalSectorSizeItem, OnDisk.Bytes(ref physical).ToArray(), VhdxItemFlags.IsRequired | VhdxItemFlags.IsVirtualDisk),
            (VirtualDiskId, OnDisk.Bytes(ref id).ToArray(), VhdxItemFlags.IsRequired | VhdxItemFlags.IsVirtualDisk),
        };
        if (HasParent)
            items.Add((ParentLocator, LocatorBytes(), VhdxItemFlags.IsRequired));
        var bytes = new byte[TableSize + items.Sum(i => (i.Bytes.Length + 7) / 8 * 8)];
        ref var table = ref OnDisk.Edit<VhdxMetadataTable>(bytes);
        table.Signature = VhdxMetadataTable.SignatureValue;
        table.EntryCount = (ushort)items.Count;
        var at = TableSize;
        for (var i = 0; i < items.Count; i++)
        {
            var item = items[i];
            OnDisk.Edit<VhdxMetadataEntry>(bytes, 32 + i * 32) = new VhdxMetadataEntry { Id = item.Id, Offset = (uint)at, Length = (uint)item.Bytes.Length, Flags = (uint)item.Flags };
            item.Bytes.CopyTo(bytes, at);
            at += (item.Bytes.Length + 7) / 8 * 8;
        }
        return bytes;
    }

    private static Dictionary<Guid, ByteRange> Items(BlockDevice host, ByteRange region)
    {
        var bytes = new byte[TableSize];
        host.Read(region.Offset, bytes);
        var table = OnDisk.View<VhdxMetadataTable>(bytes);
        if (table.Signature != VhdxMetadataTable.SignatureValue)
            throw new DiskFormatException("VHDX-0006", "VhdxMetadataTable.signature", region.Offset, $"found 0x{(ulong)table.Signature:X16}, expected \"metadata\"");
        if (table.EntryCount > MaxTableEntries)
            throw new DiskFormatException("VHDX-0006", "VhdxMetadataTable.entryCount", region.Offset + 10, $"found {(ushort)table.EntryCount}, expected at most {MaxTableEntries}");
        var items = new Dictionary<Guid, ByteRange>();
        for (var i = 0; i < table.EntryCount; i++)
        {
            var entry = OnDisk.View<VhdxMetadataEntry>(bytes, 32 + i * 32);
            Guid id = entry.Id;
            var flags = (VhdxItemFlags)(uint)entry.Flags;
            var known = !flags.HasFlag(VhdxItemFlags.IsUser) && (id == FileParameters || id == VirtualDiskSize || id == VirtualDiskId || id == LogicalSectorSizeItem || id == PhysicalSectorSizeItem || id == ParentLocator);
            if (!known && flags.HasFlag(VhdxItemFlags.IsRequired))
                throw new UnsupportedFeatureException($"the VHDX has a metadata item of the unknown kind {id}, without which it can't be opened");
            if (!known)
                continue;
            var place = region.Offset + 32 + i * 32;
            if (entry.Offset < TableSize || entry.Offset > region.Length || entry.Length > region.Length - entry.Offset)
                throw new DiskFormatException("VHDX-0007", $"VhdxMetadataEntry[{i}]", place, $"found {(uint)entry.Length} bytes at {(uint)entry.Offset}, expected them behind the table and within the region's {region.Length} bytes");
            if (!items.TryAdd(id, new ByteRange(region.Offset + entry.Offset, entry.Length)))
                throw new DiskFormatException("VHDX-0007", $"VhdxMetadataEntry[{i}].id", place, $"found {id} a second time");
        }
        return items;
    }

    private static byte[] Item(BlockDevice host, Dictionary<Guid, ByteRange> items, Guid id, string name, int length)
    {
        if (!items.TryGetValue(id, out var range))
            throw new DiskFormatException("VHDX-0008", "VhdxMetadataTable", -1, $"found no item for the {name}, expected {id}");
        if (range.Length < length)
            throw Wrong(range, name, $"found {range.Length} bytes, expected {length}");
        var bytes = new byte[length];
        host.Read(range.Offset, bytes);
        return bytes;
    }

    private static DiskFormatException Wrong(ByteRange item, string name, string problem) => new("VHDX-0009", "VhdxMetadata." + name, item.Offset, problem);

    private static Dictionary<string, string> ReadLocator(BlockDevice host, Dictionary<Guid, ByteRange> items)
    {
        if (!items.TryGetValue(ParentLocator, out var range))
            throw new DiskFormatException("VHDX-0008", "VhdxMetadataTable", -1, $"found no item for the parent locator, expected {ParentLocator}");
        if (range.Length is < 20 or > LongestLocator)
            throw Wrong(range, "parentLocator", $"found {range.Length} bytes, expected 20 to {LongestLocator}");
        var bytes = new byte[range.Length];
        host.Read(range.Offset, bytes);
        var head = OnDisk.View<VhdxParentLocator>(bytes);
        if (head.Type != ParentLocatorType)
            throw new UnsupportedFeatureException($"the VHDX refers to its parent in the unknown way {head.Type}");
        if (20 + head.Count * 12 > bytes.Length)
            throw Wrong(range, "parentLocator.keyValueCount", $"found {(ushort)head.Count}, expected at most {(bytes.Length - 20) / 12} in {bytes.Length} bytes");
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < head.Count; i++)
        {
            var entry = OnDisk.View<VhdxLocatorEntry>(bytes, 20 + i * 12);
            if (entry.KeyOffset > bytes.Length || entry.KeyLength > bytes.Length - entry.KeyOffset || entry.ValueOffset > bytes.Length || entry.ValueLength > bytes.Length - entry.ValueOffset)
                throw Wrong(range, $"parentLocator[{i}]", "found a key or value that reaches past the locator's end");
            pairs[Text(bytes, entry.KeyOffset, entry.KeyLength)] = Text(bytes, entry.ValueOffset, entry.ValueLength);
        }
        return pairs;

        static string Text(byte[] bytes, uint offset, ushort length) => Encoding.Unicode.GetString(bytes, (int)offset, length).TrimEnd('\0');
    }

    private byte[] LocatorBytes()
    {
        var bytes = new byte[20 + Locator.Sum(p => 12 + 2 * (p.Key.Length + p.Value.Length))];
        OnDisk.Edit<VhdxParentLocator>(bytes) = new VhdxParentLocator { Type = ParentLocatorType, Count = (ushort)Locator.Count };
        var at = 20 + 12 * Locator.Count;
        var i = 0;
        foreach (var (key, value) in Locator)
        {
            OnDisk.Edit<VhdxLocatorEntry>(bytes, 20 + 12 * i++) = new VhdxLocatorEntry
            {
                KeyOffset = (uint)at, KeyLength = (ushort)(2 * key.Length), ValueOffset = (uint)(at + 2 * key.Length), ValueLength = (ushort)(2 * value.Length),
            };
            at += Encoding.Unicode.GetBytes(key, bytes.AsSpan(at));
            at += Encoding.Unicode.GetBytes(value, bytes.AsSpan(at));
        }
        return bytes;
    }
}
