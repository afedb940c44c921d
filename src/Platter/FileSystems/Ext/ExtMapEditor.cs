using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Changes where a file's blocks are. The inode that it was made for is changed with it, and is the caller's to write.</summary>
internal abstract class ExtMapEditor(ExtInode inode, ExtEditState state)
{
    protected ExtInode Inode => inode;
    protected ExtEditState State => state;
    protected ExtGeometry Geometry => state.Geometry;

    /// <summary>Blocks that the map can address.</summary>
    public abstract long MaxBlocks { get; }

    /// <summary>Where the blocks are that map the others go: behind what was allocated last.</summary>
    protected long NodeGoal { get; private set; }

    /// <summary>The map of an inode that has one.</summary>
    public static ExtMapEditor Of(ExtInode inode, ExtEditState state) =>
        (inode.Flags & ExtInodeFlags.Extents) != 0 ? new ExtExtentEditor(inode, state) : new ExtIndirectEditor(inode, state);

    /// <inheritdoc cref="ExtBlockMap.Find"/>
    public abstract ExtRun Find(long logical);

    /// <summary>Maps every hole of a part of the file.</summary>
    /// <param name="from">First logical block.</param>
    /// <param name="end">Behind the last one.</param>
    /// <param name="goal">Where the blocks should lie, when nothing is mapped before them; 0: near the inode.</param>
    /// <param name="made">Gets the runs that were allocated: they hold anything.</param>
    /// <exception cref="VolumeFullException">No room.</exception>
    public void Fill(long from, long end, long goal, GrowingArray<ExtRun> made)
    {
        for (var at = from; at < end;)
        {
            var run = Find(at);
            if (!run.IsHole)
            {
                at = run.End;
                continue;
            }
            var added = Allocate(at, Math.Min(run.End, end), goal);
            Insert(added);
            made.Add(added);
            at = added.End;
        }
    }

    /// <summary>Unmaps everything from a logical block on, and frees it.</summary>
    public abstract void Truncate(long from);

    /// <summary>What was allocated and read as zeros holds content from now on.</summary>
    /// <param name="from">First logical block.</param>
    /// <param name="end">Behind the last one.</param>
    public virtual void MarkWritten(long from, long end)
    {
        // Only extents can be unwritten.
    }

    /// <summary>Maps a run where there is a hole.</summary>
    protected abstract void Insert(in ExtRun run);

    /// <summary>Takes one cluster for a block of the map itself.</summary>
    protected long TakeNode()
    {
        var (block, _) = state.Space.Take(NodeGoal != 0 ? NodeGoal : state.Space.GoalIn(GroupOfInode), 1);
        inode.AddClusters(1, Geometry);
        return block;
    }

    /// <summary>Gives a block of the map back.</summary>
    protected void ReleaseNode(long block)
    {
        state.Changes.Drop(block);
        state.Space.Release(block, 1);
        inode.AddClusters(-1, Geometry);
    }

    /// <summary>Frees what was unmapped; a cluster (bigalloc) only when none of its blocks is mapped any more.</summary>
    protected void Release(long logical, long physical, long count)
    {
        var ratio = Geometry.ClusterRatio;
        if (ratio > 1)
        {
            var (head, tail) = (logical % ratio, (ratio - (logical + count) % ratio) % ratio);
            if (head > 0)
            {
                // The cluster goes with its first blocks, if they are mapped; all of it, when they are not.
                var change = IsMapped(logical - head, logical) || (count < ratio - head && IsMapped(logical + count, logical - head + ratio)) ? Math.Min(ratio - head, count) : -head;
                (logical, physical, count) = (logical + change, physical + change, count - change);
            }
            if (count > 0 && tail > 0)
                count += IsMapped(logical + count, logical + count + tail) ? -((logical + count) % ratio) : tail;
            if (count <= 0)
                return;
        }
        var end = Math.Min(physical + count, Geometry.BlocksCount);
        state.Space.Release(physical, end - physical);
        inode.AddClusters(-((count + ratio - 1) / ratio), Geometry);
    }

    protected DiskFormatException Broken(string code, string problem) => new(code, $"Inode {inode.Number}", inode.Offset, problem);

    private long GroupOfInode => (inode.Number - 1) / Geometry.InodesPerGroup;

    private bool IsMapped(long from, long end)
    {
        for (var at = from; at < end;)
        {
            var run = Find(at);
            if (!run.IsHole)
                return true;
            at = run.End;
        }
        return false;
    }

    private ExtRun Allocate(long at, long end, long goal)
    {
        var ratio = Geometry.ClusterRatio;
        var within = at % ratio;
        if (ratio > 1)
        {
            // A cluster that has a mapped block already is this file's: its other blocks are where they must be.
            if (ClusterOf(at) is var own and not 0)
                return new ExtRun(at, own + within, Math.Min(end, at - within + ratio) - at, false);
            if (end % ratio != 0 && end - end % ratio > at && ClusterOf(end - 1) != 0)
                end -= end % ratio;
        }
        if (at > 0 && Find(at - 1) is { IsHole: false } before)
            goal = before.Physical + 1;
        else if (goal == 0)
            goal = NodeGoal != 0 ? NodeGoal : state.Space.GoalIn(GroupOfInode);
        var wanted = (end - (at - within) + ratio - 1) / ratio;
        var (block, clusters) = state.Space.Take(goal, wanted);
        inode.AddClusters(clusters, Geometry);
        NodeGoal = block + (long)clusters * ratio;
        return new ExtRun(at, block + within, Math.Min(end - at, clusters * (long)ratio - within), false);
    }

    // Where the cluster starts that a logical block is in, by a block of it that is mapped; 0: none is.
    private long ClusterOf(long logical)
    {
        var start = logical - logical % Geometry.ClusterRatio;
        for (var at = start; at < start + Geometry.ClusterRatio;)
        {
            var run = Find(at);
            if (!run.IsHole)
                return run.Physical - (at - start);
            at = run.End;
        }
        return 0;
    }
}
