using System.Text;

namespace Platter.Cli.Output;

/// <summary>Text in aligned columns.</summary>
internal sealed class Table(params string[] headings)
{
    private readonly List<Cell[]> _rows = [];
    private readonly bool[] _right = new bool[headings.Length];

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
            var room = widths[i] - TextWidth.Of(cells[i].Text);
            if (_right[i])
                line.Append(' ', room);
            line.Append(cells[i].Painted);
            if (i < last)
                line.Append(' ', 2 + (_right[i] ? 0 : room));
        }
        output.WriteLine(line.ToString());
    }
}

/// <summary>A cell's text, whose width counts, and the same with colours.</summary>
internal readonly record struct Cell(string Text, string Painted)
{
    public static implicit operator Cell(string text) => new(text, text);
}
