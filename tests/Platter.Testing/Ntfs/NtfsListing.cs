using System.Security.Cryptography;
using Platter.FileSystems;
using Platter.Testing.Ext;

namespace Platter.Testing.Ntfs;

/// <summary>A volume's tree in the notation of the corpus's listings, named streams too.</summary>
public static class NtfsListing
{
    private const int MostEntries = 100_000;

    /// <summary>One line of a listing without its path; what was not stated is a dash.</summary>
    public sealed record Line(string Kind, string Length, string Hash, string Target);

    /// <summary>Everything below the root, by escaped path.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="problems">What cannot be read is added here.</param>
    /// <param name="mostHashed">Bytes; longer content is not read.</param>
    public static Dictionary<string, Line> Read(Volume volume, List<string> problems, long mostHashed = 1L << 30)
    {
        var lines = new Dictionary<string, Line>(StringComparer.Ordinal);
        var seen = new HashSet<NodeId>();
        var pending = new Stack<(NodeId Id, string Path)>([(volume.RootId, "")]);
        while (pending.TryPop(out var directory))
        {
            if (!seen.Add(directory.Id))
                continue;
            try
            {
                AddStreams(volume, directory.Id, directory.Path, lines, mostHashed);
                foreach (var entry in volume.Enumerate(directory.Id))
                {
                    if (lines.Count > MostEntries)
                        throw new InvalidOperationException("the listing does not end");
                    var path = $"{directory.Path}/{ExtListing.Escape(entry.Name)}";
                    lines[path] = Describe(volume, entry, path, problems, mostHashed);
                    if (lines[path].Kind == "d")
                        pending.Push((entry.Id, path));
                    else if (lines[path].Kind == "f")
                        AddStreams(volume, entry.Id, path, lines, mostHashed);
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
            var target = columns.Length > 4 && columns[4].StartsWith("target=", StringComparison.Ordinal) && !columns[4].Contains("unsupported", StringComparison.Ordinal) ? columns[4]["target=".Length..] : "-";
            var hasContent = columns[1] is "f" or "a";
            lines[columns[0]] = new Line(columns[1], hasContent ? columns[2] : "-", hasContent ? columns[3] : "-", target);
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
            else if (wanted.Kind != got.Kind || wanted.Length != got.Length || (wanted.Hash != "-" && got.Hash != "-" && wanted.Hash != got.Hash) || (wanted.Target != "-" && wanted.Target != got.Target))
                differences.Add($"~ {path}: expected {wanted}, found {got}");
        }
        differences.AddRange(found.Keys.Where(p => !expected.ContainsKey(p)).Select(p => $"+ {p}: {found[p]}"));
        return differences;
    }

    private static void AddStreams(Volume volume, NodeId id, string path, Dictionary<string, Line> lines, long mostHashed)
    {
        foreach (var stream in volume.GetStreams(id))
            lines[$"{path}:{ExtListing.Escape(stream.Name.Name)}"] = new Line("a", stream.Length.ToString(), Hash(volume, id, stream.Name, stream.Length, mostHashed), "-");
    }

    private static Line Describe(Volume volume, DirectoryEntry entry, string path, List<string> problems, long mostHashed)
    {
        try
        {
            var metadata = volume.GetMetadata(entry.Id);
            var kind = metadata.Kind switch
            {
                EntryKind.Directory => "d", EntryKind.File => "f", EntryKind.SymbolicLink => "l", EntryKind.CharacterDevice => "c",
                EntryKind.BlockDevice => "b", EntryKind.Fifo => "p", _ => "s",
            };
            if (entry.Kind != metadata.Kind)
                problems.Add($"{path}: the directory says {entry.Kind}, the record {metadata.Kind}");
            if (kind != "f")
                return new Line(kind, "-", "-", metadata.LinkTarget is { } target ? ExtListing.Escape(target) : "-");
            return new Line(kind, metadata.Length.ToString(), Hash(volume, entry.Id, StreamName.Data, metadata.Length, mostHashed), "-");
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            problems.Add($"{path}: {e.Message}");
            return new Line("?", "-", "-", "-");
        }
    }

    private static string Hash(Volume volume, NodeId id, StreamName name, long length, long mostHashed)
    {
        if (length > mostHashed)
            return "-";
        using var stream = volume.OpenRead(id, name);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
