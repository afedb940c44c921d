using Platter.Blocks;
using Platter.Partitions.OnDisk;
using Platter.Primitives;

namespace Platter.Partitions;

/// <summary>Edits a GPT; always writes both copies, and keeps header and entry bytes that it does not know.</summary>
internal sealed class GptWriter(PartitionTable table, GptLayout layout, PartitionOptions options) : TableWriter(table, options)
{
    // UEFI 2.10, 5.3: "a minimum of 16,384 bytes ... must be reserved for the GPT Partition Entry Array".
    private const int LeastArray = 16 << 10;

    private readonly byte[] _header = [.. layout.Used.HeaderBytes];
    private readonly byte[] _entries = [.. layout.Used.Entries];

    public static PartitionTable Create(BlockDevice disk, PartitionOptions options)
    {
        if (options.EntryCount is < 4 or > 1024)
            throw new ArgumentException($"a GPT of {options.EntryCount} entries: expected 4..1024");
        var size = disk.SectorSize;
        var sectors = disk.Length / size;
        var reserved = Gaps.AlignUp(Math.Max(LeastArray, options.EntryCount * GptEntry.Size), size) / size;
        var firstUsable = 2 + reserved;
        var lastUsable = sectors - 2 - reserved;
        if (lastUsable < firstUsable)
            throw new VolumeFullException("bytes", (firstUsable + reserved + 2) * size, disk.Length);

        var headerBytes = new byte[size];
        ref var header = ref Primitives.OnDisk.Edit<GptHeader>(headerBytes);
        header.Signature = GptHeader.ValidSignature;
        header.Revision = GptHeader.Revision1;
        header.HeaderSize = GptHeader.Size;
        header.AlternateSector = (ulong)(sectors - 1);
        header.FirstUsableSector = (ulong)firstUsable;
        header.LastUsableSector = (ulong)lastUsable;
        header.DiskGuid = options.DiskId ?? (options.NewGuid ?? Guid.NewGuid)();
        header.EntryCount = (uint)options.EntryCount;
        header.EntrySize = GptEntry.Size;

        disk.WriteZeros(0, firstUsable * size);
        disk.WriteZeros((lastUsable + 1) * size, (sectors - lastUsable - 1) * size);
        var mbr = new byte[MbrSector.Size];
        SetProtective(mbr, sectors);
        disk.Write(0, mbr);
        WriteCopies(disk, size, headerBytes, new byte[options.EntryCount * GptEntry.Size], new Places(2, sectors - 1, lastUsable + 1));
        return GptReader.Read(disk, mbr, new FindingLog(throws: true))!;
    }

    public override PartitionTable Reread() => GptReader.Read(Disk, ReadFirstSector(), new FindingLog(throws: true))!;

    public override long Add(NewPartition wish)
    {
        RequireScheme(wish.Type);
        if (wish.Type.Guid == Guid.Empty)
            throw new ArgumentException("the all-zero GUID is no partition type: it marks an unused entry");
        var index = FreeIndex(wish.Number);
        var place = Placement.Choose(wish, Table.FreeRanges(), Conflict);
        ref var entry = ref Entry(index);
        _entries.AsSpan(index * layout.Used.EntrySize, layout.Used.EntrySize).Clear();
        entry.Type = wish.Type.Guid;
        entry.UniqueId = NewUniqueId(wish.UniqueId, except: -1);
        entry.FirstSector = (ulong)(place.Offset / SectorSize);
        entry.LastSector = (ulong)((place.End / SectorSize) - 1);
        entry.Attributes = (ulong)wish.Flags;
        SetName(ref entry, wish.Name);
        Write();
        return place.Offset;
    }

    public override void Remove(Partition partition)
    {
        _entries.AsSpan((partition.Number - 1) * layout.Used.EntrySize, layout.Used.EntrySize).Clear();
        Write();
        EditHybrid(partition, length: 0);
    }

