using Microsoft.Win32.SafeHandles;
using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>The single entries on top of a <see cref="LayeredSource"/>: puts them into the merged tree and brings their content.</summary>
internal sealed class AdditionSource(IReadOnlyList<TreeAddition> additions) : TreeSource
{
    private const int FileMode = 0x1A4, DirectoryMode = 0x1ED, LinkMode = 0x1FF;     // 0644, 0755, 0777

    private Dictionary<object, List<MergedNode>>? _linked;

    public override FileMetadata? RootMetadata => null;

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default) =>
        throw new NotSupportedException("the additions are part of a merged tree");

    /// <summary>Puts the entries into the tree.</summary>
    /// <param name="top">The merged tree so far.</param>
    /// <param name="layer">Index of the layer that the additions are.</param>
    /// <exception cref="AlreadyExistsException">An entry would lie below a file, or a file would take the place of a directory.</exception>
    public void Apply(MergedNode top, int layer)
    {
        foreach (var addition in additions)
        {
            var names = addition.Path.Split('/', StringSplitOptions.RemoveEmptyEntries);
            if (names.Length == 0)
            {
                top.Metadata = Describe(addition, top.Metadata, null);
                Own(top, addition);
            }
            else if (!addition.ChangesOnly || top.Find(addition.Path) is not { } node || !Change(top, node, addition))
            {
                Put(top, addition, names, layer);
            }
        }
        _linked = null;
    }

    private void Put(MergedNode top, TreeAddition addition, string[] names, int layer)
    {
        if (addition.ChangesOnly && (addition.Kind == EntryKind.File || addition.AnyKind))
            throw new FileNotFoundException($"{addition.Path} is to be changed, and is not in the tree");
        var parent = top;
        foreach (var name in names[..^1])
        {
            var children = parent.Children!;
            if (children.TryGetValue(name, out var next) && next.Children is null)
                throw new AlreadyExistsException($"{addition.Path} cannot be made: {name} above it is no directory and");
            if (next is null)
            {
                next = new MergedNode(name, this, null, layer) { Children = new(StringComparer.Ordinal), Metadata = ImpliedDirectory };
                children.Add(name, next);
            }
            parent = next;
        }
        var there = parent.Children!.GetValueOrDefault(names[^1]);
        if (there?.Children is not null && addition.Kind != EntryKind.Directory)
            throw new AlreadyExistsException($"{addition.Path} cannot be a file: a directory of that name");
        var entry = new AddedEntry(names[^1], addition, there);
        var node = new MergedNode(names[^1], this, entry, layer)
        {
            Metadata = entry.Metadata,
            Children = addition.Kind == EntryKind.Directory ? there?.Children ?? new(StringComparer.Ordinal) : null,
        };
        Own(node, addition);
        parent.Children![names[^1]] = node;
    }

    // Changes what is there, under all its names; false when it is of another kind and has to give way.
    private bool Change(MergedNode top, MergedNode node, TreeAddition addition)
    {
        var kind = node.Metadata!.Kind;
        if (!addition.AnyKind && kind != addition.Kind)
        {
            if (kind == EntryKind.Directory || addition.Kind is EntryKind.Directory or EntryKind.File)
                throw new AlreadyExistsException($"{addition.Path} is to be a {addition.Kind}: a {kind} of that name");
            return false;
        }
        foreach (var name in NamesOf(top, node))
        {
            var metadata = name.Metadata!;
            name.Metadata = metadata with
            {
                Mode = addition.Mode ?? metadata.Mode,
                UserId = addition.Owner?.UserId ?? addition.UserId ?? metadata.UserId,
                GroupId = addition.Owner?.GroupId ?? addition.GroupId ?? metadata.GroupId,
                UserName = addition.Owner is null && addition.UserId is null ? metadata.UserName : null,
                GroupName = addition.Owner is null && addition.GroupId is null ? metadata.GroupName : null,
                Modified = addition.Modified ?? metadata.Modified,
                Device = addition.Device ?? metadata.Device,
                LinkTarget = addition.LinkTarget ?? metadata.LinkTarget,
            };
            Own(name, addition);
        }
        return true;
    }

    private List<MergedNode> NamesOf(MergedNode top, MergedNode node)
    {
        if (node.Identity is not { } identity)
            return [node];
        if (_linked is null)
        {
            _linked = [];
            var left = new Stack<MergedNode>([top]);
            while (left.TryPop(out var directory))
            {
                foreach (var child in directory.Children!.Values)
                {
                    if (child.Children is not null)
                        left.Push(child);
                    else if (child.Identity is { } same)
                        (_linked.TryGetValue(same, out var names) ? names : _linked[same] = []).Add(child);
                }
            }
        }
        return _linked[identity];
    }

    private static void Own(MergedNode node, TreeAddition addition)
    {
        node.OwnUser |= addition.Owner is not null || addition.UserId is not null;
        node.OwnGroup |= addition.Owner is not null || addition.GroupId is not null;
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream)
    {
        if (stream != StreamName.Data)
            throw new FileNotFoundException($"{entry.Path} has no {stream}");
        var addition = ((AddedEntry)entry).Addition;
        if (addition.HostFile is null)
            return new MemoryContent(addition.Content ?? []);
        return new HostFileContent(addition.HostFile);
    }

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry)
    {
        var added = (AddedEntry)entry;
        if (added.Below is not { Entry: { } below } || entry.Kind != EntryKind.Directory)
            return added.Addition.ExtendedAttributes;
        var merged = new SortedDictionary<string, byte[]>(added.Below.Source.GetExtendedAttributes(below).ToDictionary(), StringComparer.Ordinal);
        foreach (var (name, value) in added.Addition.ExtendedAttributes)
            merged[name] = value;
        return merged;
    }

    private static FileMetadata ImpliedDirectory { get; } = new() { Kind = EntryKind.Directory, Mode = DirectoryMode, UserId = 0, GroupId = 0 };

    private static FileMetadata Describe(TreeAddition addition, FileMetadata? there, FileMetadata? host)
    {
        var from = there ?? host;
        return new FileMetadata
        {
            Kind = addition.Path == "/" ? EntryKind.Directory : addition.Kind,
            Length = host?.Length ?? addition.Content?.Length ?? 0,
            Mode = addition.Mode ?? from?.Mode ?? addition.Kind switch
            {
                EntryKind.Directory => DirectoryMode,
                EntryKind.SymbolicLink => LinkMode,
                _ => FileMode,
            },
            UserId = addition.Owner?.UserId ?? addition.UserId ?? there?.UserId ?? 0,
            GroupId = addition.Owner?.GroupId ?? addition.GroupId ?? there?.GroupId ?? 0,
            Modified = addition.Modified ?? from?.Modified,
            LinkTarget = addition.LinkTarget,
            Device = addition.Device,
        };
    }

    private static FileMetadata? DescribeHost(TreeAddition addition)
    {
        if (addition.HostFile is not { } path)
            return null;
        // A link here is followed: the spec names a content, not an entry of a tree.
        var info = new FileInfo(path);
        if (!info.Exists)
            throw new FileNotFoundException($"no such file: {path}", path);
        return new FileMetadata
        {
            Kind = EntryKind.File,
            Length = new FileInfo(info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path).Length,
            Modified = Timestamp.From(new DateTimeOffset(info.LastWriteTimeUtc)),
            Mode = OperatingSystem.IsWindows() ? null : (int)info.UnixFileMode & 0x1FF,
        };
    }

    /// <param name="name">Its name.</param>
    /// <param name="addition">What was asked for.</param>
    /// <param name="below">What the layers have at the path.</param>
    internal sealed class AddedEntry(string name, TreeAddition addition, MergedNode? below)
        : TreeEntry(null, name, Describe(addition, addition.Kind == EntryKind.Directory && below?.Children is not null ? below.Metadata : null, DescribeHost(addition)))
    {
        public TreeAddition Addition { get; } = addition;
        public MergedNode? Below { get; } = below;
    }

    private sealed class MemoryContent(byte[] bytes) : TreeContent
    {
        public override long? Length => bytes.Length;

        public override int ReadAt(long offset, Span<byte> buffer)
        {
            var n = (int)Math.Min(buffer.Length, Math.Max(0, bytes.Length - offset));
            bytes.AsSpan((int)Math.Min(offset, bytes.Length), n).CopyTo(buffer);
            return n;
        }
    }

    private sealed class HostFileContent(string path) : TreeContent
    {
        private readonly SafeFileHandle _file = File.OpenHandle(path, System.IO.FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

        public override long? Length => RandomAccess.GetLength(_file);

        public override int ReadAt(long offset, Span<byte> buffer) => RandomAccess.Read(_file, buffer, offset);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _file.Dispose();
            base.Dispose(disposing);
        }
    }
}
