using System.Security.Cryptography;
using System.Text.Json;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ext;

/// <summary>Volumes of mke2fs in combinations that bring every two features together: e2fsck, the source and the kernel agree with what is read.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public class MatrixTests(MatrixVolumes volumes) : IClassFixture<MatrixVolumes>
{
    private const int LargestKernelBlock = 4096;

    [Fact]
    public void At_least_sixty_combinations_are_sound_and_read_as_the_tree_they_were_filled_from()
    {
        Assert.InRange(volumes.Volumes.Count, 60, 200);
        var wrong = new List<string>();
        foreach (var (name, path, _) in volumes.Volumes)
        {
            if (Mke2fs.Complaint(path) is { } complaint)
                wrong.Add($"{name}: e2fsck: {complaint}");
            try
            {
                wrong.AddRange(DifferencesToSource(path).Select(d => $"{name}: {d}"));
            }
            catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
            {
                wrong.Add($"{name}: {e}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong.Take(30)));
    }

    [Fact]
    public void The_kernel_sees_the_same_in_all_that_it_can_mount()
    {
        var mountable = volumes.Volumes.Where(v => v.BlockSize <= LargestKernelBlock).ToList();
        var reports = KernelMount.Run([.. mountable.Select(v => new KernelMount.Image(v.Path, "ext4"))], new KernelMount.Options { ExtendedAttributes = true });
        var wrong = new List<string>();
        foreach (var ((name, path, _), report) in mountable.Zip(reports))
        {
            if (!report.IsOk)
            {
                wrong.Add($"{name}: {report.Error}");
                continue;
            }
            using var device = HostFile.Open(path, FileAccess.Read);
            using var volume = ExtVolume.Open(device, VolumeOptions.Default);
            wrong.AddRange(report.Tree.DifferencesTo(TreeSnapshot.Read(volume)).Select(d => $"{name}: {d}"));
            wrong.AddRange(InodeDifferences(volume, report.Json).Select(d => $"{name}: {d}"));
        }
        Assert.True(wrong.Count == 0, $"{mountable.Count} volumes\n" + string.Join('\n', wrong.Take(30)));
    }

    [Fact]
    public void Every_combination_is_edited_and_the_kernel_reads_the_outcome()
    {
        var wrong = new List<string>();
        var images = new List<(string Name, KernelMount.Image Image, TreeSnapshot Tree)>();
        foreach (var (name, path, blockSize) in volumes.Volumes)
        {
            var copy = path + ".edited";
            File.Copy(path, copy, overwrite: true);
            try
            {
                using var device = HostFile.Open(copy, FileAccess.ReadWrite);
                using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
                ExtEditScript.Run(volume);
                volume.Commit();
                var tree = TreeSnapshot.Read(volume);
                using var reopened = ExtVolume.Open(device, VolumeOptions.Default);
                wrong.AddRange(tree.DifferencesTo(TreeSnapshot.Read(reopened)).Select(d => $"{name}: {d}"));
                wrong.AddRange(new ExtType().Check(device, CheckOptions.Default).Findings.Where(f => f.Severity > Severity.Note && (f.Code != "EXT-0701" || !LeavesLinksOut(name))).Take(5).Select(f => $"{name}: {f}"));
                if (blockSize <= LargestKernelBlock)
                    images.Add((name, new KernelMount.Image(copy, "ext4"), tree));
            }
            catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException or VolumeFullException)
            {
                wrong.Add($"{name}: {e}");
            }
            if ((LeavesLinksOut(name) ? ComplaintBesidesQuotas(copy) : Mke2fs.Complaint(copy)) is { } complaint)
                wrong.Add($"{name}: e2fsck: {complaint}");
        }
        Assert.True(wrong.Count == 0, $"{volumes.Volumes.Count} volumes\n" + string.Join('\n', wrong.Take(30)));

        // The machine's kernel has no quota_v2: it reads volumes with quotas, and does not mount them for writing.
        var counted = images.Where(i => HasQuotas(i.Name)).ToList();
        foreach (var ((name, _, tree), report) in counted.Zip(KernelMount.Run([.. counted.Select(i => i.Image)], new KernelMount.Options { ExtendedAttributes = true })))
            wrong.AddRange(report.IsOk ? tree.DifferencesTo(report.Tree).Select(d => $"{name}: {d}") : [$"{name}: {report.Error}"]);
        images.RemoveAll(i => HasQuotas(i.Name));
        var reports = KernelMount.Run([.. images.Select(i => i.Image)], new KernelMount.Options { ExtendedAttributes = true, Script = "echo more > from-the-kernel; mkdir kernel; mv kernel moved/", Keep = true });
        foreach (var ((name, image, tree), report) in images.Zip(reports))
        {
            if (!report.IsOk)
                wrong.Add($"{name}: {report.Error} {report.ScriptOutput}");
            else if (Mke2fs.Complaint(image.Path) is { } complaint)
                wrong.Add($"{name}: e2fsck after the kernel: {complaint}");
            else
                wrong.AddRange(tree.DifferencesTo(report.Tree).Where(d => !d.Contains("kernel", StringComparison.Ordinal) && !d.StartsWith("~ /moved:", StringComparison.Ordinal)).Select(d => $"{name}: {d}"));
        }
        Assert.True(wrong.Count == 0, $"{images.Count} volumes, the kernel\n" + string.Join('\n', wrong.Take(30)));
    }

    // The kernel and Platter count links whose target is inline data, e2fsck, which counted these volumes, does not: when they are deleted it counts too much.
    private static bool LeavesLinksOut(string name) => name.Contains("inline_data", StringComparison.Ordinal) && HasQuotas(name);

    private static bool HasQuotas(string name) => name.EndsWith(" quota", StringComparison.Ordinal) || name.EndsWith(" project", StringComparison.Ordinal);

    private static string? ComplaintBesidesQuotas(string path)
    {
        if (Mke2fs.Complaint(path) is not { } all)
            return null;
        var lines = all.Split('\n').Where(l => l.Length > 0 && !l.StartsWith("Pass ", StringComparison.Ordinal) && !l.StartsWith("e2fsck ", StringComparison.Ordinal)
            && !l.StartsWith("Update quota info for quota type ", StringComparison.Ordinal) && !l.StartsWith("[QUOTA WARNING] ", StringComparison.Ordinal)
            && !l.Contains(" WARNING: Filesystem still has errors ", StringComparison.Ordinal) && !l.Contains("% non-contiguous), ", StringComparison.Ordinal)).ToList();
        return lines.Count == 0 ? null : string.Join('\n', lines);
    }

    private List<string> DifferencesToSource(string path)
    {
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        var differences = new List<string>();
        var count = 0;
        foreach (var host in new DirectoryInfo(volumes.Source).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            count++;
            var inside = host.FullName[volumes.Source.Length..];
            if (!volume.TryFind(inside, out var node))
            {
                differences.Add($"{inside} is missing");
                continue;
            }
            var metadata = node.Metadata;
            if (host.LinkTarget is { } target)
            {
                if (metadata.LinkTarget != target)
                    differences.Add($"{inside}: leads to {metadata.LinkTarget}");
                continue;
            }
            if (metadata.Mode != (int)File.GetUnixFileMode(host.FullName))
                differences.Add($"{inside}: mode {metadata.Mode:X}");
            if (host is FileInfo { Length: > 0 } file && inside is not "/numbers" and not "/lines")
            {
                using var stream = node.OpenRead();
                if (Convert.ToHexString(SHA256.HashData(stream)) != Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.FullName))))
                    differences.Add($"{inside}: content differs");
            }
        }
        var problems = new List<string>();
        var listed = ExtListing.Read(volume, problems);
        differences.AddRange(problems);
        // Besides the source: lost+found and the three devices.
        if (listed.Count != count + 4)
            differences.Add($"{listed.Count} entries, expected {count + 4}");
        AssertRanges(volume, device, differences);
        differences.AddRange(new ExtType().Check(device, CheckOptions.Default).Findings.Where(f => f.Severity > Severity.Note).Select(f => f.ToString()));
        return differences;
    }

    // What is allocated, and nothing else, is what dumpe2fs does not call free.
    private static void AssertRanges(ExtVolume volume, BlockDevice device, List<string> differences)
    {
        var used = volume.AllocatedRanges().Sum(r => r.Length);
        var free = volume.FreeBytes;
        if (used + free != device.Length)
            differences.Add($"{used} bytes allocated and {free} free of {device.Length}");
    }

    private static IEnumerable<string> InodeDifferences(ExtVolume volume, JsonElement report)
    {
        var free = report.GetProperty("statfs").GetProperty("free").GetInt64() * report.GetProperty("statfs").GetProperty("fragment_size").GetInt64();
        if (free != volume.FreeBytes)
            yield return $"the kernel has {free} bytes free, Platter {volume.FreeBytes}";
        foreach (var entry in report.GetProperty("entries").EnumerateArray())
        {
            var path = entry.GetProperty("path").GetString()!;
            var node = path == "." ? volume.Root : volume.Find("/" + path);
            var found = node.Metadata;
            var pairs = new (string Name, object? Expected, object? Found)[]
            {
                ("inode", entry.GetProperty("ino").GetUInt64(), node.Id.Value),
                ("links", entry.GetProperty("nlink").GetInt32(), found.LinkCount),
                // The kernel gives inline data a share of a block that it does not have.
                ("allocated", found is { AllocatedLength: 0, Length: > 0 and < 1024 } ? 0L : entry.GetProperty("blocks").GetInt64() * 512, found.AllocatedLength),
                ("changed", Time(entry, "ctime"), found.Changed),
                ("accessed", Time(entry, "atime"), found.Accessed),
                ("created", entry.TryGetProperty("btime", out var born) && born.ValueKind == JsonValueKind.Number ? Time(entry, "btime") : null, found.Created),
            };
            foreach (var (name, expected, got) in pairs)
            {
                if (!Equals(expected, got))
                    yield return $"/{path}: {name}: expected {expected}, found {got}";
            }
        }
    }

    private static Timestamp? Time(JsonElement entry, string name) =>
        new Timestamp(entry.GetProperty(name).GetInt64(), entry.GetProperty(name + "_nsec").GetInt32());
}
