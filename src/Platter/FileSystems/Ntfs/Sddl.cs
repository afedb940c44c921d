using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Security descriptors as text, in Microsoft's Security Descriptor Definition Language: <c>O:BAG:SYD:(A;OICI;FA;;;SY)</c>.</summary>
/// <remarks>
/// [MS-DTYP] 2.5.1. Written and read: owner, group, both lists with their flags; allow, deny, audit, alarm and label entries, with object types. Not:
/// entries with conditions or attributes.
/// </remarks>
public static class Sddl
{
    private const byte FirstObjectType = 5, LastObjectType = 8, LabelType = 0x11;
    private const uint HasObjectType = 1, HasInheritedType = 2;

    private static readonly (string Name, byte Type)[] Types =
    [
        ("A", 0), ("D", 1), ("AU", 2), ("AL", 3), ("OA", 5), ("OD", 6), ("OU", 7), ("OL", 8), ("ML", LabelType), ("SP", 0x13), ("TL", 0x14),
    ];

    private static readonly (string Name, uint Bit)[] Inheritance =
        [("OI", 1), ("CI", 2), ("NP", 4), ("IO", 8), ("ID", 0x10), ("SA", 0x40), ("FA", 0x80)];

    // Whole masks first: FA, not its bits.
    private static readonly (string Name, uint Mask)[] Rights =
    [
        ("FA", 0x1F01FF), ("FR", 0x120089), ("FW", 0x120116), ("FX", 0x1200A0),
        ("GA", 0x10000000), ("GR", 0x80000000), ("GW", 0x40000000), ("GX", 0x20000000), ("RC", 0x20000), ("SD", 0x10000), ("WD", 0x40000), ("WO", 0x80000),
        ("RP", 0x10), ("WP", 0x20), ("CC", 0x1), ("DC", 0x2), ("LC", 0x4), ("SW", 0x8), ("LO", 0x80), ("DT", 0x40), ("CR", 0x100),
    ];

    private static readonly (string Name, uint Mask)[] LabelRights = [("NW", 1), ("NR", 2), ("NX", 4)];

    private const int WholeMasks = 4;

    /// <summary>The text of a self-relative descriptor; null when it is damaged or holds what is not written here.</summary>
    public static string? Format(ReadOnlySpan<byte> descriptor)
    {
        if (descriptor.Length < NtfsSecurityDescriptor.Size)
            return null;
        ref readonly var head = ref OnDisk.View<NtfsSecurityDescriptor>(descriptor);
        var control = (NtfsSecurityControl)(ushort)head.Control;
        var text = new StringBuilder();
        return head.Revision == 1 && FormatSid(text, "O:", descriptor, head.OwnerOffset) && FormatSid(text, "G:", descriptor, head.GroupOffset)
            && FormatAcl(text, "D:", descriptor, head.AclOffset, (control & NtfsSecurityControl.AclPresent) != 0,
                Flags(control, NtfsSecurityControl.AclProtected, NtfsSecurityControl.AclAutoInheritRequired, NtfsSecurityControl.AclAutoInherited))
            && FormatAcl(text, "S:", descriptor, head.SystemAclOffset, (control & NtfsSecurityControl.SystemAclPresent) != 0,
                Flags(control, NtfsSecurityControl.SystemAclProtected, NtfsSecurityControl.SystemAclAutoInheritRequired, NtfsSecurityControl.SystemAclAutoInherited))
            ? text.ToString() : null;
    }

    /// <summary>The self-relative descriptor of a text.</summary>
    /// <exception cref="FormatException">The text breaks a rule of the language; the message says which.</exception>
    public static byte[] Parse(string text)
    {
        byte[] owner = [], group = [], acl = [], systemAcl = [];
        var control = NtfsSecurityControl.SelfRelative;
        for (var at = 0; at < text.Length;)
        {
            if (at + 1 >= text.Length || text[at + 1] != ':')
                throw new FormatException($"'{text[at..]}' does not start with O:, G:, D: or S:");
            var part = text[at];
            var end = NextPart(text, at += 2);
            var value = text[at..end];
            at = end;
            switch (char.ToUpperInvariant(part))
            {
                case 'O':
                    owner = Sids.Parse(value);
                    break;
                case 'G':
                    group = Sids.Parse(value);
                    break;
                case 'D':
                    control |= NtfsSecurityControl.AclPresent;
                    acl = ParseAcl(value, ref control, NtfsSecurityControl.AclProtected, NtfsSecurityControl.AclAutoInheritRequired, NtfsSecurityControl.AclAutoInherited);
                    break;
                case 'S':
                    control |= NtfsSecurityControl.SystemAclPresent;
                    systemAcl = ParseAcl(value, ref control, NtfsSecurityControl.SystemAclProtected, NtfsSecurityControl.SystemAclAutoInheritRequired, NtfsSecurityControl.SystemAclAutoInherited);
                    break;
                default:
                    throw new FormatException($"'{part}:' is no part of a descriptor, expected O:, G:, D: or S:");
            }
        }
        return Build(control, owner, group, systemAcl, acl);
    }

