using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The group descriptors and bitmaps as they are changed: counts, flags of what was never written, checksums.</summary>
/// <remarks>
/// <para>A group is looked at when it is first allocated from: its descriptor and bitmaps must be sound, and what was never written (uninit_bg,
/// metadata_csum) is made then.</para>
/// <para>A descriptor's own checksum follows each change; those of bitmaps, which cost as much as a bitmap is long, when they are written.</para>
/// </remarks>
internal sealed class ExtDescriptors(ExtEditState state)
{
    [Flags]
    private enum Known
    {
        None = 0,
        BlockBitmap = 1,
        InodeBitmap = 2,
        BlockBitmapUnsealed = 4,
        InodeBitmapUnsealed = 8,
    }

    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly NumberMap<int> _known = new();
    private readonly GrowingArray<int> _unsealed = new();    // groups: there are fewer than inodes, of which each has eight

    /// <summary>A descriptor as it is now.</summary>
    public ExtGroup this[long group] => state.Volume.Groups.Decode(state.Volume.Groups.Bytes(group));

    /// <summary>A group's block bitmap, to be changed; a bit for each cluster.</summary>
    /// <exception cref="DiskFormatException">The descriptor or the bitmap is broken.</exception>
    public Span<ulong> EditBlockBitmap(long group)
    {
        var known = KnownOf(group);
        if ((known & Known.BlockBitmap) == 0)
            MakeBlockBitmap(group);
        Unseal(group, Known.BlockBitmap, Known.BlockBitmapUnsealed);
        return Words(state.Edit(this[group].BlockBitmap, "Block bitmap"));
    }

    /// <summary>A group's block bitmap, for looking.</summary>
    public ReadOnlySpan<ulong> BlockBitmap(long group)
    {
        if ((KnownOf(group) & Known.BlockBitmap) == 0)
            return EditBlockBitmap(group);
        return Words(state.Blocks.Read(this[group].BlockBitmap, "Block bitmap"));
    }

    /// <summary>A group's inode bitmap, to be changed; bit 0 is the group's first inode.</summary>
    /// <exception cref="DiskFormatException">The descriptor or the bitmap is broken.</exception>
    public Span<ulong> EditInodeBitmap(long group)
    {
        var known = KnownOf(group);
        if ((known & Known.InodeBitmap) == 0)
            MakeInodeBitmap(group);
        Unseal(group, Known.InodeBitmap, Known.InodeBitmapUnsealed);
        return Words(state.Edit(this[group].InodeBitmap, "Inode bitmap"));
    }

    /// <summary>Marks one inode as used, or as free.</summary>
    public void SetInode(long group, int index, bool isUsed)
    {
        if ((KnownOf(group) & Known.InodeBitmap) == 0)
            MakeInodeBitmap(group);
        Unseal(group, Known.InodeBitmap, Known.InodeBitmapUnsealed);
        var word = index / 64 * sizeof(ulong);
        BitWords.Fill(Words(state.EditPart(this[group].InodeBitmap, word, sizeof(ulong), "Inode bitmap")), index, 1, isUsed);
    }

    /// <summary>A group's inode bitmap, for looking.</summary>
    public ReadOnlySpan<ulong> InodeBitmap(long group)
    {
        if ((KnownOf(group) & Known.InodeBitmap) == 0)
            return EditInodeBitmap(group);
        return Words(state.Blocks.Read(this[group].InodeBitmap, "Inode bitmap"));
    }

    public void AddFreeClusters(long group, long count)
    {
        var bytes = Open(group);
        ref var low = ref OnDisk.Edit<ExtGroupDescriptor>(bytes);
        var free = this[group].FreeClusters + count;
        if (free < 0 || free > _geometry.ClustersPerGroup)
            throw new DiskFormatException("EXT-0602", $"GroupDescriptor {group}", state.Volume.Groups.Offset(group), $"the count of free blocks would be {free}: it is wrong");
        low.FreeClustersLo = (ushort)free;
        if (IsLarge)
            High(bytes).FreeClustersHi = (ushort)(free >> 16);
        Seal(group, bytes);
    }

