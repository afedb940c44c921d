using System.Buffers;

namespace Platter.FileSystems.Ntfs;

/// <summary>Short names, 8.3, for long ones, as Windows makes them.</summary>
/// <remarks>
/// RtlGenerate8dot3Name: without spaces, without dots but the last, without what is not ASCII; what DOS forbids becomes '_'; six letters and ~1 to ~4, then two
/// letters, four digits of a hash and ~1 to ~9, then fewer letters and more digits. The hash is the one of Windows 7 and later: of every unit, times 37; then times 314159269
/// modulo 1000000007; the digits of its low 16 bits from the last to the first.
/// </remarks>
internal static class NtfsShortNames
{
    public const int StemLength = 8, ExtensionLength = 3;

    private static readonly SearchValues<char> _forbidden = SearchValues.Create("\"*/:<>?\\|+,;=[] .");

    private const int PlainTries = 4, LettersBeforeNumber = 6, LettersBeforeHash = 2;
    private const int MostTries = 999_999;

    /// <summary>Whether a name is a short one as it is; case doesn't count.</summary>
    public static bool IsShort(ReadOnlySpan<char> name)
    {
        var dot = name.IndexOf('.');
        var stem = dot < 0 ? name : name[..dot];
        var extension = dot < 0 ? default : name[(dot + 1)..];
        return stem.Length is >= 1 and <= StemLength && (dot < 0 || extension.Length is >= 1 and <= ExtensionLength) && IsPlain(stem) && IsPlain(extension);
    }

    /// <summary>The first name that nobody has.</summary>
    /// <param name="name">The long name.</param>
    /// <param name="isTaken">Whether the directory has such a name.</param>
    /// <returns>Null when every one is taken: a directory with a million names of one hash.</returns>
    public static string? Make(string name, Func<string, bool> isTaken)
    {
        foreach (var candidate in Candidates(name))
        {
            if (!isTaken(candidate))
                return candidate;
        }
        return null;
    }

    /// <summary>The names that are tried, in order.</summary>
    public static IEnumerable<string> Candidates(string name)
    {
        var dot = LastDot(name);
        var stem = Plain(name.AsSpan(0, dot), LettersBeforeNumber);
        var extension = dot < name.Length ? Plain(name.AsSpan(dot + 1), ExtensionLength) : "";
        if (extension.Length > 0)
            extension = "." + extension;
        if (stem.Length > LettersBeforeHash)
        {
            for (var number = 1; number <= PlainTries; number++)
                yield return $"{stem}~{number}{extension}";
        }
        var hashed = $"{stem[..Math.Min(stem.Length, LettersBeforeHash)]}{Hash(name):X4}";
        for (var number = 1; number <= MostTries; number++)
        {
            var tail = $"~{number}";
            yield return string.Concat(hashed.AsSpan(0, Math.Min(hashed.Length, StemLength - tail.Length)), tail, extension);
        }
    }

    /// <summary>What stands between the letters and '~' when the plain names are taken.</summary>
    public static ushort Hash(ReadOnlySpan<char> name)
    {
        ushort sum = 0;
        foreach (var unit in name)
            sum = (ushort)(sum * 37 + unit);
        var spread = (ushort)(Math.Abs((long)unchecked(sum * 314159269)) % 1000000007);
        return (ushort)(spread >> 12 | spread >> 4 & 0xF0 | spread << 4 & 0xF00 | spread << 12);
    }

    private static bool IsPlain(ReadOnlySpan<char> part) => !part.ContainsAnyExceptInRange('!', '~') && !part.ContainsAny(_forbidden);

    // Of the dot before the extension; the end when there is none. Dots at the start and at the end are none.
    private static int LastDot(string name)
    {
        var dot = name.LastIndexOf('.');
        return dot > 0 && dot < name.Length - 1 && name.AsSpan(0, dot).ContainsAnyExcept('.', ' ') ? dot : name.Length;
    }

    private static string Plain(ReadOnlySpan<char> part, int most)
    {
        Span<char> plain = stackalloc char[most];
        var length = 0;
        foreach (var unit in part)
        {
            if (length == most)
                break;
            if (unit is ' ' or '.' or > '~')
                continue;
            plain[length++] = unit < ' ' || "\"*/:<>?\\|+,;=[]".Contains(unit, StringComparison.Ordinal) ? '_' : char.ToUpperInvariant(unit);
        }
        return plain[..length].ToString();
    }
}
