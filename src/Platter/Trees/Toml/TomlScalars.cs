using System.Buffers;
using System.Globalization;

namespace Platter.Trees.Toml;

/// <summary>The values without quotes or brackets (TOML 1.0, "Integer" to "Local Time"): a run of characters, cut out first and then understood whole.</summary>
internal static class TomlScalars
{
    private static readonly SearchValues<char> DigitsAndUnderscore = SearchValues.Create("0123456789_");

    /// <summary>Reads the value that begins here.</summary>
    /// <param name="cursor">Afterwards behind the value.</param>
    public static TomlValue Read(TomlCursor cursor)
    {
        var place = cursor.Place;
        var rest = cursor.Rest;
        var length = RunLength(rest);
        if (length == 0)
            throw cursor.Fail($"expected a value, found {cursor.Describe()}");
        // A date may be parted from its time by a space instead of a T.
        if (length == 10 && TomlDateTimes.LooksLikeDate(rest) && rest.Length > 12 && rest[10] == ' ' && char.IsAsciiDigit(rest[11]))
            length = 11 + RunLength(rest[11..]);
        cursor.Advance(length);
        return Understand(rest[..length], place);
    }

    private static int RunLength(ReadOnlySpan<char> text)
    {
        var length = 0;
        while (length < text.Length && (char.IsAsciiLetterOrDigit(text[length]) || text[length] is '+' or '-' or '.' or ':' or '_'))
            length++;
        return length;
    }

    private static TomlValue Understand(ReadOnlySpan<char> run, TextPlace place)
    {
        switch (run)
        {
            case "true": return new TomlBoolean(true, place);
            case "false": return new TomlBoolean(false, place);
            case "inf" or "+inf": return new TomlFloat(double.PositiveInfinity, place);
            case "-inf": return new TomlFloat(double.NegativeInfinity, place);
            case "nan" or "+nan" or "-nan": return new TomlFloat(double.NaN, place);
        }
        if (TomlDateTimes.LooksLikeDate(run) || TomlDateTimes.LooksLikeTime(run))
            return TomlDateTimes.Read(run, place);
        if (run[0] == '0' && run.Length > 1 && char.IsAsciiLetter(run[1]) && run[1] is not ('e' or 'E'))
            return ReadPrefixed(run, place);
        if (!char.IsAsciiDigit(run[0]) && run[0] is not ('+' or '-' or '.'))
            throw new TomlException(place, $"{TomlCursor.Quote(run)} is not a value; {Hint(run)}");
        return run.ContainsAny('.', 'e', 'E') ? ReadFloat(run, place) : ReadInteger(run, place);
    }

    private static string Hint(ReadOnlySpan<char> run)
    {
        foreach (var word in (ReadOnlySpan<string>)["true", "false", "inf", "nan"])
        {
            if (run.Equals(word, StringComparison.OrdinalIgnoreCase))
                return $"write {word}";
        }
        return "a string needs quotes";
    }

    private static TomlInteger ReadPrefixed(ReadOnlySpan<char> run, TextPlace place)
    {
        var radix = run[1] switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 };
        if (radix == 0)
            throw new TomlException(place, $"{TomlCursor.Quote(run)} is not a number; the prefixes are 0x, 0o and 0b");
        ulong value = 0;
        var digits = run[2..];
        if (!HasProperUnderscores(digits))
            throw BadNumber(run, place);
        foreach (var c in digits)
        {
            if (c == '_')
                continue;
            var digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : 16;
            if (digit >= radix)
                throw new TomlException(place, $"'{c}' is no digit of {TomlCursor.Quote(run)}");
            if (value > (long.MaxValue - (ulong)digit) / (ulong)radix)
                throw TooLarge(run, place);
            value = value * (ulong)radix + (ulong)digit;
        }
        return new TomlInteger((long)value, radix, place);
    }

    private static TomlInteger ReadInteger(ReadOnlySpan<char> run, TextPlace place)
    {
        var digits = run[0] is '+' or '-' ? run[1..] : run;
        CheckDecimal(digits, run, place);
        if (!long.TryParse(WithoutUnderscores(run), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            throw TooLarge(run, place);
        return new TomlInteger(value, 10, place);
    }

    private static TomlFloat ReadFloat(ReadOnlySpan<char> run, TextPlace place)
    {
        var unsigned = run[0] is '+' or '-' ? run[1..] : run;
        var e = unsigned.IndexOfAny('e', 'E');
        var mantissa = e < 0 ? unsigned : unsigned[..e];
        if (e >= 0)
        {
            var exponent = unsigned[(e + 1)..];
            CheckDigits(exponent.Length > 0 && exponent[0] is '+' or '-' ? exponent[1..] : exponent, run, place);
        }
        var dot = mantissa.IndexOf('.');
        CheckDecimal(dot < 0 ? mantissa : mantissa[..dot], run, place);
        if (dot >= 0)
            CheckDigits(mantissa[(dot + 1)..], run, place);
        if (!double.TryParse(WithoutUnderscores(run), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || double.IsInfinity(value))
            throw new TomlException(place, $"{TomlCursor.Quote(run)} is out of the range of a 64-bit float");
        return new TomlFloat(value, place);
    }

    private static void CheckDecimal(ReadOnlySpan<char> digits, ReadOnlySpan<char> run, TextPlace place)
    {
        CheckDigits(digits, run, place);
        if (digits.Length > 1 && digits[0] == '0')
            throw new TomlException(place, $"{TomlCursor.Quote(run)} begins with a 0; decimal numbers don't, octal ones are written like 0o644");
    }

    private static void CheckDigits(ReadOnlySpan<char> digits, ReadOnlySpan<char> run, TextPlace place)
    {
        if (!HasProperUnderscores(digits) || digits.ContainsAnyExcept(DigitsAndUnderscore))
            throw BadNumber(run, place);
    }

    // Each underscore stands between two digits.
    private static bool HasProperUnderscores(ReadOnlySpan<char> digits) =>
        !digits.IsEmpty && digits[0] != '_' && digits[^1] != '_' && !digits.Contains("__", StringComparison.Ordinal);

    private static string WithoutUnderscores(ReadOnlySpan<char> run)
    {
        var text = run.ToString();
        return text.Contains('_', StringComparison.Ordinal) ? text.Replace("_", "", StringComparison.Ordinal) : text;
    }

    private static TomlException BadNumber(ReadOnlySpan<char> run, TextPlace place) =>
        new(place, $"{TomlCursor.Quote(run)} is not a number; a string needs quotes");

    private static TomlException TooLarge(ReadOnlySpan<char> run, TextPlace place) =>
        new(place, $"{TomlCursor.Quote(run)} is out of the range of a 64-bit integer");
}
