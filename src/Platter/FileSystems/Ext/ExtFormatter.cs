using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Writes an empty ext2, ext3 or ext4 volume: the twin of what mke2fs 1.47 makes with the same options.</summary>
/// <remarks>Only what is not zero is written. Inode tables, journal and room for descriptors stay holes of a sparse image, which is what zeroed
/// tables are; so the groups are marked as zeroed, and no driver has to do it later.</remarks>
internal static class ExtFormatter
{
    private const uint BadBlocksInode = 1, RootInode = 2, ResizeInode = 7, JournalInode = 8;

    /// <summary>Formats the whole of a device; does not flush.</summary>
    /// <exception cref="ArgumentException">An option is unknown, a value does not fit, or no volume fits the device.</exception>
    /// <exception cref="UnsupportedFeatureException">A feature that volumes cannot be made with.</exception>
    public static void Format(BlockDevice device, FormatOptions options)
    {
        var own = ExtFormatOptions.Read(options, device.SectorSize);
        var plan = ExtFormatPlan.Choose(device.Length, own);
        var volume = new ExtNewVolume(device, plan, own);
        var needed = Clusters(volume, plan, own);
        if (needed > volume.Space.FreeClusters)
            throw new ArgumentException($"{device.Length} bytes leave {volume.Space.FreeClusters} of the {needed} clusters that the journal, the directories and what else was asked for take: a smaller journal_size, or ^has_journal");

        // Everything that can be refused has been; from here on the old content goes.
        volume.ClearStructures();
        var usage = WriteDirectories(volume, own);
        for (var number = RootInode + 1; number < volume.Geometry.FirstInode; number++)
            volume.WriteReservedInode(number);
        volume.WriteInode(BadBlocksInode, new ExtNewInode { Mode = 0, Links = 0, HasExtra = false });
        if (volume.Geometry.Has(ExtCompat.ResizeInode))
            WriteResizeInode(volume);
        var overhead = volume.StructureClusters + volume.Geometry.FirstDataBlock;
        if (plan.JournalBlocks > 0)
        {
            ExtNewJournal.Write(volume, JournalInode, plan, own.IsPacked);
            overhead += (plan.JournalBlocks + plan.FastCommitBlocks + volume.Geometry.ClusterRatio - 1) / volume.Geometry.ClusterRatio;
        }
        if (volume.Geometry.Has(ExtIncompat.Mmp))
            WriteMultipleMountProtection(volume, own);
        volume.Super.OverheadBlocks = (uint)overhead;
        ExtNewQuotas.Write(volume, own.Quotas, usage);
        if (volume.Geometry.Has(ExtCompat.OrphanFile))
            WriteOrphanFile(volume, own);
        volume.Finish();
    }

    // What files and directories take, in clusters; with indirect blocks a little more than that.
    private static long Clusters(ExtNewVolume volume, ExtFormatPlan plan, ExtFormatOptions own)
    {
        const int rootAndOthers = 5, quotaFile = 9;
        var geometry = volume.Geometry;
        long ratio = geometry.ClusterRatio;
        var journal = plan.JournalBlocks + plan.FastCommitBlocks;
        var names = geometry.BlockSize / 4;
        var map = geometry.Has(ExtIncompat.Extents) ? 0 : journal / names + journal / names / names + 3;
        var orphans = geometry.Has(ExtCompat.OrphanFile) ? OrphanBlocks(geometry, own.OrphanFileLength) + 2 : 0;
        return (journal + map + orphans + LostBlocks(geometry) + ratio - 1) / ratio + rootAndOthers + own.Quotas.Count * quotaFile;
    }

    // 16 KiB and at least two blocks, as far as direct blocks go: repair needs room, and must not have to take it. With inline_data mke2fs
    // makes the directory in the inode first, and one of the steps in which it grows only takes it out of there.
    private static int LostBlocks(ExtGeometry geometry) =>
        Math.Min(Math.Max((16 << 10) / geometry.BlockSize, 2), ExtIndirectBlocks.DirectBlocks) - (geometry.Has(ExtIncompat.InlineData) ? 1 : 0);

    /// <summary>Blocks of the orphan file.</summary>
    internal static long OrphanBlocks(ExtGeometry geometry, long? length)
    {
        var blocks = length >> geometry.LogBlockSize
            ?? (geometry.BlocksCount < 128 << 10 ? 32 : geometry.BlocksCount < 2 << 20 ? geometry.BlocksCount / 4096 : 512);
        return Math.Max((blocks + geometry.ClusterRatio - 1) & ~(long)(geometry.ClusterRatio - 1), 1);
    }

