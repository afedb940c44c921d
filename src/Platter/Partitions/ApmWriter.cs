using System.Text;
using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>Edits an Apple partition map: the entries in order of place, gaps filled with entries of type Apple_Free, as Apple's tools keep it.
/// So numbers follow places, and an edit can renumber.</summary>
internal sealed class ApmWriter(PartitionTable table, ApmLayout layout, PartitionOptions options) : TableWriter(table, options)
{
    private const string MapType = "Apple_partition_map", FreeType = "Apple_Free";

    // What Apple's Disk Utility and pdisk make.
    private const int DefaultMapBlocks = 63;

    public static PartitionTable Create(BlockDevice disk, PartitionOptions options)
    {
        var size = disk.SectorSize;
        var blocks = disk.Length / size;
        var mapBlocks = options.EntryCount == 128 ? DefaultMapBlocks : options.EntryCount;
        if (mapBlocks is < 4 or > 1024)
            throw new ArgumentException($"an Apple partition map of {mapBlocks} blocks: expected 4..1024");
        if (blocks < mapBlocks + 2)
            throw new VolumeFullException("bytes", (mapBlocks + 2L) * size, disk.Length);

        disk.WriteZeros(0, (mapBlocks + 1L) * size);
        var descriptorBytes = new byte[size];
        ref var descriptor = ref Primitives.OnDisk.Edit<DriverDescriptor>(descriptorBytes);
        descriptor.Signature = DriverDescriptor.ValidSignature;
        descriptor.BlockSize = (ushort)size;
        descriptor.BlockCount = (uint)Math.Min(blocks, uint.MaxValue);
        disk.Write(0, descriptorBytes);
        var map = MakeEntry(size, 1, mapBlocks, "Apple", MapType, PartitionFlags.None);
        WriteMap(disk, size, [map], (uint)Math.Min(blocks, uint.MaxValue), mapBlocks);
        return ApmReader.TryRead(disk, new FindingLog(throws: true))!;
    }

    public override PartitionTable Reread() => ApmReader.TryRead(Disk, new FindingLog(throws: true))!;

    public override long Add(NewPartition wish)
    {
        RequireScheme(wish.Type);
        RequireHoldable(wish.Flags, wish.UniqueId);
        if (wish.Type.Text is MapType or FreeType)
            throw new ArgumentException($"{wish.Type.Text} entries are made by Platter itself");
        if (wish.Number is not null)
            throw new ArgumentException("the partitions of an Apple partition map are numbered by their place");
        var place = Placement.Choose(wish, Table.FreeRanges(), Conflict);
        if (place.End / SectorSize > uint.MaxValue)
            throw new UnsupportedFeatureException("an Apple partition map counts blocks with 32 bits");
        Write([.. Kept(), MakeEntry(SectorSize, (uint)(place.Offset / SectorSize), (uint)(place.Length / SectorSize), wish.Name, wish.Type.Text, wish.Flags)]);
        return place.Offset;
    }

    public override void Remove(Partition partition)
    {
        RequireEditable(partition);
        Write([.. Kept().Where(e => e != layout.Entries[partition.Number - 1])]);
    }

    public override void Resize(Partition partition, long length)
    {
        RequireEditable(partition);
        var wanted = new ByteRange(partition.Start, length);
        var others = Table.Partitions.Where(p => p.Number != partition.Number && p.Type.Text != FreeType);
        if (wanted.End < 0 || wanted.End > Table.UsableRange.End || others.Any(p => p.Start < wanted.End && wanted.Offset < p.End))
            throw new ArgumentException($"partition {partition.Number} cannot end at byte {wanted.End}: {Conflict(wanted, Table.UsableRange, others)}");
        ref var entry = ref Primitives.OnDisk.Edit<ApmEntry>(layout.Entries[partition.Number - 1]);
        var count = (uint)(length / SectorSize);
        entry.DataCount = entry.DataStart < count ? count - entry.DataStart : 0;
        entry.BlockCount = count;
        Write([.. Kept()]);
    }

    public override void Set(Partition partition, PartitionChange change)
    {
        RequireEditable(partition);
        RequireHoldable(change.Flags ?? PartitionFlags.None, change.UniqueId);
        ref var entry = ref Primitives.OnDisk.Edit<ApmEntry>(layout.Entries[partition.Number - 1]);
        if (change.Type is { } type)
        {
            RequireScheme(type);
            SetText(ref entry.Type, type.Text, "type");
        }
        if (change.Name is { } name)
            SetText(ref entry.Name, name, "name");
        if (change.Flags is { } flags)
            entry.Status.Value = (entry.Status.Value & ~ApmStatus.Bootable) | (flags.HasFlag(PartitionFlags.Bootable) ? ApmStatus.Bootable : 0);
        Write([.. Kept()]);
    }

    private IEnumerable<byte[]> Kept() => layout.Entries.Zip(Table.Partitions).Where(e => e.Second.Type.Text != FreeType).Select(e => e.First);

