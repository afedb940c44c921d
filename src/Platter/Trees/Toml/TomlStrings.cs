using System.Buffers;
using System.Text;

namespace Platter.Trees.Toml;

/// <summary>The four string notations of TOML 1.0, "String": basic and literal, each on one line or on several.</summary>
internal static class TomlStrings
{
    // What ends a run of characters that stand for themselves: a quote, a backslash, a line end, or a control character.
    private static readonly SearchValues<char> BasicStops = SearchValues.Create(Controls() + "\"\\");
    private static readonly SearchValues<char> LiteralStops = SearchValues.Create(Controls() + "'");

    /// <summary>Reads the string that begins here.</summary>
    /// <param name="cursor">At a quote; afterwards behind the string.</param>
    /// <param name="allowLines">Whether the notations of three quotes are allowed: in values, not in keys.</param>
    public static string Read(TomlCursor cursor, bool allowLines)
    {
        var start = cursor.Place;
        var quote = cursor.Current;
        var lines = cursor.Peek(1) == quote && cursor.Peek(2) == quote;
        if (lines && !allowLines)
            throw cursor.Fail("a key cannot be a string of several lines");
        cursor.Advance(lines ? 3 : 1);
        if (lines)
            cursor.TrySkipLineEnd();   // a line end right behind the opening quotes is not part of the string

        var stops = quote == '"' ? BasicStops : LiteralStops;
        var value = new StringBuilder();
        while (true)
        {
            var run = cursor.Rest.IndexOfAny(stops);
            if (run < 0)
                throw Unclosed(start, quote, lines);
            var plain = cursor.Rest[..run];
            cursor.Advance(run);
            if (cursor.Current == quote)
            {
                if (!lines)
                {
                    cursor.Advance();
                    return value.Length == 0 ? plain.ToString() : value.Append(plain).ToString();
                }
                value.Append(plain);
                if (TryClose(cursor, quote, value))
                    return value.ToString();
                continue;
            }
            value.Append(plain);
            if (cursor.Current == '\\')
                ReadEscape(cursor, lines, value);
            else
                ReadLineEnd(cursor, start, quote, lines, value);
        }
    }

    // One or two quotes are content, also right before the three that close the string: """a""""" is a and two quotes.
    private static bool TryClose(TomlCursor cursor, char quote, StringBuilder value)
    {
        var quotes = 1;
        while (quotes < 5 && cursor.Peek(quotes) == quote)
            quotes++;
        cursor.Advance(quotes);
        value.Append(quote, quotes < 3 ? quotes : quotes - 3);
        return quotes >= 3;
    }

    private static void ReadLineEnd(TomlCursor cursor, TextPlace start, char quote, bool lines, StringBuilder value)
    {
        var length = cursor.LineEndLength();
        if (length == 0)
            throw cursor.Fail($"a string may not contain {cursor.Describe()}" + (quote == '"' ? "; write it as an escape" : ""));
        if (!lines)
            throw Unclosed(start, quote, lines);
        value.Append(length == 2 ? "\r\n" : "\n");
        cursor.TrySkipLineEnd();
    }

    private static void ReadEscape(TomlCursor cursor, bool lines, StringBuilder value)
    {
        var escape = cursor.Peek(1);
        switch (escape)
        {
            case 'b': value.Append('\b'); break;
            case 't': value.Append('\t'); break;
            case 'n': value.Append('\n'); break;
            case 'f': value.Append('\f'); break;
            case 'r': value.Append('\r'); break;
            case '"': value.Append('"'); break;
            case '\\': value.Append('\\'); break;
            case 'u': ReadCodePoint(cursor, 4, value); return;
            case 'U': ReadCodePoint(cursor, 8, value); return;
            default:
                if (lines && TrySkipLineJoin(cursor))
                    return;
                cursor.Advance();
                throw cursor.Fail($"a backslash cannot be followed by {cursor.Describe()}; a literal string ('...') takes backslashes as they are");
        }
        cursor.Advance(2);
    }

    // A backslash at the end of a line: it, the line end, and all blanks and line ends up to the next character are not there.
    private static bool TrySkipLineJoin(TomlCursor cursor)
    {
        var ahead = 1;
        while (cursor.Peek(ahead) is ' ' or '\t')
            ahead++;
        if (cursor.Peek(ahead) != '\n' && !(cursor.Peek(ahead) == '\r' && cursor.Peek(ahead + 1) == '\n'))
            return false;
        cursor.Advance(ahead);
        while (cursor.TrySkipLineEnd())
            cursor.SkipBlanks();
        return true;
    }

    private static void ReadCodePoint(TomlCursor cursor, int digits, StringBuilder value)
    {
        uint code = 0;
        for (var i = 0; i < digits; i++)
        {
            var digit = cursor.Peek(2 + i);
            if (!char.IsAsciiHexDigit(digit))
                throw cursor.Fail($"\\{cursor.Peek(1)} needs {digits} hexadecimal digits");
            code = code << 4 | (uint)Convert.ToInt32(digit.ToString(), 16);
        }
        if (!Rune.IsValid(code))
            throw cursor.Fail($"\\{cursor.Peek(1)}{code.ToString($"X{digits}")} is not a Unicode character");
        value.Append(new Rune(code).ToString());
        cursor.Advance(2 + digits);
    }

    private static TomlException Unclosed(TextPlace start, char quote, bool lines)
    {
        var quotes = lines ? new string(quote, 3) : quote.ToString();
        return new(start, $"the string that begins here is not closed by {quotes}" + (lines ? "" : " before the end of the line"));
    }

    private static string Controls() =>
        string.Concat(Enumerable.Range(0, 128).Select(c => (char)c).Where(TomlCursor.IsControl));
}
