using System.Globalization;
using System.Runtime.Versioning;

namespace Platter.Blocks;

/// <summary>What Linux tells of its block devices: <c>/sys/class/block</c>, <c>/proc/self/mountinfo</c>, <c>/proc/swaps</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class LinuxDisks
{
    private const string Classes = "/sys/class/block";

    internal static List<HostDiskInfo> List()
    {
        var mounts = ReadUses();
        var disks = new List<HostDiskInfo>();
        foreach (var name in Names(Classes).Where(n => !File.Exists($"{Classes}/{n}/partition")).Order(StringComparer.Ordinal))
        {
            var length = Number($"{Classes}/{name}/size") * 512;      // always units of 512 bytes
            if (length == 0)
                continue;
            disks.Add(new HostDiskInfo(
                Device(name), length, (int)Math.Max(512, Number($"{Classes}/{name}/queue/logical_block_size")),
                Text($"{Classes}/{name}/device/model") ?? Text($"{Classes}/{name}/loop/backing_file"),
                Number($"{Classes}/{name}/removable") == 1, Number($"{Classes}/{name}/ro") == 1,
                UsesOf(name, mounts), Partitions(name, mounts)));
        }
        return disks;
    }

    /// <summary>What uses a device, its partitions, or (for a partition) the same bytes by another name.</summary>
    internal static List<string> Uses(string path)
    {
        if (!LinuxFile.TryStatus(path, out var status) || status.Type != LinuxFile.FileType.Block)
            return [];
        var folder = Directory.ResolveLinkTarget($"/sys/dev/block/{status.NodeMajor}:{status.NodeMinor}", returnFinalTarget: true)?.Name;
        if (folder is null)
            return [];
        var uses = ReadUses();
        var found = UsesOf(folder, uses).Select(u => $"{Device(folder)} is {u}").ToList();
        foreach (var partition in PartitionNames(folder))
            found.AddRange(UsesOf(partition, uses).Select(u => $"{Device(partition)} is {u}"));
        return found;
    }

    private static List<HostPartition> Partitions(string disk, ILookup<string, string> uses) =>
        [.. PartitionNames(disk)
            .Select(name => new HostPartition(
                Device(name), (int)Number($"{Classes}/{name}/partition"), Number($"{Classes}/{name}/start") * 512, Number($"{Classes}/{name}/size") * 512,
                UsesOf(name, uses)))
            .OrderBy(p => p.Number)];

    private static IEnumerable<string> PartitionNames(string disk) =>
        Names($"{Classes}/{disk}").Where(n => n.StartsWith(disk, StringComparison.Ordinal) && File.Exists($"{Classes}/{n}/partition"));

    private static List<string> UsesOf(string name, ILookup<string, string> uses)
    {
        var number = Text($"{Classes}/{name}/dev");
        var found = number is null ? [] : uses[number].ToList();
        // Volume managers, RAID and encryption hold what they stand on.
        found.AddRange(Names($"{Classes}/{name}/holders").Select(h => $"held by {Text($"{Classes}/{h}/dm/name") ?? h}"));
        return found;
    }

    // "major:minor" of a device and what it is used for.
    private static ILookup<string, string> ReadUses()
    {
        var uses = new List<(string Device, string Use)>();
        foreach (var line in Lines("/proc/self/mountinfo"))
        {
            // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue   (proc_pid_mountinfo(5))
            var words = line.Split(' ');
            var dash = Array.IndexOf(words, "-", 6);
            if (dash < 0 || dash + 2 >= words.Length)
                continue;
            var use = "mounted on " + Unescape(words[4]);
            uses.Add((words[2], use));
            // Filesystems of several devices (btrfs) have a number of their own: the source names one of the devices.
            if (NumberOf(Unescape(words[dash + 2])) is { } source && source != words[2])
                uses.Add((source, use));
        }
        foreach (var line in Lines("/proc/swaps").Skip(1))
        {
            if (NumberOf(Unescape(line.Split(' ', 2)[0])) is { } swap)
                uses.Add((swap, "used for swapping"));
        }
        return uses.Distinct().ToLookup(u => u.Device, u => u.Use, StringComparer.Ordinal);
    }

    private static string? NumberOf(string path) =>
        path.StartsWith('/') && LinuxFile.TryStatus(path, out var status) && status.Type == LinuxFile.FileType.Block
            ? $"{status.NodeMajor}:{status.NodeMinor}" : null;

    // Blanks and the like are written as \040, three octal digits.
    private static string Unescape(string text)
    {
        for (var at = text.IndexOf('\\', StringComparison.Ordinal); at >= 0 && at + 3 < text.Length; at = text.IndexOf('\\', at + 1))
        {
            var (a, b, c) = (text[at + 1] - '0', text[at + 2] - '0', text[at + 3] - '0');
            if (a is >= 0 and < 4 && b is >= 0 and < 8 && c is >= 0 and < 8)
                text = $"{text[..at]}{(char)(a * 64 + b * 8 + c)}{text[(at + 4)..]}";
        }
        return text;
    }

    // In sysfs a name can't hold a slash and has an exclamation mark instead: cciss!c0d0.
    private static string Device(string name) => "/dev/" + name.Replace('!', '/');

    private static IEnumerable<string> Names(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFileSystemEntries(folder).Select(p => Path.GetFileName(p)) : [];

    private static IEnumerable<string> Lines(string path) => File.Exists(path) ? File.ReadLines(path) : [];

    private static long Number(string path) =>
        long.TryParse(Text(path), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;

    private static string? Text(string path)
    {
        try
        {
            return File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 } text ? text : null;
        }
        catch (IOException)
        {
            return null;        // some attributes can't be read while the device has no medium
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}
