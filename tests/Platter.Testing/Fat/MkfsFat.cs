using Platter.Blocks;
using Platter.Testing.Volumes;

namespace Platter.Testing.Fat;

/// <summary>Empty FAT volumes as <c>mkfs.vfat</c> makes them, in memory, and <c>fsck.vfat</c> as their judge: nothing of Platter is
/// needed to make a test's ground, so no mistake of its own can hide in it.</summary>
public static class MkfsFat
{
    private static readonly Dictionary<(string, long), ScratchDevice> Made = [];

    /// <summary>A new volume.</summary>
    /// <param name="arguments">As on the command line: <c>-F 16 -s 4</c>.</param>
    /// <param name="length">Bytes of the device.</param>
    public static ScratchDevice Make(string arguments, long length)
    {
        lock (Made)
        {
            if (!Made.TryGetValue((arguments, length), out var made))
                Made[(arguments, length)] = made = Run(arguments, length);
            return made.Copy();
        }
    }

    /// <summary>Has <c>fsck.vfat -n</c> look at a device.</summary>
    /// <returns>What it complains of, or null.</returns>
    public static string? Complaint(ScratchDevice device) => device.InFile(Complaint);

    /// <inheritdoc cref="Complaint(ScratchDevice)"/>
    public static string? Complaint(string path)
    {
        var result = Tool.Run("fsck.vfat", "-n", path);
        return result.ExitCode == 0 && !result.All.Contains("Leaving filesystem unchanged", StringComparison.Ordinal) ? null : result.All;
    }

    private static ScratchDevice Run(string arguments, long length)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        using (var file = File.Create(path))
            file.SetLength(length);
        Tool.Expect("mkfs.vfat", [.. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--invariant", path]);
        return ScratchDevice.Load(path);
    }
}
