using System.Text;

namespace Platter.FileSystems.Ext;

/// <summary>Names without case, as directories with the casefold flag compare them.</summary>
/// <remarks>The kernel folds by Unicode 12.1 (NFDi, full case folding, ignorable code points left out). Here letters are folded one by one and the few that
/// fold to several are expanded; names that differ only by composed and decomposed accents stay different.</remarks>
internal static class ExtCasefold
{
    // Unicode CaseFolding.txt, status F: what a letter folds to when that is more than one.
    private static readonly Dictionary<char, string> Expansions = new()
    {
        ['\u00DF'] = "ss", ['\u1E9E'] = "ss", ['\u0130'] = "i\u0307", ['\u0149'] = "\u02BCn", ['\u01F0'] = "j\u030C", ['\u0390'] = "\u03B9\u0308\u0301",
        ['\u03B0'] = "\u03C5\u0308\u0301", ['\u0587'] = "\u0565\u0582", ['\u1E96'] = "h\u0331", ['\u1E97'] = "t\u0308", ['\u1E98'] = "w\u030A",
        ['\u1E99'] = "y\u030A", ['\u1E9A'] = "a\u02BE", ['\uFB00'] = "ff", ['\uFB01'] = "fi", ['\uFB02'] = "fl", ['\uFB03'] = "ffi", ['\uFB04'] = "ffl",
        ['\uFB05'] = "st", ['\uFB06'] = "st", ['\uFB13'] = "\u0574\u0576", ['\uFB14'] = "\u0574\u0565", ['\uFB15'] = "\u0574\u056B",
        ['\uFB16'] = "\u057E\u0576", ['\uFB17'] = "\u0574\u056D",
    };

    /// <summary>A name as it is compared.</summary>
    public static string Fold(string name)
    {
        if (Ascii.IsValid(name))
            return name.ToLowerInvariant();
        var folded = new StringBuilder(name.Length);
        for (var i = 0; i < name.Length; i++)
        {
            var c = name[i];
            if (char.IsHighSurrogate(c) && i + 1 < name.Length && char.IsLowSurrogate(name[i + 1]))
            {
                folded.Append(Rune.ToLowerInvariant(new Rune(c, name[++i])));
            }
            else if (Expansions.TryGetValue(c, out var expansion))
            {
                folded.Append(expansion);
            }
            else if (!IsIgnorable(c))
            {
                // By way of upper case: final and other variants of a letter (ς, ſ) fold to the usual one.
                folded.Append(char.ToLowerInvariant(char.ToUpperInvariant(c)));
            }
        }
        return folded.ToString();
    }

    private static bool IsIgnorable(char c) => c is '\u00AD' or '\u034F' or '\u061C' or (>= '\u180B' and <= '\u180E') or (>= '\u200B' and <= '\u200F')
        or (>= '\u202A' and <= '\u202E') or (>= '\u2060' and <= '\u206F') or (>= '\uFE00' and <= '\uFE0F') or '\uFEFF';
}
