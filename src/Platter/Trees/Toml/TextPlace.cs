namespace Platter.Trees.Toml;

/// <summary>A place in a text, as messages print it: <c>spec.toml:12:5</c>.</summary>
/// <param name="SourceName">The name of the text: usually the path the user gave.</param>
/// <param name="Line">Counted from 1.</param>
/// <param name="Column">Counted from 1, in UTF-16 units.</param>
public readonly record struct TextPlace(string SourceName, int Line, int Column)
{
    public override string ToString() => $"{SourceName}:{Line}:{Column}";
}
