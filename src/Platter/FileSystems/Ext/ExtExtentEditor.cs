using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Changes a tree of extents: entries are merged where they touch, full nodes split, empty ones freed, and the tree grows and shrinks at its root.</summary>
/// <remarks>The key of an index entry is the first logical block below it, kept so at every level: e2fsck asks for that.</remarks>
internal sealed class ExtExtentEditor(ExtInode inode, ExtEditState state) : ExtMapEditor(inode, state)
{
    private const int MaxUnwritten = ExtExtent.MaxInitialised - 1;

    // From the root (level 0) to the leaf: the node's block (0: in the inode) and the entry that leads on; in the leaf the entry before the place, -1 for none.
    private readonly (long Block, int Index)[] _path = new (long, int)[ExtExtentHeader.MaxDepth + 1];
    private int _leaf;
    private long _end;          // where the next leaf begins

    public override long MaxBlocks => 1L << 32;

    private ExtStructure Structure => new("Inode", Inode.Number, rest: ", extent tree");

    public override ExtRun Find(long logical)
    {
        if (logical >= MaxBlocks)
            return new ExtRun(logical, 0, long.MaxValue - logical, false);
        Descend(logical);
        var node = Read(_leaf);
        var at = _path[_leaf].Index;
        if (at >= 0)
        {
            ref readonly var extent = ref node.Extents[at];
            var skipped = logical - extent.Block;
            if (skipped < extent.Count)
                return new ExtRun(logical, extent.Start + skipped, extent.Count - skipped, extent.IsUnwritten);
        }
        var next = at + 1 < node.Count ? Math.Min((uint)node.Extents[at + 1].Block, _end) : _end;
        return new ExtRun(logical, 0, Math.Max(next - logical, 1), false);
    }

    public override void Truncate(long from)
    {
        while (LastBefore(MaxBlocks) is { } last && last.End > from)
            Remove(Math.Max(from, last.Logical), last, release: true);
        Shrink();
    }

    /// <summary>Maps a run where there is a hole. That its blocks are in use is the caller's to see to, and to count.</summary>
    public void Map(in ExtRun run) => Insert(run);

    /// <summary>Unmaps a part of the file.</summary>
    /// <param name="from">First logical block.</param>
    /// <param name="end">Behind the last one.</param>
    /// <param name="release">Whether the blocks are freed.</param>
    public void Punch(long from, long end, bool release)
    {
        while (from < end)
        {
            var run = Find(from);
            if (!run.IsHole)
            {
                var (whole, until) = (ExtentAt(from), Math.Min(run.End, end));
                Remove(from, whole with { Count = until - whole.Logical }, release, keepFrom: until, keepEnd: whole.End);
            }
            from = run.End;
        }
        Shrink();
    }

    public override void MarkWritten(long from, long end)
    {
        while (from < end)
        {
            var run = Find(from);
            if (run.IsUnwritten && !run.IsHole)
            {
                var part = run with { Count = Math.Min(run.Count, end - from) };
                var whole = ExtentAt(from);
                Remove(from, whole with { Count = part.End - whole.Logical }, release: false, keepFrom: part.End, keepEnd: whole.End);
                Insert(part with { IsUnwritten = false });
            }
            from = run.End;
        }
    }

    protected override void Insert(in ExtRun run)
    {
        var most = run.IsUnwritten ? MaxUnwritten : ExtExtent.MaxInitialised;
        if (Geometry.ClusterRatio > 1)
            most -= most % Geometry.ClusterRatio;
        for (var at = run.Logical; at < run.End; at += most)
            InsertOne(run with { Logical = at, Physical = run.Physical + (at - run.Logical), Count = Math.Min(most, run.End - at) });
    }

    private void InsertOne(in ExtRun run)
    {
        Descend(run.Logical);
        if (TryMerge(run))
            return;
        while (Read(_leaf).Count == MaxOf(_leaf))
        {
            MakeRoom();
            Descend(run.Logical);
        }
        var at = _path[_leaf].Index + 1;
        var bytes = Edit(_leaf);
        int count = OnDisk.View<ExtExtentHeader>(bytes).Entries;
        var entries = Entries(bytes, count + 1);
        entries[at..count].CopyTo(entries[(at + 1)..]);
        entries[at] = Encode(run);
        OnDisk.Edit<ExtExtentHeader>(bytes).Entries = (ushort)(count + 1);
        Seal(_leaf, bytes);
        if (at == 0)
            FixKeys();
    }

