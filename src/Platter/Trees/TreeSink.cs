using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>What became of an entry that was handed to a <see cref="TreeSink"/>.</summary>
public enum AddOutcome
{
    Added,

    /// <summary>A directory that was there already: what comes below goes into it.</summary>
    Merged,

    /// <summary>It took the place of an older entry.</summary>
    Replaced,

    /// <summary>An older entry stays, as <see cref="Overwrite"/> says.</summary>
    Skipped,
}

/// <summary>What happens when an entry of that name is there before the copy starts.</summary>
public enum Overwrite
{
    /// <summary>The entry is a problem of the report; directories are merged.</summary>
    Refuse,

    /// <summary>The new one takes the old one's place, at once and whole; a directory never gives way to a file, nor a file to a directory.</summary>
    Replace,

    /// <summary>The old one stays.</summary>
    Skip,

    /// <summary>The new one takes its place when its modification time is later.</summary>
    ReplaceOlder,
}

/// <summary>Two entries of the source that the target cannot tell apart: their names differ by case (or form) alone.</summary>
public sealed class NameCollisionException(string path) : IOException($"{path} has the same name as another entry, as the target compares names");

/// <summary>Where a tree can go: a volume, a host folder. Driven by <see cref="TreeCopier"/>, on one thread, parents first.</summary>
public abstract class TreeSink : IDisposable
{
    /// <summary>What can be kept here; the copier sends nothing else.</summary>
    public abstract Capabilities Capabilities { get; }

    /// <summary>What it is, for messages: <c>fat32</c>, <c>the host folder</c>.</summary>
    public abstract string Description { get; }

    /// <summary>What happens to entries that are there already.</summary>
    public Overwrite Overwrite { get; set; }

    /// <summary>Whether all of an entry goes out in one piece, front to back, so that everything about it comes first: archives.</summary>
    internal virtual bool WritesInOrder => false;

    /// <summary>Whether content that lies in a file of the host may come as <see cref="CopyContent.Extent"/>, unread.</summary>
    internal virtual bool TakesExtents => false;

    /// <summary>Called once before the first entry, where <see cref="WritesInOrder"/>; null when the top's metadata is not to be kept.</summary>
    internal virtual void Start(MetadataChange? top)
    {
    }

    /// <summary>What comes with the entry that is added next, where <see cref="WritesInOrder"/>.</summary>
    internal virtual void Announce(CopyOutline outline)
    {
    }

    /// <summary>Whether entries of this kind can be kept, if the capabilities say so.</summary>
    internal virtual bool Takes(EntryKind kind) => true;

    /// <summary>Creates a directory, or takes the one that is there.</summary>
    public abstract AddOutcome AddDirectory(TreeEntry entry, MetadataChange metadata);

    /// <summary>Creates a file with all of <paramref name="content"/>, or leaves no trace of it.</summary>
    /// <exception cref="NameCollisionException">The name means an entry that this copy has made.</exception>
    /// <exception cref="AlreadyExistsException">The name was taken before, and <see cref="Overwrite"/> does not let it go.</exception>
    public abstract AddOutcome AddFile(TreeEntry entry, MetadataChange metadata, CopyContent content);

    public abstract AddOutcome AddSymbolicLink(TreeEntry entry, string target, MetadataChange metadata);

    /// <summary>Creates a device node, FIFO or socket.</summary>
    public abstract AddOutcome AddSpecial(TreeEntry entry, MetadataChange metadata);

    /// <summary>Gives the file that was added as <paramref name="first"/> another name.</summary>
    public abstract AddOutcome AddHardLink(TreeEntry entry, TreeEntry first);

    /// <summary>Adds a stream or extended attribute to the entry added last.</summary>
    public virtual void AddStream(TreeEntry entry, StreamName stream, CopyContent content) =>
        throw new UnsupportedFeatureException($"{Description} has no {stream.Kind} streams");

    /// <returns>False when the target does not take this attribute.</returns>
    public virtual bool AddExtendedAttribute(TreeEntry entry, string name, byte[] value) => false;

    /// <summary>Sets the metadata of the directory into which everything goes.</summary>
    public virtual void SetRootMetadata(MetadataChange metadata)
    {
    }

    /// <summary>Called between two entries: the place to make what is there durable when much has gathered.</summary>
    /// <param name="commitEvery">Bytes of uncommitted structures beyond which to commit.</param>
    public virtual void Step(long commitEvery)
    {
    }

    /// <summary>Called once when everything is there: does what must come last, such as the times of directories.</summary>
    internal abstract void Finish(CopyTally tally);

    /// <summary>Who owns what is made here when owners cannot be kept; null when nobody does.</summary>
    internal virtual Ownership? WritesAs => null;

    /// <summary>Whether the source reads through the volume that this changes.</summary>
    internal virtual bool WritesTo(TreeSource source) => false;

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
