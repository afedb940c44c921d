using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Platter.Trees.Tar;

/// <summary>POSIX ACLs: as text in archives (POSIX.1e draft 17, "Long Text Form", with star's number at the end: <c>user:joe:r--:1000</c>), as
/// bytes in the attributes of Linux (linux/posix_acl_xattr.h: version 2, then tag, permissions and id of each entry).</summary>
internal static class PosixAcl
{
    public const string AccessName = "system.posix_acl_access", DefaultName = "system.posix_acl_default";

    private const int Version = 2, HeadSize = 4, EntrySize = 8;
    private const uint NoId = uint.MaxValue;

    private const ushort UserOwner = 1, User = 2, GroupOwner = 4, Group = 8, Mask = 16, Other = 32;

    /// <summary>The bytes of an ACL; null when the text is none, or gives a name without its number.</summary>
    public static byte[]? Parse(string text)
    {
        var entries = new List<(ushort Tag, ushort Permissions, uint Id)>();
        foreach (var line in text.Split(['\n', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var comment = line.IndexOf('#', StringComparison.Ordinal);
            var fields = (comment < 0 ? line : line[..comment]).Split(':');
            if (fields is [""])
                continue;
            if (fields.Length < 3 || ParsePermissions(fields[2].Trim()) is not { } permissions)
                return null;
            var isNamed = fields[1].Length > 0;
            ushort? tag = fields[0] switch
            {
                "user" or "u" => isNamed ? User : UserOwner,
                "group" or "g" => isNamed ? Group : GroupOwner,
                "mask" or "m" => Mask,
                "other" or "o" => Other,
                _ => null,
            };
            var id = NoId;
            if (tag is null || (tag is User or Group && !TryParseId(fields, out id)))
                return null;
            entries.Add((tag.Value, permissions, id));
        }
        // As the kernel wants it: by tag, then by id.
        entries.Sort();
        var bytes = new byte[HeadSize + entries.Count * EntrySize];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Version);
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = bytes.AsSpan(HeadSize + i * EntrySize);
            BinaryPrimitives.WriteUInt16LittleEndian(entry, entries[i].Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[2..], entries[i].Permissions);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], entries[i].Id);
        }
        return bytes;
    }

    /// <summary>Whether an ACL has only the entries that a mode stands for: owner, group and others.</summary>
    public static bool IsMinimal(ReadOnlySpan<byte> bytes) => bytes.Length <= HeadSize + 3 * EntrySize;

    /// <summary>The permission bits of a file that has this ACL: where there is a mask, it stands in the place of the group's.</summary>
    public static int? ModeOf(ReadOnlySpan<byte> bytes)
    {
        if (IsMinimal(bytes))
            return null;
        int mode = 0, group = 0;
        int? mask = null;
        for (var entry = bytes[HeadSize..]; !entry.IsEmpty; entry = entry[EntrySize..])
        {
            var permissions = BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]) & 7;
            switch (BinaryPrimitives.ReadUInt16LittleEndian(entry))
            {
                case UserOwner:
                    mode |= permissions << 6;
                    break;
                case GroupOwner:
                    group = permissions;
                    break;
                case Mask:
                    mask = permissions;
                    break;
                case Other:
                    mode |= permissions;
                    break;
            }
        }
        return mode | (mask ?? group) << 3;
    }

    /// <summary>The text of an ACL, with numbers for names; null when the bytes are none.</summary>
    public static string? Format(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadSize || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Version || (bytes.Length - HeadSize) % EntrySize != 0)
            return null;
        var text = new StringBuilder();
        for (var entry = bytes[HeadSize..]; !entry.IsEmpty; entry = entry[EntrySize..])
        {
            var id = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]).ToString(CultureInfo.InvariantCulture);
            var head = BinaryPrimitives.ReadUInt16LittleEndian(entry) switch
            {
                UserOwner => "user:",
                User => "user:" + id,
                GroupOwner => "group:",
                Group => "group:" + id,
                Mask => "mask:",
                Other => "other:",
                _ => null,
            };
            if (head is null)
                return null;
            var permissions = BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]);
            text.Append(text.Length == 0 ? "" : ",").Append(head).Append(':')
                .Append((permissions & 4) != 0 ? 'r' : '-').Append((permissions & 2) != 0 ? 'w' : '-').Append((permissions & 1) != 0 ? 'x' : '-');
        }
        return text.ToString();
    }

    private static bool TryParseId(string[] fields, out uint id) =>
        uint.TryParse(fields.Length > 3 ? fields[3] : fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out id)
        || uint.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out id);

    private static ushort? ParsePermissions(string text)
    {
        ushort bits = 0;
        foreach (var letter in text)
        {
            if (letter is not ('r' or 'w' or 'x' or '-'))
                return null;
            bits |= letter switch { 'r' => 4, 'w' => 2, 'x' => 1, _ => 0 };
        }
        return bits;
    }
}
