using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platter.FileSystems;
using Platter.Trees;

namespace Platter.Testing.Trees;

/// <summary>What of a tree is compared.</summary>
[Flags]
public enum TreeFacts
{
    None = 0,
    Owner = 1,
    Mode = 2,
    Seconds = 4,
    Nanoseconds = 8,
    Attributes = 16,
    HardLinks = 32,
    Holes = 64,
    Posix = Owner | Mode | Seconds | Nanoseconds | Attributes | HardLinks,
}

/// <summary>A tree as lines of text, one an entry, so that two trees compare with a readable difference.</summary>
public static class TreeText
{
    /// <summary>The lines, in the order of the walk; a problem is a line too.</summary>
    public static List<string> Of(TreeSource source, TreeFacts facts)
    {
        var lines = new List<string>();
        var links = new Dictionary<object, string>();
        foreach (var entry in source.Walk())
            lines.Add(Line(source, entry, facts, links));
        return lines;
    }

    private static string Line(TreeSource source, TreeEntry entry, TreeFacts facts, Dictionary<object, string> links)
    {
        if (entry.Problem is { } problem)
            return $"{entry.Path} PROBLEM {(problem as DiskFormatException)?.Code ?? problem.GetType().Name}";
        var m = entry.Metadata;
        var line = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{entry.Path} {entry.Kind}");
        if (facts.HasFlag(TreeFacts.Mode) && entry.Kind != EntryKind.SymbolicLink)
            line.Append(' ').Append(Convert.ToString(m.Mode ?? -1, 8));
        if (facts.HasFlag(TreeFacts.Owner))
            line.Append(CultureInfo.InvariantCulture, $" {m.UserId}:{m.GroupId}");
        if (facts.HasFlag(TreeFacts.Nanoseconds))
            line.Append(' ').Append(m.Modified?.ToString() ?? "-");
        else if (facts.HasFlag(TreeFacts.Seconds))
            line.Append(CultureInfo.InvariantCulture, $" @{m.Modified?.UnixSeconds}");
        if (m.LinkTarget is not null)
            line.Append(" -> ").Append(m.LinkTarget);
        if (m.Device is { } device && entry.Kind is EntryKind.CharacterDevice or EntryKind.BlockDevice)
            line.Append(CultureInfo.InvariantCulture, $" {device.Major},{device.Minor}");
        if (entry.Kind == EntryKind.File)
            AddContent(source, entry, facts, line);
        if (facts.HasFlag(TreeFacts.Attributes) && entry.Kind != EntryKind.SymbolicLink)
        {
            foreach (var (name, value) in source.GetExtendedAttributes(entry).OrderBy(a => a.Key, StringComparer.Ordinal))
                line.Append(CultureInfo.InvariantCulture, $" {name}={Convert.ToHexString(value)}");
        }
        if (facts.HasFlag(TreeFacts.HardLinks) && entry.LinkIdentity is { } identity)
            line.Append(links.TryAdd(identity, entry.Path) ? "" : $" = {links[identity]}");
        return line.ToString();
    }

    private static void AddContent(TreeSource source, TreeEntry entry, TreeFacts facts, StringBuilder line)
    {
        using var content = source.OpenContent(entry, StreamName.Data);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        var length = 0L;
        for (int count; (count = content.ReadAt(length, buffer)) > 0; length += count)
            hash.AppendData(buffer.AsSpan(0, count));
        line.Append(CultureInfo.InvariantCulture, $" {length} {Convert.ToHexString(hash.GetHashAndReset(), 0, 8)}");
        if (facts.HasFlag(TreeFacts.Holes))
            line.Append(" [").AppendJoin(' ', content.DataRanges().Select(r => $"{r.Offset}+{r.Length}")).Append(']');
    }
}
