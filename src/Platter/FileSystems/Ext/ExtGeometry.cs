using System.Numerics;
using System.Runtime.CompilerServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>What the superblock says, checked: sizes, counts, features, and where each group's structures may lie.</summary>
/// <remarks>A group is <see cref="BlocksPerGroup"/> blocks from <see cref="FirstDataBlock"/> on; the last one may be shorter.</remarks>
internal sealed class ExtGeometry
{
    public const uint RootInode = 2, ResizeInode = 7, FirstInodeOfRevision0 = 11;

    private const int MinLogBlockSize = 10, MaxLogBlockSize = 16;
    private readonly byte[] _bytes;
    private List<Finding>? _remarks;

    private ExtGeometry(byte[] bytes) => _bytes = bytes;

    /// <summary>The superblock as it stands on disk.</summary>
    public ref readonly ExtSuperblock Super => ref OnDisk.View<ExtSuperblock>(_bytes);

    /// <summary>The superblock's 1024 bytes.</summary>
    public ReadOnlySpan<byte> SuperBytes => _bytes;

    /// <summary>Where the superblock was read, in bytes; 1024 for the primary one.</summary>
    public required long SuperOffset { get; init; }

    /// <summary>What is wrong or odd without making the volume unreadable.</summary>
    public IReadOnlyList<Finding> Remarks => _remarks ?? [];

    /// <summary>Whether there is anything in <see cref="Remarks"/>.</summary>
    public bool HasRemarks => _remarks is not null;

    public required int BlockSize { get; init; }
    public required int LogBlockSize { get; init; }

    /// <summary>Blocks in a cluster: 1 without bigalloc.</summary>
    public required int ClusterRatio { get; init; }

    public required long BlocksCount { get; init; }
    public required long FirstDataBlock { get; init; }
    public required long BlocksPerGroup { get; init; }
    public required int ClustersPerGroup { get; init; }
    public required int InodesPerGroup { get; init; }
    public required uint InodesCount { get; init; }
    public required int InodeSize { get; init; }
    public required uint FirstInode { get; init; }

    /// <summary>Bytes of a group descriptor: 32, or with 64bit usually 64.</summary>
    public required int DescriptorSize { get; init; }

    public required long GroupCount { get; init; }
    public required ExtCompat Compat { get; init; }
    public required ExtIncompat Incompat { get; init; }
    public required ExtRoCompat RoCompat { get; init; }

    /// <summary>The superblock, for those that edit the volume: fields that say how the volume is laid out stay as they are.</summary>
    public ref ExtSuperblock EditSuper => ref OnDisk.Edit<ExtSuperblock>(_bytes);

    /// <summary>Puts back the superblock's bytes as they were before an edit that failed.</summary>
    public void RestoreSuper(ReadOnlySpan<byte> bytes) => bytes.CopyTo(_bytes);

    public int DescriptorsPerBlock => BlockSize / DescriptorSize;
    public long DescriptorBlocks => (GroupCount + DescriptorsPerBlock - 1) / DescriptorsPerBlock;
    public int InodesPerBlock => BlockSize / InodeSize;

    /// <summary>Blocks of one group's inode table.</summary>
    public int InodeTableBlocks => (int)(((long)InodesPerGroup * InodeSize + BlockSize - 1) / BlockSize);

    /// <summary>The block that holds the primary superblock.</summary>
    public long SuperBlockNumber => BlockSize == 1024 ? 1 : 0;

    public bool Has(ExtCompat feature) => (Compat & feature) != 0;

    public bool Has(ExtIncompat feature) => (Incompat & feature) != 0;

    public bool Has(ExtRoCompat feature) => (RoCompat & feature) != 0;

    /// <summary>The type's name, by the features, as blkid decides.</summary>
    public string TypeName
    {
        get
        {
            const ExtRoCompat old = ExtRoCompat.SparseSuper | ExtRoCompat.LargeFile | ExtRoCompat.BtreeDir;
            const ExtIncompat oldIncompat = ExtIncompat.Filetype | ExtIncompat.MetaBg | ExtIncompat.Recover;
            return (RoCompat & ~old) != 0 || (Incompat & ~oldIncompat) != 0 ? "ext4" : Has(ExtCompat.HasJournal) ? "ext3" : "ext2";
        }
    }

    public bool IsBlock(long block) => block >= FirstDataBlock && block < BlocksCount;

    public bool IsRange(long block, long count) => block >= FirstDataBlock && count >= 0 && block < BlocksCount && count <= BlocksCount - block;

    public long GroupOf(long block) => (block - FirstDataBlock) / BlocksPerGroup;

    public long GroupStart(long group) => FirstDataBlock + group * BlocksPerGroup;

    public long BlocksIn(long group) => Math.Min(BlocksPerGroup, BlocksCount - GroupStart(group));

