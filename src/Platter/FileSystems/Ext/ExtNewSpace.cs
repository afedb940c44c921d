using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The clusters of a volume that is being made: what is taken, and the taking of more, in the order of mke2fs (the first free one from a goal on).</summary>
internal sealed class ExtNewSpace
{
    private readonly ExtGeometry _geometry;
    private readonly ExtLayout _layout;

    // Blocks, in whole clusters.
    private readonly RangeSet _used = new();

    public ExtNewSpace(ExtGeometry geometry, ExtLayout layout)
    {
        _geometry = geometry;
        _layout = layout;
        foreach (var range in layout.Used)
        {
            var start = ClusterOf(range.Start);
            _used.Add(start, ClusterOf(range.End - 1) + geometry.ClusterRatio - start);
        }
    }

    /// <summary>Clusters in use.</summary>
    public long UsedClusters => _used.Total / _geometry.ClusterRatio;

    public long FreeClusters => (_geometry.BlocksCount - _geometry.FirstDataBlock) / _geometry.ClusterRatio - UsedClusters;

    /// <summary>The first block of the cluster that a block is in.</summary>
    public long ClusterOf(long block) => block & ~(long)(_geometry.ClusterRatio - 1);

    /// <summary>Takes one cluster.</summary>
    /// <param name="goal">The first block that would do; 0 for any.</param>
    /// <returns>Its first block.</returns>
    /// <exception cref="ArgumentException">None is free.</exception>
    public long Take(long goal) => Take(goal, 1).Start;

    /// <summary>Takes free blocks that lie together.</summary>
    /// <param name="goal">The first block that would do; 0 for any.</param>
    /// <param name="most">Blocks; fewer are taken where not so many are free in one piece.</param>
    /// <returns>What is to be used of it; whole clusters are taken.</returns>
    /// <exception cref="ArgumentException">None is free.</exception>
    public LongRange Take(long goal, long most)
    {
        var first = _geometry.FirstDataBlock;
        var start = goal <= 0 || goal >= _geometry.BlocksCount ? first : ClusterOf(goal);
        var gap = _used.NextGap(start, _geometry.BlocksCount) ?? _used.NextGap(first, _geometry.BlocksCount) ?? throw Full();
        var run = new LongRange(gap.Start, Math.Min(gap.Length, most));
        var end = ClusterOf(run.End - 1) + _geometry.ClusterRatio;
        _used.Add(run.Start, end - run.Start);
        for (var group = _geometry.GroupOf(run.Start); group <= _geometry.GroupOf(end - 1); group++)
            _layout.IsTouched[group] = true;
        return run;
    }

    /// <summary>The first free block from a goal on; the goal itself when there is none.</summary>
    public long FirstFree(long goal) => _used.NextGap(Math.Max(goal, _geometry.FirstDataBlock), _geometry.BlocksCount)?.Start ?? goal;

    /// <summary>Free clusters of a group.</summary>
    public int FreeIn(long group)
    {
        var used = 0L;
        foreach (var range in _used.Enumerate(_geometry.GroupStart(group), _geometry.BlocksIn(group)))
            used += range.Length;
        return _geometry.ClustersIn(group) - (int)(used / _geometry.ClusterRatio);
    }

    /// <summary>A group's block bitmap; bits behind the group are set.</summary>
    public void Save(long group, Span<byte> bitmap)
    {
        var start = _geometry.GroupStart(group);
        var bits = new Bitmap(8L * bitmap.Length);
        bits.Fill(_geometry.ClustersIn(group), bits.Length - _geometry.ClustersIn(group), true);
        foreach (var range in _used.Enumerate(start, _geometry.BlocksIn(group)))
            bits.Fill((range.Start - start) / _geometry.ClusterRatio, range.Length / _geometry.ClusterRatio, true);
        bits.Save(0, bitmap);
    }

    private ArgumentException Full() => new($"the volume's {_geometry.BlocksCount} blocks are too few for the journal and the directories: a smaller journal_size, or ^has_journal");
}
