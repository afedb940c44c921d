using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The free inodes: directories are spread over the volume, files lie in their directory's group.</summary>
/// <remarks>After Orlov, as ext2, ext3 and ext4 do: a directory of the root goes to a group with more room than most and few directories; others stay near
/// their parent as long as that group has room. Within a group the lowest free inode is taken, so that the end of a table stays unused.</remarks>
internal sealed class ExtInodeSpace(ExtEditState state)
{
    // Groups that are compared for a new directory of the root.
    private const int MaxCompared = 32;

    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly NumberMap<int> _lowest = new();        // no inode of the group below this one is free; only a hint
    private readonly RangeSet _full = new();
    private long _nextTop = -1;

    /// <summary>Takes an inode; its table block is there, all else is the caller's.</summary>
    /// <exception cref="VolumeFullException">There is none.</exception>
    public uint Take(uint parent, bool isDirectory)
    {
        var group = (parent - 1) / _geometry.InodesPerGroup;
        if (isDirectory)
            group = GroupForDirectory(parent, group);
        if (state.Super.FreeInodes > 0 && TryTake(group, isDirectory) is var number and not 0)
            return number;
        throw new VolumeFullException("inodes", 1, 0);
    }

    /// <summary>Whether an inode is in use.</summary>
    public bool IsUsed(uint number)
    {
        var group = (number - 1) / _geometry.InodesPerGroup;
        return (state.Descriptors[group].Flags & ExtGroupFlags.InodeUninit) == 0
            && BitWords.CountSet(state.Descriptors.EditInodeBitmap(group), (number - 1) % _geometry.InodesPerGroup, 1) != 0;
    }

    /// <summary>Takes a certain inode, which is free.</summary>
    public void Claim(uint number, bool isDirectory)
    {
        var group = (number - 1) / _geometry.InodesPerGroup;
        var index = (int)((number - 1) % _geometry.InodesPerGroup);
        BitWords.Fill(state.Descriptors.EditInodeBitmap(group), index, 1, true);
        state.Descriptors.AddFreeInodes(group, -1, isDirectory ? 1 : 0);
        state.Super.FreeInodes--;
        UseTable(group, index);
    }

    /// <summary>Gives an inode back.</summary>
    /// <exception cref="DiskFormatException">It is free already.</exception>
    public void Release(uint number, bool isDirectory)
    {
        var group = (number - 1) / _geometry.InodesPerGroup;
        var index = (int)((number - 1) % _geometry.InodesPerGroup);
        var bitmap = state.Descriptors.EditInodeBitmap(group);
        if (BitWords.CountSet(bitmap, index, 1) == 0)
            throw new DiskFormatException("EXT-0601", $"Inode bitmap of group {group}", state.Descriptors[group].InodeBitmap << _geometry.LogBlockSize, $"inode {number} is to be freed and is not in use");
        BitWords.Fill(bitmap, index, 1, false);
        state.Descriptors.AddFreeInodes(group, 1, isDirectory ? -1 : 0);
        state.Super.FreeInodes++;
        _full.Remove(group, 1);
        if (_lowest.TryGetValue((ulong)group, out var lowest) && index < lowest)
            _lowest[(ulong)group] = index;
    }

    /// <summary>An edit failed: what it took is free again.</summary>
    public void Undo()
    {
        _full.Clear();
        _lowest.Clear();
    }

    private uint TryTake(long goal, bool isDirectory)
    {
        for (var pass = 0; pass < 2; pass++)
        {
            // First upwards from the goal, then from the first group on.
            var end = pass == 0 ? _geometry.GroupCount : goal;
            for (var group = pass == 0 ? goal : 0; group < end; group++)
            {
                if (_full.NextGap(group, end) is not { } gap)
                    break;
                group = gap.Start;
                if (state.Descriptors[group].FreeInodes > 0 && TakeIn(group, isDirectory) is var number and not 0)
                    return number;
                _full.Add(group, 1);
            }
        }
        return 0;
    }

    private uint TakeIn(long group, bool isDirectory)
    {
        var bitmap = state.Descriptors.InodeBitmap(group);
        var from = _lowest.TryGetValue((ulong)group, out var lowest) ? lowest : 0;
        if (group * _geometry.InodesPerGroup < _geometry.FirstInode - 1)
            from = (int)Math.Max(from, Math.Min(_geometry.FirstInode - 1 - group * _geometry.InodesPerGroup, _geometry.InodesPerGroup));
        var index = (int)BitWords.Next(bitmap, from, _geometry.InodesPerGroup, 0);
        if (index < 0)
            return 0;
        state.Descriptors.SetInode(group, index, true);
        _lowest[(ulong)group] = index + 1;
        state.Descriptors.AddFreeInodes(group, -1, isDirectory ? 1 : 0);
        state.Super.FreeInodes--;
        UseTable(group, index);
        return (uint)(group * _geometry.InodesPerGroup + index + 1);
    }

    // Blocks of the table that no inode in use reached before were never written: they may hold anything.
    private void UseTable(long group, int index)
    {
        if (!state.Checksums.IsOnForDescriptors)
            return;
        var descriptor = state.Descriptors[group];
        var used = (int)Math.Max(0, _geometry.InodesPerGroup - descriptor.UnusedInodes);
        if (index < used)
            return;
        var perBlock = _geometry.InodesPerBlock;
        for (var block = (used + perBlock - 1) / perBlock; block <= index / perBlock; block++)
            state.Changes.New(descriptor.InodeTable + block);
        state.Descriptors.SetUnusedInodes(group, (uint)(_geometry.InodesPerGroup - index - 1));
    }

    private long GroupForDirectory(uint parent, long parentGroup)
    {
        var meanInodes = state.Super.FreeInodes / _geometry.GroupCount;
        var meanClusters = state.Super.FreeClusters / _geometry.GroupCount;
        if (parent != ExtGeometry.RootInode)
        {
            // Near the parent, unless that group is nearly used up.
            var own = state.Descriptors[parentGroup];
            var (leastInodes, leastClusters) = (Math.Max(1, meanInodes - _geometry.InodesPerGroup / 4), Math.Max(1, meanClusters - _geometry.ClustersPerGroup / 4));
            for (var step = 0; step < MaxCompared && step < _geometry.GroupCount; step++)
            {
                var group = (parentGroup + step) % _geometry.GroupCount;
                own = state.Descriptors[group];
                if (own.FreeInodes >= leastInodes && own.FreeClusters >= leastClusters)
                    return group;
            }
            return parentGroup;
        }
        var stride = _geometry.Has(ExtIncompat.FlexBg) ? 1L << Math.Min((int)_geometry.Super.LogGroupsPerFlex, 20) : 1;
        var (best, fewest) = (parentGroup, uint.MaxValue);
        var first = _nextTop < 0 ? parentGroup : _nextTop;
        for (var step = 0L; step < MaxCompared && step * stride < _geometry.GroupCount; step++)
        {
            var group = (first + step * stride) % _geometry.GroupCount;
            var descriptor = state.Descriptors[group];
            if (descriptor.FreeInodes == 0 || descriptor.FreeInodes < meanInodes || descriptor.FreeClusters < meanClusters || descriptor.UsedDirectories >= fewest)
                continue;
            (best, fewest) = (group, descriptor.UsedDirectories);
        }
        _nextTop = (best + stride) % _geometry.GroupCount;
        return best;
    }
}
