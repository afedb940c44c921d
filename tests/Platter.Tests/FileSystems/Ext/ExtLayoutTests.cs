using System.Runtime.CompilerServices;
using Platter.FileSystems.Ext;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Every structure against the numbers of the Linux kernel's Documentation/filesystems/ext4.</summary>
public class ExtLayoutTests
{
    [Fact]
    public void Quota_files_have_the_layout_of_the_kernel()
    {
        var h = default(ExtQuotaHeader);
        Assert.Equal(32, Unsafe.SizeOf<ExtQuotaHeader>());
        Assert.Equal(0x00, At(ref h, ref h.Magic));
        Assert.Equal(0x04, At(ref h, ref h.Version));
        Assert.Equal(0x08, At(ref h, ref h.BlockGrace));
        Assert.Equal(0x0C, At(ref h, ref h.InodeGrace));
        Assert.Equal(0x10, At(ref h, ref h.Flags));
        Assert.Equal(0x14, At(ref h, ref h.BlockCount));
        Assert.Equal(0x18, At(ref h, ref h.FreeBlock));
        Assert.Equal(0x1C, At(ref h, ref h.FreeEntry));
        var b = default(ExtQuotaBlockHeader);
        Assert.Equal(ExtQuotaBlockHeader.Size, Unsafe.SizeOf<ExtQuotaBlockHeader>());
        Assert.Equal(0x00, At(ref b, ref b.NextFree));
        Assert.Equal(0x04, At(ref b, ref b.PreviousFree));
        Assert.Equal(0x08, At(ref b, ref b.EntryCount));
        Assert.Equal(0x0A, At(ref b, ref b.Padding1));
        Assert.Equal(0x0C, At(ref b, ref b.Padding2));
        var e = default(ExtQuotaEntry);
        Assert.Equal(ExtQuotaEntry.Size, Unsafe.SizeOf<ExtQuotaEntry>());
        Assert.Equal(0x00, At(ref e, ref e.Id));
        Assert.Equal(0x04, At(ref e, ref e.Padding));
        Assert.Equal(0x08, At(ref e, ref e.InodeHardLimit));
        Assert.Equal(0x10, At(ref e, ref e.InodeSoftLimit));
        Assert.Equal(0x18, At(ref e, ref e.Inodes));
        Assert.Equal(0x20, At(ref e, ref e.BlockHardLimit));
        Assert.Equal(0x28, At(ref e, ref e.BlockSoftLimit));
        Assert.Equal(0x30, At(ref e, ref e.Space));
        Assert.Equal(0x38, At(ref e, ref e.BlockTime));
        Assert.Equal(0x40, At(ref e, ref e.InodeTime));
    }

