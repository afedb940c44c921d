using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>A GPT with what surrounds it.</summary>
internal sealed class GptLayout : TableLayout
{
    /// <summary>The copy that was believed: the primary one when it is sound.</summary>
    public required GptCopy Used { get; init; }

    /// <summary>Where the backup header is, or belongs.</summary>
    public required long BackupSector { get; init; }

    /// <summary>The first sector of the primary entry array; null when no sound primary header tells.</summary>
    public required long? PrimaryEntriesSector { get; init; }

    /// <summary>The first sector of the backup entry array; null when no sound backup header tells.</summary>
    public required long? BackupEntriesSector { get; init; }
}

/// <summary>Reads a GPT: the primary copy when it is sound, else the backup.</summary>
internal static class GptReader
{
    /// <summary>Reads the GPT of a disk whose MBR announces one.</summary>
    /// <returns>Null, after <see cref="FindingLog.Unreadable"/>, when neither copy is sound.</returns>
    public static PartitionTable? Read(BlockDevice disk, byte[] mbrSector, FindingLog log)
    {
        if (Find(disk) is { } found)
            return Make(disk, mbrSector, found.Used, found.Primary, found.Backup, log);
        var primary = GptCopy.TryRead(disk, disk.SectorSize, 1);
        var why = primary is null ? "the device ends before it" : $"{primary.FirstProblem.Structure}: {primary.FirstProblem.Text}";
        log.Unreadable("GPT-0001", "GptHeader", disk.SectorSize, $"neither the primary nor the backup copy is sound ({why})");
        return null;
    }

    /// <summary>Whether the disk has a sound primary copy, in any sector size.</summary>
    public static bool HasSoundPrimary(BlockDevice disk) => SectorSizes(disk).Any(size => GptCopy.TryRead(disk, size, 1) is { IsSound: true });

    /// <summary>Whether either copy is sound, in any sector size.</summary>
    public static bool IsReadable(BlockDevice disk) => Find(disk) is not null;

    // The size that the device has first; tables move between 512 and 4096 with the drive enclosures that pretend to the other.
    private static IEnumerable<int> SectorSizes(BlockDevice disk) => new[] { disk.SectorSize, 512, 4096, 2048, 1024 }.Distinct();

    private static (GptCopy Used, GptCopy? Primary, GptCopy? Backup)? Find(BlockDevice disk)
    {
        foreach (var size in SectorSizes(disk))
        {
            if (GptCopy.TryRead(disk, size, 1) is { IsSound: true } primary)
                return (primary, primary, GptCopy.TryRead(disk, size, AlternateOf(primary)));
        }
        foreach (var size in SectorSizes(disk))
        {
            var primary = GptCopy.TryRead(disk, size, 1);
            var backup = GptCopy.TryRead(disk, size, (disk.Length / size) - 1);
            if (backup is not { IsSound: true } && primary is { HeaderIsSound: true })
                backup = GptCopy.TryRead(disk, size, AlternateOf(primary));
            if (backup is { IsSound: true, HeaderSector: > 1 })
                return (backup, primary, backup);
        }
        return null;
    }

    private static long AlternateOf(GptCopy copy) => (long)Math.Min((ulong)copy.Header.AlternateSector, long.MaxValue);

