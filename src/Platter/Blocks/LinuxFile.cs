using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Platter.Primitives;

namespace Platter.Blocks;

/// <summary>The calls on files that Linux has and .NET does not offer. All are in glibc 2.28 and musl 1.2.</summary>
/// <remarks>Offsets are off_t, 64 bits on every 64-bit Linux.</remarks>
[SupportedOSPlatform("linux")]
internal static partial class LinuxFile
{
    /// <summary>The C library by its full name (musl takes it for its own): for any shorter one the linker is asked three times in vain at every start.</summary>
    internal const string Library = "libc.so.6";

    /// <summary>What statx(2) tells; the layout is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    internal struct Status
    {
        public uint Mask, BlockSize;            // 0x00
        public ulong Attributes;                // 0x08
        public uint LinkCount, Uid, Gid;        // 0x10
        public ushort Mode, Spare;              // 0x1C  type and permissions
        public ulong Inode, Size;               // 0x20
        public ulong Blocks;                    // 0x30  units of 512 bytes
        public ulong AttributesMask;            // 0x38
        public Time AccessTime, BirthTime, ChangeTime, ModifyTime;      // 0x40
        public uint NodeMajor, NodeMinor;       // 0x80  of the device that this node stands for
        public uint DeviceMajor, DeviceMinor;   // 0x88  of the device that holds the file

        public readonly FileType Type => (FileType)(Mode & 0xF000);
    }

    internal struct Time
    {
        public long Seconds;
        public uint Nanoseconds, Spare;
    }

    internal enum FileType : ushort { Fifo = 0x1000, Character = 0x2000, Directory = 0x4000, Block = 0x6000, Regular = 0x8000, Link = 0xA000, Socket = 0xC000 }

    internal enum Seek { Data = 3, Hole = 4 }       // lseek(2)

    internal const int NoSuchEntry = 2, Interrupted = 4, NoSuchRange = 6, Again = 11, Busy = 16, Invalid = 22, NoSpace = 28, ReadOnlyFileSystem = 30, NotSupported = 95;   // errno(3)

    private const int PunchHole = 3;                // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
    private const uint BasicStatus = 0x7FF;         // STATX_BASIC_STATS

    /// <summary>Opens a file and locks it as <see cref="HostFile"/> wants it. Null when anything is in the way: then .NET's own call finds
    /// out again what, and puts it into words.</summary>
    /// <exception cref="UnsupportedFeatureException">It is a pipe: bytes that come in their own order, once.</exception>
    /// <remarks>.NET makes its file handles by reflection, which costs 2 ms at the first file of every start.</remarks>
    internal static unsafe SafeFileHandle? TryOpen(string path, bool create, bool write, HostLock held)
    {
        // O_RDONLY or O_RDWR, O_CREAT | O_EXCL, O_CLOEXEC, and O_NONBLOCK, so that a pipe does not wait for who writes to it: the same numbers on all of
        // Linux's 64-bit architectures.
        int descriptor;
        fixed (byte* name = EscapedUtf8.Terminated(path))
            descriptor = open(name, (write ? 2 : 0) | (create ? 0xC0 : 0) | 0x80800, 0x1B6 /* 0666, less the umask */);
        if (descriptor < 0)
            return null;
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        // Nobody else can have opened what is new. Where there are no locks (some network filesystems), .NET knows what to do.
        var isLocked = flock(handle, (held == HostLock.Exclusive ? 2 : 1) | 4 /* LOCK_EX or LOCK_SH, LOCK_NB */) == 0;
        if (create)
            return handle;
        var isKnown = TryStatus(handle, out var status);
        if (isKnown && isLocked && status.Type is not (FileType.Directory or FileType.Fifo))
            return handle;
        handle.Dispose();
        return isKnown && status.Type == FileType.Fifo ? throw IsPipe(path) : null;
    }

    private static UnsupportedFeatureException IsPipe(string path) => new($"{path} is a pipe, and what is read and written in any order has to be a file");

    /// <summary>Removes a file; false when that did not work, and there is one.</summary>
    internal static unsafe bool TryRemove(string path)
    {
        fixed (byte* name = EscapedUtf8.Terminated(path))
            return unlink(name) == 0 || Marshal.GetLastPInvokeError() == NoSuchEntry;
    }

