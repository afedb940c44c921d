using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Fat;

public class FormatKernelTests
{
    private static readonly (string Type, long Length, int SectorSize)[] Volumes =
    [
        ("fat", 160 << 10, 512), ("fat", 1440 << 10, 512), ("fat12", 4 << 20, 512), ("fat16", 33 << 20, 512), ("fat32", 40 << 20, 512),
        ("fat", 64L << 30, 512), ("fat16", 64 << 20, 2048), ("fat32", 600 << 20, 4096),
    ];

    [Fact]
    public void The_kernel_mounts_and_fills_what_was_formatted_and_the_checker_finds_it_sound()
    {
        using var folder = new TempFolder();
        var images = new List<KernelMount.Image>();
        foreach (var (type, length, sectorSize) in Volumes)
        {
            var path = folder.File($"volume{images.Count}.img");
            using (var file = HostFile.Create(path, length))
                FatFormatter.Format(file, new FormatOptions { Type = type, Label = "KERNEL", Options = new Dictionary<string, string> { ["sector_size"] = sectorSize.ToString() } });
            images.Add(new KernelMount.Image(path, "vfat"));
        }
        var script = "mkdir -p 'a directory/within' && echo hello > 'a directory/within/a file with a long name.txt' && dd if=/dev/zero of=BIG bs=1k count=30 2>/dev/null && touch lower.txt MiXed && rm MiXed";
        foreach (var report in KernelMount.Run(images, new KernelMount.Options { Script = script, Keep = true }))
            report.AssertClean();
        foreach (var image in images)
        {
            using var device = HostFile.Open(image.Path, FileAccess.Read);
            var report = FatChecker.Check(device, CheckOptions.Default);
            Assert.True(report.Findings.Count == 0, $"{image.Path}:\n{string.Join('\n', report.Findings)}");
        }
    }
}
