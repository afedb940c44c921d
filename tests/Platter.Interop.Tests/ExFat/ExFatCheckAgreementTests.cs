using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing;
using Platter.Testing.ExFat;
using Xunit;

namespace Platter.Interop.Tests.ExFat;

/// <summary>Damages volumes at random and holds the checker's verdict against that of fsck.exfat.</summary>
public class ExFatCheckAgreementTests
{
    [Fact]
    public void Over_two_hundred_damaged_volumes_the_verdict_is_that_of_fsck_exfat() => Compare(firstSeed: 1, count: 200);

    [Theory(Explicit = true)]
    [InlineData(100_000)]
    [InlineData(500_000)]
    public void Over_five_thousand_damaged_volumes_the_verdict_is_that_of_fsck_exfat(int firstSeed) => Compare(firstSeed, count: 5000);

    private static void Compare(int firstSeed, int count)
    {
        using var folder = new TempFolder();
        var path = folder.File("damaged.img");
        var tally = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var unexplained = new List<string>();
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var volume = DamagedExFat.Make(seed);
            var report = ExFatChecker.Check(new MemoryDevice(volume.Bytes), CheckOptions.Default);
            volume.Save(path);
            var fsck = Tool.Run("fsck.exfat", "-n", path);
            var ours = report.IsClean ? "clean" : "damaged";
            var theirs = fsck.ExitCode == 0 && fsck.Output.Contains(": clean.", StringComparison.Ordinal) ? "clean" : "damaged";
            var verdict = ours == theirs ? "both " + ours : Explain(report, fsck);
            if (verdict is null)
            {
                unexplained.Add($"seed {seed} ({volume.What}): ours {ours}, fsck.exfat {theirs} ({fsck.ExitCode})\n{string.Join('\n', report.Findings)}\n{string.Join(" | ", fsck.All.Split('\n').Skip(1))}");
                verdict = "unexplained";
            }
            tally[verdict] = tally.GetValueOrDefault(verdict) + 1;
        }
        TestContext.Current.SendDiagnosticMessage("{0}", string.Join('\n', tally.Select(t => $"{t.Value,5} {t.Key}")));
        Assert.True(unexplained.Count == 0, $"{unexplained.Count} of {count} differ:\n{string.Join("\n\n", unexplained.Take(40))}");
        Assert.True(tally["both damaged"] > count / 3);
    }

    // Each difference is a decision that docs/filesystems/exfat.md gives the reason for.
    private static string? Explain(CheckReport report, Tool.Result fsck)
    {
        if (fsck.ExitCode != 0)
            return null;
        var findings = report.Findings.Where(f => f.Severity > Severity.Note).ToList();

        // A table whose chain leads astray takes clusters that are others'.
        var tables = findings.Where(f => f.Structure is "Bitmap" or "UpcaseTable").Select(f => "own " + f.Code).ToList();
        var codes = findings.Where(f => f.Structure is not ("Bitmap" or "UpcaseTable") && !(f.Code == "EXF-0065" && tables.Count > 0)).Select(f => f.Code).Concat(tables).ToHashSet();

        // What fsck.exfat doesn't look at, or not that way; each finding that is there must be one of these or follow from it.
        var seen = codes.Except(Unseen.SelectMany(u => u.Codes));
        return seen.Any() ? null : "fsck.exfat " + Unseen.First(u => codes.Overlaps(u.Codes)).Why;
    }

    private static readonly (string Why, string[] Codes)[] Unseen =
    [
        ("prints 'unknown entry type' and calls the volume clean", ["EXF-0081", "EXF-0083", "EXF-0084", "EXF-0092"]),
        ("stops at the entry that ends a directory", ["EXF-0080"]),
        ("takes bitmap and up-case table to lie in one piece", ["own EXF-0062", "own EXF-0063", "own EXF-0064", "own EXF-0065", "own EXF-0067", "own EXF-0068", "own EXF-0075", "own EXF-0041", "own EXF-0042"]),
        ("does not look whether root, bitmap and up-case table are marked as in use", ["own EXF-0070"]),
        ("does not look at the backup boot region while the main one is whole", ["EXF-0023", "EXF-0024"]),
        ("does not look at the volume's flags and percentage", ["EXF-0019", "EXF-0021", "EXF-0025", "EXF-0026"]),
        ("does not look at the head of the FAT", ["EXF-0030", "EXF-0031"]),
        ("does not look at every field of the boot sector", ["EXF-0003", "EXF-0004", "EXF-0009", "EXF-0010", "EXF-0022"]),
        ("computes with shifts and lengths that overflow", ["EXF-0005", "EXF-0006", "EXF-0008"]),
        ("passes over the end of an up-case table that is too long", ["own EXF-0043"]),
        ("is content with a bitmap that is too long", ["own EXF-0037"]),
        ("prints 'too long label' and calls the volume clean", ["EXF-0048"]),
        ("does not look at the valid data length of directories", ["EXF-0087"]),
        ("takes the first bitmap entry there is", ["own EXF-0035", "own EXF-0036"]),
        ("does not look at AllocationPossible", ["EXF-0104"]),
        ("does not look for clusters that belong to nothing", ["own EXF-0071"]),
    ];
}