    /// <summary>Clusters of a group that are within the volume: bits of its bitmap that count.</summary>
    public int ClustersIn(long group) => (int)((BlocksIn(group) + ClusterRatio - 1) / ClusterRatio);

    /// <summary>Whether a group starts with a copy of the superblock (and, without meta_bg, of the descriptors).</summary>
    public bool HasSuper(long group)
    {
        if (group == 0)
            return true;
        if (Has(ExtCompat.SparseSuper2))
            return group == Super.BackupGroup1 || group == Super.BackupGroup2;
        return !Has(ExtRoCompat.SparseSuper) || IsSparseGroup(group);
    }

    /// <summary>Whether sparse_super leaves a group its copies: 0, 1, and the powers of 3, 5 and 7.</summary>
    public static bool IsSparseGroup(long group) =>
        group <= 1 || ((group & 1) != 0 && (IsPower(group, 3) || IsPower(group, 5) || IsPower(group, 7)));

    /// <summary>The block that holds a block of the descriptor table, from the copy at a group.</summary>
    /// <param name="index">Which block of the table.</param>
    /// <param name="copyGroup">0 for the primary table, or a group that has a copy.</param>
    public long DescriptorBlock(long index, long copyGroup = 0)
    {
        if (!Has(ExtIncompat.MetaBg) || index < Super.FirstMetaBlockGroup)
            return (copyGroup == 0 ? SuperBlockNumber : GroupStart(copyGroup)) + 1 + index;

        // A meta group's own descriptors: in its first group; copies in its second and its last one.
        var group = index * DescriptorsPerBlock + (copyGroup == 0 ? 0 : 1);
        if (group >= GroupCount)
            group = index * DescriptorsPerBlock;
        var start = group == 0 ? SuperBlockNumber : GroupStart(group);
        return start + (HasSuper(group) ? 1 : 0);
    }

    /// <summary>The group of the first backup, or 0 when there is none.</summary>
    public long FirstBackupGroup
    {
        get
        {
            if (Has(ExtCompat.SparseSuper2))
                return Super.BackupGroup1 < GroupCount ? Super.BackupGroup1 : 0;
            return GroupCount > 1 ? 1 : 0;
        }
    }

    /// <summary>Blocks at a group's start that hold the superblock, the descriptors and those reserved for more of them.</summary>
    public long BaseBlocks(long group)
    {
        var hasSuper = HasSuper(group);
        var count = hasSuper ? 1L : 0L;
        if (Has(ExtIncompat.MetaBg) && group / DescriptorsPerBlock >= Super.FirstMetaBlockGroup)
        {
            var within = group % DescriptorsPerBlock;
            if (within == 0 || within == 1 || within == DescriptorsPerBlock - 1)
                count++;
        }
        else if (hasSuper)
        {
            count += Has(ExtIncompat.MetaBg) ? Math.Min(Super.FirstMetaBlockGroup, DescriptorBlocks) : DescriptorBlocks;
            count += Super.ReservedGdtBlocks;
        }
        // Blocks of 1 KiB with bigalloc: the boot block is part of group 0.
        if (group == 0 && SuperBlockNumber > FirstDataBlock)
            count += SuperBlockNumber - FirstDataBlock;
        return count;
    }

    /// <summary>Whether a device starts like an ext volume: the magic number, and a block size that there can be.</summary>
    public static bool Recognise(BlockDevice device)
    {
        if (device.Length < ExtSuperblock.Offset + ExtSuperblock.Size)
            return false;
        var bytes = new byte[ExtSuperblock.Size];
        device.Read(ExtSuperblock.Offset, bytes);
        ref readonly var super = ref OnDisk.View<ExtSuperblock>(bytes);
        return super.Magic == ExtSuperblock.MagicValue && super.LogBlockSize <= MaxLogBlockSize - MinLogBlockSize && super.Revision <= 1;
    }

    /// <summary>Reads the superblock; a copy when the primary one is damaged and a sound copy is found.</summary>
    /// <exception cref="DiskFormatException">The first rule that the primary one breaks; no copy is sound.</exception>
    public static ExtGeometry Read(BlockDevice device)
    {
        try
        {
            return ReadAt(device, ExtSuperblock.Offset);
        }
        catch (DiskFormatException primary)
        {
            if (FindBackup(device, primary) is { } backup)
                return backup;
            throw;
        }
    }

    /// <summary>Reads and checks the superblock at an offset, in bytes.</summary>
    /// <exception cref="DiskFormatException">The first rule that is broken.</exception>
    public static ExtGeometry ReadAt(BlockDevice device, long offset)
    {
        if (device.Length < offset + ExtSuperblock.Size)
            throw new DiskFormatException("EXT-0001", "Superblock", offset, $"the device ends at {device.Length} bytes, expected a superblock of 1024");
        var bytes = new byte[ExtSuperblock.Size];
        device.Read(offset, bytes);
        return Parse(bytes, offset, device.Length);
    }

