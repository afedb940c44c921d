using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>A volume, or a part of it, as a tree. The volume stays the caller's.</summary>
public sealed class VolumeTreeSource : TreeSource
{
    /// <summary>Deeper than any sound tree; a longer way down is a loop that the visited set has not closed yet.</summary>
    private const int MaxDepth = 4096;

    private readonly Volume _volume;
    private readonly NodeId _start;
    private readonly string? _name;
    private readonly string _path;

    private VolumeTreeSource(Volume volume, NodeId start, string path, string? name)
    {
        _path = path;
        _volume = volume;
        _start = start;
        _name = name;
        RootMetadata = name is null ? volume.GetMetadata(start) : null;
    }

    /// <summary>The content of a directory: its entries are at the top of the tree.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="path">The directory, <c>/</c> between names.</param>
    /// <exception cref="FileNotFoundException">There is no such path.</exception>
    /// <exception cref="DirectoryNotFoundException">It is no directory.</exception>
    public static VolumeTreeSource Content(Volume volume, string path = "/")
    {
        var node = volume.Find(path);
        return node.IsDirectory ? new VolumeTreeSource(volume, node.Id, path, null) : throw new DirectoryNotFoundException($"{path} is not a directory");
    }

    /// <summary>One entry with all that is below it: it is the one entry at the top of the tree.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="path">A file, a directory or anything else.</param>
    /// <param name="name">The name that the entry gets; its own when null.</param>
    /// <exception cref="FileNotFoundException">There is no such path.</exception>
    public static VolumeTreeSource Entry(Volume volume, string path, string? name = null)
    {
        var node = volume.Find(path);
        return new VolumeTreeSource(volume, node.Id, path, name ?? node.Name);
    }

    public override FileMetadata? RootMetadata { get; }

    internal override FileMetadata? Surroundings => RootMetadata ?? (_volume.Capabilities.Has(Features.SecurityDescriptors) ? Above() : null);

