using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The free clusters: taken near a goal, in runs as long as can be found soon, and given back.</summary>
/// <remarks>
/// <para>A search looks at the goal's group from where the last one ended, then at a few more; groups without room are passed over by their counts.</para>
/// <para>Clusters freed since the last commit come last (<see cref="UncommittedSpace"/>).</para>
/// </remarks>
internal sealed class ExtSpace(ExtEditState state)
{
    // Groups looked at before the longest run found has to do.
    private const int MaxGroups = 8;

    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly UncommittedSpace _uncommitted = new();         // clusters, counted from the first data block
    private readonly RangeSet _full = new();                        // groups in which nothing can be taken before the next commit
    private readonly NumberMap<int> _next = new();                  // where a group's search goes on; only a hint

    /// <summary>Free clusters.</summary>
    public long FreeClusters => state.Super.FreeClusters;

    /// <summary>Bytes of so many clusters.</summary>
    public long BytesIn(long clusters) => clusters * _geometry.ClusterRatio << _geometry.LogBlockSize;

    /// <summary>The edit is whole.</summary>
    public void Keep() => _uncommitted.Keep();

    /// <summary>The edit failed. The bitmaps go back with the blocks that they are.</summary>
    public void Undo()
    {
        _uncommitted.Undo();
        _full.Clear();
    }

    /// <summary>Everything is durable: what was freed may be used again, what was fresh no longer is.</summary>
    public void Committed()
    {
        if (!_uncommitted.Freed.IsEmpty)
            _full.Clear();
        _uncommitted.Clear();
    }

    /// <summary>The volume went back to the last commit.</summary>
    public void Forget()
    {
        _uncommitted.Clear();
        _full.Clear();
        _next.Clear();
    }

    /// <summary>Whether no committed structure refers to any of these blocks.</summary>
    public bool IsFresh(long block, long count)
    {
        if (block < _geometry.FirstDataBlock)
            return false;
        var first = ClusterOf(block);
        return _uncommitted.IsFresh(first, ClusterOf(block + count - 1) - first + 1);
    }

    /// <summary>Takes clusters in one piece.</summary>
    /// <param name="goal">The block at or behind which they should lie.</param>
    /// <param name="wanted">How many; at least 1.</param>
    /// <returns>The first block, and how many clusters from there on: fewer where there is no such run nearby.</returns>
    /// <exception cref="VolumeFullException">There is none.</exception>
    public (long Block, int Clusters) Take(long goal, long wanted)
    {
        if (!_geometry.IsBlock(goal))
            goal = _geometry.FirstDataBlock;
        var most = (int)Math.Min(wanted, _geometry.ClustersPerGroup);
        if (FreeClusters > 0)
        {
            if (TryGoOn(goal, most) is { Length: > 0 } next)
                return Take(next, fresh: true);
            if (Find(_geometry.GroupOf(goal), (int)(ClusterOf(goal) % _geometry.ClustersPerGroup), most) is { Length: > 0 } found)
                return Take(found, fresh: true);
            if (!_uncommitted.Freed.IsEmpty)
            {
                var first = _uncommitted.Freed[0];
                var group = first.Start / _geometry.ClustersPerGroup;
                var count = Math.Min(Math.Min(first.Length, most), (group + 1) * _geometry.ClustersPerGroup - first.Start);
                return Take(new LongRange(first.Start, count), fresh: false);
            }
        }
        throw Full(wanted);
    }

    public VolumeFullException Full(long wanted) => new("bytes", BytesIn(wanted), BytesIn(FreeClusters));

    /// <summary>The first block of a run of so many clusters, where one is found soon; else the goal.</summary>
    public long SeekRoom(long goal, long wanted)
    {
        if (FreeClusters == 0 || !_geometry.IsBlock(goal))
            return goal;
        var run = Find(_geometry.GroupOf(goal), (int)(ClusterOf(goal) % _geometry.ClustersPerGroup), (int)Math.Min(wanted, _geometry.ClustersPerGroup));
        return run.Length > 0 ? BlockOf(run.Start) : goal;
    }

    /// <summary>Where a group's search goes on: the goal for what has no better one.</summary>
    public long GoalIn(long group) => Math.Min(_geometry.GroupStart(group) + (_next.TryGetValue((ulong)group, out var next) ? next : 0) * (long)_geometry.ClusterRatio, _geometry.BlocksCount - 1);

    /// <summary>Gives the clusters of a run of blocks back; both ends are cluster bounds.</summary>
    /// <exception cref="DiskFormatException">Some of them are free already, or outside of the volume.</exception>
    public void Release(long block, long count)
    {
        if (count == 0)
            return;
        if (!_geometry.IsRange(block, count))
            throw new DiskFormatException("EXT-0300", "Block bitmap", -1, $"blocks {block}..{block + count - 1} are outside of the volume and cannot be freed");
        var first = ClusterOf(block);
        var end = ClusterOf(block + count - 1) + 1;
        for (var at = first; at < end;)
        {
            var group = at / _geometry.ClustersPerGroup;
            var within = at - group * _geometry.ClustersPerGroup;
            var part = Math.Min(end - at, _geometry.ClustersPerGroup - within);
            var bitmap = state.Descriptors.EditBlockBitmap(group);
            if (BitWords.CountSet(bitmap, within, part) != part)
                throw new DiskFormatException("EXT-0600", $"Block bitmap of group {group}", state.Descriptors[group].BlockBitmap << _geometry.LogBlockSize, $"clusters {within}..{within + part - 1} are to be freed and are not all in use");
            BitWords.Fill(bitmap, within, part, false);
            state.Descriptors.AddFreeClusters(group, part);
            _full.Remove(group, 1);
            at += part;
        }
        state.Super.FreeClusters += end - first;
        _uncommitted.Free(first, end);
    }

