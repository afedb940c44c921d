using System.Text;
using Platter.Testing;
using Platter.Testing.Ext;

namespace Platter.Fuzz.Targets;

/// <summary>Sound ext volumes of e2fsprogs, in many feature sets, small and with something of everything in them.</summary>
internal static class ExtBases
{
    // A fixed time, identifiers and seeds: the same bytes every time.
    private const string Fixed = "-U 01234567-89ab-4def-8123-456789abcdef -E hash_seed=6f3a1e02-1111-4222-8333-944455556666,lazy_itable_init=1";

    private static readonly (string Arguments, int KiB, int Names, bool IsDirty)[] Volumes =
    [
        ("-t ext2 -b 1024 -I 128 -N 160 -O ^resize_inode", 512, 90, false),
        ("-t ext2 -b 1024 -I 256 -N 160 -O ^sparse_super,^resize_inode", 1024, 20, false),
        ("-t ext4 -b 1024 -I 256 -N 320 -O ^has_journal,^resize_inode", 1024, 250, false),
        ("-t ext4 -b 1024 -I 256 -N 160 -O ^has_journal,inline_data,ea_inode,metadata_csum_seed", 768, 40, false),
        ("-t ext4 -b 1024 -I 512 -N 160 -O ^has_journal,^metadata_csum,uninit_bg,meta_bg,^resize_inode,^flex_bg -g 256", 1024, 40, false),
        ("-t ext4 -b 4096 -I 256 -N 128 -O ^has_journal,bigalloc,casefold,quota -E encoding=utf8", 2048, 30, false),
        ("-t ext4 -b 1024 -I 256 -N 160 -O ^has_journal,large_dir,sparse_super2,^64bit,verity,encrypt -g 256", 1024, 60, false),
        ("-t ext4 -b 1024 -I 256 -N 128 -O orphan_file,mmp -J size=1", 4096, 20, false),
        ("-t ext4 -b 1024 -I 256 -N 320 -O ^has_journal,^flex_bg -g 256 -E resize=40000", 5120, 20, false),
        ("-t ext3 -b 1024 -I 128 -N 128 -J size=1", 4096, 20, true),
        ("-t ext4 -b 1024 -I 256 -N 128 -J size=1", 4096, 20, true),
        ("-t ext4 -b 1024 -I 256 -N 128 -O 64bit,^metadata_csum,fast_commit -J size=1", 8192, 10, true),
    ];

    private static List<PagedImage>? _made;

    /// <summary>The volumes: made once, whoever asks.</summary>
    public static List<PagedImage> Make() => _made ??= [.. Volumes.Select(v =>
    {
        using var folder = new TempFolder();
        return new PagedImage(Build(folder, v.Arguments, v.KiB, v.Names, v.IsDirty));
    })];

    private static byte[] Build(TempFolder folder, string arguments, int kib, int names, bool isDirty)
    {
        var path = folder.File("volume.img");
        File.WriteAllBytes(path, new byte[kib << 10]);
        var (extra, own) = arguments.Contains(" -E ", StringComparison.Ordinal) ? ("," + arguments[(arguments.IndexOf(" -E ", StringComparison.Ordinal) + 4)..], arguments[..arguments.IndexOf(" -E ", StringComparison.Ordinal)]) : ("", arguments);
        Run("mke2fs", ["-q", "-F", .. Mke2fs.WithoutProtection(own).Split(' '), .. (Fixed + extra).Split(' '), path]);
        var content = folder.File("content");
        File.WriteAllBytes(content, [.. Enumerable.Range(0, 40_000).Select(i => (byte)(i * 31 >> 3))]);
        var small = folder.File("small");
        File.WriteAllText(small, "a small content");
        Script(folder, path, Commands(content, small, names, arguments));
        Run("e2fsck", ["-fyD", path]);
        if (Mke2fs.WithoutProtection(own) != own)
            Run("tune2fs", ["-O", "mmp", path]);
        if (isDirty)
        {
            var block = kib - 100;
            var open = arguments.Contains("ext4", StringComparison.Ordinal) && !arguments.Contains("^metadata_csum", StringComparison.Ordinal) ? "jo -c -v 3" : "jo";
            Script(folder, path, $"{open}\njw -b {block}-{block + 30} {content}\njw -r {block + 3}-{block + 6}\njw -b {block + 5}-{block + 9} {content}\njc\n");
        }
        return File.ReadAllBytes(path);
    }

    private static string Commands(string content, string small, int names, string arguments)
    {
        var script = new StringBuilder($"write {content} content\nwrite {small} small\nwrite {content} holes\nmkdir many\nmkdir deep\nmkdir deep/er\nmkdir deep/er/still\nln small hard\n");
        for (var i = 2; i < 36; i += 2)
            script.Append($"punch holes {i} {i}\n");
        script.Append($"sif hard links_count 2\nsymlink short target\nsymlink long {new string('t', 90)}\nmknod char c 5 300\nmknod pipe p\nea_set small user.name value\nea_set -f {small} content user.other\n");
        if (arguments.Contains("ea_inode", StringComparison.Ordinal))
            script.Append($"ea_set -f {content} small user.large\n");
        if (!arguments.Contains("ext2", StringComparison.Ordinal) && !arguments.Contains("ext3", StringComparison.Ordinal))
            script.Append("fallocate small 3 7\n");
        for (var i = 0; i < names; i++)
            script.Append($"mkdir many\ncd many\nmknod a-longer-name-for-a-file-{i} p\ncd /\n".Replace("mkdir many\n", "", StringComparison.Ordinal));
        script.Append($"cd deep/er/still\nwrite {small} bottom\ncd /\n");
        return script.ToString();
    }

    private static void Script(TempFolder folder, string path, string commands)
    {
        var file = folder.File("script");
        File.WriteAllText(file, commands);
        Run("debugfs", ["-w", "-f", file, path]);
    }

    private static void Run(string tool, string[] arguments)
    {
        var result = Tool.Run("env", ["E2FSPROGS_FAKE_TIME=1700000000", tool, .. arguments]);
        if (result.ExitCode > (tool == "e2fsck" ? 1 : 0))
            throw new InvalidOperationException($"{tool} {string.Join(' ', arguments)}: {result.All}");
    }
}
