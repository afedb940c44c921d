using System.Diagnostics.CodeAnalysis;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Blocks of a volume's indexes that were read, by their place on the device in bytes.</summary>
/// <param name="capacity">How many are kept.</param>
internal sealed class NtfsNodes(int capacity)
{
    private readonly LruCache<NtfsIndexNode> _kept = new(capacity);
    private NtfsIndexNode? _left;

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
