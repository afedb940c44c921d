using System.Text;
using Platter.FileSystems;

namespace Platter.Testing.Volumes;

// The edits: every one checks all that can fail first, and changes the state only then.
public sealed partial class MemoryVolume
{
    public override NodeId CreateFile(NodeId parent, string name, MetadataChange metadata) =>
        Create(parent, name, new FileMetadata { Kind = EntryKind.File }, metadata);

    public override NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata) =>
        Create(parent, name, new FileMetadata { Kind = EntryKind.Directory }, metadata);

    public override NodeId CreateSymbolicLink(NodeId parent, string name, string target, MetadataChange metadata)
    {
        Require(Features.SymbolicLinks, "symbolic links");
        return Create(parent, name, new FileMetadata { Kind = EntryKind.SymbolicLink, LinkTarget = target }, metadata);
    }

    public override NodeId CreateSpecial(NodeId parent, string name, EntryKind kind, DeviceNumber device, MetadataChange metadata)
    {
        Require(Features.DeviceNodes, "device nodes");
        if (kind is EntryKind.File or EntryKind.Directory or EntryKind.SymbolicLink)
            throw new ArgumentException($"a {kind} is no special file");
        var isDevice = kind is EntryKind.CharacterDevice or EntryKind.BlockDevice;
        return Create(parent, name, new FileMetadata { Kind = kind, Device = isDevice ? device : null }, metadata);
    }

    public override void CreateHardLink(NodeId node, NodeId parent, string name)
    {
        Require(Features.HardLinks, "hard links");
        var target = NodeOf(node);
        if (target.Entries is not null)
            throw new UnauthorizedAccessException("a directory has one name only");
        AddEntry(NodeOf(parent), name, node, 0);
        target.Metadata = target.Metadata with { LinkCount = target.Metadata.LinkCount + 1, Changed = Now(_options.Modified) };
    }

    public override VolumeStream OpenWrite(NodeId id, StreamName stream)
    {
        var node = NodeOf(id);
        if (node.Metadata.Kind != EntryKind.File && (stream.Kind != StreamKind.Named || node.Entries is null))
            throw new UnauthorizedAccessException($"a {node.Metadata.Kind} has no data");
        if (stream.Kind == StreamKind.Named)
            Require(Features.NamedStreams, "named streams");
        if (stream.Kind == StreamKind.ResourceFork)
            Require(Features.ResourceForks, "resource forks");
        node.Streams.TryAdd(stream, new MemoryContent());
        return new MemoryStreamView(this, id, stream, canWrite: true);
    }

    public override void DeleteStream(NodeId id, StreamName stream)
    {
        if (stream.Kind == StreamKind.Data)
            throw new ArgumentException("the main data goes with its file");
        Require(stream.Kind == StreamKind.Named ? Features.NamedStreams : Features.ResourceForks, "named streams");
        var node = NodeOf(id);
        if (!node.Streams.ContainsKey(stream))
            throw new FileNotFoundException($"no stream {stream}");
        CheckNotOpen(id);
        Resize(node, stream, 0);
        node.Streams.Remove(stream);
    }

    public override void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace)
    {
        var from = NodeOf(parent);
        if (!EntriesOf(parent).TryGetValue(name, out var id))
            throw new FileNotFoundException($"no such file or directory: {name}");
        var to = NodeOf(newParent);
        var entries = EntriesOf(newParent);
        CheckName(newName);
        var node = NodeOf(id);
        for (var up = newParent; node.Entries is not null && up != RootId; up = NodeOf(up).Parent)
        {
            if (up == id)
                throw new ArgumentException("a directory cannot lie within itself");
        }
        var sameEntry = parent == newParent && NameComparer.Equals(name, newName);
        if (!sameEntry && entries.TryGetValue(newName, out var other))
        {
            var replaced = NodeOf(other);
            if (!replace || replaced.Entries is null != node.Entries is null)
                throw new AlreadyExistsException(newName);
            if (replaced.Entries is { Count: > 0 })
                throw new DirectoryNotEmptyException(newName);
            CheckNotOpen(other);
            if (EntryLength(newName) > EntryLength(entries.GetAt(entries.IndexOf(newName)).Key))
                CheckRoom(to, EntryLength(newName));
            RemoveEntry(to, newName);
        }
        else if (parent == newParent ? EntryLength(newName) > EntryLength(name) : true)
        {
            CheckRoom(to, EntryLength(newName));
        }
        RemoveName(from, name);
        InsertName(to, newName, id);
        if (node.Entries is not null)
            node.Parent = newParent;
    }

    public override void Delete(NodeId parent, string name)
    {
        var directory = NodeOf(parent);
        if (!EntriesOf(parent).TryGetValue(name, out var id))
            throw new FileNotFoundException($"no such file or directory: {name}");
        if (NodeOf(id).Entries is { Count: > 0 })
            throw new DirectoryNotEmptyException(name);
        CheckNotOpen(id);
        RemoveEntry(directory, name);
    }

    public override void SetMetadata(NodeId id, MetadataChange change)
    {
        var node = NodeOf(id);
        node.Metadata = Apply(node.Metadata, change) with { Changed = Now(_options.Modified) };
        _uncommitted += 64;
    }

    public override void SetExtendedAttribute(NodeId id, string name, byte[]? value)
    {
        Require(Features.ExtendedAttributes, "extended attributes");
        var node = NodeOf(id);
        if (value is null)
            node.ExtendedAttributes.Remove(name);
        else
            node.ExtendedAttributes[name] = [.. value];
        _uncommitted += 64;
    }

    public override void SetLabel(string label)
    {
        Require(Features.Label, "labels");
        if (label.Length > _options.MaxLabelLength)
            throw new InvalidNameException(label, $"is longer than {_options.MaxLabelLength}");
        _state.Label = label;
        _uncommitted += 64;
    }

    /// <summary>Gives a stream its new length, or throws and changes nothing.</summary>
    private void Resize(MemoryNode node, StreamName stream, long length)
    {
        if (length > _options.MaxFileLength)
            throw TooLong(length);
        var content = node.Streams[stream];
        var clusters = ClustersFor(length) - ClustersFor(content.Length);
        if (clusters > FreeClusters)
            throw new VolumeFullException("bytes", clusters * _options.ClusterSize, FreeBytes);
        content.SetLength(length);
        _state.UsedClusters += clusters;
        _uncommitted += 64;
    }

    private NodeId Create(NodeId parent, string name, FileMetadata metadata, MetadataChange change)
    {
        var now = Now(_options.Modified);
        metadata = Apply(metadata with
        {
            LinkCount = 1,
            Created = Now(_options.Created), Modified = now, Changed = now, Accessed = Now(_options.Accessed),
            Mode = Capabilities.Has(Features.Mode) ? metadata.Kind == EntryKind.Directory ? 0x1ED : 0x1A4 : null,
            UserId = Capabilities.Has(Features.Owner) ? 0 : null,
            GroupId = Capabilities.Has(Features.Owner) ? 0 : null,
            DosAttributes = Capabilities.Has(Features.DosAttributes) ? DosAttributes.None : null,
        }, change);
        var id = new NodeId(_state.LastId + 1);
        var node = NewNode(id, metadata.Kind, metadata);
        node.Parent = parent;
        AddEntry(NodeOf(parent), name, id, node.Clusters(_options.ClusterSize));
        _state.LastId++;
        _state.Nodes[id] = node;
        _state.UsedClusters += node.Clusters(_options.ClusterSize);
        return id;
    }

    private void AddEntry(MemoryNode directory, string name, NodeId id, long moreClusters)
    {
        CheckName(name);
        if (EntriesOf(directory.Id).ContainsKey(name))
            throw new AlreadyExistsException(name);
        CheckRoom(directory, EntryLength(name), moreClusters);
        InsertName(directory, name, id);
    }

    private void CheckRoom(MemoryNode directory, long entryBytes, long moreClusters = 0)
    {
        if (directory.Id == RootId && directory.Entries!.Count >= _options.MaxRootEntries)
            throw new VolumeFullException("root directory entries", 1, 0);
        var before = directory.Clusters(_options.ClusterSize);
        directory.EntryBytes += entryBytes;
        var clusters = directory.Clusters(_options.ClusterSize) - before + moreClusters;
        directory.EntryBytes -= entryBytes;
        if (clusters > FreeClusters)
            throw new VolumeFullException("bytes", clusters * _options.ClusterSize, FreeBytes);
    }

    private void InsertName(MemoryNode directory, string name, NodeId id)
    {
        directory.Entries!.Add(name, id);
        ChangeEntryBytes(directory, EntryLength(name));
    }

    private void RemoveName(MemoryNode directory, string name)
    {
        var (stored, _) = directory.Entries!.GetAt(directory.Entries.IndexOf(name));
        directory.Entries.Remove(name);
        ChangeEntryBytes(directory, -EntryLength(stored));
    }

    private void ChangeEntryBytes(MemoryNode directory, long by)
    {
        _state.UsedClusters -= directory.Clusters(_options.ClusterSize);
        directory.EntryBytes += by;
        _state.UsedClusters += directory.Clusters(_options.ClusterSize);
        directory.Metadata = directory.Metadata with { Modified = Now(_options.Modified) };
        _uncommitted += 64;
    }

    private void RemoveEntry(MemoryNode directory, string name)
    {
        var id = directory.Entries![name];
        RemoveName(directory, name);
        var node = NodeOf(id);
        if (node.Metadata.LinkCount > 1)
        {
            node.Metadata = node.Metadata with { LinkCount = node.Metadata.LinkCount - 1 };
            return;
        }
        _state.UsedClusters -= node.Clusters(_options.ClusterSize);
        _state.Nodes.Remove(id);
    }

    private void CheckNotOpen(NodeId id)
    {
        if (_openStreams.GetValueOrDefault(id) > 0)
            throw new InUseException("a stream of the file is open");
    }

    private FileMetadata Apply(FileMetadata to, MetadataChange change)
    {
        if (change.Mode is not null)
            Require(Features.Mode, "permissions");
        if (change.UserId is not null || change.GroupId is not null)
            Require(Features.Owner, "owners");
        if (change.DosAttributes is not null)
            Require(Features.DosAttributes, "DOS attributes");
        if (change.FinderInfo is not null)
            Require(Features.FinderInfo, "Finder information");
        if (change.SecurityDescriptor is not null)
            Require(Features.SecurityDescriptors, "security descriptors");
        if (change.ShortName is not null)
            Require(Features.ShortNames, "short names");
        const DosAttributes ignored = DosAttributes.Directory | DosAttributes.VolumeLabel;
        if ((change.DosAttributes & ~ignored & ~_options.SettableAttributes) is { } unknown and not DosAttributes.None)
            throw Lacks($"attributes {unknown}");
        return to with
        {
            Created = Store(change.Created, _options.Created, "creation times") ?? to.Created,
            Modified = Store(change.Modified, _options.Modified, "modification times") ?? to.Modified,
            Accessed = Store(change.Accessed, _options.Accessed, "access times") ?? to.Accessed,
            Mode = change.Mode ?? to.Mode,
            UserId = change.UserId ?? to.UserId,
            GroupId = change.GroupId ?? to.GroupId,
            DosAttributes = (change.DosAttributes & ~ignored) ?? to.DosAttributes,
            FinderInfo = change.FinderInfo ?? to.FinderInfo,
            SecurityDescriptor = change.SecurityDescriptor ?? to.SecurityDescriptor,
            ShortName = change.ShortName ?? to.ShortName,
        };
    }

    private Timestamp? Store(Timestamp? time, TimeCapability? capability, string words) =>
        time is null ? null : (capability ?? throw Lacks(words)).Round(time.Value);

    private Timestamp? Now(TimeCapability? capability) => capability?.Round(Timestamp.From(_options.Clock.GetUtcNow()));

    private long ClustersFor(long length) => (length + _options.ClusterSize - 1) / _options.ClusterSize;

    private static long EntryLength(string name) => 32 + Encoding.UTF8.GetByteCount(name);
}
