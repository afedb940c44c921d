using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>Edits an MBR and the chain of its logical partitions.</summary>
internal sealed class MbrWriter(PartitionTable table, MbrLayout layout, PartitionOptions options) : TableWriter(table, options)
{
    private readonly byte[] _sector = [.. layout.Sector];

    public static PartitionTable Create(BlockDevice disk, PartitionOptions options)
    {
        var bytes = new byte[MbrSector.Size];
        ref var mbr = ref Primitives.OnDisk.Edit<MbrSector>(bytes);
        mbr.DiskSignature = options.DiskSignature ?? NewSignature(options);
        mbr.Signature = MbrSector.ValidSignature;
        disk.Write(0, bytes);
        return MbrReader.Read(disk, bytes, new FindingLog(throws: true));
    }

    public override PartitionTable Reread() => MbrReader.Read(Disk, ReadFirstSector(), new FindingLog(throws: true));

    public override long Add(NewPartition wish)
    {
        RequireHoldable(wish.Type, wish.Name, wish.Flags, wish.UniqueId);
        if (wish.Start is { } start && start >= Table.UsableRange.End && start < Disk.Length)
            throw new UnsupportedFeatureException($"an MBR counts sectors with 32 bits: nothing beyond byte {Table.UsableRange.End} can be a partition; use GPT");
        if (wish.Type.IsExtended && wish.Placement == MbrPlacement.Logical)
            throw new ArgumentException("an extended partition cannot be a logical one");
        if (GoesLogical(wish))
            return new LogicalWriter(Table, SectorSize, Options).Add(layout.Chain, wish, extended: ExtendedFor(wish));

        if (wish.Type.IsExtended && layout.ExtendedIndex >= 0)
            throw new AlreadyExistsException("an extended partition");
        var index = FreeIndex(wish.Number);
        var place = Placement.Choose(wish, Table.FreeRanges(), Conflict);
        SetEntry(index, place, wish.Type.Byte, wish.Flags);
        if (wish.Type.IsExtended)
            LogicalWriter.WriteEmptyRecord(Disk, place.Offset);
        WriteSector();
        return place.Offset;
    }

    public override void Remove(Partition partition)
    {
        if (partition.IsLogical)
        {
            LogicalWriterOver().Remove(layout.Chain, partition.Start);
            return;
        }
        Primitives.OnDisk.Edit<MbrSector>(_sector).Entries[partition.Number - 1] = default;
        WriteSector();
    }

    public override void Resize(Partition partition, long length)
    {
        if (partition.IsLogical)
        {
            LogicalWriterOver().Resize(layout.Chain, partition, length);
            return;
        }
        var wanted = new ByteRange(partition.Start, length);
        var others = Table.Partitions.Where(p => !p.IsLogical && p.Number != partition.Number);
        if (wanted.End < 0 || wanted.End > Table.UsableRange.End || others.Any(p => p.Start < wanted.End && wanted.Offset < p.End))
            throw new ArgumentException($"partition {partition.Number} cannot end at byte {wanted.End}: {Conflict(wanted, Table.UsableRange, others)}");
        if (partition.IsExtended && Table.Partitions.Where(p => p.IsLogical).MaxBy(p => p.End) is { } last && last.End > wanted.End)
            throw new ArgumentException($"the extended partition cannot end at byte {wanted.End}: the logical partition {last.Number} ends at byte {last.End}");
        ref var entry = ref Primitives.OnDisk.Edit<MbrSector>(_sector).Entries[partition.Number - 1];
        entry.SectorCount = (uint)Math.Min(length / SectorSize, uint.MaxValue);
        entry.Last = ChsAddress.OfSector(entry.EndSector - 1);
        WriteSector();
    }

    public override void Set(Partition partition, PartitionChange change)
    {
        RequireHoldable(change.Type ?? partition.Type, change.Name ?? "", change.Flags ?? PartitionFlags.None, change.UniqueId);
        if (change.Type is { } type && type.IsExtended != partition.IsExtended)
            throw new ArgumentException($"partition {partition.Number} cannot become {type}: an extended partition is added or removed, not renamed");
        if (partition.IsLogical)
        {
            LogicalWriterOver().Set(layout.Chain, partition.Start, change);
            return;
        }
        ref var mbr = ref Primitives.OnDisk.Edit<MbrSector>(_sector);
        if (change.Flags is { } flags)
        {
            ClearActive(ref mbr, flags);
            mbr.Entries[partition.Number - 1].Status = Status(flags);
        }
        mbr.Entries[partition.Number - 1].Type = (change.Type ?? partition.Type).Byte;
        WriteSector();
    }

    // ---- where a new one goes

    private bool GoesLogical(NewPartition wish)
    {
        if (wish.Placement == MbrPlacement.Logical)
            return true;
        if (wish.Placement == MbrPlacement.Primary || wish.Type.IsExtended || layout.ExtendedIndex < 0)
            return false;
        var extended = Table.Partitions.First(p => p.IsExtended);
        if (wish.Start is { } start)
            return start >= extended.Start && start < extended.End;
        var noEntry = Enumerable.Range(0, 4).All(i => !layout.Entry(i).IsUnused);
        if (noEntry)
            return true;
        try
        {
            Placement.Choose(wish, Table.FreeRanges(), Conflict);
            return false;
        }
        catch (VolumeFullException)
        {
            return true;
        }
    }