    private void Write(List<byte[]> entries)
    {
        var map = Table.Partitions.FirstOrDefault(p => p.Type.Text == MapType)
            ?? throw new DiskFormatException("APM-0007", "ApmEntry.type", SectorSize, "found no entry of type Apple_partition_map: the room for entries is unknown");
        if (map.ReachesPastEnd || map.Start != SectorSize)
            throw new DiskFormatException("APM-0007", $"ApmEntry[{map.Number - 1}].startBlock", map.Number * SectorSize, $"found the map at bytes {map.Start}..{map.End}, expected it from block 1, within the device");
        var broken = Table.Findings.FirstOrDefault(f => f.Code is "APM-0002" or "APM-0003" or "APM-0004" or "APM-0007");
        if (broken is not null)
            throw new DiskFormatException(broken.Code, broken.Structure, broken.Offset ?? -1, broken.Message);
        WriteMap(Disk, SectorSize, entries, (uint)Math.Min(Disk.Length / SectorSize, uint.MaxValue), (int)Math.Min(map.Length / SectorSize, 1024));
    }

    private static void WriteMap(BlockDevice disk, int blockSize, List<byte[]> entries, uint deviceBlocks, int mapBlocks)
    {
        var all = new List<byte[]>(entries);
        var taken = entries.Select(e => RangeOf(e));
        foreach (var gap in Gaps.Between(new ByteRange(1, deviceBlocks - 1L), taken))
            all.Add(MakeEntry(blockSize, (uint)gap.Offset, (uint)gap.Length, "Extra", FreeType, PartitionFlags.None));
        var over = entries.Find(e => RangeOf(e) is var range && range.Length > 0 && range.Offset <= mapBlocks && Primitives.OnDisk.View<ApmEntry>(e).StartBlock != 1);
        if (over is not null || entries.Count(e => Primitives.OnDisk.View<ApmEntry>(e).StartBlock <= 1) > 1)
            throw new DiskFormatException("APM-0006", "ApmEntry.startBlock", blockSize, $"a partition lies over the map's blocks 1..{mapBlocks}; remove it first");
        if (all.Count > mapBlocks)
            throw new VolumeFullException("partition map entries", all.Count, mapBlocks);
        all.Sort((a, b) => RangeOf(a).Offset.CompareTo(RangeOf(b).Offset));
        var bytes = new byte[mapBlocks * blockSize];
        for (var i = 0; i < all.Count; i++)
        {
            Primitives.OnDisk.Edit<ApmEntry>(all[i]).MapBlockCount = (uint)all.Count;
            all[i].CopyTo(bytes, i * blockSize);
        }
        disk.Write(blockSize, bytes);
    }

    private static ByteRange RangeOf(byte[] bytes)
    {
        ref readonly var entry = ref Primitives.OnDisk.View<ApmEntry>(bytes);
        return new ByteRange((uint)entry.StartBlock, (uint)entry.BlockCount);
    }

    private static byte[] MakeEntry(int blockSize, uint start, int count, string name, string type, PartitionFlags flags) =>
        MakeEntry(blockSize, start, (uint)count, name, type, flags);

    private static byte[] MakeEntry(int blockSize, uint start, uint count, string name, string type, PartitionFlags flags)
    {
        var bytes = new byte[blockSize];
        ref var entry = ref Primitives.OnDisk.Edit<ApmEntry>(bytes);
        entry.Signature = ApmEntry.ValidSignature;
        entry.StartBlock = start;
        entry.BlockCount = count;
        entry.DataCount = count;
        SetText(ref entry.Name, name, "name");
        SetText(ref entry.Type, type, "type");
        if (type != FreeType)
            entry.Status.Value = ApmStatus.DataDefault | (flags.HasFlag(PartitionFlags.Bootable) ? ApmStatus.Bootable : 0);
        return bytes;
    }

    private static void SetText(ref ApmText field, string text, string what)
    {
        if (text.Length >= ApmEntry.TextLength || !Ascii.IsValid(text) || text.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException($"the partition {what} '{text}' does not fit: an Apple partition map holds up to {ApmEntry.TextLength - 1} ASCII characters");
        field = default;
        Encoding.ASCII.GetBytes(text, field);
    }

    private static void RequireEditable(Partition partition)
    {
        if (partition.Type.Text is MapType or FreeType)
            throw new ArgumentException($"partition {partition.Number} is {(partition.Type.Text == MapType ? "the map itself" : "free space")}: it cannot be edited");
    }

    private static void RequireHoldable(PartitionFlags flags, Guid? uniqueId)
    {
        if (uniqueId is not null)
            throw new UnsupportedFeatureException("an Apple partition map has no GUIDs");
        if ((flags & ~PartitionFlags.Bootable) != PartitionFlags.None)
            throw new UnsupportedFeatureException($"an Apple partition map has no partition flag but bootable (asked for: {string.Join(", ", PartitionFlagNames.Format(flags))})");
    }
}
