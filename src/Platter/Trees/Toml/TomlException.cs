namespace Platter.Trees.Toml;

/// <summary>A TOML text, or what it says as a spec, is wrong. The message is one line and begins with the place: <c>spec.toml:12:5: ...</c>.</summary>
/// <remarks>Not a <see cref="DiskFormatException"/>: a spec is written by the user on the host, it is no structure of an image.</remarks>
public sealed class TomlException : FormatException
{
    /// <param name="place">Where in the text.</param>
    /// <param name="problem">What was found and what was expected; one line.</param>
    /// <param name="inner">What caused it, when something else refused the value.</param>
    public TomlException(TextPlace place, string problem, Exception? inner = null)
        : base($"{place}: {OneLine(problem)}", inner)
    {
        Place = place;
        Problem = OneLine(problem);
    }

    /// <summary>Where in the text.</summary>
    public TextPlace Place { get; }

    /// <summary>Counted from 1.</summary>
    public int Line => Place.Line;

    /// <summary>Counted from 1, in UTF-16 units.</summary>
    public int Column => Place.Column;

    /// <summary>The message without the place.</summary>
    public string Problem { get; }

    // A message quotes what the text says, and that may hold line ends or escape sequences of a terminal.
    private static string OneLine(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? $"\\u{(int)c:X4}" : c.ToString())) : text;
}
