using System.Globalization;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Trees;

/// <summary>A list of paths with what their entries are to be like: owners and modes that the host's files cannot have without root, and devices
/// that it cannot have at all.</summary>
/// <remarks>
/// <para>Two notations, line by line, <c>#</c> for a remark. The device table of genext2fs and mkfs.jffs2:
/// <c>PATH TYPE MODE UID GID [MAJOR MINOR START INC COUNT]</c>, where <c>-</c> is nothing, TYPE is one of <c>f d c b p s</c> and COUNT makes
/// a series of devices. And mtree(5): <c>PATH KEY=VALUE ...</c> with <c>type mode uid gid device link time</c>, <c>/set</c> and <c>/unset</c>;
/// other keys say nothing here.</para>
/// <para>Entries that are there keep their content. Directories, links, devices and FIFOs that are not are made.</para>
/// </remarks>
public static class TreeManifest
{
    private const int MaxSeries = 65_536;
    private const int MaxLines = 4_000_000;

    /// <summary>Reads a manifest.</summary>
    /// <param name="lines">The lines.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="FormatException">A line is malformed; the message names it.</exception>
    public static IReadOnlyList<TreeAddition> Parse(IEnumerable<string> lines, string name)
    {
        var additions = new List<TreeAddition>();
        var defaults = new Dictionary<string, string>(StringComparer.Ordinal);
        var number = 0;
        var whole = "";
        foreach (var text in lines)
        {
            if (++number > MaxLines)
                throw new FormatException($"{name} has more than {MaxLines} lines");
            if (text.EndsWith('\\'))
            {
                whole += text[..^1] + " ";
                continue;
            }
            var line = (whole + text).Trim();
            whole = "";
            if (line.Length == 0 || line[0] == '#')
                continue;
            try
            {
                var words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
                if (words[0] == "/set")
                    Set(defaults, words.AsSpan(1));
                else if (words[0] == "/unset")
                    Array.ForEach(words, w => defaults.Remove(w));
                else if (words.Length > 1 && words[1].Length == 1 && !words[1].Contains('=', StringComparison.Ordinal))
                    AddTableLine(additions, words);
                else
                    AddKeys(additions, words, defaults);
            }
            catch (FormatException e)
            {
                throw new FormatException($"{name}:{number}: {e.Message}", e);
            }
        }
        return additions;
    }

    private static void AddTableLine(List<TreeAddition> additions, string[] words)
    {
        if (words.Length is < 5 or > 10)
            throw new FormatException("expected PATH TYPE MODE UID GID, and MAJOR MINOR START INC COUNT of a device");
        var field = (int i) => i < words.Length && words[i] != "-" ? Number(words[i]) : (uint?)null;
        var kind = words[1][0] switch
        {
            'f' => EntryKind.File,
            'd' => EntryKind.Directory,
            'c' => EntryKind.CharacterDevice,
            'b' => EntryKind.BlockDevice,
            'p' => EntryKind.Fifo,
            's' => EntryKind.Socket,
            _ => throw new FormatException($"found the type '{words[1]}', expected one of f d c b p s"),
        };
        var isDevice = kind is EntryKind.CharacterDevice or EntryKind.BlockDevice;
        if (isDevice && (field(5) is null || field(6) is null))
            throw new FormatException("a device needs a major and a minor number");
        var (start, step, count) = (field(7) ?? 0, field(8) ?? 0, field(9) ?? 0);
        if (count > MaxSeries)
            throw new FormatException($"found a series of {count}, at most {MaxSeries} are made");
        var path = PathOf(words[0]);
        for (var i = 0u; i < Math.Max(1, count); i++)
        {
            additions.Add(new TreeAddition
            {
                // genext2fs: names are numbered from START on, minors count in steps of INC from MINOR on.
                Path = count == 0 ? path : path + (start + i).ToString(CultureInfo.InvariantCulture),
                ChangesOnly = true, Kind = kind, Mode = words[2] == "-" ? null : Mode(words[2]),
                UserId = field(3), GroupId = field(4),
                Device = isDevice ? new DeviceNumber(field(5)!.Value, field(6)!.Value + i * step) : null,
            });
        }
    }

