using System.Security.Cryptography;
using Platter.FileSystems;

namespace Platter.Testing.Volumes;

/// <summary>What a node of a volume is expected to be. What is null is not known, and not compared.</summary>
public sealed class ModelNode
{
    private string? _sha256;

    internal ModelNode(EntryKind kind, IEqualityComparer<string> nameComparer)
    {
        Kind = kind;
        Children = kind == EntryKind.Directory ? new Dictionary<string, ModelNode>(nameComparer) : null;
    }

    public EntryKind Kind { get; }

    /// <summary>By stored name; null when this is no directory.</summary>
    public Dictionary<string, ModelNode>? Children { get; }

    public long Length => Content.Length;
    public SnapshotEntry Metadata { get; set; } = new("", EntryKind.File);
    public Dictionary<StreamName, byte[]> Streams { get; } = [];
    public Dictionary<string, byte[]> ExtendedAttributes { get; } = new(StringComparer.Ordinal);

    internal MemoryContent Content { get; private init; } = new();

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        Content.Write(offset, data);
        _sha256 = null;
    }

    public void SetLength(long length)
    {
        Content.SetLength(length);
        _sha256 = null;
    }

    /// <summary>A copy with all below; nodes with several names stay one node.</summary>
    internal ModelNode Clone(Dictionary<ModelNode, ModelNode> copies)
    {
        if (copies.TryGetValue(this, out var copy))
            return copy;
        copies[this] = copy = new ModelNode(Kind, Children?.Comparer ?? StringComparer.Ordinal)
        {
            Metadata = Metadata, Content = Content.Share(), _sha256 = _sha256,
        };
        foreach (var (name, child) in Children ?? [])
            copy.Children!.Add(name, child.Clone(copies));
        foreach (var (name, bytes) in Streams)
            copy.Streams.Add(name, bytes);
        foreach (var (name, bytes) in ExtendedAttributes)
            copy.ExtendedAttributes.Add(name, bytes);
        return copy;
    }

    internal SnapshotEntry Entry(string path) => Metadata with
    {
        Path = path,
        Kind = Kind,
        Length = Kind == EntryKind.File ? Length : null,
        Sha256 = Kind == EntryKind.File ? _sha256 ??= Hash(Content.Bytes) : null,
        Streams = string.Join(", ", Streams.Select(s => $"{s.Key}={s.Value.Length}:{Hash(s.Value)}").Order(StringComparer.Ordinal)),
        ExtendedAttributes = string.Join(", ", ExtendedAttributes.Select(a => $"{a.Key}={Convert.ToHexStringLower(a.Value)}").Order(StringComparer.Ordinal)),
    };

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

/// <summary>A tree in memory that is edited beside a volume: what the volume must hold.</summary>
public sealed class ModelTree(IEqualityComparer<string> nameComparer)
{
    public ModelNode Root { get; private set; } = new(EntryKind.Directory, nameComparer);

    /// <summary>A copy that stays as this is now; cheap, since content is shared until it is written.</summary>
    public ModelTree Clone() => new(nameComparer) { Root = Root.Clone([]) };

    /// <summary>Every path with its node, parents before their children.</summary>
    public IEnumerable<(string Path, ModelNode Node)> All()
    {
        var pending = new Queue<(string Path, ModelNode Node)>([("", Root)]);
        while (pending.TryDequeue(out var directory))
        {
            foreach (var (name, node) in directory.Node.Children!)
            {
                yield return ($"{directory.Path}/{name}", node);
                if (node.Children is not null)
                    pending.Enqueue(($"{directory.Path}/{name}", node));
            }
        }
    }

    public ModelNode NewNode(EntryKind kind) => new(kind, nameComparer);

    public ModelNode Find(string path)
    {
        var node = Root;
        foreach (var name in Names(path))
            node = node.Children![name];
        return node;
    }

    public void Add(string path, ModelNode node)
    {
        var parent = Find(ParentOf(path));
        parent.Children!.Add(NameOf(path), node);
        Touch(parent);
    }

    public ModelNode Remove(string path)
    {
        var parent = Find(ParentOf(path));
        parent.Children!.Remove(NameOf(path), out var node);
        Touch(parent);
        return node!;
    }

    public TreeSnapshot Snapshot()
    {
        var entries = new List<SnapshotEntry>();
        var links = new Dictionary<ModelNode, List<int>>();
        Collect(Root, "", entries, links);
        foreach (var indexes in links.Values.Where(l => l.Count > 1))
        {
            var first = indexes.Select(i => entries[i].Path).Min(StringComparer.Ordinal);
            foreach (var index in indexes)
                entries[index] = entries[index] with { FirstPath = first };
        }
        return new TreeSnapshot(entries);
    }

    public static string ParentOf(string path) => path[..path.LastIndexOf('/')];

    public static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static string[] Names(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    // Whether a directory's own times follow its entries differs between filesystems.
    private static void Touch(ModelNode directory) => directory.Metadata = directory.Metadata with { Modified = null, Accessed = null };

    private static void Collect(ModelNode directory, string path, List<SnapshotEntry> entries, Dictionary<ModelNode, List<int>> links)
    {
        foreach (var (name, node) in directory.Children!)
        {
            var childPath = $"{path}/{name}";
            if (node.Children is null)
            {
                if (!links.TryGetValue(node, out var indexes))
                    links[node] = indexes = [];
                indexes.Add(entries.Count);
            }
            entries.Add(node.Entry(childPath));
            if (node.Children is not null)
                Collect(node, childPath, entries, links);
        }
    }
}
