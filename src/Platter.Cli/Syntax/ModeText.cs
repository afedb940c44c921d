using System.Globalization;
using Platter.FileSystems;

namespace Platter.Cli.Syntax;

/// <summary>POSIX permission bits as people write them.</summary>
internal static class ModeText
{
    /// <exception cref="FormatException">Not octal, or above 7777.</exception>
    public static int ParseOctal(string text)
    {
        var value = 0;
        foreach (var c in text)
            value = c is >= '0' and <= '7' && value <= 0xFFF ? value * 8 + (c - '0') : 0x10000;
        return text.Length > 0 && value <= 0xFFF ? value : throw new FormatException($"'{text}' is not an octal mode such as 644");
    }

    /// <summary>Reads <c>644</c>, or changes to a mode: <c>u+x</c>, <c>go-w</c>, <c>a=r,u+w</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="current">The mode that relative changes start from.</param>
    /// <param name="isDirectory">What <c>X</c> asks about.</param>
    /// <exception cref="FormatException">Neither.</exception>
    public static int Apply(string text, int current, bool isDirectory)
    {
        if (text.Length > 0 && char.IsAsciiDigit(text[0]))
            return ParseOctal(text);
        foreach (var clause in text.Split(','))
        {
            var sign = clause.AsSpan().IndexOfAny("+-=");
            if (sign < 0)
                throw new FormatException($"'{text}' is not a mode: expected octal digits, or such as u+x,go-w");
            var who = Who(clause.AsSpan(0, sign));
            var bits = Bits(clause.AsSpan(sign + 1), current, isDirectory);
            var mask = bits & who;
            current = clause[sign] switch
            {
                '+' => current | mask,
                '-' => current & ~mask,
                _ => (current & ~(who & 0x1FF)) | mask,
            };
        }
        return current;
    }

    /// <summary>As <c>ls -l</c> has it: <c>-rwxr-x---</c>.</summary>
    public static string Format(EntryKind kind, int mode)
    {
        Span<char> text = stackalloc char[10];
        text[0] = KindLetter(kind);
        for (var i = 0; i < 9; i++)
            text[i + 1] = (mode & (0x100 >> i)) != 0 ? "rwx"[i % 3] : '-';
        if ((mode & 0x800) != 0)
            text[3] = text[3] == 'x' ? 's' : 'S';
        if ((mode & 0x400) != 0)
            text[6] = text[6] == 'x' ? 's' : 'S';
        if ((mode & 0x200) != 0)
            text[9] = text[9] == 'x' ? 't' : 'T';
        return new string(text);
    }

    public static string FormatOctal(int mode) => "0" + Convert.ToString(mode, 8).PadLeft(3, '0');

    public static char KindLetter(EntryKind kind) => kind switch
    {
        EntryKind.Directory => 'd',
        EntryKind.SymbolicLink => 'l',
        EntryKind.CharacterDevice => 'c',
        EntryKind.BlockDevice => 'b',
        EntryKind.Fifo => 'p',
        EntryKind.Socket => 's',
        _ => '-',
    };

    /// <summary>A POSIX owner: <c>UID</c> or <c>UID:GID</c>.</summary>
    /// <exception cref="FormatException">Neither.</exception>
    public static (uint User, uint? Group) ParseOwner(string text)
    {
        var parts = text.Split(':');
        uint? group = null;
        if (parts.Length > 2 || !uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var user))
            throw new FormatException($"'{text}' is not an owner: expected UID or UID:GID, numbers");
        if (parts.Length == 2)
            group = uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var g) ? g : throw new FormatException($"'{text}' is not an owner: expected UID:GID, numbers");
        return (user, group);
    }

    private static int Who(ReadOnlySpan<char> text)
    {
        var who = 0;
        foreach (var c in text)
        {
            who |= c switch
            {
                'u' => 0x9C0, 'g' => 0x438, 'o' => 0x207, 'a' => 0xFFF,
                _ => throw new FormatException($"'{c}' is none of u, g, o, a"),
            };
        }
        return who == 0 ? 0xFFF : who;
    }

    private static int Bits(ReadOnlySpan<char> text, int current, bool isDirectory)
    {
        var bits = 0;
        foreach (var c in text)
        {
            bits |= c switch
            {
                'r' => 0x124, 'w' => 0x92, 'x' => 0x49, 's' => 0xC00, 't' => 0x200,
                'X' => isDirectory || (current & 0x49) != 0 ? 0x49 : 0,
                _ => throw new FormatException($"'{c}' is none of r, w, x, X, s, t"),
            };
        }
        return bits;
    }
}