    // Windows lays the parts down in this order.
    internal static byte[] Build(NtfsSecurityControl control, byte[] owner, byte[] group, byte[] systemAcl, byte[] acl)
    {
        var bytes = new byte[NtfsSecurityDescriptor.Size + systemAcl.Length + acl.Length + owner.Length + group.Length];
        ref var head = ref OnDisk.Edit<NtfsSecurityDescriptor>(bytes);
        head.Revision = 1;
        head.Control = (ushort)control;
        var at = NtfsSecurityDescriptor.Size;
        head.SystemAclOffset = Append(bytes, systemAcl, ref at);
        head.AclOffset = Append(bytes, acl, ref at);
        head.OwnerOffset = Append(bytes, owner, ref at);
        head.GroupOffset = Append(bytes, group, ref at);
        return bytes;
    }

    private static uint Append(byte[] target, byte[] part, ref int at)
    {
        if (part.Length == 0)
            return 0;
        part.CopyTo(target, at);
        at += part.Length;
        return (uint)(at - part.Length);
    }

    private static bool FormatSid(StringBuilder text, string part, ReadOnlySpan<byte> descriptor, uint offset)
    {
        if (offset == 0)
            return true;
        if (offset > descriptor.Length || Sids.Format(descriptor[(int)offset..]) is not { } sid)
            return false;
        text.Append(part).Append(sid);
        return true;
    }

    private static string Flags(NtfsSecurityControl control, NtfsSecurityControl isProtected, NtfsSecurityControl required, NtfsSecurityControl inherited) =>
        ((control & isProtected) != 0 ? "P" : "") + ((control & required) != 0 ? "AR" : "") + ((control & inherited) != 0 ? "AI" : "");

    private static bool FormatAcl(StringBuilder text, string part, ReadOnlySpan<byte> descriptor, uint offset, bool isPresent, string flags)
    {
        if (!isPresent)
            return true;
        text.Append(part).Append(flags);
        if (offset == 0)
        {
            text.Append("NO_ACCESS_CONTROL");
            return true;
        }
        if (!NtfsInheritance.TryEntries(descriptor, offset, out var entries))
            return false;
        foreach (var entry in entries)
        {
            if (!FormatAce(text, entry))
                return false;
        }
        return true;
    }

    private static bool FormatAce(StringBuilder text, ReadOnlySpan<byte> ace)
    {
        ref readonly var head = ref OnDisk.View<NtfsAce>(ace);
        string? type = null;
        foreach (var (name, number) in Types)
        {
            if (number == head.Type)
                type = name;
        }
        if (type is null)
            return false;
        var at = NtfsAce.Size;
        string objectType = "", inheritedType = "";
        if (head.Type is >= FirstObjectType and <= LastObjectType)
        {
            if (ace.Length < at + 4)
                return false;
            var which = BinaryPrimitives.ReadUInt32LittleEndian(ace[at..]);
            at += 4;
            if (!FormatGuid(ace, (which & HasObjectType) != 0, ref at, ref objectType) || !FormatGuid(ace, (which & HasInheritedType) != 0, ref at, ref inheritedType))
                return false;
        }
        // Bytes behind the identifier would be lost.
        var sid = Sids.Format(ace[at..]);
        if (sid is null || at + Sids.LengthOf(ace[at..]) != ace.Length || FormatBits(head.Flags, Inheritance) is not { } inheritance)
            return false;
        text.Append($"({type};{inheritance};{FormatRights(head.Mask, head.Type)};{objectType};{inheritedType};{sid})");
        return true;
    }

    private static bool FormatGuid(ReadOnlySpan<byte> ace, bool isThere, ref int at, ref string text)
    {
        if (!isThere)
            return true;
        if (ace.Length < at + 16)
            return false;
        text = ((Guid)OnDisk.View<MixedGuid>(ace, at)).ToString();
        at += 16;
        return true;
    }

    private static string? FormatBits(uint value, ReadOnlySpan<(string Name, uint Bit)> names)
    {
        var text = new StringBuilder();
        foreach (var (name, bit) in names)
        {
            if ((value & bit) != bit)
                continue;
            text.Append(name);
            value &= ~bit;
        }
        return value == 0 ? text.ToString() : null;
    }

    private static string FormatRights(uint mask, byte type)
    {
        var names = type == LabelType ? LabelRights : Rights;
        foreach (var (name, whole) in names)
        {
            if (whole == mask)
                return name;
        }
        return FormatBits(mask, type == LabelType ? names : names.AsSpan(WholeMasks)) is { Length: > 0 } bits ? bits : "0x" + mask.ToString("x", CultureInfo.InvariantCulture);
    }

