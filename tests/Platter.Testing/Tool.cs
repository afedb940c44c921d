using System.Diagnostics;
using Xunit;

namespace Platter.Testing;

/// <summary>Runs a third-party tool. A missing tool is a failure that says how to install it, never a skip.</summary>
public static class Tool
{
    /// <summary>What a finished tool left behind.</summary>
    public sealed record Result(int ExitCode, string Output, string Error)
    {
        public string All => Output + Error;
    }

    // The Debian package that brings each judge; the script `test` reads this list and installs what is missing.
    private static readonly Dictionary<string, string> Packages = new(StringComparer.Ordinal)
    {
        ["getfattr"] = "attr", ["setfattr"] = "attr",
        ["bash"] = "bash",
        ["bsdtar"] = "libarchive-tools",
        ["bzip2"] = "bzip2",
        ["mmdebstrap"] = "mmdebstrap", ["qemu-system-x86_64"] = "qemu-system-x86",
        ["mkfs.vfat"] = "dosfstools", ["fsck.vfat"] = "dosfstools", ["fatlabel"] = "dosfstools",
        ["mke2fs"] = "e2fsprogs", ["e2fsck"] = "e2fsprogs", ["debugfs"] = "e2fsprogs", ["dumpe2fs"] = "e2fsprogs", ["tune2fs"] = "e2fsprogs",
        ["mkfs.exfat"] = "exfatprogs", ["fsck.exfat"] = "exfatprogs", ["dump.exfat"] = "exfatprogs",
        ["sfdisk"] = "fdisk", ["fdisk"] = "fdisk",
        ["fish"] = "fish",
        ["gcc"] = "gcc",
        ["sgdisk"] = "gdisk",
        ["setfacl"] = "acl", ["getfacl"] = "acl",
        ["gzip"] = "gzip",
        ["qcowinfo"] = "libqcow-utils", ["qcowmount"] = "libqcow-utils",
        ["vhdiinfo"] = "libvhdi-utils", ["vhdimount"] = "libvhdi-utils",
        ["vmdkinfo"] = "libvmdk-utils",
        ["lz4"] = "lz4",
        ["losetup"] = "mount",
        ["mdir"] = "mtools", ["mcopy"] = "mtools", ["minfo"] = "mtools", ["mmd"] = "mtools", ["mdel"] = "mtools", ["mattrib"] = "mtools",
        ["mlabel"] = "mtools",
        ["mkntfs"] = "ntfs-3g", ["ntfs-3g"] = "ntfs-3g", ["ntfscat"] = "ntfs-3g", ["ntfsinfo"] = "ntfs-3g", ["ntfsls"] = "ntfs-3g", ["ntfsdecrypt"] = "ntfs-3g", ["ntfsfix"] = "ntfs-3g", ["ntfssecaudit"] = "ntfs-3g",
        ["parted"] = "parted",
        ["pigz"] = "pigz",
        ["qemu-img"] = "qemu-utils", ["qemu-io"] = "qemu-utils",
        ["fls"] = "sleuthkit", ["istat"] = "sleuthkit", ["mmls"] = "sleuthkit", ["fsstat"] = "sleuthkit",
        ["setsid"] = "util-linux", ["mkswap"] = "util-linux", ["swaplabel"] = "util-linux", ["blkid"] = "util-linux",
        ["tar"] = "tar",
        ["wimlib-imagex"] = "wimtools",
        ["xz"] = "xz-utils",
        ["zsh"] = "zsh",
        ["zstd"] = "zstd",
        ["ntfs-3g.probe"] = "ntfs-3g", ["lowntfs-3g"] = "ntfs-3g",
    };

    /// <summary>Runs and returns whatever the exit code was.</summary>
    public static Result Run(string tool, params string[] arguments) => Run(null, null, tool, arguments);

    /// <summary>Runs with a working folder and standard input.</summary>
    public static Result Run(string? folder, byte[]? input, string tool, params string[] arguments) =>
        Run(folder, input, null, tool, arguments);

    /// <summary>Runs with one more environment variable, or several.</summary>
    public static Result Run(string? folder, byte[]? input, IReadOnlyDictionary<string, string>? environment, string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(Find(tool), arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false,
            WorkingDirectory = folder ?? "",
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment["TZ"] = "UTC";
        start.Environment["MTOOLS_SKIP_CHECK"] = "1";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (input is not null)
            process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return new Result(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Runs and fails the test unless the exit code is 0; returns the standard output.</summary>
    public static string Expect(string tool, params string[] arguments)
    {
        var result = Run(tool, arguments);
        if (result.ExitCode != 0)
            Assert.Fail($"{tool} {string.Join(' ', arguments)} ended with {result.ExitCode}:\n{result.All}");
        return result.Output;
    }

    private static string Find(string tool)
    {
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            var path = Path.Combine(folder, tool);
            if (File.Exists(path))
                return path;
        }
        var package = Packages.GetValueOrDefault(tool, tool);
        Assert.Fail($"the tool '{tool}' is missing: apt-get install {package}");
        return "";
    }
}
