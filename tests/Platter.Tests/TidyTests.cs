using System.Text.RegularExpressions;
using Platter.Testing;
using Xunit;

namespace Platter.Tests;

/// <summary>Guards the house: who may use whom, nothing unfinished, every finding documented and tested.</summary>
public sealed partial class TidyTests
{
    // Who may use whom (DESIGN, "The house"): arrows run one way. The files at the top of src/Platter (errors, progress, the facade)
    // are not listed: the plain records there serve everybody, the facade stands above all.
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Primitives"] = [],
        ["Blocks"] = ["Primitives"],
        ["Images"] = ["Primitives", "Blocks"],
        ["Partitions"] = ["Primitives", "Blocks"],
        ["FileSystems"] = ["Primitives", "Blocks"],
        ["Trees"] = ["Primitives", "Blocks", "Images", "Partitions", "FileSystems"],
    };

    // Folders of FileSystems that are no filesystem, but what several of them stand on.
    private static readonly string[] SharedByFileSystems = ["Clusters"];

    [Fact]
    public void No_arrow_in_the_library_runs_back()
    {
        var wrong = new List<string>();
        foreach (var (file, text) in Sources("src/Platter"))
        {
            var parts = Path.GetRelativePath(Path.Combine(Corpus.Repository, "src/Platter"), file).Split(Path.DirectorySeparatorChar);
            if (parts.Length < 2)
                continue;
            Assert.True(Allowed.ContainsKey(parts[0]), $"src/Platter/{parts[0]} is no part of the house: say in TidyTests whom it may use");
            foreach (Match use in Usings().Matches(text))
            {
                var used = use.Groups["part"].Value.Split('.');
                if (used[0] != parts[0] && !Allowed[parts[0]].Contains(used[0]))
                    wrong.Add($"{file}: {parts[0]} must not use {used[0]}: arrows run Primitives <- Blocks <- {{Images, Partitions, FileSystems}} <- Trees");
                if (parts[0] == "FileSystems" && parts.Length > 2 && used is ["FileSystems", var other, ..] && other != parts[1] && !SharedByFileSystems.Contains(other))
                    wrong.Add($"{file}: a filesystem knows no other filesystem ({other})");
                if (parts[0] == "FileSystems" && SharedByFileSystems.Contains(parts[1]) && used is ["FileSystems", var user, ..] && user != parts[1])
                    wrong.Add($"{file}: what filesystems share knows none of them ({user})");
            }
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public void Nothing_in_the_sources_is_unfinished()
    {
        var wrong = Sources("src").Where(s => Unfinished().IsMatch(s.Text)).Select(s => s.File);
        Assert.Empty(wrong);
    }

    [Fact]
    public void No_test_is_skipped()
    {
        var wrong = Sources("tests").Where(s => !s.File.EndsWith("TidyTests.cs", StringComparison.Ordinal) && Skips().IsMatch(s.Text)).Select(s => s.File);
        Assert.Empty(wrong);
    }

    [Fact]
    public void No_file_is_longer_than_800_lines()
    {
        var wrong = Sources("src").Concat(Sources("tests")).Where(s => s.Text.AsSpan().Count('\n') > 800).Select(s => s.File);
        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_finding_id_is_documented_and_every_documented_one_exists()
    {
        var used = Ids(Sources("src/Platter").Select(s => s.Text));
        var documented = Ids([File.ReadAllText(Path.Combine(Corpus.Repository, "docs/findings.md"))]);
        Assert.Equal([], used.Except(documented));
        Assert.Equal([], documented.Except(used));
    }

    [Fact]
    public void Every_finding_id_is_tested()
    {
        var used = Ids(Sources("src/Platter").Select(s => s.Text));
        var tested = Ids(Sources("tests").Select(s => s.Text));
        Assert.Equal([], used.Except(tested));
    }

    private static IEnumerable<(string File, string Text)> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Corpus.Repository, folder), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal))
            .Select(f => (f, File.ReadAllText(f)));

    private static SortedSet<string> Ids(IEnumerable<string> texts) =>
        new(texts.SelectMany(t => FindingIds().Matches(t).Select(m => m.Value)), StringComparer.Ordinal);

    [GeneratedRegex(@"^using (?:static )?Platter\.(?<part>[A-Za-z.]+);", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Usings();

    [GeneratedRegex(@"NotImplementedException|\bTODO\b|\bFIXME\b|\bHACK\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"Skip *= *""|SkipUnless|SkipWhen|Assert\.Skip|\[Ignore")]
    private static partial Regex Skips();

    [GeneratedRegex(@"\b(?:EXF|TAR|TREE|SWP|FAT|MBR|GPT|APM|VHD|VMDK|VDI|CMP|IMG|EXT|VHDX|QCOW|NTFS)-\d{4}\b")]
    private static partial Regex FindingIds();
}
