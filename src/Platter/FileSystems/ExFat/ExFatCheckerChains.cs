using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>What an entry says of its clusters.</summary>
/// <param name="FirstCluster">Not 0.</param>
/// <param name="Length">Bytes; null when the chain alone says (the root directory).</param>
/// <param name="IsContiguous">NoFatChain: the FAT says nothing.</param>
/// <param name="Offset">Where that is written: the field FirstCluster.</param>
internal readonly record struct ExFatAllocation(uint FirstCluster, ulong? Length, bool IsContiguous, long Offset);

/// <summary>Which clusters belong to something, and the walk along a chain or run that finds it out. Two bits per cluster: one for that,
/// one for the allocation bitmap on disk.</summary>
internal sealed class ExFatCheckerChains
{
    private readonly ExFatGeometry _geometry;
    private readonly ExFatTable _fat;
    private readonly CheckReport _report;
    private readonly Bitmap _owned;

    /// <param name="geometry">The volume.</param>
    /// <param name="fat">The FAT that is in use.</param>
    /// <param name="deviceLength">Bytes; a volume says it has more only when the image is cut short, and no memory is spent on that.</param>
    /// <param name="report">Where findings go.</param>
    public ExFatCheckerChains(ExFatGeometry geometry, ExFatTable fat, long deviceLength, CheckReport report)
    {
        _geometry = geometry;
        _fat = fat;
        _report = report;
        Present = (uint)Math.Min(geometry.ClusterCount, (deviceLength - geometry.HeapOffset + geometry.ClusterSize - 1) >> geometry.ClusterShift);
        _owned = new Bitmap(Present);
    }

    /// <summary>Clusters that begin within the device.</summary>
    public uint Present { get; }

    /// <summary>The allocation bitmap as it is on disk; bit 0 is cluster 2. Null while it is not read or cannot be.</summary>
    public Bitmap? Marked { get; private set; }

    /// <summary>What something owns, in the same order.</summary>
    public Bitmap Owned => _owned;

    /// <summary>Walks an allocation and takes its clusters; reports where it goes wrong, and stops there.</summary>
    /// <param name="allocation">Where it starts and how long it is.</param>
    /// <param name="who">What it belongs to, for the message.</param>
    /// <returns>How many clusters were taken.</returns>
    public uint Claim(ExFatAllocation allocation, Func<string> who)
    {
        if (!_geometry.IsCluster(allocation.FirstCluster))
        {
            _report.Add("EXF-0060", Severity.Error, who(), allocation.Offset, $"starts at cluster {allocation.FirstCluster}, expected 2..{_geometry.LastCluster}");
            return 0;
        }
        if (allocation.FirstCluster - ExFatGeometry.FirstCluster >= Present)
        {
            _report.Add("EXF-0074", Severity.Error, who(), allocation.Offset, $"starts at cluster {allocation.FirstCluster}, which lies behind the end of the device: the image is cut short");
            return 0;
        }
        var count = allocation.IsContiguous ? ClaimRun(allocation, who) : ClaimChain(allocation, who);
        if (Marked is not null)
            CheckMarked(allocation, count, who);
        return count;
    }

    /// <summary>As <see cref="Claim"/>, for something whose length is known: too many and too few clusters are reported too.</summary>
    public uint ClaimExactly(ExFatAllocation allocation, Func<string> who)
    {
        var length = allocation.Length ?? 0;
        var needed = _geometry.ClustersFor(length);
        if (allocation.FirstCluster == 0)
        {
            if (needed > 0)
                _report.Add("EXF-0069", Severity.Error, who(), allocation.Offset, $"has {length} bytes, but no clusters");
            return 0;
        }
        if (length == 0)
            _report.Add("EXF-0069", Severity.Error, who(), allocation.Offset, $"is empty, but has clusters from {allocation.FirstCluster} on");
        var before = _report.Total;
        var count = Claim(allocation, who);
        if (count > needed && length > 0)
            _report.Add("EXF-0067", Severity.Error, who(), allocation.Offset, $"has {length} bytes, which take {needed} clusters, but a chain of {count}");
        else if (count < needed && _report.Total == before)
            _report.Add("EXF-0068", Severity.Error, who(), allocation.Offset, $"has {length} bytes, which take {needed} clusters, but a chain of {count}");
        return count;
    }

    /// <summary>Takes over the bitmap from disk, and holds what was claimed before against it.</summary>
    public void SetMarked(Bitmap marked)
    {
        Marked = marked;
        long missing = 0, first = -1;
        foreach (var run in _owned.Runs(true, 0, _owned.Length))
        {
            missing += run.Length - marked.CountSet(run.Start, run.Length);
            if (missing > 0 && first < 0)
                first = marked.NextClear(run.Start, run.End);
        }
        if (missing > 0)
            _report.Add("EXF-0070", Severity.Error, "Bitmap", null, $"{missing} clusters of the root, the bitmap and the up-case table are marked free, the first is {first + ExFatGeometry.FirstCluster}");
    }

