using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>A name in a merged tree, and where it comes from.</summary>
internal sealed class MergedNode(string name, TreeSource source, TreeEntry? entry, int layer)
{
    /// <summary>As many links as Linux follows on one path.</summary>
    private const int MaxLinks = 40;

    public string Name { get; } = name;
    public TreeSource Source { get; } = source;

    /// <summary>The entry in its own source; null for a directory that is there only because something lies below it.</summary>
    public TreeEntry? Entry { get; } = entry;

    /// <summary>Index of the layer.</summary>
    public int Layer { get; } = layer;

    public FileMetadata? Metadata { get; set; }

    /// <summary>Whether the owner was given to this entry by itself.</summary>
    public bool OwnUser { get; set; }

    /// <inheritdoc cref="OwnUser"/>
    public bool OwnGroup { get; set; }

    /// <summary>By name; null for what is no directory.</summary>
    public Dictionary<string, MergedNode>? Children { get; set; }

    /// <summary>Equal for the names of one file; null for what has only this name.</summary>
    public object? Identity => Entry?.LinkIdentity is { } inner ? (Layer, inner) : null;

    public IEnumerator<MergedNode> Sorted() => Children!.Values.OrderBy(c => c.Name, StringComparer.Ordinal).GetEnumerator();

    public MergedNode? Find(string path)
    {
        var node = this;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (node.Children is null || !node.Children.TryGetValue(part, out var next))
                return null;
            node = next;
        }
        return node;
    }

    /// <summary>What a symbolic link leads to within the tree, by the rules of a Unix path; null for nothing.</summary>
    /// <param name="way">From the top to the link's directory; changed.</param>
    /// <param name="target">The link's target.</param>
    public static MergedNode? Follow(List<MergedNode> way, string target)
    {
        var left = new Stack<string>();
        var links = 1;
        Push(target);
        while (left.TryPop(out var name))
        {
            if (name == "..")
            {
                if (way.Count > 1)
                    way.RemoveAt(way.Count - 1);
                continue;
            }
            if (name == ".")
                continue;
            if (way[^1].Children is null || !way[^1].Children!.TryGetValue(name, out var next))
                return null;
            if (next.Metadata is { Kind: EntryKind.SymbolicLink, LinkTarget: { } further })
            {
                if (++links > MaxLinks)
                    return null;
                Push(further);
                continue;
            }
            way.Add(next);
        }
        return way[^1];

        void Push(string path)
        {
            if (path.StartsWith('/'))
                way.RemoveRange(1, way.Count - 1);
            foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                left.Push(name);
        }
    }
}
