using System.Globalization;
using System.Text.RegularExpressions;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing;
using Platter.Testing.Ext;
using Xunit;

namespace Platter.Interop.Tests.Ext;

/// <summary>The verdicts of Platter's checker and of <c>e2fsck -fn</c>: on the corpus, and on every damage that makes a finding.</summary>
public partial class CheckAgreementTests
{
    // Where e2fsck -fn ends with 0, or looks at something else, and why Platter does not agree.
    private static readonly Dictionary<string, string> Different = new(StringComparer.Ordinal)
    {
        ["f_extra_journal"] = "e2fsck says it too, but ends with 0",
        ["f_hurd"] = "e2fsck knows the Hurd's volumes; its test is of one that has filetype, which they must not",
        ["f_sb_extra_isize"] = "e2fsck says it too, but ends with 0",
        ["f_uninit_disable"] = "e2fsck says it too, but ends with 0",
        ["f_uninit_enable"] = "e2fsck says it too, but ends with 0",
        ["j_corrupt_descr_csum"] = "e2fsck -n does not look into the journal",
        ["j_corrupt_journal_block"] = "e2fsck -n does not look into the journal",
        ["j_recover_csum2_32bit"] = "checked as it is after the replay, which this test of e2fsck's makes damaged",
        ["test_disk_4k_block_journal"] = "sound after the replay, which e2fsck -n does not do",
    };

    // Damages that e2fsck -fn does not see or does not mind, and why Platter does.
    private static readonly Dictionary<string, string> DifferentDamages = new(StringComparer.Ordinal)
    {
        ["EXT-0019 features that exclude each other"] = "says it, and ends with 0",
        ["EXT-0020 extra size wanted"] = "says it, and ends with 0",
        ["EXT-0025 journal without the feature"] = "says it, and ends with 0",
        ["EXT-0034 not initialised without the feature"] = "says it, and ends with 0",
        ["EXT-0034 high half of unused inodes"] = "says it, and ends with 0",
        ["EXT-0035 unused inodes"] = "says it, and ends with 0",
        ["EXT-0110 flag without the feature"] = "does not look at the verity flag of ext2",
        ["EXT-0115 list of orphans"] = "-n does not look at the list",
        ["EXT-0407 content of a value"] = "compares hashes, and does not read the value",
        ["EXT-0700 head of a quota file"] = "does not look at it",
        ["EXT-0505 descriptor of the journal"] = "-n does not look into the journal",
        ["EXT-0507 logged block"] = "-n does not look into the journal",
        ["EXT-0508 block of the log outside"] = "-n does not look into the journal",
        ["EXT-0509 revoke block"] = "-n does not look into the journal",
        ["EXT-0511 forgotten journal"] = "-n does not look into the journal",
        ["EXT-0605 free blocks"] = "says it, and ends with 0: drivers are late with this count",
        ["EXT-0606 free inodes"] = "says it, and ends with 0: drivers are late with this count",
    };

    public static TheoryData<string> Damages => [.. ExtDamage.All.Keys];

    [Fact]
    public void Verdicts_on_the_corpus_agree_and_name_the_same_structures()
    {
        var wrong = new List<string>();
        int broken = 0, agreed = 0, sameStructure = 0, named = 0;
        foreach (var image in Corpus.Images.Where(i => i.Kind == "ext"))
        {
            using var folder = new TempFolder();
            var path = Corpus.Unpack(image, folder);
            // Two of its test images make it go round for ever when it may change nothing: 124 is the verdict "not clean", too.
            var theirs = Tool.Run("timeout", "-k", "1", "10", "e2fsck", "-fn", path);
            using var device = HostFile.Open(path, FileAccess.Read);
            var report = new ExtType().Check(device, CheckOptions.Default);
            var isSame = report.IsClean == (theirs.ExitCode == 0);
            if (!isSame && !Different.Keys.Any(k => image.File.Contains(k, StringComparison.Ordinal)))
                wrong.Add($"{image.File} ({image.Status}): e2fsck {theirs.ExitCode}, Platter {(report.IsClean ? "clean" : string.Join("; ", report.Findings.Take(3)))}");
            if (image.Status != "broken" || theirs.ExitCode == 0)
                continue;
            broken++;
            agreed += isSame ? 1 : 0;
            if (Structures(theirs.All) is { Count: > 0 } expected)
            {
                named++;
                var found = Structures(string.Join('\n', report.Findings.Select(f => $"{f.Structure}: {f.Message}")));
                if (expected.Overlaps(found))
                    sameStructure++;
                else
                    TestContext.Current.TestOutputHelper?.WriteLine($"{image.File}: e2fsck {string.Join(", ", expected)}; Platter {string.Join(", ", found)}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{agreed} of {broken} broken images found broken; the same structure in {sameStructure} of {named}");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(broken, agreed);
        Assert.True(sameStructure * 10 >= named * 9, $"{sameStructure} of {named}");
    }

    [Fact]
    public void Verdicts_on_every_damage_agree()
    {
        var wrong = new List<string>();
        foreach (var (name, make) in ExtDamage.All)
        {
            using var folder = new TempFolder();
            var path = folder.File("volume.img");
            make().Device.SaveTo(path);
            var theirs = Tool.Run("e2fsck", "-fn", path);
            if (theirs.ExitCode == 0 && !DifferentDamages.ContainsKey(name))
                wrong.Add($"{name}: {theirs.All}");
            if (theirs.ExitCode != 0 && DifferentDamages.ContainsKey(name))
                wrong.Add($"{name}: e2fsck sees it as well");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    // Inodes and groups by number, and the volume's own structures by name.
    private static HashSet<string> Structures(string text)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (Match match in InodeNumbers().Matches(text))
            found.Add("inode " + uint.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture));
        foreach (Match match in GroupNumbers().Matches(text))
            found.Add("group " + match.Groups["number"].Value);
        foreach (var word in (string[])["superblock", "journal", "bitmap", "MMP", "quota", "bad block", "root"])
        {
            if (text.Contains(word, StringComparison.OrdinalIgnoreCase))
                found.Add(word);
        }
        if (text.Contains("Multiple mount protection", StringComparison.Ordinal))
            found.Add("MMP");
        return found;
    }

    [GeneratedRegex(@"(?:[Ii]node #?|[Dd]irectory (?:inode )?|, )(?<number>\d+)|\((?<number>\d+)\)", RegexOptions.ExplicitCapture)]
    private static partial Regex InodeNumbers();

    [GeneratedRegex(@"(?:[Gg]roup #?|GroupDescriptor |bitmap )(?<number>\d+)", RegexOptions.ExplicitCapture)]
    private static partial Regex GroupNumbers();
}
