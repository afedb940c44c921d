using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>Short names: 8.3 in the OEM code page, what they look like to people, and how one is made from a long name.</summary>
internal static class FatShortNames
{
    /// <summary>Bytes of a stored short name.</summary>
    public const int Length = 11;

    private const int BaseLength = 8;

    // "FAT: General Overview of On-Disk Format" 1.03: what a short name may hold besides letters, digits and bytes above 0x7F.
    private const string AllowedMarks = "$%'-_@~`!(){}^#&";

    /// <summary>The checksum of a short name that binds its long name to it: rotate right and add.</summary>
    public static byte Checksum(ReadOnlySpan<byte> name)
    {
        byte sum = 0;
        foreach (var b in name[..Length])
            sum = (byte)((sum >> 1 | sum << 7) + b);
        return sum;
    }

    /// <summary>The name as shown: base and extension with a dot, lower case where Windows NT's bits say so.</summary>
    public static string Decode(ReadOnlySpan<byte> stored, FatCaseFlags flags, CodePage codePage)
    {
        Span<byte> name = stackalloc byte[Length];
        stored[..Length].CopyTo(name);
        if (name[0] == FatShortSlot.KanjiE5)
            name[0] = FatShortSlot.Removed;
        var stem = name[..Trimmed(name, 0, BaseLength)];
        var extension = name[BaseLength..Trimmed(name, BaseLength, Length)];
        var text = Part(stem, flags.HasFlag(FatCaseFlags.LowerBase), codePage);
        return extension.IsEmpty ? text : text + "." + Part(extension, flags.HasFlag(FatCaseFlags.LowerExtension), codePage);
    }

    // Where a part ends without its padding.
    private static int Trimmed(ReadOnlySpan<byte> name, int start, int end)
    {
        while (end > start && name[end - 1] == ' ')
            end--;
        return end;
    }

    /// <summary>A label as shown: eleven bytes without the padding.</summary>
    public static string DecodeLabel(ReadOnlySpan<byte> stored, CodePage codePage)
    {
        Span<byte> name = stackalloc byte[Length];
        stored[..Length].CopyTo(name);
        if (name[0] == FatShortSlot.KanjiE5)
            name[0] = FatShortSlot.Removed;
        return codePage.Decode(name).TrimEnd(' ');
    }

    /// <summary>The stored form of a label: upper case, padded.</summary>
    /// <exception cref="InvalidNameException">Too long, or characters that a label can't hold.</exception>
    public static byte[] EncodeLabel(string label, CodePage codePage)
    {
        var stored = new byte[Length];
        Array.Fill(stored, (byte)' ');
        Span<byte> bytes = stackalloc byte[64];
        if (label.Length > Length)
            throw new InvalidNameException(label, $"is too long for a FAT label: {Length} bytes at most");
        foreach (var c in label)
        {
            if (c < 0x20 || c == 0x7F || "\"*+,./:;<=>?[\\]|".Contains(c, StringComparison.Ordinal))
                throw new InvalidNameException(label, $"holds a character (0x{(int)c:X2}) that a FAT label can't hold");
        }
        if (label.StartsWith(' '))
            throw new InvalidNameException(label, "starts with a space, which a FAT label can't");
        if (!codePage.TryEncode(Upper(label), bytes, out var count))
            throw new InvalidNameException(label, $"holds a character that code page {codePage.Number} does not have");
        if (count > Length)
            throw new InvalidNameException(label, $"is too long for a FAT label: {Length} bytes at most");
        bytes[..count].CopyTo(stored);
        if (stored[0] == FatShortSlot.Removed)
            stored[0] = FatShortSlot.KanjiE5;
        return stored;
    }

