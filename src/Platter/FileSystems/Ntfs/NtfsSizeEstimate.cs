namespace Platter.FileSystems.Ntfs;

/// <summary>How long a volume must be to hold a tree: records, clusters of files and directories, and the volume's own files.</summary>
/// <remarks>What hangs on files besides (streams, attributes, descriptors) is not known here: records are taken to be fuller than names and content make them,
/// and there is some margin.</remarks>
internal sealed class NtfsSizeEstimate
{
    // Lengths are tried in these steps, so that the result is a round number.
    private const long Step = 64 << 10, Least = 1 << 20, Longest = 1L << 53;

    // Blocks of a directory that was filled in order are half full: they are split in halves.
    private const double BlockFill = 0.5;

    // Bytes of a record that are not there for content: header, times, name, descriptor, POSIX attributes; twice the name for its units.
    private const int RecordRest = 424;

    // Drivers take records from here on, and let the MFT grow by pieces.
    private const int FirstRecord = 64, RecordsPerPiece = 256;

    // Bytes of a symbolic link's reparse point besides its names, the prefix of an absolute one included.
    private const int LinkRest = 20 + 8;

    // Names of a file, beyond the first, for which one more record does.
    private const int NamesPerRecord = 4;

    private readonly TreeShape _tree;

    // Of the root (the last one) and of each entry that is a directory: the bytes of its entries.
    private readonly long[] _directoryBytes;
    private readonly Dictionary<int, long> _clustersBySize = [];

    private NtfsSizeEstimate(TreeShape tree)
    {
        _tree = tree;
        _directoryBytes = new long[tree.Entries.Count + 1];
        foreach (var entry in tree.Entries)
            _directoryBytes[entry.Parent < 0 ? ^1 : entry.Parent] += NtfsIndexEntry.Size + (NtfsFileName.Size + 2 * entry.Name.Length + 7 & ~7);
    }

    /// <summary>The smallest length, in steps of 64 KiB, whose volume (as the formatter lays it out) holds the tree.</summary>
    /// <exception cref="ArgumentException">No length does; the message says why.</exception>
    public static long Length(TreeShape tree, FormatOptions options, int sectorSize)
    {
        var own = NtfsFormatOptions.Read(options, sectorSize);
        var estimate = new NtfsSizeEstimate(tree);
        var reason = "";
        for (var length = Least; length <= Longest;)
        {
            var growth = Math.Max(length / 64, 1);
            if (NtfsFormatPlan.TryChoose(length, own, out var refused) is not { } plan)
            {
                reason = refused;
            }
            else
            {
                var missing = estimate.Clusters(plan) - (plan.ClusterCount - plan.Used.Total);
                if (missing <= 0)
                    return length;
                reason = $"{length} bytes lack {missing} clusters";
                growth = missing * plan.ClusterSize;
            }

            // Twice as long at most: a longer volume may have a longer log, and larger clusters.
            length += (Math.Min(growth, length) + Step - 1) / Step * Step;
        }
        throw new ArgumentException($"no NTFS volume holds this tree: {reason}");
    }

    // Clusters that the tree takes besides those of the empty volume.
    private long Clusters(NtfsFormatPlan plan)
    {
        if (_clustersBySize.TryGetValue(plan.ClusterSize, out var total))
            return total;
        var size = plan.ClusterSize;
        var records = (long)FirstRecord;
        var moreNames = 0L;
        foreach (var entry in _tree.Entries)
        {
            if (entry.IsFurtherName)
            {
                moreNames++;
                continue;
            }
            records++;
            var bytes = entry.Kind switch
            {
                EntryKind.File => entry.Length,
                EntryKind.SymbolicLink => LinkRest + 4 * entry.Length,       // the target, once to be followed and once to be shown
                _ => 0,
            };
            if (bytes > plan.RecordSize - RecordRest - 2 * entry.Name.Length)
                total += DivideUp(bytes, size);
        }
        records += moreNames / NamesPerRecord;
        for (var i = 0; i < _directoryBytes.Length; i++)
        {
            if (i == _tree.Entries.Count || _tree.Entries[i].Kind == EntryKind.Directory)
                total += DirectoryClusters(_directoryBytes[i], plan);
        }
        records = DivideUp(records, RecordsPerPiece) * RecordsPerPiece;
        total += DivideUp(records * plan.RecordSize, size) + DivideUp(records / 8, size);
        total += total / 128 + 8;
        _clustersBySize.Add(size, total);
        return total;
    }

    private static long DirectoryClusters(long bytes, NtfsFormatPlan plan)
    {
        if (bytes <= plan.RecordSize - RecordRest)
            return 0;
        var block = plan.Options.IndexBlockSize;
        var blocks = (long)(bytes / (BlockFill * (block - NtfsIndexBlock.Size - NtfsFileName.Size))) + 2;
        return DivideUp(blocks * block, plan.ClusterSize) + DivideUp(blocks / 8, plan.ClusterSize);
    }

    private static long DivideUp(long value, long unit) => value / unit + (value % unit == 0 ? 0 : 1);
}
