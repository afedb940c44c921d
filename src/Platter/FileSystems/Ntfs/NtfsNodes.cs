using System.Diagnostics.CodeAnalysis;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Blocks of a volume's indexes that were read, by their place on the device in bytes.</summary>
/// <param name="capacity">How many are kept.</param>
internal sealed class NtfsNodes(int capacity)
{
    private readonly LruCache<NtfsIndexNode> _kept = new(capacity);
    private NtfsIndexNode? _left;

    /// <summary>What was read ahead, of the index that is being gone through.</summary>
    public NtfsReadAhead Ahead { get; } = new();

    public bool TryGet(long place, [MaybeNullWhen(false)] out NtfsIndexNode node) => _kept.TryGet(place, out node);

    public void Set(long place, NtfsIndexNode node) => _kept.Set(place, node);

    public void Remove(long place) => _kept.Remove(place);

    public void Clear() => _kept.Clear();

    /// <summary>Takes a node that was gone through, for its memory: a listing of many directories needs that of one block, and fresh memory is what it would spend
    /// most of its time on.</summary>
    public NtfsIndexNode? TakeLeft()
    {
        var node = _left;
        _left = null;
        return node;
    }

    /// <summary>Gives up a node that is not kept, and that nobody looks at any more.</summary>
    public void Leave(NtfsIndexNode node) => _left = node;
}

/// <summary>Blocks that are likely to be gone through next, of an index that nobody changes meanwhile: one piece of memory, whose the last index is that read into it.</summary>
internal sealed class NtfsReadAhead
{
    /// <summary>Bytes that are read at most.</summary>
    public const int Length = 64 << 10;

    private byte[] _bytes = [];
    private int _count;
    private NtfsIndex? _owner;
    private long _from;

    /// <summary>Whether bytes of an index are here.</summary>
    public bool Has(NtfsIndex owner, long offset, int count) => ReferenceEquals(owner, _owner) && offset >= _from && offset + count <= _from + _count;

    /// <summary>Room to read into; nobody's until <see cref="End"/>, should the reading fail.</summary>
    public Span<byte> Begin(int count)
    {
        _owner = null;
        if (_bytes.Length < count)
            _bytes = new byte[count];
        _count = count;
        return _bytes.AsSpan(0, count);
    }

    /// <summary>It was read, from a byte of this index on.</summary>
    public void End(NtfsIndex owner, long from) => (_owner, _from) = (owner, from);

    public void Copy(long offset, Span<byte> block) => _bytes.AsSpan((int)(offset - _from), block.Length).CopyTo(block);
}
