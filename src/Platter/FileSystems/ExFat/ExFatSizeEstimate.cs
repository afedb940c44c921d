namespace Platter.FileSystems.ExFat;

/// <summary>How long a volume must be to hold a tree: clusters of files and directories, FAT, bitmap, boot regions.</summary>
internal sealed class ExFatSizeEstimate
{
    // Lengths are tried in these steps, so that the result is a round number.
    private const long Step = 64 << 10, Least = 1 << 20, Longest = 1L << 57;

    private readonly List<long> _fileLengths = [];
    private readonly List<long> _directoryLengths = [];
    private readonly Dictionary<int, long> _clustersBySize = [];

    private ExFatSizeEstimate(TreeShape tree)
    {
        // The root has its three own entries, and a fourth that a driver may add.
        var entries = new long[tree.Entries.Count + 1];
        entries[^1] = 4;
        for (var i = 0; i < tree.Entries.Count; i++)
        {
            var entry = tree.Entries[i];
            entries[entry.Parent < 0 ? ^1 : entry.Parent] += 2 + DivideUp(entry.Name.Length, ExFatNameEntry.UnitsPerEntry);
            if (entry.Kind != EntryKind.Directory && entry.Length > 0)
                _fileLengths.Add(entry.Length);
        }
        for (var i = 0; i < entries.Length; i++)
        {
            if (i == tree.Entries.Count || tree.Entries[i].Kind == EntryKind.Directory)
                _directoryLengths.Add(Math.Max(entries[i], 1) * ExFatEntryType.Size);
        }
    }

    /// <summary>The smallest length, in steps of 64 KiB, whose volume (as the formatter lays it out) holds the tree.</summary>
    /// <exception cref="ArgumentException">No length does; the message says why.</exception>
    public static long Length(TreeShape tree, FormatOptions options, int sectorSize)
    {
        var own = ExFatFormatOptions.Read(options, sectorSize);
        var estimate = new ExFatSizeEstimate(tree);
        var reason = "";
        for (var length = Least; length <= Longest;)
        {
            var growth = Math.Max(length / 64, 1);
            if (ExFatFormatLayout.TryChoose(length, own, options.PartitionOffset, out var refused) is not { } layout)
            {
                reason = refused;
            }
            else
            {
                // The root's first cluster is among those that the empty volume has.
                var missing = estimate.Clusters(layout.ClusterSize) - 1 + layout.UsedClusters - layout.ClusterCount;
                if (missing <= 0)
                    return length;
                reason = $"{length} bytes lack {missing} clusters";
                growth = missing * layout.ClusterSize;
            }
            length += (growth + Step - 1) / Step * Step;
        }
        throw new ArgumentException($"no exFAT volume holds this tree: {reason}");
    }

    private long Clusters(int size)
    {
        if (!_clustersBySize.TryGetValue(size, out var clusters))
        {
            foreach (var length in _fileLengths)
                clusters += DivideUp(length, size);
            foreach (var length in _directoryLengths)
                clusters += DivideUp(length, size);
            _clustersBySize.Add(size, clusters);
        }
        return clusters;
    }

    private static long DivideUp(long value, long unit) => value / unit + (value % unit == 0 ? 0 : 1);
}
