using Platter.Cli.Completion;
using Platter.Cli.Output;

namespace Platter.Cli.Shell;

/// <summary>Reads lines from a terminal: arrows, history, completion with the tab key, and the usual control keys.</summary>
/// <param name="readKey">The next key.</param>
/// <param name="output">The terminal.</param>
/// <param name="complete">The words that fit after these, the last of which is being typed.</param>
/// <param name="columns">How wide the terminal is at present.</param>
internal sealed class LineEditor(Func<ConsoleKeyInfo> readKey, TextOut output, Func<List<string>, List<Candidate>> complete, Func<int> columns)
{
    private readonly List<string> _history = [];

    public IReadOnlyList<string> History => _history;

    public void Remember(string line)
    {
        if (line.Trim().Length > 0 && (_history.Count == 0 || _history[^1] != line))
            _history.Add(line);
    }

    /// <summary>The next line; null at the end (Ctrl-D on an empty line).</summary>
    public string? ReadLine(string prompt)
    {
        var line = new LineBuffer(_history);
        Draw(prompt, line);
        while (true)
        {
            var key = readKey();
            switch (key.Key, key.Modifiers & ConsoleModifiers.Control)
            {
                case (ConsoleKey.Enter, _):
                    output.WriteLine();
                    output.Flush();
                    Remember(line.Text);
                    return line.Text;
                case (ConsoleKey.D, ConsoleModifiers.Control) when line.Text.Length == 0:
                    output.WriteLine();
                    output.Flush();
                    return null;
                case (ConsoleKey.C, ConsoleModifiers.Control):
                    output.WriteLine("^C");
                    line = new LineBuffer(_history);
                    break;
                case (ConsoleKey.L, ConsoleModifiers.Control):
                    output.Write("\e[H\e[2J");
                    break;
                case (ConsoleKey.Tab, _):
                    Complete(prompt, line);
                    break;
                default:
                    Edit(line, key);
                    break;
            }
            Draw(prompt, line);
        }
    }

    private static void Edit(LineBuffer line, ConsoleKeyInfo key)
    {
        switch (key.Key, key.Modifiers & ConsoleModifiers.Control)
        {
            case (ConsoleKey.LeftArrow, _) or (ConsoleKey.B, ConsoleModifiers.Control):
                line.Left();
                break;
            case (ConsoleKey.RightArrow, _) or (ConsoleKey.F, ConsoleModifiers.Control):
                line.Right();
                break;
            case (ConsoleKey.Home, _) or (ConsoleKey.A, ConsoleModifiers.Control):
                line.Home();
                break;
            case (ConsoleKey.End, _) or (ConsoleKey.E, ConsoleModifiers.Control):
                line.End();
                break;
            case (ConsoleKey.Backspace, _) or (ConsoleKey.H, ConsoleModifiers.Control):
                line.Backspace();
                break;
            case (ConsoleKey.Delete, _) or (ConsoleKey.D, ConsoleModifiers.Control):
                line.Delete();
                break;
            case (ConsoleKey.K, ConsoleModifiers.Control):
                line.DeleteToEnd();
                break;
            case (ConsoleKey.U, ConsoleModifiers.Control):
                line.DeleteToStart();
                break;
            case (ConsoleKey.W, ConsoleModifiers.Control):
                line.DeleteWord();
                break;
            case (ConsoleKey.UpArrow, _) or (ConsoleKey.P, ConsoleModifiers.Control):
                line.Earlier();
                break;
            case (ConsoleKey.DownArrow, _) or (ConsoleKey.N, ConsoleModifiers.Control):
                line.Later();
                break;
            default:
                if (!char.IsControl(key.KeyChar))
                    line.Insert(key.KeyChar.ToString());
                break;
        }
    }

    /// <summary>Types as much as is certain; when nothing is, shows the choices.</summary>
    private void Complete(string prompt, LineBuffer line)
    {
        var words = WordSplitter.Split(line.Text[..line.Cursor], out var lastIsOpen);
        if (!lastIsOpen)
            words.Add("");
        var candidates = complete(words);
        if (candidates.Count == 0)
            return;
        var typed = words[^1];
        var common = Common(candidates);
        if (common.Length > typed.Length || candidates.Count == 1)
        {
            var end = candidates.Count == 1 && !common.EndsWith('/') ? " " : "";
            line.ReplaceBeforeCursor(StartOfLastWord(line.Text[..line.Cursor], lastIsOpen), WordSplitter.Quote(common) + end);
            return;
        }
        output.WriteLine();
        foreach (var candidate in candidates.Take(100))
            output.WriteLine("  " + SafeText.Show(candidate.Text));
        if (candidates.Count > 100)
            output.WriteLine($"  ... and {candidates.Count - 100} more");
        Draw(prompt, line);
    }

    private static string Common(List<Candidate> candidates)
    {
        var common = candidates[0].Text;
        foreach (var candidate in candidates)
        {
            var length = 0;
            while (length < common.Length && length < candidate.Text.Length && common[length] == candidate.Text[length])
                length++;
            common = common[..length];
        }
        return common;
    }

    /// <summary>Where the word that the text ends in starts: the shortest end of the text that is still one word.</summary>
    private static int StartOfLastWord(string text, bool lastIsOpen)
    {
        if (!lastIsOpen)
            return text.Length;
        var count = WordSplitter.Split(text, out _).Count;
        var start = text.Length;
        while (start > 0 && WordSplitter.Split(text[..start], out var open).Count is var words && (words == count || (words == count - 1 && open && start == 0)))
            start--;
        while (start < text.Length && text[start] == ' ')
            start++;
        return start;
    }

    // A line that is wider than the terminal is shown around the cursor: one that wraps could not be drawn again.
    private void Draw(string prompt, LineBuffer line)
    {
        var room = Math.Max(columns() - 1, 2);
        prompt = KeepEnd(prompt, room / 2);
        room -= TextWidth.Of(prompt);
        var (before, behind) = (SafeText.Show(line.Text[..line.Cursor]), SafeText.Show(line.Text[line.Cursor..]));
        before = KeepEnd(before, room - Math.Min(TextWidth.Of(behind), room / 4));
        behind = KeepStart(behind, room - TextWidth.Of(before));
        output.Write("\r\e[K" + prompt + before + behind);
        if (TextWidth.Of(behind) is > 0 and var width)
            output.Write($"\e[{width}D");
        output.Flush();
    }

    private static string KeepEnd(string text, int width)
    {
        var start = 0;
        while (TextWidth.Of(text[start..]) > width)
            start += char.IsSurrogatePair(text, start) ? 2 : 1;
        return text[start..];
    }

    private static string KeepStart(string text, int width)
    {
        var end = text.Length;
        while (TextWidth.Of(text[..end]) > width)
            end -= end > 1 && char.IsSurrogatePair(text, end - 2) ? 2 : 1;
        return text[..end];
    }
}
