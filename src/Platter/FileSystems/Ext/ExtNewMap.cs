using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The map of a file on a volume that is being made: grows at its end, and takes the blocks it needs for itself where mke2fs takes them.</summary>
internal abstract class ExtNewMap
{
    /// <summary>Clusters taken, those of the map included: what i_blocks counts.</summary>
    public long Clusters { get; protected set; }

    /// <summary>Blocks of content.</summary>
    public long Blocks { get; private set; }

    /// <summary>The last block of content; 0 when there is none.</summary>
    public long Last { get; private set; }

    public abstract ExtInodeFlags Flags { get; }

    public static ExtNewMap For(ExtNewVolume volume, uint inode) =>
        volume.Geometry.Has(ExtIncompat.Extents) ? new ExtNewExtents(volume, inode) : new ExtNewIndirectBlocks(volume);

    /// <summary>Takes one more block, in the cluster of the last one when that has room; returns it.</summary>
    public long Append(long goal) => AppendRun(goal, 1).Start;

    /// <summary>Takes up to so many more blocks that lie together.</summary>
    public LongRange AppendRun(long goal, long most)
    {
        var run = Extend(goal, most);
        Blocks += run.Length;
        Last = run.End - 1;
        return run;
    }

    /// <summary>Maps blocks that were taken elsewhere, in the order of the file, as a piece of its own. No more than fit into the inode.</summary>
    public void Place(ReadOnlySpan<long> blocks, int clusters)
    {
        for (var i = 0; i < blocks.Length; i++)
        {
            PlaceNext(blocks[i], isOfItsOwn: i == 0);
            Blocks++;
            Last = blocks[i];
        }
        Clusters += clusters;
    }

    /// <summary>Writes the map: its root into an inode, its blocks to the volume.</summary>
    public abstract void Save(Span<byte> inodeBlock);

    protected abstract LongRange Extend(long goal, long most);

    protected abstract void PlaceNext(long block, bool isOfItsOwn);
}

/// <summary>Extents: at most four in the inode, more in leaves.</summary>
internal sealed class ExtNewExtents(ExtNewVolume volume, uint inode) : ExtNewMap
{
    private const int RoomInRoot = (ExtInodeRecord.BlockLength - ExtExtentHeader.Size) / ExtExtent.Size;

    private readonly List<(long Logical, long Physical, int Count)> _extents = [];

    // Blocks of leaves, and the extent with which each begins. None: all are in the root.
    private readonly List<(long Block, int First)> _leaves = [];

    public override ExtInodeFlags Flags => ExtInodeFlags.Extents;

    private int RoomInLeaf => (volume.Geometry.BlockSize - ExtExtentHeader.Size) / ExtExtent.Size;

    public override void Save(Span<byte> inodeBlock)
    {
        inodeBlock.Clear();
        if (_leaves.Count == 0)
        {
            Write(inodeBlock, 0, _extents.Count, RoomInRoot);
            return;
        }
        Header(inodeBlock, _leaves.Count, RoomInRoot).Depth = 1;
        for (var i = 0; i < _leaves.Count; i++)
        {
            var (block, first) = _leaves[i];
            var end = i + 1 < _leaves.Count ? _leaves[i + 1].First : _extents.Count;
            ref var index = ref OnDisk.Edit<ExtExtentIndex>(inodeBlock, ExtExtentHeader.Size + i * ExtExtent.Size);
            index.Block = (uint)_extents[first].Logical;
            index.LeafLo = (uint)block;
            index.LeafHi = (ushort)(block >> 32);

            var bytes = new byte[volume.Geometry.BlockSize];
            Write(bytes, first, end, RoomInLeaf);
            if (volume.Checksums.IsOn)
            {
                var tail = ExtExtentHeader.Size + RoomInLeaf * ExtExtent.Size;
                OnDisk.Edit<U32Le>(bytes, tail) = ExtChecksums.OfExtentBlock(volume.Checksums.InodeSeed(inode, 0), bytes, tail);
            }
            volume.WriteBlock(block, bytes);
        }
    }

    protected override LongRange Extend(long goal, long most)
    {
        var ratio = volume.Geometry.ClusterRatio;
        var longest = ExtExtent.MaxInitialised & ~(ratio - 1);
        var run = new LongRange(Last + 1, 1);
        if (Last == 0 || volume.Space.ClusterOf(Last) != volume.Space.ClusterOf(Last + 1))
        {
            run = volume.Space.Take(goal, Math.Min(most, longest));
            Clusters += (run.Length + ratio - 1) / ratio;
        }
        Place(run, longest);
        return run;
    }

    protected override void PlaceNext(long block, bool isOfItsOwn) => Place(new LongRange(block, 1), isOfItsOwn ? 0 : ExtExtent.MaxInitialised);

