using System.Collections.ObjectModel;
using System.Globalization;
using System.Text;
using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>Turns a <c>[[filesystem.file]]</c> table into a <see cref="FileSpec"/>.</summary>
internal static class FileSpecReader
{
    /// <summary>Bytes in UTF-8: PATH_MAX, what Linux and macOS can name at all.</summary>
    public const int MaxPathLength = 4096;

    /// <summary>Parts of a path.</summary>
    public const int MaxDepth = 256;
    private const int MaxAttributeName = 255;   // bytes; XATTR_NAME_MAX of Linux

    private static readonly string[] Kinds = ["file", "dir", "symlink", "char", "block", "fifo"];

    public static FileSpec Read(SpecTable table)
    {
        var kind = ReadKind(table) ?? FileSpecKind.File;
        CheckKeys(table, kind);
        var file = new FileSpec
        {
            Place = table.Place,
            Path = ReadPath(table, kind),
            PathPlace = table.PlaceOf("path"),
            Kind = kind,
            Content = table.RawText("content") is { } content ? Encoding.UTF8.GetBytes(content) : null,
            From = table.Text("from"),
            FromPlace = table.PlaceOf("from"),
            Target = table.Text("target"),
            Major = (uint)(table.Number("major", uint.MaxValue) ?? 0),
            Minor = (uint)(table.Number("minor", uint.MaxValue) ?? 0),
            Mode = ReadMode(table),
            Owner = table.Owner("owner"),
            ModificationTime = ReadTime(table),
            ExtendedAttributes = ReadExtendedAttributes(table),
        };
        return file;
    }

    /// <summary>The kind of entry; null when absent.</summary>
    public static FileSpecKind? ReadKind(SpecTable table) => table.Word("kind", Kinds) switch
    {
        null => null,
        "dir" => FileSpecKind.Directory,
        "symlink" => FileSpecKind.SymbolicLink,
        "char" => FileSpecKind.CharacterDevice,
        "block" => FileSpecKind.BlockDevice,
        "fifo" => FileSpecKind.Fifo,
        _ => FileSpecKind.File,
    };

    // Which keys a kind needs, and which belong to other kinds.
    private static void CheckKeys(SpecTable table, FileSpecKind kind)
    {
        Restrict(table, "content", kind == FileSpecKind.File, "a regular file");
        Restrict(table, "from", kind == FileSpecKind.File, "a regular file");
        Restrict(table, "target", kind == FileSpecKind.SymbolicLink, "kind = \"symlink\"");
        var isDevice = kind is FileSpecKind.CharacterDevice or FileSpecKind.BlockDevice;
        Restrict(table, "major", isDevice, "kind = \"char\" or \"block\"");
        Restrict(table, "minor", isDevice, "kind = \"char\" or \"block\"");
        if (table.Has("content") && table.Has("from"))
            throw table.FailAtKey("from", "an entry has 'content' or 'from', not both");
        if (kind == FileSpecKind.File && !table.Has("content") && !table.Has("from"))
            throw new TomlException(table.Place, "a file needs 'content' or 'from' (content = \"\" makes it empty), or another 'kind'");
        if (kind == FileSpecKind.SymbolicLink && !table.Has("target"))
            throw table.Missing("target", "\"../lib\"");
        if (isDevice && !table.Has("major"))
            throw table.Missing("major", "4");
        if (isDevice && !table.Has("minor"))
            throw table.Missing("minor", "64");
    }

    private static void Restrict(SpecTable table, string key, bool isAllowed, string owner)
    {
        if (!isAllowed && table.Has(key))
            throw table.FailAtKey(key, $"'{key}' is for {owner} only");
    }

    private static string ReadPath(SpecTable table, FileSpecKind kind)
    {
        var path = table.RequiredText("path", "\"/etc/hosts\"");
        if (path[0] != '/')
            throw table.Fail("path", $"'path' is {TomlCursor.Quote(path)}, expected an absolute path, beginning with /");
        if (SpecTable.Utf8Length(path) > MaxPathLength)
            throw table.Fail("path", $"'path' is longer than {MaxPathLength} bytes");
        if (kind == FileSpecKind.Directory && path.Length > 1 && path[^1] == '/')
            path = path[..^1];
        if (path == "/")
            return kind == FileSpecKind.Directory ? path : throw table.Fail("path", "'path' is the root, which is always a directory: it needs kind = \"dir\"");
        var parts = path.Split('/');
        if (parts.Length - 1 > MaxDepth)
            throw table.Fail("path", $"'path' is deeper than {MaxDepth} directories");
        foreach (var part in parts.AsSpan(1))
        {
            if (part is "" or "." or "..")
                throw table.Fail("path", $"'path' is {TomlCursor.Quote(path)}, expected no empty, '.' or '..' part");
        }
        return path;
    }

