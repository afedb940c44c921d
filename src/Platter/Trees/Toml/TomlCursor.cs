using System.Text;

namespace Platter.Trees.Toml;

/// <summary>A position in a TOML text that knows its line and column, and the parts every production shares: blanks, comments, line ends.</summary>
internal sealed class TomlCursor(string text, string sourceName)
{
    /// <summary>What <see cref="Current"/> is at the end of the text. A real U+0000 is allowed nowhere in TOML, so <see cref="AtEnd"/> decides only which message is given.</summary>
    public const char End = '\0';

    private int _line = 1;
    private int _lineStart;

    /// <summary>Index in UTF-16 units, 0 to the length of the text.</summary>
    public int Position { get; private set; }

    public bool AtEnd => Position >= text.Length;

    /// <summary>The unit at the position, or <see cref="End"/>.</summary>
    public char Current => Peek(0);

    /// <summary>The text from the position on.</summary>
    public ReadOnlySpan<char> Rest => text.AsSpan(Position);

    public TextPlace Place => new(sourceName, _line, Position - _lineStart + 1);

    public char Peek(int ahead) => Position + ahead < text.Length ? text[Position + ahead] : End;

    /// <summary>Moves over units that are not line ends.</summary>
    public void Advance(int count = 1) => Position += count;

    public bool TrySkip(char expected)
    {
        if (AtEnd || text[Position] != expected)
            return false;
        Position++;
        return true;
    }

    /// <summary>Moves over LF or CR LF; false when neither is here.</summary>
    public bool TrySkipLineEnd()
    {
        var length = LineEndLength();
        if (length == 0)
            return false;
        Position += length;
        _line++;
        _lineStart = Position;
        return true;
    }

    /// <summary>Units of the line end that stands here: 1 for LF, 2 for CR LF, 0 for none. A bare CR is none.</summary>
    public int LineEndLength() => Current switch { '\n' => 1, '\r' when Peek(1) == '\n' => 2, _ => 0 };

    /// <summary>Moves over spaces and tabs.</summary>
    public void SkipBlanks()
    {
        while (Current is ' ' or '\t')
            Position++;
    }

    /// <summary>Moves over a comment, up to the line end, if one begins here.</summary>
    public void SkipComment()
    {
        if (Current != '#')
            return;
        while (!AtEnd && LineEndLength() == 0)
        {
            if (IsControl(Current))
                throw Fail($"a comment may not contain {Describe()}");
            Position++;
        }
    }

    /// <summary>Moves over blanks, comments and line ends: what may stand between the values of an array.</summary>
    public void SkipBlankLines()
    {
        do
        {
            SkipBlanks();
            SkipComment();
        }
        while (TrySkipLineEnd());
    }

    /// <summary>Whether TOML forbids the unit in comments and strings: controls other than tab.</summary>
    public static bool IsControl(char unit) => unit is < ' ' and not '\t' or '\x7F';

    public TomlException Fail(string problem) => new(Place, problem);

    /// <summary>The unit at the position as messages call it.</summary>
    public string Describe()
    {
        if (AtEnd)
            return "the end of the text";
        if (Current is '\r' && Peek(1) != '\n')
            return "a carriage return without a line feed";
        if (LineEndLength() != 0)
            return "the end of the line";
        if (Rune.TryGetRuneAt(text, Position, out var rune) && !Rune.IsControl(rune) && !Rune.IsWhiteSpace(rune) && rune.Value != 0xFEFF)
            return $"'{rune}'";
        return Current == ' ' ? "a space" : $"the character U+{(int)Current:X4}";
    }

    /// <summary>A text in quotes as messages show it: shortened, so that a message stays one readable line.</summary>
    public static string Quote(ReadOnlySpan<char> shown)
    {
        const int longest = 40;
        if (shown.Length <= longest)
            return $"'{shown}'";
        var cut = char.IsHighSurrogate(shown[longest - 1]) ? longest - 1 : longest;
        return $"'{shown[..cut]}...'";
    }

    /// <summary>Refuses a text that no UTF-8 could stand for. Only a caller's string can hold one.</summary>
    public void RefuseLoneSurrogates()
    {
        var at = 0;
        for (int next; (next = text.AsSpan(at).IndexOfAnyInRange('\uD800', '\uDFFF')) >= 0; at += 2)
        {
            at += next;
            if (at + 1 >= text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
                throw new TomlException(PlaceAt(at), $"the surrogate U+{(int)text[at]:X4} stands alone; the text is not Unicode");
        }
    }

    public TextPlace EndPlace() => PlaceAt(text.Length);

    private TextPlace PlaceAt(int position)
    {
        var before = text.AsSpan(0, position);
        return new(sourceName, before.Count('\n') + 1, position - before.LastIndexOf('\n'));
    }
}
