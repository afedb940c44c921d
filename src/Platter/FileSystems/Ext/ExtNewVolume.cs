using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>A volume that is being made: its layout, what is taken so far, and the writing of what all of it adds up to.</summary>
internal sealed class ExtNewVolume
{
    private readonly BlockDevice _device;
    private readonly SortedSet<uint> _inodes = [];
    private readonly Dictionary<long, int> _directories = [];
    private readonly byte[] _super;

    public ExtNewVolume(BlockDevice device, ExtFormatPlan plan, ExtFormatOptions options)
    {
        _device = device;
        _super = plan.Super;
        Geometry = plan.Geometry;
        Checksums = new ExtChecksums(Geometry);
        Time = options.Time;
        Layout = new ExtLayout(Geometry, options.IsPacked);
        Space = new ExtNewSpace(Geometry, Layout);
        StructureClusters = Space.UsedClusters;
    }

    public ExtGeometry Geometry { get; }
    public ExtChecksums Checksums { get; }
    public ExtLayout Layout { get; }
    public ExtNewSpace Space { get; }

    /// <summary>Seconds since 1970.</summary>
    public long Time { get; }

    /// <summary>Clusters that the layout takes, before there are files.</summary>
    public long StructureClusters { get; }

    /// <summary>The superblock as it will be written.</summary>
    public ref ExtSuperblock Super => ref OnDisk.Edit<ExtSuperblock>(_super);

    /// <summary>Bytes written so far.</summary>
    public long Written { get; private set; }

    public void WriteBlock(long block, ReadOnlySpan<byte> bytes) => Write(block << Geometry.LogBlockSize, bytes);

    /// <summary>Makes a range of blocks read as zeros.</summary>
    public void Clear(long block, long count) => ClearBytes(block << Geometry.LogBlockSize, count << Geometry.LogBlockSize);

    /// <summary>Makes all that the layout takes read as zeros, and both ends of the device, where other formats have their marks.</summary>
    public void ClearStructures()
    {
        const int ends = 64 << 10;
        _device.Discard(0, _device.Length);
        ClearBytes(0, Math.Min(ends, _device.Length));
        ClearBytes(Math.Max(_device.Length - ends, 0), Math.Min(ends, _device.Length));
        foreach (var range in Layout.Used)
            Clear(range.Start, range.Length);
    }

    /// <summary>The first inode that is not in use, of those that are not reserved.</summary>
    public uint NewInode()
    {
        var number = Geometry.FirstInode;
        while (_inodes.Contains(number))
            number++;
        return number;
    }

    /// <summary>Marks an inode as used.</summary>
    public void UseInode(uint number)
    {
        // A group whose inode bitmap comes to be written gets a block bitmap too, as the kernel has it.
        var group = GroupOfInode(number);
        if (number >= Geometry.FirstInode && (_inodes.Count == 0 || GroupOfInode(_inodes.Max) < group))
            Layout.IsTouched[group] = true;
        _inodes.Add(number);
    }

    /// <summary>Where new content of an inode goes first: the start of its flex group.</summary>
    public long GoalOf(uint inode)
    {
        var group = GroupOfInode(inode);
        return Geometry.GroupStart(group >> Geometry.Super.LogGroupsPerFlex << Geometry.Super.LogGroupsPerFlex);
    }

    /// <summary>Writes an inode with all that is not in its map.</summary>
    public void WriteInode(uint number, ExtNewInode inode)
    {
        UseInode(number);
        if ((inode.Mode & 0xF000) == 0x4000)
            _directories[GroupOfInode(number)] = _directories.GetValueOrDefault(GroupOfInode(number)) + 1;
        WriteInodeBytes(number, inode.Encode(Geometry, Time));
    }

    /// <summary>Marks a reserved inode as used; with checksums it must have the right one even though nothing else is in it.</summary>
    public void WriteReservedInode(uint number)
    {
        UseInode(number);
        if (Checksums.IsOn)
            WriteInodeBytes(number, new byte[Geometry.InodeSize]);
    }

