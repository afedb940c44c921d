using System.Globalization;
using System.Text.Json;
using Platter.FileSystems;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing;

/// <summary>Lets the Linux kernel mount images in a small virtual machine and tells what it sees: the judge whom nobody argues with.</summary>
/// <remarks>A call takes some 5 to 15 s, mostly to start the machine: give it many images at once, at most <see cref="MaxImages"/>.</remarks>
public static class KernelMount
{
    public const int MaxImages = 250;

    /// <summary>An image to be mounted.</summary>
    /// <param name="Path">The file.</param>
    /// <param name="Type">As the kernel names it (<c>vfat</c>), or null to have it probed.</param>
    /// <param name="Partition">Counted from 1; null mounts the whole disk.</param>
    public readonly record struct Image(string Path, string? Type = null, int? Partition = null)
    {
        internal string Argument => Path + (Type is null ? "" : ":" + Type) + (Partition is null ? "" : "@" + Partition);
    }

    /// <summary>What to do with the images.</summary>
    public sealed record Options
    {
        public static Options Default { get; } = new();

        /// <summary>Shell commands to run in the mount point, which is then mounted for writing; null only looks.</summary>
        public string? Script { get; init; }

        /// <summary>Whether the script's changes stay in the image.</summary>
        public bool Keep { get; init; }

        public bool ExtendedAttributes { get; init; }
        public int SectorSize { get; init; } = 512;

        /// <summary>The container of all the images, as QEMU calls it: raw, vpc, vhdx, qcow2.</summary>
        public string Format { get; init; } = "raw";

        public string? MountOptions { get; init; }
    }

    /// <summary>A line of the kernel's log.</summary>
    public readonly record struct LogLine(string Phase, string Level, string Text);

    /// <summary>What the kernel saw of one image.</summary>
    public sealed record Report
    {
        public required string Image { get; init; }

        /// <summary>Mounted, wholly readable, and the script (if any) ended with 0.</summary>
        public required bool IsOk { get; init; }

        public string? Error { get; init; }
        public int? ScriptStatus { get; init; }
        public string ScriptOutput { get; init; } = "";
        public IReadOnlyList<LogLine> Log { get; init; } = [];

        /// <summary>Lines of the log that are warnings or worse; left out are those about partitions, and those of the emulated machine's
        /// clock, which runs late on a busy host and says nothing of an image.</summary>
        public IEnumerable<LogLine> Warnings => Log.Where(l => l.Level is not ("info" or "notice" or "debug")
            && l.Phase != "partitions" && !l.Text.StartsWith("clocksource:", StringComparison.Ordinal)
            && !l.Text.StartsWith("hrtimer:", StringComparison.Ordinal));

        /// <summary>The tree: names, kinds, sizes, hashes and modification times; attributes, modes and owners where the driver tells them.</summary>
        public required TreeSnapshot Tree { get; init; }

        /// <summary>The document itself, for what is not in this record.</summary>
        public required JsonElement Json { get; init; }

        /// <summary>Fails unless the kernel mounted and read everything and had nothing to complain about.</summary>
        public void AssertClean()
        {
            var warnings = Warnings.Select(l => $"{l.Phase}: {l.Text}").ToList();
            Assert.True(IsOk && warnings.Count == 0, $"the kernel on {Image}: {Error ?? "warnings"}\n{string.Join('\n', warnings)}\n{ScriptOutput}");
        }
    }

    /// <summary>Mounts one image.</summary>
    public static Report Run(Image image, Options? options = null) => Run([image], options)[0];