    private static PartitionTable Make(BlockDevice disk, byte[] mbrSector, GptCopy used, GptCopy? primary, GptCopy? backup, FindingLog log)
    {
        var size = used.SectorSize;
        var deviceSectors = disk.Length / size;
        if (size != disk.SectorSize)
            log.Add("GPT-0011", Severity.Warning, "GptHeader", used.HeaderSector * size, $"the table counts in sectors of {size} bytes, the device has {disk.SectorSize}; Linux would not see it");
        CheckCopies(used, primary, backup, deviceSectors, log);
        CheckProtectiveMbr(mbrSector, deviceSectors, log);

        ref readonly var header = ref used.Header;
        var partitions = ReadEntries(disk, used, log);
        CommonRules.NoOverlap(partitions, "GPT-0015", log);
        CommonRules.EndWithinDevice(partitions, disk.Length, "GPT-0014", log);
        foreach (var twins in partitions.GroupBy(p => p.UniqueId).Where(g => g.Skip(1).Any()))
        {
            log.Add("GPT-0016", Severity.Warning, $"partition {twins.Last().Number}", used.HeaderSector * size,
                $"the unique GUID {twins.Key} is also that of partition {twins.First().Number}");
        }
        var usableStart = (long)(ulong)header.FirstUsableSector * size;
        var usableEnd = Math.Min(((long)(ulong)header.LastUsableSector + 1) * size, Gaps.AlignDown(disk.Length, size));
        var layout = new GptLayout
        {
            SectorSize = size,
            Used = used,
            BackupSector = used == primary ? AlternateOf(used) : used.HeaderSector,
            PrimaryEntriesSector = primary is { HeaderIsSound: true } && Fits(primary, used) ? (long)(ulong)primary.Header.EntriesSector : null,
            BackupEntriesSector = backup is { HeaderIsSound: true } && Fits(backup, used) ? (long)(ulong)backup.Header.EntriesSector : null,
        };
        return new PartitionTable(disk, layout)
        {
            Scheme = PartitionScheme.Gpt,
            SectorSize = size,
            DiskId = header.DiskGuid,
            Partitions = partitions,
            Findings = log.Report.Findings,
            UsableRange = new ByteRange(usableStart, Math.Max(0, usableEnd - usableStart)),
        };
    }

    private static void CheckCopies(GptCopy used, GptCopy? primary, GptCopy? backup, long deviceSectors, FindingLog log)
    {
        ReportCopy(primary, "primary", "GPT-0002", "GPT-0003");
        ReportCopy(backup, "backup", "GPT-0004", "GPT-0005");
        if (backup is null)
        {
            log.Add("GPT-0004", Severity.Error, "GptHeader.alternateSector", (used.HeaderSector * used.SectorSize) + 0x20,
                $"found {(ulong)used.Header.AlternateSector}, expected the backup header within the device's {deviceSectors} sectors; the image was cut, or never complete");
        }
        else if (backup.HeaderSector != deviceSectors - 1)
        {
            log.Add("GPT-0007", Severity.Warning, "GptHeader.alternateSector", (used.HeaderSector * used.SectorSize) + 0x20,
                $"found the backup header in sector {backup.HeaderSector}, expected the last, {deviceSectors - 1}; the disk was enlarged");
        }
        if (used.Header.Revision != GptHeader.Revision1)
            log.Add("GPT-0018", Severity.Warning, "GptHeader.revision", (used.HeaderSector * used.SectorSize) + 0x08, $"found 0x{(uint)used.Header.Revision:X8}, expected 0x00010000");
        if (primary is { IsSound: true } && backup is { IsSound: true } && !Agree(primary, backup))
            log.Add("GPT-0006", Severity.Error, "GptHeader", backup.HeaderSector * backup.SectorSize, "the backup copy differs from the primary one, which is the one used");

        void ReportCopy(GptCopy? copy, string which, string headerCode, string entriesCode)
        {
            foreach (var problem in copy?.HeaderProblems ?? [])
                log.Add(headerCode, Severity.Error, problem.Structure, problem.Offset, $"{which} header: {problem.Text}");
            foreach (var problem in copy?.EntriesProblems ?? [])
                log.Add(entriesCode, Severity.Error, problem.Structure, problem.Offset, $"{which} entry array: {problem.Text}");
        }
    }

    private static bool Fits(GptCopy copy, GptCopy used) => copy.Entries.Length == used.Entries.Length;

    private static bool Agree(GptCopy a, GptCopy b) =>
        (Guid)a.Header.DiskGuid == b.Header.DiskGuid
        && a.Header.FirstUsableSector == (ulong)b.Header.FirstUsableSector
        && a.Header.LastUsableSector == (ulong)b.Header.LastUsableSector
        && a.Header.AlternateSector == (ulong)b.Header.MySector
        && b.Header.AlternateSector == (ulong)a.Header.MySector
        && a.EntrySize == b.EntrySize && a.Entries.AsSpan().SequenceEqual(b.Entries);

