using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>How long a volume must be to hold a tree: clusters of files and directories, FATs, boot sectors.</summary>
internal sealed class FatSizeEstimate
{
    // Lengths are tried in these steps, so that the result is a round number.
    private const long Step = 64 << 10;

    private readonly long[] _fileLengths;
    private readonly long[] _directorySlots;
    private readonly long _rootSlots;
    private readonly Dictionary<int, long> _clustersBySize = [];

    private FatSizeEstimate(TreeShape tree, CodePage codePage)
    {
        // Slots of each directory, counted at the entry that is the directory. Two for "." and "..", one more in the root for a label.
        var slots = new long[tree.Entries.Count];
        _rootSlots = 1;
        var files = new List<long>();
        for (var i = 0; i < tree.Entries.Count; i++)
        {
            var entry = tree.Entries[i];
            if (entry.Parent < 0)
                _rootSlots += SlotsOf(entry.Name, codePage);
            else
                slots[entry.Parent] += SlotsOf(entry.Name, codePage);
            if (entry.Kind == EntryKind.Directory)
                slots[i] += 2;
            else if (entry.Length > 0)
                files.Add(entry.Length);
        }
        _fileLengths = [.. files];
        _directorySlots = [.. slots.Where(s => s > 0)];
    }

    /// <summary>The smallest length, in steps of 64 KiB, whose volume (as the formatter lays it out) holds the tree.</summary>
    /// <exception cref="ArgumentException">No length does; the message says why.</exception>
    public static long Length(TreeShape tree, FormatOptions options, int sectorSize)
    {
        var own = FatFormatOptions.Read(options, sectorSize);
        var estimate = new FatSizeEstimate(tree, CodePage.Get(options.Volume.OemCodePage));
        var longest = (long)uint.MaxValue * own.SectorSize;
        var reason = "";
        for (var length = Step; length <= longest;)
        {
            var growth = Math.Max(length / 64, 1);
            if (FatFormatLayout.TryChoose(length, own, out var refused) is not { } layout)
            {
                reason = refused;
            }
            else if (layout.Width != FatWidth.Fat32 && layout.RootEntries < estimate._rootSlots)
            {
                // The fixed root does not grow with the volume. FAT32's does, and it is what "fat" becomes at 512 MiB.
                if (own.Width is not null || own.ClusterSize is not null)
                    throw new ArgumentException($"the root directory would have {layout.RootEntries} slots, the tree needs {estimate._rootSlots}: use -O root_entries={estimate._rootSlots} or fat32");
                growth = (512L << 20) - length;
            }
            else
            {
                var missing = estimate.Clusters(layout) - layout.ClusterCount;
                if (missing <= 0)
                    return length;
                reason = $"{length} bytes lack {missing} clusters";
                growth = missing * layout.ClusterSize;
            }
            length += (growth + Step - 1) / Step * Step;
        }
        throw new ArgumentException($"no {options.Type} volume holds this tree: {reason}");
    }

    private long Clusters(FatFormatLayout layout)
    {
        var size = layout.ClusterSize;
        if (!_clustersBySize.TryGetValue(size, out var clusters))
        {
            foreach (var length in _fileLengths)
                clusters += DivideUp(length, size);
            foreach (var slots in _directorySlots)
                clusters += DivideUp(slots * FatShortSlot.Size, size);
            _clustersBySize.Add(size, clusters);
        }
        return clusters + (layout.Width == FatWidth.Fat32 ? DivideUp(_rootSlots * FatShortSlot.Size, size) : 0);
    }

    private static long SlotsOf(string name, CodePage codePage)
    {
        Span<byte> stored = stackalloc byte[FatShortNames.Length];
        return FatShortNames.TryStore(name, codePage, stored, out _) ? 1 : 1 + DivideUp(name.Length, FatLongSlot.UnitsPerSlot);
    }

    private static long DivideUp(long value, long unit) => (value + unit - 1) / unit;
}
