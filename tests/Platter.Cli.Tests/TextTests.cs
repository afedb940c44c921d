using Platter.Cli.Output;
using Platter.Cli.Shell;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Testing;
using Platter.Trees;
using Xunit;

namespace Platter.Cli.Tests;

public class TextTests
{
    [Theory]
    [InlineData("*", "", true)]
    [InlineData("*.txt", "a.txt", true)]
    [InlineData("*.txt", "a.txt.bak", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("[a-c]x", "bx", true)]
    [InlineData("[!a-c]x", "bx", false)]
    [InlineData("[^a-c]x", "dx", true)]
    [InlineData("[]]", "]", true)]
    [InlineData("[a-]", "-", true)]
    [InlineData("[abc", "[abc", true)]
    [InlineData("*a*b*c*", "xxaxxbxxc", true)]
    [InlineData("*a*b*c*", "xxaxxcxxb", false)]
    public void Globs_match_as_in_a_shell(string pattern, string name, bool matches) => Assert.Equal(matches, new GlobPattern(pattern, false).IsMatch(name));

    [Fact]
    public void Globs_can_ignore_case()
    {
        Assert.True(new GlobPattern("*.TXT", true).IsMatch("a.txt"));
        Assert.False(new GlobPattern("*.TXT", false).IsMatch("a.txt"));
        Assert.True(new GlobPattern("[a-c]", true).IsMatch("B"));
    }

    [Fact]
    public void A_hostile_glob_takes_no_exponential_time()
    {
        var start = ProcessorTime.OfThread();
        Assert.False(new GlobPattern(string.Concat(Enumerable.Repeat("*a", 60)) + "b", false).IsMatch(new string('a', 2000)));
        Assert.InRange(ProcessorTime.OfThread() - start, TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [Theory]
    [InlineData("plain é 漢 😀", "plain é 漢 😀")]
    [InlineData("a\e[31mb", "a\\x1B[31mb")]
    [InlineData("a\nb\tc", "a\\x0Ab\\x09c")]
    [InlineData("\u009b1m", "\\x9B1m")]
    [InlineData("gpj.\u202Eexe", "gpj.\\u202Eexe")]
    public void Names_cannot_drive_the_terminal(string name, string shown) => Assert.Equal(shown, SafeText.Show(name));

    [Fact]
    public void Bytes_that_are_no_text_are_shown_as_escapes() => Assert.Equal("a\\uDC80", SafeText.Show("a" + (char)0xDC80));

    [Theory]
    [InlineData("abc", 3)]
    [InlineData("漢字", 4)]
    [InlineData("e\u0301", 1)]
    [InlineData("😀", 2)]
    public void Width_is_counted_in_columns(string text, int width) => Assert.Equal(width, TextWidth.Of(text));

    [Theory]
    [InlineData(60, "  -x, --long NAME  what it does, told in so many words that\n                   they need more than one line\n  -y               short\n")]
    [InlineData(40, "  -x, --long NAME\n      what it does, told in so many\n      words that they need more than\n      one line\n  -y               short\n")]
    [InlineData(0, "  -x, --long NAME  what it does, told in so many words that they need more than one line\n  -y               short\n")]
    public void The_last_column_is_broken_between_words_on_a_terminal(int columns, string expected)
    {
        var table = new Table("", "") { TerminalColumns = columns };
        table.Add("-x, --long NAME", "what it does, told in so many words that they need more than one line");
        table.Add("-y", "short");
        using var bytes = new MemoryStream();
        var output = new TextOut(bytes);
        table.Write(output, new Paint(false), "  ");
        output.Flush();
        Assert.Equal(expected, System.Text.Encoding.UTF8.GetString(bytes.ToArray()));
    }

    [Fact]
    public void Tables_are_aligned_without_spaces_at_the_end()
    {
        using var memory = new MemoryStream();
        var output = new TextOut(memory);
        var table = new Table("name", "size", "x").Right(1);
        table.Add("漢", "5", "");
        table.Add("long name", "12345", "y");
        table.Write(output, new Paint(false));
        output.Flush();
        Assert.Equal("name        size  x\n漢             5\nlong name  12345  y\n", System.Text.Encoding.UTF8.GetString(memory.ToArray()));
    }

    [Theory]
    [InlineData("644", 0x1A4)]
    [InlineData("07777", 0xFFF)]
    [InlineData("u+x", 0x1E4)]
    [InlineData("go-r", 0x180)]
    [InlineData("a=r,u+w", 0x1A4)]
    [InlineData("+X", 0x1A4)]
    public void Modes_are_octal_or_changes(string text, int mode) => Assert.Equal(mode, ModeText.Apply(text, 0x1A4, isDirectory: false));

    [Theory]
    [InlineData("9")]
    [InlineData("10000")]
    [InlineData("q+x")]
    [InlineData("u+q")]
    [InlineData("rw")]
    public void Bad_modes_are_refused(string text) => Assert.Throws<FormatException>(() => ModeText.Apply(text, 0, false));

    [Fact]
    public void Modes_are_shown_as_ls_does()
    {
        Assert.Equal("drwxr-xr-t", ModeText.Format(EntryKind.Directory, Convert.ToInt32("1755", 8)));
        Assert.Equal("-rwsr-S---", ModeText.Format(EntryKind.File, Convert.ToInt32("6740", 8)));
    }

    [Theory]
    [InlineData("2024-02-29T12:00:00Z", 1709208000, 0)]
    [InlineData("2024-02-29T13:00:00+01:00", 1709208000, 0)]
    [InlineData("2024-02-29T12:00:00.123456789Z", 1709208000, 123456789)]
    [InlineData("2024-02-29", 1709164800, 0)]
    [InlineData("@-5", -5, 0)]
    public void Times_are_read_to_the_nanosecond(string text, long seconds, int nanoseconds) => Assert.Equal(new Timestamp(seconds, nanoseconds), TimeText.Parse(text));

    [Theory]
    [InlineData("+02:00", 120)]
    [InlineData("-5", -300)]
    [InlineData("+0530", 330)]
    [InlineData("0", 0)]
    public void Offsets_from_utc_are_read(string text, int minutes) => Assert.Equal(TimeSpan.FromMinutes(minutes), TimeText.ParseOffset(text));

    [Theory]
    [InlineData("15:00")]
    [InlineData("+1:99")]
    [InlineData("x")]
    public void Bad_offsets_are_refused(string text) => Assert.Throws<FormatException>(() => TimeText.ParseOffset(text));

    [Theory]
    [InlineData("/a//b/./c/", "/", "/a/b/c")]
    [InlineData("../../x", "/a", "/x")]
    [InlineData("x", "/a", "/a/x")]
    [InlineData(".", "/a", "/a")]
    [InlineData("", "/", "/")]
    [InlineData("/.hidden", "/", "/.hidden")]
    public void Inside_paths_are_made_absolute(string path, string folder, string expected) => Assert.Equal(expected, InsidePath.Normalize(path, folder));

    [Theory]
    [InlineData("a 'b c' \"d \\\" e\" f\\ g", "a|b c|d \" e|f g")]
    [InlineData("  a\t b # c", "a|b")]
    [InlineData("a#b ''", "a#b|")]
    public void The_prompt_splits_words_as_a_shell_does(string line, string expected) => Assert.Equal(expected.Split('|'), WordSplitter.Split(line, out _));

    [Fact]
    public void Quoted_words_come_back_as_they_were()
    {
        foreach (var word in new[] { "a b", "it's", "\"", "\\", "#x", "plain" })
            Assert.Equal([word], WordSplitter.Split(WordSplitter.Quote(word), out _));
    }

    [Fact]
    public void Raw_bytes_of_names_leave_as_they_were()
    {
        using var memory = new MemoryStream();
        var output = new TextOut(memory);
        output.WriteLine("a" + (char)0xDCFF + "b");
        output.Flush();
        Assert.Equal([(byte)'a', 0xFF, (byte)'b', (byte)'\n'], memory.ToArray());
    }

    [Fact]
    public void Attribute_changes_are_read_in_order()
    {
        var change = AttributeChange.Parse("+rh-h");
        Assert.Equal(DosAttributes.ReadOnly, change.Apply(DosAttributes.Hidden));
        Assert.False(AttributeChange.IsChange("-x"));
        Assert.Equal(DosAttributes.Hidden, AttributeChange.Parse("+r").Then(AttributeChange.Parse("-r+h")).Apply(DosAttributes.None));
    }
}
