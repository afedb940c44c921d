using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The group descriptors: their checksums, and that every structure has blocks of its own.</summary>
internal sealed class ExtCheckerGroups(ExtCheckState state)
{
    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly HashSet<long> _broken = [], _overlapping = [];

    /// <summary>The blocks of superblocks, descriptors, bitmaps and inode tables.</summary>
    public ExtClusterSet Metadata { get; } = new(state.Geometry);

    /// <summary>Whether a group's inodes can be looked at: its descriptor is sound, and its table is its own.</summary>
    public bool CanScan(long group) => !_broken.Contains(group) && !_overlapping.Contains(group);

    /// <summary>Whether it is known where a group's structures lie.</summary>
    public bool IsKnown(long group) => !_broken.Contains(group);

    public void Check()
    {
        for (var group = 0L; group < state.GroupCount; group++)
            Mark(_geometry.GroupStart(group), Math.Min(_geometry.BaseBlocks(group), _geometry.BlocksIn(group)));
        for (var group = 0L; group < state.GroupCount; group++)
        {
            state.Progress("checking groups", group, state.GroupCount);
            try
            {
                CheckOne(group);
            }
            catch (DiskFormatException e)
            {
                // What has been said of the descriptor need not be said again.
                state.IsIncomplete = true;
                if (_broken.Add(group) && e.Code != "EXT-0030")
                    state.Error(e);
            }
        }
        if (_geometry.Has(ExtIncompat.Mmp) && _geometry.IsBlock((long)(ulong)_geometry.Super.MmpBlock))
            Mark((long)(ulong)_geometry.Super.MmpBlock, 1);
    }

    private void CheckOne(long group)
    {
        var structure = $"GroupDescriptor {group}";
        var bytes = state.Groups.Bytes(group);
        var offset = state.Groups.Offset(group);
        var found = state.Groups.Decode(bytes);
        if (!state.Groups.IsRight(group, bytes))
            state.Error("EXT-0031", structure, offset + 0x1E, $"checksum: found 0x{(ushort)OnDisk.View<ExtGroupDescriptor>(bytes).Checksum:X4}, expected 0x{state.Checksums.OfDescriptor(group, bytes):X4}");
        const ExtGroupFlags uninit = ExtGroupFlags.BlockUninit | ExtGroupFlags.InodeUninit;
        ref readonly var raw = ref OnDisk.View<ExtGroupDescriptor>(bytes);
        var hasUnused = raw.UnusedInodesLo != 0 || (bytes.Length >= ExtGroupDescriptor.LargeSize && OnDisk.View<ExtGroupDescriptorHigh>(bytes, ExtGroupDescriptor.Size).UnusedInodesHi != 0);
        if (!state.Checksums.IsOnForDescriptors && ((raw.Flags.Value & uninit) != 0 || hasUnused))
            state.Warning("EXT-0034", structure, offset + 0x12, "is marked as not initialised, or its table as not all in use, which needs uninit_bg or metadata_csum");
        if (found.UnusedInodes > _geometry.InodesPerGroup)
            state.Error("EXT-0035", structure, offset + 0x1C, $"{found.UnusedInodes} inodes that were never used, expected at most {_geometry.InodesPerGroup}");
        if (state.Groups.Problem(found) is { } problem)
        {
            // Reading takes the copy, if there is a sound one; what lies where is then not certain enough to compare bitmaps.
            state.Error("EXT-0030", structure, offset, problem);
            state.IsIncomplete = true;
        }
        var used = state.Groups[group];
        CheckPlace(group, "the block bitmap", used.BlockBitmap, 1);
        CheckPlace(group, "the inode bitmap", used.InodeBitmap, 1);
        if (!CheckPlace(group, "the inode table", used.InodeTable, _geometry.InodeTableBlocks))
            _overlapping.Add(group);
    }

    // False when others have the blocks as well.
    private bool CheckPlace(long group, string what, long block, long count)
    {
        var offset = state.Groups.Offset(group);
        if (!_geometry.Has(ExtIncompat.FlexBg) && (_geometry.GroupOf(block) != group || _geometry.GroupOf(block + count - 1) != group))
            state.Error("EXT-0032", $"GroupDescriptor {group}", offset, $"{what} is at block {block}, expected within the group's {_geometry.GroupStart(group)}..{_geometry.GroupStart(group) + _geometry.BlocksIn(group) - 1}");
        var isOwn = true;
        // With bigalloc, neighbours share a cluster.
        if (_geometry.ClusterRatio > 1)
        {
            for (var i = 0L; i < count; i++)
            {
                if (!Metadata.Contains(block + i))
                    Mark(block + i, 1);
            }
        }
        else if (!Mark(block, count))
        {
            isOwn = false;
            state.Error("EXT-0033", $"GroupDescriptor {group}", offset, $"{what} at block {block} lies over another structure");
        }
        return isOwn;
    }

    private bool Mark(long block, long count)
    {
        state.Used.Include(block, count);
        return Metadata.Add(block, count);
    }
}