    private void WriteInodeBytes(uint number, byte[] bytes)
    {
        if (Checksums.IsOn)
            ExtNewInode.Seal(bytes, Checksums.InodeSeed(number, 0));
        var group = GroupOfInode(number);
        var index = (number - 1) % (uint)Geometry.InodesPerGroup;
        Write((Layout.InodeTables[group] << Geometry.LogBlockSize) + (long)index * Geometry.InodeSize, bytes);
    }

    /// <summary>Writes bitmaps, descriptors with their copies, superblocks: the volume is complete.</summary>
    public void Finish()
    {
        var freeClusters = 0L;
        var groups = Geometry.GroupCount;
        var blocks = Geometry.DescriptorBlocks;
        var copies = CopyGroups();
        for (var index = 0L; index < blocks; index++)
        {
            var block = new byte[Geometry.BlockSize];
            var first = index * Geometry.DescriptorsPerBlock;
            for (var group = first; group < Math.Min(first + Geometry.DescriptorsPerBlock, groups); group++)
                freeClusters += FinishGroup(group, block.AsSpan((int)(group - first) * Geometry.DescriptorSize, Geometry.DescriptorSize));
            WriteDescriptors(index, block, copies);
        }
        Super.FreeBlocksLo = (uint)(freeClusters * Geometry.ClusterRatio);
        Super.FreeBlocksHi = (uint)(freeClusters * Geometry.ClusterRatio >> 32);
        Super.FreeInodes = Geometry.InodesCount - (uint)_inodes.Count;
        Super.KbytesWritten = ReportsWrites() ? (ulong)(Written >> 10) : 0;

        // Copies say that they are not the state of the volume.
        Super.State.Value = 0;
        foreach (var group in copies)
            WriteSuper(Geometry.GroupStart(group) << Geometry.LogBlockSize, group);
        Super.State.Value = ExtState.Valid;
        WriteSuper(ExtSuperblock.Offset, 0);
    }

    private long FinishGroup(long group, Span<byte> descriptor)
    {
        ref var low = ref OnDisk.Edit<ExtGroupDescriptor>(descriptor);
        var isLarge = Geometry.DescriptorSize >= ExtGroupDescriptor.LargeSize;
        var high = default(ExtGroupDescriptorHigh);
        var (blockBitmap, inodeBitmap, inodeTable) = (Layout.BlockBitmaps[group], Layout.InodeBitmaps[group], Layout.InodeTables[group]);
        (low.BlockBitmapLo, high.BlockBitmapHi) = ((uint)blockBitmap, (uint)(blockBitmap >> 32));
        (low.InodeBitmapLo, high.InodeBitmapHi) = ((uint)inodeBitmap, (uint)(inodeBitmap >> 32));
        (low.InodeTableLo, high.InodeTableHi) = ((uint)inodeTable, (uint)(inodeTable >> 32));

        var firstInode = (uint)(group * Geometry.InodesPerGroup + 1);
        var used = _inodes.GetViewBetween(firstInode, firstInode + (uint)Geometry.InodesPerGroup - 1);
        var freeClusters = Space.FreeIn(group);
        var freeInodes = Geometry.InodesPerGroup - used.Count;
        var flags = ExtGroupFlags.InodeZeroed;
        if (Checksums.IsOnForDescriptors)
        {
            flags |= used.Count == 0 ? ExtGroupFlags.InodeUninit : 0;
            flags |= Layout.IsTouched[group] || group == Geometry.GroupCount - 1 ? 0 : ExtGroupFlags.BlockUninit;
            var unused = Geometry.InodesPerGroup - (used.Count == 0 ? 0 : (int)(used.Max - firstInode + 1));
            (low.UnusedInodesLo, high.UnusedInodesHi) = ((ushort)unused, (ushort)(unused >> 16));
        }
        var directories = _directories.GetValueOrDefault(group);
        (low.FreeClustersLo, high.FreeClustersHi) = ((ushort)freeClusters, (ushort)(freeClusters >> 16));
        (low.FreeInodesLo, high.FreeInodesHi) = ((ushort)freeInodes, (ushort)(freeInodes >> 16));
        low.UsedDirsLo = (ushort)directories;
        low.Flags.Raw = (ushort)flags;

        var bitmap = new byte[Geometry.BlockSize];
        if ((flags & ExtGroupFlags.BlockUninit) == 0)
        {
            Space.Save(group, bitmap);
            var checksum = Checksums.IsOn ? Checksums.OfBitmap(bitmap, Geometry.ClustersPerGroup) : 0;
            (low.BlockBitmapChecksumLo, high.BlockBitmapChecksumHi) = ((ushort)checksum, (ushort)(checksum >> 16));
            WriteBlock(blockBitmap, bitmap);
        }
        if ((flags & ExtGroupFlags.InodeUninit) == 0)
        {
            SaveInodes(used, firstInode, bitmap);
            var checksum = Checksums.IsOn ? Checksums.OfBitmap(bitmap, Geometry.InodesPerGroup) : 0;
            (low.InodeBitmapChecksumLo, high.InodeBitmapChecksumHi) = ((ushort)checksum, (ushort)(checksum >> 16));
            WriteBlock(inodeBitmap, bitmap);
        }
        if (isLarge)
            OnDisk.Edit<ExtGroupDescriptorHigh>(descriptor, ExtGroupDescriptor.Size) = high;
        if (Checksums.IsOnForDescriptors)
            low.Checksum = Checksums.OfDescriptor(group, descriptor);
        return freeClusters;
    }

