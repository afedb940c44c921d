using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>One change on its way through an index: from the leaf up, each node is written, cut, or joined with its neighbour, and only then is anything stored.</summary>
/// <param name="tree">The index.</param>
/// <param name="storage">What it lies in.</param>
/// <param name="way">The nodes from the root down, those changed that the caller wants changed.</param>
internal sealed class NtfsIndexEdit(NtfsIndexEditor tree, NtfsIndexStorage storage, List<NtfsIndexLevel> way)
{
    /// <summary>Bytes of entries that a root takes back from its last block; with more the next names would push them out again.</summary>
    private const int MostTakenBack = 480;

    private readonly int _room = NtfsNewIndexNode.RoomInBlock(storage.BlockSize);
    private readonly List<NewBlock> _blocks = [];
    private readonly List<long> _taken = [], _freed = [];
    private bool _isRootShrunk;

    /// <summary>Entries that are to be inserted again.</summary>
    public List<byte[]> Displaced { get; } = [];

    /// <summary>An entry came behind all others: blocks that overflow stay full, for names that come in order.</summary>
    public bool IsAppended { get; init; }

    /// <summary>An entry went: small nodes are joined.</summary>
    public bool IsRemoval { get; init; }

    /// <summary>Bytes of entries in a block with which a removal is a matter of this block alone.</summary>
    public static int LeastAfterRemoval(int blockSize) => Math.Max(NtfsNewIndexNode.RoomInBlock(blockSize) / 4, MostTakenBack + 1);

    /// <summary>Does it.</summary>
    public void Settle()
    {
        try
        {
            for (var i = way.Count - 1; i > 0; i--)
            {
                if (way[i].IsChanged)
                    SettleBlock(i);
            }
            SettleRoot();
        }
        catch (VolumeFullException)
        {
            GiveBack();
            throw;
        }
        Store();
    }

    private void GiveBack()
    {
        var root = way[0].Node;
        if (_taken.Count > 0 && !root.HasSubNodes)
        {
            storage.DropBlocks();
        }
        else
        {
            foreach (var vcn in _taken)
                storage.FreeBlock(vcn);
        }
        if (_isRootShrunk)
            storage.TryWriteRoot(root.Bytes);
    }

    private void SettleBlock(int level)
    {
        var (vcn, pieces) = (way[level].Vcn, way[level].Change());
        var length = NtfsIndexPiece.LengthOf(pieces);
        if (length > _room)
            Cut(level, pieces);
        else if (pieces.Count == 1 || (IsRemoval && length < _room / 4))
            Join(level, pieces);
        else
            _blocks.Add(new NewBlock(vcn, pieces, way[level].Node));
    }

    // The last part stays where the node was, so that what leads to it stays as it is; the others go to new blocks.
    private void Cut(int level, List<NtfsIndexPiece> pieces)
    {
        var above = way[level - 1].Change();
        var at = way[level - 1].At;
        var (between, rest) = Parts(pieces, Cuts(pieces));
        foreach (var (entry, part) in between)
            above.Insert(at++, entry with { SubNode = Take(part) });
        _blocks.Add(new NewBlock(way[level].Vcn, rest, way[level].Node));
    }

    private void Join(int level, List<NtfsIndexPiece> pieces)
    {
        var isEmpty = pieces.Count == 1;
        var (upper, at) = (way[level - 1], way[level - 1].At);
        if (Entries(upper) == 1)
        {
            JoinOnlyChild(level, pieces);
            return;
        }
        // Left, then right; an empty node must find one, whatever that takes.
        ReadOnlySpan<int> separators = [at - 1, at];
        foreach (var separator in separators)
        {
            if (separator >= 0 && separator < Entries(upper) - 1 && TryJoin(level, pieces, separator, isOnlyWhole: true))
                return;
        }
        if (!isEmpty || !TryJoin(level, pieces, at > 0 ? at - 1 : at, isOnlyWhole: false))
            _blocks.Add(new NewBlock(way[level].Vcn, pieces, way[level].Node));
    }

