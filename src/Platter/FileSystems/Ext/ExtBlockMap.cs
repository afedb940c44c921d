namespace Platter.FileSystems.Ext;

/// <summary>A run of a file's blocks.</summary>
/// <param name="Logical">First block in the file.</param>
/// <param name="Physical">First block in the volume; 0 for a hole.</param>
/// <param name="Count">Blocks; at least 1.</param>
/// <param name="IsUnwritten">Allocated, and reads as zeros.</param>
internal readonly record struct ExtRun(long Logical, long Physical, long Count, bool IsUnwritten)
{
    public bool IsHole => Physical == 0;

    /// <summary>Whether the blocks have bytes of the file.</summary>
    public bool HasData => Physical != 0 && !IsUnwritten;

    public long End => Logical + Count;
}

/// <summary>Where a file's blocks are.</summary>
internal abstract class ExtBlockMap
{
    /// <summary>The run that a logical block is in, from that block on. A hole ends before the next mapped block, as far as one structure tells.</summary>
    /// <exception cref="DiskFormatException">The map is broken.</exception>
    public abstract ExtRun Find(long logical);

    /// <summary>Blocks that the map can address.</summary>
    public abstract long MaxBlocks { get; }

    /// <summary>The runs of a part of the file, in order; holes that touch come as one.</summary>
    public IEnumerable<ExtRun> Runs(long from, long end)
    {
        var hole = default(ExtRun);
        for (var at = from; at < end;)
        {
            var run = at < MaxBlocks ? Find(at) : new ExtRun(at, 0, end - at, false);
            at = run.End;
            if (run.IsHole)
            {
                hole = hole.Count == 0 ? run : hole with { Count = hole.Count + run.Count };
                continue;
            }
            if (hole.Count != 0)
                yield return hole;
            hole = default;
            yield return run.End > end ? run with { Count = end - run.Logical } : run;
        }
        if (hole.Count != 0)
            yield return hole.End > end ? hole with { Count = end - hole.Logical } : hole;
    }

    /// <summary>The map of an inode that has one: not inline data, not a fast link, not a device.</summary>
    /// <exception cref="DiskFormatException">The root of an extent tree is broken.</exception>
    public static ExtBlockMap Of(ExtInode inode, ExtGeometry geometry, ExtBlocks blocks, ExtChecksums checksums) =>
        (inode.Flags & ExtInodeFlags.Extents) != 0
            ? new ExtExtentTree(inode, geometry, blocks, checksums)
            : new ExtIndirectBlocks(inode, geometry, blocks);
}
