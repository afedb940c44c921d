using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The block map of ext4: a tree of extents with its root in the inode.</summary>
internal sealed class ExtExtentTree : ExtBlockMap
{
    private readonly ExtInode _inode;
    private readonly ExtGeometry _geometry;
    private readonly ExtBlocks _blocks;
    private readonly ExtChecksums _checksums;
    private readonly byte[] _root;

    // The leaf used last, and the logical blocks that it answers for.
    private byte[] _leaf = [];
    private long _leafFrom, _leafEnd;

    public ExtExtentTree(ExtInode inode, ExtGeometry geometry, ExtBlocks blocks, ExtChecksums checksums)
    {
        _inode = inode;
        _geometry = geometry;
        _blocks = blocks;
        _checksums = checksums;
        _root = inode.Block.ToArray();
        Parse(_root, -1, 0);
    }

    public override long MaxBlocks => 1L << 32;

    public override ExtRun Find(long logical)
    {
        if (logical < _leafFrom || logical >= _leafEnd)
            Descend(logical);
        if (_leaf.Length == 0)
            return new ExtRun(logical, 0, _leafEnd - logical, false);
        var node = ExtExtentNode.Verified(_leaf);
        var at = node.IndexBefore(logical);
        if (at >= 0)
        {
            ref readonly var extent = ref node.Extents[at];
            var skipped = logical - extent.Block;
            if (skipped < extent.Count)
                return new ExtRun(logical, extent.Start + skipped, extent.Count - skipped, extent.IsUnwritten);
        }
        var next = at + 1 < node.Count ? Math.Min(node.Extents[at + 1].Block, _leafEnd) : _leafEnd;
        return new ExtRun(logical, 0, next - logical, false);
    }

    /// <summary>Whether a node in a block has the checksum that it should have, which stands behind the last possible entry.</summary>
    internal static bool IsRight(ReadOnlySpan<byte> block, uint inodeSeed)
    {
        var tail = ExtExtentHeader.Size + OnDisk.View<ExtExtentHeader>(block).Max * ExtExtent.Size;
        return tail + 4 <= block.Length && OnDisk.View<U32Le>(block, tail) == ExtChecksums.OfExtentBlock(inodeSeed, block, tail);
    }

    private void Descend(long logical)
    {
        var from = 0L;
        var end = MaxBlocks;
        var node = Parse(_root, -1, 0);
        var bytes = _root;
        while (node.Depth > 0)
        {
            var at = node.IndexBefore(logical);
            if (at + 1 < node.Count)
                end = Math.Min(end, node.Indexes[at + 1].Block);
            if (at < 0)
            {
                (_leaf, _leafFrom, _leafEnd) = ([], from, end);     // before the first index: a hole
                return;
            }
            ref readonly var index = ref node.Indexes[at];
            from = Math.Max(from, index.Block);
            var block = index.Leaf;
            bytes = _blocks.Read(block, Structure);
            node = Parse(bytes, node.Depth - 1, block);
        }
        (_leaf, _leafFrom, _leafEnd) = (bytes, from, end);
    }

    private ExtExtentNode Parse(byte[] bytes, int depth, long block)
    {
        var offset = block == 0 ? _inode.Offset + ExtInodeRecord.BlockOffset : block << _geometry.LogBlockSize;
        if (ExtExtentNode.Parse(bytes, depth, _geometry, out var node, out var code) is { } problem)
            throw new DiskFormatException(code, Structure, offset, problem);
        if (depth >= 0 && _checksums.IsOn && !IsRight(bytes, _checksums.InodeSeed(_inode.Number, _inode.Generation)))
            throw new DiskFormatException("EXT-0312", Structure, offset, "the checksum is wrong");
        return node;
    }

    private string Structure => $"Inode {_inode.Number}, extent tree";
}
