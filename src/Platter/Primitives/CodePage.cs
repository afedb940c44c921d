using System.Text;

namespace Platter.Primitives;

/// <summary>An 8-bit or double-byte character set, as FAT's short names and HFS's names are written in.</summary>
/// <remarks>
/// <para>All of the pages here have ASCII in its place. Text of ASCII alone is converted without loading any table, so a
/// program that meets no other names never touches the code page data of the framework.</para>
/// <para>Encoding is exact: what does not come back as the same character is refused, there is no best fit and no '?'.</para>
/// <para>Tables: the framework's code page provider, which has Microsoft's (and for 10000 Apple's) published mappings.</para>
/// </remarks>
public sealed class CodePage
{
    // Decoded for a byte that stands for nothing in this page, or for a lead byte without its second one.
    private const char Undefined = '\uFFFD';

    private static readonly CodePage?[] Pages = new CodePage[6];

    private Tables? _tables;

    private CodePage(int number) => Number = number;

    /// <summary>The pages that <see cref="Get"/> knows.</summary>
    public static IReadOnlyList<int> Numbers => Known.Numbers;

    /// <summary>The number by which Microsoft knows the page: 437, 932, 10000 (Mac Roman).</summary>
    public int Number { get; }

    /// <summary>Whether some characters take two bytes.</summary>
    public bool IsDoubleByte => Number == 932;

    private Tables Table => _tables ??= new Tables(Number);

    /// <summary>The page of a number.</summary>
    /// <exception cref="ArgumentException">The number is not one of <see cref="Numbers"/>.</exception>
    public static CodePage Get(int number)
    {
        // Not looked for in the list: an array of constants would be prepared at every start, and those of the whole library with it.
        var index = number switch { 437 => 0, 850 => 1, 852 => 2, 866 => 3, 932 => 4, 10000 => 5, _ => throw Unknown(number) };
        return Pages[index] ??= new CodePage(number);       // two threads may make two: they are alike
    }

    private static ArgumentException Unknown(int number) =>
        new($"code page {number} is not known; there are {string.Join(", ", Known.Numbers)}", nameof(number));

    private static class Known
    {
        internal static readonly int[] Numbers = [437, 850, 852, 866, 932, 10000];
    }

    /// <summary>Whether a byte is the first of a two-byte character.</summary>
    /// <remarks>Shift-JIS: 0x81-0x9F and 0xE0-0xFC; the second byte may be any of 0x40-0xFC but 0x7F, '\' and '|' among them.</remarks>
    public bool IsLeadByte(byte value) => IsDoubleByte && value is (>= 0x81 and <= 0x9F) or (>= 0xE0 and <= 0xFC);

    /// <summary>The character of a single byte; U+FFFD for a lead byte or one that stands for nothing.</summary>
    public char Decode(byte value) => value < 0x80 ? (char)value : Table.Single[value - 0x80];

    /// <summary>The text that bytes stand for. What stands for nothing becomes U+FFFD.</summary>
    public string Decode(ReadOnlySpan<byte> bytes)
    {
        Span<char> text = bytes.Length <= 256 ? stackalloc char[bytes.Length] : new char[bytes.Length];
        return new string(text[..Decode(bytes, text)]);
    }

