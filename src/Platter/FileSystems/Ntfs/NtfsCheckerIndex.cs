using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What an index is expected to be.</summary>
/// <param name="Name">Its name.</param>
/// <param name="KeyType">The attribute that it indexes; 0 in view indexes.</param>
/// <param name="Rule">The order of its keys.</param>
internal readonly record struct NtfsIndexKind(string Name, uint KeyType, NtfsCollationRule Rule)
{
    public static NtfsIndexKind Directory { get; } = new(NtfsDirectory.IndexName, (uint)NtfsAttributeType.FileName, NtfsCollationRule.FileName);
}

/// <summary>Looks at one index: its nodes, their order, and which blocks are in use.</summary>
internal sealed class NtfsCheckerIndex(NtfsCheckState state)
{
    private const int MaxBitmap = 16 << 20;

    private readonly List<(NtfsIndexNode Node, int Next, bool IsBelowDone)> _way = [];
    private readonly HashSet<long> _reached = [];
    private NtfsIndex _index = null!;
    private NtfsContent? _allocation;
    private string _structure = "", _name = "";
    private long _number;
    private bool _isWhole;
    private long _disordered;

    /// <summary>Goes through an index, in order.</summary>
    /// <param name="file">The file that has it.</param>
    /// <param name="kind">What it should be.</param>
    /// <param name="visit">Is given each entry.</param>
    /// <returns>Whether all of it could be read.</returns>
    public bool Check(NtfsFile file, NtfsIndexKind kind, Action<NtfsIndexItem> visit)
    {
        _way.Clear();
        _reached.Clear();
        _isWhole = true;
        _disordered = 0;
        (_number, _name) = (file.Base.Number, kind.Name);
        _structure = $"{file.Base.Structure}, index {kind.Name}";
        if (state.Facts[file.Base.Number].Is(NtfsFacts.Shares))
            return false;
        try
        {
            if (NtfsIndex.Open(state.Geometry, file, kind.Name, state.Nodes) is not { } index)
            {
                // Told with the file.
                state.MarkWrong(_number, _name);
                return false;
            }
            _index = index;
            _allocation = file.Open(NtfsAttributeType.IndexAllocation, kind.Name);
        }
        catch (DiskFormatException e)
        {
            Report(e);
            return false;
        }
        CheckRoot(file, kind);
        Walk(file, kind, visit);
        if (_disordered > 0)
            Error("NTFS-0308", _structure, file.Base.Offset, $"{_disordered} keys are not behind the one before them");
        CheckBlocks(file, kind);
        return _isWhole;
    }

    private void Error(string code, string structure, long? offset, string message)
    {
        state.MarkWrong(_number, _name);
        state.Error(code, structure, offset, message);
    }

    private void Warning(string code, string structure, long? offset, string message)
    {
        state.MarkWrong(_number, _name);
        state.Warning(code, structure, offset, message);
    }

    private void Report(DiskFormatException e)
    {
        state.MarkWrong(_number, _name);
        state.Error(e, _number);
    }

    private void CheckRoot(NtfsFile file, NtfsIndexKind kind)
    {
        ref readonly var root = ref OnDisk.View<NtfsIndexRoot>(_index.Root.Bytes);
        if (root.AttributeType != kind.KeyType || _index.Rule != kind.Rule)
            Error("NTFS-0313", _structure, file.Base.Offset, $"indexes attribute 0x{(uint)root.AttributeType:X} by the rule 0x{(uint)_index.Rule:X}, expected 0x{kind.KeyType:X} by 0x{(uint)kind.Rule:X}");
        var perBlock = _index.BlockSize / state.Geometry.IndexUnit(_index.BlockSize);
        if (root.ClustersPerBlock != perBlock)
            Warning("NTFS-0313", _structure, file.Base.Offset, $"clustersPerBlock: found {root.ClustersPerBlock}, expected {perBlock}");
        if (_index.BlockSize != state.Geometry.IndexBlockSize)
            Warning("NTFS-0313", _structure, file.Base.Offset, $"has blocks of {_index.BlockSize} bytes, the boot sector says {state.Geometry.IndexBlockSize}");
        CheckNode(_index.Root, "the root");
    }

    private void CheckNode(NtfsIndexNode node, string what)
    {
        for (var i = 0; i < node.Count; i++)
        {
            if (node[i].HasSubNode == node.HasSubNodes)
                continue;
            Error("NTFS-0307", _structure, null, $"{what} {(node.HasSubNodes ? "has" : "has no")} sub-nodes by its header, and entry {i} says otherwise");
            return;
        }
    }

