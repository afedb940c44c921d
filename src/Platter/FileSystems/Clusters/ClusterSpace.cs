using Platter.Primitives;

namespace Platter.FileSystems.Clusters;

/// <summary>Which clusters are free, and which of them may be written before the commit.</summary>
/// <remarks>
/// Invariants between two commits: a cluster that a committed structure refers to is written through the transaction only. So
/// clusters freed since the last commit are taken again only when nothing else is left, and then they are not "fresh".
/// </remarks>
internal sealed class ClusterSpace
{
    private readonly IClusterMap _map;
    private readonly ClusterArea? _area;
    private readonly RangeSet _fresh = new();
    private readonly RangeSet _freed = new();
    private uint _next;
    private long _free;
    private int _unfinished;

    /// <param name="map">The free clusters.</param>
    /// <param name="freeHint">How many there are, as the volume says; -1 when it doesn't.</param>
    /// <param name="nextHint">Where to start looking; anything that is no cluster means the beginning.</param>
    /// <param name="area">Where what was fresh is discarded as soon as it is released, if nothing that releases it is ever undone; null for never.</param>
    public ClusterSpace(IClusterMap map, long freeHint, uint nextHint, ClusterArea? area = null)
    {
        _map = map;
        _area = area;
        _free = freeHint >= 0 && freeHint <= map.LastCluster - map.FirstCluster + 1L ? freeHint : -1;
        _next = nextHint >= map.FirstCluster && nextHint <= map.LastCluster ? nextHint : map.FirstCluster;
    }

    /// <summary>Free clusters; counts them the first time when nobody has told.</summary>
    public long FreeClusters => _free >= 0 ? _free : _free = _map.CountFree();

    /// <summary>Counts the free clusters anew, where the volume's own number may be wrong.</summary>
    public long Recount() => _free = _map.CountFree();

    /// <summary>Free clusters when known, else -1.</summary>
    public long KnownFreeClusters => _free;

    /// <summary>Where the next search starts.</summary>
    public uint NextHint => _next;

    /// <summary>Whether an edit that changed chains, or entries with them, ended midway and was not undone: what is held of the volume is neither what it was
    /// before nor what it was to become. It stays so for as long as this object is used.</summary>
    public bool IsTorn => _unfinished > 0;

    /// <summary>From here on an edit changes more than one thing. <see cref="EndChange"/> follows when all of it is done, or all of it undone; edits nest.</summary>
    public void BeginChange() => _unfinished++;

    public void EndChange() => _unfinished--;

    /// <summary>Reads what the map has of these clusters, so that giving them back does not fail.</summary>
    public void Touch(ClusterRun run) => _map.Touch(run);

    /// <summary>Takes up to <paramref name="wanted"/> consecutive free clusters.</summary>
    /// <param name="wanted">At least 1.</param>
    /// <param name="after">The cluster to continue, if that is possible; 0 for none.</param>
    /// <returns>The run, shorter than wanted when there is no longer one at this place; Count 0 when the volume is full.</returns>
    public ClusterRun Take(uint wanted, uint after)
    {
        var first = after != 0 && after < _map.LastCluster && CountUsableFrom(after + 1, 1) > 0 ? after + 1 : Find();
        var fresh = true;
        if (first == 0)
        {
            // Only what was freed since the commit is left. It may be taken, but is written through the transaction.
            fresh = false;
            first = _map.FindFree(_map.FirstCluster);
            if (first == 0)
            {
                _free = 0;
                return default;
            }
        }
        var run = new ClusterRun(first, fresh ? CountUsableFrom(first, wanted) : _map.CountFreeFrom(first, wanted));
        BeginChange();
        _map.Take(run);
        EndChange();
        if (fresh)
            _fresh.Add(run.First, run.Count);
        else
            _freed.Remove(run.First, run.Count);
        if (_free >= 0)
            _free -= run.Count;
        _next = run.Behind <= _map.LastCluster ? run.Behind : _map.FirstCluster;
        return run;
    }

    /// <summary>Gives clusters back.</summary>
    public void Release(ClusterRun run)
    {
        BeginChange();
        _map.Release(run);
        EndChange();
        for (long at = run.First; at < run.Behind;)
        {
            // What was fresh never was in a committed state: it can be fresh again.
            var fresh = _fresh.NextRange(at);
            var until = Math.Min(fresh is { } range ? range.Start : long.MaxValue, run.Behind);
            _freed.Add(at, until - at);
            at = until;
            if (at < run.Behind)
            {
                var count = Math.Min(fresh!.Value.End, run.Behind) - at;
                _fresh.Remove(at, count);
                _area?.Device.Discard(_area.OffsetOf((uint)at), _area.BytesIn(count));
                at += count;
            }
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
        var (start, end, wrapped) = (_next, _map.LastCluster, false);
        for (var probe = 0; probe < maxProbes; probe++)
        {
            var first = start <= end ? FindFrom(start) : 0;
            if (first == 0 || first > end)
            {
                // Once more from the beginning, up to where the search started.
                if (wrapped || _next == _map.FirstCluster)
                    return;
                (start, end, wrapped) = (_map.FirstCluster, _next - 1, true);
                continue;
            }
            var count = CountUsableFrom(first, wanted);
            if (count >= wanted)
            {
                _next = first;
                return;
            }
            start = first + count + 1;
        }
    }

    /// <summary>The structures are durable: what was freed may be used again, what was fresh no longer is.</summary>
    public void Committed()
    {
        _fresh.Clear();
        _freed.Clear();
    }

    private uint CountUsableFrom(uint first, uint most)
    {
        var count = _map.CountFreeFrom(first, most);
        return count == 0 || _freed.IsEmpty || _freed.NextRange(first) is not { } freed
            ? count
            : (uint)Math.Min(count, freed.Start - first);
    }

    private uint Find()
    {
        var found = FindFrom(_next);
        return found != 0 || _next == _map.FirstCluster ? found : FindFrom(_map.FirstCluster);
    }

    private uint FindFrom(uint from)
    {
        var cluster = _map.FindFree(from);
        while (cluster != 0 && !_freed.IsEmpty && _freed.Contains(cluster))
        {
            // Freed since the commit: go on behind the whole range.
            var range = _freed.NextRange(cluster)!.Value;
            cluster = range.End > _map.LastCluster ? 0 : _map.FindFree((uint)range.End);
        }
        return cluster;
    }
}