    private void Place(LongRange run, int longest)
    {
        var last = _extents.Count > 0 ? _extents[^1] : default;
        if (_extents.Count > 0 && run.Start == last.Physical + last.Count && last.Count + run.Length <= longest)
            _extents[^1] = (last.Logical, last.Physical, last.Count + (int)run.Length);
        else
            Add((Blocks, run.Start, (int)run.Length));
    }

    // A root that is full moves into a leaf as a whole; a full leaf hands its last extent on to a new one.
    private void Add((long Logical, long Physical, int Count) extent)
    {
        if (_leaves.Count == 0 ? _extents.Count == RoomInRoot : _extents.Count - _leaves[^1].First == RoomInLeaf)
        {
            if (_leaves.Count == RoomInRoot)
                throw new ArgumentException("the journal would lie in too many pieces: larger blocks, flex_bg or a smaller journal_size make it fit");
            var first = _leaves.Count == 0 ? 0 : _leaves[^1].First;
            var block = volume.Space.Take(_extents[first].Physical - volume.Geometry.ClusterRatio);
            Clusters++;
            _leaves.Add((block, _leaves.Count == 0 ? 0 : _extents.Count - 1));
        }
        _extents.Add(extent);
    }

    private void Write(Span<byte> node, int first, int end, int room)
    {
        Header(node, end - first, room);
        for (var i = first; i < end; i++)
        {
            ref var extent = ref OnDisk.Edit<ExtExtent>(node, ExtExtentHeader.Size + (i - first) * ExtExtent.Size);
            extent.Block = (uint)_extents[i].Logical;
            extent.Length = (ushort)_extents[i].Count;
            extent.StartHi = (ushort)(_extents[i].Physical >> 32);
            extent.StartLo = (uint)_extents[i].Physical;
        }
    }

    private static ref ExtExtentHeader Header(Span<byte> node, int entries, int room)
    {
        ref var header = ref OnDisk.Edit<ExtExtentHeader>(node);
        header.Magic = ExtExtentHeader.MagicValue;
        header.Entries = (ushort)entries;
        header.Max = (ushort)room;
        return ref header;
    }
}

/// <summary>Direct blocks, and indirect ones of three levels, each taken before the first block that it names.</summary>
internal sealed class ExtNewIndirectBlocks(ExtNewVolume volume) : ExtNewMap
{
    private readonly uint[] _root = new uint[15];

    // The indirect blocks that are being filled: [0] names content, [1] those, [2] those again.
    private readonly (long Block, uint[] Names)[] _open = new (long, uint[])[3];

    public override ExtInodeFlags Flags => ExtInodeFlags.None;

    private int Names => volume.Geometry.BlockSize / 4;

    public override void Save(Span<byte> inodeBlock)
    {
        for (var level = 0; level < _open.Length; level++)
            Close(level);
        for (var i = 0; i < _root.Length; i++)
            OnDisk.Edit<U32Le>(inodeBlock, 4 * i) = _root[i];
    }

    protected override LongRange Extend(long goal, long most)
    {
        var at = Blocks - ExtIndirectBlocks.DirectBlocks;
        long names = Names;
        if (at < 0)
            return new LongRange(_root[Blocks] = Take(goal), 1);
        var level = at < names ? 0 : (at -= names) < names * names ? 1 : (at -= names * names) < names * names * names ? 2
            : throw new ArgumentException("the journal is too long for indirect blocks: a smaller journal_size, or the feature extent");

        // From the block in the inode down to the one that names content; what is new there begins with index 0.
        for (var depth = level; depth >= 0; depth--)
        {
            var span = Power(names, depth + 1);
            if (at % span != 0)
                continue;
            Close(depth);
            goal = Take(depth == level ? _root[ExtIndirectBlocks.DirectBlocks + level - 1] : at / span % names > 0 ? _open[depth + 1].Names[at / span % names - 1] : _open[depth + 1].Block);
            if (depth == level)
                _root[ExtIndirectBlocks.DirectBlocks + level] = (uint)goal;
            else
                _open[depth + 1].Names[at / span % names] = (uint)goal;
            _open[depth] = (goal, new uint[names]);
        }
        var index = at % names;
        return new LongRange(_open[0].Names[index] = Take(index > 0 ? _open[0].Names[index - 1] : _open[0].Block), 1);
    }

    protected override void PlaceNext(long block, bool isOfItsOwn) => _root[Blocks] = (uint)block;

    private uint Take(long goal)
    {
        Clusters++;
        return (uint)volume.Space.Take(goal);
    }

    private void Close(int level)
    {
        if (_open[level].Names is { } names)
        {
            var bytes = new byte[volume.Geometry.BlockSize];
            var words = MemoryMarshal.Cast<byte, U32Le>(bytes.AsSpan());
            for (var i = 0; i < names.Length; i++)
                words[i] = names[i];
            volume.WriteBlock(_open[level].Block, bytes);
        }
        _open[level] = default;
    }

    private static long Power(long value, int exponent)
    {
        var power = 1L;
        while (exponent-- > 0)
            power *= value;
        return power;
    }
}
