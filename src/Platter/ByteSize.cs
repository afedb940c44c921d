using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Platter;

/// <summary>Sizes as people write them: <c>512</c>, <c>64K</c>, <c>10M</c>, <c>2G</c>, <c>1T</c>. All suffixes are powers of 1024.</summary>
/// <remarks>Suffixes, in any case: none or <c>B</c> (bytes), then <c>K M G T P E</c>, each also as <c>KiB</c>.
/// <c>KB</c> and the like are refused: half of the tools mean 1000 by it and half 1024. A fraction (<c>1.5G</c>) is allowed when it comes to whole bytes.</remarks>
public static class ByteSize
{
    private const string Units = "KMGTPE";   // 1024 to the power of the index plus one; E is the last whose 1 fits 63 bits

    /// <summary>Reads a size.</summary>
    /// <returns>Bytes, 0 to 2^63 - 1.</returns>
    /// <exception cref="FormatException">The text is no size; the message says why.</exception>
    public static long Parse(string text) => Read(text, out var problem) ?? throw new FormatException(problem);

    /// <summary>Reads a size; false when the text is none.</summary>
    /// <param name="text">The text; spaces around it are not part of a size.</param>
    /// <param name="bytes">0 to 2^63 - 1.</param>
    public static bool TryParse([NotNullWhen(true)] string? text, out long bytes)
    {
        var read = text is null ? null : Read(text, out _);
        bytes = read ?? 0;
        return read is not null;
    }

    /// <summary>Writes a size so that <see cref="Parse"/> reads the same bytes: in the largest unit that divides it, such as <c>64K</c> or <c>1000</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public static string Format(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var power = 0;
        while (bytes != 0 && bytes % 1024 == 0)
        {
            bytes /= 1024;
            power++;
        }
        return power == 0 ? bytes.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{bytes}{Units[power - 1]}");
    }

    /// <summary>Writes a size for people, rounded to three digits: <c>512 B</c>, <c>1.46 KiB</c>, <c>29.8 GiB</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public static string FormatRounded(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes < 1024)
            return string.Create(CultureInfo.InvariantCulture, $"{bytes} B");
        var value = bytes / 1024.0;
        var unit = 0;
        while (value >= 1023.5 && unit < Units.Length - 1)   // 1023.5 would be printed as 1024
        {
            value /= 1024;
            unit++;
        }
        var form = value < 9.995 ? "0.00" : value < 99.95 ? "0.0" : "0";
        return $"{value.ToString(form, CultureInfo.InvariantCulture)} {Units[unit]}iB";
    }

    private static long? Read(string text, out string problem)
    {
        var digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.'))
            digits++;
        if (!TryShift(text.AsSpan(digits), out var shift))
        {
            problem = $"'{Shorten(text)}' is not a size: expected bytes, or a number with K, M, G, T, P or E (or KiB, MiB, ...), powers of 1024";
            return null;
        }
        var bytes = Scale(text.AsSpan(0, digits), shift, out problem);
        if (bytes is null)
            problem = $"'{Shorten(text)}' is not a size: {problem}";
        return bytes;
    }

    private static bool TryShift(ReadOnlySpan<char> suffix, out int shift)
    {
        shift = 0;
        if (suffix.IsEmpty || suffix.Equals("B", StringComparison.OrdinalIgnoreCase))
            return true;
        var unit = Units.IndexOf(char.ToUpperInvariant(suffix[0]), StringComparison.Ordinal);
        shift = 10 * (unit + 1);
        return unit >= 0 && (suffix.Length == 1 || suffix[1..].Equals("iB", StringComparison.OrdinalIgnoreCase));
    }

    private static long? Scale(ReadOnlySpan<char> number, int shift, out string problem)
    {
        var dot = number.IndexOf('.');
        var whole = dot < 0 ? number : number[..dot];
        var fraction = dot < 0 ? [] : number[(dot + 1)..];
        problem = "expected a number such as 512 or 1.5";
        if (whole.IsEmpty || (dot >= 0 && fraction.IsEmpty) || fraction.Contains('.'))
            return null;

        problem = "it is more than 2^63 - 1 bytes";
        if (!UInt128.TryParse(whole, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) || bytes > (UInt128)(long.MaxValue >> shift))
            return null;
        bytes <<= shift;

        // A fraction of n digits is whole bytes when 10^n divides it times the unit; 18 digits keep this far from 128 bits.
        fraction = fraction.TrimEnd('0');
        problem = "it does not come to whole bytes";
        if (fraction.Length > 18)
            return null;
        UInt128 part = 0, scale = 1;
        foreach (var digit in fraction)
        {
            part = part * 10 + (uint)(digit - '0');
            scale *= 10;
        }
        part <<= shift;
        if (part % scale != 0)
            return null;
        return (long)(bytes + part / scale);
    }

    private static string Shorten(string text) =>
        text.Length <= 40 ? text : string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[39]) ? 39 : 40), "...");
}
