using System.Runtime.CompilerServices;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The orders that indexes are kept in.</summary>
/// <remarks>fs/ntfs3/index.c; "NTFS Documentation" of the Linux-NTFS project, "$AttrDef", collation rules.</remarks>
internal static class NtfsCollation
{
    /// <summary>Compares two keys as they stand on disk.</summary>
    /// <param name="a">A key.</param>
    /// <param name="b">Another one.</param>
    /// <param name="rule">The order.</param>
    /// <param name="upcase">For names.</param>
    /// <exception cref="UnsupportedFeatureException">A rule that no index of NTFS uses.</exception>
    public static int Compare(NtfsCollationRule rule, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, NtfsUpcase upcase) => rule switch
    {
        NtfsCollationRule.Binary => a.SequenceCompareTo(b),
        NtfsCollationRule.FileName => upcase.Compare(NameOf(a), NameOf(b)),
        NtfsCollationRule.UnicodeString => upcase.Compare(Units(a), Units(b)),
        NtfsCollationRule.UnsignedLong or NtfsCollationRule.UnsignedLongs => CompareNumbers(a, b),
        NtfsCollationRule.SecurityHash => CompareNumbers(a, b),
        NtfsCollationRule.Sid => a.SequenceCompareTo(b),
        _ => throw new UnsupportedFeatureException($"an index with the collation rule 0x{(uint)rule:X}"),
    };

    /// <summary>Whether a rule is one that <see cref="Compare"/> knows.</summary>
    public static bool IsKnown(NtfsCollationRule rule) => rule is NtfsCollationRule.Binary or NtfsCollationRule.FileName or NtfsCollationRule.UnicodeString
        or NtfsCollationRule.UnsignedLong or NtfsCollationRule.Sid or NtfsCollationRule.SecurityHash or NtfsCollationRule.UnsignedLongs;

    /// <summary>The name in a $FILE_NAME value; empty when the value is too short for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<char> NameOf(ReadOnlySpan<byte> value)
    {
        if (value.Length < NtfsFileName.Size)
            return default;
        var length = 2 * OnDisk.View<NtfsFileName>(value).NameLength;
        return value.Length - NtfsFileName.Size < length ? default : Units(value.Slice(NtfsFileName.Size, length));
    }

    /// <summary>UTF-16 as it stands on disk.</summary>
    public static ReadOnlySpan<char> Units(ReadOnlySpan<byte> bytes)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("names are taken as they stand, in little-endian units");
        return MemoryMarshal.Cast<byte, char>(bytes);
    }

    // Number by number, each of 32 bits; the shorter key first.
    private static int CompareNumbers(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        for (var i = 0; i + 4 <= Math.Min(a.Length, b.Length); i += 4)
        {
            var order = BinaryPrimitives.ReadUInt32LittleEndian(a[i..]).CompareTo(BinaryPrimitives.ReadUInt32LittleEndian(b[i..]));
            if (order != 0)
                return order;
        }
        return a.Length - b.Length;
    }
}

/// <summary>The hash of a security descriptor, by which $Secure finds equal ones.</summary>
internal static class NtfsSecurityHash
{
    /// <summary>Adds the descriptor's words of 32 bits to the sum, which is rotated left by 3 before each. A rest of fewer than 4 bytes does not count.</summary>
    public static uint Of(ReadOnlySpan<byte> descriptor)
    {
        var hash = 0u;
        for (var i = 0; i + 4 <= descriptor.Length; i += 4)
            hash = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[i..]) + uint.RotateLeft(hash, 3);
        return hash;
    }
}
