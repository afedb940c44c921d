using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Trees.Host;

/// <summary>The calls of the Linux C library (glibc and musl, 64-bit) that walk and build a tree relative to an open directory,
/// so that nothing that happens to the path meanwhile can lead them elsewhere.</summary>
internal static unsafe partial class LinuxFiles
{
    public const int CurrentDirectory = -100;          // AT_FDCWD

    public const int ReadOnly = 0, WriteOnly = 1, Create = 0x40, Exclusive = 0x80, NonBlocking = 0x800, CloseOnExec = 0x80000;

    // The only flags here that differ between architectures: <asm/fcntl.h> of arm and arm64 swaps them with O_DIRECT and O_LARGEFILE.
    public static readonly int Directory = IsArm ? 0x4000 : 0x10000;
    public static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;

    public const int NotPermitted = 1, NotFound = 2, PermissionDenied = 13, Exists = 17, NotDirectory = 20, IsDirectory = 21, TooManyFiles = 24,
        NoSpace = 28, NameTooLong = 36, NoSuchCall = 38, TooManyLinks = 40, NoData = 61, Unsupported = 95;

    // listxattrat(2), the same number on all of these architectures.
    private const int ListAttributesAt = 465;

    private static bool _lacksListAt;

    /// <summary>Whether these declarations are right for this host.</summary>
    public static bool IsAvailable { get; } = OperatingSystem.IsLinux()
        && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64;

    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64;

