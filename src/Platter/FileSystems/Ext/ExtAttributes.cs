using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>One attribute as its list has it.</summary>
/// <param name="Index">Which prefix.</param>
/// <param name="Name">The rest of the name: bytes.</param>
/// <param name="ValueOffset">From the start of the space in bytes, when the value is in it.</param>
/// <param name="ValueInode">The inode that holds the value; 0: in the space.</param>
/// <param name="ValueLength">Bytes.</param>
/// <param name="Hash">As stored.</param>
/// <param name="EntryOffset">Where the entry starts in the space, in bytes.</param>
internal readonly record struct ExtAttribute(byte Index, string Name, int ValueOffset, uint ValueInode, int ValueLength, uint Hash, int EntryOffset);

/// <summary>Lists of extended attributes: in the inode behind its extra fields, and in a block.</summary>
internal static class ExtAttributes
{
    /// <summary>system.data: the inline data beyond the inode's block area.</summary>
    public const byte SystemIndex = 7;
    public const string InlineDataName = "data";

    /// <summary>The longest value that an inode of its own may hold, in bytes.</summary>
    public const int MaxLongValue = 1 << 24;

    private const byte AclAccessIndex = 2, AclDefaultIndex = 3;

    /// <summary>The whole name as Linux shows it; null for those that it never shows (encryption, verity, inline data).</summary>
    public static string? FullName(byte index, string name) => index switch
    {
        1 => "user." + name,
        AclAccessIndex => "system.posix_acl_access" + name,
        AclDefaultIndex => "system.posix_acl_default" + name,
        4 => "trusted." + name,
        5 => "lustre." + name,
        6 => "security." + name,
        SystemIndex when name == InlineDataName => null,
        SystemIndex => "system." + name,
        8 => "system.richacl" + name,
        9 or 11 => null,
        10 => "gnu." + name,
        0 => name,
        _ => $"index{index}." + name,
    };

    /// <summary>The prefix and the rest of a name as Linux shows it; false for namespaces that ext does not have.</summary>
    public static bool TrySplitName(string name, out byte index, out string rest)
    {
        foreach (var (prefix, number) in (ReadOnlySpan<(string, byte)>)[("user.", 1), ("trusted.", 4), ("lustre.", 5), ("security.", 6), ("gnu.", 10)])
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            (index, rest) = (number, name[prefix.Length..]);
            return rest.Length > 0;
        }
        (index, rest) = name switch
        {
            "system.posix_acl_access" => (AclAccessIndex, ""),
            "system.posix_acl_default" => (AclDefaultIndex, ""),
            "system.richacl" => ((byte)8, ""),
            _ => ((byte)0, ""),
        };
        return index != 0;
    }

    /// <summary>Whether an index stands for a POSIX ACL, which is stored in a form of ext's own.</summary>
    public static bool IsAcl(byte index) => index is AclAccessIndex or AclDefaultIndex;

    /// <summary>Reads a list.</summary>
    /// <param name="space">What entries and values lie in; value offsets count from <paramref name="valueBase"/>.</param>
    /// <param name="first">Where the first entry stands.</param>
    /// <param name="valueBase">Where value offsets count from: the first entry in an inode, 0 in a block.</param>
    /// <param name="found">The attributes, as far as they are sound.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Parse(ReadOnlySpan<byte> space, int first, int valueBase, List<ExtAttribute> found)
    {
        var at = first;
        while (true)
        {
            if (at + 4 > space.Length)
                return $"the list has no end within {space.Length} bytes";
            if (OnDisk.View<U32Le>(space, at) == 0)
                break;
            if (at + ExtAttributeEntry.Size > space.Length)
                return $"the entry at {at} reaches past {space.Length} bytes";
            ref readonly var entry = ref OnDisk.View<ExtAttributeEntry>(space, at);
            var next = at + (ExtAttributeEntry.Size + entry.NameLength + 3 & ~3);
            if (next > space.Length)
                return $"the entry at {at} has a name of {entry.NameLength} bytes and reaches past {space.Length}";
            var isOutside = entry.ValueInode != 0;
            if (entry.ValueSize > (isOutside ? MaxLongValue : space.Length))
                return $"the entry at {at} has a value of {entry.ValueSize} bytes, expected at most {(isOutside ? MaxLongValue : space.Length)}";
            var valueOffset = entry.ValueOffset + valueBase;
            var length = (int)(uint)entry.ValueSize;
            if (!isOutside && length > 0 && valueOffset > space.Length - length)
                return $"the entry at {at} has a value at {valueOffset}..{valueOffset + length}, expected within {space.Length} bytes";
            // A value of no bytes may have any offset.
            found.Add(new ExtAttribute(entry.NameIndex, EscapedUtf8.Decode(space.Slice(at + ExtAttributeEntry.Size, entry.NameLength)), length == 0 ? 0 : valueOffset, entry.ValueInode, length, entry.Hash, at));
            at = next;
        }
        foreach (var attribute in found)
        {
            if (attribute.ValueInode == 0 && attribute.ValueLength > 0 && attribute.ValueOffset < at + 4)
                return $"the entry at {attribute.EntryOffset} has a value at {attribute.ValueOffset}, within the list that ends at {at + 4}";
        }
        return null;
    }

    /// <summary>A POSIX ACL in the form that Linux programs see: version 2, entries of 8 bytes. What is no such ACL stays as it is.</summary>
    public static byte[] DecodeAcl(byte[] stored)
    {
        const int head = 4, shortEntry = 4, longEntry = 8;
        if (stored.Length < head || BinaryPrimitives.ReadUInt32LittleEndian(stored) != ExtAclEntry.StoredVersion)
            return stored;
        var decoded = new List<byte>(stored.Length * 2) { 2, 0, 0, 0 };
        for (var at = head; at < stored.Length;)
        {
            if (at + shortEntry > stored.Length)
                return stored;
            var tag = BinaryPrimitives.ReadUInt16LittleEndian(stored.AsSpan(at));
            var length = tag is ExtAclEntry.UserTag or ExtAclEntry.GroupTag ? longEntry : shortEntry;
            if (at + length > stored.Length)
                return stored;
            decoded.AddRange(stored.AsSpan(at, length));
            if (length == shortEntry)
                decoded.AddRange([0xFF, 0xFF, 0xFF, 0xFF]);
            at += length;
        }
        return [.. decoded];
    }

    /// <summary>The reverse of <see cref="DecodeAcl"/>; null when it is no ACL of version 2.</summary>
    public static byte[]? EncodeAcl(byte[] given)
    {
        const int head = 4, longEntry = 8, shortEntry = 4;
        const uint version = 2;
        if (given.Length < head || (given.Length - head) % longEntry != 0 || BinaryPrimitives.ReadUInt32LittleEndian(given) != version)
            return null;
        var stored = new List<byte>(given.Length) { (byte)ExtAclEntry.StoredVersion, 0, 0, 0 };
        for (var at = head; at < given.Length; at += longEntry)
        {
            var tag = BinaryPrimitives.ReadUInt16LittleEndian(given.AsSpan(at));
            stored.AddRange(given.AsSpan(at, tag is ExtAclEntry.UserTag or ExtAclEntry.GroupTag ? longEntry : shortEntry));
        }
        return [.. stored];
    }
}