    [Fact]
    public void The_superblock_has_the_layout_of_the_specification()
    {
        var s = default(ExtSuperblock);
        Assert.Equal(1024, Unsafe.SizeOf<ExtSuperblock>());
        Assert.Equal(0x000, At(ref s, ref s.InodesCount));
        Assert.Equal(0x004, At(ref s, ref s.BlocksCountLo));
        Assert.Equal(0x008, At(ref s, ref s.ReservedBlocksLo));
        Assert.Equal(0x00C, At(ref s, ref s.FreeBlocksLo));
        Assert.Equal(0x010, At(ref s, ref s.FreeInodes));
        Assert.Equal(0x014, At(ref s, ref s.FirstDataBlock));
        Assert.Equal(0x018, At(ref s, ref s.LogBlockSize));
        Assert.Equal(0x01C, At(ref s, ref s.LogClusterSize));
        Assert.Equal(0x020, At(ref s, ref s.BlocksPerGroup));
        Assert.Equal(0x024, At(ref s, ref s.ClustersPerGroup));
        Assert.Equal(0x028, At(ref s, ref s.InodesPerGroup));
        Assert.Equal(0x02C, At(ref s, ref s.MountTime));
        Assert.Equal(0x030, At(ref s, ref s.WriteTime));
        Assert.Equal(0x034, At(ref s, ref s.MountCount));
        Assert.Equal(0x036, At(ref s, ref s.MaxMountCount));
        Assert.Equal(0x038, At(ref s, ref s.Magic));
        Assert.Equal(0x03A, At(ref s, ref s.State));
        Assert.Equal(0x03C, At(ref s, ref s.Errors));
        Assert.Equal(0x03E, At(ref s, ref s.MinorRevision));
        Assert.Equal(0x040, At(ref s, ref s.LastCheck));
        Assert.Equal(0x044, At(ref s, ref s.CheckInterval));
        Assert.Equal(0x048, At(ref s, ref s.CreatorOs));
        Assert.Equal(0x04C, At(ref s, ref s.Revision));
        Assert.Equal(0x050, At(ref s, ref s.ReservedUser));
        Assert.Equal(0x052, At(ref s, ref s.ReservedGroup));
        Assert.Equal(0x054, At(ref s, ref s.FirstInode));
        Assert.Equal(0x058, At(ref s, ref s.InodeSize));
        Assert.Equal(0x05A, At(ref s, ref s.BlockGroup));
        Assert.Equal(0x05C, At(ref s, ref s.Compat));
        Assert.Equal(0x060, At(ref s, ref s.Incompat));
        Assert.Equal(0x064, At(ref s, ref s.RoCompat));
        Assert.Equal(0x068, At(ref s, ref s.Uuid));
        Assert.Equal(0x078, At(ref s, ref s.VolumeName));
        Assert.Equal(0x088, At(ref s, ref s.LastMounted));
        Assert.Equal(0x0C8, At(ref s, ref s.AlgorithmBitmap));
        Assert.Equal(0x0CC, At(ref s, ref s.PreallocBlocks));
        Assert.Equal(0x0CD, At(ref s, ref s.PreallocDirBlocks));
        Assert.Equal(0x0CE, At(ref s, ref s.ReservedGdtBlocks));
        Assert.Equal(0x0D0, At(ref s, ref s.JournalUuid));
        Assert.Equal(0x0E0, At(ref s, ref s.JournalInode));
        Assert.Equal(0x0E4, At(ref s, ref s.JournalDevice));
        Assert.Equal(0x0E8, At(ref s, ref s.LastOrphan));
        Assert.Equal(0x0EC, At(ref s, ref s.HashSeed));
        Assert.Equal(0x0FC, At(ref s, ref s.DefaultHashVersion));
        Assert.Equal(0x0FD, At(ref s, ref s.JournalBackupType));
        Assert.Equal(0x0FE, At(ref s, ref s.DescriptorSize));
        Assert.Equal(0x100, At(ref s, ref s.DefaultMountOptions));
        Assert.Equal(0x104, At(ref s, ref s.FirstMetaBlockGroup));
        Assert.Equal(0x108, At(ref s, ref s.MakeTime));
        Assert.Equal(0x10C, At(ref s, ref s.JournalBlocks));
        Assert.Equal(0x150, At(ref s, ref s.BlocksCountHi));
        Assert.Equal(0x154, At(ref s, ref s.ReservedBlocksHi));
        Assert.Equal(0x158, At(ref s, ref s.FreeBlocksHi));
        Assert.Equal(0x15C, At(ref s, ref s.MinExtraInodeSize));
        Assert.Equal(0x15E, At(ref s, ref s.WantExtraInodeSize));
        Assert.Equal(0x160, At(ref s, ref s.Flags));
        Assert.Equal(0x164, At(ref s, ref s.RaidStride));
        Assert.Equal(0x166, At(ref s, ref s.MmpInterval));
        Assert.Equal(0x168, At(ref s, ref s.MmpBlock));
        Assert.Equal(0x170, At(ref s, ref s.RaidStripeWidth));
        Assert.Equal(0x174, At(ref s, ref s.LogGroupsPerFlex));
        Assert.Equal(0x175, At(ref s, ref s.ChecksumType));
        Assert.Equal(0x176, At(ref s, ref s.EncryptionLevel));
        Assert.Equal(0x177, At(ref s, ref s.ReservedPad));
        Assert.Equal(0x178, At(ref s, ref s.KbytesWritten));
        Assert.Equal(0x180, At(ref s, ref s.SnapshotInode));
        Assert.Equal(0x184, At(ref s, ref s.SnapshotId));
        Assert.Equal(0x188, At(ref s, ref s.SnapshotReservedBlocks));
        Assert.Equal(0x190, At(ref s, ref s.SnapshotList));
        Assert.Equal(0x194, At(ref s, ref s.ErrorCount));
        Assert.Equal(0x198, At(ref s, ref s.FirstErrorTime));
        Assert.Equal(0x19C, At(ref s, ref s.FirstErrorInode));
        Assert.Equal(0x1A0, At(ref s, ref s.FirstErrorBlock));
        Assert.Equal(0x1A8, At(ref s, ref s.FirstErrorFunction));
        Assert.Equal(0x1C8, At(ref s, ref s.FirstErrorLine));
        Assert.Equal(0x1CC, At(ref s, ref s.LastErrorTime));
        Assert.Equal(0x1D0, At(ref s, ref s.LastErrorInode));
        Assert.Equal(0x1D4, At(ref s, ref s.LastErrorLine));
        Assert.Equal(0x1D8, At(ref s, ref s.LastErrorBlock));
        Assert.Equal(0x1E0, At(ref s, ref s.LastErrorFunction));
        Assert.Equal(0x200, At(ref s, ref s.MountOptions));
        Assert.Equal(0x240, At(ref s, ref s.UserQuotaInode));
        Assert.Equal(0x244, At(ref s, ref s.GroupQuotaInode));
        Assert.Equal(0x248, At(ref s, ref s.OverheadBlocks));
        Assert.Equal(0x24C, At(ref s, ref s.BackupGroup1));
        Assert.Equal(0x250, At(ref s, ref s.BackupGroup2));
        Assert.Equal(0x254, At(ref s, ref s.EncryptionAlgorithms));
        Assert.Equal(0x258, At(ref s, ref s.EncryptionSalt));
        Assert.Equal(0x268, At(ref s, ref s.LostFoundInode));
        Assert.Equal(0x26C, At(ref s, ref s.ProjectQuotaInode));
        Assert.Equal(0x270, At(ref s, ref s.ChecksumSeed));
        Assert.Equal(0x274, At(ref s, ref s.WriteTimeHi));
        Assert.Equal(0x275, At(ref s, ref s.MountTimeHi));
        Assert.Equal(0x276, At(ref s, ref s.MakeTimeHi));
        Assert.Equal(0x277, At(ref s, ref s.LastCheckHi));
        Assert.Equal(0x278, At(ref s, ref s.FirstErrorTimeHi));
        Assert.Equal(0x279, At(ref s, ref s.LastErrorTimeHi));
        Assert.Equal(0x27A, At(ref s, ref s.FirstErrorCode));
        Assert.Equal(0x27B, At(ref s, ref s.LastErrorCode));
        Assert.Equal(0x27C, At(ref s, ref s.Encoding));
        Assert.Equal(0x27E, At(ref s, ref s.EncodingFlags));
        Assert.Equal(0x280, At(ref s, ref s.OrphanFileInode));
        Assert.Equal(0x284, At(ref s, ref s.Reserved));
        Assert.Equal(0x3FC, At(ref s, ref s.Checksum));
    }

