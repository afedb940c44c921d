using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>Consecutive clusters.</summary>
internal readonly record struct ClusterRun(uint First, uint Count)
{
    public uint Behind => First + Count;
}

/// <summary>Which clusters are free, and which of them may be written before the commit.</summary>
/// <remarks>
/// Invariants between two commits: a cluster that a committed structure refers to is written through the transaction only. So
/// clusters freed since the last commit are taken again only when nothing else is left, and then they are not "fresh".
/// </remarks>
internal sealed class FatSpace
{
    private readonly FatTable _table;
    private readonly FatGeometry _geometry;
    private readonly RangeSet _fresh = new();
    private readonly RangeSet _freed = new();
    private uint _next;
    private long _free;

    /// <param name="table">The allocation table.</param>
    /// <param name="geometry">The volume's layout.</param>
    /// <param name="freeHint">Free clusters as the information sector says; -1 when it doesn't.</param>
    /// <param name="nextHint">Where to start looking; anything that is no cluster means the beginning.</param>
    public FatSpace(FatTable table, FatGeometry geometry, long freeHint, uint nextHint)
    {
        _table = table;
        _geometry = geometry;
        _free = freeHint >= 0 && freeHint <= geometry.ClusterCount ? freeHint : -1;
        _next = geometry.IsCluster(nextHint) ? nextHint : FatGeometry.FirstCluster;
    }

    /// <summary>Free clusters; counts them the first time when nobody has told.</summary>
    public long FreeClusters => _free >= 0 ? _free : _free = _table.CountFree();

    /// <summary>Free clusters when known, else -1.</summary>
    public long KnownFreeClusters => _free;

    /// <summary>Where the next search starts.</summary>
    public uint NextHint => _next;

    /// <summary>Takes up to <paramref name="wanted"/> consecutive free clusters and links them to each other; the last one ends the chain.</summary>
    /// <param name="wanted">At least 1.</param>
    /// <param name="after">The cluster to continue, if that is possible; 0 for none.</param>
    /// <returns>The run, shorter than wanted when there is no longer one at this place; Count 0 when the volume is full.</returns>
    public ClusterRun Take(uint wanted, uint after)
    {
        var first = after != 0 && after < _geometry.LastCluster && IsUsable(after + 1) ? after + 1 : Find();
        var fresh = true;
        if (first == 0)
        {
            // Only what was freed since the commit is left. It may be taken, but is written through the transaction.
            fresh = false;
            first = _table.FindFree(FatGeometry.FirstCluster);
            if (first == 0)
            {
                _free = 0;
                return default;
            }
        }
        var count = 1u;
        while (count < wanted && first + count <= _geometry.LastCluster && (fresh ? IsUsable(first + count) : IsFree(first + count)))
            count++;
        for (var i = 0u; i < count; i++)
            _table[first + i] = i + 1 < count ? first + i + 1 : FatTable.EndOfChain;
        if (fresh)
            _fresh.Add(first, count);
        else
            _freed.Remove(first, count);
        if (_free >= 0)
            _free -= count;
        _next = first + count <= _geometry.LastCluster ? first + count : FatGeometry.FirstCluster;
        return new ClusterRun(first, count);
    }

    /// <summary>Gives clusters back.</summary>
    public void Release(ClusterRun run)
    {
        for (var cluster = run.First; cluster < run.Behind; cluster++)
        {
            _table[cluster] = FatTable.Free;
            if (_fresh.Contains(cluster))
                _fresh.Remove(cluster, 1);
            else
                _freed.Add(cluster, 1);
        }
        if (_free >= 0)
            _free += run.Count;
    }

    /// <summary>Whether no committed structure refers to any of these clusters.</summary>
    public bool IsFresh(ClusterRun run) => _fresh.Contains(run.First, run.Count);

    /// <summary>Moves the start of the search to where this many clusters are free in a row, if such a place is found soon.</summary>
    public void SeekRoom(uint wanted)
    {
        // Bounded: a fragmented volume must not be searched from end to end for each file.
        const int maxProbes = 4096;
        var start = _next;
        for (var probe = 0; probe < maxProbes; probe++)
        {
            var first = _table.FindFree(start);
            if (first == 0)
                return;
            var count = 1u;
            while (count < wanted && first + count <= _geometry.LastCluster && IsUsable(first + count))
                count++;
            if (count >= wanted)
            {
                _next = first;
                return;
            }
            start = first + count + 1;
            if (start > _geometry.LastCluster)
                return;
        }
    }

    /// <summary>The structures are durable: what was freed may be used again, what was fresh no longer is.</summary>
    public void Committed()
    {
        _fresh.Clear();
        _freed.Clear();
    }

    private bool IsFree(uint cluster) => _table[cluster] == FatTable.Free;

    private bool IsUsable(uint cluster) => IsFree(cluster) && (_freed.IsEmpty || !_freed.Contains(cluster));

    private uint Find()
    {
        var found = FindFrom(_next);
        return found != 0 || _next == FatGeometry.FirstCluster ? found : FindFrom(FatGeometry.FirstCluster);
    }

    private uint FindFrom(uint from)
    {
        var cluster = _table.FindFree(from);
        while (cluster != 0 && !_freed.IsEmpty && _freed.Contains(cluster))
        {
            // Freed since the commit: go on behind the whole range.
            var range = _freed.NextRange(cluster)!.Value;
            cluster = range.End > _geometry.LastCluster ? 0 : _table.FindFree((uint)range.End);
        }
        return cluster;
    }
}
