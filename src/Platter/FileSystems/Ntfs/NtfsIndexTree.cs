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
                way.Add((BlockOnce(item.SubNode), 0, false));
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