    // Where the next part starts: a letter and a colon outside of brackets.
    private static int NextPart(string text, int at)
    {
        var depth = 0;
        for (; at < text.Length; at++)
        {
            depth += text[at] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 0 && at + 1 < text.Length && text[at + 1] == ':')
                return at;
        }
        return text.Length;
    }

    private static byte[] ParseAcl(string text, ref NtfsSecurityControl control, NtfsSecurityControl isProtected, NtfsSecurityControl required, NtfsSecurityControl inherited)
    {
        var open = text.IndexOf('(', StringComparison.Ordinal);
        var flags = open < 0 ? text : text[..open];
        for (var at = 0; at < flags.Length;)
        {
            var rest = flags.AsSpan(at);
            if (rest.StartsWith("NO_ACCESS_CONTROL", StringComparison.OrdinalIgnoreCase))
                return [];
            if (rest.StartsWith("AR", StringComparison.OrdinalIgnoreCase))
                control |= required;
            else if (rest.StartsWith("AI", StringComparison.OrdinalIgnoreCase))
                control |= inherited;
            else if (rest[0] is 'P' or 'p')
                control |= isProtected;
            else
                throw new FormatException($"'{flags}' are no flags of a list, expected P, AR, AI or NO_ACCESS_CONTROL");
            at += rest[0] is 'P' or 'p' ? 1 : 2;
        }
        var entries = new List<byte>();
        var count = 0;
        var hasObjects = false;
        for (var at = open < 0 ? text.Length : open; at < text.Length; count++)
        {
            var close = text.IndexOf(')', at);
            if (text[at] != '(' || close < 0)
                throw new FormatException($"'{text[at..]}' is no entry of a list: (type;flags;rights;object;inherited object;who)");
            entries.AddRange(ParseAce(text[(at + 1)..close], ref hasObjects));
            at = close + 1;
        }
        if (NtfsAcl.Size + entries.Count > ushort.MaxValue)
            throw new FormatException($"a list of {count} entries takes {NtfsAcl.Size + entries.Count} bytes, expected at most {ushort.MaxValue}");
        var acl = new byte[NtfsAcl.Size + entries.Count];
        ref var head = ref OnDisk.Edit<NtfsAcl>(acl);
        head.Revision = (byte)(hasObjects ? 4 : 2);
        head.Length = (ushort)acl.Length;
        head.Count = (ushort)count;
        entries.CopyTo(acl, NtfsAcl.Size);
        return acl;
    }

    private static byte[] ParseAce(string text, ref bool hasObjects)
    {
        var fields = text.Split(';');
        if (fields.Length != 6)
            throw new FormatException($"'({text})' has {fields.Length} fields, expected 6");
        byte? type = null;
        foreach (var (name, number) in Types)
        {
            if (name.Equals(fields[0], StringComparison.OrdinalIgnoreCase))
                type = number;
        }
        if (type is not { } known)
            throw new FormatException($"'{fields[0]}' is no type of an entry that is known here: A, D, AU, AL, OA, OD, OU, OL, ML, SP, TL");
        var sid = Sids.Parse(fields[5]);
        var isObject = known is >= FirstObjectType and <= LastObjectType;
        hasObjects |= isObject;
        byte[] objectType = ParseGuid(fields[3], isObject), inheritedType = ParseGuid(fields[4], isObject);
        var ace = new byte[NtfsAce.Size + (isObject ? 4 : 0) + objectType.Length + inheritedType.Length + sid.Length];
        ref var head = ref OnDisk.Edit<NtfsAce>(ace);
        head.Type = known;
        head.Flags = (byte)ParseBits(fields[1], Inheritance, "flags of an entry");
        head.Length = (ushort)ace.Length;
        head.Mask = ParseRights(fields[2], known);
        var at = NtfsAce.Size;
        if (isObject)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(ace.AsSpan(at), (objectType.Length > 0 ? HasObjectType : 0) | (inheritedType.Length > 0 ? HasInheritedType : 0));
            at += 4;
        }
        Append(ace, objectType, ref at);
        Append(ace, inheritedType, ref at);
        Append(ace, sid, ref at);
        return ace;
    }

    private static byte[] ParseGuid(string text, bool isObject)
    {
        if (text.Length == 0)
            return [];
        return isObject && Guid.TryParse(text, out var guid) ? guid.ToByteArray() : throw new FormatException($"'{text}' is no object type of an entry that takes one");
    }

    private static uint ParseRights(string text, byte type)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var mask)
                ? mask : throw new FormatException($"'{text}' are no rights, expected at most eight hexadecimal digits");
        }
        return text.Length > 0 && char.IsAsciiDigit(text[0]) && uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : ParseBits(text, type == LabelType ? LabelRights : Rights, "rights");
    }

    private static uint ParseBits(string text, (string Name, uint Bit)[] names, string what)
    {
        var value = 0u;
        for (var at = 0; at < text.Length; at += 2)
        {
            var found = false;
            foreach (var (name, bit) in names)
            {
                if (at + 2 <= text.Length && name.AsSpan().Equals(text.AsSpan(at, 2), StringComparison.OrdinalIgnoreCase))
                {
                    value |= bit;
                    found = true;
                }
            }
            if (!found)
                throw new FormatException($"'{text}' are no {what}: {string.Join(", ", names.Select(n => n.Name))}");
        }
        return value;
    }
}
