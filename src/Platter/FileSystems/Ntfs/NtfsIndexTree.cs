using System.Diagnostics.CodeAnalysis;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>A B-tree of keys, found or listed in order, wherever its nodes come from. See OnDisk/NtfsIndexes.cs for its drawing.</summary>
internal abstract class NtfsIndexTree
{
    /// <summary>Levels. A tree of 2^32 names in blocks of 4 KiB has eight.</summary>
    public const int MaxDepth = 32;

    public abstract NtfsIndexNode Root { get; }

    /// <summary>What messages call its blocks.</summary>
    public abstract string Structure { get; }

    /// <summary>A block of the index.</summary>
    /// <param name="vcn">Its number, in clusters or, where those are larger than a block, in units of 512 bytes.</param>
    /// <exception cref="DiskFormatException">There is none, or it is damaged.</exception>
    public abstract NtfsIndexNode Block(long vcn);

    /// <summary>A block that is gone through once, and need not be kept.</summary>
    protected virtual NtfsIndexNode BlockOnce(long vcn) => Block(vcn);

    /// <summary>A block of <see cref="BlockOnce"/> was gone through, and nobody looks at it any more.</summary>
    protected virtual void Leave(NtfsIndexNode node)
    {
    }

    /// <summary>All entries but the end entries, in order, as blocks are read.</summary>
    /// <exception cref="DiskFormatException">A block is damaged, or reached twice.</exception>
    public IEnumerable<NtfsIndexItem> Entries()
    {
        var walk = new Walk(this, leavesBlocks: false);
        while (walk.TryNext(out var item))
            yield return item;
    }

    /// <summary>Goes through the entries, as <see cref="Entries"/> does, for who asks for very many.</summary>
    /// <param name="tree">The index.</param>
    /// <param name="leavesBlocks">Whether an entry is looked at until the next one is asked for, and no longer: then the memory of its block is used again.</param>
    public sealed class Walk(NtfsIndexTree tree, bool leavesBlocks)
    {
        private struct Level
        {
            public NtfsIndexNode Node;
            public int Next;
            public bool IsBelowDone;
        }

        // The root's level and those below, deepest last.
        private Level[] _way = NewWay(tree);
        private readonly NumberMap<int> _seen = new();      // the keys alone count
        private int _depth = 1;

        /// <exception cref="DiskFormatException">A block is damaged, or reached twice.</exception>
        public bool TryNext(out NtfsIndexItem item)
        {
            while (_depth > 0)
            {
                ref var level = ref _way[_depth - 1];
                item = level.Node[level.Next];
                var flags = item.Flags;
                if ((flags & NtfsIndexEntry.HasSubNode) != 0 && !level.IsBelowDone)
                {
                    level.IsBelowDone = true;
                    Enter(item.SubNode);
                    continue;
                }
                if ((flags & NtfsIndexEntry.IsEnd) == 0)
                {
                    level.Next++;
                    level.IsBelowDone = false;
                    return true;
                }
                if (leavesBlocks && _depth > 1)
                    tree.Leave(level.Node);
                _depth--;
            }
            item = default;
            return false;
        }

        /// <summary>As <see cref="TryNext"/>, all entries at once that follow each other in one node.</summary>
        /// <param name="node">Where they are.</param>
        /// <param name="first">The first one.</param>
        /// <param name="behind">The first one behind them.</param>
        public bool TryNextRun([NotNullWhen(true)] out NtfsIndexNode? node, out int first, out int behind)
        {
            (node, first, behind) = (null, 0, 0);
            if (!TryNext(out _))
                return false;
            ref var level = ref _way[_depth - 1];
            node = level.Node;
            first = level.Next - 1;
            if (node.IsLeaf)
                level.Next = node.Count - 1;
            behind = level.Next;
            return true;
        }

        private static Level[] NewWay(NtfsIndexTree tree)
        {
            const int usualDepth = 3;
            var way = new Level[usualDepth];
            way[0].Node = tree.Root;
            return way;
        }

        private void Enter(long block)
        {
            if (_depth > MaxDepth || _seen.ContainsKey((ulong)block))
                throw new DiskFormatException("NTFS-0304", tree.Structure, -1, _depth > MaxDepth ? $"has more than {MaxDepth} levels" : $"reaches the block {block} twice");
            _seen[(ulong)block] = 0;
            if (_depth == _way.Length)
                Array.Resize(ref _way, 2 * _depth);
            _way[_depth++] = new Level { Node = tree.BlockOnce(block) };
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

    /// <summary>The first entry that does not come before what is looked for; null when all do.</summary>
    /// <param name="compare">The order.</param>
    /// <exception cref="DiskFormatException">A block on the way is damaged.</exception>
    public NtfsIndexItem? FindFirst(Comparison compare)
    {
        NtfsIndexItem? first = null;
        var node = Root;
        for (var depth = 0; depth <= MaxDepth; depth++)
        {
            int low = 0, high = node.Count - 1;
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (compare(node[middle].Key) <= 0)
                    high = middle;
                else
                    low = middle + 1;
            }
            if (low < node.Count - 1)
                first = node[low];
            if (!node[low].HasSubNode)
                return first;
            node = Block(node[low].SubNode);
        }
        throw new DiskFormatException("NTFS-0304", Structure, -1, $"has more than {MaxDepth} levels");
    }

    /// <summary>The last entry of all; null when there is none.</summary>
    /// <exception cref="DiskFormatException">A block on the way is damaged.</exception>
    public NtfsIndexItem? FindLast()
    {
        NtfsIndexItem? last = null;
        var node = Root;
        for (var depth = 0; depth <= MaxDepth; depth++)
        {
            if (node.Count > 1)
                last = node[node.Count - 2];
            if (!node[node.Count - 1].HasSubNode)
                return last;
            node = Block(node[node.Count - 1].SubNode);
        }
        throw new DiskFormatException("NTFS-0304", Structure, -1, $"has more than {MaxDepth} levels");
    }
}