    /// <summary>The geometry that a superblock in memory describes, for a volume that is being made.</summary>
    /// <exception cref="DiskFormatException">The first rule that is broken.</exception>
    public static ExtGeometry Of(ReadOnlySpan<byte> super) => Parse(super.ToArray(), ExtSuperblock.Offset, long.MaxValue);

    // Group 1 (or 3, 5, 7, 9, where sparse_super2 or damage took it) of a volume with the usual eight blocks per byte of a block.
    private static ExtGeometry? FindBackup(BlockDevice device, DiskFormatException primary)
    {
        for (var log = MinLogBlockSize; log <= MaxLogBlockSize; log++)
        {
            foreach (var group in (ReadOnlySpan<int>)[1, 3, 5, 7, 9])
            {
                var offset = (log == MinLogBlockSize ? 1024L : 0) + ((long)group << (log + log + 3));
                if (offset + ExtSuperblock.Size > device.Length)
                    break;
                if (TryBackup(device, offset, group, log) is { } geometry)
                {
                    (geometry._remarks ??= []).Insert(0, new Finding(primary.Code, Severity.Error, primary.Structure, primary.Offset, $"{primary.Problem}; the copy of group {group} is used"));
                    return geometry;
                }
            }
        }
        return null;
    }

    private static ExtGeometry? TryBackup(BlockDevice device, long offset, int group, int log)
    {
        var bytes = new byte[ExtSuperblock.Size];
        device.Read(offset, bytes);
        ref readonly var super = ref OnDisk.View<ExtSuperblock>(bytes);
        if (super.Magic != ExtSuperblock.MagicValue || super.BlockGroup != group || super.LogBlockSize != log - MinLogBlockSize)
            return null;
        try
        {
            var geometry = Parse(bytes, offset, device.Length);
            return geometry.GroupStart(group) << log == offset ? geometry : null;
        }
        catch (DiskFormatException)
        {
            return null;
        }
    }