    public override void Resize(Partition partition, long length)
    {
        var wanted = new ByteRange(partition.Start, length);
        var others = Table.Partitions.Where(p => p.Number != partition.Number);
        if (wanted.End < 0 || wanted.End > Table.UsableRange.End || others.Any(p => p.Start < wanted.End && wanted.Offset < p.End))
            throw new ArgumentException($"partition {partition.Number} cannot end at byte {wanted.End}: {Conflict(wanted, Table.UsableRange, others)}");
        Entry(partition.Number - 1).LastSector = (ulong)((wanted.End / SectorSize) - 1);
        Write();
        EditHybrid(partition, length);
    }

    public override void Set(Partition partition, PartitionChange change)
    {
        ref var entry = ref Entry(partition.Number - 1);
        if (change.Type is { } type)
        {
            RequireScheme(type);
            if (type.Guid == Guid.Empty)
                throw new ArgumentException("the all-zero GUID is no partition type: it marks an unused entry; remove the partition instead");
            entry.Type = type.Guid;
        }
        if (change.Name is { } name)
            SetName(ref entry, name);
        if (change.Flags is { } flags)
            entry.Attributes = (ulong)flags;
        if (change.UniqueId is { } id)
            entry.UniqueId = NewUniqueId(id, except: partition.Number);
        Write();
    }

    public override void SetDiskId(Guid id)
    {
        if (id == Guid.Empty)
            throw new ArgumentException("the all-zero GUID cannot be a disk's");
        Primitives.OnDisk.Edit<GptHeader>(_header).DiskGuid = id;
        Write();
    }

    public override void Repair()
    {
        WriteTo(PlacesWithBackupAtEnd());
        var mbr = ReadFirstSector();
        if (BootSector.Classify(mbr, Disk.Length / SectorSize) is BootSectorKind.FileSystem)
            throw new SafetyException("the first sector holds a file system's boot sector: a protective MBR would destroy it");
        if (SetProtective(mbr, Disk.Length / SectorSize))
            Disk.Write(0, mbr);
    }

    private ref GptEntry Entry(int index) => ref Primitives.OnDisk.Edit<GptEntry>(_entries, index * layout.Used.EntrySize);

    private int FreeIndex(int? number)
    {
        var count = _entries.Length / layout.Used.EntrySize;
        if (number is { } wished)
        {
            if (wished < 1 || wished > count)
                throw new ArgumentException($"there is no partition number {wished}: the table has room for 1..{count}");
            return (Guid)Entry(wished - 1).Type == Guid.Empty ? wished - 1 : throw new AlreadyExistsException($"partition {wished}");
        }
        for (var i = 0; i < count; i++)
        {
            if ((Guid)Entry(i).Type == Guid.Empty)
                return i;
        }
        throw new VolumeFullException("partition entries", 1, 0);
    }

    private Guid NewUniqueId(Guid? wished, int except)
    {
        var id = wished ?? (Options.NewGuid ?? Guid.NewGuid)();
        if (id == Guid.Empty)
            throw new ArgumentException("the all-zero GUID cannot be a partition's");
        if (Table.Partitions.FirstOrDefault(p => p.UniqueId == id && p.Number != except) is { } other)
            throw new ArgumentException($"partition {other.Number} has the unique GUID {id} already");
        return id;
    }

