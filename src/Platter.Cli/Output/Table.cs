using System.Text;

namespace Platter.Cli.Output;

/// <summary>Text in aligned columns.</summary>
internal sealed class Table(params string[] headings)
{
    private readonly List<Cell[]> _rows = [];
    private readonly bool[] _right = new bool[headings.Length];

    // Less than this beside the other columns is no room for text: it goes below them.
    private const int LeastRoom = 30, IndentBelow = 6;

    /// <summary>Columns of the terminal, into which the text of the last column is broken between words; 0 for lines of any length.</summary>
    public int TerminalColumns { get; init; }

    /// <summary>Columns of numbers stand at the right.</summary>
    public Table Right(params int[] columns)
    {
        foreach (var column in columns)
            _right[column] = true;
        return this;
    }

    /// <summary>A row; as many cells as there are headings.</summary>
    public void Add(params Cell[] cells) => _rows.Add(cells);

    public void Write(TextOut output, Paint paint, string indent = "")
    {
        var widths = new int[headings.Length];
        for (var i = 0; i < widths.Length; i++)
        {
            widths[i] = TextWidth.Of(headings[i]);
            foreach (var row in _rows)
                widths[i] = Math.Max(widths[i], TextWidth.Of(row[i].Text));
        }
        if (headings.Any(h => h.Length > 0))
            WriteRow(output, [.. headings.Select(h => new Cell(h, paint.Dim(h)))], widths, indent);
        foreach (var row in _rows)
            WriteRow(output, row, widths, indent);
    }

    private void WriteRow(TextOut output, Cell[] cells, int[] widths, string indent)
    {
        var line = new StringBuilder(indent);
        var last = Array.FindLastIndex(cells, c => c.Text.Length > 0);
        for (var i = 0; i <= last; i++)
        {
            if (TerminalColumns > 0 && i > 0 && i == cells.Length - 1)
            {
                AppendBroken(line, cells[i].Text, indent.Length + widths[..i].Sum() + 2 * i);
                break;
            }
            var room = widths[i] - TextWidth.Of(cells[i].Text);
            if (_right[i])
                line.Append(' ', room);
            line.Append(cells[i].Painted);
            if (i < last)
                line.Append(' ', 2 + (_right[i] ? 0 : room));
        }
        output.WriteLine(line.ToString());
    }

    private void AppendBroken(StringBuilder line, string text, int start)
    {
        if (TerminalColumns - start < LeastRoom && start + TextWidth.Of(text) >= TerminalColumns)
        {
            start = IndentBelow;
            while (line[^1] == ' ')
                line.Length--;
            line.Append('\n').Append(' ', start);
        }
        var at = start;
        foreach (var word in text.Split(' '))
        {
            var width = TextWidth.Of(word);
            if (at > start && at + 1 + width >= TerminalColumns)
            {
                line.Append('\n').Append(' ', start);
                at = start;
            }
            if (at > start)
                line.Append(' ');
            line.Append(word);
            at += width + (at > start ? 1 : 0);
        }
    }
}

/// <summary>A cell's text, whose width counts, and the same with colours.</summary>
internal readonly record struct Cell(string Text, string Painted)
{
    public static implicit operator Cell(string text) => new(text, text);
}