    // With the entry before or behind, or both.
    private bool TryMerge(in ExtRun run)
    {
        var node = Read(_leaf);
        var at = _path[_leaf].Index;
        var left = at >= 0 ? Decode(node.Extents[at]) : default;
        var right = at + 1 < node.Count ? Decode(node.Extents[at + 1]) : default;
        var joinsLeft = left.Count > 0 && Touch(left, run);
        var joinsRight = right.Count > 0 && Touch(run, right);
        if (!joinsLeft && !joinsRight)
            return false;
        var bytes = Edit(_leaf);
        int count = OnDisk.View<ExtExtentHeader>(bytes).Entries;
        var entries = Entries(bytes, count);
        if (joinsLeft)
        {
            left = left with { Count = left.Count + run.Count };
            if (right.Count > 0 && Touch(left, right))
            {
                left = left with { Count = left.Count + right.Count };
                entries[(at + 2)..].CopyTo(entries[(at + 1)..]);
                entries[count - 1] = default;
                OnDisk.Edit<ExtExtentHeader>(bytes).Entries = (ushort)(count - 1);
            }
            entries[at] = Encode(left);
        }
        else
        {
            entries[at + 1] = Encode(right with { Logical = run.Logical, Physical = run.Physical, Count = run.Count + right.Count });
        }
        Seal(_leaf, bytes);
        if (!joinsLeft && at < 0)
        {
            _path[_leaf].Index = 0;
            FixKeys();
        }
        return true;
    }

    private static bool Touch(in ExtRun left, in ExtRun right) => left.End == right.Logical && left.Physical + left.Count == right.Physical
        && left.IsUnwritten == right.IsUnwritten && left.Count + right.Count <= (left.IsUnwritten ? MaxUnwritten : ExtExtent.MaxInitialised);

    /// <summary>Unmaps the end of an extent, or all of it.</summary>
    /// <param name="from">First logical block that goes.</param>
    /// <param name="extent">The extent, up to where it goes.</param>
    /// <param name="release">Whether the blocks are freed.</param>
    /// <param name="keepFrom">What stays behind: its first block.</param>
    /// <param name="keepEnd">And its end; 0 for nothing.</param>
    private void Remove(long from, in ExtRun extent, bool release, long keepFrom = 0, long keepEnd = 0)
    {
        var gone = new ExtRun(from, extent.Physical + (from - extent.Logical), extent.End - from, extent.IsUnwritten);
        Descend(extent.Logical);
        var at = _path[_leaf].Index;
        var bytes = Edit(_leaf);
        int count = OnDisk.View<ExtExtentHeader>(bytes).Entries;
        var entries = Entries(bytes, count);
        var rest = keepEnd > keepFrom ? new ExtRun(keepFrom, extent.Physical + (keepFrom - extent.Logical), keepEnd - keepFrom, extent.IsUnwritten) : default;
        if (from > extent.Logical)
        {
            entries[at] = Encode(extent with { Count = from - extent.Logical });
            Seal(_leaf, bytes);
            if (rest.Count > 0)
                InsertOne(rest);
        }
        else if (rest.Count > 0)
        {
            entries[at] = Encode(rest);
            Seal(_leaf, bytes);
            if (at == 0)
                FixKeys();
        }
        else
        {
            RemoveEntry(_leaf);
        }
        if (release)
            Release(gone.Logical, gone.Physical, gone.Count);
    }

    // The entry of the path at a level; a node that gets empty goes with its own entry above.
    private void RemoveEntry(int level)
    {
        while (true)
        {
            var at = _path[level].Index;
            var bytes = Edit(level);
            int count = OnDisk.View<ExtExtentHeader>(bytes).Entries;
            var entries = Entries(bytes, count);
            entries[(at + 1)..].CopyTo(entries[at..]);
            entries[count - 1] = default;
            OnDisk.Edit<ExtExtentHeader>(bytes).Entries = (ushort)(count - 1);
            if (count > 1 || level == 0)
            {
                if (count == 1)
                    OnDisk.Edit<ExtExtentHeader>(bytes).Depth = 0;
                Seal(level, bytes);
                if (at == 0 && level > 0 && count > 1)
                {
                    _leaf = level;
                    FixKeys();
                }
                return;
            }
            ReleaseNode(_path[level].Block);
            level--;
        }
    }

    // A root with one entry takes over what is below, as far as it fits.
    private void Shrink()
    {
        while (true)
        {
            var root = Parse(Inode.EditBlock, -1, 0);
            if (root.Depth == 0 || root.Count != 1)
                return;
            var block = root.Indexes[0].Leaf;
            var child = Parse(State.Blocks.Read(block, Structure), root.Depth - 1, block);
            if (child.Count > MaxOf(0))
                return;
            var entries = child.Extents.ToArray();
            ref var header = ref OnDisk.Edit<ExtExtentHeader>(Inode.EditBlock);
            header.Depth = (ushort)child.Depth;
            header.Entries = (ushort)entries.Length;
            var space = Entries(Inode.EditBlock, MaxOf(0));
            space.Clear();
            entries.CopyTo(space);
            ReleaseNode(block);
        }
    }

