using System.Text;

namespace Platter.FileSystems.Ext;

/// <summary>How long a volume must be to hold a tree: inodes, blocks of files, directories and their maps, bitmaps and tables, journal.</summary>
/// <remarks>Extended attributes are not known here: those that an inode has no room for take a block, so there is some margin.</remarks>
internal sealed class ExtSizeEstimate
{
    // Lengths are tried in these steps, so that the result is a round number.
    private const long Step = 64 << 10, Longest = 1L << 57;

    // Leaves of a directory that was filled in no order are full to this part at least: they are split in halves.
    private const double LeafFill = 0.6;

    // Longer links are in a block.
    private const int LongestShortLink = 59;

    private readonly TreeShape _tree;
    private readonly long _nodes;

    // Of the root (the last one) and of each entry that is a directory: the bytes of its entries, "." and ".." apart.
    private readonly long[] _directoryBytes;
    private readonly Dictionary<(int, int, bool), long> _blocksByPlan = [];

    private ExtSizeEstimate(TreeShape tree)
    {
        _tree = tree;
        _nodes = tree.Entries.LongCount(e => !e.IsFurtherName);
        _directoryBytes = new long[tree.Entries.Count + 1];
        _directoryBytes[^1] = RecordLength("lost+found");
        foreach (var entry in tree.Entries)
            _directoryBytes[entry.Parent < 0 ? ^1 : entry.Parent] += RecordLength(entry.Name);
    }

    /// <summary>The smallest length, in steps of 64 KiB, whose volume (as the formatter lays it out) holds the tree.</summary>
    /// <exception cref="ArgumentException">No length does; the message says why.</exception>
    public static long Length(TreeShape tree, FormatOptions options, int sectorSize)
    {
        var own = ExtFormatOptions.Read(options, sectorSize);
        var estimate = new ExtSizeEstimate(tree);
        var reason = "";
        for (var length = Step; length <= Longest;)
        {
            var growth = Math.Max(length / 64, 1);
            if (ExtFormatPlan.TryChoose(length, own, out var refused) is not { } plan)
            {
                reason = refused;
            }
            else
            {
                var inodes = estimate._nodes + OwnInodes(plan) - plan.Geometry.InodesCount;
                var blocks = estimate.Blocks(plan.Geometry) - Room(plan);
                if (inodes <= 0 && blocks <= 0)
                    return length;
                reason = $"{length} bytes lack {Math.Max(inodes, 0)} inodes, {Math.Max(blocks, 0)} blocks";
                growth = Math.Max(growth / 8, blocks << plan.Geometry.LogBlockSize);

                // So much longer has so many more inodes, unless they were given a number.
                if (inodes > 0 && own.Inodes is null)
                    growth = Math.Max(growth, (long)((double)plan.Geometry.BlocksCount / plan.Geometry.InodesCount * inodes * plan.Geometry.BlockSize));
                else if (inodes > 0)
                    break;
            }

            // Twice as long at most: a longer volume may have larger blocks, and other inodes to the byte.
            length += (Math.Min(growth, length) + Step - 1) / Step * Step;
        }
        throw new ArgumentException($"no {options.Type} volume holds this tree: {reason}");
    }

    // Reserved ones and lost+found; a project's quota file and the orphan file.
    private static long OwnInodes(ExtFormatPlan plan) => plan.Geometry.FirstInode + 2;

    // Blocks that the empty volume leaves for content; some less, for what cannot be known.
    private static long Room(ExtFormatPlan plan)
    {
        var geometry = plan.Geometry;
        var room = geometry.BlocksCount - geometry.FirstDataBlock;
        for (var group = 0L; group < geometry.GroupCount; group++)
            room -= geometry.BaseBlocks(group) + 2 + geometry.InodeTableBlocks;
        var journal = plan.JournalBlocks + plan.FastCommitBlocks;
        var pieces = 3L;        // lost+found, resize inode, MMP
        if (geometry.Has(ExtCompat.OrphanFile))
            journal += Math.Max(512, geometry.ClusterRatio);
        if (geometry.Has(ExtRoCompat.Quota))
            pieces += 3 * 9;
        var lost = Math.Max((16 << 10) / geometry.BlockSize, 2);
        room -= journal + journal / 64 + lost + pieces * geometry.ClusterRatio;

        // With bigalloc the rims of structures take whole clusters.
        if (geometry.ClusterRatio > 1)
            room -= geometry.GroupCount * 2 * geometry.ClusterRatio;
        return room - room / 128 - 8 * geometry.ClusterRatio;
    }

    private long Blocks(ExtGeometry geometry)
    {
        var key = (geometry.BlockSize, geometry.ClusterRatio, geometry.Has(ExtIncompat.Extents));
        if (_blocksByPlan.TryGetValue(key, out var total))
            return total;
        for (var i = 0; i < _directoryBytes.Length; i++)
        {
            if (i == _tree.Entries.Count || _tree.Entries[i].Kind == EntryKind.Directory)
                total += WithMap(geometry, DirectoryBlocks(geometry, _directoryBytes[i] + 24));
        }
        foreach (var entry in _tree.Entries)
        {
            if (entry.IsFurtherName)
                continue;
            if (entry.Kind == EntryKind.File && entry.Length > 0)
                total += WithMap(geometry, DivideUp(entry.Length, geometry.BlockSize));
            else if (entry.Kind == EntryKind.SymbolicLink && entry.Length > LongestShortLink)
                total += geometry.ClusterRatio;
        }
        _blocksByPlan.Add(key, total);
        return total;
    }

    private static long DirectoryBlocks(ExtGeometry geometry, long bytes)
    {
        var usable = geometry.BlockSize - ExtDirectoryTail.Size;
        if (bytes <= usable)
            return 1;
        if (!geometry.Has(ExtCompat.DirIndex))
            return DivideUp(bytes, usable - 264) + 1;
        var leaves = DivideUp((long)(bytes / LeafFill), usable) + 1;
        var perNode = geometry.BlockSize / ExtHashEntry.Size / 2;
        return leaves + 1 + (leaves > perNode ? DivideUp(leaves, perNode) : 0);
    }

    // The blocks of a file with those of its map, in whole clusters.
    private static long WithMap(ExtGeometry geometry, long blocks)
    {
        long ratio = geometry.ClusterRatio;
        var clusters = DivideUp(blocks, ratio);
        if (geometry.Has(ExtIncompat.Extents))
        {
            // Structures of groups stand between the pieces of a long file.
            var pieces = blocks / Math.Min(ExtExtent.MaxInitialised / 2, Math.Max(geometry.BlocksPerGroup / 2, 1)) + 1;
            if (pieces > 4)
                clusters += DivideUp(pieces, (geometry.BlockSize / ExtExtent.Size - 1) / 2) + 1;
        }
        else
        {
            long names = geometry.BlockSize / 4;
            var rest = blocks - ExtIndirectBlocks.DirectBlocks;
            for (; rest > 0; rest = rest > 1 ? DivideUp(rest, names) : 0)
                clusters += DivideUp(rest, names);
        }
        return clusters * ratio;
    }

    private static int RecordLength(string name) => (ExtDirectoryEntryHead.Size + Encoding.UTF8.GetByteCount(name) + 3) & ~3;

    private static long DivideUp(long value, long unit) => value / unit + (value % unit == 0 ? 0 : 1);
}
