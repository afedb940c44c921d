using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>The rules for boot sector, backup, information sector and the head of the FAT.</summary>
internal static class FatCheckerBoot
{
    /// <summary>Reads the geometry; a broken boot sector is a finding, and the backup of FAT32 stands in for it.</summary>
    /// <returns>Null when neither can be used: there is nothing more to check.</returns>
    public static FatGeometry? ReadGeometry(BlockDevice device, CheckReport report)
    {
        try
        {
            return FatGeometry.Read(device);
        }
        catch (DiskFormatException e)
        {
            report.Add(e.Code, Severity.Error, e.Structure, e.Offset, e.Problem);
        }
        catch (UnsupportedFeatureException e)
        {
            // No other version was ever made, so it is more likely damage than progress.
            report.Add("FAT-0119", Severity.Error, "BootSector.version", 0x2A, e.Message);
        }

        // Sector 6 by the specification; the size of a sector is among what can no longer be read.
        for (var sectorSize = 512; sectorSize <= 4096; sectorSize *= 2)
        {
            if (TryReadBackup(device, 6L * sectorSize) is { Width: FatWidth.Fat32 } geometry && geometry.BytesPerSector == sectorSize)
            {
                report.Add("FAT-0101", Severity.Error, "BootSector", 0, $"cannot be used; its backup at 0x{6 * sectorSize:X} is whole, the check goes on with that");
                return geometry;
            }
        }
        return null;
    }

    /// <summary>The rules that need no walk.</summary>
    public static void Check(BlockDevice device, FatGeometry geometry, FatTable table, CheckReport report)
    {
        foreach (var remark in geometry.Remarks)
            report.Add(remark);
        if (geometry.Width == FatWidth.Fat32)
        {
            if (geometry.ClusterCount < 65525)
                report.Add("FAT-0114", Severity.Note, "BootSector", 0x24, $"FAT32 with {geometry.ClusterCount} clusters, expected 65525 or more: some drivers take it for FAT16");
            CheckBackup(device, geometry, report);
        }
        if (geometry.State.HasFlag(FatStateFlags.Dirty))
            report.Add("FAT-0109", Severity.Warning, "BootSector.state", geometry.ExtendedRecordOffset + 1, "the dirty bit is set: the volume was not unmounted properly");
        if (geometry.State.HasFlag(FatStateFlags.SurfaceTest))
            report.Add("FAT-0118", Severity.Note, "BootSector.state", geometry.ExtendedRecordOffset + 1, "a surface test is asked for");
        CheckHead(geometry, table, report);
    }

    /// <summary>The counts of the information sector, against what the FAT has.</summary>
    public static void CheckInformation(BlockDevice device, FatGeometry geometry, long free, CheckReport report)
    {
        if (geometry.Width != FatWidth.Fat32)
            return;
        if (geometry.InfoSector == 0)
        {
            report.Add("FAT-0108", Severity.Note, "BootSector.infoSector", 0x30, "there is no information sector");
            return;
        }
        var offset = (long)geometry.InfoSector * geometry.BytesPerSector;
        var sector = new byte[512];
        device.Read(offset, sector);
        ref readonly var info = ref OnDisk.View<FatInfoSector>(sector);
        if (info.Lead != FatInfoSector.LeadValue || info.Structure != FatInfoSector.StructureValue || info.Trail != FatInfoSector.TrailValue)
        {
            report.Add("FAT-0104", Severity.Warning, "InfoSector.signature", offset,
                $"found {(uint)info.Lead:X8} {(uint)info.Structure:X8} {(uint)info.Trail:X8}, expected {FatInfoSector.LeadValue:X8} {FatInfoSector.StructureValue:X8} {FatInfoSector.TrailValue:X8}");
            return;
        }
        if (info.FreeClusters == FatInfoSector.Unknown)
            report.Add("FAT-0106", Severity.Note, "InfoSector.freeClusters", offset + 0x1E8, $"not known, expected {free}");
        else if (info.FreeClusters != free)
            report.Add("FAT-0105", Severity.Warning, "InfoSector.freeClusters", offset + 0x1E8, $"found {(uint)info.FreeClusters}, expected {free}");
        if (info.NextFree != FatInfoSector.Unknown && !geometry.IsCluster(info.NextFree))
            report.Add("FAT-0107", Severity.Note, "InfoSector.nextFree", offset + 0x1EC, $"found {(uint)info.NextFree}, expected 2..{geometry.LastCluster}");
    }

    private static FatGeometry? TryReadBackup(BlockDevice device, long offset)
    {
        if (offset + 512 > device.Length)
            return null;
        try
        {
            return FatGeometry.Read(device, offset);
        }
        catch (DiskFormatException)
        {
            return null;
        }
        catch (UnsupportedFeatureException)
        {
            return null;
        }
    }

    private static void CheckBackup(BlockDevice device, FatGeometry geometry, CheckReport report)
    {
        if (geometry.BackupBootSector == 0)
        {
            report.Add("FAT-0103", Severity.Note, "BootSector.backupBootSector", 0x32, "there is no backup boot sector");
            return;
        }
        var offset = (long)geometry.BackupBootSector * geometry.BytesPerSector;
        var main = new byte[512];
        var backup = new byte[512];
        device.Read(0, main);
        device.Read(offset, backup);

        // The state byte is written on mounting, and only in the main one.
        main[0x41] = backup[0x41];
        var same = main.AsSpan().CommonPrefixLength(backup);
        if (same == main.Length)
            return;

        // Only a backup that describes another layout would do harm when it is used; labels and boot code differ often.
        var layout = main.AsSpan(0x0B, 0x0D).SequenceEqual(backup.AsSpan(0x0B, 0x0D)) && main.AsSpan(0x20, 0x14).SequenceEqual(backup.AsSpan(0x20, 0x14));
        report.Add("FAT-0102", layout ? Severity.Note : Severity.Warning, "BackupBootSector", offset + same, $"differs from the boot sector, first at byte 0x{same:X}: found {backup[same]:X2}, expected {main[same]:X2}");
    }

    // Entry 0 repeats the media byte below ones; entry 1 is an end mark, with the two state bits of FAT16 and FAT32 in it.
    private static void CheckHead(FatGeometry geometry, FatTable table, CheckReport report)
    {
        var offset = geometry.FatOffset(geometry.ActiveFat);
        var media = table[0] & 0xFF;
        var bits = geometry.Width == FatWidth.Fat32 ? 28 : (int)geometry.Width;
        var ones = (1u << bits) - 1;
        if ((table[0] & ones) != (ones & ~0xFFu | geometry.Media))
        {
            // Formatters of floppies and cameras put another media byte here than in the boot sector; nobody minds.
            var severity = (table[0] & ones & ~0xFFu) == (ones & ~0xFFu) && media >= 0xF0 ? Severity.Note : Severity.Error;
            report.Add("FAT-0112", severity, "Fat[0]", offset, $"found {table[0] & ones:X}, expected {ones & ~0xFFu | geometry.Media:X}");
        }
        if (geometry.Width == FatWidth.Fat12)
            return;
        uint clean = 1u << (bits - 1), noErrors = 1u << (bits - 2);
        var state = table[1] & ones;
        if ((state & clean) == 0)
            report.Add("FAT-0110", Severity.Warning, "Fat[1]", offset + bits / 8, "the clean bit is not set: the volume was not unmounted properly");
        if ((state & noErrors) == 0)
            report.Add("FAT-0111", Severity.Warning, "Fat[1]", offset + bits / 8, "the error bit says that the disk failed when it was last used");
    }
}
