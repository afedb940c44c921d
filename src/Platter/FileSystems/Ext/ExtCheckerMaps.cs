using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>What walking an inode's map gave.</summary>
internal sealed class ExtMapFacts
{
    /// <summary>Clusters taken, those of the map itself included.</summary>
    public long Clusters { get; set; }

    /// <summary>The last mapped logical block; -1 for none.</summary>
    public long Last { get; set; } = -1;

    /// <summary>The last one that is written; -1 for none.</summary>
    public long LastWritten { get; set; } = -1;

    /// <summary>The first mapped logical block; -1 for none.</summary>
    public long First { get; set; } = -1;

    /// <summary>Mapped blocks.</summary>
    public long Blocks { get; set; }

    /// <summary>Whether a part could not be followed, so that counts would be too low.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Whether blocks of it are used by others, too.</summary>
    public bool IsShared { get; set; }

    public bool HasUnwritten { get; set; }
}

/// <summary>Walks the maps of inodes, claims their blocks, and reports what is broken.</summary>
/// <remarks>A block of a map is followed once in the whole volume: what leads to it again is reported, so no damage can lead in a circle.</remarks>
internal sealed class ExtCheckerMaps(ExtCheckState state)
{
    private readonly ExtGeometry _geometry = state.Geometry;
    private ExtInode _inode = null!;
    private ExtMapFacts _facts = null!;
    private uint _seed;
    private long _lastCluster;

    /// <summary>Claims all blocks of an inode.</summary>
    public ExtMapFacts Check(ExtInode inode)
    {
        _inode = inode;
        _facts = new ExtMapFacts();
        _lastCluster = -1;
        _seed = state.Checksums.InodeSeed(inode.Number, inode.Generation);
        if ((inode.Flags & ExtInodeFlags.Extents) != 0)
            WalkExtents(inode.Block, -1, 0, 0, 1L << 32);
        else
            WalkIndirect();
        return _facts;
    }

    // from and end: the logical blocks that the index above answers for.
    private void WalkExtents(ReadOnlySpan<byte> bytes, int depth, long block, long from, long end)
    {
        var offset = block == 0 ? _inode.Offset + ExtInodeRecord.BlockOffset : block << _geometry.LogBlockSize;
        if (ExtExtentNode.Parse(bytes, depth, _geometry, out var node, out var code) is { } problem)
        {
            Broken(code, offset, problem);
            return;
        }
        if (depth >= 0 && state.Checksums.IsOn && !ExtExtentTree.IsRight(bytes, _seed))
            Broken("EXT-0312", offset, "the checksum is wrong");
        if (depth >= 0 && node.Extents[0].Block != from)
            Broken("EXT-0313", offset, $"starts at logical block {node.Extents[0].Block}, the index that leads here says {from}");
        if (node.Depth == 0)
        {
            foreach (ref readonly var extent in node.Extents)
                TakeRun(extent.Block, extent.Start, extent.Count, extent.IsUnwritten);
            if (node.Count > 0 && _facts.Last >= end)
                Broken("EXT-0311", offset, $"goes to logical block {_facts.Last}, behind the {end} of the next index");
            return;
        }
        for (var i = 0; i < node.Count; i++)
        {
            ref readonly var index = ref node.Indexes[i];
            var next = i + 1 < node.Count ? (uint)node.Indexes[i + 1].Block : end;
            if (Follow(index.Leaf) is { } below)
                WalkExtents(below, node.Depth - 1, index.Leaf, index.Block, next);
        }
    }

    private void WalkIndirect()
    {
        var numbers = MemoryMarshal.Cast<byte, U32Le>(_inode.Block);
        TakeNumbers(numbers[..ExtIndirectBlocks.DirectBlocks], 0, _inode.Offset + ExtInodeRecord.BlockOffset);
        var bits = _geometry.LogBlockSize - 2;
        var first = (long)ExtIndirectBlocks.DirectBlocks;
        for (var level = 1; level <= ExtIndirectBlocks.Levels; level++)
        {
            uint block = numbers[ExtIndirectBlocks.DirectBlocks + level - 1];
            if (block != 0)
                WalkIndirect(block, level, first);
            first += 1L << level * bits;
        }
    }