    private bool TryJoin(int level, List<NtfsIndexPiece> pieces, int separator, bool isOnlyWhole)
    {
        var upper = way[level - 1];
        var isLeft = separator == upper.At;
        var middle = SubNodeEntry(upper, separator);
        var rightVcn = SubNodeEntry(upper, separator + 1).SubNode;
        var otherNode = tree.Enter(way, isLeft ? rightVcn : middle.SubNode);
        var other = NtfsIndexLevel.PiecesOf(otherNode);
        if (pieces[^1].SubNode < 0 != other[^1].SubNode < 0)
            return pieces.Count == 1 && !isOnlyWhole && Displace(level, pieces, separator);

        var (left, right) = isLeft ? (pieces, other) : (other, pieces);
        List<NtfsIndexPiece> joined = [.. left[..^1], middle with { SubNode = left[^1].SubNode }, .. right];
        // A node that is not yet empty is joined when that leaves some room for the names to come.
        var length = NtfsIndexPiece.LengthOf(joined);
        var (leftNode, rightNode) = isLeft ? (way[level].Node, otherNode) : (otherNode, way[level].Node);
        if (length <= (pieces.Count == 1 ? _room : _room - _room / 8))
        {
            upper.Change().RemoveAt(separator);
            _freed.Add(middle.SubNode);
            _blocks.Add(new NewBlock(rightVcn, joined, rightNode));
            return true;
        }
        if (isOnlyWhole)
            return false;
        // Shared evenly: another entry stands between them.
        var cuts = Cuts(joined);
        if (cuts.Count != 1)
            throw TooLong();
        var (between, rest) = Parts(joined, cuts);
        upper.Change()[separator] = between[0].Entry with { SubNode = middle.SubNode };
        _blocks.Add(new NewBlock(middle.SubNode, between[0].Part, leftNode));
        _blocks.Add(new NewBlock(rightVcn, rest, rightNode));
        return true;
    }

    // An empty leaf beside an inner node: its separator has to find another place.
    private bool Displace(int level, List<NtfsIndexPiece> pieces, int separator)
    {
        var above = way[level - 1].Change();
        if (pieces[0].SubNode >= 0)
            return false;
        var isLeft = separator == way[level - 1].At;
        var entry = above[separator];
        if (!isLeft)
            above[separator + 1] = above[separator + 1] with { SubNode = entry.SubNode };
        above.RemoveAt(separator);
        var bytes = new byte[entry.Body];
        (entry with { SubNode = -1 }).Write(bytes);
        Displaced.Add(bytes);
        _freed.Add(way[level].Vcn);
        return true;
    }

    // Below the root that is seen to there. Otherwise the node above, which has nothing else, becomes what this one is.
    private void JoinOnlyChild(int level, List<NtfsIndexPiece> pieces)
    {
        if (level == 1 || pieces.Count > 1)
        {
            _blocks.Add(new NewBlock(way[level].Vcn, pieces, way[level].Node));
            return;
        }
        way[level - 1].Change()[0] = NtfsIndexPiece.End(pieces[0].SubNode);
        _freed.Add(way[level].Vcn);
    }

    private void SettleRoot()
    {
        var root = way[0];
        var isWritten = false;
        if (IsRemoval && way.Count > 1)
            isWritten = TakeBack(root);
        if (root.IsChanged && !isWritten)
            PushDown(root.Change());
    }

    // A root that has nothing but one block takes its entries, when they are few, and those of the block below it.
    private bool TakeBack(NtfsIndexLevel root)
    {
        var isWritten = false;
        for (var depth = 0; depth <= NtfsIndexTree.MaxDepth && Entries(root) == 1 && SubNodeEntry(root, 0).SubNode is var vcn and >= 0; depth++)
        {
            var at = _blocks.FindIndex(block => block.Vcn == vcn);
            var pieces = at >= 0 ? _blocks[at].Pieces : NtfsIndexLevel.PiecesOf(vcn == way[1].Vcn ? way[1].Node : tree.Block(vcn));
            if ((pieces.Count > 1 && NtfsIndexPiece.LengthOf(pieces) > MostTakenBack) || !storage.TryWriteRoot(NtfsNewIndexNode.Root(root.Node.Bytes, pieces)))
                break;
            isWritten = true;
            var above = root.Change();
            above.Clear();
            above.AddRange(pieces);
            _freed.Add(vcn);
            if (at >= 0)
                _blocks.RemoveAt(at);
        }
        return isWritten;
    }

    // Entries that do not fit the record go to blocks, and those between them stay; as often as it takes.
    private void PushDown(List<NtfsIndexPiece> pieces)
    {
        var head = way[0].Node.Bytes;
        if (storage.TryWriteRoot(NtfsNewIndexNode.Root(head, pieces)))
            return;
        // Made small first: taking blocks may need room in the record.
        Write([NtfsIndexPiece.End(0)]);
        _isRootShrunk = true;
        do
        {
            var above = new List<NtfsIndexPiece>();
            if (NtfsIndexPiece.LengthOf(pieces) > _room)
            {
                var (between, rest) = Parts(pieces, Cuts(pieces));
                foreach (var (entry, part) in between)
                    above.Add(entry with { SubNode = Take(part) });
                pieces = rest;
            }
            above.Add(NtfsIndexPiece.End(Take(pieces)));
            pieces = above;
        }
        while (pieces.Count > 1 && !storage.TryWriteRoot(NtfsNewIndexNode.Root(head, pieces)));
        if (pieces.Count == 1)
            Write(pieces);

        void Write(List<NtfsIndexPiece> least)
        {
            if (!storage.TryWriteRoot(NtfsNewIndexNode.Root(head, least)))
                throw new InvalidOperationException($"a root of {NtfsIndexStorage.LeastRoot} bytes always fits");
        }
    }

