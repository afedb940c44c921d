using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The journal of a volume that is being made: in one piece near the middle, empty.</summary>
internal static class ExtNewJournal
{
    public static void Write(ExtNewVolume volume, uint inode, ExtFormatPlan plan, bool isPacked)
    {
        var geometry = volume.Geometry;
        var total = plan.JournalBlocks + plan.FastCommitBlocks;
        var map = ExtNewMap.For(volume, inode);

        // Without extents mke2fs takes block after block from the first group on.
        var hasExtents = geometry.Has(ExtIncompat.Extents);
        var goal = !hasExtents ? volume.GoalOf(inode) : volume.Space.FirstFree(isPacked ? 0 : Middle(volume));
        var first = 0L;
        while (map.Blocks < total)
        {
            var run = map.AppendRun(goal, total - map.Blocks);
            volume.Clear(run.Start, run.Length);
            first = first > 0 ? first : run.Start;
            goal = hasExtents ? run.End : run.Start;
        }

        var described = ExtNewInode.Of(volume, map, ExtNewInode.File | 0x180);
        volume.WriteInode(inode, described);
        volume.WriteBlock(first, Superblock(geometry.BlockSize, plan.JournalBlocks + plan.FastCommitBlocks, plan.FastCommitBlocks, volume.Super.Uuid));
        ref var super = ref volume.Super;
        super.JournalInode = inode;
        super.JournalBackupType = 1;
        CopyMap(ref super, described.Block, described.Length);
    }

    /// <summary>Copies the journal's map and length into the superblock.</summary>
    public static void CopyMap(ref ExtSuperblock super, ReadOnlySpan<byte> map, long length)
    {
        Span<U32Le> copy = super.JournalBlocks;
        map.CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(copy));
        copy[15] = (uint)(length >> 32);
        copy[16] = (uint)length;
    }

    /// <summary>The first block of an empty journal.</summary>
    /// <param name="blockSize">Bytes.</param>
    /// <param name="blocks">Blocks of it all.</param>
    /// <param name="fastCommitBlocks">Those at its end that are for fast commits.</param>
    /// <param name="uuid">The volume's.</param>
    public static byte[] Superblock(int blockSize, long blocks, long fastCommitBlocks, Guid uuid)
    {
        var bytes = new byte[blockSize];
        ref var super = ref OnDisk.Edit<JbdSuperblock>(bytes);
        super.Header.Magic = JbdHeader.MagicValue;
        super.Header.Type = (uint)JbdBlockType.SuperblockV2;
        super.BlockSize = (uint)blockSize;
        super.MaxLength = (uint)blocks;
        super.First = 1;
        super.Sequence = 1;
        super.Uuid = uuid;
        super.UserCount = 1;
        super.FastCommitBlocks = (uint)fastCommitBlocks;
        return bytes;
    }

    // The group around the middle that has most free; with flex groups the first of a flex group that is not full, or the one behind.
    private static long Middle(ExtNewVolume volume)
    {
        var geometry = volume.Geometry;
        var group = (geometry.BlocksCount - geometry.FirstDataBlock) / 2 / geometry.BlocksPerGroup;
        var flexGroups = 1L << geometry.Super.LogGroupsPerFlex;
        var start = Math.Max(group - 1, 0);
        if (flexGroups > 1 && group > flexGroups)
        {
            group &= -flexGroups;
            while (group < geometry.GroupCount && volume.Space.FreeIn(group) == 0)
                group++;
            start = group = group < geometry.GroupCount ? group : 0;
        }
        var best = start;
        for (var candidate = start + 1; candidate <= Math.Min(group + 1, geometry.GroupCount - 1); candidate++)
        {
            if (volume.Space.FreeIn(candidate) > volume.Space.FreeIn(best))
                best = candidate;
        }
        return geometry.GroupStart(best);
    }
}