    /// <summary>Opens a file that is open for writing a second time, so that what is written there goes past the host's cache. Null where that can't be.</summary>
    internal static unsafe SafeFileHandle? TryOpenPastCache(SafeFileHandle file)
    {
        // O_DIRECT, one of the few flags whose number differs between architectures.
        var direct = RuntimeInformation.ProcessArchitecture switch { Architecture.X64 => 0x4000, Architecture.Arm64 => 0x10000, _ => 0 };
        if (direct == 0)
            return null;
        // By what is open, not by its name, which another file may have by now.
        var path = $"/proc/self/fd/{file.DangerousGetHandle()}";
        int descriptor;
        fixed (byte* name = EscapedUtf8.Terminated(path))
            descriptor = open(name, 2 /* O_RDWR */ | direct | 0x80000, 0);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Writes all bytes, or as many as can be; how many, and 0 or an errno.</summary>
    internal static unsafe int Write(SafeFileHandle file, byte* bytes, int length, long offset, out int error)
    {
        var done = 0;
        error = 0;
        while (done < length && error == 0)
        {
            var written = pwrite(file, bytes + done, (nuint)(length - done), offset + done);
            if (written > 0)
                done += (int)written;
            else if (written == 0)
                error = NoSpace;
            else if (Marshal.GetLastPInvokeError() is var number and not Interrupted)
                error = number;
        }
        return done;
    }

    /// <summary>Reads what there is at an offset, or a part of it; negative, with errno kept, when that fails.</summary>
    /// <remarks>.NET's own call first finds out whether the file can be read at an offset, and for that prepares more than it takes to read.</remarks>
    internal static unsafe int Read(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                var read = pread(file, bytes, (nuint)buffer.Length, offset);
                if (read >= 0 || Marshal.GetLastPInvokeError() != Interrupted)
                    return (int)read;
            }
        }
    }

    /// <summary>Gives a lock back. Closing alone would do, were it not for child processes, which share the open file until they
    /// run their own program.</summary>
    internal static void Unlock(SafeFileHandle file) => _ = flock(file, 8 /* LOCK_UN */);

    /// <summary>Follows symbolic links. False, with errno kept for <see cref="Marshal.GetLastPInvokeError"/>, when there is nothing.</summary>
    internal static unsafe bool TryStatus(string path, out Status status)
    {
        fixed (byte* name = EscapedUtf8.Terminated(path))
        fixed (Status* s = &status)
            return statx(-100 /* AT_FDCWD */, name, 0, BasicStatus, s) == 0;
    }

    /// <summary>Of a symbolic link itself; otherwise as <see cref="TryStatus(string, out Status)"/>.</summary>
    internal static unsafe bool TryStatusOfLink(string path, out Status status)
    {
        fixed (byte* name = EscapedUtf8.Terminated(path))
        fixed (Status* s = &status)
            return statx(-100 /* AT_FDCWD */, name, 0x100 /* AT_SYMLINK_NOFOLLOW */, BasicStatus, s) == 0;
    }

    internal static unsafe bool TryStatus(SafeFileHandle file, out Status status)
    {
        byte empty = 0;
        fixed (Status* s = &status)
            return statx(file, &empty, 0x1000 /* AT_EMPTY_PATH */, BasicStatus, s) == 0;
    }

    /// <summary>Unallocates; the range reads as zeros afterwards, partial blocks too. False when the filesystem can't.</summary>
    internal static bool TryPunch(SafeFileHandle file, long offset, long length) => fallocate(file, PunchHole, offset, length) == 0;

    /// <summary>Allocates what is not allocated yet; content and length stay. 0 or an errno.</summary>
    internal static int Allocate(SafeFileHandle file, long offset, long length) =>
        fallocate(file, 1 /* FALLOC_FL_KEEP_SIZE */, offset, length) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Allocates what is about to be written through the cache, where that pays: page by page ext4 takes a quarter longer. Only a hint:
    /// where there is no room, writing tells.</summary>
    internal static unsafe void AllocateAhead(SafeFileHandle file, long offset, long length)
    {
        const int WorthAllocating = 64 << 10, ExtMagic = 0xEF53;
        var system = stackalloc long[32];       // struct statfs: 120 bytes on 64-bit Linux; f_type comes first
        if (length >= WorthAllocating && fstatfs(file, system) == 0 && *system == ExtMagic)
            _ = Allocate(file, offset, length);
    }

    /// <summary>The next data or hole at or behind an offset; negative, with errno kept, when there is none or it can't be told.</summary>
    internal static long Find(SafeFileHandle file, long offset, Seek what) => lseek(file, offset, (int)what);

    internal static bool TrySetLength(SafeFileHandle file, long length) => ftruncate(file, length) == 0;

    /// <summary>All of the file on its medium, its length and times too. 0 or an errno; none where there is nothing to wait for.</summary>
    internal static int Sync(SafeFileHandle file) =>
        fsync(file) == 0 ? 0 : Marshal.GetLastPInvokeError() is var error and not (Invalid or ReadOnlyFileSystem or NotSupported) ? error : 0;

    /// <summary>As fsync, but without waiting for times to be recorded. 0 or an errno.</summary>
    internal static int SyncData(SafeFileHandle file) => fdatasync(file) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Starts writing back all dirty pages; a hint, so its result doesn't matter.</summary>
    internal static void StartWriting(SafeFileHandle file) => _ = sync_file_range(file, 0, 0, 2 /* SYNC_FILE_RANGE_WRITE */);

    /// <summary>Copies within the host: by reference where its filesystem can, else from page to page.</summary>
    /// <returns>Bytes copied; fewer where it can't be done, or the first file ends.</returns>
    internal static long Copy(SafeFileHandle from, long fromOffset, SafeFileHandle to, long toOffset, long length)
    {
        var done = 0L;
        while (done < length)
        {
            var (at, target) = (fromOffset + done, toOffset + done);
            var copied = copy_file_range(from, ref at, to, ref target, (nuint)Math.Min(length - done, 1 << 30), 0);
            if (copied > 0)
                done += copied;
            else if (copied == 0 || Marshal.GetLastPInvokeError() != Interrupted)
                break;
        }
        return done;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint pread(SafeFileHandle file, byte* bytes, nuint length, long offset);

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint pwrite(SafeFileHandle file, byte* bytes, nuint length, long offset);

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint copy_file_range(SafeFileHandle from, ref long fromOffset, SafeFileHandle to, ref long toOffset, nuint length, uint flags);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int sync_file_range(SafeFileHandle file, long offset, long length, uint flags);

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int statx(int folder, byte* path, int flags, uint mask, Status* status);

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int statx(SafeFileHandle folder, byte* path, int flags, uint mask, Status* status);

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int open(byte* path, int flags, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int unlink(byte* path);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);

    [LibraryImport(Library)]
    private static unsafe partial int fstatfs(SafeFileHandle file, long* system);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int fallocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport(Library, SetLastError = true)]
    private static partial long lseek(SafeFileHandle file, long offset, int whence);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int ftruncate(SafeFileHandle file, long length);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int fdatasync(SafeFileHandle file);
}
