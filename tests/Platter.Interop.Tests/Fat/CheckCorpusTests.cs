using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Fat;

public class CheckCorpusTests
{
    [Fact]
    public void Healthy_images_are_clean_and_broken_ones_are_not()
    {
        var wrong = new List<string>();
        var counts = new Dictionary<string, int>();
        foreach (var image in Corpus.Images.Where(i => i.Kind == "fat" && i.Packed == "zst"))
        {
            using var folder = new TempFolder();
            using var device = HostFile.Open(Corpus.Unpack(image, folder), FileAccess.Read);
            var report = FatChecker.Check(device, CheckOptions.Default);
            counts[image.Status] = counts.GetValueOrDefault(image.Status) + 1;
            if (image.Status == "healthy" && !report.IsClean)
                wrong.Add($"{image.File} is healthy:\n{string.Join('\n', report.Findings.Where(f => f.Severity > Severity.Note))}");
            if (image.File.Contains("syzkaller-vfat_13"))
                Assert.Contains(report.Findings, f => f.Code == "FAT-0114");
            if (image.Status == "broken" && report.IsClean)
                wrong.Add($"{image.File} is broken ({image.Special}), nothing was found");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(counts["healthy"] >= 40 && counts["broken"] >= 8, string.Join(' ', counts));
    }
}