    /// <summary>Opens a name within an open directory; -1 when it does not work, with the error in <see cref="Error"/>.</summary>
    public static int Open(int directory, string name, int flags, uint mode = 0)
    {
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* path = Terminated(name, bytes))
            return openat(directory, path, flags | CloseOnExec, mode);
    }

    /// <summary>The metadata of a name within an open directory, of the link itself where it is one; false with the error in <see cref="Error"/>.</summary>
    public static bool TryStat(int directory, string name, out LinuxStat stat)
    {
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* path = Terminated(name, bytes))
        fixed (LinuxStat* result = &stat)
            return statx(directory, path, name.Length == 0 ? EmptyPath : NoFollowLinks, AllFields, result) == 0;
    }

    public static int MakeDirectory(int directory, string name, uint mode)
    {
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* path = Terminated(name, bytes))
            return mkdirat(directory, path, mode);
    }

    /// <summary>Removes a name that is no directory; or, when <paramref name="isDirectory"/>, an empty directory.</summary>
    public static int Remove(int directory, string name, bool isDirectory = false)
    {
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* path = Terminated(name, bytes))
            return unlinkat(directory, path, isDirectory ? 0x200 : 0);
    }

    /// <summary>Renames within one directory; the new name's old entry gives way.</summary>
    public static int Rename(int directory, string name, string newName)
    {
        Span<byte> bytes = stackalloc byte[BufferLength(name)], newBytes = stackalloc byte[BufferLength(newName)];
        fixed (byte* path = Terminated(name, bytes))
        fixed (byte* newPath = Terminated(newName, newBytes))
            return renameat(directory, path, directory, newPath);
    }

    public static int Link(int directory, string name, int newDirectory, string newName)
    {
        Span<byte> bytes = stackalloc byte[BufferLength(name)], newBytes = stackalloc byte[BufferLength(newName)];
        fixed (byte* path = Terminated(name, bytes))
        fixed (byte* newPath = Terminated(newName, newBytes))
            return linkat(directory, path, newDirectory, newPath, 0);
    }

    public static int SymbolicLink(string target, int directory, string name)
    {
        var targetBytes = new byte[target.Length * 3 + 1];
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* to = Terminated(target, targetBytes))
        fixed (byte* path = Terminated(name, bytes))
            return symlinkat(to, directory, path);
    }

    public static int MakeNode(int directory, string name, uint mode, DeviceNumber device)
    {
        // gnu_dev_makedev: the low 20 bits of the minor around 12 bits of the major, the rest above.
        var number = ((ulong)(device.Major & 0xFFFFF000) << 32) | ((ulong)(device.Major & 0xFFF) << 8)
            | ((ulong)(device.Minor & 0xFFFFFF00) << 12) | (device.Minor & 0xFF);
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* path = Terminated(name, bytes))
            return mknodat(directory, path, mode, number);
    }

    /// <summary>The target of a symbolic link; null with the error in <see cref="Error"/>.</summary>
    public static string? ReadLink(int directory, string name)
    {
        Span<byte> bytes = stackalloc byte[BufferLength(name)], target = stackalloc byte[4096];
        fixed (byte* path = Terminated(name, bytes))
        fixed (byte* result = target)
        {
            var length = readlinkat(directory, path, result, (nuint)target.Length);
            return length < 0 ? null : EscapedUtf8.Decode(target[..(int)length]);
        }
    }

    /// <summary>Sets the times of a name within an open directory, of the link itself where it is one. An empty name means the
    /// file that <paramref name="directory"/> is. What is null stays.</summary>
    public static int SetTimes(int directory, string name, Timestamp? accessed, Timestamp? modified)
    {
        var times = stackalloc long[4];
        Put(times, accessed);
        Put(times + 2, modified);
        if (name.Length == 0)
            return futimens(directory, times);
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* path = Terminated(name, bytes))
            return utimensat(directory, path, times, NoFollowLinks);

        static void Put(long* time, Timestamp? value)
        {
            const long omit = (1 << 30) - 2;
            time[0] = value?.UnixSeconds ?? 0;
            time[1] = value?.Nanoseconds ?? omit;
        }
    }

    /// <summary>Sets the owner of a name within an open directory, of the link itself where it is one.</summary>
    public static int SetOwner(int directory, string name, uint user, uint group)
    {
        if (name.Length == 0)
            return fchown(directory, user, group);
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* path = Terminated(name, bytes))
            return fchownat(directory, path, user, group, NoFollowLinks);
    }

    /// <summary>The names in a directory, without "." and "..", in no order. Takes over <paramref name="directory"/>'s position, not the handle.</summary>
    public static List<string> List(int directory, string path)
    {
        var names = new List<string>();
        // A handle of its own for the stream: closedir closes it.
        nint stream;
        fixed (byte* dot = ".\0"u8)
            stream = fdopendir(openat(directory, dot, ReadOnly | Directory | CloseOnExec, 0));
        if (stream == 0)
            throw Failure(path, Error);
        try
        {
            while (true)
            {
                Marshal.SetLastSystemError(0);
                var entry = readdir(stream);
                if (entry is null)
                {
                    if (Marshal.GetLastSystemError() is var error and not 0)
                        throw Failure(path, error);
                    return names;
                }
                // struct dirent on 64-bit Linux: d_ino 8, d_off 8, d_reclen 2, d_type 1, d_name.
                var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + 19);
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                    names.Add(EscapedUtf8.Decode(name));
            }
        }
        finally
        {
            _ = closedir(stream);
        }
    }

    /// <summary>Names and values of the extended attributes of an open file; none where the filesystem has none.</summary>
    public static IReadOnlyDictionary<string, byte[]> GetAttributes(int file)
    {
        var length = flistxattr(file, null, 0);
        if (length <= 0)
            return TreeSource.NoAttributes;
        var list = new byte[length];
        fixed (byte* bytes = list)
            length = flistxattr(file, bytes, (nuint)list.Length);
        var attributes = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var left = list.AsSpan(0, (int)Math.Max(length, 0));
        while (!left.IsEmpty)
        {
            var end = left.IndexOf((byte)0);
            if (end <= 0)
                break;
            fixed (byte* name = left)
            {
                var size = fgetxattr(file, name, null, 0);
                if (size >= 0)
                {
                    var value = new byte[size];
                    fixed (byte* bytes = value)
                        size = fgetxattr(file, name, bytes, (nuint)value.Length);
                    if (size >= 0)
                        attributes[EscapedUtf8.Decode(left[..end])] = value[..(int)size];
                }
            }
            left = left[(end + 1)..];
        }
        return attributes;
    }

    /// <summary>Whether an open file has extended attributes.</summary>
    public static bool HasAttributes(int file) => flistxattr(file, null, 0) > 0;

    /// <summary>Whether an entry of an open directory has extended attributes; null where that can't be told without opening it, as before Linux 6.13.</summary>
    public static bool? HasAttributes(int directory, string name)
    {
        if (_lacksListAt)
            return null;
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        nint length;
        fixed (byte* path = Terminated(name, bytes))
            length = syscall(ListAttributesAt, directory, path, NoFollowLinks, null, 0);
        if (length >= 0)
            return length > 0;
        // What filters calls in containers answers in one of these two ways.
        _lacksListAt = Error is NoSuchCall or NotPermitted;
        return null;
    }

    public static int SetAttribute(int file, string name, byte[] value)
    {
        Span<byte> bytes = stackalloc byte[BufferLength(name)];
        fixed (byte* key = Terminated(name, bytes))
        fixed (byte* data = value)
            return fsetxattr(file, key, data, (nuint)value.Length, 0);
    }

    public static int ReadAt(int file, long offset, Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
            return (int)pread(file, bytes, (nuint)buffer.Length, offset);
    }

    public static int WriteAt(int file, long offset, ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
            return (int)pwrite(file, bytes, (nuint)data.Length, offset);
    }

    /// <summary>Moves to the next data or hole behind an offset; -1 when there is none.</summary>
    public static long Seek(SafeFileHandle file, long offset, bool data) => lseek((int)file.DangerousGetHandle(), offset, data ? 3 : 4);

    public static int SetLength(int file, long length) => ftruncate(file, length);
    public static int SetMode(int file, uint mode) => fchmod(file, mode);
    public static int Close(int file) => close(file);
    public static bool IsRoot => geteuid() == 0;
    public static Ownership Self => new(geteuid(), getegid());
    public static int Error => Marshal.GetLastPInvokeError();

    /// <summary>The error as the exception that the framework throws for it.</summary>
    public static Exception Failure(string path, int error)
    {
        var message = $"{path}: {Marshal.GetPInvokeErrorMessage(error)}";
        return error switch
        {
            NotFound => new FileNotFoundException(message),
            PermissionDenied or NotPermitted => new UnauthorizedAccessException(message),
            NameTooLong => new PathTooLongException(message),
            _ => new IOException(message, error),
        };
    }

    private const int EmptyPath = 0x1000, NoFollowLinks = 0x100;    // AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW
    private const uint AllFields = 0xFFF;                            // STATX_BASIC_STATS | STATX_BTIME

    // Longer names than the kernel takes fail there (ENAMETOOLONG), so a buffer on the stack has a bound.
    private static int BufferLength(string name) =>
        name.Length <= 4096 ? EscapedUtf8.TerminatedLength(name) : throw TooLong(name);

    private static PathTooLongException TooLong(string name) => new($"a name of {name.Length} characters is too long for this host");

    private static ReadOnlySpan<byte> Terminated(string name, Span<byte> bytes) => EscapedUtf8.Terminate(name, bytes);