    /// <summary>Stores a name as it is, when it is an 8.3 name whose base and extension have one case each.</summary>
    /// <returns>False when the name needs a long name beside it.</returns>
    public static bool TryStore(string name, CodePage codePage, Span<byte> stored, out FatCaseFlags flags)
    {
        flags = FatCaseFlags.None;
        stored[..Length].Fill((byte)' ');
        var dot = name.Length - 1;
        while (dot >= 0 && name[dot] != '.')
            dot--;
        var stem = dot < 0 ? name.AsSpan() : name.AsSpan(0, dot);
        var extension = dot < 0 ? default : name.AsSpan(dot + 1);
        if (stem.IsEmpty || stem.Length > BaseLength || extension.Length > 3 || (dot >= 0 && extension.IsEmpty)
            || !TryStorePart(stem, codePage, stored[..BaseLength], out var lowerStem)
            || !TryStorePart(extension, codePage, stored[BaseLength..Length], out var lowerExtension))
        {
            return false;
        }
        flags = (lowerStem ? FatCaseFlags.LowerBase : 0) | (lowerExtension ? FatCaseFlags.LowerExtension : 0);
        if (stored[0] == FatShortSlot.Removed)
            stored[0] = FatShortSlot.KanjiE5;
        return true;
    }

    /// <summary>Makes a short name for a long one: always with a <c>~N</c> tail when anything was lost, and free in the directory.</summary>
    /// <param name="name">The long name.</param>
    /// <param name="codePage">The OEM code page.</param>
    /// <param name="isTaken">Whether the directory has this name, given as shown.</param>
    public static byte[] MakeAlias(string name, CodePage codePage, Func<string, bool> isTaken)
    {
        // Windows' way: leading dots and spaces go, the last dot starts the extension, other dots and spaces go.
        var trimmed = name.TrimStart('.', ' ');
        var dot = trimmed.LastIndexOf('.');
        Span<byte> stem = stackalloc byte[BaseLength];
        Span<byte> extension = stackalloc byte[3];
        var lossy = trimmed.Length != name.Length;
        var stemLength = Squeeze(dot < 0 ? trimmed : trimmed.AsSpan(0, dot), codePage, stem, ref lossy);
        var extensionLength = dot < 0 ? 0 : Squeeze(trimmed.AsSpan(dot + 1), codePage, extension, ref lossy);

        var alias = new byte[Length];
        if (!lossy && stemLength > 0)
        {
            Compose(alias, stem[..stemLength], default, extension[..extensionLength]);
            if (!isTaken(Decode(alias, FatCaseFlags.None, codePage)))
                return alias;
        }

        // Four plain tails, then two characters and a hash of the long name, so that thousands of alike names stay cheap.
        for (var n = 1; n <= 4; n++)
        {
            if (TryTail(alias, stem[..stemLength], extension[..extensionLength], n, codePage, isTaken))
                return alias;
        }
        Span<byte> hashed = stackalloc byte[6];
        var kept = KeepWhole(stem[..stemLength], 2, codePage);
        stem[..kept].CopyTo(hashed);
        var hash = Hash(name);
        for (var n = 1; ; n++)
        {
            System.Text.Encoding.ASCII.GetBytes(((hash + (uint)(n / 10) * 0x9E37u) & 0xFFFF).ToString("X4", System.Globalization.CultureInfo.InvariantCulture), hashed[kept..]);
            if (TryTail(alias, hashed[..(kept + 4)], extension[..extensionLength], n % 9 + 1, codePage, isTaken))
                return alias;
        }
    }

    private static bool TryTail(byte[] alias, ReadOnlySpan<byte> stem, ReadOnlySpan<byte> extension, int number, CodePage codePage, Func<string, bool> isTaken)
    {
        Span<byte> tail = [(byte)'~', (byte)('0' + number)];
        Compose(alias, stem[..KeepWhole(stem, BaseLength - tail.Length, codePage)], tail, extension);
        return !isTaken(Decode(alias, FatCaseFlags.None, codePage));
    }

    private static void Compose(byte[] alias, ReadOnlySpan<byte> stem, ReadOnlySpan<byte> tail, ReadOnlySpan<byte> extension)
    {
        Array.Fill(alias, (byte)' ');
        stem.CopyTo(alias);
        tail.CopyTo(alias.AsSpan(stem.Length));
        extension.CopyTo(alias.AsSpan(BaseLength));
        if (alias[0] == FatShortSlot.Removed)
            alias[0] = FatShortSlot.KanjiE5;
    }

