using System.Globalization;
using Platter.FileSystems;

namespace Platter.Cli.Syntax;

/// <summary>Times and offsets as people write them.</summary>
internal static class TimeText
{
    /// <summary>Reads ISO 8601 (UTC unless an offset is given, up to nine digits of a second), a date alone, or <c>@SECONDS</c> since 1970.</summary>
    /// <exception cref="FormatException">None of them.</exception>
    public static Timestamp Parse(string text)
    {
        if (text.StartsWith('@') && long.TryParse(text.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds))
            return new Timestamp(seconds);
        // The framework reads seven digits of a second; the other two are taken off first and put back.
        var dot = text.LastIndexOf('.');
        var nanoseconds = 0;
        var whole = text;
        if (dot > 0)
        {
            var end = dot + 1;
            while (end < text.Length && char.IsAsciiDigit(text[end]))
                end++;
            var digits = text[(dot + 1)..end];
            if (digits.Length is 0 or > 9)
                throw Wrong(text);
            nanoseconds = int.Parse(digits.PadRight(9, '0'), CultureInfo.InvariantCulture);
            whole = text[..dot] + text[end..];
        }
        if (!DateTimeOffset.TryParse(whole, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
            throw Wrong(text);
        return new Timestamp(time.ToUnixTimeSeconds(), nanoseconds);
    }

    /// <summary>Reads <c>+02:00</c>, <c>-5</c>, <c>+0530</c> or <c>local</c> (the host's offset now).</summary>
    /// <exception cref="FormatException">None of them, or beyond 14 hours.</exception>
    public static TimeSpan ParseOffset(string text)
    {
        if (text == "local")
            return TimeZoneInfo.Local.GetUtcOffset(DateTimeOffset.UtcNow);
        var digits = text.AsSpan().TrimStart("+-").ToString().Replace(":", "", StringComparison.Ordinal);
        if (digits.Length is >= 1 and <= 4 && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            var (hours, minutes) = digits.Length <= 2 ? (number, 0) : (number / 100, number % 100);
            if (hours <= 14 && minutes < 60)
                return new TimeSpan(hours, minutes, 0) * (text[0] == '-' ? -1 : 1);
        }
        throw new FormatException($"'{text}' is not an offset from UTC such as +02:00");
    }

    private static FormatException Wrong(string text) => new($"'{text}' is not a time: expected such as 2024-02-29T12:00:00Z or @1709208000");
}