    /// <summary>The cluster behind another one of an allocation that was claimed.</summary>
    public uint Next(uint cluster, bool isContiguous) => isContiguous ? cluster + 1 : _fat[cluster];

    private uint ClaimRun(ExFatAllocation allocation, Func<string> who)
    {
        var length = allocation.Length ?? 0;
        var needed = _geometry.ClustersFor(length);
        var first = allocation.FirstCluster - ExFatGeometry.FirstCluster;
        if (needed > _geometry.ClusterCount - first)
        {
            _report.Add("EXF-0066", Severity.Error, who(), allocation.Offset, $"has {needed} clusters in a row from {allocation.FirstCluster} on, the last there is is {_geometry.LastCluster}");
            needed = _geometry.ClusterCount - first;
        }
        var end = Math.Min(first + needed, Present);
        if (end < first + needed)
            _report.Add("EXF-0074", Severity.Error, who(), allocation.Offset, $"goes on to cluster {first + needed + 1}, which lies behind the end of the device: the image is cut short");
        var shared = _owned.NextSet(first, end);
        if (shared >= 0)
        {
            _report.Add("EXF-0065", Severity.Error, who(), allocation.Offset, $"shares cluster {shared + ExFatGeometry.FirstCluster} with another file or directory");
            end = shared;
        }
        _owned.Fill(first, end - first, true);
        return (uint)(end - first);
    }

    private uint ClaimChain(ExFatAllocation allocation, Func<string> who)
    {
        var count = 0u;
        for (var cluster = allocation.FirstCluster; ;)
        {
            var bit = cluster - ExFatGeometry.FirstCluster;
            var entry = _geometry.FatOffset(_geometry.ActiveFat) + 4L * cluster;
            if (bit >= Present)
            {
                _report.Add("EXF-0074", Severity.Error, who(), entry, $"goes on to cluster {cluster}, which lies behind the end of the device: the image is cut short");
                return count;
            }
            var next = _fat[cluster];
            if (next == ExFatTable.Bad)
            {
                _report.Add("EXF-0062", Severity.Error, who(), entry, $"the chain goes to cluster {cluster}, which is marked bad");
                return count;
            }
            if (_owned[bit])
            {
                if (IsWithin(allocation.FirstCluster, cluster, count))
                    _report.Add("EXF-0064", Severity.Error, who(), entry, $"the chain comes back to its own cluster {cluster} after {count}");
                else
                    _report.Add("EXF-0065", Severity.Error, who(), entry, $"shares cluster {cluster} with another file or directory");
                return count;
            }
            _owned[bit] = true;
            count++;
            if (next >= ExFatTable.FirstEnd)
            {
                if (next != ExFatTable.EndOfChain)
                    _report.Add("EXF-0075", Severity.Warning, who(), entry, $"the chain ends with {next:X8}, expected {ExFatTable.EndOfChain:X8}");
                return count;
            }
            if (!_geometry.IsCluster(next))
            {
                _report.Add("EXF-0063", Severity.Error, who(), entry, $"cluster {cluster} points to {next}, expected 2..{_geometry.LastCluster} or an end mark");
                return count;
            }
            cluster = next;
        }
    }

    // Walks again from the start: at most the clusters that were just taken.
    private bool IsWithin(uint start, uint cluster, uint count)
    {
        for (var at = start; count > 0; count--, at = _fat[at])
        {
            if (at == cluster)
                return true;
        }
        return false;
    }

    private void CheckMarked(ExFatAllocation allocation, uint count, Func<string> who)
    {
        long missing = 0, first = 0;
        if (allocation.IsContiguous)
        {
            var start = allocation.FirstCluster - ExFatGeometry.FirstCluster;
            missing = count - Marked!.CountSet(start, count);
            first = missing > 0 ? Marked.NextClear(start, start + count) + ExFatGeometry.FirstCluster : 0;
        }
        else
        {
            var cluster = allocation.FirstCluster;
            for (var i = 0u; i < count; i++, cluster = _fat[cluster])
            {
                if (Marked![cluster - ExFatGeometry.FirstCluster])
                    continue;
                first = missing++ == 0 ? cluster : first;
            }
        }
        if (missing > 0)
            _report.Add("EXF-0070", Severity.Error, who(), allocation.Offset, $"{missing} of its {count} clusters are marked free in the bitmap, the first is {first}: they will be written over");
    }
}