    /// <summary>The extended partition; made over the largest gap, or the one that the wished start lies in, when there is none.</summary>
    private ByteRange ExtendedFor(NewPartition wish)
    {
        if (Table.Partitions.FirstOrDefault(p => p.IsExtended) is { } existing)
        {
            RequireOneChain(existing);
            return new ByteRange(existing.Start, existing.Length);
        }
        var gaps = Table.FreeRanges();
        if (wish.Start is { } start)
            gaps = [.. gaps.Where(g => g.Offset < start && start < g.End)];
        var place = Placement.Choose(new NewPartition { Type = wish.Type }, gaps, Conflict);
        if (wish.Start is { } wishedStart && place.Offset >= wishedStart)
            place = new ByteRange(wishedStart - SectorSize, place.End - wishedStart + SectorSize);
        if (wish.Start is { } from && wish.Length is { } length && from + length > place.End)
            place = place with { Length = Math.Min(gaps[0].End, Gaps.AlignUp(from + length, SectorSize)) - place.Offset };

        // Nothing is written before the logical one is known to fit.
        LogicalWriter.RequireFit(Table, place, wish, SectorSize, Options);
        SetEntry(FreeIndex(null), place, 0x0F, PartitionFlags.None);
        LogicalWriter.WriteEmptyRecord(Disk, place.Offset);
        WriteSector();
        return place;
    }

    private void RequireOneChain(Partition extended)
    {
        if (Table.Partitions.Count(p => p.IsExtended) > 1)
            throw new UnsupportedFeatureException("editing logical partitions beside a second extended partition");
        if (extended.ReachesPastEnd)
            extended.OpenDevice().Dispose(); // says so
        if (layout.Chain.GroupBy(l => l.EbrSector).Any(g => g.Skip(1).Any()))
            throw new UnsupportedFeatureException("editing a chain of logical partitions in which one record describes several (MBR-0013)");
        var broken = Table.Findings.FirstOrDefault(f => f.Code is "MBR-0007" or "MBR-0008" or "MBR-0009" or "MBR-0010" or "MBR-0011" or "MBR-0014");
        if (broken is not null && layout.Chain.Count > 0)
            throw new DiskFormatException(broken.Code, broken.Structure, broken.Offset ?? -1, broken.Message);
    }

    private LogicalWriter LogicalWriterOver()
    {
        RequireOneChain(Table.Partitions.First(p => p.IsExtended));
        return new LogicalWriter(Table, SectorSize, Options);
    }

    // ---- entries

    private int FreeIndex(int? number)
    {
        if (number is { } wished)
        {
            if (wished is < 1 or > 4)
                throw new ArgumentException($"there is no primary partition {wished}: an MBR has 1..4, and logical ones number themselves");
            return layout.Entry(wished - 1).IsUnused ? wished - 1 : throw new AlreadyExistsException($"partition {wished}");
        }
        for (var i = 0; i < 4; i++)
        {
            if (layout.Entry(i).IsUnused)
                return i;
        }
        throw new VolumeFullException("primary partition entries (an MBR has four; logical partitions need one of them for the extended partition)", 1, 0);
    }

    private void SetEntry(int index, ByteRange place, byte type, PartitionFlags flags)
    {
        ref var mbr = ref Primitives.OnDisk.Edit<MbrSector>(_sector);
        ClearActive(ref mbr, flags);
        mbr.Entries[index] = MakeEntry(place.Offset / SectorSize, place.Length / SectorSize, relativeTo: 0, type, Status(flags));
    }

    /// <summary>One active partition at most: the boot code in the MBR starts the first, or refuses two.</summary>
    private static void ClearActive(ref MbrSector mbr, PartitionFlags flags)
    {
        for (var i = 0; i < 4 && flags.HasFlag(PartitionFlags.Bootable); i++)
            mbr.Entries[i].Status = 0;
    }

    /// <summary>An entry; CHS addresses are of the absolute sectors, as every tool writes them.</summary>
    public static MbrEntry MakeEntry(long sector, long count, long relativeTo, byte type, byte status) => new()
    {
        Status = status,
        First = ChsAddress.OfSector(sector),
        Type = type,
        Last = ChsAddress.OfSector(sector + count - 1),
        StartSector = (uint)(sector - relativeTo),
        SectorCount = (uint)Math.Min(count, uint.MaxValue),
    };

    public static byte Status(PartitionFlags flags) => flags.HasFlag(PartitionFlags.Bootable) ? MbrEntry.Active : (byte)0;

    private void WriteSector()
    {
        var mbr = Primitives.OnDisk.View<MbrSector>(_sector);
        for (var i = 0; i < 4; i++)
        {
            if (mbr.Entries[i] is { SectorCount: var count, StartSector: var start } && count != 0 && start == 0)
            {
                throw new DiskFormatException("MBR-0003", $"MbrEntry[{i}].startSector", MbrSector.EntriesOffset + (i * MbrEntry.Size) + 8,
                    $"found 0, where the table itself is; remove partition {i + 1} first");
            }
        }
        Disk.Write(0, _sector);
    }

    private void RequireHoldable(PartitionType type, string name, PartitionFlags flags, Guid? uniqueId)
    {
        RequireScheme(type);
        if (type.Byte == 0)
            throw new ArgumentException("0x00 is no partition type: it marks an unused entry");
        if (name.Length > 0)
            throw new UnsupportedFeatureException($"an MBR has no partition names ('{name}'); use GPT");
        if (uniqueId is not null)
            throw new UnsupportedFeatureException("an MBR has no partition GUIDs; use GPT, or set the disk signature");
        if ((flags & ~PartitionFlags.Bootable) != PartitionFlags.None)
            throw new UnsupportedFeatureException($"an MBR has no partition flag but bootable (asked for: {string.Join(", ", PartitionFlagNames.Format(flags))})");
    }

    private static uint NewSignature(PartitionOptions options)
    {
        Span<byte> bytes = stackalloc byte[16];
        (options.NewGuid ?? Guid.NewGuid)().TryWriteBytes(bytes);
        var signature = BitConverter.ToUInt32(bytes);
        return signature == 0 ? 1 : signature;
    }
}
