using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Changes an index: entries come, go and are replaced, one at a time, each with what that means for the tree.</summary>
/// <remarks>
/// <para>A change reads the blocks on its way down, and beside it where nodes grow empty; nothing is kept between changes, so that another may drop what this
/// one did. Nodes overflow upwards: they are cut in two or more, and the entry between goes to the node above; a root that no longer fits its record leaves its
/// entries to new blocks. Nodes that grow empty are joined with a neighbour, or share its entries; a root whose only block has become small takes its
/// entries back. No block is left without entries, and all leaves of a tree that was even stay at one depth.</para>
/// <para>What a failure leaves: after a <see cref="VolumeFullException"/> of <see cref="NtfsIndexStorage.AllocateBlock"/> no block was written, those that were
/// taken have been freed, and the root is as it was (where the record still had room for that); after any other exception the index may be half changed. Both
/// are to be undone by whoever holds the storage. Only trees of uneven depth, which others make, are changed in several such steps.</para>
/// </remarks>
internal sealed class NtfsIndexEditor : NtfsIndexTree
{
    // Leaves without entries, met one after another; no writer makes more than one.
    private const int MaxRepairs = 64;

    private readonly NtfsIndexStorage _storage;
    private readonly NtfsUpcase _upcase;
    private readonly Func<string> _structure;
    private NtfsIndexNode? _root;
    private byte[]? _rootValue;         // what it was made of

    /// <param name="storage">What the index lies in.</param>
    /// <param name="upcase">For names.</param>
    /// <param name="structure">What messages call its blocks: see <c>NtfsFile.Structure</c>.</param>
    public NtfsIndexEditor(NtfsIndexStorage storage, NtfsUpcase upcase, string structure) : this(storage, upcase, () => structure)
    {
    }

    /// <inheritdoc cref="NtfsIndexEditor(NtfsIndexStorage, NtfsUpcase, string)"/>
    public NtfsIndexEditor(NtfsIndexStorage storage, NtfsUpcase upcase, Func<string> structure)
    {
        _storage = storage;
        _upcase = upcase;
        _structure = structure;
    }

    public override string Structure => _structure();

    /// <exception cref="DiskFormatException">It is broken.</exception>
    public override NtfsIndexNode Root
    {
        get
        {
            var value = _storage.ReadRoot();
            if (_root is not null && ReferenceEquals(value, _rootValue))
                return _root;
            // A copy: the root may be written before the blocks that its entries go to.
            if (NtfsIndex.ParseRoot(value.AsSpan().ToArray(), out var root) is { } problem)
                throw new DiskFormatException("NTFS-0300", Structure, -1, problem);
            (_rootValue, _root) = (value, Even(root!, "NTFS-0300", _structure));
            return _root;
        }
    }

    public override NtfsIndexNode Block(long vcn) => Block(vcn, OnDisk.View<NtfsIndexRoot>(_storage.ReadRoot()).AttributeType == 0U);

    /// <summary>Finds a key; null when it isn't there.</summary>
    public NtfsIndexItem? Find(ReadOnlySpan<byte> key)
    {
        var way = Descend(key, out var isFound);
        return isFound ? way[^1].Item : null;
    }

    /// <summary>The nodes from the root down to the leaf where a key belongs; null when it is there, or the root is the only node.</summary>
    public List<NtfsIndexLevel>? WayTo(ReadOnlySpan<byte> key)
    {
        var way = Descend(key, out var isFound);
        return isFound || way.Count == 1 ? null : way;
    }

    /// <summary>Writes a leaf that entries were put into elsewhere.</summary>
    /// <param name="vcn">Its own.</param>
    /// <param name="node">As it is now; its array is nobody else's.</param>
    public void Write(long vcn, NtfsIndexNode node) => _storage.WriteNode(vcn, node);

    /// <summary>Adds an entry.</summary>
    /// <param name="entry">As <see cref="NtfsIndexEntries"/> makes them, without a sub-node.</param>
    /// <returns>False: its key is there already. In directories the very name; another case counts as another one here.</returns>
    /// <exception cref="VolumeFullException">There is no room for a block. See the remarks on the class.</exception>
    /// <exception cref="UnsupportedFeatureException">The index has blocks of 512 or 1024 bytes, and the entry is too long for those.</exception>
    public bool TryInsert(ReadOnlySpan<byte> entry)
    {
        var piece = Piece(entry);
        var way = Descend(piece.Key, out var isFound);
        if (isFound)
            return false;
        if (way[0].IsView)
            RequireOrder(way);
        var leaf = way[^1];
        if (TrySplice(leaf, 0, piece.Source))
            return true;
        var isAppended = way.TrueForAll(level => level.At == level.Node.Count - 1);
        leaf.Change().Insert(leaf.At, piece);
        Settle(new NtfsIndexEdit(this, _storage, way) { IsAppended = isAppended });
        return true;
    }