    [Fact]
    public void The_group_descriptor_has_the_layout_of_the_specification()
    {
        var extGroupDescriptor = default(ExtGroupDescriptor);
        Assert.Equal(32, Unsafe.SizeOf<ExtGroupDescriptor>());
        Assert.Equal(0x00, At(ref extGroupDescriptor, ref extGroupDescriptor.BlockBitmapLo));
        Assert.Equal(0x04, At(ref extGroupDescriptor, ref extGroupDescriptor.InodeBitmapLo));
        Assert.Equal(0x08, At(ref extGroupDescriptor, ref extGroupDescriptor.InodeTableLo));
        Assert.Equal(0x0C, At(ref extGroupDescriptor, ref extGroupDescriptor.FreeClustersLo));
        Assert.Equal(0x0E, At(ref extGroupDescriptor, ref extGroupDescriptor.FreeInodesLo));
        Assert.Equal(0x10, At(ref extGroupDescriptor, ref extGroupDescriptor.UsedDirsLo));
        Assert.Equal(0x12, At(ref extGroupDescriptor, ref extGroupDescriptor.Flags));
        Assert.Equal(0x14, At(ref extGroupDescriptor, ref extGroupDescriptor.ExcludeBitmapLo));
        Assert.Equal(0x18, At(ref extGroupDescriptor, ref extGroupDescriptor.BlockBitmapChecksumLo));
        Assert.Equal(0x1A, At(ref extGroupDescriptor, ref extGroupDescriptor.InodeBitmapChecksumLo));
        Assert.Equal(0x1C, At(ref extGroupDescriptor, ref extGroupDescriptor.UnusedInodesLo));
        Assert.Equal(0x1E, At(ref extGroupDescriptor, ref extGroupDescriptor.Checksum));

        var extGroupDescriptorHigh = default(ExtGroupDescriptorHigh);
        Assert.Equal(32, Unsafe.SizeOf<ExtGroupDescriptorHigh>());
        Assert.Equal(0x20, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.BlockBitmapHi));
        Assert.Equal(0x24, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.InodeBitmapHi));
        Assert.Equal(0x28, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.InodeTableHi));
        Assert.Equal(0x2C, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.FreeClustersHi));
        Assert.Equal(0x2E, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.FreeInodesHi));
        Assert.Equal(0x30, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.UsedDirsHi));
        Assert.Equal(0x32, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.UnusedInodesHi));
        Assert.Equal(0x34, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.ExcludeBitmapHi));
        Assert.Equal(0x38, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.BlockBitmapChecksumHi));
        Assert.Equal(0x3A, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.InodeBitmapChecksumHi));
        Assert.Equal(0x3C, 0x20 + At(ref extGroupDescriptorHigh, ref extGroupDescriptorHigh.Reserved));
    }

    [Fact]
    public void The_inode_has_the_layout_of_the_specification()
    {
        var extInodeRecord = default(ExtInodeRecord);
        Assert.Equal(128, Unsafe.SizeOf<ExtInodeRecord>());
        Assert.Equal(0x00, At(ref extInodeRecord, ref extInodeRecord.Mode));
        Assert.Equal(0x02, At(ref extInodeRecord, ref extInodeRecord.UserLo));
        Assert.Equal(0x04, At(ref extInodeRecord, ref extInodeRecord.SizeLo));
        Assert.Equal(0x08, At(ref extInodeRecord, ref extInodeRecord.AccessTime));
        Assert.Equal(0x0C, At(ref extInodeRecord, ref extInodeRecord.ChangeTime));
        Assert.Equal(0x10, At(ref extInodeRecord, ref extInodeRecord.ModifyTime));
        Assert.Equal(0x14, At(ref extInodeRecord, ref extInodeRecord.DeleteTime));
        Assert.Equal(0x18, At(ref extInodeRecord, ref extInodeRecord.GroupLo));
        Assert.Equal(0x1A, At(ref extInodeRecord, ref extInodeRecord.LinksCount));
        Assert.Equal(0x1C, At(ref extInodeRecord, ref extInodeRecord.BlocksLo));
        Assert.Equal(0x20, At(ref extInodeRecord, ref extInodeRecord.Flags));
        Assert.Equal(0x24, At(ref extInodeRecord, ref extInodeRecord.VersionLo));
        Assert.Equal(0x28, At(ref extInodeRecord, ref extInodeRecord.Block));
        Assert.Equal(0x64, At(ref extInodeRecord, ref extInodeRecord.Generation));
        Assert.Equal(0x68, At(ref extInodeRecord, ref extInodeRecord.FileAclLo));
        Assert.Equal(0x6C, At(ref extInodeRecord, ref extInodeRecord.SizeHigh));
        Assert.Equal(0x70, At(ref extInodeRecord, ref extInodeRecord.FragmentAddress));
        Assert.Equal(0x74, At(ref extInodeRecord, ref extInodeRecord.BlocksHigh));
        Assert.Equal(0x76, At(ref extInodeRecord, ref extInodeRecord.FileAclHigh));
        Assert.Equal(0x78, At(ref extInodeRecord, ref extInodeRecord.UserHigh));
        Assert.Equal(0x7A, At(ref extInodeRecord, ref extInodeRecord.GroupHigh));
        Assert.Equal(0x7C, At(ref extInodeRecord, ref extInodeRecord.ChecksumLo));
        Assert.Equal(0x7E, At(ref extInodeRecord, ref extInodeRecord.Reserved));

        var extInodeExtra = default(ExtInodeExtra);
        Assert.Equal(32, Unsafe.SizeOf<ExtInodeExtra>());
        Assert.Equal(0x80, 0x80 + At(ref extInodeExtra, ref extInodeExtra.ExtraSize));
        Assert.Equal(0x82, 0x80 + At(ref extInodeExtra, ref extInodeExtra.ChecksumHi));
        Assert.Equal(0x84, 0x80 + At(ref extInodeExtra, ref extInodeExtra.ChangeTimeExtra));
        Assert.Equal(0x88, 0x80 + At(ref extInodeExtra, ref extInodeExtra.ModifyTimeExtra));
        Assert.Equal(0x8C, 0x80 + At(ref extInodeExtra, ref extInodeExtra.AccessTimeExtra));
        Assert.Equal(0x90, 0x80 + At(ref extInodeExtra, ref extInodeExtra.CreateTime));
        Assert.Equal(0x94, 0x80 + At(ref extInodeExtra, ref extInodeExtra.CreateTimeExtra));
        Assert.Equal(0x98, 0x80 + At(ref extInodeExtra, ref extInodeExtra.VersionHi));
        Assert.Equal(0x9C, 0x80 + At(ref extInodeExtra, ref extInodeExtra.ProjectId));
    }

    [Fact]
    public void The_extent_tree_has_the_layout_of_the_specification()
    {
        var extExtentHeader = default(ExtExtentHeader);
        Assert.Equal(12, Unsafe.SizeOf<ExtExtentHeader>());
        Assert.Equal(0x00, At(ref extExtentHeader, ref extExtentHeader.Magic));
        Assert.Equal(0x02, At(ref extExtentHeader, ref extExtentHeader.Entries));
        Assert.Equal(0x04, At(ref extExtentHeader, ref extExtentHeader.Max));
        Assert.Equal(0x06, At(ref extExtentHeader, ref extExtentHeader.Depth));
        Assert.Equal(0x08, At(ref extExtentHeader, ref extExtentHeader.Generation));

        var extExtent = default(ExtExtent);
        Assert.Equal(12, Unsafe.SizeOf<ExtExtent>());
        Assert.Equal(0x00, At(ref extExtent, ref extExtent.Block));
        Assert.Equal(0x04, At(ref extExtent, ref extExtent.Length));
        Assert.Equal(0x06, At(ref extExtent, ref extExtent.StartHi));
        Assert.Equal(0x08, At(ref extExtent, ref extExtent.StartLo));

        var extExtentIndex = default(ExtExtentIndex);
        Assert.Equal(12, Unsafe.SizeOf<ExtExtentIndex>());
        Assert.Equal(0x00, At(ref extExtentIndex, ref extExtentIndex.Block));
        Assert.Equal(0x04, At(ref extExtentIndex, ref extExtentIndex.LeafLo));
        Assert.Equal(0x08, At(ref extExtentIndex, ref extExtentIndex.LeafHi));
        Assert.Equal(0x0A, At(ref extExtentIndex, ref extExtentIndex.Unused));
    }

    [Fact]
    public void The_directory_has_the_layout_of_the_specification()
    {
        var extDirectoryEntryHead = default(ExtDirectoryEntryHead);
        Assert.Equal(8, Unsafe.SizeOf<ExtDirectoryEntryHead>());
        Assert.Equal(0x00, At(ref extDirectoryEntryHead, ref extDirectoryEntryHead.Inode));
        Assert.Equal(0x04, At(ref extDirectoryEntryHead, ref extDirectoryEntryHead.RecordLength));
        Assert.Equal(0x06, At(ref extDirectoryEntryHead, ref extDirectoryEntryHead.NameLength));
        Assert.Equal(0x07, At(ref extDirectoryEntryHead, ref extDirectoryEntryHead.FileType));

        var extDirectoryTail = default(ExtDirectoryTail);
        Assert.Equal(12, Unsafe.SizeOf<ExtDirectoryTail>());
        Assert.Equal(0x00, At(ref extDirectoryTail, ref extDirectoryTail.Inode));
        Assert.Equal(0x04, At(ref extDirectoryTail, ref extDirectoryTail.RecordLength));
        Assert.Equal(0x06, At(ref extDirectoryTail, ref extDirectoryTail.NameLength));
        Assert.Equal(0x07, At(ref extDirectoryTail, ref extDirectoryTail.FileType));
        Assert.Equal(0x08, At(ref extDirectoryTail, ref extDirectoryTail.Checksum));

        var extHashRootInfo = default(ExtHashRootInfo);
        Assert.Equal(8, Unsafe.SizeOf<ExtHashRootInfo>());
        Assert.Equal(0x00, At(ref extHashRootInfo, ref extHashRootInfo.Reserved));
        Assert.Equal(0x04, At(ref extHashRootInfo, ref extHashRootInfo.HashVersion));
        Assert.Equal(0x05, At(ref extHashRootInfo, ref extHashRootInfo.InfoLength));
        Assert.Equal(0x06, At(ref extHashRootInfo, ref extHashRootInfo.IndirectLevels));
        Assert.Equal(0x07, At(ref extHashRootInfo, ref extHashRootInfo.UnusedFlags));

        var extHashEntry = default(ExtHashEntry);
        Assert.Equal(8, Unsafe.SizeOf<ExtHashEntry>());
        Assert.Equal(0x00, At(ref extHashEntry, ref extHashEntry.Hash));
        Assert.Equal(0x04, At(ref extHashEntry, ref extHashEntry.Block));

        var extHashTail = default(ExtHashTail);
        Assert.Equal(8, Unsafe.SizeOf<ExtHashTail>());
        Assert.Equal(0x00, At(ref extHashTail, ref extHashTail.Reserved));
        Assert.Equal(0x04, At(ref extHashTail, ref extHashTail.Checksum));

        var extEntryHash = default(ExtEntryHash);
        Assert.Equal(8, Unsafe.SizeOf<ExtEntryHash>());
        Assert.Equal(0x00, At(ref extEntryHash, ref extEntryHash.Hash));
        Assert.Equal(0x04, At(ref extEntryHash, ref extEntryHash.MinorHash));
    }

    [Fact]
    public void What_stands_apart_has_the_layout_of_the_specification()
    {
        var extOrphanTail = default(ExtOrphanTail);
        Assert.Equal(8, Unsafe.SizeOf<ExtOrphanTail>());
        Assert.Equal(0x00, At(ref extOrphanTail, ref extOrphanTail.Magic));
        Assert.Equal(0x04, At(ref extOrphanTail, ref extOrphanTail.Checksum));

        var extMmpBlock = default(ExtMmpBlock);
        Assert.Equal(1024, Unsafe.SizeOf<ExtMmpBlock>());
        Assert.Equal(0x000, At(ref extMmpBlock, ref extMmpBlock.Magic));
        Assert.Equal(0x004, At(ref extMmpBlock, ref extMmpBlock.Sequence));
        Assert.Equal(0x008, At(ref extMmpBlock, ref extMmpBlock.Time));
        Assert.Equal(0x010, At(ref extMmpBlock, ref extMmpBlock.NodeName));
        Assert.Equal(0x050, At(ref extMmpBlock, ref extMmpBlock.DeviceName));
        Assert.Equal(0x070, At(ref extMmpBlock, ref extMmpBlock.CheckInterval));
        Assert.Equal(0x072, At(ref extMmpBlock, ref extMmpBlock.Pad1));
        Assert.Equal(0x074, At(ref extMmpBlock, ref extMmpBlock.Pad2));
        Assert.Equal(0x3FC, At(ref extMmpBlock, ref extMmpBlock.Checksum));
    }

    [Fact]
    public void The_attributes_has_the_layout_of_the_specification()
    {
        var extAttributeHeader = default(ExtAttributeHeader);
        Assert.Equal(32, Unsafe.SizeOf<ExtAttributeHeader>());
        Assert.Equal(0x00, At(ref extAttributeHeader, ref extAttributeHeader.Magic));
        Assert.Equal(0x04, At(ref extAttributeHeader, ref extAttributeHeader.ReferenceCount));
        Assert.Equal(0x08, At(ref extAttributeHeader, ref extAttributeHeader.Blocks));
        Assert.Equal(0x0C, At(ref extAttributeHeader, ref extAttributeHeader.Hash));
        Assert.Equal(0x10, At(ref extAttributeHeader, ref extAttributeHeader.Checksum));
        Assert.Equal(0x14, At(ref extAttributeHeader, ref extAttributeHeader.Reserved1));
        Assert.Equal(0x18, At(ref extAttributeHeader, ref extAttributeHeader.Reserved2));
        Assert.Equal(0x1C, At(ref extAttributeHeader, ref extAttributeHeader.Reserved3));

        var extAttributeEntry = default(ExtAttributeEntry);
        Assert.Equal(16, Unsafe.SizeOf<ExtAttributeEntry>());
        Assert.Equal(0x00, At(ref extAttributeEntry, ref extAttributeEntry.NameLength));
        Assert.Equal(0x01, At(ref extAttributeEntry, ref extAttributeEntry.NameIndex));
        Assert.Equal(0x02, At(ref extAttributeEntry, ref extAttributeEntry.ValueOffset));
        Assert.Equal(0x04, At(ref extAttributeEntry, ref extAttributeEntry.ValueInode));
        Assert.Equal(0x08, At(ref extAttributeEntry, ref extAttributeEntry.ValueSize));
        Assert.Equal(0x0C, At(ref extAttributeEntry, ref extAttributeEntry.Hash));

        var extAclEntry = default(ExtAclEntry);
        Assert.Equal(8, Unsafe.SizeOf<ExtAclEntry>());
        Assert.Equal(0x00, At(ref extAclEntry, ref extAclEntry.Tag));
        Assert.Equal(0x02, At(ref extAclEntry, ref extAclEntry.Permissions));
        Assert.Equal(0x04, At(ref extAclEntry, ref extAclEntry.Id));
    }

    [Fact]
    public void The_journal_has_the_layout_of_the_specification()
    {
        var jbdHeader = default(JbdHeader);
        Assert.Equal(12, Unsafe.SizeOf<JbdHeader>());
        Assert.Equal(0x00, At(ref jbdHeader, ref jbdHeader.Magic));
        Assert.Equal(0x04, At(ref jbdHeader, ref jbdHeader.Type));
        Assert.Equal(0x08, At(ref jbdHeader, ref jbdHeader.Sequence));

        var jbdSuperblock = default(JbdSuperblock);
        Assert.Equal(1024, Unsafe.SizeOf<JbdSuperblock>());
        Assert.Equal(0x000, At(ref jbdSuperblock, ref jbdSuperblock.Header));
        Assert.Equal(0x00C, At(ref jbdSuperblock, ref jbdSuperblock.BlockSize));
        Assert.Equal(0x010, At(ref jbdSuperblock, ref jbdSuperblock.MaxLength));
        Assert.Equal(0x014, At(ref jbdSuperblock, ref jbdSuperblock.First));
        Assert.Equal(0x018, At(ref jbdSuperblock, ref jbdSuperblock.Sequence));
        Assert.Equal(0x01C, At(ref jbdSuperblock, ref jbdSuperblock.Start));
        Assert.Equal(0x020, At(ref jbdSuperblock, ref jbdSuperblock.ErrorNumber));
        Assert.Equal(0x024, At(ref jbdSuperblock, ref jbdSuperblock.Compat));
        Assert.Equal(0x028, At(ref jbdSuperblock, ref jbdSuperblock.Incompat));
        Assert.Equal(0x02C, At(ref jbdSuperblock, ref jbdSuperblock.RoCompat));
        Assert.Equal(0x030, At(ref jbdSuperblock, ref jbdSuperblock.Uuid));
        Assert.Equal(0x040, At(ref jbdSuperblock, ref jbdSuperblock.UserCount));
        Assert.Equal(0x044, At(ref jbdSuperblock, ref jbdSuperblock.DynamicSuper));
        Assert.Equal(0x048, At(ref jbdSuperblock, ref jbdSuperblock.MaxTransaction));
        Assert.Equal(0x04C, At(ref jbdSuperblock, ref jbdSuperblock.MaxTransactionData));
        Assert.Equal(0x050, At(ref jbdSuperblock, ref jbdSuperblock.ChecksumType));
        Assert.Equal(0x051, At(ref jbdSuperblock, ref jbdSuperblock.Padding1));
        Assert.Equal(0x054, At(ref jbdSuperblock, ref jbdSuperblock.FastCommitBlocks));
        Assert.Equal(0x058, At(ref jbdSuperblock, ref jbdSuperblock.Head));
        Assert.Equal(0x05C, At(ref jbdSuperblock, ref jbdSuperblock.Padding2));
        Assert.Equal(0x0FC, At(ref jbdSuperblock, ref jbdSuperblock.Checksum));
        Assert.Equal(0x100, At(ref jbdSuperblock, ref jbdSuperblock.Users));

        var jbdTag = default(JbdTag);
        Assert.Equal(12, Unsafe.SizeOf<JbdTag>());
        Assert.Equal(0x00, At(ref jbdTag, ref jbdTag.Block));
        Assert.Equal(0x04, At(ref jbdTag, ref jbdTag.Checksum));
        Assert.Equal(0x06, At(ref jbdTag, ref jbdTag.Flags));
        Assert.Equal(0x08, At(ref jbdTag, ref jbdTag.BlockHi));

        var jbdTag3 = default(JbdTag3);
        Assert.Equal(16, Unsafe.SizeOf<JbdTag3>());
        Assert.Equal(0x00, At(ref jbdTag3, ref jbdTag3.Block));
        Assert.Equal(0x04, At(ref jbdTag3, ref jbdTag3.Flags));
        Assert.Equal(0x08, At(ref jbdTag3, ref jbdTag3.BlockHi));
        Assert.Equal(0x0C, At(ref jbdTag3, ref jbdTag3.Checksum));

        var jbdRevokeHeader = default(JbdRevokeHeader);
        Assert.Equal(16, Unsafe.SizeOf<JbdRevokeHeader>());
        Assert.Equal(0x00, At(ref jbdRevokeHeader, ref jbdRevokeHeader.Header));
        Assert.Equal(0x0C, At(ref jbdRevokeHeader, ref jbdRevokeHeader.Count));

        var jbdCommit = default(JbdCommit);
        Assert.Equal(60, Unsafe.SizeOf<JbdCommit>());
        Assert.Equal(0x00, At(ref jbdCommit, ref jbdCommit.Header));
        Assert.Equal(0x0C, At(ref jbdCommit, ref jbdCommit.ChecksumType));
        Assert.Equal(0x0D, At(ref jbdCommit, ref jbdCommit.ChecksumSize));
        Assert.Equal(0x0E, At(ref jbdCommit, ref jbdCommit.Padding));
        Assert.Equal(0x10, At(ref jbdCommit, ref jbdCommit.Checksum));
        Assert.Equal(0x14, At(ref jbdCommit, ref jbdCommit.MoreChecksums));
        Assert.Equal(0x30, At(ref jbdCommit, ref jbdCommit.Seconds));
        Assert.Equal(0x38, At(ref jbdCommit, ref jbdCommit.Nanoseconds));

        var jbdFastTag = default(JbdFastTag);
        Assert.Equal(4, Unsafe.SizeOf<JbdFastTag>());
        Assert.Equal(0x00, At(ref jbdFastTag, ref jbdFastTag.Tag));
        Assert.Equal(0x02, At(ref jbdFastTag, ref jbdFastTag.Length));

        var added = default(JbdFastAddRange);
        Assert.Equal(JbdFastAddRange.Size, Unsafe.SizeOf<JbdFastAddRange>());
        Assert.Equal(0x00, At(ref added, ref added.Inode));
        Assert.Equal(0x04, At(ref added, ref added.Extent));

        var deleted = default(JbdFastDeleteRange);
        Assert.Equal(JbdFastDeleteRange.Size, Unsafe.SizeOf<JbdFastDeleteRange>());
        Assert.Equal(0x00, At(ref deleted, ref deleted.Inode));
        Assert.Equal(0x04, At(ref deleted, ref deleted.Block));
        Assert.Equal(0x08, At(ref deleted, ref deleted.Count));

        var name = default(JbdFastName);
        Assert.Equal(JbdFastName.Size, Unsafe.SizeOf<JbdFastName>());
        Assert.Equal(0x00, At(ref name, ref name.Parent));
        Assert.Equal(0x04, At(ref name, ref name.Inode));
    }

    private static int At<TStruct, TField>(ref TStruct structure, ref TField field) =>
        (int)Unsafe.ByteOffset(ref Unsafe.As<TStruct, byte>(ref structure), ref Unsafe.As<TField, byte>(ref field));
}
