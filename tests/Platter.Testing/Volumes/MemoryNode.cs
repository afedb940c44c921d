using Platter.FileSystems;

namespace Platter.Testing.Volumes;

/// <summary>Bytes that two states of a volume can share until one of them writes.</summary>
internal sealed class MemoryContent
{
    private byte[] _bytes = [];
    private bool _shared;

    public long Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, (int)Length);

    public MemoryContent Share()
    {
        _shared = true;
        return new MemoryContent { _bytes = _bytes, _shared = true, Length = Length };
    }

    public int Read(long offset, Span<byte> buffer)
    {
        if (offset >= Length)
            return 0;
        var n = (int)Math.Min(buffer.Length, Length - offset);
        _bytes.AsSpan((int)offset, n).CopyTo(buffer);
        return n;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        var end = (int)Math.Max(Length, offset + data.Length);
        Own(end);
        data.CopyTo(_bytes.AsSpan((int)offset));
        Length = end;
    }

    public void SetLength(long length)
    {
        Own((int)length);
        // What lies behind the end is kept zero, so that growing again shows no old bytes.
        if (length < Length)
            _bytes.AsSpan((int)length, (int)(Length - length)).Clear();
        Length = length;
    }

    private void Own(int capacity)
    {
        if (!_shared && capacity <= _bytes.Length)
            return;
        var grown = new byte[capacity <= _bytes.Length ? _bytes.Length : Math.Max(capacity, Math.Min(_bytes.Length * 2, 1 << 28))];
        Bytes.CopyTo(grown);
        _bytes = grown;
        _shared = false;
    }
}

/// <summary>A node of a <see cref="MemoryVolume"/>.</summary>
internal sealed class MemoryNode
{
    public required NodeId Id { get; init; }
    public required FileMetadata Metadata { get; set; }

    /// <summary>The entries of a directory in the order of their creation; null for anything else.</summary>
    public OrderedDictionary<string, NodeId>? Entries { get; init; }

    /// <summary>The directory that a directory lies in; the root lies in itself.</summary>
    public NodeId Parent { get; set; }

    public Dictionary<StreamName, MemoryContent> Streams { get; init; } = [];
    public Dictionary<string, byte[]> ExtendedAttributes { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Bytes that a directory's names take: 32 for an entry and the name itself.</summary>
    public long EntryBytes { get; set; }

    public long Clusters(int clusterSize)
    {
        var clusters = Entries is null ? 0 : Math.Max(1, (EntryBytes + clusterSize - 1) / clusterSize);
        foreach (var (_, content) in Streams)
            clusters += (content.Length + clusterSize - 1) / clusterSize;
        return clusters;
    }

    public MemoryNode Clone() => new()
    {
        Id = Id,
        Metadata = Metadata,
        Entries = Entries is null ? null : new OrderedDictionary<string, NodeId>(Entries, Entries.Comparer),
        Parent = Parent,
        Streams = Streams.ToDictionary(s => s.Key, s => s.Value.Share()),
        ExtendedAttributes = new Dictionary<string, byte[]>(ExtendedAttributes, StringComparer.Ordinal),
        EntryBytes = EntryBytes,
    };
}

/// <summary>A whole state of a <see cref="MemoryVolume"/>: what a commit keeps and a rollback returns to.</summary>
internal sealed class MemoryState
{
    public Dictionary<NodeId, MemoryNode> Nodes { get; init; } = [];
    public string Label { get; set; } = "";
    public ulong LastId { get; set; }
    public long UsedClusters { get; set; }

    public MemoryState Clone() => new()
    {
        Nodes = Nodes.ToDictionary(n => n.Key, n => n.Value.Clone()),
        Label = Label,
        LastId = LastId,
        UsedClusters = UsedClusters,
    };
}