    /// <summary>Removes an entry.</summary>
    /// <returns>False: it isn't there.</returns>
    public bool TryRemove(ReadOnlySpan<byte> key)
    {
        for (var repairs = 0; repairs <= MaxRepairs; repairs++)
        {
            var way = Descend(key, out var isFound);
            if (!isFound)
                return false;
            var place = way[^1];
            if (!place.Item.HasSubNode)
            {
                if (TrySplice(place, place.Item.Entry.Length, []))
                    return true;
                place.Change().RemoveAt(place.At);
                Settle(new NtfsIndexEdit(this, _storage, way) { IsRemoval = true });
                return true;
            }

            // The entry before it, which is in a leaf, takes its place.
            for (var item = place.Item; item.HasSubNode; item = way[^1].Item)
            {
                var node = Enter(way, item.SubNode);
                way.Add(new NtfsIndexLevel(item.SubNode, node) { At = node.Count - 1 });
            }
            var pieces = way[^1].Change();
            var isEmpty = pieces.Count == 1;
            if (!isEmpty)
            {
                var upper = place.Change();
                upper[place.At] = pieces[^2] with { SubNode = upper[place.At].SubNode };
                pieces.RemoveAt(pieces.Count - 2);
            }
            Settle(new NtfsIndexEdit(this, _storage, way) { IsRemoval = true });
            if (!isEmpty)
                return true;
        }
        throw new DiskFormatException("NTFS-0302", Structure, -1, $"has more than {MaxRepairs} blocks without entries, one after another");
    }

    /// <summary>Replaces an entry by one with the same key: another reference, other copies of sizes and times, other data.</summary>
    /// <returns>False: it isn't there.</returns>
    public bool TryUpdate(ReadOnlySpan<byte> entry)
    {
        var piece = Piece(entry);
        var way = Descend(piece.Key, out var isFound);
        if (!isFound)
            return false;
        var place = way[^1];
        if (NtfsIndexPiece.Of(place.Item).Body == piece.Body && place.Item.IsSame(piece.Source))
            return true;
        if (!place.Item.HasSubNode && TrySplice(place, place.Item.Entry.Length, piece.Source))
            return true;
        var pieces = place.Change();
        pieces[place.At] = piece with { SubNode = pieces[place.At].SubNode };
        Settle(new NtfsIndexEdit(this, _storage, way));
        return true;
    }

    /// <summary>A block that is to be on a way, or beside it.</summary>
    /// <exception cref="DiskFormatException">It is on the way already, too deep, or broken.</exception>
    internal NtfsIndexNode Enter(List<NtfsIndexLevel> way, long vcn)
    {
        if (way.Count > MaxDepth)
            throw new DiskFormatException("NTFS-0304", Structure, -1, $"has more than {MaxDepth} levels");
        foreach (var level in way)
        {
            if (level.Vcn == vcn)
                throw new DiskFormatException("NTFS-0304", Structure, -1, $"reaches the block {vcn} twice");
        }
        return Block(vcn, way[0].IsView);
    }

    // The nodes down to a key, or to the leaf where it belongs.
    private List<NtfsIndexLevel> Descend(ReadOnlySpan<byte> key, out bool isFound)
    {
        var root = Root;
        var rule = (NtfsCollationRule)(uint)OnDisk.View<NtfsIndexRoot>(root.Bytes).Collation;
        var way = new List<NtfsIndexLevel>(4) { new(NtfsIndexLevel.RootVcn, root) };
        while (true)
        {
            var level = way[^1];
            level.At = Search(level.Node, key, rule, out isFound);
            if (isFound || !level.Item.HasSubNode)
                return way;
            var below = level.Item.SubNode;
            way.Add(new NtfsIndexLevel(below, Enter(way, below)));
        }
    }

    private int Search(NtfsIndexNode node, ReadOnlySpan<byte> key, NtfsCollationRule rule, out bool isFound)
    {
        isFound = false;
        int low = 0, high = node.Count - 1;
        while (low < high && !isFound)
        {
            var middle = (low + high) / 2;
            var order = NtfsCollation.Compare(rule, key, node[middle].Key, _upcase);
            isFound = order == 0;
            if (order <= 0)
                high = middle;
            else
                low = middle + 1;
        }
        return isFound ? high : low;
    }

