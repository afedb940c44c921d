using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at the boot sector and at its copy behind the last sector that it counts.</summary>
internal static class NtfsCheckerBoot
{
    private const string Copy = "BootSector copy";

    /// <summary>Reports what is wrong.</summary>
    /// <returns>The geometry by the one that can be used, or null.</returns>
    public static NtfsGeometry? Check(BlockDevice device, CheckReport report)
    {
        if (device.Length < NtfsBootSector.Size)
        {
            report.Add("NTFS-0001", Severity.Error, "BootSector", 0, $"the device ends at {device.Length} bytes, expected a boot sector");
            return null;
        }
        var problems = new List<Finding>();
        var geometry = NtfsGeometry.TryRead(device, 0, problems);
        foreach (var problem in problems)
            report.Add(problem);
        if (geometry is not null)
        {
            CheckCopy(device, geometry, report);
        }
        else
        {
            geometry = NtfsGeometry.FindCopy(device);
            if (geometry is not null)
                report.Add("NTFS-0009", Severity.Error, "BootSector", 0, $"cannot be used; its copy at byte {geometry.BootOffset} stands in for it");
        }
        foreach (var remark in geometry?.Remarks ?? [])
            report.Add(remark);
        return geometry;
    }

    private static void CheckCopy(BlockDevice device, NtfsGeometry geometry, CheckReport report)
    {
        if (device.Length < geometry.Length)
        {
            report.Add("NTFS-0014", Severity.Error, "BootSector.totalSectors", 0x28, $"the volume has {geometry.Length} bytes, the device ends at {device.Length}: the image was cut");
            return;
        }
        if (device.Length < geometry.Length + Math.Max(geometry.SectorSize, NtfsBootSector.Size))
        {
            report.Add("NTFS-0012", Severity.Error, Copy, geometry.Length, "lies behind the end of the device");
            return;
        }
        var sector = new byte[NtfsBootSector.Size];
        var copy = new byte[NtfsBootSector.Size];
        device.Read(0, sector);
        device.Read(geometry.Length, copy);
        var problems = new List<Finding>();
        if (NtfsGeometry.TryParse(copy, geometry.Length, problems) is null)
        {
            report.Add("NTFS-0012", Severity.Error, Copy, geometry.Length, $"cannot be used: {problems[0].Structure}: {problems[0].Message}");
            return;
        }
        var same = sector.AsSpan().CommonPrefixLength(copy);
        if (same < sector.Length)
            report.Add("NTFS-0013", Severity.Warning, Copy, geometry.Length + same, $"differs from the boot sector from byte 0x{same:X} on");
    }
}
