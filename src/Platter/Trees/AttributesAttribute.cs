using System.Buffers.Binary;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Trees;

/// <summary>Hidden and system on their way through what has extended attributes alone (a host folder, a tar, ext4): they become the attribute that NTFS
/// takes for its own.</summary>
internal static class AttributesAttribute
{
    /// <summary>4 bytes, the highest first: see <c>docs/filesystems/ntfs.md</c>.</summary>
    public const string Name = NtfsDescription.AttributesName;

    private const DosAttributes Carried = DosAttributes.Hidden | DosAttributes.System;

    /// <summary>Whether an entry has what only the attribute can keep where it goes.</summary>
    public static bool IsFor(EntryKind kind, DosAttributes? attributes, Capabilities target) =>
        kind is EntryKind.File or EntryKind.Directory && (attributes & Carried) is not (null or DosAttributes.None)
        && target.Has(Features.ExtendedAttributes) && !target.Has(Features.DosAttributes);

    /// <summary>The attribute's value.</summary>
    public static byte[] Encode(DosAttributes attributes)
    {
        var value = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(value, (uint)attributes);
        return value;
    }

    /// <summary>What an attribute says; null when it is another one.</summary>
    public static DosAttributes? Decode(string name, byte[] value) => name == Name && value.Length == 4 ? (DosAttributes)BinaryPrimitives.ReadUInt32BigEndian(value) : null;
}
