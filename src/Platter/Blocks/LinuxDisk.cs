using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Platter.Blocks;

/// <summary>A block device of Linux, through its page cache: no alignment needed.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class LinuxDisk : HostDiskMedium
{
    // linux/fs.h, as every architecture has them that .NET runs on but ppc64le
    private const nuint GetSize64 = 0x8008_1272, GetSectorSize = 0x1268, ZeroOut = 0x127F;
    private const int ReadWrite = 2, Exclusive = 0x80, CloseOnExec = 0x8_0000;      // O_RDWR, O_EXCL, O_CLOEXEC
    private const int LockShared = 1, LockExclusive = 2, LockNonBlocking = 4;       // flock(2)
    private const int MomentsToWait = 10, MomentMilliseconds = 20;

    private LinuxDisk(SafeFileHandle handle, string path, long length, int sectorSize) : base(handle, path, length, sectorSize)
    {
    }

    internal override int Alignment => 1;

    internal static unsafe LinuxDisk Open(string path, bool write, bool force)
    {
        // On a block device O_EXCL fails while the kernel itself uses it or a part of it, and keeps it from doing so later.
        var descriptor = TryOpen(path, write, force, out var error);
        // What nothing is known to use may be held for a moment: by udev's probing after somebody wrote, or by a process that is just being
        // started and has not let go of what it inherited.
        for (var waited = 0; error == LinuxFile.Busy && waited < MomentsToWait && HostDisks.Uses(path).Count == 0; waited++)
        {
            Thread.Sleep(MomentMilliseconds);
            descriptor = TryOpen(path, write, force, out error);
        }
        if (error != 0)
        {
            throw error switch
            {
                LinuxFile.Busy => new InUseException($"{path} is in use{string.Concat(HostDisks.Uses(path).Select(u => ": " + u))}"),
                LinuxFile.NoSuchEntry => new FileNotFoundException($"no such disk: {path}", path),
                1 or 13 or 30 => new UnauthorizedAccessException($"{Marshal.GetPInvokeErrorMessage(error)}: {path}"),   // EPERM, EACCES, EROFS
                _ => HostErrors.FromNumber(path, error),
            };
        }
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            // Seen by udev, which keeps its hands off, and by other processes of this program.
            if (flock(handle, (write ? LockExclusive : LockShared) | LockNonBlocking) != 0 && Marshal.GetLastPInvokeError() == LinuxFile.Again)
                throw new InUseException($"{path} is in use{LockHolders.Describe(path)}");
            ulong length = 0;
            var sectorSize = 0;
            if (ioctl(handle, GetSize64, &length) != 0 || ioctl(handle, GetSectorSize, &sectorSize) != 0)
                throw HostErrors.Last(path);
            return new LinuxDisk(handle, path, (long)length, sectorSize);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static int TryOpen(string path, bool write, bool force, out int error)
    {
        var descriptor = open(path, CloseOnExec | (write ? ReadWrite | (force ? 0 : Exclusive) : 0));
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor;
    }

    internal override void Flush()
    {
        if (LinuxFile.SyncData(Handle) is > 0 and var error)
            throw HostErrors.FromNumber(Path, error);
    }

    internal override unsafe bool TryWriteZeros(long offset, long length)
    {
        var range = stackalloc ulong[] { (ulong)offset, (ulong)length };
        return ioctl(Handle, ZeroOut, range) == 0;
    }

    [LibraryImport(LinuxFile.Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport(LinuxFile.Library, SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);

    [LibraryImport(LinuxFile.Library, SetLastError = true)]
    private static unsafe partial int ioctl(SafeFileHandle file, nuint request, void* argument);
}