#pragma warning disable SYSLIB1054, CA2101, IDE1006 // The C library's own names.
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int openat(int directory, byte* path, int flags, uint mode);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int statx(int directory, byte* path, int flags, uint mask, LinuxStat* result);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int mkdirat(int directory, byte* path, uint mode);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int unlinkat(int directory, byte* path, int flags);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int renameat(int directory, byte* path, int newDirectory, byte* newPath);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int linkat(int directory, byte* path, int newDirectory, byte* newPath, int flags);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int symlinkat(byte* target, int directory, byte* path);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int mknodat(int directory, byte* path, uint mode, ulong device);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial nint readlinkat(int directory, byte* path, byte* target, nuint size);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int utimensat(int directory, byte* path, long* times, int flags);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int futimens(int file, long* times);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int fchown(int file, uint user, uint group);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int fchownat(int directory, byte* path, uint user, uint group, int flags);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int fchmod(int file, uint mode);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int ftruncate(int file, long length);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial nint pread(int file, byte* buffer, nuint size, long offset);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial nint pwrite(int file, byte* buffer, nuint size, long offset);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial long lseek(int file, long offset, int whence);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial nint syscall(nint number, nint directory, byte* name, nint flags, byte* list, nuint size);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial nint flistxattr(int file, byte* list, nuint size);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial nint fgetxattr(int file, byte* name, byte* value, nuint size);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int fsetxattr(int file, byte* name, byte* value, nuint size, int flags);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial nint fdopendir(int file);
    [LibraryImport(LinuxFile.Library)] private static partial byte* readdir(nint stream);
    [LibraryImport(LinuxFile.Library)] private static partial int closedir(nint stream);
    [LibraryImport(LinuxFile.Library, SetLastError = true)] private static partial int close(int file);
    [LibraryImport(LinuxFile.Library)] private static partial uint geteuid();
    [LibraryImport(LinuxFile.Library)] private static partial uint getegid();
