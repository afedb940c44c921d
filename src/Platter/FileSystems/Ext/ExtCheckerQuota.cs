using System.Runtime.InteropServices;

namespace Platter.FileSystems.Ext;

/// <summary>What each user, group and project takes, counted, and compared with the quota files.</summary>
internal sealed class ExtCheckerQuota(ExtCheckState state)
{
    // Differences that are named; of the rest their number.
    private const int MostNamed = 20;

    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly Dictionary<uint, Usage>[] _counted = [[], [], []];
    private readonly bool _isOn = state.Geometry.Has(ExtRoCompat.Quota);

    // Links whose target is inline data are counted apart: e2fsck passes over them, so that after its repair they are missing.
    private struct Usage
    {
        public long Space, Inodes, LinkSpace, LinkInodes;

        public readonly bool Is((long Space, long Inodes) stored) =>
            stored == (Space, Inodes) || stored == (Space - LinkSpace, Inodes - LinkInodes);
    }

    /// <summary>Counts an inode that is in use.</summary>
    /// <param name="inode">The inode.</param>
    /// <param name="clusters">What its content, map and attributes take, values in inodes of their own included.</param>
    /// <param name="values">Inodes that hold values of its attributes: each user pays for them.</param>
    public void Count(ExtInode inode, long clusters, int values)
    {
        ref readonly var s = ref _geometry.Super;
        if (!_isOn || inode.LinkCount == 0 || (inode.Number < _geometry.FirstInode && inode.Number != ExtGeometry.RootInode) || (inode.Flags & ExtInodeFlags.EaInode) != 0
            || inode.Number == s.ProjectQuotaInode || (inode.Number == s.OrphanFileInode && _geometry.Has(ExtCompat.OrphanFile)))
            return;
        var bytes = clusters * _geometry.ClusterRatio << _geometry.LogBlockSize;
        Add(ExtQuotaType.User, inode.UserId);
        Add(ExtQuotaType.Group, inode.GroupId);
        Add(ExtQuotaType.Project, inode.ProjectId);

        void Add(ExtQuotaType type, uint id)
        {
            ref var usage = ref CollectionsMarshal.GetValueRefOrAddDefault(_counted[(int)type], id, out _);
            usage.Space += bytes;
            usage.Inodes += 1 + values;
            if (!inode.IsSymbolicLink || (inode.Flags & ExtInodeFlags.InlineData) == 0)
                return;
            usage.LinkSpace += bytes;
            usage.LinkInodes += 1 + values;
        }
    }

    /// <summary>Reads the files and compares, once all inodes have been counted.</summary>
    public void Check()
    {
        if (!_isOn)
            return;
        ref readonly var s = ref _geometry.Super;
        foreach (var (type, number) in (ReadOnlySpan<(ExtQuotaType, uint)>)[(ExtQuotaType.User, s.UserQuotaInode), (ExtQuotaType.Group, s.GroupQuotaInode), (ExtQuotaType.Project, s.ProjectQuotaInode)])
        {
            if (number == 0 || number > _geometry.InodesCount)
                continue;
            try
            {
                CheckFile(type, state.Inodes.ReadUnchecked(number));
            }
            catch (DiskFormatException e)
            {
                state.Error(e);
            }
        }
    }

    private void CheckFile(ExtQuotaType type, ExtInode inode)
    {
        var structure = $"Inode {inode.Number}, {type} quota file".Replace("User", "user", StringComparison.Ordinal).Replace("Group", "group", StringComparison.Ordinal).Replace("Project", "project", StringComparison.Ordinal);
        if (!inode.IsFile || inode.LinkCount == 0 || inode.Length < 0 || (inode.Flags & ExtInodeFlags.InlineData) != 0)
        {
            state.Error("EXT-0700", structure, inode.Offset, "should hold quotas, and is no file of blocks");
            return;
        }
        var map = ExtBlockMap.Of(inode, _geometry, state.Blocks, state.Checksums);
        if (ExtQuotaFile.Read(type, inode.Length, Read, out var file) is { } problem)
            state.Error("EXT-0700", structure, inode.Offset, problem);
        else if (!state.IsIncomplete)
            Compare(structure, inode.Offset, _counted[(int)type], file!.Usage);

        byte[] Read(long number)
        {
            var at = number * ExtQuotaHeader.BlockSize;
            var logical = at >> _geometry.LogBlockSize;
            var run = map.Find(logical);
            return run.HasData ? state.Blocks.Read(run.Physical, structure).AsSpan((int)(at & _geometry.BlockSize - 1), ExtQuotaHeader.BlockSize).ToArray() : new byte[ExtQuotaHeader.BlockSize];
        }
    }

    private void Compare(string structure, long offset, Dictionary<uint, Usage> counted, Dictionary<uint, (long Space, long Inodes)> found)
    {
        var wrong = 0;
        foreach (var id in counted.Keys.Union(found.Keys).Order())
        {
            var (expected, stored) = (counted.GetValueOrDefault(id), found.GetValueOrDefault(id));
            if (!expected.Is(stored) && wrong++ < MostNamed)
                state.Error("EXT-0701", structure, offset, $"id {id}: found {stored.Space} bytes in {stored.Inodes} inodes, counted {expected.Space} in {expected.Inodes}");
        }
        if (wrong > MostNamed)
            state.Error("EXT-0701", structure, offset, $"{wrong - MostNamed} more ids are counted wrongly");
    }
}
