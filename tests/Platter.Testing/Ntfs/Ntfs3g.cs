using Xunit;

namespace Platter.Testing.Ntfs;

/// <summary>The tools of ntfs-3g: volumes made by mkntfs, and worked on through FUSE.</summary>
public static class Ntfs3g
{
    /// <summary>Makes a volume.</summary>
    /// <param name="path">The image, made anew.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="arguments">Of mkntfs, such as <c>-c 65536</c>.</param>
    public static void Make(string path, long length, string arguments = "")
    {
        using (var image = File.Create(path))
            image.SetLength(length);
        Tool.Expect("mkntfs", ["-F", "-Q", "-q", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), path]);
    }

    /// <summary>Mounts an image, runs a script of bash in it, and unmounts.</summary>
    /// <param name="path">The image.</param>
    /// <param name="script">Runs in the mount point; <c>$HERE</c> is the folder that the image is in.</param>
    /// <param name="options">Of the mount; streams are <c>file:stream</c>.</param>
    /// <returns>What the script wrote.</returns>
    public static string Run(string path, string script, string options = "streams_interface=windows,compression,permissions")
    {
        var result = With(path, options, mount => Tool.Run(mount, null,
            new Dictionary<string, string>(StringComparer.Ordinal) { ["HERE"] = Path.GetDirectoryName(path)! }, "bash", "-c", "set -e\n" + script));
        Assert.True(result.ExitCode == 0, $"the script ended with {result.ExitCode}:\n{result.All}");
        return result.Output;
    }

    /// <summary>Mounts an image, does something there, and unmounts.</summary>
    /// <param name="path">The image.</param>
    /// <param name="options">Of the mount.</param>
    /// <param name="work">Gets the mount point.</param>
    /// <param name="driver">Which of the two drivers; only the other one, <c>lowntfs-3g</c>, can be blind to case.</param>
    public static T With<T>(string path, string options, Func<string, T> work, string driver = "ntfs-3g")
    {
        var mount = Path.Combine(Path.GetDirectoryName(path)!, "mnt");
        Directory.CreateDirectory(mount);
        Tool.Expect(driver, "-o", options, path, mount);
        T result;
        try
        {
            result = work(mount);
        }
        finally
        {
            // FUSE ends its work when it is unmounted: wait until the driver has let go of the image.
            Tool.Expect("umount", mount);
        }
        WaitForRelease(path);
        return result;
    }

    /// <summary>The tree as the driver shows it; what leads to the root of the volume leads there, wherever that was mounted.</summary>
    /// <param name="path">The image.</param>
    /// <param name="streams">Named streams to be looked at, as <c>file:stream</c>; the driver does not list them.</param>
    public static Dictionary<string, NtfsListing.Line> List(string path, params string[] streams)
    {
        var script = $$"""
            find . -mindepth 1 -printf '%y\t%s\t%P\t%l\n'; echo --
            find . -type f -print0 | xargs -0 -r sha256sum
            {{string.Concat(streams.Select(s => $"sha256sum './{s}'; stat -c '%s' './{s}'\n"))}}
            """;
        var lines = Run(path, script, "streams_interface=windows,ro").Split('\n');
        var end = Array.IndexOf(lines, "--");
        var mount = Path.Combine(Path.GetDirectoryName(path)!, "mnt");
        var found = new Dictionary<string, NtfsListing.Line>(StringComparer.Ordinal);
        foreach (var line in lines[..end])
        {
            var c = line.Split('\t');
            found["/" + c[2]] = new NtfsListing.Line(c[0], c[0] == "f" ? c[1] : "-", "-", c[0] == "l" ? c[3].StartsWith(mount, StringComparison.Ordinal) ? c[3][mount.Length..] : c[3] : "-");
        }
        for (var i = end + 1; i < lines.Length && lines[i].Length > 0; i++)
        {
            // HASH  ./path
            var (hash, name) = (lines[i][..64], "/" + lines[i][68..]);
            found[name] = found.TryGetValue(name, out var line) ? line with { Hash = hash } : new NtfsListing.Line("a", lines[++i], hash, "-");
        }
        return found;
    }

    private static void WaitForRelease(string path)
    {
        for (var i = 0; i < 600; i++)
        {
            if (!Directory.EnumerateDirectories("/proc").Any(p => Holds(p, path)))
                return;
            Thread.Sleep(50);
        }
        Assert.Fail($"ntfs-3g does not let go of {path}");
    }

    private static bool Holds(string process, string path)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "comm")).Trim() is "ntfs-3g" or "lowntfs-3g" && File.ReadAllText(Path.Combine(process, "cmdline")).Contains(path, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
