using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An index of a file: a B-tree of keys, found or listed in order. See OnDisk/NtfsIndexes.cs for its drawing.</summary>
internal sealed class NtfsIndex
{
    /// <summary>Levels. A tree of 2^32 names in blocks of 4 KiB has eight.</summary>
    public const int MaxDepth = 32;

    private readonly NtfsGeometry _geometry;
    private readonly NtfsContent? _allocation;
    private readonly LruCache<NtfsIndexNode> _nodes;
    private readonly int _unit;
    private readonly bool _isView;

    private NtfsIndex(NtfsGeometry geometry, NtfsFile file, string name, NtfsIndexNode root, LruCache<NtfsIndexNode> nodes)
    {
        _geometry = geometry;
        _nodes = nodes;
        ref readonly var head = ref OnDisk.View<NtfsIndexRoot>(root.Bytes);
        Root = root;
        BlockSize = (int)(uint)head.BlockSize;
        Rule = (NtfsCollationRule)(uint)head.Collation;
        _isView = head.AttributeType == 0U;
        _unit = geometry.IndexUnit(BlockSize);
        Structure = file.Structure(NtfsAttributeType.IndexAllocation, name);
        _allocation = root.HasSubNodes ? file.Open(NtfsAttributeType.IndexAllocation, name) : null;
    }

    public NtfsIndexNode Root { get; }
    public int BlockSize { get; }
    public NtfsCollationRule Rule { get; }

    /// <summary>What messages call its blocks.</summary>
    public string Structure { get; }

    /// <summary>Opens an index; null when the file has none of this name.</summary>
    /// <param name="file">The file.</param>
    /// <param name="geometry">The volume's geometry.</param>
    /// <param name="name">The index's name.</param>
    /// <param name="nodes">Where blocks are kept, by their place on the device; shared by all indexes of a volume.</param>
    /// <exception cref="DiskFormatException">The root is damaged.</exception>
    public static NtfsIndex? Open(NtfsGeometry geometry, NtfsFile file, string name, LruCache<NtfsIndexNode> nodes)
    {
        if (!file.TryFind(NtfsAttributeType.IndexRoot, name, out var record, out var attribute))
            return null;
        var structure = file.Structure(NtfsAttributeType.IndexRoot, name);
        var offset = record.Offset + attribute.Offset;
        if (!attribute.IsResident)
            throw new DiskFormatException("NTFS-0300", structure, offset, "is not resident");
        if (ParseRoot(attribute.Value.ToArray(), out var root) is { } problem)
            throw new DiskFormatException("NTFS-0300", structure, offset, problem);
        return new NtfsIndex(geometry, file, name, root!, nodes);
    }

    /// <summary>Verifies the value of $INDEX_ROOT.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? ParseRoot(byte[] value, out NtfsIndexNode? root)
    {
        root = null;
        if (value.Length < NtfsIndexRoot.Size + NtfsIndexHeader.Size)
            return $"has {value.Length} bytes, expected at least {NtfsIndexRoot.Size + NtfsIndexHeader.Size}";
        ref readonly var head = ref OnDisk.View<NtfsIndexRoot>(value);
        if (head.BlockSize < NtfsGeometry.MinIndexBlockSize || head.BlockSize > NtfsGeometry.MaxIndexBlockSize || !System.Numerics.BitOperations.IsPow2((uint)head.BlockSize))
            return $"blockSize: found {head.BlockSize}, expected a power of two, {NtfsGeometry.MinIndexBlockSize}..{NtfsGeometry.MaxIndexBlockSize}";
        return NtfsIndexNode.Parse(value, NtfsIndexRoot.Size, head.AttributeType == 0U, out root);
    }

    /// <summary>All entries but the end entries, in order, as blocks are read.</summary>
    /// <exception cref="DiskFormatException">A block is damaged, or reached twice.</exception>
    public IEnumerable<NtfsIndexItem> Entries()
    {
        var way = new List<(NtfsIndexNode Node, int Next, bool IsBelowDone)> { (Root, 0, false) };
        var seen = new HashSet<long>();
        while (way.Count > 0)
        {
            var (node, next, isBelowDone) = way[^1];
            var item = node[next];
            if (item.HasSubNode && !isBelowDone)
            {
                way[^1] = (node, next, true);
                if (way.Count > MaxDepth || !seen.Add(item.SubNode))
                    throw new DiskFormatException("NTFS-0304", Structure, -1, way.Count > MaxDepth ? $"has more than {MaxDepth} levels" : $"reaches the block {item.SubNode} twice");
                way.Add((Block(item.SubNode), 0, false));
                continue;
            }
            if (item.IsEnd)
            {
                way.RemoveAt(way.Count - 1);
                continue;
            }
            way[^1] = (node, next + 1, false);
            yield return item;
        }
    }

