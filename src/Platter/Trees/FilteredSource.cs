using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>A tree without the entries that fit some patterns, and all that is below them.</summary>
/// <param name="inner">The tree; disposed together with this.</param>
/// <param name="exclude">What to leave out.</param>
public sealed class FilteredSource(TreeSource inner, PathPatterns exclude) : TreeSource
{
    public override FileMetadata? RootMetadata => inner.RootMetadata;

    public override Capabilities? Capabilities => inner.Capabilities;

    public override IReadOnlyList<Finding> Findings => inner.Findings;

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        // Parents come first, so that what lies below something left out is known by its parent.
        var left = new HashSet<TreeEntry>(ReferenceEqualityComparer.Instance);
        foreach (var entry in inner.Walk(cancellation))
        {
            var excluded = (entry.Parent is { } parent && left.Contains(parent))
                || (entry.Name.Length > 0 && exclude.IsMatch(entry.Parent, entry.Name, entry.Kind == EntryKind.Directory));
            if (!excluded)
                yield return entry;
            else if (entry.Kind == EntryKind.Directory)
                left.Add(entry);
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream) => inner.OpenContent(entry, stream);

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer) => inner.ReadWhole(entry, buffer);

    public override IReadOnlyList<StreamDescription> GetStreams(TreeEntry entry) => inner.GetStreams(entry);

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry) => inner.GetExtendedAttributes(entry);

    public override TreeEntry? FollowLink(TreeEntry link) => inner.FollowLink(link);

    internal override bool ReadsFrom(Volume volume) => inner.ReadsFrom(volume);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