    /// <summary>Permissions in octal; null when absent.</summary>
    public static int? ReadMode(SpecTable table)
    {
        const string expected = "expected octal permissions, 0o644 or \"0644\", up to 0o7777";
        switch (table.Value("mode"))
        {
            case null:
                return null;
            case TomlInteger { Value: 0 }:
                return 0;
            case TomlInteger { Radix: 10 } number:   // 644 would be 0o1204: surely not what was meant
                throw table.Fail("mode", $"'mode' is the decimal number {number.Value}, {expected}");
            case TomlInteger { Value: > 0 and <= 0xFFF } number:
                return (int)number.Value;
            case TomlString text:
                var digits = text.Value.StartsWith("0o", StringComparison.Ordinal) ? text.Value[2..] : text.Value;
                if (digits.Length is < 1 or > 5 || digits.AsSpan().ContainsAnyExceptInRange('0', '7') || Convert.ToInt32(digits, 8) > 0xFFF)
                    throw table.Fail("mode", $"'mode' is {TomlCursor.Quote(text.Value)}, {expected}");
                return Convert.ToInt32(digits, 8);
            case TomlInteger number:
                throw table.Fail("mode", $"'mode' is 0o{Convert.ToString(number.Value, 8)}, {expected}");
            case { } other:
                throw table.WrongKind("mode", other, "octal permissions, 0o644 or \"0644\"");
        }
    }

    /// <summary>A modification time; null when absent.</summary>
    public static DateTimeOffset? ReadTime(SpecTable table)
    {
        const string expected = "a date-time such as 2026-01-31T12:00:00Z, without quotes, or seconds since 1970";
        switch (table.Value("mtime"))
        {
            case null:
                return null;
            case TomlDateTime time when time.TryGetInstant(out var instant):
                return instant;
            case TomlDateTime { DateTimeKind: not TomlDateTimeKind.LocalTime }:
                throw table.Fail("mtime", "'mtime' is outside the years 1 to 9999");
            case TomlInteger seconds:
                if (seconds.Value < DateTimeOffset.MinValue.ToUnixTimeSeconds() || seconds.Value > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
                    throw table.Fail("mtime", "'mtime' is outside the years 1 to 9999");
                return DateTimeOffset.FromUnixTimeSeconds(seconds.Value);
            case { } other:
                throw table.WrongKind("mtime", other, expected);
        }
    }

    private static IReadOnlyDictionary<string, byte[]> ReadExtendedAttributes(SpecTable table)
    {
        if (table.Table("xattrs", "xattrs = { user.name = \"value\" }") is not { } attributes)
            return ReadOnlyDictionary<string, byte[]>.Empty;
        var values = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        AddAttributes(attributes, "", values);
        return values;
    }

    // Names are mostly dotted, so user.name = "..." without quotes, which TOML reads as tables, means the same as "user.name" = "...".
    private static void AddAttributes(TomlTable table, string prefix, Dictionary<string, byte[]> values)
    {
        foreach (var (key, place, value) in table.Entries)
        {
            var name = prefix + key;
            if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal) || SpecTable.Utf8Length(name) > MaxAttributeName)
                throw new TomlException(place, $"an extended attribute's name has 1 to {MaxAttributeName} bytes, none of them 0");
            if (value is TomlTable inner)
                AddAttributes(inner, name + ".", values);   // as deep as the name is long, at most
            else if (value is not TomlString text)
                throw new TomlException(value.Place, $"the extended attribute {TomlCursor.Quote(name)} is {value.Kind}, expected a string");
            else if (!values.TryAdd(name, DecodeAttribute(text)))
                throw new TomlException(place, $"the extended attribute {TomlCursor.Quote(name)} is given twice");
        }
    }

    // The notation of getfattr and setfattr.
    private static byte[] DecodeAttribute(TomlString text)
    {
        var value = text.Value;
        try
        {
            return value.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? Convert.FromHexString(value.AsSpan(2))
                : value.StartsWith("0s", StringComparison.OrdinalIgnoreCase) ? Convert.FromBase64String(value[2..])
                : Encoding.UTF8.GetBytes(value);
        }
        catch (FormatException e)
        {
            throw new TomlException(text.Place, $"{TomlCursor.Quote(value)}: 0x is followed by hexadecimal digits in pairs, 0s by base64 (a text that begins so must be written that way too)", e);
        }
    }
}