    private void WalkIndirect(uint block, int level, long first)
    {
        if (!_geometry.IsBlock(block))
        {
            Broken("EXT-0301", _inode.Offset, $"the indirect block for logical block {first} is {block}, expected {_geometry.FirstDataBlock}..{_geometry.BlocksCount - 1}");
            return;
        }
        if (Follow(block) is not { } bytes)
            return;
        var numbers = MemoryMarshal.Cast<byte, U32Le>(bytes);
        if (level == 1)
        {
            TakeNumbers(numbers, first, (long)block << _geometry.LogBlockSize);
            return;
        }
        var each = 1L << (level - 1) * (_geometry.LogBlockSize - 2);
        foreach (var below in numbers)
        {
            if (below != 0)
                WalkIndirect(below, level - 1, first);
            first += each;
        }
    }

    private void TakeNumbers(ReadOnlySpan<U32Le> numbers, long first, long offset)
    {
        var wrong = 0;
        for (var i = 0; i < numbers.Length;)
        {
            uint number = numbers[i];
            if (number == 0)
            {
                i++;
                continue;
            }
            if (!_geometry.IsBlock(number))
            {
                if (wrong++ == 0)
                    Broken("EXT-0300", offset + i * 4L, $"logical block {first + i} is at {number}, expected {_geometry.FirstDataBlock}..{_geometry.BlocksCount - 1}");
                i++;
                continue;
            }
            var count = 1;
            while (i + count < numbers.Length && numbers[i + count] == number + (uint)count && _geometry.IsBlock(number + (uint)count))
                count++;
            TakeRun(first + i, number, count, false);
            i += count;
        }
    }

    private void TakeRun(long logical, long physical, long count, bool isUnwritten)
    {
        if (_facts.First < 0 || logical < _facts.First)
            _facts.First = logical;
        _facts.Last = Math.Max(_facts.Last, logical + count - 1);
        _facts.Blocks += count;
        _facts.HasUnwritten |= isUnwritten;
        if (!isUnwritten)
            _facts.LastWritten = Math.Max(_facts.LastWritten, logical + count - 1);
        if (_geometry.ClusterRatio == 1)
        {
            _facts.Clusters += count;
            Claim(physical, count);
            return;
        }
        // A cluster that the run before ended in is counted once, and claimed once.
        var first = (physical - _geometry.FirstDataBlock) / _geometry.ClusterRatio;
        var last = (physical + count - 1 - _geometry.FirstDataBlock) / _geometry.ClusterRatio;
        if (first == _lastCluster)
            first++;
        _lastCluster = last;
        if (first > last)
            return;
        _facts.Clusters += last - first + 1;
        var start = Math.Max(physical, first * _geometry.ClusterRatio + _geometry.FirstDataBlock);
        Claim(start, physical + count - start);
    }

    // A block of the map: claims it, and gives its bytes unless it has been followed before.
    private byte[]? Follow(long block)
    {
        _facts.Clusters++;
        if (!state.Used.Add(block, 1))
        {
            _facts.IsShared = true;
            _facts.IsBroken = true;
            state.IsIncomplete = true;
            return null;
        }
        try
        {
            return state.Blocks.Read(block, $"Inode {_inode.Number}, map");
        }
        catch (DiskFormatException e)
        {
            _facts.IsBroken = true;
            state.Error(e);
            return null;
        }
    }

    private void Claim(long block, long count)
    {
        if (!state.Used.Add(block, count))
            _facts.IsShared = true;
    }

    private void Broken(string code, long offset, string problem)
    {
        _facts.IsBroken = true;
        state.IsIncomplete = true;
        state.Error(code, $"Inode {_inode.Number}, {((_inode.Flags & ExtInodeFlags.Extents) != 0 ? "extent tree" : "block map")}", offset, problem);
    }
}
