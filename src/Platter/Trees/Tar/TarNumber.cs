namespace Platter.Trees.Tar;

/// <summary>Numbers in header fields: octal digits, or GNU's base 256 (the first bit set, then a big-endian two's complement number).</summary>
internal static class TarNumber
{
    /// <param name="field">The field.</param>
    /// <param name="structure">Its name, for the error.</param>
    /// <param name="offset">Where it stands in the archive.</param>
    /// <exception cref="DiskFormatException">It is no number, or one that needs more than 64 bits.</exception>
    public static long Parse(ReadOnlySpan<byte> field, string structure, long offset) =>
        TryParse(field, out var value) ? value : throw new DiskFormatException("TAR-0002", structure, offset, $"found {Show(field)}, expected an octal number");

    public static bool TryParse(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if ((field[0] & 0x80) != 0)
            return TryParseBinary(field, out value);
        // Blanks in front and behind are what tars of all ages have.
        field = field.TrimStart(" \0"u8);
        foreach (var digit in field)
        {
            if (digit is 0 or (byte)' ')
                break;
            if (digit is < (byte)'0' or > (byte)'7')
                return false;
            value = value << 3 | (uint)(digit - '0');
        }
        return true;
    }

    /// <summary>Writes octal digits and a NUL; false when there is no room for the number.</summary>
    public static bool TryFormat(long value, Span<byte> field)
    {
        if (value < 0 || value >> (3 * (field.Length - 1)) != 0)
            return false;
        field[^1] = 0;
        for (var i = field.Length - 2; i >= 0; i--, value >>= 3)
            field[i] = (byte)('0' + (value & 7));
        return true;
    }

    private static bool TryParseBinary(ReadOnlySpan<byte> field, out long value)
    {
        var number = (Int128)((field[0] & 0x40) != 0 ? field[0] | ~0x7F : field[0] & 0x7F);
        foreach (var part in field[1..])
            number = number << 8 | part;
        value = (long)number;
        return number == value;
    }

    private static string Show(ReadOnlySpan<byte> field)
    {
        var text = new char[field.Length];
        for (var i = 0; i < field.Length; i++)
            text[i] = field[i] is >= 0x20 and < 0x7F ? (char)field[i] : '?';
        return $"'{new string(text)}'";
    }
}