    // One more entry will fit into the leaf of the path, or the tree is one level higher: the caller goes down again.
    private void MakeRoom()
    {
        var level = _leaf;
        while (level > 0 && CountOf(level - 1) == MaxOf(level - 1))
            level--;
        if (level == 0)
            Grow();
        else
            Split(level);
    }

    // The root's entries go to a new block, and the root leads to it.
    private void Grow()
    {
        if (_leaf == ExtExtentHeader.MaxDepth)
            throw Broken("EXT-0310", $"needs an extent tree of more than {ExtExtentHeader.MaxDepth} levels");
        var block = TakeNode();
        var bytes = State.Changes.New(block);
        var root = Inode.EditBlock;
        root[..(ExtExtentHeader.Size + CountOf(0) * ExtExtent.Size)].CopyTo(bytes);
        OnDisk.Edit<ExtExtentHeader>(bytes).Max = NodeRoom;
        SealBlock(bytes);
        var first = OnDisk.View<ExtExtent>(bytes, ExtExtentHeader.Size).Block;
        ref var header = ref OnDisk.Edit<ExtExtentHeader>(root);
        header.Entries = 1;
        header.Depth = (ushort)(header.Depth + 1);
        root[ExtExtentHeader.Size..].Clear();
        SetIndex(Entries(root, 1), 0, first, block);
    }

    // The upper half of a full node goes to a new one; where the place is at the end, as when a file is appended to, only the last entry does.
    private void Split(int level)
    {
        var block = TakeNode();
        var bytes = Edit(level);
        var fresh = State.Changes.New(block);
        ref var header = ref OnDisk.Edit<ExtExtentHeader>(bytes);
        int count = header.Entries;
        if (count < 2)
            throw Broken("EXT-0310", "has a node of its extent tree with room for one entry");
        var keep = _path[level].Index >= count - 1 ? count - 1 : count / 2;
        var entries = Entries(bytes, count);
        ref var newHeader = ref OnDisk.Edit<ExtExtentHeader>(fresh);
        newHeader.Magic = ExtExtentHeader.MagicValue;
        newHeader.Entries = (ushort)(count - keep);
        newHeader.Max = NodeRoom;
        newHeader.Depth = header.Depth;
        entries[keep..].CopyTo(Entries(fresh, count - keep));
        entries[keep..].Clear();
        header.Entries = (ushort)keep;
        Seal(level, bytes);
        SealBlock(fresh);
        var first = OnDisk.View<ExtExtent>(fresh, ExtExtentHeader.Size).Block;

        var above = Edit(level - 1);
        int aboveCount = OnDisk.View<ExtExtentHeader>(above).Entries;
        var at = _path[level - 1].Index + 1;
        var aboveEntries = Entries(above, aboveCount + 1);
        aboveEntries[at..aboveCount].CopyTo(aboveEntries[(at + 1)..]);
        SetIndex(aboveEntries, at, first, block);
        OnDisk.Edit<ExtExtentHeader>(above).Entries = (ushort)(aboveCount + 1);
        Seal(level - 1, above);
    }

    // The first key of the leaf changed: so do those of the indexes that lead to it, as long as it is the first below them.
    private void FixKeys()
    {
        for (var level = _leaf; level > 0; level--)
        {
            var first = OnDisk.View<ExtExtent>(State.Blocks.Read(_path[level].Block, Structure), ExtExtentHeader.Size).Block;
            var above = Edit(level - 1);
            OnDisk.Edit<ExtExtentIndex>(above, ExtExtentHeader.Size + _path[level - 1].Index * ExtExtent.Size).Block = first;
            Seal(level - 1, above);
            if (_path[level - 1].Index != 0)
                return;
        }
    }