    /// <summary>Blocks that are free, and are going to be claimed: nothing else takes them as long as there are others.</summary>
    public void KeepFree(long block, long count)
    {
        foreach (var run in FreeRuns(block, count))
            _uncommitted.KeepFree(run);
    }

    /// <summary>Takes certain blocks, those that are not in use yet.</summary>
    public void Claim(long block, long count)
    {
        foreach (var run in FreeRuns(block, count))
        {
            var group = run.Start / _geometry.ClustersPerGroup;
            BitWords.Fill(state.Descriptors.EditBlockBitmap(group), run.Start - group * _geometry.ClustersPerGroup, run.Length, true);
            state.Descriptors.AddFreeClusters(group, -run.Length);
            state.Super.FreeClusters = Math.Max(0, FreeClusters - run.Length);
            _uncommitted.Take(run, isFresh: false);
        }
    }

    // The clusters of some blocks that are not in use, in pieces that lie in one group each.
    private List<LongRange> FreeRuns(long block, long count)
    {
        var runs = new List<LongRange>();
        var end = ClusterOf(block + count - 1) + 1;
        for (var at = ClusterOf(block); at < end;)
        {
            var group = at / _geometry.ClustersPerGroup;
            var start = group * _geometry.ClustersPerGroup;
            var limit = Math.Min(end - start, _geometry.ClustersPerGroup);
            var bitmap = state.Descriptors.BlockBitmap(group);
            for (var within = at - start; within < limit && BitWords.Next(bitmap, within, limit, 0) is var free and >= 0;)
            {
                var used = BitWords.Next(bitmap, free, limit, ulong.MaxValue);
                within = used < 0 ? limit : used;
                runs.Add(new LongRange(start + free, within - free));
            }
            at = start + limit;
        }
        return runs;
    }

    private (long Block, int Clusters) Take(LongRange run, bool fresh)
    {
        var group = run.Start / _geometry.ClustersPerGroup;
        var within = run.Start - group * _geometry.ClustersPerGroup;
        BitWords.Fill(state.Descriptors.EditBlockBitmap(group), within, run.Length, true);
        state.Descriptors.AddFreeClusters(group, -run.Length);
        state.Super.FreeClusters = Math.Max(0, FreeClusters - run.Length);
        _uncommitted.Take(run, fresh);
        _next[(ulong)group] = (int)(within + run.Length);
        return (BlockOf(run.Start), (int)run.Length);
    }

    // What follows the block before without a gap.
    private LongRange TryGoOn(long goal, int most)
    {
        var cluster = ClusterOf(goal);
        return _uncommitted.FreeAt(Page(cluster / _geometry.ClustersPerGroup), cluster % _geometry.ClustersPerGroup, most);
    }

    private BitmapPage Page(long group) => new(state.Descriptors.BlockBitmap(group), group * _geometry.ClustersPerGroup, _geometry.ClustersIn(group));

    private LongRange Find(long goalGroup, int from, int wanted)
    {
        var best = default(LongRange);
        var looked = 0;
        for (var wrapped = false; ; wrapped = true)
        {
            // From the goal's group to the last, then from the first one on.
            var end = wrapped ? goalGroup : _geometry.GroupCount;
            for (var group = wrapped ? 0 : goalGroup; group < end; group++)
            {
                if (_full.NextGap(group, end) is not { } gap)
                    break;
                group = gap.Start;
                var free = state.Descriptors[group].FreeClusters;
                var run = free == 0 || (best.Length > 0 && free < wanted) ? default : FindIn(group, group == goalGroup ? from : 0, wanted, ref best);
                if (run.Length >= wanted)
                    return run;
                if (free == 0 || (best.Length == 0 && run.Length == 0))
                    _full.Add(group, 1);
                if (best.Length > 0 && ++looked >= MaxGroups)
                    return best;
            }
            if (wrapped)
                return best;
        }
    }

    // The first run that is long enough; else the longest of those looked at goes to the best so far.
    private LongRange FindIn(long group, int from, int wanted, ref LongRange best)
    {
        var page = Page(group);
        if (from == 0 && _next.TryGetValue((ulong)group, out var next))
            from = next;
        var start = Math.Min(from, page.Count);
        var found = default(LongRange);
        // From there to the group's end, then what is before it.
        _uncommitted.Find(page, start, page.Count, wanted, ref found);
        if (found.Length < wanted)
            _uncommitted.Find(page, 0, start, wanted, ref found);
        if (found.Length > best.Length)
            best = found;
        return found;
    }

    private long ClusterOf(long block) => (block - _geometry.FirstDataBlock) / _geometry.ClusterRatio;

    private long BlockOf(long cluster) => cluster * _geometry.ClusterRatio + _geometry.FirstDataBlock;
}