    public override Capabilities? Capabilities => _volume.Capabilities;

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        // A directory with two ways to it is a broken volume (none here links directories): it is entered once.
        var entered = new HashSet<NodeId> { _start };
        var stack = new Stack<(IEnumerator<DirectoryEntry> Left, VolumeEntry? Directory)>();
        if (_name is not null)
        {
            var top = MakeEntry(null, _name, _start);
            yield return top;
            if (top.Kind != EntryKind.Directory || top.Problem is not null)
                yield break;
            stack.Push((List(_start, out var listProblem), top));
            if (listProblem is not null)
                yield return new VolumeEntry(top, "", top.Metadata, _start) { Problem = listProblem };
        }
        else
        {
            stack.Push((List(_start, out var listProblem), null));
            if (listProblem is not null)
                yield return new VolumeEntry(null, "", RootMetadata!, _start) { Problem = listProblem };
        }
        while (stack.TryPeek(out var level))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!level.Left.MoveNext())
            {
                stack.Pop();
                continue;
            }
            var found = level.Left.Current;
            var entry = MakeEntry(level.Directory, found.Name, found.Id);
            if (entry.Kind == EntryKind.Directory && entry.Problem is null && (!entered.Add(found.Id) || stack.Count >= MaxDepth))
            {
                yield return new VolumeEntry(level.Directory, found.Name, entry.Metadata, found.Id)
                {
                    Problem = new IOException(stack.Count >= MaxDepth
                        ? $"lies more than {MaxDepth} directories deep"
                        : "is a directory that is reached by another path already: the volume needs a check"),
                };
                continue;
            }
            yield return entry;
            if (entry.Kind != EntryKind.Directory || entry.Problem is not null)
                continue;
            stack.Push((List(found.Id, out var problem), entry));
            if (problem is not null)
                yield return new VolumeEntry(entry, "", entry.Metadata, found.Id) { Problem = problem };
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream)
    {
        var opened = _volume.OpenRead(((VolumeEntry)entry).Id, stream);
        // A volume that cannot leave holes holds no file that is larger than itself, whatever the entry claims.
        if (opened.Length > _volume.Info.TotalBytes && !_volume.Capabilities.Has(Features.SparseFiles))
        {
            var length = opened.Length;
            opened.Dispose();
            throw new IOException($"{entry.Path} claims {length} bytes on a volume of {_volume.Info.TotalBytes}: the volume needs a check");
        }
        return new VolumeContent(opened);
    }

    /// <summary>Opens the main data of a file of this tree.</summary>
    internal VolumeStream OpenStream(TreeEntry entry) => _volume.OpenRead(((VolumeEntry)entry).Id, StreamName.Data);

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer)
    {
        using var stream = _volume.OpenRead(((VolumeEntry)entry).Id, StreamName.Data);
        return stream.ReadAt(0, buffer);
    }

    public override IReadOnlyList<StreamDescription> GetStreams(TreeEntry entry) => _volume.GetStreams(((VolumeEntry)entry).Id);

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry) =>
        _volume.GetExtendedAttributes(((VolumeEntry)entry).Id);

    public override TreeEntry? FollowLink(TreeEntry link)
    {
        // The rules of a Unix path walk, within the volume: ".." at its root stays there.
        const int maxLinks = 40;
        var way = new List<(string Name, NodeId Id)>();
        for (var directory = link.Parent as VolumeEntry; directory is not null; directory = directory.Parent as VolumeEntry)
            way.Insert(0, (directory.Name, directory.Id));
        var left = new Stack<string>();
        Push(left, link.Metadata.LinkTarget ?? "", way);
        var links = 0;
        var at = (VolumeEntry)link;
        while (left.TryPop(out var name))
        {
            if (name == ".")
                continue;
            if (name == "..")
            {
                if (way.Count > 0)
                    way.RemoveAt(way.Count - 1);
                continue;
            }
            var directory = way.Count > 0 ? way[^1].Id : _start;
            if (_volume.GetMetadata(directory).Kind != EntryKind.Directory || !_volume.TryLookup(directory, name, out var id))
                return null;
            var metadata = _volume.GetMetadata(id);
            if (metadata.Kind == EntryKind.SymbolicLink)
            {
                if (++links > maxLinks)
                    return null;
                Push(left, metadata.LinkTarget ?? "", way);
                continue;
            }
            at = new VolumeEntry(null, name, metadata, id);
            way.Add((name, id));
        }
        return at != link && way.Count > 0 && way[^1].Id == at.Id && at.Kind == EntryKind.File
            ? new VolumeEntry(link.Parent, link.Name, at.Metadata, at.Id)
            : null;
    }

    // Null where the directory can't be read: then nothing is known of it.
    private FileMetadata? Above()
    {
        var path = _path.TrimEnd('/');
        var end = path.LastIndexOf('/');
        try
        {
            return end < 0 ? null : _volume.Find(end == 0 ? "/" : path[..end]).Metadata;
        }
        catch (Exception e) when (e is IOException or UnsupportedFeatureException)
        {
            return null;
        }
    }

    private static void Push(Stack<string> left, string target, List<(string Name, NodeId Id)> way)
    {
        if (target.StartsWith('/'))
            way.Clear();
        foreach (var name in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
            left.Push(name);
    }

    internal override bool ReadsFrom(Volume volume) => ReferenceEquals(volume, _volume);

    private VolumeEntry MakeEntry(VolumeEntry? directory, string name, NodeId id)
    {
        try
        {
            var metadata = _volume.GetMetadata(id);
            var linked = metadata.LinkCount > 1 && metadata.Kind != EntryKind.Directory;
            return new VolumeEntry(directory, name, metadata, id) { LinkIdentity = linked ? id : null };
        }
        catch (Exception e) when (e is IOException or UnsupportedFeatureException)
        {
            return new VolumeEntry(directory, name, new FileMetadata { Kind = EntryKind.File }, id) { Problem = e };
        }
    }

    private IEnumerator<DirectoryEntry> List(NodeId directory, out Exception? problem)
    {
        var entries = new List<DirectoryEntry>();
        try
        {
            problem = null;
            foreach (var entry in _volume.Enumerate(directory))
                entries.Add(entry);
        }
        catch (Exception e) when (e is IOException or UnsupportedFeatureException)
        {
            // What could be read of the directory is kept.
            problem = e;
        }
        entries.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return entries.GetEnumerator();
    }

    private sealed class VolumeEntry(TreeEntry? parent, string name, FileMetadata metadata, NodeId id) : TreeEntry(parent, name, metadata)
    {
        public NodeId Id { get; } = id;
    }

    private sealed class VolumeContent(VolumeStream stream) : TreeContent
    {
        public override long? Length => stream.Length;

        public override int ReadAt(long offset, Span<byte> buffer) => stream.ReadAt(offset, buffer);

        public override IEnumerable<ByteRange> DataRanges() => stream.DataRanges();

        internal override HostExtent? FindOnHost(long offset, long length) => stream.FindOnHost(offset, length);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                stream.Dispose();
            base.Dispose(disposing);
        }
    }
}
