namespace Platter.Cli.Shell;

/// <summary>A line that is being typed: text, cursor, and where in the history one is. Knows nothing of a terminal.</summary>
internal sealed class LineBuffer(IReadOnlyList<string> history)
{
    private int _at = history.Count;
    private string _draft = "";

    public string Text { get; private set; } = "";

    /// <summary>0 to the length of the text.</summary>
    public int Cursor { get; private set; }

    public void Insert(string text)
    {
        Text = Text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public void Backspace()
    {
        if (Cursor > 0)
            Remove(Before(), Cursor);
    }

    public void Delete()
    {
        if (Cursor < Text.Length)
            Remove(Cursor, After());
    }

    public void Left() => Cursor = Before();

    public void Right() => Cursor = After();

    public void Home() => Cursor = 0;

    public void End() => Cursor = Text.Length;

    public void DeleteToEnd() => Remove(Cursor, Text.Length);

    public void DeleteToStart() => Remove(0, Cursor);

    /// <summary>Takes away the word before the cursor, and the spaces behind it.</summary>
    public void DeleteWord()
    {
        var start = Cursor;
        while (start > 0 && Text[start - 1] == ' ')
            start--;
        while (start > 0 && Text[start - 1] != ' ')
            start--;
        Remove(start, Cursor);
    }

    /// <summary>Puts other text in the place of what stands before the cursor.</summary>
    public void ReplaceBeforeCursor(int start, string text)
    {
        Remove(start, Cursor);
        Insert(text);
    }

    public void Earlier()
    {
        if (_at == 0)
            return;
        if (_at == history.Count)
            _draft = Text;
        Set(history[--_at]);
    }

    public void Later()
    {
        if (_at == history.Count)
            return;
        Set(++_at == history.Count ? _draft : history[_at]);
    }

    private void Set(string text)
    {
        Text = text;
        Cursor = text.Length;
    }

    private void Remove(int start, int end)
    {
        Text = Text.Remove(start, end - start);
        Cursor = start;
    }

    // A surrogate pair is one step.
    private int Before() => Cursor == 0 ? 0 : Cursor >= 2 && char.IsSurrogatePair(Text[Cursor - 2], Text[Cursor - 1]) ? Cursor - 2 : Cursor - 1;

    private int After() => Cursor == Text.Length ? Cursor : Cursor + 1 < Text.Length && char.IsSurrogatePair(Text[Cursor], Text[Cursor + 1]) ? Cursor + 2 : Cursor + 1;
}
