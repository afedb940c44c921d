using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>Which clusters belong to something, and the walk along a chain that finds it out. One bit per cluster.</summary>
internal sealed class FatCheckerChains(FatGeometry geometry, FatTable table, CheckReport report)
{
    private readonly Bitmap _owned = new(geometry.LastCluster + 1L);

    /// <summary>Whether a chain that was walked has this cluster.</summary>
    public bool IsOwned(uint cluster) => _owned[cluster];

    /// <summary>Walks a chain and takes its clusters; reports where it goes wrong, and stops there.</summary>
    /// <param name="start">The first cluster, as the entry says; not 0.</param>
    /// <param name="who">What the chain belongs to, for the message.</param>
    /// <param name="offset">Where that is written.</param>
    /// <returns>How many clusters were taken.</returns>
    public uint Claim(uint start, Func<string> who, long offset)
    {
        if (!geometry.IsCluster(start))
        {
            report.Add("FAT-0120", Severity.Error, who(), offset, $"starts at cluster {start}, expected 2..{geometry.LastCluster}");
            return 0;
        }
        var count = 0u;
        for (var cluster = start; ;)
        {
            var next = table[cluster];
            if (next == FatTable.Free)
            {
                report.Add("FAT-0121", Severity.Error, who(), EntryOffset(cluster), $"the chain goes to cluster {cluster}, which is free");
                return count;
            }
            if (next == FatTable.Bad)
            {
                report.Add("FAT-0122", Severity.Error, who(), EntryOffset(cluster), $"the chain goes to cluster {cluster}, which is marked bad");
                return count;
            }
            if (_owned[cluster])
            {
                if (IsWithin(start, cluster, count))
                    report.Add("FAT-0124", Severity.Error, who(), EntryOffset(cluster), $"the chain comes back to its own cluster {cluster} after {count}");
                else
                    report.Add("FAT-0125", Severity.Error, who(), EntryOffset(cluster), $"shares cluster {cluster} with another file or directory");
                return count;
            }
            _owned[cluster] = true;
            count++;
            if (FatTable.IsEnd(next))
                return count;
            if (!geometry.IsCluster(next))
            {
                report.Add("FAT-0123", Severity.Error, who(), EntryOffset(cluster), $"cluster {cluster} points to {next}, expected 2..{geometry.LastCluster} or an end mark");
                return count;
            }
            cluster = next;
        }
    }

    /// <summary>The byte where a cluster's entry begins in the FAT that is read.</summary>
    public long EntryOffset(uint cluster) => geometry.FatOffset(geometry.ActiveFat) + cluster * (long)geometry.Width / 8;

    // Walks again from the start: at most the clusters that were just taken.
    private bool IsWithin(uint start, uint cluster, uint count)
    {
        for (var at = start; count > 0; count--, at = table[at])
        {
            if (at == cluster)
                return true;
        }
        return false;
    }
}
