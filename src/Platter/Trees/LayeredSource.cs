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

    /// <summary>The owner where <see cref="Owner"/> does not give both.</summary>
    public uint? UserId { get; init; }

    /// <inheritdoc cref="UserId"/>
    public uint? GroupId { get; init; }

    /// <summary>Null: the clock's, or that of the host file, or of the directory that is there.</summary>
    public Timestamp? Modified { get; init; }

    public string? LinkTarget { get; init; }
    public DeviceNumber? Device { get; init; }
    public IReadOnlyDictionary<string, byte[]> ExtendedAttributes { get; init; } = TreeSource.NoAttributes;

    /// <summary>Whether an entry that is there keeps all of which this says nothing, its content above all. A file has to be there.</summary>
    public bool ChangesOnly { get; init; }

    /// <summary>Whether <see cref="Kind"/> says nothing; only for <see cref="ChangesOnly"/>.</summary>
    public bool AnyKind { get; init; }
}

/// <summary>Several trees on top of each other, as one: a later layer's files take the place of an earlier one's, directories are
/// merged (with the later one's metadata).</summary>
/// <remarks>
/// <para>Whiteouts as the OCI image specification ("Image Layer Filesystem Changeset") has them: <c>.wh.NAME</c> takes NAME of the
/// layers below away, <c>.wh..wh..opq</c> all that is in the directory. And as Linux' overlayfs has them ("Overlay Filesystem" in the kernel's
/// documentation): a character device 0/0, and directories with <c>trusted.overlay.opaque</c> (or <c>user.</c>) of <c>y</c>.</para>
/// <para>A directory that a layer only implies takes nothing from the one below, and leads through a symbolic link there.
/// The merged outline is held in memory, the contents are not.</para>
/// </remarks>
public sealed class LayeredSource : TreeSource
{
    private readonly IReadOnlyList<TreeSource> _layers;
    private readonly AdditionSource _additions;
    private readonly Ownership? _owner;
    private readonly List<TreeEntry> _problems = [];
    private readonly CheckReport _findings = new();
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

    /// <summary>Whether whiteouts take away what lies below; else they are entries as others are.</summary>
    public bool HonoursWhiteouts { get; init; } = true;

    public override FileMetadata? RootMetadata => Merge(default) is { Metadata: { } metadata } top ? Squash(metadata, top) : null;

    public override IReadOnlyList<Finding> Findings => [.. _layers.SelectMany(l => l.Findings), .. _findings.Findings];

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
            var entry = MakeEntry(level.Directory, node.Name, node);
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
        if (node.Entry is null)
            return NoAttributes;
        var attributes = node.Source.GetExtendedAttributes(node.Entry);
        return HonoursWhiteouts && node.Layer > 0 ? Whiteouts.WithoutOwnAttributes(attributes) : attributes;
    }

    public override TreeEntry? FollowLink(TreeEntry link)
    {
        var way = new List<MergedNode>();
        for (var directory = (LayeredEntry?)link.Parent; directory is not null; directory = (LayeredEntry?)directory.Parent)
            way.Insert(0, directory.Node);
        way.Insert(0, Merge(default));
        return MergedNode.Follow(way, link.Metadata.LinkTarget ?? "") is { Metadata.Kind: EntryKind.File } node ? MakeEntry((LayeredEntry?)link.Parent, link.Name, node) : null;
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

    private LayeredEntry MakeEntry(LayeredEntry? parent, string name, MergedNode node) =>
        new(parent, name, node, Squash(node.Metadata!, node)) { LinkIdentity = node.Identity, IsImplied = node.Entry is { IsImplied: true } };

    private FileMetadata Squash(FileMetadata metadata, MergedNode node) => _owner is not { } owner ? metadata : metadata with
    {
        UserId = node.OwnUser ? metadata.UserId : owner.UserId,
        GroupId = node.OwnGroup ? metadata.GroupId : owner.GroupId,
        UserName = null,
        GroupName = null,
    };

    private MergedNode Merge(CancellationToken cancellation)
    {
        if (_top is not null)
            return _top;
        _problems.Clear();
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
        var whiteouts = new Whiteouts(top, number, _findings);
        foreach (var entry in layer.Walk(cancellation))
        {
            if (entry.Problem is not null)
                _problems.Add(entry);
            else if (!HonoursWhiteouts || !whiteouts.Take(layer, entry))
                entries.Add(entry);
        }
        // Whiteouts speak of the layers below only, wherever they stand within their own.
        var directories = new Dictionary<TreeEntry, List<MergedNode>>(ReferenceEqualityComparer.Instance);
        List<MergedNode> topWay = [top];
        foreach (var entry in entries)
        {
            var way = entry.Parent is null ? topWay : directories.GetValueOrDefault(entry.Parent);
            if (way is null)
                continue;
            var parent = way[^1];
            var there = parent.Children!.GetValueOrDefault(entry.Name);
            if (entry.IsImplied && there is not null && Implied(way, there) is { } below)
            {
                directories.Add(entry, below);
                continue;
            }
            var node = new MergedNode(entry.Name, layer, entry, number) { Metadata = entry.Metadata };
            if (entry.Kind == EntryKind.Directory)
            {
                node.Children = there?.Children ?? new(StringComparer.Ordinal);
                directories.Add(entry, [.. way, node]);
            }
            parent.Children![entry.Name] = node;
        }
    }

    // The way to the directory below that an implied one means: that of its name, or what a symbolic link there leads to.
    private static List<MergedNode>? Implied(List<MergedNode> way, MergedNode there)
    {
        if (there.Children is not null)
            return [.. way, there];
        List<MergedNode> further = [.. way];
        return there.Metadata is { Kind: EntryKind.SymbolicLink, LinkTarget: { } target } && MergedNode.Follow(further, target) is { Children: not null } ? further : null;
    }

    private sealed class LayeredEntry(TreeEntry? parent, string name, MergedNode node, FileMetadata metadata) : TreeEntry(parent, name, metadata)
    {
        public MergedNode Node { get; } = node;
    }
}