    /// <summary>Decodes into a buffer.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="text">Room for as many characters as there are bytes.</param>
    /// <returns>How many characters there are.</returns>
    /// <exception cref="ArgumentException"><paramref name="text"/> is shorter than <paramref name="bytes"/>.</exception>
    public int Decode(ReadOnlySpan<byte> bytes, Span<char> text)
    {
        if (text.Length < bytes.Length)
            throw new ArgumentException($"{bytes.Length} bytes may be as many characters, there is room for {text.Length}", nameof(text));
        var count = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            var value = bytes[i];
            if (!IsLeadByte(value))
            {
                text[count++] = Decode(value);
                continue;
            }
            var pair = i + 1 < bytes.Length ? Table.DecodePair(value, bytes[i + 1]) : Undefined;
            text[count++] = pair;

            // A lead byte with a wrong second one spoils itself only: the second may well be a character of its own.
            if (pair != Undefined)
                i++;
        }
        return count;
    }

    /// <summary>Encodes text exactly.</summary>
    /// <param name="text">The text.</param>
    /// <param name="bytes">Where the bytes go.</param>
    /// <param name="written">How many bytes were written; on failure, those of the characters before the first that failed.</param>
    /// <returns>False when a character is not in this page, or when the bytes have no room.</returns>
    public bool TryEncode(ReadOnlySpan<char> text, Span<byte> bytes, out int written)
    {
        written = 0;
        foreach (var c in text)
        {
            int code = c;
            if (c >= 0x80 && !Table.Codes.TryGetValue(c, out code))
                return false;
            var length = code > 0xFF ? 2 : 1;
            if (written + length > bytes.Length)
                return false;
            if (length == 2)
                bytes[written++] = (byte)(code >> 8);
            bytes[written++] = (byte)code;
        }
        return true;
    }

    /// <summary>Whether every character of a text is in this page.</summary>
    public bool CanEncode(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (c >= 0x80 && !Table.Codes.ContainsKey(c))
                return false;
        }
        return true;
    }

    // Both directions come from the decoder, so a code is only ever used for the character it is read back as.
    private sealed class Tables
    {
        private readonly char[]? _pairs;

        public Tables(int number)
        {
            var encoding = CodePagesEncodingProvider.Instance.GetEncoding(number, EncoderFallback.ExceptionFallback, new DecoderReplacementFallback("\uFFFD"))
                ?? throw new PlatformNotSupportedException($"the runtime has no code page {number}");
            var page = Get(number);
            for (var value = 0x80; value <= 0xFF; value++)
            {
                Single[value - 0x80] = page.IsLeadByte((byte)value) ? Undefined : DecodeOne(encoding, [(byte)value]);
                Learn(Single[value - 0x80], value);
            }
            if (!page.IsDoubleByte)
                return;
            _pairs = new char[0x10000 - 0x8000];
            Array.Fill(_pairs, Undefined);
            for (var code = 0x8140; code <= 0xFCFC; code++)
            {
                if (!page.IsLeadByte((byte)(code >> 8)) || (code & 0xFF) is < 0x40 or 0x7F or > 0xFC)
                    continue;
                var c = DecodeOne(encoding, [(byte)(code >> 8), (byte)code]);
                _pairs[code - 0x8000] = c;
                Learn(c, code);
            }
            PreferTheEncodersChoice(encoding);
        }

        /// <summary>The characters of the bytes 0x80 to 0xFF.</summary>
        public char[] Single { get; } = new char[0x80];

        /// <summary>One byte, or lead byte * 256 + second byte, by character.</summary>
        public Dictionary<char, int> Codes { get; } = [];

        public char DecodePair(byte lead, byte second) => _pairs![(lead << 8 | second) - 0x8000];

        private void Learn(char c, int code)
        {
            if (c != Undefined)
                Codes.TryAdd(c, code);
        }

        // Page 932 has some 400 characters twice or three times (NEC's and IBM's rows); Windows writes one of them.
        private void PreferTheEncodersChoice(Encoding encoding)
        {
            Span<byte> bytes = stackalloc byte[4];
            foreach (var c in Codes.Keys.ToArray())
            {
                if (encoding.GetBytes([c], bytes) == 2 && DecodePair(bytes[0], bytes[1]) == c)
                    Codes[c] = bytes[0] << 8 | bytes[1];
            }
        }

        private static char DecodeOne(Encoding encoding, ReadOnlySpan<byte> bytes)
        {
            Span<char> text = stackalloc char[4];
            return encoding.GetChars(bytes, text) == 1 ? text[0] : Undefined;
        }
    }
}