    private static void AddKeys(List<TreeAddition> additions, string[] words, Dictionary<string, string> defaults)
    {
        var keys = new Dictionary<string, string>(defaults, StringComparer.Ordinal);
        Set(keys, words.AsSpan(1));
        if (words[0] == "..")
            throw new FormatException("found '..': the lines of an mtree file need whole paths here (bsdtar and mtree -C write them)");
        EntryKind? kind = keys.GetValueOrDefault("type") switch
        {
            null => null,
            "file" => EntryKind.File,
            "dir" => EntryKind.Directory,
            "link" => EntryKind.SymbolicLink,
            "char" => EntryKind.CharacterDevice,
            "block" => EntryKind.BlockDevice,
            "fifo" => EntryKind.Fifo,
            "socket" => EntryKind.Socket,
            var other => throw new FormatException($"found the type '{other}', expected file, dir, link, char, block, fifo or socket"),
        };
        additions.Add(new TreeAddition
        {
            Path = PathOf(Unescape(words[0])),
            ChangesOnly = true,
            Kind = kind ?? EntryKind.File,
            AnyKind = kind is null,
            Mode = keys.TryGetValue("mode", out var mode) ? Mode(mode) : null,
            UserId = keys.TryGetValue("uid", out var uid) ? Number(uid) : null,
            GroupId = keys.TryGetValue("gid", out var gid) ? Number(gid) : null,
            Modified = keys.TryGetValue("time", out var time) ? Time(time) : null,
            LinkTarget = keys.TryGetValue("link", out var link) ? Unescape(link) : null,
            Device = keys.TryGetValue("device", out var device) ? Device(device) : null,
        });
    }

    private static void Set(Dictionary<string, string> keys, ReadOnlySpan<string> words)
    {
        foreach (var word in words)
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            keys[equals < 0 ? word : word[..equals]] = equals < 0 ? "" : word[(equals + 1)..];
        }
    }

    private static string PathOf(string text)
    {
        var names = text.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(n => n != ".").ToList();
        return names.Contains("..", StringComparer.Ordinal) ? throw new FormatException($"the path '{text}' leads out of the tree") : "/" + string.Join('/', names);
    }

    private static uint Number(string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"found '{text}', expected a number");

    private static int Mode(string text)
    {
        var mode = 0;
        foreach (var digit in text)
            mode = digit is >= '0' and <= '7' && mode <= 0xFFF ? mode << 3 | (digit - '0') : throw new FormatException($"found the mode '{text}', expected octal digits");
        return mode <= 0xFFF && text.Length > 0 ? mode : throw new FormatException($"found the mode '{text}', expected at most 7777");
    }

    // "12.5" is 12 seconds and 5 nanoseconds: mtree(5).
    private static Timestamp Time(string text)
    {
        var parts = text.Split('.');
        var nanoseconds = 0;
        return parts.Length <= 2 && long.TryParse(parts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) && Math.Abs(seconds) < long.MaxValue / 4
            && (parts.Length == 1 || (int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out nanoseconds) && nanoseconds < 1_000_000_000))
            ? new Timestamp(seconds, nanoseconds) : throw new FormatException($"found the time '{text}', expected seconds since 1970");
    }

    // FORMAT,MAJOR,MINOR; one number alone means what only the system that wrote it knows.
    private static DeviceNumber Device(string text) =>
        text.Split(',') is [_, var major, var minor] ? new DeviceNumber(Number(major), Number(minor)) : throw new FormatException($"found the device '{text}', expected FORMAT,MAJOR,MINOR");

    // vis(3) as mtree uses it: a backslash and three octal digits, or the C letters for blanks.
    private static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
            return text;
        var bytes = new List<byte>();
        var from = EscapedUtf8.Encode(text);
        for (var i = 0; i < from.Length; i++)
        {
            if (from[i] != '\\' || i + 1 == from.Length)
            {
                bytes.Add(from[i]);
                continue;
            }
            var next = from[++i];
            if (next is >= (byte)'0' and <= (byte)'3' && i + 2 < from.Length && from[i + 1] is >= (byte)'0' and <= (byte)'7' && from[i + 2] is >= (byte)'0' and <= (byte)'7')
            {
                bytes.Add((byte)((next - '0') << 6 | (from[i + 1] - '0') << 3 | (from[i + 2] - '0')));
                i += 2;
                continue;
            }
            bytes.Add(next switch { (byte)'s' => (byte)' ', (byte)'t' => (byte)'\t', (byte)'n' => (byte)'\n', _ => next });
        }
        return EscapedUtf8.Decode(bytes.ToArray());
    }
}