    private void SaveInodes(SortedSet<uint> used, uint firstInode, Span<byte> bitmap)
    {
        var bits = new Bitmap(8L * bitmap.Length);
        bits.Fill(Geometry.InodesPerGroup, bits.Length - Geometry.InodesPerGroup, true);
        foreach (var number in used)
            bits[number - firstInode] = true;
        bits.Save(0, bitmap);
    }

    private void WriteDescriptors(long index, ReadOnlySpan<byte> block, List<long> copies)
    {
        WriteBlock(Geometry.DescriptorBlock(index), block);
        if (!Geometry.Has(ExtIncompat.MetaBg) || index < Geometry.Super.FirstMetaBlockGroup)
        {
            foreach (var group in copies)
                WriteBlock(Geometry.DescriptorBlock(index, group), block);
            return;
        }
        // With meta_bg: the second and the last group of those that the block describes.
        var first = index * Geometry.DescriptorsPerBlock;
        foreach (var group in (long[])[first + 1, first + Geometry.DescriptorsPerBlock - 1])
        {
            if (group < Geometry.GroupCount)
                WriteBlock(Geometry.GroupStart(group) + (Geometry.HasSuper(group) ? 1 : 0), block);
        }
    }

    private List<long> CopyGroups()
    {
        var groups = new List<long>();
        for (var group = 1L; group < Geometry.GroupCount; group++)
        {
            if (Geometry.HasSuper(group))
                groups.Add(group);
        }
        return groups;
    }

    private void WriteSuper(long offset, long group)
    {
        Super.BlockGroup = (ushort)Math.Min(group, ushort.MaxValue);
        if (Checksums.IsOn)
            Super.Checksum = ExtChecksums.OfSuper(_super);
        Write(offset, _super);
    }

    // What is newer than ext3 counts what it writes.
    private bool ReportsWrites() => Geometry.Has(ExtIncompat.FlexBg)
        || Geometry.Has(ExtRoCompat.HugeFile | ExtRoCompat.GdtChecksum | ExtRoCompat.DirNlink | ExtRoCompat.MetadataChecksum | ExtRoCompat.ExtraIsize);

    private long GroupOfInode(uint number) => (number - 1) / (uint)Geometry.InodesPerGroup;

    private void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        _device.Write(offset, bytes);
        Written += bytes.Length;
    }

    // What reads as zeros already is left alone: on a new image there is nothing to do.
    private void ClearBytes(long offset, long length)
    {
        foreach (var range in _device.AllocatedRanges(offset, length).ToList())
            _device.WriteZeros(range.Offset, range.Length);
    }
}