    /// <summary>Mounts the images, one after the other in one machine.</summary>
    /// <returns>A report for each, in the same order.</returns>
    public static IReadOnlyList<Report> Run(IReadOnlyList<Image> images, Options? options = null)
    {
        Assert.InRange(images.Count, 1, MaxImages);
        options ??= Options.Default;
        using var folder = new TempFolder();
        var arguments = new List<string> { "--format", options.Format, "--sector-size", options.SectorSize.ToString(CultureInfo.InvariantCulture) };
        if (options.MountOptions is not null)
            arguments.AddRange(["-o", options.MountOptions]);
        if (options.ExtendedAttributes)
            arguments.Add("--xattrs");
        if (options.Script is not null)
        {
            File.WriteAllText(folder.File("script.sh"), options.Script);
            arguments.AddRange(["--rw", folder.File("script.sh")]);
        }
        if (options.Keep)
            arguments.Add("--keep");
        var tool = Path.Combine(Corpus.Shared, "tools", "kernel-mount", "kernel-mount");
        Assert.True(File.Exists(tool), "kernel-mount is expected in shared/tools beside the repository; its setup.sh installs what it needs");
        var result = Tool.Run(null, null, tool, [.. arguments, .. images.Select(i => i.Argument)]);
        if (result.ExitCode > 1)
            Assert.Fail($"kernel-mount ended with {result.ExitCode} (its setup.sh installs what it needs):\n{result.Error}");
        using var document = JsonDocument.Parse(result.Output);
        return [.. document.RootElement.GetProperty("images").EnumerateArray().Select(i => Parse(i.Clone(), options))];
    }

    private static Report Parse(JsonElement image, Options options)
    {
        var script = Member(image, "script");
        var entries = Member(image, "entries") is { } list ? list.EnumerateArray().ToList() : [];
        return new Report
        {
            Image = image.GetProperty("image").GetString()!,
            IsOk = image.GetProperty("ok").GetBoolean(),
            Error = Member(image, "error")?.GetString(),
            ScriptStatus = script is { } ran ? ran.GetProperty("status").GetInt32() : null,
            ScriptOutput = script is { } said ? said.GetProperty("output").GetString() ?? "" : "",
            Log = Member(image, "log") is { } log
                ? [.. log.EnumerateArray().Select(l => new LogLine(l.GetProperty("phase").GetString()!, l.GetProperty("level").GetString()!, l.GetProperty("text").GetString()!))]
                : [],
            Tree = new TreeSnapshot(entries.Where(e => e.GetProperty("path").GetString() != ".").Select(e => ParseEntry(e, Member(image, "fstype")?.GetString(), options))),
            Json = image,
        };
    }

    private static SnapshotEntry ParseEntry(JsonElement entry, string? type, Options options)
    {
        var kind = entry.GetProperty("type").GetString() switch
        {
            "file" => EntryKind.File, "dir" => EntryKind.Directory, "symlink" => EntryKind.SymbolicLink, "char" => EntryKind.CharacterDevice,
            "block" => EntryKind.BlockDevice, "fifo" => EntryKind.Fifo, _ => EntryKind.Socket,
        };
        // Owners and modes on the DOS and Mac filesystems are the driver's own invention.
        var isPosix = type is not ("vfat" or "msdos" or "exfat" or "ntfs3" or "hfs" or "hfsplus");
        return new SnapshotEntry("/" + entry.GetProperty("path").GetString(), kind)
        {
            Length = kind == EntryKind.File ? entry.GetProperty("size").GetInt64() : null,
            Sha256 = kind == EntryKind.File ? Member(entry, "sha256")?.GetString() : null,
            Modified = new Timestamp(entry.GetProperty("mtime").GetInt64(), entry.GetProperty("mtime_nsec").GetInt32()),
            Attributes = Member(entry, "dos_attributes") is { } attributes
                ? (DosAttributes)attributes.GetInt32() & (DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive)
                : null,
            Mode = isPosix ? Convert.ToInt32(entry.GetProperty("mode").GetString(), 8) : null,
            UserId = isPosix ? entry.GetProperty("uid").GetUInt32() : null,
            GroupId = isPosix ? entry.GetProperty("gid").GetUInt32() : null,
            Target = Member(entry, "target")?.GetString(),
            Device = Member(entry, "rdev") is { } device
                ? new DeviceNumber(device.GetProperty("major").GetUInt32(), device.GetProperty("minor").GetUInt32())
                : null,
            ExtendedAttributes = options.ExtendedAttributes && Member(entry, "xattrs") is { } attributeList
                ? string.Join(", ", attributeList.EnumerateObject()
                    .Select(a => $"{a.Name}={Convert.ToHexStringLower(a.Value.GetBytesFromBase64())}").Order(StringComparer.Ordinal))
                : null,
        };
    }

    // Null for what is absent and for what is null.
    private static JsonElement? Member(JsonElement element, string name) =>
        element.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null ? member : null;
}
