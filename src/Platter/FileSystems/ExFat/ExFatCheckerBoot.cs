using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>The rules for the boot regions, the volume's flags and the head of the FAT.</summary>
internal static class ExFatCheckerBoot
{
    private const uint FatMedia = 0xFFFFFFF8, FatReserved = 0xFFFFFFFF;

    private const ExFatVolumeFlags KnownFlags =
        ExFatVolumeFlags.ActiveFat | ExFatVolumeFlags.VolumeDirty | ExFatVolumeFlags.MediaFailure | ExFatVolumeFlags.ClearToZero;

    /// <summary>Reads the geometry; every rule that the main region breaks is a finding, and the backup stands in for it.</summary>
    /// <returns>Null when neither can be used: there is nothing more to check.</returns>
    public static ExFatGeometry? ReadGeometry(BlockDevice device, CheckReport report)
    {
        try
        {
            var main = ExFatBootRegion.Read(device, 0);
            foreach (var problem in main.Problems)
                report.Add(problem);
            if (main.Geometry is null && ExFatBootRegion.FindBackup(device) is null)
                return null;
            var geometry = ExFatGeometry.Read(device);
            foreach (var remark in geometry.Remarks)
                report.Add(remark);
            return geometry;
        }
        catch (UnsupportedFeatureException e)
        {
            // No other version was ever made, so it is more likely damage than progress.
            report.Add("EXF-0033", Severity.Error, "BootRegion.revision", 0x68, e.Message);
            return null;
        }
    }

    /// <summary>The rules that need no walk.</summary>
    public static void Check(BlockDevice device, ExFatGeometry geometry, ExFatTable fat, CheckReport report)
    {
        if (!geometry.IsFromBackup)
            CheckBackup(device, geometry, report);
        if (geometry.Flags.HasFlag(ExFatVolumeFlags.VolumeDirty))
            report.Add("EXF-0025", Severity.Warning, "BootRegion.volumeFlags", 0x6A, "the dirty bit is set: the volume was not unmounted properly");
        if (geometry.Flags.HasFlag(ExFatVolumeFlags.MediaFailure))
            report.Add("EXF-0026", Severity.Warning, "BootRegion.volumeFlags", 0x6A, "the medium failed when it was last used");
        if (geometry.Flags.HasFlag(ExFatVolumeFlags.ClearToZero) || (geometry.Flags & ~KnownFlags) != 0)
            report.Add("EXF-0028", Severity.Note, "BootRegion.volumeFlags", 0x6A, $"has bits set that mean nothing: {(int)geometry.Flags:X4}");
        var offset = geometry.FatOffset(geometry.ActiveFat);
        if (fat[0] != FatMedia)
            report.Add("EXF-0030", Severity.Warning, "Fat[0]", offset, $"found {fat[0]:X8}, expected {FatMedia:X8}");
        if (fat[1] != FatReserved)
            report.Add("EXF-0031", Severity.Warning, "Fat[1]", offset + 4, $"found {fat[1]:X8}, expected {FatReserved:X8}");
    }

    /// <summary>PercentInUse, against what the bitmap has.</summary>
    public static void CheckPercent(ExFatGeometry geometry, Bitmap marked, CheckReport report)
    {
        // Not known is legal, mkfs.exfat and Linux leave it at 0, and nobody keeps the one in the backup up to date.
        if (geometry.IsFromBackup)
            return;
        var percent = marked.CountSet() * 100 / geometry.ClusterCount;
        if (geometry.PercentInUse <= 100 && geometry.PercentInUse != percent)
            report.Add("EXF-0027", Severity.Note, "BootRegion.percentInUse", 0x70, $"found {geometry.PercentInUse}, expected {percent} (or 255: not known)");
    }

    /// <summary>TexFAT: the FAT that is not in use, against the other. They differ while a transaction is under way.</summary>
    public static void CompareFats(BlockDevice device, ExFatGeometry geometry, CheckReport report, CheckOptions options)
    {
        if (geometry.FatCount < 2)
            return;
        var one = new byte[1 << 16];
        var other = new byte[1 << 16];
        var used = 4 * (geometry.ClusterCount + 2L);
        for (var at = 0L; at < used; at += one.Length)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            var length = (int)Math.Min(one.Length, used - at);
            device.Read(geometry.FatOffset(0) + at, one.AsSpan(0, length));
            device.Read(geometry.FatOffset(1) + at, other.AsSpan(0, length));
            var same = one.AsSpan(0, length).CommonPrefixLength(other.AsSpan(0, length));
            if (same == length)
                continue;
            report.Add("EXF-0032", Severity.Note, "Fat 1", geometry.FatOffset(1) + at + same, $"differs from FAT 0, first at cluster {(at + same) / 4}; {geometry.ActiveFat} is in use");
            return;
        }
    }

    private static void CheckBackup(BlockDevice device, ExFatGeometry geometry, CheckReport report)
    {
        var main = ExFatBootRegion.Read(device, 0);
        ExFatBootRegion backup;
        try
        {
            backup = ExFatBootRegion.Read(device, geometry.BootRegionOffset(1));
        }
        catch (UnsupportedFeatureException e)
        {
            report.Add("EXF-0023", Severity.Warning, "BackupBootRegion.revision", geometry.BootRegionOffset(1) + 0x68, e.Message);
            return;
        }
        if (backup.Geometry is null)
        {
            var problem = backup.Problems[0];
            report.Add("EXF-0023", Severity.Warning, problem.Structure, problem.Offset, "the backup could not stand in for the main boot region: " + problem.Message);
            return;
        }

        // Flags and percentage change in the main one alone.
        Ignore(main.Bytes);
        Ignore(backup.Bytes);
        var same = main.Bytes.AsSpan().CommonPrefixLength(backup.Bytes);
        if (same < main.Bytes.Length)
            report.Add("EXF-0024", Severity.Warning, "BackupBootRegion", backup.Offset + same, $"differs from the main boot region, first at byte 0x{same:X}");
    }

    private static void Ignore(byte[] region)
    {
        ref var boot = ref OnDisk.Edit<ExFatBootSector>(region);
        boot.VolumeFlags.Flags = ExFatVolumeFlags.None;
        boot.PercentInUse = 0;
    }
}
