using System.Text.RegularExpressions;
using Platter.FileSystems;
using Platter.Testing;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Fat;

/// <summary>What of an entry only mtools shows: short names, attributes, the label, the serial number.</summary>
public partial class FatMtoolsTests
{
    private static readonly string[] Names =
    [
        "README.TXT", "readme.md", "Mixed.Txt", "A long name.text", "A long name, too.text", ".profile", "no extension at all", "a+b,c;d=e[f].g",
        "twelve.chars", "LONGFI~1.TXT", "Long file one.txt", "Long file two.txt", "two.dots.here", "日本語の名前.txt", "x",
    ];

    public static TheoryData<int> Widths => [12, 16, 32];

    [Theory, MemberData(nameof(Widths))]
    public void Mtools_shows_the_short_names_attributes_and_label_that_Platter_wrote(int width)
    {
        using var c = FatCase.OfWidth(width);
        foreach (var (name, i) in Names.Select((n, i) => (n, i)))
            c.File("/" + name, i * 10, new MetadataChange { Modified = new Timestamp(1_000_000_000 + i * 100_000), DosAttributes = (DosAttributes)(i % 8) | DosAttributes.Archive });
        c.Volume.SetLabel("MTOOLS ALSO");
        c.Volume.Commit();
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        c.Device.SaveTo(path);

        var listing = Tool.Expect("mdir", "-i", path, "-a", "::");
        Assert.Contains($"Volume in drive : is MTOOLS ALSO", listing, StringComparison.Ordinal);
        Assert.Contains($"Volume Serial Number is {c.Volume.Info.Id}", listing, StringComparison.Ordinal);
        var listed = Line().Matches(listing).ToDictionary(m => m.Groups["long"].Value.Length > 0 ? m.Groups["long"].Value : Short(m), m => m, StringComparer.Ordinal);
        foreach (var name in Names)
        {
            var metadata = c.Metadata("/" + name);
            var line = listed[name];
            Assert.Equal(metadata.ShortName, Short(line).ToUpperInvariant());
            Assert.Equal(metadata.Length.ToString(), line.Groups["size"].Value);
            Assert.Equal(metadata.Modified!.Value.ToDateTimeOffset().ToString("yyyy-MM-dd H:mm"), line.Groups["date"].Value + " " + line.Groups["time"].Value);
        }
        Assert.Equal(Names.Length, listed.Count);

        var attributes = Tool.Expect("mattrib", "-i", path, "::/*").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Names.Length, attributes.Length);
        foreach (var line in attributes)
        {
            var expected = c.Metadata("/" + line[(line.IndexOf("::/", StringComparison.Ordinal) + 3)..]).DosAttributes!.Value;
            var letters = line[..line.IndexOf("::/", StringComparison.Ordinal)];
            Assert.Equal(expected.HasFlag(DosAttributes.ReadOnly), letters.Contains('R'));
            Assert.Equal(expected.HasFlag(DosAttributes.Hidden), letters.Contains('H'));
            Assert.Equal(expected.HasFlag(DosAttributes.System), letters.Contains('S'));
            Assert.Equal(expected.HasFlag(DosAttributes.Archive), letters.Contains('A'));
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void Platter_finds_what_mtools_wrote_by_long_and_by_short_name_and_never_doubles_its_aliases(int width)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        using (var empty = FatCase.OfWidth(width))
            empty.Device.SaveTo(path);
        var files = Names.Select((name, i) =>
        {
            var file = folder.File(name);
            File.WriteAllBytes(file, ConformanceCase.Bytes(i * 50, i));
            return file;
        }).ToArray();
        Tool.Expect("mcopy", ["-i", path, .. files, "::/"]);

        using var c = new FatCase(ScratchDevice.Load(path));
        foreach (var (name, i) in Names.Select((n, i) => (n, i)))
        {
            Assert.Equal(ConformanceCase.Bytes(i * 50, i), c.Read("/" + name));
            Assert.Equal(c.Id("/" + name), c.Id("/" + c.Metadata("/" + name).ShortName!));
        }
        for (var i = 0; i < 30; i++)
            c.File($"/Long file {i} by Platter.txt");
        Assert.Equal(Names.Length + 30, c.Names("/").Select(n => c.Metadata("/" + n).ShortName).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        c.AssertNothingLeaks();
    }

    private static string Short(Match line) =>
        line.Groups["base"].Value.TrimEnd() + (line.Groups["ext"].Value.Trim() is { Length: > 0 } extension ? "." + extension : "");

    [GeneratedRegex(@"^(?<base>.{8}) (?<ext>.{3}) +(?<size>\d+) (?<date>\d{4}-\d\d-\d\d) +(?<time>\d+:\d\d) ?( (?<long>.+?))?\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Line();
}
