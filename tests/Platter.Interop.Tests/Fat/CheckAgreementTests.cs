using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Fat;

/// <summary>Damages volumes at random and holds the checker's verdict against that of fsck.vfat.</summary>
public class CheckAgreementTests
{
    [Fact]
    public void Over_a_hundred_damaged_volumes_the_verdict_is_that_of_fsck() => Compare(firstSeed: 1, count: 120);

    [Theory(Explicit = true)]
    [InlineData(100_000)]
    [InlineData(500_000)]
    public void Over_two_thousand_damaged_volumes_the_verdict_is_that_of_fsck(int firstSeed) => Compare(firstSeed, count: 2000);

    private static void Compare(int firstSeed, int count)
    {
        using var folder = new TempFolder();
        var bases = DamagedVolume.MakeBases(folder);
        var path = folder.File("damaged.img");
        var tally = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var unexplained = new List<string>();
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var volume = DamagedVolume.Make(bases, seed);
            var report = FatChecker.Check(new MemoryDevice(volume.Bytes), CheckOptions.Default);
            volume.Save(path);
            var fsck = Tool.Run("fsck.vfat", "-n", path);
            var ours = report.IsClean ? "clean" : "damaged";
            var theirs = fsck.ExitCode == 0 ? "clean" : "damaged";
            var verdict = ours == theirs ? "both " + ours : Explain(report, fsck);
            if (verdict is null)
            {
                unexplained.Add($"seed {seed} ({volume.What}): ours {ours}, fsck.vfat {theirs} ({fsck.ExitCode})\n{string.Join('\n', report.Findings.Where(f => f.Severity > Severity.Note))}\n{string.Join(" | ", fsck.All.Split('\n').Skip(1))}");
                verdict = "unexplained";
            }
            tally[verdict] = tally.GetValueOrDefault(verdict) + 1;
        }
        TestContext.Current.SendDiagnosticMessage("{0}", string.Join('\n', tally.Select(t => $"{t.Value,5} {t.Key}")));
        Assert.True(unexplained.Count == 0, $"{unexplained.Count} of {count} differ:\n{string.Join("\n\n", unexplained.Take(40))}");
        Assert.True(tally["both damaged"] > count / 2);
    }

    // Each difference is a decision that docs/filesystems/fat.md gives the reason for.
    private static string? Explain(CheckReport report, Tool.Result fsck)
    {
        var codes = report.Findings.Where(f => f.Severity > Severity.Note).Select(f => f.Code).ToHashSet();
        if (fsck.ExitCode == 0)
        {
            // What fsck.vfat doesn't look at, or not that way; each finding that is there must be one of these or follow from it.
            if (codes.Contains("FAT-0148"))
                return "fsck.vfat reads on behind the slot that ends a directory";
            if (codes.Contains("FAT-0180") || codes.Contains("FAT-0181") || codes.Contains("FAT-0186"))
                return "fsck.vfat takes a file marked as a volume label for a file";
            if (codes.Contains("FAT-0119"))
                return "fsck.vfat does not look at the version of FAT32";
            if (codes.Contains("FAT-0015"))
                return "fsck.vfat does not try the last, odd sector";
            string[] unknown = ["FAT-0167", "FAT-0162", "FAT-0016", "FAT-0102"];
            return codes.IsSubsetOf(unknown) ? "fsck.vfat does not look: " + string.Join(' ', codes.Order()) : null;
        }
        if (fsck.Output.Contains("label '' stored in boot sector") && !report.Findings.Any(f => f.Code == "FAT-0187"))
            return "fsck.vfat takes a boot sector without a label field for one with an empty label";
        return null;
    }
}
