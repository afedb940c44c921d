using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// Names: each is either stored as it is and found again, or refused without a trace.
public abstract partial class VolumeConformance
{
    // By a plain label, so that runners and logs need not carry the odd characters.
    private static readonly Dictionary<string, string> OddNames = new(StringComparer.Ordinal)
    {
        ["leading dot"] = ".bashrc", ["leading dots"] = "..config", ["three dots"] = "...", ["two extensions"] = "archive.tar.gz",
        ["leading space"] = " leading", ["inner spaces"] = "a b  c", ["long extension"] = "page.markdown", ["no stem"] = ".a.b.c",
        ["plus comma semicolon equals brackets"] = "a+b,c;d=e[f]", ["tilde one"] = "LONGFI~1.TXT", ["hash dollar percent"] = "#$%&'()-@^_`{}~!",
        ["trailing dot"] = "trailing.", ["trailing space"] = "trailing ", ["trailing dots and spaces"] = "trailing. . .", ["only a space"] = " ",
        ["accents"] = "Größenverhältnis naïve café", ["Greek"] = "Ελληνικά", ["Cyrillic"] = "Привет мир", ["Chinese"] = "中文文件名",
        ["Hebrew"] = "שלום", ["emoji"] = "\U0001F600 smile", ["astral letters"] = "\U0001D4AF\U0001D4AF\U00020000", ["combining"] = "e\u0301 composed é",
        ["zero width"] = "a\u200Db\u200Bc", ["no-break space"] = "a\u00A0b", ["private use"] = "\uE000\uF8FF", ["byte order mark"] = "\uFEFFbom",
        ["first byte E5"] = "\u00E5ngstr\u00F6m", ["first byte E5 in page 437"] = "\u03C3igma", ["full width"] = "ＡＢＣ.ＴＸＴ", ["dotless i"] = "ıİ",
        ["sharp s"] = "ß.ẞ", ["delete character"] = "a\u007Fb", ["C1 control"] = "a\u0085b", ["newline"] = "a\nb", ["tab"] = "a\tb", ["bell"] = "\a",
        ["NUL character"] = "a\0b", ["slash"] = "a/b", ["backslash"] = @"a\b", ["stream separator"] = "file:stream",
        ["device CON"] = "CON", ["device nul.txt"] = "nul.txt", ["device Com1"] = "Com1.log", ["device lpt9"] = "lpt9", ["device AUX"] = "aux.c",
        ["device PRN"] = "PRN", ["no device"] = "CONSOLE.TXT", ["no device either"] = "COM0", ["NTFS system name"] = "$MFT", ["HFS icon"] = "Icon\r",
    };

    public static TheoryData<string> OddNameLabels => [.. OddNames.Keys];

    public static TheoryData<char> Punctuation => [.. "!\"#$%&'()*+,-.:;<=>?@[\\]^_`{|}~"];

    [Theory]
    [MemberData(nameof(OddNameLabels))]
    public void An_odd_name_is_kept_or_refused(string label) => Case(c => KeptOrRefused(c, OddNames[label]));

    [Theory]
    [MemberData(nameof(Punctuation))]
    public void A_name_with_punctuation_is_kept_or_refused(char character) => Case(c =>
    {
        KeptOrRefused(c, $"in{character}side.txt");
        KeptOrRefused(c, $"{character}first");
        KeptOrRefused(c, $"{character}");
    });

    [Fact]
    public void Every_control_character_is_kept_or_refused() => Case(c =>
    {
        for (var character = '\0'; character < ' '; character++)
            KeptOrRefused(c, $"control{(int)character}{character}x");
    });

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    public void No_filesystem_takes_the_empty_name_or_the_dots(string name) => Case(c =>
    {
        RefusedEverywhere(c, name);
        c.File("/file", [1]);
        c.Refused<InvalidNameException>(() => c.Volume.Rename(c.Volume.RootId, "file", c.Volume.RootId, name, replace: false));
    });

    [Fact]
    public void The_longest_name_is_kept_and_one_more_refused() => Case(c =>
    {
        var max = c.Capabilities.MaxNameLength;
        c.File("/" + new string('n', max), [1]);
        c.Directory("/" + new string('d', max));
        c.File($"/{new string('d', max)}/{new string('m', max - 4)}.txt", [2]);
        RefusedEverywhere(c, new string('x', max + 1));
        RefusedEverywhere(c, new string('x', 5000));
        c.File("/file", [1]);
        c.Refused<InvalidNameException>(() => c.Volume.Rename(c.Volume.RootId, "file", c.Volume.RootId, new string('x', max + 1), replace: false));
    });

    [Theory]
    [InlineData("é")]
    [InlineData("中")]
    [InlineData("\U0001F600")]
    public void The_longest_name_counts_in_the_filesystems_own_unit(string unit) => Case(c =>
    {
        if (!c.Fixture.IsNameAllowed(unit, c.Capabilities) || c.Fixture.StoredName(unit) != unit)
            return;
        var fits = c.Capabilities.MaxNameLength / VolumeFixture.LengthOf(unit, c.Capabilities);
        c.File("/" + string.Concat(Enumerable.Repeat(unit, fits)), [1]);
        RefusedEverywhere(c, string.Concat(Enumerable.Repeat(unit, fits + 1)));
    });