    private static void CheckProtectiveMbr(byte[] mbrSector, long deviceSectors, FindingLog log)
    {
        ref readonly var mbr = ref Primitives.OnDisk.View<MbrSector>(mbrSector);
        int protective = 0, others = 0;
        for (var i = 0; i < 4; i++)
        {
            ref readonly var entry = ref mbr.Entries[i];
            if (entry.IsUnused)
                continue;
            if (entry.Type != MbrEntry.Protective)
            {
                others++;
                continue;
            }
            protective++;
            var wanted = (uint)Math.Min(deviceSectors - 1, uint.MaxValue);
            if (protective == 1 && (entry.StartSector != 1 || (entry.SectorCount != wanted && entry.SectorCount != uint.MaxValue && others == 0 && !IsHybrid(mbr))))
            {
                log.Add("GPT-0010", Severity.Warning, $"MbrEntry[{i}]", MbrSector.EntriesOffset + (i * MbrEntry.Size),
                    $"the protective partition has {(uint)entry.SectorCount} sectors from {(uint)entry.StartSector}, expected {wanted} from 1");
            }
        }
        if (mbr.Signature != MbrSector.ValidSignature || protective == 0)
            log.Add("GPT-0008", Severity.Warning, "MbrSector", 0, "no protective partition of type 0xEE; other systems see an empty disk or another table");
        else if (others > 0)
            log.Add("GPT-0009", Severity.Note, "MbrSector.entries", MbrSector.EntriesOffset, $"a hybrid MBR: {others} partition(s) beside the protective one");
    }

    private static bool IsHybrid(in MbrSector mbr)
    {
        for (var i = 0; i < 4; i++)
        {
            if (mbr.Entries[i] is { IsUnused: false, Type: not MbrEntry.Protective })
                return true;
        }
        return false;
    }

    private static List<Partition> ReadEntries(BlockDevice disk, GptCopy copy, FindingLog log)
    {
        var partitions = new List<Partition>();
        ref readonly var header = ref copy.Header;
        var arrayOffset = (long)(ulong)header.EntriesSector * copy.SectorSize;
        for (var i = 0; i < (int)(uint)header.EntryCount; i++)
        {
            ref readonly var entry = ref Primitives.OnDisk.View<GptEntry>(copy.Entries, i * copy.EntrySize);
            if ((Guid)entry.Type == Guid.Empty)
                continue;
            ulong first = entry.FirstSector, last = entry.LastSector;
            var at = arrayOffset + ((long)i * copy.EntrySize);
            if (first > last || last >= (ulong)(long.MaxValue / copy.SectorSize))
            {
                log.Add("GPT-0012", Severity.Error, $"GptEntry[{i}].firstSector", at + 0x20, $"found sectors {first}..{last}, expected an ascending range; the entry is left out");
                continue;
            }
            if (first < header.FirstUsableSector || last > header.LastUsableSector)
            {
                log.Add("GPT-0013", Severity.Error, $"GptEntry[{i}].firstSector", at + 0x20,
                    $"found sectors {first}..{last}, expected them within the usable {(ulong)header.FirstUsableSector}..{(ulong)header.LastUsableSector}");
            }
            if ((Guid)entry.UniqueId == Guid.Empty)
                log.Add("GPT-0017", Severity.Warning, $"GptEntry[{i}].uniqueId", at + 0x10, "found zeros, expected a GUID of its own");
            partitions.Add(new Partition
            {
                Number = i + 1,
                Start = (long)first * copy.SectorSize,
                Length = (long)(last - first + 1) * copy.SectorSize,
                Type = PartitionType.FromGuid(entry.Type),
                Name = ReadName(entry.Name),
                Flags = (PartitionFlags)(ulong)entry.Attributes,
                UniqueId = entry.UniqueId,
                Disk = disk,
            });
        }
        return partitions;
    }

    /// <summary>Up to the first zero unit: some tools leave garbage behind it.</summary>
    private static string ReadName(in GptName name)
    {
        Span<char> units = stackalloc char[GptEntry.NameUnits];
        ReadOnlySpan<byte> bytes = name;
        for (var i = 0; i < units.Length; i++)
            units[i] = (char)(bytes[2 * i] | (bytes[(2 * i) + 1] << 8));
        var end = units.IndexOf('\0');
        return units[..(end < 0 ? units.Length : end)].ToString();
    }
}
