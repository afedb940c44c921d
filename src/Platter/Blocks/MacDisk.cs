using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Platter.Blocks;

/// <summary>A disk of macOS, as <c>/dev/diskN</c> or, uncached and several times faster, <c>/dev/rdiskN</c>: whole sectors only.</summary>
[SupportedOSPlatform("macos")]
internal sealed partial class MacDisk : HostDiskMedium
{
    // sys/disk.h: _IOR('d', 24, uint32_t), _IOR('d', 25, uint64_t)
    private const nuint GetBlockSize = 0x4004_6418, GetBlockCount = 0x4008_6419;

    // sys/mount.h, struct statfs with 64-bit inodes: 2168 bytes, f_mntonname at 88 and f_mntfromname at 1112, 1024 bytes each
    private const int StatusSize = 2168, MountedOn = 88, MountedFrom = 1112, NameSize = 1024, NoWait = 2;

    private MacDisk(SafeFileHandle handle, string path, long length, int sectorSize) : base(handle, path, length, sectorSize)
    {
    }

    internal static bool IsDisk(string path) =>
        path.StartsWith("/dev/disk", StringComparison.Ordinal) || path.StartsWith("/dev/rdisk", StringComparison.Ordinal);

    internal static unsafe MacDisk Open(string path, bool write)
    {
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, write ? FileAccess.ReadWrite : FileAccess.Read, write ? FileShare.None : FileShare.Read);
        }
        catch (IOException e) when (HostErrors.IsLocked(e) || e.HResult == LinuxFile.Busy)
        {
            throw new InUseException($"{path} is in use");
        }
        try
        {
            uint size = 0;
            ulong count = 0;
            if (Control(handle, GetBlockSize, &size) != 0 || Control(handle, GetBlockCount, &count) != 0)
                throw HostErrors.Last(path);
            return new MacDisk(handle, path, checked((long)count * size), (int)size);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Where the disk or parts of it are mounted: <c>/dev/disk2s1 mounted on /Volumes/STICK</c>.</summary>
    internal static unsafe List<string> Mounts(string path)
    {
        var disk = path.Replace("/dev/rdisk", "/dev/disk", StringComparison.Ordinal);
        var count = GetMounts(null, 0);
        if (count <= 0)
            return [];
        var bytes = new byte[(count + 8) * StatusSize];     // some more may come meanwhile
        fixed (byte* p = bytes)
            count = GetMounts(p, bytes.Length);
        var found = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var from = Text(bytes, i * StatusSize + MountedFrom);
            // /dev/disk2s1 is a part of /dev/disk2, /dev/disk21 is not.
            if (from == disk || (from.StartsWith(disk + "s", StringComparison.Ordinal) && from.Length > disk.Length + 1))
                found.Add($"{from} mounted on {Text(bytes, i * StatusSize + MountedOn)}");
        }
        return found;
    }

    private static string Text(byte[] bytes, int offset)
    {
        var name = bytes.AsSpan(offset, NameSize);
        return Encoding.UTF8.GetString(name[..Math.Max(0, name.IndexOf((byte)0))]);
    }

    // ioctl is variadic, and on Apple's arm64 variadic arguments go on the stack: the six in between fill the registers.
    private static unsafe int Control(SafeFileHandle file, nuint request, void* argument) =>
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64
            ? ioctl_arm64(file, request, 0, 0, 0, 0, 0, 0, argument)
            : ioctl(file, request, argument);

    private static unsafe int GetMounts(byte* buffer, int size) =>
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? getfsstat(buffer, size, NoWait) : getfsstat_x64(buffer, size, NoWait);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int ioctl(SafeFileHandle file, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static unsafe partial int ioctl_arm64(SafeFileHandle file, nuint request, nint r2, nint r3, nint r4, nint r5, nint r6, nint r7, void* argument);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int getfsstat(byte* buffer, int size, int mode);

    [LibraryImport("libc", EntryPoint = "getfsstat$INODE64", SetLastError = true)]
    private static unsafe partial int getfsstat_x64(byte* buffer, int size, int mode);
}
