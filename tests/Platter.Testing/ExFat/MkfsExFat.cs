using System.Globalization;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing.ExFat;

/// <summary>Empty exFAT volumes as <c>mkfs.exfat</c> makes them, in memory, and <c>fsck.exfat</c> as their judge: nothing of Platter is
/// needed to make a test's ground, so no mistake of its own can hide in it.</summary>
public static class MkfsExFat
{
    // mkfs.exfat takes the size of a sector from its device and has no option for it. A file has none to ask for, so a library that is
    // loaded before it answers in the file's place.
    private const string SectorSizeShim = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdarg.h>
        #include <stdlib.h>
        #include <linux/fs.h>
        int ioctl(int file, unsigned long request, ...)
        {
            va_list list; va_start(list, request); void *argument = va_arg(list, void *); va_end(list);
            if (request == BLKSSZGET) { *(int *)argument = atoi(getenv("SECTOR_SIZE")); return 0; }
            return ((int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl"))(file, request, argument);
        }
        """;

    private static readonly Dictionary<(string, long, int), ScratchDevice> Made = [];
    private static readonly Lazy<(TempFolder Folder, string Path)> Shim = new(BuildShim);

    /// <summary>A new volume.</summary>
    /// <param name="arguments">As on the command line: <c>-c 4K -L LABEL</c>.</param>
    /// <param name="length">Bytes of the device.</param>
    /// <param name="sectorSize">Bytes of a sector.</param>
    public static ScratchDevice Make(string arguments, long length, int sectorSize = 512)
    {
        lock (Made)
        {
            if (!Made.TryGetValue((arguments, length, sectorSize), out var made))
            {
                using var folder = new TempFolder();
                var path = folder.File("volume.img");
                Make(path, arguments, length, sectorSize);
                Made[(arguments, length, sectorSize)] = made = ScratchDevice.Load(path, sectorSize);
            }
            return made.Copy();
        }
    }

    /// <summary>A new volume in a file.</summary>
    public static void Make(string path, string arguments, long length, int sectorSize = 512)
    {
        var result = TryMake(path, arguments, length, sectorSize);
        Assert.True(result.ExitCode == 0, $"mkfs.exfat {arguments} for {length} bytes, sectors of {sectorSize}: {result.All}");
    }

    /// <summary>As <see cref="Make(string, string, long, int)"/>, but a refusal is an answer too.</summary>
    public static Tool.Result TryMake(string path, string arguments, long length, int sectorSize = 512)
    {
        using (var file = File.Create(path))
            file.SetLength(length);
        Dictionary<string, string>? environment = null;
        if (sectorSize != 512)
            environment = new() { ["LD_PRELOAD"] = Shim.Value.Path, ["SECTOR_SIZE"] = sectorSize.ToString(CultureInfo.InvariantCulture) };
        return Tool.Run(null, null, environment, "mkfs.exfat", [.. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), path]);
    }

    /// <summary>Has <c>fsck.exfat -n</c> look at a device.</summary>
    /// <returns>What it complains of, or null.</returns>
    public static string? Complaint(ScratchDevice device) => device.InFile(Complaint);

    /// <inheritdoc cref="Complaint(ScratchDevice)"/>
    public static string? Complaint(string path)
    {
        var result = Tool.Run("fsck.exfat", "-n", path);
        return result.ExitCode == 0 && result.Output.Contains(": clean.", StringComparison.Ordinal) ? null : result.All;
    }

    /// <summary>What <c>dump.exfat</c> prints, by the words before the colon.</summary>
    public static Dictionary<string, string> Dump(string path) =>
        Tool.Expect("dump.exfat", path).Split('\n').Select(l => l.Split(':', 2)).Where(p => p.Length == 2)
            .GroupBy(p => p[0].Trim(), StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First()[1].Trim(), StringComparer.Ordinal);

    private static (TempFolder, string) BuildShim()
    {
        var folder = new TempFolder();
        File.WriteAllText(folder.File("shim.c"), SectorSizeShim);
        Tool.Expect("gcc", "-shared", "-fPIC", "-o", folder.File("shim.so"), folder.File("shim.c"), "-ldl");
        return (folder, folder.File("shim.so"));
    }
}
