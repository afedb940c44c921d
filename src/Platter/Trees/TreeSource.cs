using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>A tree that can be read: a host folder, a volume, several of them in layers.</summary>
/// <remarks>Used by one thread at a time. A reader that streams (an archive) may allow content to be read only while the walk
/// stands at its entry, front to back; whoever copies keeps to that.</remarks>
public abstract class TreeSource : IDisposable
{
    /// <summary>The metadata of the top directory; null when the tree has none of its own.</summary>
    public abstract FileMetadata? RootMetadata { get; }

    /// <summary>The metadata of the directory that the entries at the top lie in, where that is known: what they inherited came from there. Asked for before a walk.</summary>
    internal virtual FileMetadata? Surroundings => RootMetadata;

    /// <summary>What entries can have here at all; null when the source knows of no limits.</summary>
    public virtual Capabilities? Capabilities => null;

    /// <summary>The entries: parents before children, the entries of a directory by the ordinal order of their names, so that
    /// the same tree gives the same sequence on every host. Paths are unique. What cannot be read is an entry with
    /// <see cref="TreeEntry.Problem"/>.</summary>
    public abstract IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default);

    /// <summary>The outline of the tree, by a walk of its own; entries with problems are left out.</summary>
    public TreeShape Measure(CancellationToken cancellation = default)
    {
        var entries = new List<TreeShapeEntry>();
        var directories = new Dictionary<TreeEntry, int>();
        var linked = new HashSet<object>();
        foreach (var entry in Walk(cancellation))
        {
            if (entry.Problem is not null)
                continue;
            if (entry.Kind == EntryKind.Directory)
                directories.Add(entry, entries.Count);
            entries.Add(new TreeShapeEntry(entry.Parent is null ? -1 : directories[entry.Parent], entry.Name, entry.Kind, entry.Length)
            {
                IsFurtherName = entry.Kind != EntryKind.Directory && entry.LinkIdentity is { } identity && !linked.Add(identity),
            });
        }
        return new TreeShape(entries);
    }

    /// <summary>How many files and directories there are, by a walk of its own; further names of a file do not count, nor do entries with problems.</summary>
    public long CountNodes(CancellationToken cancellation = default)
    {
        var count = 0L;
        var linked = new HashSet<object>();
        foreach (var entry in Walk(cancellation))
        {
            if (entry.Problem is null && (entry.Kind == EntryKind.Directory || entry.LinkIdentity is not { } identity || linked.Add(identity)))
                count++;
        }
        return count;
    }

    /// <summary>What was odd about the source besides the entries with problems; complete after a walk.</summary>
    public virtual IReadOnlyList<Finding> Findings => NoFindings;

    /// <summary>Opens a stream of a file of this source for reading.</summary>
    /// <exception cref="FileNotFoundException">There is no such stream, or no longer.</exception>
    public abstract TreeContent OpenContent(TreeEntry entry, StreamName stream);

    /// <summary>Reads the content of a file that fits into <paramref name="buffer"/>; the quick way for small files.</summary>
    /// <returns>How many bytes there were, at most the buffer's length.</returns>
    public virtual int ReadWhole(TreeEntry entry, Span<byte> buffer)
    {
        using var content = OpenContent(entry, StreamName.Data);
        return content.ReadFully(0, buffer);
    }

    /// <summary>The one entry there is, when that is known without a walk, and it is a file; null else.</summary>
    internal virtual TreeEntry? LoneFile => null;

    /// <summary>Whether it is worth asking for streams and attributes of this entry; its content has been read.</summary>
    internal virtual bool MayHaveExtras(TreeEntry entry) => true;

    /// <summary>The streams of a file besides its main data.</summary>
    public virtual IReadOnlyList<StreamDescription> GetStreams(TreeEntry entry) => NoStreams;

    /// <summary>The extended attributes, with the prefix of their namespace.</summary>
    public virtual IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry) => NoAttributes;

    /// <summary>The file that a symbolic link leads to, under the link's own name; null when it leads to none within the source.</summary>
    public virtual TreeEntry? FollowLink(TreeEntry link) => null;

    /// <summary>Whether reading goes through this volume, which then must not be changed on another thread meanwhile.</summary>
    internal virtual bool ReadsFrom(Volume volume) => false;

    // A list, since asking an array through this interface is compiled at every start.
    private static readonly List<StreamDescription> NoStreams = [];
    private static readonly List<Finding> NoFindings = [];

    internal static IReadOnlyDictionary<string, byte[]> NoAttributes { get; } = new Dictionary<string, byte[]>(StringComparer.Ordinal);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>The bytes of a file in a tree.</summary>
public abstract class TreeContent : IDisposable
{
    /// <summary>Bytes in all; null when only the end will tell.</summary>
    public abstract long? Length { get; }

    /// <summary>Reads some bytes at <paramref name="offset"/>; 0 at the end. Offsets only grow when the source streams.</summary>
    public abstract int ReadAt(long offset, Span<byte> buffer);

    /// <summary>The parts that may hold other bytes than zeros, in order; everything else is a hole.</summary>
    public virtual IEnumerable<ByteRange> DataRanges() => Length is > 0 and var length ? [new ByteRange(0, length)] : [];

    /// <inheritdoc cref="VolumeStream.FindOnHost"/>
    internal virtual HostExtent? FindOnHost(long offset, long length) => null;

    /// <summary>Reads until the buffer is full or the content ends; returns how many bytes were read.</summary>
    public int ReadFully(long offset, Span<byte> buffer)
    {
        var done = 0;
        while (done < buffer.Length)
        {
            var n = ReadAt(offset + done, buffer[done..]);
            if (n == 0)
                break;
            done += n;
        }
        return done;
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
