namespace Platter.Blocks;

/// <summary>A partition as the host's system sees it.</summary>
/// <param name="Path">The device: <c>/dev/sdb1</c>.</param>
/// <param name="Number">Counted from 1.</param>
/// <param name="Offset">Bytes from the start of the disk.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Uses">What uses it, in words: <c>mounted on /boot</c>.</param>
public sealed record HostPartition(string Path, int Number, long Offset, long Length, IReadOnlyList<string> Uses);

/// <summary>A disk as the host's system sees it.</summary>
/// <param name="Path">The device: <c>/dev/sdb</c>.</param>
/// <param name="Length">Bytes; 0 when no medium is in it.</param>
/// <param name="SectorSize">Bytes in a logical sector.</param>
/// <param name="Model">The maker's name for it, or for a loop device the file behind it; null when not known.</param>
/// <param name="IsRemovable">Whether the medium can be taken out (or, for many sticks, the whole).</param>
/// <param name="IsReadOnly">Whether the system refuses to write to it.</param>
/// <param name="Uses">What uses the disk as a whole.</param>
/// <param name="Partitions">In the order of their numbers.</param>
public sealed record HostDiskInfo(
    string Path, long Length, int SectorSize, string? Model, bool IsRemovable, bool IsReadOnly,
    IReadOnlyList<string> Uses, IReadOnlyList<HostPartition> Partitions);

/// <summary>The disks of this computer.</summary>
public static class HostDisks
{
    /// <summary>All disks with a medium, in the order of their names. Needs no rights on Linux; elsewhere only those show that may be opened.</summary>
    public static IReadOnlyList<HostDiskInfo> List()
    {
        if (OperatingSystem.IsLinux())
            return LinuxDisks.List();
        var names = OperatingSystem.IsWindows()
            ? Enumerable.Range(0, 32).Select(n => $@"\\.\PhysicalDrive{n}")
            : OperatingSystem.IsMacOS() ? Directory.EnumerateFiles("/dev", "rdisk*").Where(n => !n.AsSpan("/dev/rdisk".Length).Contains('s')) : [];
        return [.. names.Select(TryLook).OfType<HostDiskInfo>()];
    }

    /// <summary>What uses a disk or any part of it, in words; empty when nothing does.</summary>
    public static IReadOnlyList<string> Uses(string path)
    {
        if (OperatingSystem.IsLinux())
            return LinuxDisks.Uses(path);
        if (OperatingSystem.IsWindows())
            return WindowsDisk.Mounts(path);
        return OperatingSystem.IsMacOS() ? MacDisk.Mounts(path) : [];
    }

    private static HostDiskInfo? TryLook(string path)
    {
        try
        {
            using var disk = HostDisk.Open(path, FileAccess.Read);
            return new HostDiskInfo(path, disk.Length, disk.SectorSize, null, false, false, Uses(path), []);
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}
