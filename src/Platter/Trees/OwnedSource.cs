using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>A tree whose entries belong to others: mapped by a table, or all to one.</summary>
/// <param name="inner">The tree; disposed together with this.</param>
/// <param name="map">The table; null leaves the owners to <paramref name="squash"/>.</param>
/// <param name="squash">The one owner of everything, after the table; null keeps the owners.</param>
public sealed class OwnedSource(TreeSource inner, OwnerMap? map, Ownership? squash = null) : TreeSource
{
    public override FileMetadata? RootMetadata => inner.RootMetadata is { } metadata ? Apply(metadata) : null;

    public override Capabilities? Capabilities => inner.Capabilities;

    public override IReadOnlyList<Finding> Findings => inner.Findings;

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        var directories = new Dictionary<TreeEntry, OwnedEntry>(ReferenceEqualityComparer.Instance);
        foreach (var entry in inner.Walk(cancellation))
        {
            var parent = entry.Parent is { } above ? directories.GetValueOrDefault(above) : null;
            var owned = new OwnedEntry(parent, entry, Apply(entry.Metadata)) { LinkIdentity = entry.LinkIdentity, Problem = entry.Problem, IsImplied = entry.IsImplied };
            if (entry.Kind == EntryKind.Directory)
                directories[entry] = owned;
            yield return owned;
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream) => inner.OpenContent(Inner(entry), stream);

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer) => inner.ReadWhole(Inner(entry), buffer);

    public override IReadOnlyList<StreamDescription> GetStreams(TreeEntry entry) => inner.GetStreams(Inner(entry));

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry) => inner.GetExtendedAttributes(Inner(entry));

    public override TreeEntry? FollowLink(TreeEntry link) =>
        inner.FollowLink(Inner(link)) is { } target ? new OwnedEntry((OwnedEntry?)link.Parent, target, Apply(target.Metadata)) : null;

    internal override bool ReadsFrom(Volume volume) => inner.ReadsFrom(volume);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }

    private static TreeEntry Inner(TreeEntry entry) => ((OwnedEntry)entry).Inner;

    private FileMetadata Apply(FileMetadata metadata)
    {
        var user = metadata.UserId is { } u && map is not null ? map.User(u) : metadata.UserId;
        var group = metadata.GroupId is { } g && map is not null ? map.Group(g) : metadata.GroupId;
        if (squash is { } owner)
            (user, group) = (owner.UserId, owner.GroupId);
        if (user == metadata.UserId && group == metadata.GroupId)
            return metadata;
        return metadata with
        {
            UserId = user, GroupId = group,
            UserName = user == metadata.UserId ? metadata.UserName : null,
            GroupName = group == metadata.GroupId ? metadata.GroupName : null,
        };
    }

    private sealed class OwnedEntry(TreeEntry? parent, TreeEntry inner, FileMetadata metadata) : TreeEntry(parent, inner.Name, metadata)
    {
        public TreeEntry Inner { get; } = inner;
    }
}
