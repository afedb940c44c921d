using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Writes the group descriptors anew: with other checksums, or with another size (64bit). What does not match its old checksum is damaged, and ends it.</summary>
/// <remarks>They come last: the way to everything else leads over them, by their old checksums. A table that grows is written from its end, one that shrinks from its
/// start, so that each descriptor is read before another one takes its place.</remarks>
internal sealed class ExtNewDescriptors(ExtEditState state, ExtGeometry after, ExtChecksums next)
{
    private readonly ExtGeometry _before = state.Geometry;
    private readonly ExtGroups _groups = state.Volume.Groups;
    private readonly ExtBitmaps _bitmaps = new(state.Geometry, state.Blocks, state.Volume.Groups, state.Checksums);

    /// <summary>Writes the table; the copies are not written.</summary>
    /// <exception cref="DiskFormatException">A checksum is wrong already.</exception>
    public void Write()
    {
        for (var index = _before.DescriptorBlocks; index < after.DescriptorBlocks; index++)
            state.Changes.New(after.DescriptorBlock(index));
        var grows = after.DescriptorSize > _before.DescriptorSize;
        var bytes = new byte[after.DescriptorSize];
        for (var i = 0L; i < after.GroupCount; i++)
        {
            var group = grows ? after.GroupCount - 1 - i : i;
            Make(group, bytes);
            bytes.CopyTo(state.Edit(after.DescriptorBlock(group / after.DescriptorsPerBlock), "Group descriptors"), (int)(group % after.DescriptorsPerBlock) * bytes.Length);
            if (group % after.DescriptorsPerBlock == 0)
                state.WriteBackLargeChanges();
        }
        if (after.DescriptorSize != _before.DescriptorSize)
            ClearRest();
    }

    private void Make(long group, byte[] bytes)
    {
        var found = _groups.Bytes(group);
        if (!_groups.IsRight(group, found))
            throw new DiskFormatException("EXT-0031", $"GroupDescriptor {group}", _groups.Offset(group), "the checksum is wrong");
        bytes.AsSpan().Clear();
        found[..Math.Min(found.Length, bytes.Length)].CopyTo(bytes);

        // What is said of parts that were never written counts only with a checksum: without one it may be anything, and is not to be believed now.
        if (!state.Checksums.IsOnForDescriptors && next.IsOnForDescriptors)
            ForgetUnwritten(bytes);
        if (next.IsOn || state.Checksums.IsOn)
            SealBitmaps(group, _groups.Decode(found), bytes);
        if (next.IsOnForDescriptors)
            OnDisk.Edit<ExtGroupDescriptor>(bytes).Checksum = next.OfDescriptor(group, bytes);
    }

    private void SealBitmaps(long group, in ExtGroup descriptor, byte[] bytes)
    {
        ref var low = ref OnDisk.Edit<ExtGroupDescriptor>(bytes);
        var high = new ExtGroupDescriptorHigh();
        if (bytes.Length >= ExtGroupDescriptor.LargeSize)
            high = OnDisk.View<ExtGroupDescriptorHigh>(bytes, ExtGroupDescriptor.Size);
        if ((descriptor.Flags & ExtGroupFlags.BlockUninit) == 0)
        {
            var found = state.Blocks.Read(descriptor.BlockBitmap, "Block bitmap");
            if (!_bitmaps.IsRight(found, _before.ClustersPerGroup, descriptor.BlockBitmapChecksum))
                throw new DiskFormatException("EXT-0607", $"Block bitmap of group {group}", descriptor.BlockBitmap << _before.LogBlockSize, "the checksum is wrong");
            var sum = next.IsOn ? next.OfBitmap(found, _before.ClustersPerGroup) : 0;
            (low.BlockBitmapChecksumLo, high.BlockBitmapChecksumHi) = ((ushort)sum, (ushort)(sum >> 16));
        }
        if ((descriptor.Flags & ExtGroupFlags.InodeUninit) == 0)
        {
            var found = state.Blocks.Read(descriptor.InodeBitmap, "Inode bitmap");
            if (!_bitmaps.IsRight(found, _before.InodesPerGroup, descriptor.InodeBitmapChecksum))
                throw new DiskFormatException("EXT-0608", $"Inode bitmap of group {group}", descriptor.InodeBitmap << _before.LogBlockSize, "the checksum is wrong");
            var sum = next.IsOn ? next.OfBitmap(found, _before.InodesPerGroup) : 0;
            (low.InodeBitmapChecksumLo, high.InodeBitmapChecksumHi) = ((ushort)sum, (ushort)(sum >> 16));
        }
        if (bytes.Length >= ExtGroupDescriptor.LargeSize)
            OnDisk.Edit<ExtGroupDescriptorHigh>(bytes, ExtGroupDescriptor.Size) = high;
    }

    private static void ForgetUnwritten(Span<byte> descriptor)
    {
        ref var low = ref OnDisk.Edit<ExtGroupDescriptor>(descriptor);
        (low.Flags.Raw, low.UnusedInodesLo) = ((ushort)0, (ushort)0);
        if (descriptor.Length >= ExtGroupDescriptor.LargeSize)
            OnDisk.Edit<ExtGroupDescriptorHigh>(descriptor, ExtGroupDescriptor.Size).UnusedInodesHi = (ushort)0;
    }

    // What a longer table left behind: zeros in its last block, and in whole blocks what the inode of reserved descriptors has there.
    private void ClearRest()
    {
        var end = (int)(after.GroupCount % after.DescriptorsPerBlock) * after.DescriptorSize;
        if (end > 0)
            state.Edit(after.DescriptorBlock(after.DescriptorBlocks - 1), "Group descriptors").AsSpan(end).Clear();
        var kept = after.Has(ExtCompat.ResizeInode) ? (int)after.Super.ReservedGdtBlocks : 0;
        for (var index = after.DescriptorBlocks; index < Math.Min(_before.DescriptorBlocks, after.DescriptorBlocks + kept); index++)
        {
            var block = after.DescriptorBlock(index);
            ExtReservedDescriptors.Copies(after, block).CopyTo(state.Changes.New(block), 0);
            state.WriteBackLargeChanges();
        }
    }
}