    private static void SetName(ref GptEntry entry, string name)
    {
        if (name.Length > GptEntry.NameUnits)
            throw new ArgumentException($"the partition name '{name}' has {name.Length} UTF-16 units, a GPT entry holds {GptEntry.NameUnits}");
        if (name.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException("a partition name cannot contain a zero character");
        entry.Name = default;
        Span<byte> bytes = entry.Name;
        for (var i = 0; i < name.Length; i++)
        {
            bytes[2 * i] = (byte)name[i];
            bytes[(2 * i) + 1] = (byte)(name[i] >> 8);
        }
    }

    // ---- writing both copies

    /// <param name="PrimaryEntries">First sector of the primary entry array.</param>
    /// <param name="BackupHeader">Sector of the backup header.</param>
    /// <param name="BackupEntries">First sector of the backup entry array.</param>
    private readonly record struct Places(long PrimaryEntries, long BackupHeader, long BackupEntries);

    private long ArraySectors => Gaps.AlignUp(_entries.Length, SectorSize) / SectorSize;

    private void Write() => WriteTo(PlacesAsTheyAre() ?? PlacesWithBackupAtEnd());

    private void WriteTo(Places places)
    {
        RequireOutsideOfPartitions(new ByteRange(0, 2L * SectorSize));
        RequireOutsideOfPartitions(new ByteRange(places.PrimaryEntries * SectorSize, _entries.Length));
        RequireOutsideOfPartitions(new ByteRange(places.BackupEntries * SectorSize, _entries.Length));
        RequireOutsideOfPartitions(new ByteRange(places.BackupHeader * SectorSize, SectorSize));
        WriteCopies(Disk, SectorSize, _header, _entries, places);
    }

    /// <summary>A damaged table can have partitions where the table itself is; their data is not ours to overwrite.</summary>
    private void RequireOutsideOfPartitions(ByteRange range)
    {
        var first = (ulong)(range.Offset / SectorSize);
        var last = (ulong)((range.End - 1) / SectorSize);
        for (var i = 0; i < _entries.Length / layout.Used.EntrySize; i++)
        {
            ref readonly var entry = ref Entry(i);
            if ((Guid)entry.Type != Guid.Empty && entry.FirstSector <= last && first <= entry.LastSector)
            {
                throw new DiskFormatException("GPT-0013", $"GptEntry[{i}].firstSector", -1,
                    $"found sectors {(ulong)entry.FirstSector}..{(ulong)entry.LastSector}, where the table itself is ({first}..{last}); remove partition {i + 1} first");
            }
        }
    }

    /// <summary>Where the copies are now; null when the backup is nowhere that it may be.</summary>
    private Places? PlacesAsTheyAre()
    {
        var header = layout.BackupSector;
        var entries = layout.BackupEntriesSector ?? header - ArraySectors;
        var lastUsable = (long)(ulong)Primitives.OnDisk.View<GptHeader>(_header).LastUsableSector;
        return header < Disk.Length / SectorSize && entries > lastUsable && entries + ArraySectors <= header ? new Places(PrimaryEntries(), header, entries) : null;
    }

    /// <summary>The backup in the last sectors of the disk, and the usable range up to there.</summary>
    private Places PlacesWithBackupAtEnd()
    {
        var header = (Disk.Length / SectorSize) - 1;
        var entries = header - Gaps.AlignUp(Math.Max(LeastArray, _entries.Length), SectorSize) / SectorSize;
        var last = Table.Partitions.MaxBy(p => p.End);
        var needed = Math.Max(last?.End ?? 0, (PrimaryEntries() + ArraySectors) * SectorSize);
        if (needed > entries * SectorSize)
        {
            throw new DiskFormatException("GPT-0014", last is null ? "GptHeader" : $"partition {last.Number}", last?.Start ?? 0,
                $"found its end at byte {needed}, expected it before byte {entries * SectorSize}, where the backup copy belongs: the device is too small for this table");
        }
        Primitives.OnDisk.Edit<GptHeader>(_header).LastUsableSector = (ulong)(entries - 1);
        return new Places(PrimaryEntries(), header, entries);
    }

    private long PrimaryEntries()
    {
        var header = Primitives.OnDisk.View<GptHeader>(_header);
        var sector = layout.PrimaryEntriesSector ?? 2;
        if (sector + ArraySectors > (long)(ulong)header.FirstUsableSector && sector <= (long)(ulong)header.LastUsableSector)
        {
            throw new DiskFormatException("GPT-0019", "GptHeader.firstUsableSector", 0,
                $"found {(ulong)header.FirstUsableSector}, expected room for the primary entry array in sectors {sector}..{sector + ArraySectors - 1}");
        }
        return sector;
    }

    /// <summary>The backup first: whoever reads a half-written table finds one whole copy, the old or the new.</summary>
    private static void WriteCopies(BlockDevice disk, int sectorSize, byte[] headerBytes, byte[] entries, Places places)
    {
        ref var header = ref Primitives.OnDisk.Edit<GptHeader>(headerBytes);
        header.EntriesCrc = Crc32.Compute(entries);
        WriteCopy(places.BackupHeader, 1, places.BackupEntries);
        WriteCopy(1, places.BackupHeader, places.PrimaryEntries);

        void WriteCopy(long mySector, long alternateSector, long entriesSector)
        {
            ref var h = ref Primitives.OnDisk.Edit<GptHeader>(headerBytes);
            h.MySector = (ulong)mySector;
            h.AlternateSector = (ulong)alternateSector;
            h.EntriesSector = (ulong)entriesSector;
            h.HeaderCrc = GptCopy.ComputeHeaderCrc(headerBytes);
            disk.Write(entriesSector * sectorSize, entries);
            disk.Write(mySector * sectorSize, headerBytes);
        }
    }

    // ---- the MBR in front

    /// <summary>Makes the protective partition what it should be; a hybrid MBR's other entries stay. False when nothing had to change.</summary>
    private static bool SetProtective(byte[] mbrBytes, long sectors)
    {
        var before = mbrBytes.AsSpan().ToArray();
        ref var mbr = ref Primitives.OnDisk.Edit<MbrSector>(mbrBytes);
        var isHybrid = false;
        var index = -1;
        for (var i = 0; i < 4; i++)
        {
            if (mbr.Signature != MbrSector.ValidSignature)
                mbr.Entries[i] = default;
            if (mbr.Entries[i].Type == MbrEntry.Protective && index < 0)
                index = i;
            else if (!mbr.Entries[i].IsUnused)
                isHybrid = true;
        }
        mbr.Signature = MbrSector.ValidSignature;
        if (index >= 0 && isHybrid)
            return false;
        if (isHybrid)
            throw new SafetyException("the MBR has partitions of its own and no protective one: it would have to be overwritten");
        var count = (uint)Math.Min(sectors - 1, uint.MaxValue);
        var last = ChsAddress.OfSector(count);
        mbr.Entries[Math.Max(index, 0)] = new MbrEntry
        {
            Type = MbrEntry.Protective,
            First = ChsAddress.OfSector(1),
            Last = last.Head == 0xFE && last.CylinderLow == 0xFF ? new ChsAddress { Head = 0xFF, SectorAndCylinderHigh = 0xFF, CylinderLow = 0xFF } : last,
            StartSector = 1,
            SectorCount = count,
        };
        return !before.AsSpan().SequenceEqual(mbrBytes);
    }

    /// <summary>A hybrid MBR's entry that mirrors the partition follows it: it gets the new length, or goes.</summary>
    private void EditHybrid(Partition partition, long length)
    {
        var bytes = ReadFirstSector();
        ref var mbr = ref Primitives.OnDisk.Edit<MbrSector>(bytes);
        for (var i = 0; i < 4 && mbr.Signature == MbrSector.ValidSignature; i++)
        {
            ref var entry = ref mbr.Entries[i];
            if (entry.Type == MbrEntry.Protective || entry.SectorCount == 0
                || (long)(uint)entry.StartSector * SectorSize != partition.Start || (long)(uint)entry.SectorCount * SectorSize != partition.Length)
                continue;
            if (length == 0)
            {
                entry = default;
            }
            else
            {
                entry.SectorCount = (uint)Math.Min(length / SectorSize, uint.MaxValue);
                entry.Last = ChsAddress.OfSector(entry.EndSector - 1);
            }
            Disk.Write(0, bytes);
        }
    }
}
