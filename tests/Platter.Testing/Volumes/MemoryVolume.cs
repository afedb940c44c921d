using System.Text;
using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Testing.Volumes;

/// <summary>A filesystem in memory: the reference for the conformance suites, and a stand-in for any filesystem in other tests.</summary>
/// <remarks>Committing keeps a copy of the whole state, rolling back returns to it; <see cref="Reopen"/> opens what was committed last.</remarks>
public sealed partial class MemoryVolume : EditableVolume
{
    private readonly MemoryVolumeOptions _options;
    private readonly Dictionary<NodeId, int> _openStreams = [];
    private MemoryState _state;
    private MemoryState _committed;
    private long _uncommitted;

    /// <summary>An empty volume.</summary>
    public MemoryVolume(MemoryVolumeOptions? options = null) : this(options ?? new MemoryVolumeOptions(), null)
    {
    }

    private MemoryVolume(MemoryVolumeOptions options, MemoryState? committed)
    {
        _options = options;
        NameComparer = options.CaseSensitive ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;
        if (committed is null)
        {
            committed = new MemoryState { LastId = 1 };
            committed.Nodes[RootId] = NewNode(RootId, EntryKind.Directory, new FileMetadata { Kind = EntryKind.Directory });
            committed.UsedClusters = 1;
        }
        _committed = committed;
        _state = committed.Clone();
    }

    public override VolumeInfo Info => new()
    {
        Type = "memory",
        Label = _state.Label.Length == 0 ? null : _state.Label,
        BlockSize = _options.ClusterSize,
        TotalBytes = _options.TotalBytes,
        IsClean = true,
    };

    public override Capabilities Capabilities => new()
    {
        Features = _options.Features,
        MaxNameLength = _options.MaxNameLength,
        NameUnit = _options.NameUnit,
        CaseSensitive = _options.CaseSensitive,
        MaxFileLength = _options.MaxFileLength,
        Created = _options.Created,
        Modified = _options.Modified,
        Changed = _options.Modified,
        Accessed = _options.Accessed,
        MaxLabelLength = _options.MaxLabelLength,
        SettableAttributes = _options.SettableAttributes,
    };

    public override NodeId RootId => new(1);
    public override IEqualityComparer<string> NameComparer { get; }
    public override long FreeBytes => FreeClusters * _options.ClusterSize;
    public override long UncommittedBytes => _uncommitted;

    private long FreeClusters => _options.TotalBytes / _options.ClusterSize - _state.UsedClusters;

    /// <summary>Another volume on what this one committed last, as after closing and opening again. This one must not be used further.</summary>
    public MemoryVolume Reopen() => new(_options, _committed);

    public override bool TryLookup(NodeId directory, string name, out NodeId id) => EntriesOf(directory).TryGetValue(name, out id);

    public override IEnumerable<DirectoryEntry> Enumerate(NodeId directory) =>
        EntriesOf(directory).Select(e => new DirectoryEntry(e.Key, e.Value, _state.Nodes[e.Value].Metadata.Kind));

    public override FileMetadata GetMetadata(NodeId id)
    {
        var node = NodeOf(id);
        var metadata = node.Metadata;
        return metadata.Kind switch
        {
            EntryKind.File => metadata with { Length = node.Streams[StreamName.Data].Length },
            EntryKind.SymbolicLink => metadata with { Length = Encoding.UTF8.GetByteCount(metadata.LinkTarget!) },
            _ => metadata,
        };
    }

    public override VolumeStream OpenRead(NodeId id, StreamName stream)
    {
        var node = NodeOf(id);
        if (stream == StreamName.Data && node.Metadata.Kind != EntryKind.File)
            throw new UnauthorizedAccessException($"a {node.Metadata.Kind} has no data");
        if (!node.Streams.ContainsKey(stream))
            throw new FileNotFoundException($"no stream {stream}");
        return new MemoryStreamView(this, id, stream, canWrite: false);
    }

    public override IReadOnlyList<StreamDescription> GetStreams(NodeId id) =>
        [.. NodeOf(id).Streams.Where(s => s.Key != StreamName.Data).Select(s => new StreamDescription(s.Key, s.Value.Length))];

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId id) => NodeOf(id).ExtendedAttributes;

    public override IEnumerable<ByteRange> AllocatedRanges() => [new ByteRange(0, _state.UsedClusters * _options.ClusterSize)];

    public override void Commit()
    {
        _committed = _state.Clone();
        _uncommitted = 0;
    }

    public override void Rollback()
    {
        _state = _committed.Clone();
        _openStreams.Clear();
        _uncommitted = 0;
    }

    private OrderedDictionary<string, NodeId> EntriesOf(NodeId directory) =>
        NodeOf(directory).Entries ?? throw new DirectoryNotFoundException($"node {directory.Value} is not a directory");

    private MemoryNode NodeOf(NodeId id) =>
        _state.Nodes.TryGetValue(id, out var node) ? node : throw new FileNotFoundException($"node {id.Value} is no more");

    private MemoryNode NewNode(NodeId id, EntryKind kind, FileMetadata metadata)
    {
        var node = new MemoryNode
        {
            Id = id,
            Metadata = metadata,
            Entries = kind == EntryKind.Directory ? new OrderedDictionary<string, NodeId>(NameComparer) : null,
        };
        if (kind == EntryKind.File)
            node.Streams[StreamName.Data] = new MemoryContent();
        return node;
    }

    private void CheckName(string name)
    {
        var length = _options.NameUnit == NameUnit.Bytes ? Encoding.UTF8.GetByteCount(name) : name.Length;
        var problem = name.Length == 0 ? "is empty"
            : name is "." or ".." ? "means a directory"
            : length > _options.MaxNameLength ? $"is {length} {_options.NameUnit} long, at most {_options.MaxNameLength} fit"
            : name.AsSpan().IndexOfAnyInRange('\0', '\x1F') >= 0 || name.Contains('/') ? "holds a forbidden character"
            : name.AsSpan().IndexOfAny(_options.ForbiddenCharacters) >= 0 ? $"holds one of {_options.ForbiddenCharacters}"
            : !_options.AllowsTrailingDotOrSpace && name[^1] is '.' or ' ' ? "ends in a dot or a space"
            : null;
        if (problem is not null)
            throw new InvalidNameException(name, problem);
    }

    private void Require(Features feature, string words)
    {
        if (!Capabilities.Has(feature))
            throw Lacks(words);
    }
}
