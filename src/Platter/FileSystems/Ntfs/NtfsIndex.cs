using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An index of a file, for reading.</summary>
internal sealed class NtfsIndex : NtfsIndexTree
{
    private readonly NtfsGeometry _geometry;
    private readonly NtfsContent? _allocation;
    private readonly NtfsNodes _nodes;
    private readonly NtfsFile _file;
    private readonly string _name;
    private readonly int _unit;
    private readonly bool _isView;

    private long _expected = -1;        // where the block behind the last one lies, in bytes
    private bool _isBelow = true;       // whether the next block is the first one below the last, or below the root

    private NtfsIndex(NtfsGeometry geometry, NtfsFile file, string name, NtfsIndexNode root, NtfsNodes nodes)
    {
        _geometry = geometry;
        (_file, _name) = (file, name);
        _nodes = nodes;
        ref readonly var head = ref OnDisk.View<NtfsIndexRoot>(root.Bytes);
        Root = root;
        BlockSize = (int)(uint)head.BlockSize;
        Rule = (NtfsCollationRule)(uint)head.Collation;
        _isView = head.AttributeType == 0U;
        _unit = geometry.IndexUnit(BlockSize);
        _allocation = root.HasSubNodes ? file.Open(NtfsAttributeType.IndexAllocation, name) : null;
    }

    public override NtfsIndexNode Root { get; }
    public int BlockSize { get; }
    public NtfsCollationRule Rule { get; }

    public override string Structure => _file.Structure(NtfsAttributeType.IndexAllocation, _name);

    /// <summary>Opens an index; null when the file has none of this name.</summary>
    /// <param name="file">The file.</param>
    /// <param name="geometry">The volume's geometry.</param>
    /// <param name="name">The index's name.</param>
    /// <param name="nodes">Where blocks are kept, by their place on the device; shared by all indexes of a volume.</param>
    /// <exception cref="DiskFormatException">The root is damaged.</exception>
    public static NtfsIndex? Open(NtfsGeometry geometry, NtfsFile file, string name, NtfsNodes nodes)
    {
        if (!file.TryFind(NtfsAttributeType.IndexRoot, name, out var record, out var attribute))
            return null;
        var isResident = attribute.IsResident;
        NtfsIndexNode? root = null;
        if ((isResident ? ParseRoot(attribute.Value.ToArray(), out root) : "is not resident") is { } problem)
            throw new DiskFormatException("NTFS-0300", file.Structure(NtfsAttributeType.IndexRoot, name), record.Offset + attribute.Offset, problem);
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

    public override NtfsIndexNode Block(long vcn) => Block(vcn, isKept: true);

    protected override NtfsIndexNode BlockOnce(long vcn) => Block(vcn, isKept: false);

    protected override void Leave(NtfsIndexNode node)
    {
        if (node.IsPassing)
            _nodes.Leave(node);
    }

    private NtfsIndexNode Block(long vcn, bool isKept)
    {
        if (_allocation is null || vcn < 0 || vcn > (_allocation.Length - BlockSize) / _unit)
            throw new DiskFormatException("NTFS-0306", Structure, -1, $"an entry leads to block {vcn}, expected 0..{((_allocation?.Length ?? 0) - BlockSize) / _unit}");
        var offset = vcn * _unit;
        var run = _allocation.Runs.Find(offset >> _geometry.ClusterShift);
        var place = run is { IsHole: false } r ? (r.Lcn << _geometry.ClusterShift) + (offset - (r.Vcn << _geometry.ClusterShift)) : -1;
        if (place >= 0 && _nodes.TryGet(place, out var node) && OnDisk.View<NtfsIndexBlock>(node.Bytes).Vcn == (ulong)vcn && node.Bytes.Length == BlockSize)
            return node;
        var left = isKept ? null : _nodes.TakeLeft();
        var bytes = left?.Bytes.Length == BlockSize ? left.Bytes : new byte[BlockSize];
        if (isKept || run is null || !TryReadAhead(offset, run.Value, bytes))
            _allocation.Read(offset, bytes);
        if (ParseBlock(bytes, vcn, _isView, out node, out var code, left) is { } problem)
            throw new DiskFormatException(code, $"{Structure}, block {vcn}", place, problem);
        if (place >= 0 && isKept)
            _nodes.Set(place, node!);
        node!.IsPassing = !isKept;
        _isBelow = node.HasSubNodes;
        return node;
    }

    // From the first block below another one on, or the one behind the last, as far as they lie in one piece.
    private bool TryReadAhead(long offset, NtfsRun run, Span<byte> block)
    {
        var isExpected = _isBelow || offset == _expected;
        _expected = offset + BlockSize;
        var ahead = _nodes.Ahead;
        if (!ahead.Has(this, offset, BlockSize))
        {
            var end = Math.Min(Math.Min(_allocation!.Initialized, run.End << _geometry.ClusterShift), offset + NtfsReadAhead.Length);
            // A block that stands alone is read where it is wanted.
            if (!isExpected || run.IsHole || _allocation.Device.CanWrite || end < offset + 2 * BlockSize
                || (run.Lcn << _geometry.ClusterShift) + (end - (run.Vcn << _geometry.ClusterShift)) > _allocation.Device.Length)
                return false;
            _allocation.Read(offset, ahead.Begin((int)(end - offset)));
            ahead.End(this, offset);
        }
        ahead.Copy(offset, block);
        return true;
    }

    /// <summary>Takes the protection off a block and verifies it.</summary>
    /// <param name="isView">Whether entries have data in the place of a reference.</param>
    /// <param name="node">The node.</param>
    /// <param name="bytes">As read; changed in place.</param>
    /// <param name="vcn">What it should call itself.</param>
    /// <param name="code">The finding's id.</param>
    /// <param name="left">See <see cref="NtfsIndexNode.Parse"/>.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? ParseBlock(byte[] bytes, long vcn, bool isView, out NtfsIndexNode? node, out string code, NtfsIndexNode? left = null)
    {
        node = null;
        code = "NTFS-0301";
        ref readonly var head = ref OnDisk.View<NtfsIndexBlock>(bytes);
        if (head.Protection.Magic != NtfsIndexBlock.MagicValue)
            return $"magic: found {BinaryPrimitives.ReverseEndianness(head.Protection.Magic):X8}, expected 'INDX'";
        if (NtfsUpdateSequence.Remove(bytes, NtfsIndexBlock.Size) is { } torn)
            return torn;
        if (head.Vcn != (ulong)vcn)
            return $"calls itself block {head.Vcn}";
        code = "NTFS-0302";
        return NtfsIndexNode.Parse(bytes, NtfsIndexBlock.HeaderOffset, isView, out node, left);
    }
}
