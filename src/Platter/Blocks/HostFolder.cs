using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.Blocks;

/// <summary>Makes the names in a folder durable: creations, renames and removals survive a power cut afterwards.</summary>
internal static partial class HostFolder
{
    /// <param name="path">A file or folder name within the folder that is meant.</param>
    /// <exception cref="IOException">The folder can't be opened, or the medium failed.</exception>
    internal static unsafe void MakeNamesDurable(string path)
    {
        if (OperatingSystem.IsWindows())
            return;     // NTFS journals names itself, and a folder can't be flushed through the documented interface
        var slash = path.Length - 1;
        while (slash >= 0 && path[slash] != '/')
            slash--;
        var folder = slash < 0 ? "." : slash == 0 ? "/" : path[..slash];
        int descriptor;
        fixed (byte* name = EscapedUtf8.Terminated(folder))
            descriptor = Open(name);
        if (descriptor < 0)
            throw HostErrors.Last(folder);
        try
        {
            // EINVAL: the filesystem (some network ones) has no notion of it, and nothing better to offer.
            if (Sync(descriptor) != 0 && Marshal.GetLastPInvokeError() != InvalidArgument)
                throw HostErrors.Last(folder);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private const int InvalidArgument = 22;       // EINVAL, on Linux and macOS alike

    private static unsafe int Open(byte* path) => OperatingSystem.IsLinux() ? Linux.open(path, 0x80000) : Unix.open(path, 0x1000000);      // O_RDONLY | O_CLOEXEC

    private static int Sync(int descriptor) => OperatingSystem.IsLinux() ? Linux.fsync(descriptor) : Unix.fsync(descriptor);

    private static int Close(int descriptor) => OperatingSystem.IsLinux() ? Linux.close(descriptor) : Unix.close(descriptor);

    private static partial class Linux
    {
        [LibraryImport(LinuxFile.Library, SetLastError = true)]
        internal static unsafe partial int open(byte* path, int flags);

        [LibraryImport(LinuxFile.Library, SetLastError = true)]
        internal static partial int fsync(int descriptor);

        [LibraryImport(LinuxFile.Library)]
        internal static partial int close(int descriptor);
    }

    // macOS
    private static partial class Unix
    {
        [LibraryImport("libc", SetLastError = true)]
        internal static unsafe partial int open(byte* path, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int fsync(int descriptor);

        [LibraryImport("libc")]
        internal static partial int close(int descriptor);
    }
}
