using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>The entries that a command means: globs, and all that is below when that is wished.</summary>
internal static class Selection
{
    public static IEnumerable<Node> Nodes(Session session, Volume volume, IEnumerable<string> paths, bool recursive)
    {
        foreach (var path in session.Expand(volume, [.. paths]))
        {
            var node = volume.Find(path);
            yield return node;
            if (!recursive || !node.IsDirectory)
                continue;
            // The whole list first: what is done to an entry must not disturb the walk.
            foreach (var entry in new EntryWalk(volume) { Recursive = true }.Walk(path, node.Id).Select(e => new Node(volume, e.Id, e.Name)).ToList())
                yield return entry;
        }
    }
}
