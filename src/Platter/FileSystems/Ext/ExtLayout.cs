using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Where the structures of a new volume lie: copies of superblock and descriptors, and each group's bitmaps and inode table.</summary>
/// <remarks>
/// <para>The places are those of mke2fs. Without flex_bg a group holds its own structures, behind its copies. With flex_bg those of a
/// flex group (16 groups) lie together at its start, each kind in one piece as long as nothing stands in the way:</para>
/// <code>
///   group 0:  superblock, descriptors, room for more | block bitmaps 0..15 | inode bitmaps 0..15 | inode tables 0..15 | data
///   group 1:  copies | data        group 2:  data   ...
/// </code>
/// <para>Everything is counted in blocks, also with bigalloc, where structures share clusters.</para>
/// </remarks>
internal sealed class ExtLayout
{
    private readonly ExtGeometry _geometry;
    private readonly int _flexGroups;
    private readonly bool _leavesGroups;

    /// <param name="geometry">The volume.</param>
    /// <param name="isPacked">With flex_bg: all of them at the start of the volume.</param>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    public ExtLayout(ExtGeometry geometry, bool isPacked)
    {
        _geometry = geometry;
        var hasFlexGroups = geometry.Has(ExtIncompat.FlexBg);
        _flexGroups = hasFlexGroups && geometry.Super.LogGroupsPerFlex > 0 ? 1 << geometry.Super.LogGroupsPerFlex : 0;
        isPacked &= hasFlexGroups;
        _leavesGroups = isPacked || _flexGroups > 0;
        BlockBitmaps = new long[geometry.GroupCount];
        InodeBitmaps = new long[geometry.GroupCount];
        InodeTables = new long[geometry.GroupCount];
        IsTouched = new bool[geometry.GroupCount];

        // With 1 KiB blocks and bigalloc the boot block is part of group 0, and so counts as used.
        for (var group = 0L; group < geometry.GroupCount; group++)
            Used.Add(geometry.GroupStart(group), Math.Min(geometry.BaseBlocks(group), geometry.BlocksIn(group)));
        if (isPacked)
        {
            PlacePacked();
            return;
        }
        for (var group = 0; group < BlockBitmaps.Length; group++)
        {
            if (_flexGroups > 0)
                PlaceInFlexGroup(group);
            else
                PlaceInGroup(group);
        }
    }

    public long[] BlockBitmaps { get; }
    public long[] InodeBitmaps { get; }
    public long[] InodeTables { get; }

    /// <summary>Groups in which structures of other groups lie: their block bitmaps cannot be left unwritten.</summary>
    public bool[] IsTouched { get; }

    /// <summary>All blocks of structures.</summary>
    public RangeSet Used { get; } = new();

    private void PlaceInGroup(int group)
    {
        var first = _geometry.GroupStart(group);
        var last = first + _geometry.BlocksIn(group) - 1;
        var start = first;
        int stride = _geometry.Super.RaidStride;
        if (stride > 0)
        {
            // Bitmaps of neighbouring groups on different disks of an array.
            start = (Find(first, last, 1) ?? throw NoRoom(group)) + _geometry.InodeTableBlocks;
            if (last - start + 1 is > 0 and var room)
                start += (uint)(stride * group) % room;
            if (start >= last)
                start = first;
        }
        BlockBitmaps[group] = Take(group, Find(start, last, 1) ?? Find(first, last, 1), 1);
        InodeBitmaps[group] = Take(group, Find(start, last, 1) ?? Find(first, last, 1), 1);
        InodeTables[group] = Take(group, Find(first, last, _geometry.InodeTableBlocks), _geometry.InodeTableBlocks);
    }

    private void PlaceInFlexGroup(int group)
    {
        var lastGroup = Math.Min(group | (_flexGroups - 1), BlockBitmaps.Length - 1);
        var left = lastGroup - group + 1;
        var first = _geometry.GroupStart(group);
        var last = LastBlock(lastGroup);
        var isFirst = group % _flexGroups == 0;

        // How many bitmaps of a kind there are going to be: the next kind starts behind them. A last flex group of one group keeps room for all.
        var apart = lastGroup == BlockBitmaps.Length - 1 && left > 1 ? left : _flexGroups;
        var table = _geometry.InodeTableBlocks;

        var goal = FlexGoal(group, isFirst ? 0 : BlockBitmaps[group - 1] + 1, left, 1);
        BlockBitmaps[group] = Take(group, Find(goal, last, 1) ?? Find(first, last, 1), 1);
        goal = FlexGoal(group, isFirst ? BlockBitmaps[group] + apart : InodeBitmaps[group - 1] + 1, left, 1);
        InodeBitmaps[group] = Take(group, Find(goal, last, 1) ?? Find(first, last, 1), 1);
        goal = FlexGoal(group, isFirst ? InodeBitmaps[group] + apart : InodeTables[group - 1] + table, left, table);
        InodeTables[group] = Take(group, Find(goal, last, table), table);
    }

    // Behind the one before, past small obstacles; else where all that are left fit, else where one does.
    private long FlexGoal(int group, long behind, int left, int blocks)
    {
        var together = Math.Min((long)left * blocks, _geometry.BlocksPerGroup / 4);
        if (behind > 0 && behind < _geometry.BlocksCount && Find(behind, behind + together, blocks) is { } next)
            return next;
        var start = _geometry.GroupStart(group / _flexGroups * _flexGroups);
        var last = LastBlock(Math.Min(group | (_flexGroups - 1), BlockBitmaps.Length - 1));
        return Find(start, last, together) ?? Find(start, last, blocks) ?? Find(0, last, blocks) ?? 0;
    }

    private void PlacePacked()
    {
        var goal = 0L;
        foreach (var places in (long[][])[BlockBitmaps, InodeBitmaps])
        {
            for (var group = 0; group < places.Length; group++)
                places[group] = goal = Take(group, Find(goal, _geometry.BlocksCount, 1), 1);
        }
        for (var group = 0; group < InodeTables.Length; group++)
            InodeTables[group] = goal = Take(group, Find(goal, _geometry.BlocksCount - 1, _geometry.InodeTableBlocks), _geometry.InodeTableBlocks);
    }

    // The first free run that starts at or behind a block and before another; from the end on again at the start, when that comes before.
    private long? Find(long start, long end, long blocks)
    {
        var from = Math.Max(start, _geometry.FirstDataBlock);
        if (end > start)
            return Used.NextGap(from, _geometry.BlocksCount, blocks) is { } gap && gap.Start < end ? gap.Start : null;
        return Used.NextGap(from, _geometry.BlocksCount, blocks)?.Start
            ?? (Used.NextGap(_geometry.FirstDataBlock, _geometry.BlocksCount, blocks) is { } again && again.Start < end ? again.Start : null);
    }

    private long Take(int group, long? found, int blocks)
    {
        var start = found ?? throw NoRoom(group);
        Used.Add(start, blocks);
        if (_leavesGroups)
        {
            for (var at = _geometry.GroupOf(start); at <= _geometry.GroupOf(start + blocks - 1); at++)
                IsTouched[at] = true;
        }
        return start;
    }

    private long LastBlock(long group) => _geometry.GroupStart(group) + _geometry.BlocksIn(group) - 1;

    private static ArgumentException NoRoom(int group) => new($"there is no room for the bitmaps and the inode table of group {group}: fewer inodes or other groups make it fit");
}
