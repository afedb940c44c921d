using Microsoft.Win32.SafeHandles;

namespace Platter.Blocks;

/// <summary>Bytes of a device that lie in one piece, and as they are, in a file of the host: the host can copy them without their passing through
/// this process.</summary>
/// <param name="File">The file. It may have holes there.</param>
/// <param name="Offset">Where they start in it.</param>
/// <param name="Length">Bytes; more than none.</param>
internal readonly record struct HostExtent(HostFile File, long Offset, long Length)
{
    /// <summary>A part of it, from its start.</summary>
    internal HostExtent Upto(long length) => this with { Length = Math.Min(Length, length) };

    /// <summary>Has the host copy them into a file.</summary>
    /// <param name="target">An open file, other than the extent's own.</param>
    /// <param name="offset">Where they go.</param>
    /// <returns>Bytes copied, from the start. Fewer than <see cref="Length"/> where the host can't do it (files on different filesystems, among
    /// much else) or has failed: whoever then reads and writes the rest finds out which.</returns>
    internal long CopyTo(SafeFileHandle target, long offset) => OperatingSystem.IsLinux() ? LinuxFile.Copy(File.Handle, Offset, target, offset, Length) : 0;
}
