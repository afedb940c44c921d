namespace Platter.Trees.Toml;

/// <summary>Dates and times: RFC 3339, section 5.6, with the liberties of TOML 1.0 (no offset, one part alone, a space for the T, t and z in lower case).</summary>
internal static class TomlDateTimes
{
    /// <summary>Whether the text begins like <c>1979-</c>, as nothing but a date can.</summary>
    public static bool LooksLikeDate(ReadOnlySpan<char> text) => text.Length >= 5 && text[4] == '-' && !text[..4].ContainsAnyExceptInRange('0', '9');

    /// <summary>Whether the text begins like <c>07:</c>, as nothing but a time can.</summary>
    public static bool LooksLikeTime(ReadOnlySpan<char> text) => text.Length >= 3 && text[2] == ':' && !text[..2].ContainsAnyExceptInRange('0', '9');

    /// <summary>Understands a whole run.</summary>
    public static TomlDateTime Read(ReadOnlySpan<char> run, TextPlace place)
    {
        int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, nanosecond = 0, offset = 0;
        var rest = run;
        var kind = TomlDateTimeKind.LocalTime;
        if (LooksLikeDate(run))
        {
            kind = TomlDateTimeKind.LocalDate;
            if (!TryTakeNumber(ref rest, 4, out year) || !TryTake(ref rest, '-') || !TryTakeNumber(ref rest, 2, out month)
                || !TryTake(ref rest, '-') || !TryTakeNumber(ref rest, 2, out day))
                throw Bad(run, place, "a date is written 1979-05-27");
            if (month is < 1 or > 12 || day < 1 || day > DaysIn(year, month))
                throw Bad(run, place, "there is no such day");
        }
        if (rest.Length > 0 && (kind == TomlDateTimeKind.LocalTime || rest[0] is 'T' or 't' or ' '))
        {
            if (kind == TomlDateTimeKind.LocalDate)
            {
                rest = rest[1..];
                kind = TomlDateTimeKind.LocalDateTime;
            }
            if (!TryTakeNumber(ref rest, 2, out hour) || !TryTake(ref rest, ':') || !TryTakeNumber(ref rest, 2, out minute)
                || !TryTake(ref rest, ':') || !TryTakeNumber(ref rest, 2, out second) || !TryTakeFraction(ref rest, out nanosecond))
                throw Bad(run, place, "a time is written 07:32:00 or 07:32:00.999");
            if (hour > 23 || minute > 59 || second > 60)
                throw Bad(run, place, "there is no such time");
            if (kind == TomlDateTimeKind.LocalDateTime && !rest.IsEmpty)
            {
                kind = TomlDateTimeKind.OffsetDateTime;
                if (!TryTakeOffset(ref rest, out offset))
                    throw Bad(run, place, "an offset is written Z, +07:00 or -07:00");
            }
        }
        if (!rest.IsEmpty)
            throw Bad(run, place, $"{TomlCursor.Quote(rest)} is too much");
        return new TomlDateTime(kind, place)
        {
            Year = year, Month = month, Day = day, Hour = hour, Minute = minute, Second = second, Nanosecond = nanosecond, OffsetMinutes = offset,
        };
    }

    private static bool TryTake(ref ReadOnlySpan<char> rest, char expected)
    {
        if (rest.IsEmpty || rest[0] != expected)
            return false;
        rest = rest[1..];
        return true;
    }

    private static bool TryTakeNumber(ref ReadOnlySpan<char> rest, int digits, out int value)
    {
        value = 0;
        if (rest.Length < digits || rest[..digits].ContainsAnyExceptInRange('0', '9'))
            return false;
        foreach (var digit in rest[..digits])
            value = value * 10 + (digit - '0');
        rest = rest[digits..];
        return true;
    }

    private static bool TryTakeFraction(ref ReadOnlySpan<char> rest, out int nanosecond)
    {
        nanosecond = 0;
        if (!TryTake(ref rest, '.'))
            return true;
        var digits = rest.IndexOfAnyExceptInRange('0', '9');
        if (digits < 0)
            digits = rest.Length;
        for (var i = 0; i < 9; i++)
            nanosecond = nanosecond * 10 + (i < digits ? rest[i] - '0' : 0);
        rest = rest[digits..];
        return digits > 0;
    }

    private static bool TryTakeOffset(ref ReadOnlySpan<char> rest, out int minutes)
    {
        minutes = 0;
        if (rest is "Z" or "z")
        {
            rest = [];
            return true;
        }
        var sign = rest[0] == '-' ? -1 : 1;
        if (rest[0] is not ('+' or '-'))
            return false;
        rest = rest[1..];
        if (!TryTakeNumber(ref rest, 2, out var hour) || !TryTake(ref rest, ':') || !TryTakeNumber(ref rest, 2, out var minute) || hour > 23 || minute > 59)
            return false;
        minutes = sign * (hour * 60 + minute);
        return true;
    }

    // DateTime knows no year 0, which is a leap year in the proleptic Gregorian calendar.
    private static int DaysIn(int year, int month) => DateTime.DaysInMonth(year == 0 ? 2000 : year, month);

    private static TomlException Bad(ReadOnlySpan<char> run, TextPlace place, string why) => new(place, $"{TomlCursor.Quote(run)} is not a date or time: {why}");
}