    private void Store()
    {
        // All are laid down before the first is written: their entries lie in what is overwritten.
        var written = new NtfsIndexNode[_blocks.Count];
        for (var i = 0; i < written.Length; i++)
            written[i] = NtfsNewIndexNode.Block(storage.BlockSize, _blocks[i].Vcn, _blocks[i].Old?.Bytes, _blocks[i].Pieces);
        var root = way[0];
        var hadBlocks = root.Node.HasSubNodes;
        if (root.IsChanged && hadBlocks && root.Change()[^1].SubNode < 0)
        {
            storage.DropBlocks();
            return;
        }
        for (var i = 0; i < written.Length; i++)
        {
            // Blocks that stay full, since names come in order, are rarely looked at again.
            if (IsAppended && _blocks[i].Old is null)
                storage.WriteBlock(_blocks[i].Vcn, written[i].Bytes);
            else
                storage.WriteNode(_blocks[i].Vcn, written[i]);
        }
        foreach (var vcn in _freed)
            storage.FreeBlock(vcn);
    }

    private long Take(List<NtfsIndexPiece> pieces)
    {
        var vcn = storage.AllocateBlock();
        _taken.Add(vcn);
        _blocks.Add(new NewBlock(vcn, pieces, null));
        return vcn;
    }

    // Which entries go to the node above, so that what is between them fits blocks, and none of those is empty.
    private List<int> Cuts(List<NtfsIndexPiece> pieces)
    {
        var room = _room - pieces[^1].Length;
        var count = pieces.Count - 1;
        if (IsAppended && count > 2 && Fits(pieces, [count - 2], room))
            return [count - 2];
        var total = NtfsIndexPiece.LengthOf(pieces);
        for (var parts = 2; parts <= count; parts++)
        {
            var cuts = new List<int>();
            for (int at = 0, left = total; cuts.Count < parts - 1 && at < count; at++)
            {
                var target = left / (parts - cuts.Count);
                int first = at, length = 0;
                while (at < count && (at == first || length + pieces[at].Length <= target))
                    length += pieces[at++].Length;
                if (at == count)
                    break;
                cuts.Add(at);
                left -= length + pieces[at].Length;
            }
            if (Fits(pieces, cuts, room))
                return cuts;
        }
        throw TooLong();
    }

    private static bool Fits(List<NtfsIndexPiece> pieces, List<int> cuts, int room)
    {
        var (length, entries) = (0, 0);
        for (int i = 0, next = 0; i < pieces.Count - 1; i++)
        {
            if (next < cuts.Count && cuts[next] == i)
            {
                if (entries == 0 || length > room)
                    return false;
                (length, entries, next) = (0, 0, next + 1);
                continue;
            }
            length += pieces[i].Length;
            entries++;
        }
        return cuts.Count > 0 && entries > 0 && length <= room;
    }

    // Each entry that goes up, with the part before it; and the last part.
    private static (List<(NtfsIndexPiece Entry, List<NtfsIndexPiece> Part)> Between, List<NtfsIndexPiece> Last) Parts(List<NtfsIndexPiece> pieces, List<int> cuts)
    {
        var between = new List<(NtfsIndexPiece, List<NtfsIndexPiece>)>(cuts.Count);
        var start = 0;
        foreach (var cut in cuts)
        {
            between.Add((pieces[cut], [.. pieces[start..cut], NtfsIndexPiece.End(pieces[cut].SubNode)]));
            start = cut + 1;
        }
        return (between, pieces[start..]);
    }

    private static int Entries(NtfsIndexLevel level) => level.IsChanged ? level.Change().Count : level.Node.Count;

    private static NtfsIndexPiece SubNodeEntry(NtfsIndexLevel level, int index) => level.IsChanged ? level.Change()[index] : NtfsIndexPiece.Of(level.Node[index]);

    private UnsupportedFeatureException TooLong() =>
        new($"{tree.Structure} has entries that are too long for its blocks of {storage.BlockSize} bytes");

    private readonly record struct NewBlock(long Vcn, List<NtfsIndexPiece> Pieces, NtfsIndexNode? Old);
}
