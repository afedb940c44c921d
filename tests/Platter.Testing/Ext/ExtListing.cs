using System.Security.Cryptography;
using System.Text;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Testing.Ext;

/// <summary>A volume's tree in the notation of the corpus's listings: path, type, length, SHA-256, and links.</summary>
public static class ExtListing
{
    private const int MostEntries = 200_000;

    /// <summary>One line of a listing without its path; what the tool did not state is a dash.</summary>
    public sealed record Line(string Kind, string Length, string Hash, string Target, int Links);

    /// <summary>Everything below the root, by escaped path. What cannot be read is in <paramref name="problems"/>.</summary>
    public static Dictionary<string, Line> Read(Volume volume, List<string> problems)
    {
        var lines = new Dictionary<string, Line>(StringComparer.Ordinal);
        var seen = new HashSet<NodeId>();
        var pending = new Stack<(NodeId Id, string Path)>([(volume.RootId, "")]);
        while (pending.TryPop(out var directory))
        {
            // A directory that is its own ancestor would go on for ever.
            if (!seen.Add(directory.Id))
                continue;
            try
            {
                foreach (var entry in volume.Enumerate(directory.Id))
                {
                    if (lines.Count > MostEntries)
                        throw new InvalidOperationException("the listing does not end");
                    var path = $"{directory.Path}/{Escape(entry.Name)}";
                    lines[path] = Describe(volume, entry, path, problems);
                    if (lines[path].Kind == "d")
                        pending.Push((entry.Id, path));
                }
            }
            catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
            {
                problems.Add($"{directory.Path}/: {e.Message}");
            }
        }
        return lines;
    }

    /// <summary>A listing of the corpus.</summary>
    public static Dictionary<string, Line> Parse(string oracle)
    {
        var lines = new Dictionary<string, Line>(StringComparer.Ordinal);
        foreach (var text in oracle.Split('\n'))
        {
            if (!text.StartsWith('/'))
                continue;
            var columns = text.Split('\t');
            var extra = columns.Length > 4 ? columns[4].Split(' ', 2) : [];
            var target = columns.Length > 4 && columns[4].StartsWith("target=", StringComparison.Ordinal) ? columns[4]["target=".Length..] : "-";
            _ = int.TryParse(extra.FirstOrDefault(e => e.StartsWith("nlink=", StringComparison.Ordinal))?["nlink=".Length..], out var links);
            lines[columns[0]] = new Line(columns[1], columns[1] == "f" ? columns[2] : "-", columns[1] == "f" ? columns[3] : "-", target, links);
        }
        return lines;
    }

    /// <summary>What differs, a line each.</summary>
    public static List<string> Differences(Dictionary<string, Line> expected, Dictionary<string, Line> found)
    {
        var differences = new List<string>();
        foreach (var (path, wanted) in expected)
        {
            if (!found.TryGetValue(path, out var got))
                differences.Add($"- {path}: {wanted}");
            else if (wanted.Kind != got.Kind || wanted.Length != got.Length || (wanted.Hash != "-" && wanted.Hash != got.Hash)
                || (wanted.Target != "-" && wanted.Target != got.Target) || (wanted.Links > 0 && wanted.Links != got.Links))
                differences.Add($"~ {path}: expected {wanted}, found {got}");
        }
        differences.AddRange(found.Keys.Where(p => !expected.ContainsKey(p)).Select(p => $"+ {p}: {found[p]}"));
        return differences;
    }

    /// <summary>A name as listings write it: UTF-8, with backslash, control characters and bytes that are no text escaped.</summary>
    public static string Escape(string name)
    {
        var text = new StringBuilder();
        foreach (var rune in name)
        {
            text.Append(rune switch
            {
                '\\' => @"\\",
                '\t' => @"\t",
                '\n' => @"\n",
                '\r' => @"\r",
                < ' ' or '\x7F' => $@"\x{(int)rune:x2}",
                >= '\uDC80' and <= '\uDCFF' when !IsPaired(name, rune) => $@"\x{rune - 0xDC00:x2}",
                _ => rune.ToString(),
            });
        }
        return text.ToString();
    }

    private static bool IsPaired(string name, char low) => name.Where((c, i) => c == low && i > 0 && char.IsHighSurrogate(name[i - 1])).Any();

    private static Line Describe(Volume volume, DirectoryEntry entry, string path, List<string> problems)
    {
        try
        {
            var metadata = volume.GetMetadata(entry.Id);
            var kind = metadata.Kind switch
            {
                EntryKind.Directory => "d", EntryKind.File => "f", EntryKind.SymbolicLink => "l", EntryKind.CharacterDevice => "c",
                EntryKind.BlockDevice => "b", EntryKind.Fifo => "p", _ => "s",
            };
            if (kind != "f")
                return new Line(kind, "-", "-", metadata.LinkTarget is { } target ? Escape(target) : "-", metadata.LinkCount ?? 0);
            var hash = "-";
            try
            {
                using var stream = volume.OpenRead(entry.Id, StreamName.Data);
                // Some broken images have files of terabytes without blocks.
                hash = metadata.Length <= 1L << 30 ? Convert.ToHexStringLower(SHA256.HashData(stream)) : "-";
            }
            catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
            {
                problems.Add($"{path}: {e.Message}");
            }
            return new Line(kind, metadata.Length.ToString(), hash, "-", metadata.LinkCount ?? 0);
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            problems.Add($"{path}: {e.Message}");
            return new Line("?", "-", "-", "-", 0);
        }
    }
}
