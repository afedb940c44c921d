using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>One group's descriptor, its halves put together.</summary>
internal readonly record struct ExtGroup(long BlockBitmap, long InodeBitmap, long InodeTable)
{
    /// <summary>Clusters with bigalloc, else blocks.</summary>
    public long FreeClusters { get; init; }

    public uint FreeInodes { get; init; }
    public uint UsedDirectories { get; init; }

    /// <summary>Inodes at the end of the table that were never used; only with descriptor checksums.</summary>
    public uint UnusedInodes { get; init; }

    public ExtGroupFlags Flags { get; init; }
    public uint BlockBitmapChecksum { get; init; }
    public uint InodeBitmapChecksum { get; init; }
}

/// <summary>The group descriptors, read as they are needed.</summary>
/// <remarks>A descriptor that fails its checksum or points out of the volume gives way to its copy, when that one is sound.</remarks>
internal sealed class ExtGroups
{
    private readonly ExtGeometry _geometry;
    private readonly ExtBlocks _blocks;
    private readonly ExtChecksums _checksums;

    public ExtGroups(ExtGeometry geometry, ExtBlocks blocks, ExtChecksums checksums)
    {
        _geometry = geometry;
        _blocks = blocks;
        _checksums = checksums;
    }

    /// <summary>A group's descriptor.</summary>
    /// <exception cref="DiskFormatException">Neither the descriptor nor its copy leads into the volume.</exception>
    public ExtGroup this[long group]
    {
        get
        {
            var primary = Bytes(group);
            var found = Decode(primary);
            if (Problem(found) is null && IsRight(group, primary))
                return found;
            if (TryBackup(group) is { } copy)
                return copy;
            if (Problem(found) is { } problem)
                throw new DiskFormatException("EXT-0030", $"GroupDescriptor {group}", Offset(group), problem);
            return found;
        }
    }

    /// <summary>Where a descriptor stands, in bytes.</summary>
    public long Offset(long group, long copyGroup = 0) =>
        (_geometry.DescriptorBlock(group / _geometry.DescriptorsPerBlock, copyGroup) << _geometry.LogBlockSize) + group % _geometry.DescriptorsPerBlock * _geometry.DescriptorSize;

    /// <summary>A descriptor's bytes from the primary table or the copy at a group.</summary>
    public ReadOnlySpan<byte> Bytes(long group, long copyGroup = 0)
    {
        var block = _blocks.Read(_geometry.DescriptorBlock(group / _geometry.DescriptorsPerBlock, copyGroup), new ExtStructure("GroupDescriptor", group));
        return block.AsSpan((int)(group % _geometry.DescriptorsPerBlock) * _geometry.DescriptorSize, _geometry.DescriptorSize);
    }

    /// <summary>Whether the checksum is right, or there is none.</summary>
    public bool IsRight(long group, ReadOnlySpan<byte> descriptor) =>
        !_checksums.IsOnForDescriptors || OnDisk.View<ExtGroupDescriptor>(descriptor).Checksum == _checksums.OfDescriptor(group, descriptor);

    /// <summary>What is wrong with where a descriptor points to, or null.</summary>
    public string? Problem(in ExtGroup group)
    {
        if (!_geometry.IsBlock(group.BlockBitmap))
            return $"the block bitmap is at block {group.BlockBitmap}, expected {_geometry.FirstDataBlock}..{_geometry.BlocksCount - 1}";
        if (!_geometry.IsBlock(group.InodeBitmap))
            return $"the inode bitmap is at block {group.InodeBitmap}, expected {_geometry.FirstDataBlock}..{_geometry.BlocksCount - 1}";
        return _geometry.IsRange(group.InodeTable, _geometry.InodeTableBlocks) ? null
            : $"the inode table is at block {group.InodeTable}, expected {_geometry.FirstDataBlock}..{_geometry.BlocksCount - _geometry.InodeTableBlocks}";
    }

    public ExtGroup Decode(ReadOnlySpan<byte> bytes)
    {
        ref readonly var low = ref OnDisk.View<ExtGroupDescriptor>(bytes);
        var high = bytes.Length >= ExtGroupDescriptor.LargeSize ? OnDisk.View<ExtGroupDescriptorHigh>(bytes, ExtGroupDescriptor.Size) : default;
        return new ExtGroup(Join(low.BlockBitmapLo, high.BlockBitmapHi), Join(low.InodeBitmapLo, high.InodeBitmapHi), Join(low.InodeTableLo, high.InodeTableHi))
        {
            FreeClusters = Join16(low.FreeClustersLo, high.FreeClustersHi),
            FreeInodes = Join16(low.FreeInodesLo, high.FreeInodesHi),
            UsedDirectories = Join16(low.UsedDirsLo, high.UsedDirsHi),
            UnusedInodes = _checksums.IsOnForDescriptors ? Join16(low.UnusedInodesLo, high.UnusedInodesHi) : 0,
            Flags = _checksums.IsOnForDescriptors ? low.Flags.Value : ExtGroupFlags.None,
            BlockBitmapChecksum = Join16(low.BlockBitmapChecksumLo, high.BlockBitmapChecksumHi),
            InodeBitmapChecksum = Join16(low.InodeBitmapChecksumLo, high.InodeBitmapChecksumHi),
        };
    }

    /// <summary>Free clusters of all groups, as the descriptors count them.</summary>
    public long CountFreeClusters()
    {
        var free = 0L;
        for (var group = 0L; group < _geometry.GroupCount; group++)
            free += Math.Min(Decode(Bytes(group)).FreeClusters, _geometry.ClustersPerGroup);
        return free;
    }

    private ExtGroup? TryBackup(long group)
    {
        var copyGroup = _geometry.FirstBackupGroup;
        if (copyGroup == 0 || _geometry.DescriptorBlock(group / _geometry.DescriptorsPerBlock, copyGroup) >= Math.Min(_geometry.BlocksCount, _blocks.Device.Length >> _geometry.LogBlockSize))
            return null;
        var bytes = Bytes(group, copyGroup);
        var found = Decode(bytes);

        // Copies are not kept up to date: only where things lie can be taken from them. So their uninit flags and counts don't count.
        return Problem(found) is null && IsRight(group, bytes) ? found with { Flags = ExtGroupFlags.None, UnusedInodes = 0 } : null;
    }

    private static long Join(uint low, uint high) => (long)high << 32 | low;

    private static uint Join16(ushort low, ushort high) => (uint)high << 16 | low;
}
