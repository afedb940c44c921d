using System.Text;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing.Ext;

/// <summary>ext volumes as e2fsprogs make and fill them, and <c>e2fsck</c> as their judge: nothing of Platter is needed to make a test's ground.</summary>
public static class Mke2fs
{
    /// <summary>Makes a volume in a file.</summary>
    /// <param name="path">The file; made anew.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="arguments">As on the command line, without the file: <c>-t ext4 -b 1024</c>.</param>
    /// <param name="tree">A folder whose content becomes the root; null for none.</param>
    public static void Make(string path, long length, string arguments, string? tree = null)
    {
        File.Delete(path);
        using (var file = File.Create(path))
            file.SetLength(length);
        // A fixed seed: by which names a directory is split would else differ from run to run, and with it what a damage does.
        var seed = arguments.Contains("hash_seed", StringComparison.Ordinal) ? "" : ",hash_seed=6f3a1e02-1111-4222-8333-944455556666";
        List<string> all = ["-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1" + seed, .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        if (tree is not null)
            all.AddRange(["-d", tree]);
        // One -E overrides another.
        for (var second = all.LastIndexOf("-E"); second != 2; second = all.LastIndexOf("-E"))
        {
            all[3] += "," + all[second + 1];
            all.RemoveRange(second, 2);
        }
        Tool.Expect("mke2fs", [.. all, path]);
    }

    /// <summary>A small volume in memory.</summary>
    public static ScratchDevice Device(string arguments, long length, string? script = null)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Make(path, length, arguments);
        if (script is not null)
            Debugfs(path, script);
        return ScratchDevice.Load(path);
    }

    /// <summary>Runs commands of debugfs, which may change the volume, one a line; fails the test when one of them complains.</summary>
    /// <returns>What they print.</returns>
    public static string Debugfs(string path, string script)
    {
        using var folder = new TempFolder();
        var file = folder.File("script");
        File.WriteAllText(file, script.ReplaceLineEndings("\n"), new UTF8Encoding(false));
        var result = Tool.Run("debugfs", "-w", "-f", file, path);
        var complaints = result.Error.Split('\n').Where(l => l.Length > 0 && !l.StartsWith("debugfs 1.", StringComparison.Ordinal)).ToList();
        if (complaints.Count > 0 || result.ExitCode != 0)
            Assert.Fail($"debugfs on {path}: {string.Join('\n', complaints.Take(10))}");
        return result.Output;
    }

    /// <summary>Has <c>e2fsck -fn</c> look at a volume.</summary>
    /// <returns>What it complains of, or null.</returns>
    public static string? Complaint(string path)
    {
        var result = Tool.Run("e2fsck", "-fn", path);
        return result.ExitCode == 0 ? null : result.All;
    }

    /// <summary>Arguments without <c>mmp</c>: whoever opens such a volume for writing waits for 11 seconds. <see cref="Protect"/> adds it at the end.</summary>
    public static string WithoutProtection(string arguments) => arguments.Replace(",mmp", "", StringComparison.Ordinal);

    /// <summary>Gives the volume multiple mount protection, if the arguments that it should have been made with say so.</summary>
    public static void Protect(string path, string arguments)
    {
        if (WithoutProtection(arguments) != arguments)
            Tool.Expect("tune2fs", "-O", "mmp", path);
    }

    /// <summary>Has the quota files made anew: debugfs does not keep them right.</summary>
    public static void CountQuotas(string path)
    {
        Tool.Expect("tune2fs", "-O", "^quota", path);
        Tool.Expect("tune2fs", "-O", "quota", path);
    }

    /// <summary>Gives every directory of several blocks a hash tree.</summary>
    public static void Index(string path)
    {
        var result = Tool.Run("e2fsck", "-fyD", path);
        Assert.True(result.ExitCode is 0 or 1, result.All);
    }
}
