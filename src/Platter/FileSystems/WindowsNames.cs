namespace Platter.FileSystems;

/// <summary>The rules for long names on FAT and exFAT, and for what Windows can open: what may stand in them.</summary>
/// <remarks>"FAT: General Overview of On-Disk Format" 1.03, "Long File Names"; "exFAT file system specification" 7.7.3. Windows adds the
/// device names and the trailing dots.</remarks>
internal static class WindowsNames
{
    /// <summary>UTF-16 units.</summary>
    public const int MaxLength = 255;

    private const int LongestDevice = 7;

    // Bit n: the unit n, or 64 + n, is a control character or forbidden.
    private const ulong LowForbidden = 0xFFFF_FFFF | 1UL << '"' | 1UL << '*' | 1UL << '/' | 1UL << ':' | 1UL << '<' | 1UL << '>' | 1UL << '?';
    private const ulong HighForbidden = 1UL << '\\' - 64 | 1UL << '|' - 64;

    private static readonly string[] Devices = ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"];

    /// <summary>Checks a name that is to be stored.</summary>
    /// <param name="name">The name.</param>
    /// <param name="type">The format, as messages call it.</param>
    /// <param name="keepsHalfPairs">Whether half of a surrogate pair is stored as it is.</param>
    /// <exception cref="InvalidNameException">It breaks a rule; the message says which.</exception>
    public static void Validate(string name, string type, bool keepsHalfPairs = false)
    {
        if (name.Length == 0)
            throw new InvalidNameException(name, "is empty");
        if (name.Length > MaxLength)
            throw new InvalidNameException(name, $"has {name.Length} UTF-16 units, {type} stores at most {MaxLength}");
        if (!IsPlain(name))
            ValidateUnits(name, type, keepsHalfPairs);
        if (name is "." or "..")
            throw new InvalidNameException(name, "stands for a directory itself or its parent");
        if (name[^1] is '.' or ' ')
            throw new InvalidNameException(name, "ends in a dot or a space, which Windows cuts off");
        // The first letters of devices first: all else is seldom needed, and prepared at every start where it is.
        if (name.Length >= 3 && MayBeDevice(name[0] | 0x20, name[1] | 0x20) && IsDevice(name))
            throw new InvalidNameException(name, "is reserved for a device");
    }

    // Most names have nothing that must be looked at closely: a hundred thousand of them are made in a second.
    private static bool IsPlain(string name)
    {
        foreach (var c in name)
        {
            if (c < 128 ? ((c < 64 ? LowForbidden : HighForbidden) >> (c & 63) & 1) != 0 : char.IsSurrogate(c))
                return false;
        }
        return true;
    }

    private static void ValidateUnits(string name, string type, bool keepsHalfPairs)
    {
        foreach (var c in name)
        {
            if (c < 0x20)
                throw new InvalidNameException(Printable(name), $"holds the control character 0x{(int)c:X2}, which {type} forbids");
            if (c is '"' or '*' or '/' or ':' or '<' or '>' or '?' or '\\' or '|')
                throw new InvalidNameException(name, $"holds '{c}', which {type} forbids");
        }
        for (var i = 0; i < name.Length && !keepsHalfPairs; i++)
        {
            if (char.IsSurrogate(name[i]) && !(char.IsHighSurrogate(name[i]) && i + 1 < name.Length && char.IsLowSurrogate(name[++i])))
                throw new InvalidNameException(Printable(name), "is no valid Unicode (half of a surrogate pair): choose another name");
        }
    }

    // CON, con.txt, COM1 ... COM9, LPT1 ... LPT9 and their superscript digits, with any extension.
    private static bool IsDevice(string name)
    {
        // A plain loop, where the framework's search would be prepared at every start.
        var end = 0;
        while (end < name.Length && name[end] != '.')
            end++;
        while (end > 0 && name[end - 1] == ' ')
            end--;
        return end is >= 3 and <= LongestDevice && IsDevice(name.AsSpan(0, end));
    }

    // CON and COM1, CLOCK$; PRN; AUX; NUL; LPT1.
    private static bool MayBeDevice(int first, int second) => first switch
    {
        'c' => second is 'o' or 'l',
        'p' => second == 'r',
        'a' or 'n' => second == 'u',
        'l' => second == 'p',
        _ => false,
    };

    private static bool IsDevice(ReadOnlySpan<char> stem)
    {
        foreach (var device in Devices)
        {
            if (stem.Equals(device, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return stem.Length == 4 && (stem[3] is >= '1' and <= '9' or '\u00B9' or '\u00B2' or '\u00B3')
            && (stem.StartsWith("COM", StringComparison.OrdinalIgnoreCase) || stem.StartsWith("LPT", StringComparison.OrdinalIgnoreCase));
    }

    private static string Printable(string name) => string.Concat(name.Select(c => c < 0x20 || char.IsSurrogate(c) ? $"\\u{(int)c:X4}" : c.ToString()));
}