    private void Descend(long logical)
    {
        _end = MaxBlocks;
        var node = Parse(Inode.EditBlock, -1, 0);
        var block = 0L;
        for (_leaf = 0; ; _leaf++)
        {
            var at = node.IndexBefore(logical);
            _path[_leaf] = (block, at);
            if (node.Depth == 0)
                return;
            // What comes before the first key belongs to the first node: its keys are lowered when it gets there.
            at = Math.Max(at, 0);
            _path[_leaf].Index = at;
            if (at + 1 < node.Count)
                _end = Math.Min(_end, node.Indexes[at + 1].Block);
            if (node.Count == 0)
                throw new DiskFormatException("EXT-0310", Structure.ToString(), Inode.Offset, "an index node has no entries");
            block = node.Indexes[at].Leaf;
            long key = (uint)node.Indexes[at].Block;
            node = Parse(State.Blocks.Read(block, Structure), node.Depth - 1, block);

            // Else what is found by one way down is not what the next one finds, and a change would never end.
            var last = node.Depth == 0 ? Decode(node.Extents[node.Count - 1]).End - 1 : (uint)node.Indexes[node.Count - 1].Block;
            if (node.Extents[0].Block != key || last >= _end)
                throw new DiskFormatException("EXT-0313", Structure.ToString(), block << Geometry.LogBlockSize, $"has logical blocks {(uint)node.Extents[0].Block}..{last}, expected to start at {key} and to end before {_end}");
        }
    }

    // The last extent that starts before a logical block.
    private ExtRun? LastBefore(long logical)
    {
        Descend(logical - 1);
        var node = Read(_leaf);
        return _path[_leaf].Index >= 0 ? Decode(node.Extents[_path[_leaf].Index]) : null;
    }

    private ExtRun ExtentAt(long logical)
    {
        Descend(logical);
        return Decode(Read(_leaf).Extents[_path[_leaf].Index]);
    }

    private ExtExtentNode Parse(ReadOnlySpan<byte> bytes, int depth, long block)
    {
        if (ExtExtentNode.Parse(bytes, depth, Geometry, out var node, out var code) is { } problem)
            throw new DiskFormatException(code, Structure.ToString(), block == 0 ? Inode.Offset + ExtInodeRecord.BlockOffset : block << Geometry.LogBlockSize, problem);
        if (depth >= 0 && State.Checksums.IsOn && !State.Changes.Contains(block) && !ExtExtentTree.IsRight(bytes, Seed))
            throw new DiskFormatException("EXT-0312", Structure.ToString(), block << Geometry.LogBlockSize, "the checksum is wrong");
        return node;
    }

    private ExtExtentNode Read(int level) => ExtExtentNode.Verified(_path[level].Block == 0 ? Inode.Block : State.Blocks.Read(_path[level].Block, Structure));

    private Span<byte> Edit(int level) => _path[level].Block == 0 ? Inode.EditBlock : State.Edit(_path[level].Block, Structure);

    private int CountOf(int level) => Read(level).Count;

    private int MaxOf(int level) => OnDisk.View<ExtExtentHeader>(_path[level].Block == 0 ? Inode.Block : State.Blocks.Read(_path[level].Block, Structure)).Max;

    private ushort NodeRoom => (ushort)((Geometry.BlockSize - ExtExtentHeader.Size) / ExtExtent.Size);

    private uint Seed => State.Checksums.InodeSeed(Inode.Number, Inode.Generation);

    private void Seal(int level, Span<byte> bytes)
    {
        if (_path[level].Block != 0)
            SealBlock(bytes);
    }

    private void SealBlock(Span<byte> bytes)
    {
        if (!State.Checksums.IsOn)
            return;
        var tail = ExtExtentHeader.Size + OnDisk.View<ExtExtentHeader>(bytes).Max * ExtExtent.Size;
        if (tail + 4 <= bytes.Length)
            OnDisk.Edit<U32Le>(bytes, tail) = ExtChecksums.OfExtentBlock(Seed, bytes, tail);
    }

    private static Span<ExtExtent> Entries(Span<byte> bytes, int count) =>
        MemoryMarshal.Cast<byte, ExtExtent>(bytes.Slice(ExtExtentHeader.Size, count * ExtExtent.Size));

    private static void SetIndex(Span<ExtExtent> entries, int at, uint logical, long block)
    {
        entries[at] = default;
        ref var index = ref OnDisk.Edit<ExtExtentIndex>(MemoryMarshal.AsBytes(entries.Slice(at, 1)));
        index.Block = logical;
        index.LeafLo = (uint)block;
        index.LeafHi = (ushort)(block >> 32);
    }

    private static ExtRun Decode(in ExtExtent extent) => new(extent.Block, extent.Start, extent.Count, extent.IsUnwritten);

    private static ExtExtent Encode(in ExtRun run) => new()
    {
        Block = (uint)run.Logical,
        Length = (ushort)(run.IsUnwritten ? run.Count + ExtExtent.MaxInitialised : run.Count),
        StartLo = (uint)run.Physical,
        StartHi = (ushort)(run.Physical >> 32),
    };
}
