using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Security identifiers as text: <c>S-1-5-32-544</c>, or the two letters of SDDL for those that every Windows knows.</summary>
/// <remarks>[MS-DTYP] 2.4.2 and 2.5.1.1.</remarks>
internal static class Sids
{
    // Those that depend on a domain (DA, LA ...) are not here: without it the letters say nothing.
    private static readonly (string Letters, string Sid)[] Known =
    [
        ("WD", "S-1-1-0"), ("CO", "S-1-3-0"), ("CG", "S-1-3-1"), ("OW", "S-1-3-4"), ("NU", "S-1-5-2"), ("IU", "S-1-5-4"), ("SU", "S-1-5-6"), ("AN", "S-1-5-7"),
        ("ED", "S-1-5-9"), ("PS", "S-1-5-10"), ("AU", "S-1-5-11"), ("RC", "S-1-5-12"), ("SY", "S-1-5-18"), ("LS", "S-1-5-19"), ("NS", "S-1-5-20"), ("WR", "S-1-5-33"),
        ("BA", "S-1-5-32-544"), ("BU", "S-1-5-32-545"), ("BG", "S-1-5-32-546"), ("PU", "S-1-5-32-547"), ("AO", "S-1-5-32-548"), ("SO", "S-1-5-32-549"),
        ("PO", "S-1-5-32-550"), ("BO", "S-1-5-32-551"), ("RE", "S-1-5-32-552"), ("RU", "S-1-5-32-554"), ("RD", "S-1-5-32-555"), ("NO", "S-1-5-32-556"),
        ("MU", "S-1-5-32-558"), ("LU", "S-1-5-32-559"), ("IS", "S-1-5-32-568"), ("CY", "S-1-5-32-569"), ("ER", "S-1-5-32-573"), ("HA", "S-1-5-32-578"),
        ("AA", "S-1-5-32-579"), ("RM", "S-1-5-32-580"), ("AC", "S-1-15-2-1"), ("LW", "S-1-16-4096"), ("ME", "S-1-16-8192"), ("MP", "S-1-16-8448"),
        ("HI", "S-1-16-12288"), ("SI", "S-1-16-16384"),
    ];

    /// <summary>Bytes of the identifier at the start of <paramref name="bytes"/>; 0 when it is none.</summary>
    public static int LengthOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < NtfsSid.Size)
            return 0;
        ref readonly var sid = ref OnDisk.View<NtfsSid>(bytes);
        var length = NtfsSid.Size + 4 * sid.SubAuthorityCount;
        return sid.Revision == 1 && sid.SubAuthorityCount <= NtfsSid.MaxSubAuthorities && length <= bytes.Length ? length : 0;
    }

    /// <summary>As text, by letters where it has any; null when it is none.</summary>
    public static string? Format(ReadOnlySpan<byte> bytes)
    {
        var length = LengthOf(bytes);
        if (length == 0)
            return null;
        ReadOnlySpan<byte> authority = OnDisk.View<NtfsSid>(bytes).Authority;
        var high = BinaryPrimitives.ReadUInt16BigEndian(authority);
        var low = BinaryPrimitives.ReadUInt32BigEndian(authority[2..]);
        var text = new StringBuilder("S-1-");
        text.Append(high == 0 ? low.ToString(CultureInfo.InvariantCulture) : $"0x{(ulong)high << 32 | low:X12}");
        for (var at = NtfsSid.Size; at < length; at += 4)
            text.Append('-').Append(BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]));
        var sid = text.ToString();
        foreach (var (letters, known) in Known)
        {
            if (known == sid)
                return letters;
        }
        return sid;
    }

    /// <summary>The bytes of an identifier that is known beforehand: its authority and the numbers behind it.</summary>
    public static byte[] Of(byte authority, params uint[] numbers)
    {
        var bytes = new byte[NtfsSid.Size + 4 * numbers.Length];
        (bytes[0], bytes[1], bytes[7]) = (1, (byte)numbers.Length, authority);
        for (var i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(NtfsSid.Size + 4 * i), numbers[i]);
        return bytes;
    }

    /// <summary>The bytes of a text.</summary>
    /// <exception cref="FormatException">It is no identifier.</exception>
    public static byte[] Parse(string text)
    {
        var sid = text;
        foreach (var (letters, known) in Known)
        {
            if (letters.Equals(text, StringComparison.OrdinalIgnoreCase))
                sid = known;
        }
        var parts = sid.Split('-');
        if (parts.Length < 3 || parts.Length > 3 + NtfsSid.MaxSubAuthorities || !parts[0].Equals("S", StringComparison.OrdinalIgnoreCase) || parts[1] != "1")
            throw new FormatException($"'{text}' is no security identifier: S-1-..., or letters such as BA and SY");
        var bytes = new byte[NtfsSid.Size + 4 * (parts.Length - 3)];
        bytes[0] = 1;
        bytes[1] = (byte)(parts.Length - 3);
        var isHex = parts[2].StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (!ulong.TryParse(isHex ? parts[2][2..] : parts[2], isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var authority) || authority >> 48 != 0)
            throw new FormatException($"'{text}' has the authority '{parts[2]}', expected a number below 2^48");
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)(authority >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), (uint)authority);
        for (var i = 3; i < parts.Length; i++)
        {
            if (!uint.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                throw new FormatException($"'{text}' has the part '{parts[i]}', expected a number below 2^32");
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(NtfsSid.Size + 4 * (i - 3)), number);
        }
        return bytes;
    }
}
