using System.Buffers.Binary;
using System.Globalization;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing.Ext;

/// <summary>Makes a volume twice, by mke2fs and by Platter with the same options, and compares the two byte by byte.</summary>
public static class Mke2fsTwin
{
    public const string Uuid = "01234567-89ab-4def-8123-456789abcdef";
    private const string HashSeed = "6f3a1e02-1111-4222-8333-944455556666";
    private const long Time = 1_700_000_000;
    private const int PageSize = 4096;

    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["-b"] = "block_size", ["-I"] = "inode_size", ["-i"] = "inode_ratio", ["-N"] = "inodes", ["-g"] = "blocks_per_group", ["-G"] = "flex_bg_size", ["-C"] = "cluster_size",
        ["-m"] = "reserved_percent", ["-M"] = "last_mounted", ["-e"] = "errors", ["-T"] = "usage_type", ["-O"] = "features",
    };

    /// <summary>Makes mke2fs's volume.</summary>
    /// <returns>Whether it did.</returns>
    public static bool Make(string path, long length, string arguments)
    {
        File.Delete(path);
        using (var file = File.Create(path))
            file.SetLength(length);
        var words = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToList();
        var extended = words.IndexOf("-E");
        if (extended < 0)
            words.AddRange(["-E", "hash_seed=" + HashSeed]);
        else if (!words[extended + 1].Contains("hash_seed", StringComparison.Ordinal))
            words[extended + 1] = "hash_seed=" + HashSeed + "," + words[extended + 1];
        if (!words.Contains("-U"))
            words.AddRange(["-U", Uuid]);
        var environment = new Dictionary<string, string> { ["E2FSPROGS_FAKE_TIME"] = Time.ToString(CultureInfo.InvariantCulture) };
        return Tool.Run(null, null, environment, "mke2fs", ["-q", "-F", .. words, path]).ExitCode == 0;
    }

    /// <summary>The same in Platter's words.</summary>
    public static FormatOptions Options(string arguments)
    {
        var words = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var options = new Dictionary<string, string>(StringComparer.Ordinal) { ["hash_seed"] = HashSeed };
        var type = "ext2";
        var label = default(string);
        for (var i = 0; i < words.Length; i += 2)
        {
            var value = words[i + 1];
            if (words[i] == "-t")
                type = value;
            else if (words[i] == "-L")
                label = value;
            else if (words[i] is "-E" or "-J")
                AddExtended(options, value, words[i] == "-J");
            else if (words[i] != "-U")
                options[Keys[words[i]]] = value;
        }
        if (options.Remove("resize", out var blocks))
            options["resize"] = (long.Parse(blocks, CultureInfo.InvariantCulture) * int.Parse(options.GetValueOrDefault("block_size", "4096"), CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture);
        return new FormatOptions { Type = type, Label = label, Id = Uuid, Options = options, Clock = new SettableClock { Now = DateTimeOffset.FromUnixTimeSeconds(Time) } };
    }

    /// <summary>Makes both and compares.</summary>
    /// <returns>What is different; null when nothing is.</returns>
    public static string? Difference(string folder, string arguments, long length, string? platterPath = null)
    {
        var theirs = Path.Combine(folder, "mke2fs.img");
        var ours = platterPath ?? Path.Combine(folder, "platter.img");
        var made = Make(theirs, length, arguments);
        File.Delete(ours);
        using var device = HostFile.Create(ours, length);
        try
        {
            new ExtType().Format(device, Options(arguments));
        }
        catch (ArgumentException refused)
        {
            return made ? $"refused: {refused.Message}" : null;
        }
        if (!made)
            return "mke2fs refuses, Platter does not";
        using var other = HostFile.Open(theirs, FileAccess.Read);
        return FirstDifference(other, device);
    }

    private static string? FirstDifference(HostFile theirs, HostFile ours)
    {
        var pages = new SortedSet<long>();
        foreach (var range in theirs.AllocatedRanges().Concat(ours.AllocatedRanges()))
        {
            for (var page = range.Offset / PageSize; page * PageSize < range.Offset + range.Length; page++)
                pages.Add(page);
        }
        var (a, b) = (new byte[PageSize], new byte[PageSize]);
        foreach (var page in pages)
        {
            var count = (int)Math.Min(PageSize, ours.Length - page * PageSize);
            theirs.Read(page * PageSize, a.AsSpan(0, count));
            ours.Read(page * PageSize, b.AsSpan(0, count));
            Forget(a, b);
            var at = a.AsSpan(0, count).CommonPrefixLength(b.AsSpan(0, count));
            if (at < count)
                return $"at 0x{page * PageSize + at:X}: mke2fs has {Convert.ToHexString(a.AsSpan(at, Math.Min(16, count - at)))}, Platter {Convert.ToHexString(b.AsSpan(at, Math.Min(16, count - at)))}";
        }
        return null;
    }

    // What may differ (docs/filesystems/ext.md): how much was written so far, and with it the superblock's checksum; and in the MMP block the host's time and name.
    private static void Forget(byte[] theirs, byte[] ours)
    {
        const int magic = 0x38, uuid = 0x68, written = 0x178, checksum = 0x3FC, mmpTime = 0x08, deviceEnd = 0x70;
        for (var at = 0; at < PageSize; at += 1024)
        {
            var a = theirs.AsSpan(at, 1024);
            var b = ours.AsSpan(at, 1024);
            if (a[magic] == 0x53 && a[magic + 1] == 0xEF && a.Slice(uuid, 16).SequenceEqual(b.Slice(uuid, 16)))
            {
                b.Slice(written, 8).CopyTo(a[written..]);
                b[checksum..].CopyTo(a[checksum..]);
            }
            if (BinaryPrimitives.ReadUInt32LittleEndian(a) == 0x004D4D50 && BinaryPrimitives.ReadUInt32LittleEndian(b) == 0x004D4D50)
            {
                b[mmpTime..deviceEnd].CopyTo(a[mmpTime..]);
                b[checksum..].CopyTo(a[checksum..]);
            }
        }
    }

    private static void AddExtended(Dictionary<string, string> options, string text, bool isJournal)
    {
        foreach (var pair in text.Split(','))
        {
            var key = pair.Split('=')[0].Replace('-', '_');
            var value = pair.Contains('=', StringComparison.Ordinal) ? pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..] : "1";
            if (isJournal)
                options[key == "size" ? "journal_size" : key] = value + (key == "size" ? "M" : "K");
            else if (key is not ("lazy_itable_init" or "lazy_journal_init"))
                options[key] = value;
        }
    }
}
