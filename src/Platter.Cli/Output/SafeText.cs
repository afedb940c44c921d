using System.Globalization;
using System.Text;

namespace Platter.Cli.Output;

/// <summary>Names from images, fit to be shown: an image must not be able to drive the terminal.</summary>
internal static class SafeText
{
    /// <summary>Control characters (C0, DEL, C1), the marks that turn the writing direction, and half pairs become <c>\xNN</c> or <c>\uNNNN</c>.</summary>
    public static string Show(string text)
    {
        foreach (var c in text)
        {
            if (IsSuspect(c))
                return Escape(text);
        }
        return text;
    }

    /// <summary>One line of it: what <see cref="Show"/> does, for messages that quote names.</summary>
    public static string OneLine(string text) => Show(text.Replace("\r\n", " ", StringComparison.Ordinal).Replace('\n', ' '));

    private static bool IsSuspect(char c) => c < ' ' || c is >= '\x7F' and <= '\x9F' || c is >= '\u200E' and <= '\u200F'
        || c is >= '\u2028' and <= '\u202E' || c is >= '\u2066' and <= '\u2069' || c == '\uFEFF' || char.IsSurrogate(c);

    private static string Escape(string text)
    {
        var shown = new StringBuilder(text.Length + 8);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                shown.Append(c).Append(text[++i]);
            else if (!IsSuspect(c))
                shown.Append(c);
            else if (c < 0x100)
                shown.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:X2}");
            else
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
        }
        return shown.ToString();
    }
}
