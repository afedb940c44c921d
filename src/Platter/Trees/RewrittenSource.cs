using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>A tree whose entries are those of another one, with other metadata.</summary>
public abstract class RewrittenSource : TreeSource
{
    private readonly TreeSource _inner;

    /// <param name="inner">The tree; disposed together with this.</param>
    private protected RewrittenSource(TreeSource inner) => _inner = inner;

    public override FileMetadata? RootMetadata => _inner.RootMetadata;

    public override Capabilities? Capabilities => _inner.Capabilities;

    public override IReadOnlyList<Finding> Findings => _inner.Findings;

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        var directories = new Dictionary<TreeEntry, RewrittenEntry>(ReferenceEqualityComparer.Instance);
        foreach (var entry in _inner.Walk(cancellation))
        {
            var rewritten = new RewrittenEntry(Parent(directories, entry), entry, Rewrite(entry)) { LinkIdentity = entry.LinkIdentity, Problem = entry.Problem, IsImplied = entry.IsImplied };
            if (entry.Kind == EntryKind.Directory)
                directories[entry] = rewritten;
            yield return rewritten;
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream) => _inner.OpenContent(Inner(entry), stream);

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer) => _inner.ReadWhole(Inner(entry), buffer);

    public override IReadOnlyList<StreamDescription> GetStreams(TreeEntry entry) => _inner.GetStreams(Inner(entry));

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry) => _inner.GetExtendedAttributes(Inner(entry));

    public override TreeEntry? FollowLink(TreeEntry link) =>
        _inner.FollowLink(Inner(link)) is { } target ? new RewrittenEntry((RewrittenEntry?)link.Parent, target, Rewrite(target)) : null;

    internal override bool ReadsFrom(Volume volume) => _inner.ReadsFrom(volume);

    /// <summary>What an entry of the other tree is to be like.</summary>
    private protected abstract FileMetadata Rewrite(TreeEntry entry);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner.Dispose();
        base.Dispose(disposing);
    }

    // A problem may come before its directory, which then is known to nobody else.
    private static RewrittenEntry? Parent(Dictionary<TreeEntry, RewrittenEntry> directories, TreeEntry entry) =>
        entry.Parent is not { } parent ? null
        : directories.TryGetValue(parent, out var known) ? known
        : new RewrittenEntry(Parent(directories, parent), parent, parent.Metadata);

    private static TreeEntry Inner(TreeEntry entry) => ((RewrittenEntry)entry).Inner;

    private sealed class RewrittenEntry(RewrittenEntry? parent, TreeEntry inner, FileMetadata metadata) : TreeEntry(parent, inner.Name, metadata)
    {
        public TreeEntry Inner { get; } = inner;
    }
}
