using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>An entry that is put on top of the layers by itself.</summary>
public sealed record TreeAddition
{
    /// <summary>From the top, with <c>/</c>: <c>/etc/hostname</c>. Directories above it that are not there are made. <c>/</c> is the top itself.</summary>
    public required string Path { get; init; }

    public EntryKind Kind { get; init; }

    /// <summary>The content of a file; null for none.</summary>
    public byte[]? Content { get; init; }

    /// <summary>The host file whose content, and mode and time unless they are given, the file gets; null when <see cref="Content"/> has it.</summary>
    public string? HostFile { get; init; }

    /// <summary>Null: the usual ones, or those of the host file, or of the directory that is there.</summary>
    public int? Mode { get; init; }

    public Ownership? Owner { get; init; }

    /// <summary>Null: the clock's, or that of the host file, or of the directory that is there.</summary>
    public Timestamp? Modified { get; init; }

    public string? LinkTarget { get; init; }
    public DeviceNumber? Device { get; init; }
    public IReadOnlyDictionary<string, byte[]> ExtendedAttributes { get; init; } = TreeSource.NoAttributes;
}

/// <summary>Several trees on top of each other, as one: a later layer's files take the place of an earlier one's, directories are
/// merged (with the later one's metadata).</summary>
/// <remarks>Whiteouts as the OCI image specification ("Image Layer Filesystem Changeset") has them: <c>.wh.NAME</c> takes NAME of the
/// layers below away, <c>.wh..wh..opq</c> all that is in the directory. The merged outline is held in memory, the contents are not.</remarks>
public sealed class LayeredSource : TreeSource
{
    private const string WhiteoutPrefix = ".wh.", OpaqueMarker = ".wh..wh..opq";

    private readonly IReadOnlyList<TreeSource> _layers;
    private readonly AdditionSource _additions;
    private readonly Ownership? _owner;
    private readonly List<TreeEntry> _problems = [];
    private MergedNode? _top;

    /// <param name="layers">Bottom first; disposed together with this.</param>
    /// <param name="additions">Entries on top, in order.</param>
    /// <param name="owner">Who owns everything but the additions that name an owner; null keeps the owners.</param>
    public LayeredSource(IReadOnlyList<TreeSource> layers, IReadOnlyList<TreeAddition>? additions = null, Ownership? owner = null)
    {
        _layers = layers;
        _additions = new AdditionSource(additions ?? []);
        _owner = owner;
    }

    public override FileMetadata? RootMetadata => Merge(default).Metadata is { } metadata ? Squash(metadata, _additions.OwnerOfTop) : null;

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        var top = Merge(cancellation);
        foreach (var problem in _problems)
            yield return problem;
        var stack = new Stack<(IEnumerator<MergedNode> Left, LayeredEntry? Directory)>();
        stack.Push((top.Sorted(), null));
        while (stack.TryPeek(out var level))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!level.Left.MoveNext())
            {
                stack.Pop();
                continue;
            }
            var node = level.Left.Current;
            var entry = MakeEntry(level.Directory, node);
            yield return entry;
            if (node.Children is not null)
                stack.Push((node.Sorted(), entry));
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream)
    {
        var node = ((LayeredEntry)entry).Node;
        return node.Source.OpenContent(node.Entry!, stream);
    }

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer)
    {
        var node = ((LayeredEntry)entry).Node;
        return node.Source.ReadWhole(node.Entry!, buffer);
    }

    public override IReadOnlyList<StreamDescription> GetStreams(TreeEntry entry)
    {
        var node = ((LayeredEntry)entry).Node;
        return node.Entry is null ? [] : node.Source.GetStreams(node.Entry);
    }

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry)
    {
        var node = ((LayeredEntry)entry).Node;
        return node.Entry is null ? NoAttributes : node.Source.GetExtendedAttributes(node.Entry);
    }

    internal override bool ReadsFrom(Volume volume) => _layers.Any(l => l.ReadsFrom(volume));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var layer in _layers)
                layer.Dispose();
            _additions.Dispose();
        }
        base.Dispose(disposing);
    }

    private LayeredEntry MakeEntry(LayeredEntry? parent, MergedNode node)
    {
        var identity = node.Entry?.LinkIdentity is { } inner ? (node.Layer, inner) : (object?)null;
        return new LayeredEntry(parent, node, Squash(node.Metadata!, (node.Entry as AdditionSource.AddedEntry)?.Addition.Owner)) { LinkIdentity = identity };
    }

    private FileMetadata Squash(FileMetadata metadata, Ownership? own) =>
        (own ?? _owner) is { } owner ? metadata with { UserId = owner.UserId, GroupId = owner.GroupId } : metadata;

    private MergedNode Merge(CancellationToken cancellation)
    {
        if (_top is not null)
            return _top;
        var top = new MergedNode("", _additions, null, 0) { Children = new(StringComparer.Ordinal) };
        for (var layer = 0; layer < _layers.Count; layer++)
        {
            top.Metadata = _layers[layer].RootMetadata ?? top.Metadata;
            MergeLayer(top, _layers[layer], layer, cancellation);
        }
        _additions.Apply(top, _layers.Count);
        return _top = top;
    }

    private void MergeLayer(MergedNode top, TreeSource layer, int number, CancellationToken cancellation)
    {
        var entries = new List<TreeEntry>();
        foreach (var entry in layer.Walk(cancellation))
        {
            if (entry.Problem is not null)
                _problems.Add(entry);
            else if (entry.Name.StartsWith(WhiteoutPrefix, StringComparison.Ordinal))
                WhiteOut(top, entry);
            else
                entries.Add(entry);
        }
        // Whiteouts speak of the layers below only, wherever they stand within their own.
        var directories = new Dictionary<TreeEntry, MergedNode>();
        foreach (var entry in entries)
        {
            var parent = entry.Parent is null ? top : directories.GetValueOrDefault(entry.Parent);
            if (parent is null)
                continue;
            var node = new MergedNode(entry.Name, layer, entry, number) { Metadata = entry.Metadata };
            if (entry.Kind == EntryKind.Directory)
            {
                node.Children = parent.Children!.GetValueOrDefault(entry.Name)?.Children ?? new(StringComparer.Ordinal);
                directories.Add(entry, node);
            }
            parent.Children![entry.Name] = node;
        }
    }

    private static void WhiteOut(MergedNode top, TreeEntry marker)
    {
        var directory = marker.Parent is null ? top : top.Find(marker.Parent.Path);
        if (directory?.Children is not { } children)
            return;
        if (marker.Name == OpaqueMarker)
            children.Clear();
        else
            children.Remove(marker.Name[WhiteoutPrefix.Length..]);
    }

    private sealed class LayeredEntry(TreeEntry? parent, MergedNode node, FileMetadata metadata) : TreeEntry(parent, node.Name, metadata)
    {
        public MergedNode Node { get; } = node;
    }
}

/// <summary>A name in a merged tree, and where it comes from.</summary>
internal sealed class MergedNode(string name, TreeSource source, TreeEntry? entry, int layer)
{
    public string Name { get; } = name;
    public TreeSource Source { get; } = source;

    /// <summary>The entry in its own source; null for a directory that is there only because something lies below it.</summary>
    public TreeEntry? Entry { get; } = entry;

    /// <summary>Index of the layer.</summary>
    public int Layer { get; } = layer;

    public FileMetadata? Metadata { get; set; }

    /// <summary>By name; null for what is no directory.</summary>
    public Dictionary<string, MergedNode>? Children { get; set; }

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
}
