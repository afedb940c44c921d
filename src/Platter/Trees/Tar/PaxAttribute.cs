using System.Buffers.Text;
using System.Text;
using Platter.Primitives;

namespace Platter.Trees.Tar;

/// <summary>A pax record that brings an extended attribute or an ACL.</summary>
/// <param name="Key">The record's key.</param>
/// <param name="Value">Its value.</param>
/// <param name="Offset">Where in the archive the header's records start.</param>
internal readonly record struct PaxAttribute(byte[] Key, byte[] Value, long Offset)
{
    private static ReadOnlySpan<byte> Schily => "SCHILY.xattr."u8;
    private static ReadOnlySpan<byte> LibArchive => "LIBARCHIVE.xattr."u8;
    private static ReadOnlySpan<byte> SeLinux => "RHT.security.selinux"u8;
    private static ReadOnlySpan<byte> AccessAcl => "SCHILY.acl.access"u8;
    private static ReadOnlySpan<byte> DefaultAcl => "SCHILY.acl.default"u8;

    /// <summary>The permission bits that the record implies; null when it has nothing to do with them.</summary>
    public static int? ModeOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        key.SequenceEqual(AccessAcl) && PosixAcl.Parse(EscapedUtf8.Decode(value)) is { } acl ? PosixAcl.ModeOf(acl) : null;

    public static bool IsAttribute(ReadOnlySpan<byte> key) =>
        key.StartsWith(Schily) || key.StartsWith(LibArchive) || key.SequenceEqual(SeLinux) || key.SequenceEqual(AccessAcl) || key.SequenceEqual(DefaultAcl);

    /// <summary>Adds the attribute under the name that Linux programs know it by.</summary>
    /// <exception cref="DiskFormatException">The value is malformed.</exception>
    public void AddTo(Dictionary<string, byte[]> attributes)
    {
        // The plain bytes win over what libarchive writes beside them.
        if (Key.AsSpan().StartsWith(Schily))
            attributes[Unescape(Key.AsSpan(Schily.Length), onlyGnu: true)] = Value;
        else if (Key.AsSpan().StartsWith(LibArchive))
            attributes.TryAdd(Unescape(Key.AsSpan(LibArchive.Length), onlyGnu: false), FromBase64());
        else if (Key.AsSpan().SequenceEqual(SeLinux))
            attributes.TryAdd("security.selinux", [.. Value, 0]);
        else
            AddAcl(attributes);
    }

    /// <summary>The record's key for an attribute; GNU tar has it that = and % are escaped.</summary>
    public static byte[] KeyOf(string name)
    {
        var escaped = name.Replace("%", "%25", StringComparison.Ordinal).Replace("=", "%3D", StringComparison.Ordinal);
        return [.. Schily, .. EscapedUtf8.Encode(escaped)];
    }

    private void AddAcl(Dictionary<string, byte[]> attributes)
    {
        var isDefault = Key.AsSpan().SequenceEqual(DefaultAcl);
        var binary = PosixAcl.Parse(EscapedUtf8.Decode(Value))
            ?? throw new DiskFormatException("TAR-0004", "PaxHeader." + Encoding.ASCII.GetString(Key), Offset, "found an ACL that is malformed, or names somebody without a number");
        // What says no more than the mode is no ACL.
        if (isDefault || !PosixAcl.IsMinimal(binary))
            attributes.TryAdd(isDefault ? PosixAcl.DefaultName : PosixAcl.AccessName, binary);
    }

    // libarchive writes base64 without the padding at the end.
    private byte[] FromBase64()
    {
        var text = new byte[(Value.Length + 3) / 4 * 4];
        Value.CopyTo(text, 0);
        text.AsSpan(Value.Length).Fill((byte)'=');
        var bytes = new byte[text.Length / 4 * 3];
        if (Base64.DecodeFromUtf8(text, bytes, out var used, out var count) != System.Buffers.OperationStatus.Done || used != text.Length)
            throw new DiskFormatException("TAR-0004", "PaxHeader.LIBARCHIVE.xattr", Offset, "found a value that is not base64");
        return bytes[..count];
    }

    private static string Unescape(ReadOnlySpan<byte> name, bool onlyGnu)
    {
        var bytes = new byte[name.Length];
        var count = 0;
        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] == '%' && i + 2 < name.Length && Utf8Parser.TryParse(name.Slice(i + 1, 2), out byte value, out var used, 'X') && used == 2
                && (!onlyGnu || value is (byte)'=' or (byte)'%'))
            {
                bytes[count++] = value;
                i += 2;
                continue;
            }
            bytes[count++] = name[i];
        }
        return EscapedUtf8.Decode(bytes.AsSpan(0, count));
    }
}