#pragma warning restore SYSLIB1054, CA2101, IDE1006
}

/// <summary>struct statx (linux/stat.h): the same on every architecture; 256 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LinuxStat
{
    public uint Mask, BlockSize;                     // 0x00, 0x04
    public ulong Attributes;                         // 0x08
    public uint LinkCount, UserId, GroupId;          // 0x10, 0x14, 0x18
    public ushort Mode, Padding;                     // 0x1C  kind in the upper four bits
    public ulong Inode, Size, Blocks512;             // 0x20, 0x28, 0x30
    public ulong AttributesMask;                     // 0x38
    public LinuxTime Accessed, Created, Changed, Modified;                          // 0x40, 0x50, 0x60, 0x70
    public uint DeviceMajor, DeviceMinor, VolumeMajor, VolumeMinor;                 // 0x80
    private fixed ulong _rest[14];                   // 0x90

    private const uint HasCreated = 0x800;           // STATX_BTIME

    public readonly EntryKind Kind => (Mode >> 12) switch
    {
        0x4 => EntryKind.Directory,
        0xA => EntryKind.SymbolicLink,
        0x2 => EntryKind.CharacterDevice,
        0x6 => EntryKind.BlockDevice,
        0x1 => EntryKind.Fifo,
        0xC => EntryKind.Socket,
        _ => EntryKind.File,
    };

    /// <summary>Volume and inode: two names with the same identity are one file.</summary>
    public readonly (ulong Volume, ulong Inode) Identity => (((ulong)VolumeMajor << 32) | VolumeMinor, Inode);

    public readonly FileMetadata ToMetadata(string? linkTarget) => new()
    {
        Kind = Kind,
        Length = Kind is EntryKind.File or EntryKind.SymbolicLink ? (long)Size : 0,
        AllocatedLength = Kind == EntryKind.File ? (long)Blocks512 * 512 : null,
        Created = (Mask & HasCreated) != 0 ? Created.ToTimestamp() : null,
        Modified = Modified.ToTimestamp(),
        Changed = Changed.ToTimestamp(),
        Accessed = Accessed.ToTimestamp(),
        Mode = Mode & 0xFFF,
        UserId = UserId,
        GroupId = GroupId,
        LinkCount = (int)LinkCount,
        LinkTarget = linkTarget,
        Device = Kind is EntryKind.CharacterDevice or EntryKind.BlockDevice ? new DeviceNumber(DeviceMajor, DeviceMinor) : null,
    };
}

/// <summary>struct statx_timestamp.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LinuxTime
{
    public long Seconds;
    public uint Nanoseconds;
    public int Padding;

    public readonly Timestamp ToTimestamp() => new(Seconds, (int)Nanoseconds);
}