    [Fact]
    public void Every_length_of_name_works() => Case(c =>
    {
        c.Directory("/lengths");
        for (var length = 1; length <= c.Capabilities.MaxNameLength; length += length < 30 ? 1 : 13)
            c.File("/lengths/" + new string((char)('a' + length % 26), length), [(byte)length]);
    });

    [Theory]
    [InlineData("Name.txt", "NAME.TXT")]
    [InlineData("SHORT", "short")]
    [InlineData("a long name indeed", "A Long Name Indeed")]
    public void Names_that_differ_by_case_collide_exactly_where_case_does_not_count(string name, string other) => Case(c =>
    {
        c.File("/" + name, [1]);
        c.File("/mover", [2]);
        if (c.Capabilities.CaseSensitive)
        {
            c.Directory("/" + other);
            return;
        }
        c.Refused<AlreadyExistsException>(() => c.Volume.CreateFile(c.Volume.RootId, other, MetadataChange.None));
        c.Refused<AlreadyExistsException>(() => c.Volume.CreateDirectory(c.Volume.RootId, other, MetadataChange.None));
        c.Refused<AlreadyExistsException>(() => c.Volume.Rename(c.Volume.RootId, "mover", c.Volume.RootId, other, replace: false));
    });

    [Fact]
    public void A_composed_and_a_decomposed_name_are_one_exactly_where_the_filesystem_says_so() => Case(c =>
    {
        if (!c.Fixture.IsNameAllowed("\u00E9", c.Capabilities))
            return;
        c.File("/caf\u00E9", [1]);
        if (c.Fixture.StoredName("\u00E9") == c.Fixture.StoredName("e\u0301"))
            c.Refused<AlreadyExistsException>(() => c.Volume.CreateFile(c.Volume.RootId, "cafe\u0301", MetadataChange.None));
        else if (c.Fixture.IsNameAllowed("e\u0301", c.Capabilities))
            c.File("/cafe\u0301", [2]);
    });

    [Fact]
    public void A_long_name_never_collides_with_the_alias_of_another() => Case(c =>
    {
        // Where there are short aliases, the first file's is LONGFI~1.TXT; then it is asked for as a name of its own, and the reverse.
        c.Directory("/forward");
        c.File("/forward/longfilename.txt", [1]);
        AliasTaken(c, "/forward", "LONGFI~1.TXT");
        c.File("/forward/longfilename2.txt", [2]);
        c.Directory("/reverse");
        c.File("/reverse/LONGFI~1.TXT", [3]);
        c.File("/reverse/LONGFI~2.TXT", [4]);
        c.File("/reverse/longfilename.txt", [5]);
        Assert.Equal(1, c.Volume.Find("/reverse/longfilename.txt").Length);
        c.Delete("/reverse/LONGFI~1.TXT");
        c.Rename("/reverse/LONGFI~2.TXT", "/reverse/longfilename3.txt");
    });

    [Fact]
    public void Hundreds_of_names_with_the_same_beginning_find_room() => Case(c =>
    {
        c.Directory("/same");
        for (var i = 0; i < 300; i++)
            c.File($"/same/the same beginning {i}.text", [(byte)i]);
    });

    [Fact]
    public void A_name_can_be_used_again_after_deletion() => Case(c =>
    {
        for (var i = 0; i < 5; i++)
        {
            c.File("/A name that comes and goes", [(byte)i]);
            c.Delete("/A name that comes and goes");
        }
        c.Directory("/a NAME that comes and goes");
    });

    private static void KeptOrRefused(ConformanceCase c, string name)
    {
        if (!c.Fixture.IsNameAllowed(name, c.Capabilities))
        {
            RefusedEverywhere(c, name);
            return;
        }
        c.File("/" + name, [1, 2, 3]);
        Assert.True(c.Volume.TryLookup(c.Volume.RootId, name, out _), "the name is not found again");
        if (!c.Volume.TryFind("/dir", out _))
            c.Directory("/dir");
        c.Directory("/dir/" + name);
    }

    private static void RefusedEverywhere(ConformanceCase c, string name)
    {
        var root = c.Volume.RootId;
        c.Refused<InvalidNameException>(() => c.Volume.CreateFile(root, name, MetadataChange.None));
        c.Refused<InvalidNameException>(() => c.Volume.CreateDirectory(root, name, MetadataChange.None));
        c.Refused<InvalidNameException>(() => c.Volume.CreateFile(root, name, new MemoryStream([1]), 1, MetadataChange.None));
    }

    private static void AliasTaken(ConformanceCase c, string directory, string alias)
    {
        if (c.Volume.TryFind($"{directory}/{alias}", out _))
            c.Refused<AlreadyExistsException>(() => c.Volume.CreateFile(c.Id(directory), alias, MetadataChange.None));
        else
            c.File($"{directory}/{alias}", [9]);
    }
}
