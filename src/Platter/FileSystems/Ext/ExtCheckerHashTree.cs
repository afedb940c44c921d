using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The hash tree of one directory: its nodes, that every leaf is led to once, and that its names have hashes of its range.</summary>
internal sealed class ExtCheckerHashTree(ExtCheckState state, ExtInode inode, ExtBlockMap map, long blocks)
{
    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly uint _seed = state.Checksums.InodeSeed(inode.Number, inode.Generation);

    // What the index says of each block: the first hash of a leaf, and the last it may hold.
    private readonly Dictionary<long, (uint First, uint Last)> _leaves = [];
    private readonly HashSet<long> _nodes = [];
    private ExtHashVersion _version;
    private bool _isSound, _hasReportedRange;

    /// <summary>Reads the tree.</summary>
    public void Check()
    {
        _nodes.Add(0);
        if (Read(0) is not { } block)
            return;
        var directory = new ExtHashTreeRules(_geometry, state.Checksums);
        if (directory.ParseRoot(block, out var info, out var root) is { } problem)
        {
            state.Error("EXT-0220", Structure(0), Offset(0), problem);
            return;
        }
        if (info.UnusedFlags != 0 || info.Reserved != 0)
            state.Error("EXT-0220", Structure(0), Offset(0), $"reserved fields: found {info.Reserved} and {info.UnusedFlags}, expected 0");
        _version = ExtNameHash.Resolve(info.HashVersion, _geometry.Super.Flags.Value);
        _isSound = true;
        if (state.Checksums.IsOn && !root.IsRight(_seed))
            state.Error("EXT-0222", Structure(0), Offset(0), "the checksum of the hash tree's root is wrong");
        Walk(root, info.IndirectLevels, 0, 0, uint.MaxValue);
    }

    /// <summary>Whether a block holds a node rather than entries.</summary>
    public bool IsIndexBlock(long block) => _nodes.Contains(block);

    /// <summary>Takes a name that stands in a block.</summary>
    public void Take(long block, ReadOnlySpan<byte> name)
    {
        if (!_isSound || block == 0 || _hasReportedRange || _version == ExtHashVersion.SipHash || !_leaves.TryGetValue(block, out var range))
            return;
        if ((inode.Flags & ExtInodeFlags.Casefold) != 0)
        {
            if (!System.Text.Ascii.IsValid(name))
                return;     // folding beyond ASCII is not certain enough to call it damage
            Span<byte> folded = stackalloc byte[name.Length];
            System.Text.Ascii.ToLower(name, folded, out _);
            TakeHash(block, folded, range);
            return;
        }
        TakeHash(block, name, range);
    }

    /// <summary>Looks for blocks that no index leads to.</summary>
    public void Finish()
    {
        for (var block = 1L; _isSound && block < blocks; block++)
        {
            if (!_leaves.ContainsKey(block) && !_nodes.Contains(block))
            {
                state.Error("EXT-0225", Structure(block), null, "the hash tree does not lead to this block");
                return;
            }
        }
    }

    private void TakeHash(long block, ReadOnlySpan<byte> name, (uint First, uint Last) range)
    {
        var (hash, _) = ExtNameHash.Compute(name, _version, _geometry.Super.HashSeed);
        if (hash >= range.First && hash <= range.Last)
            return;
        _hasReportedRange = true;
        state.Error("EXT-0224", Structure(block), Offset(block), $"'{EscapedUtf8.Decode(name)}' has the hash 0x{hash:X8}, expected 0x{range.First:X8}..0x{range.Last:X8}");
    }

    private void Walk(ExtHashNode node, int levels, long at, uint first, uint last)
    {
        for (var i = 0; i < node.Count; i++)
        {
            var from = i == 0 ? first : node.Hash(i) & ~1u;
            var to = i + 1 < node.Count ? node.Hash(i + 1) & ~1u : last;
            if (from < first || to < from)
            {
                state.Error("EXT-0224", Structure(at), Offset(at), $"index entry {i} is for the hashes 0x{from:X8}..0x{to:X8}, which is out of order");
                _isSound = false;
                return;
            }
            long block = node.Block(i);
            if (block == 0 || block >= blocks)
            {
                state.Error("EXT-0223", Structure(at), Offset(at), $"index entry {i} leads to block {block}, expected 1..{blocks - 1}");
                _isSound = false;
            }
            else if (_nodes.Contains(block) || !(levels == 0 ? _leaves.TryAdd(block, (from, to)) : _nodes.Add(block)))
            {
                state.Error("EXT-0223", Structure(at), Offset(at), $"index entry {i} leads to block {block}, as another does");
                _isSound = false;
            }
            else if (levels > 0)
            {
                WalkNode(block, levels - 1, from, to);
            }
        }
    }

    private void WalkNode(long block, int levels, uint first, uint last)
    {
        if (Read(block) is not { } bytes)
            return;
        ref readonly var head = ref OnDisk.View<ExtDirectoryEntryHead>(bytes);
        if (head.Inode != 0 || ExtDirectoryBlock.DecodeLength(head.RecordLength, bytes.Length) != bytes.Length)
        {
            state.Error("EXT-0221", Structure(block), Offset(block), "should be a node of the hash tree: one empty entry over the whole block");
            _isSound = false;
            return;
        }
        if (ExtHashNode.Parse(bytes, ExtHashTree.NodeEntriesOffset, state.Checksums.IsOn, out var node) is { } problem)
        {
            state.Error("EXT-0221", Structure(block), Offset(block), problem);
            _isSound = false;
            return;
        }
        if (state.Checksums.IsOn && !node.IsRight(_seed))
            state.Error("EXT-0222", Structure(block), Offset(block), "the checksum of the hash tree's node is wrong");
        Walk(node, levels, block, first, last);
    }

    private byte[]? Read(long block)
    {
        var run = block < blocks ? map.Find(block) : default;
        if (run.HasData)
            return state.Blocks.Read(run.Physical, Structure(block));
        state.Error("EXT-0203", Structure(block), inode.Offset, "a block of the hash tree is a hole");
        _isSound = false;
        return null;
    }

    private long Offset(long block)
    {
        var run = map.Find(block);
        return run.HasData ? run.Physical << _geometry.LogBlockSize : -1;
    }

    private string Structure(long block) => $"Directory {inode.Number}, block {block}";
}
