using Platter.Cli.Completion;
using Platter.Cli.Output;
using Platter.Cli.Shell;
using Xunit;

namespace Platter.Cli.Tests;

public class LineEditorTests
{
    private static readonly ConsoleKeyInfo Enter = new('\r', ConsoleKey.Enter, false, false, false);
    private static readonly ConsoleKeyInfo Tab = new('\t', ConsoleKey.Tab, false, false, false);

    private static ConsoleKeyInfo Key(ConsoleKey key, bool control = false) => new('\0', key, false, false, control);

    private static IEnumerable<ConsoleKeyInfo> Type(string text) => text.Select(c => new ConsoleKeyInfo(c, ConsoleKey.None, false, false, false));

    private static LineEditor Editor(IEnumerable<ConsoleKeyInfo> keys, params string[] candidates)
    {
        var queue = new Queue<ConsoleKeyInfo>(keys);
        return new LineEditor(queue.Dequeue, new TextOut(Stream.Null), words => [.. candidates.Where(c => c.StartsWith(words[^1], StringComparison.Ordinal)).Select(c => new Candidate(c))], () => 80);
    }

    [Fact]
    public void Typing_moving_and_deleting_edit_the_line()
    {
        var editor = Editor([.. Type("lx"), Key(ConsoleKey.Backspace), .. Type("s /b"), Key(ConsoleKey.LeftArrow), .. Type("a"), Key(ConsoleKey.End), .. Type("c "), .. Type("word"), Key(ConsoleKey.W, true), Enter]);
        Assert.Equal("ls /abc ", editor.ReadLine("> "));
    }

    [Fact]
    public void Home_end_and_kill_work()
    {
        var editor = Editor([.. Type("abc"), Key(ConsoleKey.A, true), Key(ConsoleKey.Delete), Key(ConsoleKey.RightArrow), Key(ConsoleKey.K, true), Enter]);
        Assert.Equal("b", editor.ReadLine("> "));
    }

    [Fact]
    public void History_goes_back_and_forth_and_keeps_the_draft()
    {
        var editor = Editor([.. Type("one"), Enter, .. Type("two"), Enter, .. Type("dra"), Key(ConsoleKey.UpArrow), Key(ConsoleKey.UpArrow), Key(ConsoleKey.DownArrow), Key(ConsoleKey.DownArrow), .. Type("ft"), Enter]);
        Assert.Equal("one", editor.ReadLine("> "));
        Assert.Equal("two", editor.ReadLine("> "));
        Assert.Equal("draft", editor.ReadLine("> "));
        Assert.Equal(["one", "two", "draft"], editor.History);
    }

    [Fact]
    public void The_only_candidate_is_completed_with_a_space() => Assert.Equal("ls /readme.txt x", Editor([.. Type("ls /r"), Tab, .. Type("x"), Enter], "/readme.txt", "/other").ReadLine("> "));

    [Fact]
    public void Several_candidates_are_completed_as_far_as_they_agree() => Assert.Equal("cd /EFI/B", Editor([.. Type("cd /E"), Tab, .. Type("B"), Enter], "/EFI/x", "/EFI/y").ReadLine("> "));

    [Fact]
    public void Names_with_spaces_are_quoted() => Assert.Equal(@"cat my\ file ", Editor([.. Type("cat m"), Tab, Enter], "my file").ReadLine("> "));

    [Fact]
    public void Names_with_spaces_are_completed_further() => Assert.Equal(@"cat my\ file.txt ", Editor([.. Type(@"cat my\ f"), Tab, Enter], "my file.txt").ReadLine("> "));

    [Fact]
    public void Control_d_on_an_empty_line_is_the_end() => Assert.Null(Editor([Key(ConsoleKey.D, true)]).ReadLine("> "));

    [Fact]
    public void Control_c_drops_the_line() => Assert.Equal("b", Editor([.. Type("a"), Key(ConsoleKey.C, true), .. Type("b"), Enter]).ReadLine("> "));
}
