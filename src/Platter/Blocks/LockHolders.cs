using System.Globalization;
using System.Runtime.Versioning;

namespace Platter.Blocks;

/// <summary>Finds out who holds a lock on a file, where the host tells: on Linux, <c>/proc/locks</c>.</summary>
internal static class LockHolders
{
    /// <summary>" by process 4711 (platter)", or nothing when it can't be known; made to follow "is in use".</summary>
    internal static string Describe(string path)
    {
        if (!OperatingSystem.IsLinux() || !LinuxFile.TryStatus(path, out var status))
            return "";
        try
        {
            var holders = Find(status).Take(4).Select(Name).ToList();
            return holders.Count == 0 ? "" : $" by {string.Join(", ", holders)}";
        }
        catch (IOException)
        {
            return "";      // no /proc here: the lock is real, its holder stays unknown
        }
        catch (UnauthorizedAccessException)
        {
            return "";
        }
    }

    // A line: "1: FLOCK  ADVISORY  WRITE 4711 fe:00:12345 0 EOF"; device numbers are hexadecimal, the inode is decimal (proc_locks(5)).
    // Lines with "->" are waiting, not holding.
    [SupportedOSPlatform("linux")]
    private static IEnumerable<int> Find(LinuxFile.Status file)
    {
        var seen = new HashSet<int>();
        foreach (var line in File.ReadLines("/proc/locks"))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 6 || words[1] == "->" || !int.TryParse(words[4], out var process))
                continue;
            var id = words[5].Split(':');
            if (id.Length == 3
                && uint.TryParse(id[0], NumberStyles.HexNumber, null, out var major) && major == file.DeviceMajor
                && uint.TryParse(id[1], NumberStyles.HexNumber, null, out var minor) && minor == file.DeviceMinor
                && ulong.TryParse(id[2], out var inode) && inode == file.Inode
                && seen.Add(process))
            {
                yield return process;
            }
        }
    }

    private static string Name(int process)
    {
        if (process == Environment.ProcessId)
            return "this process";
        try
        {
            return $"process {process} ({File.ReadAllText($"/proc/{process}/comm").Trim()})";
        }
        catch (IOException)
        {
            return $"process {process}";
        }
        catch (UnauthorizedAccessException)
        {
            return $"process {process}";
        }
    }
}