    // Where keys are out of order, one more among them has a search look elsewhere: it would miss what it finds now. Views have few keys, and nobody else who knows them all; the names
    // of a directory are in its files, too.
    private void RequireOrder(List<NtfsIndexLevel> way)
    {
        var rule = (NtfsCollationRule)(uint)OnDisk.View<NtfsIndexRoot>(way[0].Node.Bytes).Collation;
        foreach (var level in way)
        {
            for (var i = 1; i < level.Node.Count - 1; i++)
            {
                if (NtfsCollation.Compare(rule, level.Node[i - 1].Key, level.Node[i].Key, _upcase) > 0)
                    throw new DiskFormatException("NTFS-0308", Structure, -1, $"the key of entry {i} is before that of the one before it");
            }
        }
    }

    // Most changes are of one block, which stays neither too full nor too empty.
    private bool TrySplice(NtfsIndexLevel level, int removed, ReadOnlySpan<byte> inserted)
    {
        if (level.Vcn == NtfsIndexLevel.RootVcn)
            return false;
        ref readonly var header = ref OnDisk.View<NtfsIndexHeader>(level.Node.Bytes, NtfsIndexBlock.HeaderOffset);
        var left = (int)(header.IndexLength - header.EntriesOffset) + inserted.Length - removed;
        if ((removed > inserted.Length && left < NtfsIndexEdit.LeastAfterRemoval(_storage.BlockSize))
            || NtfsNewIndexNode.Spliced(level.Node, level.Item.Offset, removed, inserted) is not { } block)
            return false;
        _storage.WriteNode(level.Vcn, level.Node.Spliced(block, level.At, removed, inserted.Length));
        return true;
    }

    // What an edit of an uneven tree had to take out goes in again from the top.
    private void Settle(NtfsIndexEdit edit)
    {
        edit.Settle();
        foreach (var entry in edit.Displaced)
            TryInsert(entry);
    }

    private NtfsIndexPiece Piece(ReadOnlySpan<byte> entry)
    {
        var room = (NtfsNewIndexNode.RoomInBlock(_storage.BlockSize) - NtfsIndexEntry.Size - NtfsIndexEntry.SubNodeSize) / 2;
        if (entry.Length + NtfsIndexEntry.SubNodeSize > room)
            throw new UnsupportedFeatureException($"{Structure} has blocks of {_storage.BlockSize} bytes, whose entries have at most {room - NtfsIndexEntry.SubNodeSize}; this one would have {entry.Length}");
        return new NtfsIndexPiece(entry.ToArray(), 0, entry.Length, -1);
    }

    private NtfsIndexNode Block(long vcn, bool isView)
    {
        if (vcn < 0)
            throw new DiskFormatException("NTFS-0306", Structure, -1, $"an entry leads to block {vcn}");
        return Even(_storage.ReadNode(vcn, isView, _structure), "NTFS-0302", _structure);
    }

    // Entries with and without sub-nodes in one node would lose the one or the other.
    private static NtfsIndexNode Even(NtfsIndexNode node, string code, Func<string> structure)
    {
        if (node.IsEven)
            return node;
        var hasSubNodes = node[0].HasSubNode;
        for (var i = 1; i < node.Count; i++)
        {
            if (node[i].HasSubNode != hasSubNodes)
                throw new DiskFormatException(code, structure(), -1, $"entry {i} has {(hasSubNodes ? "no" : "a")} sub-node, those before it have {(hasSubNodes ? "one" : "none")}");
        }
        return node;
    }
}

/// <summary>One node on the way from the root down, and what it becomes.</summary>
internal sealed class NtfsIndexLevel(long vcn, NtfsIndexNode node)
{
    public const long RootVcn = -1;

    private List<NtfsIndexPiece>? _pieces;

    public long Vcn => vcn;

    /// <summary>As it was read.</summary>
    public NtfsIndexNode Node => node;

    /// <summary>The entry whose sub-node is the next level; in the last level the place of the key.</summary>
    public int At { get; set; }

    public NtfsIndexItem Item => node[At];
    public bool IsView => OnDisk.View<NtfsIndexRoot>(node.Bytes).AttributeType == 0U;
    public bool IsChanged => _pieces is not null;

    /// <summary>Its entries as they will be; asked for to change them.</summary>
    public List<NtfsIndexPiece> Change() => _pieces ??= PiecesOf(node);

    /// <summary>The entries of a node.</summary>
    public static List<NtfsIndexPiece> PiecesOf(NtfsIndexNode node)
    {
        var pieces = new List<NtfsIndexPiece>(node.Count + 1);
        for (var i = 0; i < node.Count; i++)
            pieces.Add(NtfsIndexPiece.Of(node[i]));
        return pieces;
    }
}
