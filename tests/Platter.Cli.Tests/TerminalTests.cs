using System.Text;
using System.Text.RegularExpressions;
using Platter.Cli.Completion;
using Platter.Cli.Output;
using Platter.Cli.Shell;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Terminals that are narrow, that cannot go back, or that go away; and homes that are not there.</summary>
public sealed partial class TerminalTests
{
    [Theory]
    [InlineData(100)]
    [InlineData(80)]
    [InlineData(40)]
    [InlineData(20)]
    [InlineData(6)]
    public void A_bar_never_wraps_so_that_it_can_be_taken_back(int columns)
    {
        using var bytes = new MemoryStream();
        var report = new ProgressReport(new TextOut(bytes), asJson: false, columns);
        Thread.Sleep(310);
        report.Report(new WorkProgress("copying", 123_456_789, 987_654_321, 40_000, 1_000_000, null));
        Thread.Sleep(250);
        report.Report(new WorkProgress("copying", 223_456_789, 987_654_321, 50_000, 1_000_000, null));
        report.Clear();
        var lines = Encoding.UTF8.GetString(bytes.ToArray()).Split("\r\e[K", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.All(lines, line => Assert.InRange(TextWidth.Of(line), 1, columns - 1));
        if (columns >= 20)
            Assert.Contains(" 23 %", lines[1], StringComparison.Ordinal);
        if (columns >= 40)
            Assert.EndsWith(" left", lines[1], StringComparison.Ordinal);
        if (columns == 100)
            Assert.Contains("50000 entries", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(12)]
    public void A_long_line_is_shown_around_the_cursor(int columns)
    {
        var keys = new Queue<ConsoleKeyInfo>();
        foreach (var c in "put 'a rather long name 日本語 🎻 of a file.txt' /and/where/it/goes/to.txt")
            keys.Enqueue(new ConsoleKeyInfo(c, ConsoleKey.None, false, false, false));
        for (var i = 0; i < 20; i++)
            keys.Enqueue(new ConsoleKeyInfo('\0', ConsoleKey.LeftArrow, false, false, false));
        keys.Enqueue(new ConsoleKeyInfo('!', ConsoleKey.None, false, false, false));
        keys.Enqueue(new ConsoleKeyInfo('\r', ConsoleKey.Enter, false, false, false));
        using var bytes = new MemoryStream();
        var editor = new LineEditor(keys.Dequeue, new TextOut(bytes), _ => new List<Candidate>(), () => columns);
        Assert.Contains("/and/!where", editor.ReadLine("a long name of an image.img:/and/a/long/folder> "), StringComparison.Ordinal);
        var drawn = Encoding.UTF8.GetString(bytes.ToArray()).Split("\r\e[K", StringSplitOptions.RemoveEmptyEntries);
        Assert.True(drawn.Length > 80);
        foreach (var line in drawn)
        {
            var text = MoveLeft().Replace(line.TrimEnd('\n'), "");
            Assert.InRange(TextWidth.Of(text), 0, columns - 1);
            var back = MoveLeft().Match(line) is { Success: true } move ? int.Parse(move.Groups[1].Value) : 0;
            Assert.InRange(back, 0, TextWidth.Of(text));
        }
        // What was typed last stands before the cursor.
        Assert.Contains("!w", drawn[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_dumb_terminal_gets_a_prompt_and_no_escapes()
    {
        using var image = new TestImage();
        File.WriteAllBytes(image.Host("big"), new byte[12 << 20]);
        var result = Tool.Run("bash", "-c",
            $"(sleep 0.5; printf 'put {image.Host("big")} /\\n'; printf 'ls\\n'; sleep 1.5) | TERM=dumb script -qec \"'{Cli.Executable}' shell '{image.Path}'\" /dev/null");
        Assert.Contains("test.img:/> ", result.Output, StringComparison.Ordinal);
        Assert.Contains("big", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', result.Output);
    }

    [Fact]
    public void Without_a_home_nothing_is_left_in_the_folder_one_happens_to_be_in()
    {
        using var image = new TestImage();
        var home = image.Host("home");
        Directory.CreateDirectory(home);
        var here = image.Host("here");
        Directory.CreateDirectory(here);
        foreach (var environment in new[] { $"HOME='{home}'", "HOME=", "HOME= XDG_STATE_HOME=state" })
        {
            Tool.Expect("bash", "-c", $"cd '{here}'; (sleep 0.5; printf 'ls\\rexit\\r'; sleep 1) | env -u XDG_STATE_HOME -u XDG_DATA_HOME {environment} TERM=xterm script -qec \"'{Cli.Executable}' shell '{image.Path}'\" /dev/null");
            Assert.Empty(Directory.EnumerateFileSystemEntries(here));
        }
        // A home in which nobody has kept anything yet is made use of.
        Assert.Equal(["ls", "exit"], File.ReadAllLines(Path.Combine(home, ".local/share/platter/history")));
    }

    [Fact]
    public void Mistakes_at_the_prompt_are_told_with_quiet_too()
    {
        using var image = new TestImage();
        var outcome = Cli.Spawn(null, Encoding.UTF8.GetBytes("cd /nowhere\nput 'a b /\n"), [], "shell", "-q", image.Path);
        Assert.Equal(2, outcome.Code);
        var lines = outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Contains("/nowhere", lines[0], StringComparison.Ordinal);
        Assert.Equal("platter: the quote that ' opens does not end in this line", lines[1]);
    }

    [GeneratedRegex("\e\\[([0-9]+)D")]
    private static partial Regex MoveLeft();
}