    // The root's block is taken before the other's blocks.
    private static List<(uint User, uint Group, long Sectors)> WriteDirectories(ExtNewVolume volume, ExtFormatOptions own)
    {
        var usage = new List<(uint, uint, long)>();
        var lost = volume.Geometry.FirstInode;
        var root = ExtNewMap.For(volume, RootInode);
        var place = root.Append(volume.GoalOf(RootInode));
        var block = new ExtNewDirectoryBlock(volume, RootInode);
        block.AddSelfAndParent(RootInode, RootInode);
        block.Add(lost, "lost+found"u8);
        volume.WriteBlock(place, block.Seal());
        var inode = ExtNewInode.Of(volume, root, ExtNewInode.Directory | 0x1ED) with { Links = 3, User = own.RootUser, Group = own.RootGroup };
        volume.WriteInode(RootInode, inode);
        usage.Add((inode.User, inode.Group, inode.Sectors));

        var isInline = volume.Geometry.Has(ExtIncompat.InlineData);
        var count = LostBlocks(volume.Geometry);
        var map = ExtNewMap.For(volume, lost);
        for (var i = 0; i < count; i++)
        {
            var goal = i > 0 ? map.Last : isInline ? 0 : volume.GoalOf(lost);
            place = map.Append(goal);
            block = new ExtNewDirectoryBlock(volume, lost);
            if (i == 0)
                block.AddSelfAndParent(lost, RootInode);
            if (i == 0 && isInline)
                block.Add(0, []);
            volume.WriteBlock(place, block.Seal());
        }
        inode = ExtNewInode.Of(volume, map, ExtNewInode.Directory | 0x1C0) with { Links = 2, HasAttributes = isInline };
        volume.WriteInode(lost, inode);
        usage.Add((0, 0, inode.Sectors));
        return usage;
    }

    private static void WriteResizeInode(ExtNewVolume volume)
    {
        var geometry = volume.Geometry;
        int kept = geometry.Super.ReservedGdtBlocks;
        var doubleIndirect = volume.Space.Take(geometry.SuperBlockNumber + geometry.DescriptorBlocks + kept + 2 + geometry.InodeTableBlocks);
        for (var i = 0; i < kept; i++)
        {
            var block = geometry.DescriptorBlock(geometry.DescriptorBlocks + i);
            volume.WriteBlock(block, ExtReservedDescriptors.Copies(geometry, block));
        }
        volume.WriteBlock(doubleIndirect, ExtReservedDescriptors.Top(geometry, geometry.DescriptorBlocks, kept));
        var map = new byte[ExtInodeRecord.BlockLength];
        OnDisk.Edit<U32Le>(map, 13 * 4) = (uint)doubleIndirect;
        var names = geometry.BlockSize / 4;
        var length = ((long)names * names + names + ExtIndirectBlocks.DirectBlocks) << geometry.LogBlockSize;
        if (length > int.MaxValue)
            volume.Super.RoCompat.Raw |= (uint)ExtRoCompat.LargeFile;
        var sectors = (1 + ExtReservedDescriptors.Count(geometry, kept)) * geometry.ClusterRatio << geometry.LogBlockSize - 9;
        volume.WriteInode(ResizeInode, new ExtNewInode { Mode = ExtNewInode.File | 0x180, Length = length, Sectors = sectors, Block = map });
    }

    private static void WriteMultipleMountProtection(ExtNewVolume volume, ExtFormatOptions own)
    {
        var place = volume.Space.Take(0);
        var bytes = new byte[volume.Geometry.BlockSize];
        ExtMountProtection.Fill(bytes, own.MmpInterval, volume.Time, volume.Checksums);
        volume.WriteBlock(place, bytes);
        volume.Super.MmpInterval = (ushort)own.MmpInterval;
        volume.Super.MmpBlock = (ulong)place;
    }

    // Linux kernel, fs/ext4/orphan.c: blocks of inode numbers, all free, each with a tail.
    private static void WriteOrphanFile(ExtNewVolume volume, ExtFormatOptions own)
    {
        var geometry = volume.Geometry;
        var blocks = OrphanBlocks(geometry, own.OrphanFileLength);
        var number = volume.NewInode();
        var map = ExtNewMap.For(volume, number);
        var bytes = new byte[geometry.BlockSize];
        ref var tail = ref OnDisk.Edit<ExtOrphanTail>(bytes, bytes.Length - ExtOrphanTail.Size);
        tail.Magic = ExtOrphanTail.MagicValue;
        for (var i = 0L; i < blocks; i++)
        {
            var place = map.Append(map.Last);
            if (volume.Checksums.IsOn)
                tail.Checksum = ExtChecksums.OfOrphanBlock(volume.Checksums.InodeSeed(number, 0), place, bytes);
            volume.WriteBlock(place, bytes);
        }
        volume.WriteInode(number, ExtNewInode.Of(volume, map, ExtNewInode.File | 0x180));
        volume.Super.OrphanFileInode = number;
    }
}
