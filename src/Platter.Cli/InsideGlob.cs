using Platter.FileSystems;
using Platter.Trees;

namespace Platter.Cli;

/// <summary><c>*</c>, <c>?</c> and <c>[...]</c> in a path inside an image. Names that start with a dot match like others.</summary>
internal static class InsideGlob
{
    /// <summary>The paths that match, sorted; the path itself when it is there by exactly that name, or has none of the signs.</summary>
    /// <exception cref="CommandException">There are such signs and nothing matches.</exception>
    public static string[] Expand(Volume volume, string path) => !IsPattern(path) || volume.TryFind(path, out _) ? [path] : ExpandPattern(volume, path);

    private static string[] ExpandPattern(Volume volume, string path)
    {
        var found = new List<(string Path, NodeId Id)> { ("", volume.RootId) };
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            found = Step(volume, found, part);
        return found.Count > 0 ? [.. found.Select(f => f.Path.Length == 0 ? "/" : f.Path)] : throw new CommandException(ExitCode.NotFound, null, $"nothing matches {path}", "--literal takes the signs as they are");
    }

    private static bool IsPattern(string path)
    {
        foreach (var c in path)
        {
            if (c is '*' or '?' or '[')
                return true;
        }
        return false;
    }

    private static List<(string Path, NodeId Id)> Step(Volume volume, List<(string Path, NodeId Id)> folders, string part)
    {
        var isPattern = IsPattern(part);
        var next = new List<(string Path, NodeId Id)>();
        foreach (var (folder, id) in folders)
        {
            if (volume.GetMetadata(id).Kind != EntryKind.Directory)
                continue;
            if (!isPattern)
            {
                if (volume.TryLookup(id, part, out var child))
                    next.Add((folder + "/" + part, child));
                continue;
            }
            var pattern = new GlobPattern(part, ignoreCase: !volume.Capabilities.CaseSensitive);
            foreach (var entry in volume.Enumerate(id))
            {
                if (pattern.IsMatch(entry.Name))
                    next.Add((folder + "/" + entry.Name, entry.Id));
            }
        }
        next.Sort(static (a, b) => string.CompareOrdinal(a.Path, b.Path));
        return next;
    }
}
