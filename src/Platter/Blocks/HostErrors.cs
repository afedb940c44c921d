using System.Runtime.InteropServices;

namespace Platter.Blocks;

/// <summary>Names the host's own error numbers, which .NET keeps in <see cref="Exception.HResult"/>.</summary>
public static class HostErrors
{
    /// <summary>Whether the host (not the volume in the image) had no room left.</summary>
    public static bool IsHostFull(IOException e) => OperatingSystem.IsWindows()
        ? (e.HResult & 0xFFFF) is 0x70 or 0x27      // ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL
        : e.HResult is 28 || e.HResult == (OperatingSystem.IsMacOS() ? 69 : 122);       // ENOSPC, EDQUOT

    /// <summary>Whether another process, or another handle, holds the file.</summary>
    internal static bool IsLocked(IOException e) => OperatingSystem.IsWindows()
        ? (e.HResult & 0xFFFF) is 0x20 or 0x21      // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
        : e.HResult == (OperatingSystem.IsMacOS() ? 35 : 11);       // EWOULDBLOCK

    /// <summary>The error of the last native call, with the path it was about.</summary>
    internal static IOException Last(string path) => FromNumber(path, Marshal.GetLastPInvokeError());

    internal static IOException FromNumber(string path, int error) => new($"{Marshal.GetPInvokeErrorMessage(error)}: {path}", error);
}
