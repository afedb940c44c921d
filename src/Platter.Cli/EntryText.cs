using System.Globalization;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>An entry's metadata as text and as JSON: the same words everywhere.</summary>
internal static class EntryText
{
    private static readonly (DosAttributes Flag, string Name, char Letter)[] Attributes =
    [
        (DosAttributes.ReadOnly, "read-only", 'r'), (DosAttributes.Hidden, "hidden", 'h'), (DosAttributes.System, "system", 's'), (DosAttributes.Archive, "archive", 'a'),
        (DosAttributes.Temporary, "temporary", 't'), (DosAttributes.Sparse, "sparse", 'p'), (DosAttributes.ReparsePoint, "reparse-point", 'l'),
        (DosAttributes.Compressed, "compressed", 'c'), (DosAttributes.Offline, "offline", 'o'), (DosAttributes.NotContentIndexed, "not-content-indexed", 'i'),
        (DosAttributes.Encrypted, "encrypted", 'e'),
    ];

    public static string Kind(EntryKind kind) => kind switch
    {
        EntryKind.Directory => "directory",
        EntryKind.SymbolicLink => "symlink",
        EntryKind.CharacterDevice => "char",
        EntryKind.BlockDevice => "block",
        EntryKind.Fifo => "fifo",
        EntryKind.Socket => "socket",
        _ => "file",
    };

    public static IEnumerable<string> AttributeNames(DosAttributes attributes) => Attributes.Where(a => (attributes & a.Flag) != 0).Select(a => a.Name);

    /// <summary>The bit of a letter, as <c>attrib</c> takes them; null when there is none.</summary>
    public static DosAttributes? AttributeOf(char letter)
    {
        foreach (var (flag, _, known) in Attributes)
        {
            if (known == char.ToLowerInvariant(letter))
                return flag;
        }
        return null;
    }

    /// <summary>The four old ones always, the others where they are set: <c>r--a</c>.</summary>
    public static string AttributeLetters(DosAttributes attributes)
    {
        Span<char> letters = stackalloc char[Attributes.Length];
        var count = 0;
        foreach (var (flag, _, letter) in Attributes)
        {
            if ((attributes & flag) != 0)
                letters[count++] = letter;
            else if (count < 4 && flag <= DosAttributes.Archive)
                letters[count++] = '-';
        }
        return new string(letters[..count]);
    }

    /// <summary>The first column of <c>ls -l</c>: a mode where there is one, else kind and attributes.</summary>
    public static string Mode(FileMetadata m) => m.Mode is { } mode ? ModeText.Format(m.Kind, mode)
        : ModeText.KindLetter(m.Kind) + (m.DosAttributes is { } attributes ? AttributeLetters(attributes) : "");

    /// <summary>UTC, to the second: <c>2024-02-29 12:00:00</c>.</summary>
    public static string Time(Timestamp? time) =>
        time is { } t ? (t with { Nanoseconds = 0 }).ToString().Replace('T', ' ').TrimEnd('Z') : "-";

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The fields of an entry that <c>ls --json</c> has; those that the filesystem lacks are left out.</summary>
    public static void WriteFields(Json json, string path, NodeId id, FileMetadata m)
    {
        json.Field("path", path);
        json.Field("type", Kind(m.Kind));
        json.Field("size", m.Length);
        json.Field("mtime", m.Modified);
        json.Field("mode", m.Mode is { } mode ? ModeText.FormatOctal(mode) : null);
        json.Field("uid", m.UserId);
        json.Field("gid", m.GroupId);
        json.Field("links", m.LinkCount);
        json.Field("target", m.LinkTarget);
        if (m.DosAttributes is { } attributes)
        {
            json.Array("attributes");
            foreach (var name in AttributeNames(attributes))
                json.Text(name);
            json.EndArray();
        }
        json.Field("id", id.Value);
    }

    /// <summary>The named streams and forks of a file, with their lengths in bytes.</summary>
    public static void WriteStreams(Json json, IReadOnlyList<StreamDescription> streams)
    {
        json.Array("streams");
        foreach (var stream in streams)
        {
            json.Object();
            json.Field("name", stream.Name.ToString());
            json.Field("size", stream.Length);
            json.End();
        }
        json.EndArray();
    }
}