    private void Walk(NtfsFile file, NtfsIndexKind kind, Action<NtfsIndexItem> visit)
    {
        NtfsIndexItem? before = null;
        var canCompare = _index.Rule == kind.Rule && (kind.Rule != NtfsCollationRule.FileName || state.Upcase is not null);
        _way.Add((_index.Root, 0, false));
        while (_way.Count > 0)
        {
            var (node, next, isBelowDone) = _way[^1];
            var item = node[next];
            if (item.HasSubNode && !isBelowDone)
            {
                _way[^1] = (node, next, true);
                if (Enter(file, item.SubNode) is { } block)
                    _way.Add((block, 0, false));
                continue;
            }
            if (item.IsEnd)
            {
                _way.RemoveAt(_way.Count - 1);
                continue;
            }
            _way[^1] = (node, next + 1, false);
            if (canCompare && before is { } last && NtfsCollation.Compare(kind.Rule, last.Key, item.Key, state.Upcase!) >= 0)
                _disordered++;
            before = item;
            visit(item);
        }
    }

    private NtfsIndexNode? Enter(NtfsFile file, long vcn)
    {
        if (_way.Count > NtfsIndex.MaxDepth)
        {
            Broken("NTFS-0304", file, $"has more than {NtfsIndex.MaxDepth} levels");
            return null;
        }
        if (!_reached.Add(vcn))
        {
            Broken("NTFS-0304", file, $"reaches the block {vcn} twice");
            return null;
        }
        if (vcn % (_index.BlockSize / state.Geometry.IndexUnit(_index.BlockSize)) != 0)
        {
            Broken("NTFS-0306", file, $"an entry leads to block {vcn}, where none starts");
            return null;
        }
        try
        {
            var block = _index.Block(vcn);
            CheckNode(block, $"block {vcn}");
            ref readonly var head = ref OnDisk.View<NtfsIndexHeader>(block.Bytes, NtfsIndexBlock.HeaderOffset);
            if (head.AllocatedSize != _index.BlockSize - NtfsIndexBlock.HeaderOffset)
                Warning("NTFS-0320", _structure, null, $"block {vcn} has room for {head.AllocatedSize} bytes, expected {_index.BlockSize - NtfsIndexBlock.HeaderOffset}");
            if (block is { Count: 1, HasSubNodes: false })
                Warning("NTFS-0312", _structure, null, $"block {vcn} has no entries");
            return block;
        }
        catch (DiskFormatException e)
        {
            state.MarkWrong(_number, _name);
            state.Error(e);
            _isWhole = false;
            return null;
        }
    }

    private void Broken(string code, NtfsFile file, string problem)
    {
        _isWhole = false;
        Error(code, _structure, file.Base.Offset, problem);
    }

    private void CheckBlocks(NtfsFile file, NtfsIndexKind kind)
    {
        var perBlock = _index.BlockSize / state.Geometry.IndexUnit(_index.BlockSize);
        var blocks = (_allocation?.Length ?? 0) / _index.BlockSize;
        if (_allocation is null)
        {
            if (_index.Root.HasSubNodes)
                Error("NTFS-0311", _structure, file.Base.Offset, "has sub-nodes, and no $INDEX_ALLOCATION");
            return;
        }
        if (_allocation.Length % _index.BlockSize != 0)
            Error("NTFS-0311", _structure, file.Base.Offset, $"$INDEX_ALLOCATION has {_allocation.Length} bytes, no multiple of {_index.BlockSize}");
        var bits = ReadBitmap(file, kind, blocks);
        if (bits is null)
            return;
        long unset = 0, firstUnset = -1, used = 0;
        foreach (var vcn in _reached)
        {
            var block = vcn / perBlock;
            if (vcn < 0 || block >= Math.Min(blocks, bits.Length))
                continue;
            used++;
            if (!bits[block])
                firstUnset = unset++ == 0 ? block : Math.Min(firstUnset, block);
            bits[block] = false;
        }
        if (unset > 0)
            Error("NTFS-0309", _structure, file.Base.Offset, $"{unset} of {used} blocks in use are free in $BITMAP, the first is block {firstUnset}");
        var left = bits.CountSet();
        if (left > 0 && _isWhole)
            Error("NTFS-0310", _structure, file.Base.Offset, $"{left} blocks are marked as in use, and no entry leads to them, the first is block {bits.NextSet(0, bits.Length)}");
    }

    private Bitmap? ReadBitmap(NtfsFile file, NtfsIndexKind kind, long blocks)
    {
        try
        {
            var content = file.Open(NtfsAttributeType.Bitmap, kind.Name);
            if (content is null || content.Length < (blocks + 7) / 8)
            {
                Error("NTFS-0311", _structure, file.Base.Offset, content is null ? "has $INDEX_ALLOCATION, and no $BITMAP" : $"$BITMAP has {content.Length} bytes for {blocks} blocks");
                if (content is null)
                    return null;
            }
            // Bits behind the last block count, too: those blocks would not be used when they come.
            var bytes = new byte[(int)Math.Min(MaxBitmap, Math.Min(content.Length, (blocks + 7) / 8 + 8))];
            content.Read(0, bytes);
            var bits = new Bitmap(bytes.Length * 8L);
            bits.Load(0, bytes);
            return bits;
        }
        catch (DiskFormatException e)
        {
            Report(e);
            return null;
        }
    }
}