    // How many bytes can stay so that no double-byte character is cut in two.
    private static int KeepWhole(ReadOnlySpan<byte> bytes, int most, CodePage codePage)
    {
        var at = 0;
        while (at < bytes.Length)
        {
            var width = codePage.IsLeadByte(bytes[at]) ? 2 : 1;
            if (at + width > most)
                break;
            at += width;
        }
        return Math.Min(at, bytes.Length);
    }

    // Upper case, without spaces and inner dots; what has no place in a short name becomes '_'. Returns the bytes stored.
    private static int Squeeze(ReadOnlySpan<char> part, CodePage codePage, Span<byte> target, ref bool lossy)
    {
        var count = 0;
        Span<byte> encoded = stackalloc byte[4];
        for (var i = 0; i < part.Length; i++)
        {
            var c = part[i];
            if (c is ' ' or '.')
            {
                lossy = true;
                continue;
            }
            int width;
            if (c < 0x80)
            {
                var known = char.IsAsciiLetterOrDigit(c) || AllowedMarks.Contains(c);
                encoded[0] = known ? (byte)FatNames.ToUpper(c) : (byte)'_';
                width = 1;
                lossy |= !known;
            }
            else if (!codePage.TryEncode([FatNames.ToUpper(c)], encoded, out width))
            {
                if (char.IsHighSurrogate(c) && i + 1 < part.Length)
                    i++;
                encoded[0] = (byte)'_';
                width = 1;
                lossy = true;
            }
            if (count + width > target.Length)
            {
                lossy = true;
                break;
            }
            encoded[..width].CopyTo(target[count..]);
            count += width;
        }
        return count;
    }

    private static bool TryStorePart(ReadOnlySpan<char> part, CodePage codePage, Span<byte> stored, out bool lower)
    {
        bool anyLower = false, anyUpper = false;
        lower = false;
        foreach (var c in part)
        {
            if (c >= 0x80)
            {
                // Only what the code page has in upper case: the case bits are defined for ASCII alone in some drivers.
                if (FatNames.ToUpper(c) != c || char.ToLowerInvariant(c) != c)
                    return false;
            }
            else if (!char.IsAsciiLetterOrDigit(c) && !AllowedMarks.Contains(c))
            {
                return false;
            }
            anyLower |= char.IsAsciiLetterLower(c);
            anyUpper |= char.IsAsciiLetterUpper(c);
        }
        if (anyLower && anyUpper)
            return false;
        lower = anyLower;
        Span<byte> bytes = stackalloc byte[32];
        if (!codePage.TryEncode(Upper(part), bytes, out var count) || count > stored.Length)
            return false;
        bytes[..count].CopyTo(stored);
        return true;
    }

    private static string Part(ReadOnlySpan<byte> bytes, bool lower, CodePage codePage)
    {
        Span<char> text = stackalloc char[BaseLength];
        text = text[..codePage.Decode(bytes, text)];
        for (var i = 0; lower && i < text.Length; i++)
            text[i] = char.IsAscii(text[i]) ? AsciiLower(text[i]) : char.ToLowerInvariant(text[i]);
        return new string(text);
    }

    // Most names, without the framework's casing tables.
    private static char AsciiLower(char c) => char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;

    private static string Upper(ReadOnlySpan<char> text)
    {
        Span<char> upper = stackalloc char[WindowsNames.MaxLength];
        upper = text.Length <= upper.Length ? upper[..text.Length] : new char[text.Length];
        for (var i = 0; i < upper.Length; i++)
            upper[i] = FatNames.ToUpper(text[i]);
        return new string(upper);
    }

    private static uint Hash(string name)
    {
        // CRC-32C of the upper-case name: the same on every machine, so builds are reproducible.
        var upper = Upper(name);
        return Crc32C.Compute(MemoryMarshal.AsBytes(upper.AsSpan()));
    }
}
