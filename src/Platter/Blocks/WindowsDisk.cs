using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Platter.Blocks;

/// <summary>A disk of Windows, <c>\\.\PhysicalDriveN</c>, or a volume, <c>\\.\X:</c>: whole sectors only.</summary>
/// <remarks>Windows lets a program write to a disk only where no volume lies, or to volumes that it has locked; so, when told to write though
/// volumes are there, they are locked and dismounted for as long as the disk is open.</remarks>
[SupportedOSPlatform("windows")]
internal sealed partial class WindowsDisk : HostDiskMedium
{
    // winioctl.h
    private const uint GetLengthInfo = 0x0007_405C, GetDriveGeometry = 0x0007_0000, GetVolumeExtents = 0x0056_0000;
    private const uint LockVolume = 0x0009_0018, DismountVolume = 0x0009_0020;
    private const string DrivePrefix = @"\\.\PhysicalDrive";

    private readonly List<SafeFileHandle> _volumes;

    private WindowsDisk(SafeFileHandle handle, List<SafeFileHandle> volumes, string path, long length, int sectorSize) : base(handle, path, length, sectorSize) =>
        _volumes = volumes;

    internal static bool IsDisk(string path) =>
        path.StartsWith(DrivePrefix, StringComparison.OrdinalIgnoreCase) || (path.Length == 6 && path.StartsWith(@"\\.\", StringComparison.Ordinal) && path[5] == ':');

    internal static unsafe WindowsDisk Open(string path, bool write, bool force)
    {
        var volumes = new List<SafeFileHandle>();
        SafeFileHandle? handle = null;
        try
        {
            if (write && force)
                LockVolumes(path, volumes);
            handle = File.OpenHandle(path, FileMode.Open, write ? FileAccess.ReadWrite : FileAccess.Read, FileShare.ReadWrite);
            long length;
            var geometry = stackalloc uint[6];      // DISK_GEOMETRY: cylinders (64 bits), media type, tracks, sectors, bytes per sector
            if (!DeviceIoControl(handle, GetLengthInfo, null, 0, &length, sizeof(long), out _, 0)
                || !DeviceIoControl(handle, GetDriveGeometry, null, 0, geometry, 6 * sizeof(uint), out _, 0))
            {
                throw HostErrors.Last(path);
            }
            return new WindowsDisk(handle, volumes, path, length, (int)geometry[5]);
        }
        catch
        {
            handle?.Dispose();
            volumes.ForEach(v => v.Dispose());
            throw;
        }
    }

    /// <summary>The volumes that lie on a disk and have a letter: <c>volume E: on it</c>.</summary>
    internal static List<string> Mounts(string path) => [.. VolumesOf(path).Select(v => $"volume {v} is mounted from it")];

    public override void Dispose()
    {
        base.Dispose();
        _volumes.ForEach(v => v.Dispose());     // closing unlocks, and Windows mounts them again at the next touch
    }

    private static unsafe void LockVolumes(string path, List<SafeFileHandle> volumes)
    {
        foreach (var name in VolumesOf(path))
        {
            var volume = File.OpenHandle(@"\\.\" + name, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            volumes.Add(volume);
            if (!DeviceIoControl(volume, LockVolume, null, 0, null, 0, out _, 0))
                throw new InUseException($"{path} is in use: files are open on volume {name}");
            DeviceIoControl(volume, DismountVolume, null, 0, null, 0, out _, 0);
        }
    }

    private static List<string> VolumesOf(string path)
    {
        var found = new List<string>();
        if (!path.StartsWith(DrivePrefix, StringComparison.OrdinalIgnoreCase) || !uint.TryParse(path[DrivePrefix.Length..], out var number))
            return path.Length == 6 ? [path[4..]] : found;
        foreach (var drive in Directory.GetLogicalDrives())
        {
            var name = drive[..2];
            if (LiesOn(name, number))
                found.Add(name);
        }
        return found;
    }

    // VOLUME_DISK_EXTENTS: a count (padded to 8 bytes), then 24 bytes each: disk number (padded), offset, length.
    private static unsafe bool LiesOn(string volume, uint disk)
    {
        const int MostExtents = 64;
        try
        {
            using var handle = File.OpenHandle(@"\\.\" + volume, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var extents = new byte[8 + MostExtents * 24];
            fixed (byte* p = extents)
            {
                if (!DeviceIoControl(handle, GetVolumeExtents, null, 0, p, (uint)extents.Length, out _, 0))
                    return false;
            }
            var count = Math.Min(MostExtents, BitConverter.ToInt32(extents));
            return Enumerable.Range(0, count).Any(i => BitConverter.ToUInt32(extents, 8 + i * 24) == disk);
        }
        catch (IOException)
        {
            return false;       // an empty drive, or a network one: nothing of the disk
        }
        catch (UnauthorizedAccessException)
        {
            return false;       // the same, as some drivers put it; opening the disk itself needs more rights than this
        }
    }

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static unsafe partial bool DeviceIoControl(
        SafeFileHandle device, uint code, void* input, uint inputSize, void* output, uint outputSize, out uint returned, nint overlapped);
}