    /// <summary>Counts inodes that are free now (or, negative, taken), and directories among them.</summary>
    public void AddFreeInodes(long group, int count, int directories)
    {
        var bytes = Open(group);
        ref var low = ref OnDisk.Edit<ExtGroupDescriptor>(bytes);
        var descriptor = this[group];
        var (free, used) = (descriptor.FreeInodes + count, Math.Max(0, descriptor.UsedDirectories + directories));
        if (free < 0 || free > _geometry.InodesPerGroup)
            throw new DiskFormatException("EXT-0603", $"GroupDescriptor {group}", state.Volume.Groups.Offset(group), $"the count of free inodes would be {free}: it is wrong");
        low.FreeInodesLo = (ushort)free;
        low.UsedDirsLo = (ushort)used;
        if (IsLarge)
        {
            High(bytes).FreeInodesHi = (ushort)(free >> 16);
            High(bytes).UsedDirsHi = (ushort)(used >> 16);
        }
        Seal(group, bytes);
    }

    public void SetUnusedInodes(long group, uint count)
    {
        var bytes = Open(group);
        OnDisk.Edit<ExtGroupDescriptor>(bytes).UnusedInodesLo = (ushort)count;
        if (IsLarge)
            High(bytes).UnusedInodesHi = (ushort)(count >> 16);
        Seal(group, bytes);
    }

    /// <summary>Brings the checksums of changed bitmaps to their descriptors.</summary>
    public void SealBitmaps()
    {
        if (_unsealed.Count == 0)
            return;
        for (var i = 0; i < _unsealed.Count; i++)
        {
            var group = _unsealed[i];
            var known = (Known)_known[(ulong)group];
            if (state.Checksums.IsOn)
            {
                var descriptor = this[group];
                var bytes = Open(group);
                ref var low = ref OnDisk.Edit<ExtGroupDescriptor>(bytes);
                if ((known & Known.BlockBitmapUnsealed) != 0)
                {
                    var sum = state.Checksums.OfBitmap(state.Blocks.Read(descriptor.BlockBitmap, "Block bitmap"), _geometry.ClustersPerGroup);
                    low.BlockBitmapChecksumLo = (ushort)sum;
                    if (IsLarge)
                        High(bytes).BlockBitmapChecksumHi = (ushort)(sum >> 16);
                }
                if ((known & Known.InodeBitmapUnsealed) != 0)
                {
                    var sum = state.Checksums.OfBitmap(state.Blocks.Read(descriptor.InodeBitmap, "Inode bitmap"), _geometry.InodesPerGroup);
                    low.InodeBitmapChecksumLo = (ushort)sum;
                    if (IsLarge)
                        High(bytes).InodeBitmapChecksumHi = (ushort)(sum >> 16);
                }
                Seal(group, bytes);
            }
            _known[(ulong)group] = (int)(known & ~(Known.BlockBitmapUnsealed | Known.InodeBitmapUnsealed));
        }
        _unsealed.Clear();
    }

    /// <summary>An edit failed: what it made or verified is to be looked at again.</summary>
    public void Undo()
    {
        foreach (var group in _known.Keys())
            _known[group] &= (int)~(Known.BlockBitmap | Known.InodeBitmap);
    }

    /// <summary>Forgets everything, changes too.</summary>
    public void Clear()
    {
        _known.Clear();
        _unsealed.Clear();
    }

    private bool IsLarge => _geometry.DescriptorSize >= ExtGroupDescriptor.LargeSize;

    private static ref ExtGroupDescriptorHigh High(Span<byte> bytes) => ref OnDisk.Edit<ExtGroupDescriptorHigh>(bytes, ExtGroupDescriptor.Size);

