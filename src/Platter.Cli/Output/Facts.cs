namespace Platter.Cli.Output;

/// <summary>Names and values, one a line; what is not known is left out.</summary>
internal sealed class Facts(Paint paint)
{
    private readonly Table _table = new("", "");

    public void Add(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            _table.Add(new Cell(name, paint.Dim(name)), value);
    }

    public void Write(TextOut output, string indent) => _table.Write(output, paint, indent);
}