    private static ExtGeometry Parse(byte[] bytes, long at, long deviceLength)
    {
        ref readonly var s = ref OnDisk.View<ExtSuperblock>(bytes);
        if (s.Magic != ExtSuperblock.MagicValue)
            throw Broken("EXT-0001", "magic", 0x38, $"found 0x{(ushort)s.Magic:X4}, expected 0xEF53");
        if (s.Revision > 1)
            throw new UnsupportedFeatureException($"ext of revision {s.Revision}: 0 and 1 are known");
        var dynamic = s.Revision == 1;
        var incompat = dynamic ? s.Incompat.Value : ExtIncompat.None;
        var roCompat = dynamic ? s.RoCompat.Value : ExtRoCompat.None;
        if ((roCompat & ExtRoCompat.MetadataChecksum) != 0)
        {
            var found = (uint)s.Checksum;
            var expected = ExtChecksums.OfSuper(bytes);
            if (found != expected)
                throw Broken("EXT-0002", "checksum", 0x3FC, $"found 0x{found:X8}, expected 0x{expected:X8}");
        }

        if (s.LogBlockSize > MaxLogBlockSize - MinLogBlockSize)
            throw Broken("EXT-0003", "log_block_size", 0x18, $"found {s.LogBlockSize}, expected 0..{MaxLogBlockSize - MinLogBlockSize}");
        var log = MinLogBlockSize + (int)(uint)s.LogBlockSize;
        var blockSize = 1 << log;
        var hasClusters = (roCompat & ExtRoCompat.Bigalloc) != 0;
        if (hasClusters && (s.LogClusterSize < s.LogBlockSize || s.LogClusterSize > 20))
            throw Broken("EXT-0004", "log_cluster_size", 0x1C, $"found {s.LogClusterSize}, expected {s.LogBlockSize}..20");
        var ratio = hasClusters ? 1 << (int)((uint)s.LogClusterSize - (uint)s.LogBlockSize) : 1;

        var clusters = hasClusters ? (uint)s.ClustersPerGroup : (uint)s.BlocksPerGroup;
        if (clusters == 0 || clusters > 8 * blockSize || clusters % 8 != 0)
            throw Broken("EXT-0005", hasClusters ? "clusters_per_group" : "blocks_per_group", hasClusters ? 0x24 : 0x20, $"found {clusters}, expected a multiple of 8 up to {8 * blockSize}, the bits of a block");
        if (s.BlocksPerGroup != (long)clusters * ratio)
            throw Broken("EXT-0005", "blocks_per_group", 0x20, $"found {s.BlocksPerGroup}, expected {clusters} clusters of {ratio} blocks");
        var inodeSize = dynamic ? (ushort)s.InodeSize : (ushort)ExtInodeRecord.Size;
        if (inodeSize < ExtInodeRecord.Size || inodeSize > blockSize || !BitOperations.IsPow2((uint)inodeSize))
            throw Broken("EXT-0006", "inode_size", 0x58, $"found {inodeSize}, expected a power of two, 128..{blockSize}");
        if (s.InodesPerGroup == 0 || s.InodesPerGroup > 8 * blockSize)
            throw Broken("EXT-0007", "inodes_per_group", 0x28, $"found {s.InodesPerGroup}, expected 1..{8 * blockSize}, the bits of a block");
        int descriptorSize = ExtGroupDescriptor.Size;
        if ((incompat & ExtIncompat.Bit64) != 0)
        {
            descriptorSize = s.DescriptorSize;
            if (descriptorSize < ExtGroupDescriptor.LargeSize || descriptorSize > 1024 || !BitOperations.IsPow2(descriptorSize))
                throw Broken("EXT-0008", "desc_size", 0xFE, $"found {descriptorSize}, expected a power of two, 64..1024");
        }

        var firstData = blockSize == 1024 && !hasClusters ? 1u : 0u;
        if (s.FirstDataBlock != firstData && !(blockSize == 1024 && s.FirstDataBlock <= 1))
            throw Broken("EXT-0009", "first_data_block", 0x14, $"found {s.FirstDataBlock}, expected {firstData}");
        var blocks = (uint)s.BlocksCountLo | ((incompat & ExtIncompat.Bit64) != 0 ? (ulong)(uint)s.BlocksCountHi << 32 : 0);
        uint before = s.FirstDataBlock, perGroup = s.BlocksPerGroup;
        if (blocks <= before || blocks > (ulong)long.MaxValue >> log)
            throw Broken("EXT-0010", "blocks_count", 0x04, $"found {blocks}, expected more than {s.FirstDataBlock} and at most {long.MaxValue >> log}");
        var groups = (blocks - before + perGroup - 1) / perGroup;
        if (groups > uint.MaxValue || groups * (uint)s.InodesPerGroup != (uint)s.InodesCount)
            throw Broken("EXT-0011", "inodes_count", 0x00, $"found {s.InodesCount}, expected {groups} groups of {s.InodesPerGroup}");

        var firstInode = dynamic ? (uint)s.FirstInode : FirstInodeOfRevision0;
        var geometry = new ExtGeometry(bytes)
        {
            SuperOffset = at,
            BlockSize = blockSize,
            LogBlockSize = log,
            ClusterRatio = ratio,
            BlocksCount = (long)blocks,
            FirstDataBlock = s.FirstDataBlock,
            BlocksPerGroup = s.BlocksPerGroup,
            ClustersPerGroup = (int)clusters,
            InodesPerGroup = (int)(uint)s.InodesPerGroup,
            InodesCount = s.InodesCount,
            InodeSize = inodeSize,
            FirstInode = firstInode,
            DescriptorSize = descriptorSize,
            GroupCount = (long)groups,
            Compat = dynamic ? s.Compat.Value : ExtCompat.None,
            Incompat = incompat,
            RoCompat = roCompat,
        };
        geometry.AddRemarks(at, deviceLength);
        return geometry;

        DiskFormatException Broken(string code, string field, int fieldOffset, string problem) =>
            new(code, "Superblock." + field, at + fieldOffset, problem);
    }

    private void AddRemarks(long at, long deviceLength)
    {
        ref readonly var s = ref Super;
        if (BlocksCount << LogBlockSize > deviceLength)
            Remark("EXT-0012", Severity.Error, "blocks_count", at + 0x04, $"the volume has {BlocksCount} blocks, the device {deviceLength >> LogBlockSize}");
        if (FirstInode < FirstInodeOfRevision0 || FirstInode >= InodesCount)
            Remark("EXT-0013", Severity.Error, "first_ino", at + 0x54, $"found {FirstInode}, expected {FirstInodeOfRevision0}..{InodesCount - 1}");
        if (s.ReservedGdtBlocks > BlockSize / 4)
            Remark("EXT-0014", Severity.Error, "reserved_gdt_blocks", at + 0xCE, $"found {s.ReservedGdtBlocks}, expected at most {BlockSize / 4}");
        if (Has(ExtIncompat.MetaBg) && s.FirstMetaBlockGroup > DescriptorBlocks)
            Remark("EXT-0015", Severity.Error, "first_meta_bg", at + 0x104, $"found {s.FirstMetaBlockGroup}, expected at most {DescriptorBlocks}");
    }

    private void Remark(string code, Severity severity, string field, long offset, string message) =>
        (_remarks ??= []).Add(new Finding(code, severity, "Superblock." + field, offset, message));

    private static bool IsPower(long value, int radix)
    {
        while (value % radix == 0)
            value /= radix;
        return value == 1;
    }
}