    private static Span<ulong> Words(byte[] bytes) => MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan());

    private Span<byte> Open(long group)
    {
        var at = (int)(group % _geometry.DescriptorsPerBlock) * _geometry.DescriptorSize;
        return state.EditPart(_geometry.DescriptorBlock(group / _geometry.DescriptorsPerBlock), at, _geometry.DescriptorSize, "Group descriptors").AsSpan(at, _geometry.DescriptorSize);
    }

    private void Seal(long group, Span<byte> bytes)
    {
        if (state.Checksums.IsOnForDescriptors)
            OnDisk.Edit<ExtGroupDescriptor>(bytes).Checksum = state.Checksums.OfDescriptor(group, bytes);
    }

    private Known KnownOf(long group)
    {
        if (_known.TryGetValue((ulong)group, out var known))
            return (Known)known;
        var groups = state.Volume.Groups;
        var bytes = groups.Bytes(group);
        if (groups.Problem(groups.Decode(bytes)) is { } problem)
            throw new DiskFormatException("EXT-0030", $"GroupDescriptor {group}", groups.Offset(group), problem);
        if (!groups.IsRight(group, bytes))
            throw new DiskFormatException("EXT-0031", $"GroupDescriptor {group}", groups.Offset(group), "the checksum is wrong");
        _known[(ulong)group] = (int)Known.None;
        return Known.None;
    }

    private void Unseal(long group, Known bitmap, Known unsealed)
    {
        var known = (Known)_known[(ulong)group];
        if ((known & (Known.BlockBitmapUnsealed | Known.InodeBitmapUnsealed)) == 0)
            _unsealed.Add((int)group);
        _known[(ulong)group] = (int)(known | bitmap | unsealed);
    }

    // Made where it was never written, verified where it was.
    private void MakeBlockBitmap(long group)
    {
        var descriptor = this[group];
        var bitmaps = new ExtBitmaps(_geometry, state.Blocks, state.Volume.Groups, state.Checksums);
        if ((descriptor.Flags & ExtGroupFlags.BlockUninit) == 0)
        {
            var found = state.Blocks.Read(descriptor.BlockBitmap, "Block bitmap");
            if (!state.Changes.Contains(descriptor.BlockBitmap) && !bitmaps.IsRight(found, _geometry.ClustersPerGroup, descriptor.BlockBitmapChecksum))
                throw new DiskFormatException("EXT-0607", $"Block bitmap of group {group}", descriptor.BlockBitmap << _geometry.LogBlockSize, "the checksum is wrong");
            return;
        }
        var initial = bitmaps.Initial(group, descriptor);
        var bytes = state.Changes.New(descriptor.BlockBitmap);
        initial.Save(0, bytes.AsSpan(0, (int)(initial.Length + 7 >> 3)));
        BitWords.Fill(Words(bytes), initial.Length, bytes.Length * 8L - initial.Length, true);
        ClearFlag(group, ExtGroupFlags.BlockUninit);
    }

    private void MakeInodeBitmap(long group)
    {
        var descriptor = this[group];
        if ((descriptor.Flags & ExtGroupFlags.InodeUninit) == 0)
        {
            var found = state.Blocks.Read(descriptor.InodeBitmap, "Inode bitmap");
            if (!state.Changes.Contains(descriptor.InodeBitmap) && !new ExtBitmaps(_geometry, state.Blocks, state.Volume.Groups, state.Checksums).IsRight(found, _geometry.InodesPerGroup, descriptor.InodeBitmapChecksum))
                throw new DiskFormatException("EXT-0608", $"Inode bitmap of group {group}", descriptor.InodeBitmap << _geometry.LogBlockSize, "the checksum is wrong");
            return;
        }
        var bytes = state.Changes.New(descriptor.InodeBitmap);
        BitWords.Fill(Words(bytes), _geometry.InodesPerGroup, bytes.Length * 8L - _geometry.InodesPerGroup, true);
        ClearFlag(group, ExtGroupFlags.InodeUninit);
        SetUnusedInodes(group, (uint)_geometry.InodesPerGroup);

        // As the kernel does: a group that has inodes has a block bitmap.
        EditBlockBitmap(group);
    }

    private void ClearFlag(long group, ExtGroupFlags flag)
    {
        var bytes = Open(group);
        ref var low = ref OnDisk.Edit<ExtGroupDescriptor>(bytes);
        low.Flags.Raw = (ushort)(low.Flags.Value & ~flag);
        Seal(group, bytes);
    }
}