    /// <summary>Compares a key that is looked for with one in the index: negative when it comes before.</summary>
    public delegate int Comparison(ReadOnlySpan<byte> key);

    /// <summary>Finds a key.</summary>
    /// <param name="compare">The order.</param>
    /// <param name="near">Asked for the neighbours on both sides when the key is not there: 0 takes that entry.</param>
    /// <returns>Null when it isn't there.</returns>
    /// <exception cref="DiskFormatException">A block on the way is damaged.</exception>
    public NtfsIndexItem? Find(Comparison compare, Comparison? near = null)
    {
        // In a B-tree the neighbours of a missing key are both on the way down.
        NtfsIndexItem? neighbour = null;
        var node = Root;
        for (var depth = 0; depth <= MaxDepth; depth++)
        {
            int low = 0, high = node.Count - 1;
            while (low < high)
            {
                var middle = (low + high) / 2;
                var order = compare(node[middle].Key);
                if (order == 0)
                    return node[middle];
                if (order < 0)
                    high = middle;
                else
                    low = middle + 1;
            }
            if (near is not null)
            {
                if (low > 0 && near(node[low - 1].Key) == 0)
                    neighbour = node[low - 1];
                else if (low < node.Count - 1 && near(node[low].Key) == 0)
                    neighbour = node[low];
            }
            if (!node[low].HasSubNode)
                return neighbour;
            node = Block(node[low].SubNode);
        }
        throw new DiskFormatException("NTFS-0304", Structure, -1, $"has more than {MaxDepth} levels");
    }

    /// <summary>A block of the index.</summary>
    /// <param name="vcn">Its number, in clusters or, where those are larger than a block, in units of 512 bytes.</param>
    /// <exception cref="DiskFormatException">There is none, or it is damaged.</exception>
    public NtfsIndexNode Block(long vcn)
    {
        if (_allocation is null || vcn < 0 || vcn > (_allocation.Length - BlockSize) / _unit)
            throw new DiskFormatException("NTFS-0306", Structure, -1, $"an entry leads to block {vcn}, expected 0..{((_allocation?.Length ?? 0) - BlockSize) / _unit}");
        var offset = vcn * _unit;
        var run = _allocation.Runs.Find(offset >> _geometry.ClusterShift);
        var place = run is { IsHole: false } r ? (r.Lcn << _geometry.ClusterShift) + (offset - (r.Vcn << _geometry.ClusterShift)) : -1;
        if (place >= 0 && _nodes.TryGet(place, out var node) && OnDisk.View<NtfsIndexBlock>(node.Bytes).Vcn == (ulong)vcn && node.Bytes.Length == BlockSize)
            return node;
        var bytes = new byte[BlockSize];
        _allocation.Read(offset, bytes);
        if (ParseBlock(bytes, vcn, _isView, out node, out var code) is { } problem)
            throw new DiskFormatException(code, $"{Structure}, block {vcn}", place, problem);
        if (place >= 0)
            _nodes.Set(place, node!);
        return node!;
    }

    /// <summary>Takes the protection off a block and verifies it.</summary>
    /// <param name="isView">Whether entries have data in the place of a reference.</param>
    /// <param name="node">The node.</param>
    /// <param name="bytes">As read; changed in place.</param>
    /// <param name="vcn">What it should call itself.</param>
    /// <param name="code">The finding's id.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? ParseBlock(byte[] bytes, long vcn, bool isView, out NtfsIndexNode? node, out string code)
    {
        node = null;
        code = "NTFS-0301";
        ref readonly var head = ref OnDisk.View<NtfsIndexBlock>(bytes);
        if (!head.Protection.Magic.Is(NtfsIndexBlock.MagicValue))
            return $"magic: found {Convert.ToHexString(head.Protection.Magic)}, expected 'INDX'";
        if (NtfsUpdateSequence.Remove(bytes, NtfsIndexBlock.Size) is { } torn)
            return torn;
        if (head.Vcn != (ulong)vcn)
            return $"calls itself block {head.Vcn}";
        code = "NTFS-0302";
        return NtfsIndexNode.Parse(bytes, NtfsIndexBlock.HeaderOffset, isView, out node);
    }
}
