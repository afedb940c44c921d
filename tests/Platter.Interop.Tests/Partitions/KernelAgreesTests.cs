using System.Diagnostics;
using System.Text.Json;
using Platter.Blocks;
using Platter.Partitions;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Partitions;

/// <summary>The Linux kernel, in a virtual machine, on tables that Platter made.</summary>
public sealed class KernelAgreesTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void The_kernel_sees_the_partitions_of_every_table(int sectorSize)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var folder = new TempFolder();
        var tables = new Dictionary<string, PartitionTable>(StringComparer.Ordinal);
        foreach (var scheme in new[] { PartitionScheme.Gpt, PartitionScheme.Mbr, PartitionScheme.Apm })
        {
            for (var n = 0; n < 4; n++)
            {
                var disk = new MemoryDevice(64 * MiB, sectorSize);
                var editor = PartitionEditor.Create(disk, scheme);
                for (var step = 0; step < 10; step++)
                    RandomEdits.Apply(editor, random);
                var path = folder.File($"{scheme}{n}.img");
                File.WriteAllBytes(path, disk.Bytes);
                tables.Add(path, editor.Table);
            }
        }
        var partitions = 0;
        foreach (var (path, seen) in KernelPartitions(sectorSize, [.. tables.Keys]))
        {
            tables.Remove(path, out var table);
            partitions += table!.Partitions.Count;
            // Of an extended partition the kernel shows the first kilobyte only, so that nobody writes a file system there.
            var wanted = table.Partitions.OrderBy(p => p.Number)
                .Select(p => $"{p.Number} {p.Start} {(p.IsExtended ? Math.Max(1024, sectorSize) : p.Length)}");
            Assert.Equal(string.Join("\n", wanted), string.Join("\n", seen));
        }
        Assert.Empty(tables);
        TestContext.Current.TestOutputHelper?.WriteLine($"{partitions} partitions");
        Assert.True(partitions > 12);
    }

    private static IEnumerable<(string Path, IEnumerable<string> Partitions)> KernelPartitions(int sectorSize, string[] paths)
    {
        var script = Path.Combine(Corpus.Shared, "tools", "kernel-mount", "kernel-mount");
        Assert.True(File.Exists(script), "kernel-mount is expected in shared/tools beside the repository");
        var start = new ProcessStartInfo(script, ["--sector-size", $"{sectorSize}", .. paths]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode is 0 or 1, error.Result); // 1: there is no file system to mount, which is so
        using var json = JsonDocument.Parse(output);
        foreach (var image in json.RootElement.GetProperty("images").EnumerateArray().ToList())
        {
            yield return (image.GetProperty("image").GetString()!, [.. image.GetProperty("partitions").EnumerateArray()
                .Select(p => (Number: p.GetProperty("number").GetInt32(), Text: $"{p.GetProperty("number").GetInt32()} {p.GetProperty("offset").GetInt64()} {p.GetProperty("size").GetInt64()}"))
                .OrderBy(p => p.Number).Select(p => p.Text)]);
        }
    }
}
