using System.Runtime.CompilerServices;
using Platter.FileSystems.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Every structure against the numbers of the documentation.</summary>
public class NtfsLayoutTests
{
    [Fact]
    public void The_boot_sector_has_the_layout_of_the_documentation()
    {
        var ntfsBootSector = default(NtfsBootSector);
        Assert.Equal(512, Unsafe.SizeOf<NtfsBootSector>());
        Assert.Equal(0x000, At(ref ntfsBootSector, ref ntfsBootSector.Jump));
        Assert.Equal(0x003, At(ref ntfsBootSector, ref ntfsBootSector.Oem));
        Assert.Equal(0x00B, At(ref ntfsBootSector, ref ntfsBootSector.BytesPerSector));
        Assert.Equal(0x00D, At(ref ntfsBootSector, ref ntfsBootSector.SectorsPerCluster));
        Assert.Equal(0x00E, At(ref ntfsBootSector, ref ntfsBootSector.ReservedSectors));
        Assert.Equal(0x010, At(ref ntfsBootSector, ref ntfsBootSector.FatCount));
        Assert.Equal(0x011, At(ref ntfsBootSector, ref ntfsBootSector.RootEntries));
        Assert.Equal(0x013, At(ref ntfsBootSector, ref ntfsBootSector.SmallSectors));
        Assert.Equal(0x015, At(ref ntfsBootSector, ref ntfsBootSector.Media));
        Assert.Equal(0x016, At(ref ntfsBootSector, ref ntfsBootSector.SectorsPerFat));
        Assert.Equal(0x018, At(ref ntfsBootSector, ref ntfsBootSector.SectorsPerTrack));
        Assert.Equal(0x01A, At(ref ntfsBootSector, ref ntfsBootSector.Heads));
        Assert.Equal(0x01C, At(ref ntfsBootSector, ref ntfsBootSector.HiddenSectors));
        Assert.Equal(0x020, At(ref ntfsBootSector, ref ntfsBootSector.LargeSectors));
        Assert.Equal(0x024, At(ref ntfsBootSector, ref ntfsBootSector.DriveNumber));
        Assert.Equal(0x025, At(ref ntfsBootSector, ref ntfsBootSector.CurrentHead));
        Assert.Equal(0x026, At(ref ntfsBootSector, ref ntfsBootSector.ExtendedSignature));
        Assert.Equal(0x027, At(ref ntfsBootSector, ref ntfsBootSector.Reserved));
        Assert.Equal(0x028, At(ref ntfsBootSector, ref ntfsBootSector.TotalSectors));
        Assert.Equal(0x030, At(ref ntfsBootSector, ref ntfsBootSector.MftCluster));
        Assert.Equal(0x038, At(ref ntfsBootSector, ref ntfsBootSector.MftMirrorCluster));
        Assert.Equal(0x040, At(ref ntfsBootSector, ref ntfsBootSector.ClustersPerRecord));
        Assert.Equal(0x041, At(ref ntfsBootSector, ref ntfsBootSector.Reserved1));
        Assert.Equal(0x044, At(ref ntfsBootSector, ref ntfsBootSector.ClustersPerIndexBlock));
        Assert.Equal(0x045, At(ref ntfsBootSector, ref ntfsBootSector.Reserved2));
        Assert.Equal(0x048, At(ref ntfsBootSector, ref ntfsBootSector.SerialNumber));
        Assert.Equal(0x050, At(ref ntfsBootSector, ref ntfsBootSector.Checksum));
        Assert.Equal(0x054, At(ref ntfsBootSector, ref ntfsBootSector.BootCode));
        Assert.Equal(0x1FE, At(ref ntfsBootSector, ref ntfsBootSector.Signature));
    }

    [Fact]
    public void The_record_has_the_layout_of_the_documentation()
    {
        var ntfsProtectedHeader = default(NtfsProtectedHeader);
        Assert.Equal(8, Unsafe.SizeOf<NtfsProtectedHeader>());
        Assert.Equal(0x00, At(ref ntfsProtectedHeader, ref ntfsProtectedHeader.Magic));
        Assert.Equal(0x04, At(ref ntfsProtectedHeader, ref ntfsProtectedHeader.UpdateSequenceOffset));
        Assert.Equal(0x06, At(ref ntfsProtectedHeader, ref ntfsProtectedHeader.UpdateSequenceCount));

        var ntfsRecordHeader = default(NtfsRecordHeader);
        Assert.Equal(48, Unsafe.SizeOf<NtfsRecordHeader>());
        Assert.Equal(0x00, At(ref ntfsRecordHeader, ref ntfsRecordHeader.Protection));
        Assert.Equal(0x08, At(ref ntfsRecordHeader, ref ntfsRecordHeader.LogSequenceNumber));
        Assert.Equal(0x10, At(ref ntfsRecordHeader, ref ntfsRecordHeader.SequenceNumber));
        Assert.Equal(0x12, At(ref ntfsRecordHeader, ref ntfsRecordHeader.LinkCount));
        Assert.Equal(0x14, At(ref ntfsRecordHeader, ref ntfsRecordHeader.AttributesOffset));
        Assert.Equal(0x16, At(ref ntfsRecordHeader, ref ntfsRecordHeader.Flags));
        Assert.Equal(0x18, At(ref ntfsRecordHeader, ref ntfsRecordHeader.BytesInUse));
        Assert.Equal(0x1C, At(ref ntfsRecordHeader, ref ntfsRecordHeader.BytesAllocated));
        Assert.Equal(0x20, At(ref ntfsRecordHeader, ref ntfsRecordHeader.BaseRecord));
        Assert.Equal(0x28, At(ref ntfsRecordHeader, ref ntfsRecordHeader.NextInstance));
        Assert.Equal(0x2A, At(ref ntfsRecordHeader, ref ntfsRecordHeader.Reserved));
        Assert.Equal(0x2C, At(ref ntfsRecordHeader, ref ntfsRecordHeader.RecordNumber));
    }

    [Fact]
    public void The_attribute_head_has_the_layout_of_the_documentation()
    {
        var ntfsAttributeHeader = default(NtfsAttributeHeader);
        Assert.Equal(16, Unsafe.SizeOf<NtfsAttributeHeader>());
        Assert.Equal(0x00, At(ref ntfsAttributeHeader, ref ntfsAttributeHeader.TypeRaw));
        Assert.Equal(0x04, At(ref ntfsAttributeHeader, ref ntfsAttributeHeader.Length));
        Assert.Equal(0x08, At(ref ntfsAttributeHeader, ref ntfsAttributeHeader.NonResident));
        Assert.Equal(0x09, At(ref ntfsAttributeHeader, ref ntfsAttributeHeader.NameLength));
        Assert.Equal(0x0A, At(ref ntfsAttributeHeader, ref ntfsAttributeHeader.NameOffset));
        Assert.Equal(0x0C, At(ref ntfsAttributeHeader, ref ntfsAttributeHeader.Flags));
        Assert.Equal(0x0E, At(ref ntfsAttributeHeader, ref ntfsAttributeHeader.Instance));

        var ntfsResidentHeader = default(NtfsResidentHeader);
        Assert.Equal(24, Unsafe.SizeOf<NtfsResidentHeader>());
        Assert.Equal(0x00, At(ref ntfsResidentHeader, ref ntfsResidentHeader.Common));
        Assert.Equal(0x10, At(ref ntfsResidentHeader, ref ntfsResidentHeader.ValueLength));
        Assert.Equal(0x14, At(ref ntfsResidentHeader, ref ntfsResidentHeader.ValueOffset));
        Assert.Equal(0x16, At(ref ntfsResidentHeader, ref ntfsResidentHeader.ResidentFlags));
        Assert.Equal(0x17, At(ref ntfsResidentHeader, ref ntfsResidentHeader.Reserved));

        var ntfsNonResidentHeader = default(NtfsNonResidentHeader);
        Assert.Equal(64, Unsafe.SizeOf<NtfsNonResidentHeader>());
        Assert.Equal(0x00, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.Common));
        Assert.Equal(0x10, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.LowestVcn));
        Assert.Equal(0x18, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.HighestVcn));
        Assert.Equal(0x20, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.RunListOffset));
        Assert.Equal(0x22, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.CompressionUnit));
        Assert.Equal(0x23, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.Reserved));
        Assert.Equal(0x28, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.AllocatedSize));
        Assert.Equal(0x30, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.DataSize));
        Assert.Equal(0x38, At(ref ntfsNonResidentHeader, ref ntfsNonResidentHeader.InitializedSize));

        var ntfsCompressedSize = default(NtfsCompressedSize);
        Assert.Equal(8, Unsafe.SizeOf<NtfsCompressedSize>());
        Assert.Equal(0x40, 0x40 + At(ref ntfsCompressedSize, ref ntfsCompressedSize.TotalAllocated));

        var ntfsAttributeListEntry = default(NtfsAttributeListEntry);
        Assert.Equal(26, Unsafe.SizeOf<NtfsAttributeListEntry>());
        Assert.Equal(0x00, At(ref ntfsAttributeListEntry, ref ntfsAttributeListEntry.TypeRaw));
        Assert.Equal(0x04, At(ref ntfsAttributeListEntry, ref ntfsAttributeListEntry.Length));
        Assert.Equal(0x06, At(ref ntfsAttributeListEntry, ref ntfsAttributeListEntry.NameLength));
        Assert.Equal(0x07, At(ref ntfsAttributeListEntry, ref ntfsAttributeListEntry.NameOffset));
        Assert.Equal(0x08, At(ref ntfsAttributeListEntry, ref ntfsAttributeListEntry.LowestVcn));
        Assert.Equal(0x10, At(ref ntfsAttributeListEntry, ref ntfsAttributeListEntry.Record));
        Assert.Equal(0x18, At(ref ntfsAttributeListEntry, ref ntfsAttributeListEntry.Instance));
    }

    [Fact]
    public void The_attribute_value_has_the_layout_of_the_documentation()
    {
        var ntfsStandardInformation = default(NtfsStandardInformation);
        Assert.Equal(48, Unsafe.SizeOf<NtfsStandardInformation>());
        Assert.Equal(0x00, At(ref ntfsStandardInformation, ref ntfsStandardInformation.Created));
        Assert.Equal(0x08, At(ref ntfsStandardInformation, ref ntfsStandardInformation.Modified));
        Assert.Equal(0x10, At(ref ntfsStandardInformation, ref ntfsStandardInformation.Changed));
        Assert.Equal(0x18, At(ref ntfsStandardInformation, ref ntfsStandardInformation.Accessed));
        Assert.Equal(0x20, At(ref ntfsStandardInformation, ref ntfsStandardInformation.Attributes));
        Assert.Equal(0x24, At(ref ntfsStandardInformation, ref ntfsStandardInformation.MaximumVersions));
        Assert.Equal(0x28, At(ref ntfsStandardInformation, ref ntfsStandardInformation.Flags));
        Assert.Equal(0x2C, At(ref ntfsStandardInformation, ref ntfsStandardInformation.ClassId));

        var ntfsStandardInformation3 = default(NtfsStandardInformation3);
        Assert.Equal(24, Unsafe.SizeOf<NtfsStandardInformation3>());
        Assert.Equal(0x30, 0x30 + At(ref ntfsStandardInformation3, ref ntfsStandardInformation3.OwnerId));
        Assert.Equal(0x34, 0x30 + At(ref ntfsStandardInformation3, ref ntfsStandardInformation3.SecurityId));
        Assert.Equal(0x38, 0x30 + At(ref ntfsStandardInformation3, ref ntfsStandardInformation3.QuotaCharged));
        Assert.Equal(0x40, 0x30 + At(ref ntfsStandardInformation3, ref ntfsStandardInformation3.UpdateSequenceNumber));

        var ntfsFileName = default(NtfsFileName);
        Assert.Equal(66, Unsafe.SizeOf<NtfsFileName>());
        Assert.Equal(0x00, At(ref ntfsFileName, ref ntfsFileName.Parent));
        Assert.Equal(0x08, At(ref ntfsFileName, ref ntfsFileName.Created));
        Assert.Equal(0x10, At(ref ntfsFileName, ref ntfsFileName.Modified));
        Assert.Equal(0x18, At(ref ntfsFileName, ref ntfsFileName.Changed));
        Assert.Equal(0x20, At(ref ntfsFileName, ref ntfsFileName.Accessed));
        Assert.Equal(0x28, At(ref ntfsFileName, ref ntfsFileName.AllocatedSize));
        Assert.Equal(0x30, At(ref ntfsFileName, ref ntfsFileName.DataSize));
        Assert.Equal(0x38, At(ref ntfsFileName, ref ntfsFileName.Attributes));
        Assert.Equal(0x3C, At(ref ntfsFileName, ref ntfsFileName.ReparseTagOrEaSize));
        Assert.Equal(0x40, At(ref ntfsFileName, ref ntfsFileName.NameLength));
        Assert.Equal(0x41, At(ref ntfsFileName, ref ntfsFileName.Namespace));

        var ntfsUpcaseInformation = default(NtfsUpcaseInformation);
        Assert.Equal(32, Unsafe.SizeOf<NtfsUpcaseInformation>());
        Assert.Equal(0x00, At(ref ntfsUpcaseInformation, ref ntfsUpcaseInformation.Length));
        Assert.Equal(0x04, At(ref ntfsUpcaseInformation, ref ntfsUpcaseInformation.Reserved));
        Assert.Equal(0x08, At(ref ntfsUpcaseInformation, ref ntfsUpcaseInformation.Checksum));
        Assert.Equal(0x10, At(ref ntfsUpcaseInformation, ref ntfsUpcaseInformation.MajorVersion));
        Assert.Equal(0x14, At(ref ntfsUpcaseInformation, ref ntfsUpcaseInformation.MinorVersion));
        Assert.Equal(0x18, At(ref ntfsUpcaseInformation, ref ntfsUpcaseInformation.Build));
        Assert.Equal(0x1C, At(ref ntfsUpcaseInformation, ref ntfsUpcaseInformation.ServicePackMajor));
        Assert.Equal(0x1E, At(ref ntfsUpcaseInformation, ref ntfsUpcaseInformation.ServicePackMinor));

        var ntfsVolumeInformation = default(NtfsVolumeInformation);
        Assert.Equal(12, Unsafe.SizeOf<NtfsVolumeInformation>());
        Assert.Equal(0x00, At(ref ntfsVolumeInformation, ref ntfsVolumeInformation.Reserved));
        Assert.Equal(0x08, At(ref ntfsVolumeInformation, ref ntfsVolumeInformation.MajorVersion));
        Assert.Equal(0x09, At(ref ntfsVolumeInformation, ref ntfsVolumeInformation.MinorVersion));
        Assert.Equal(0x0A, At(ref ntfsVolumeInformation, ref ntfsVolumeInformation.Flags));

        var ntfsObjectId = default(NtfsObjectId);
        Assert.Equal(16, Unsafe.SizeOf<NtfsObjectId>());
        Assert.Equal(0x00, At(ref ntfsObjectId, ref ntfsObjectId.Id));

        var ntfsObjectBirth = default(NtfsObjectBirth);
        Assert.Equal(48, Unsafe.SizeOf<NtfsObjectBirth>());
        Assert.Equal(0x00, At(ref ntfsObjectBirth, ref ntfsObjectBirth.VolumeId));
        Assert.Equal(0x10, At(ref ntfsObjectBirth, ref ntfsObjectBirth.ObjectId));
        Assert.Equal(0x20, At(ref ntfsObjectBirth, ref ntfsObjectBirth.DomainId));

        var ntfsEaInformation = default(NtfsEaInformation);
        Assert.Equal(8, Unsafe.SizeOf<NtfsEaInformation>());
        Assert.Equal(0x00, At(ref ntfsEaInformation, ref ntfsEaInformation.PackedLength));
        Assert.Equal(0x02, At(ref ntfsEaInformation, ref ntfsEaInformation.NeedCount));
        Assert.Equal(0x04, At(ref ntfsEaInformation, ref ntfsEaInformation.QueryLength));

        var ntfsEaEntry = default(NtfsEaEntry);
        Assert.Equal(8, Unsafe.SizeOf<NtfsEaEntry>());
        Assert.Equal(0x00, At(ref ntfsEaEntry, ref ntfsEaEntry.NextOffset));
        Assert.Equal(0x04, At(ref ntfsEaEntry, ref ntfsEaEntry.Flags));
        Assert.Equal(0x05, At(ref ntfsEaEntry, ref ntfsEaEntry.NameLength));
        Assert.Equal(0x06, At(ref ntfsEaEntry, ref ntfsEaEntry.ValueLength));

        var ntfsAttributeDefinition = default(NtfsAttributeDefinition);
        Assert.Equal(160, Unsafe.SizeOf<NtfsAttributeDefinition>());
        Assert.Equal(0x00, At(ref ntfsAttributeDefinition, ref ntfsAttributeDefinition.Name));
        Assert.Equal(0x80, At(ref ntfsAttributeDefinition, ref ntfsAttributeDefinition.Type));
        Assert.Equal(0x84, At(ref ntfsAttributeDefinition, ref ntfsAttributeDefinition.DisplayRule));
        Assert.Equal(0x88, At(ref ntfsAttributeDefinition, ref ntfsAttributeDefinition.Collation));
        Assert.Equal(0x8C, At(ref ntfsAttributeDefinition, ref ntfsAttributeDefinition.Flags));
        Assert.Equal(0x90, At(ref ntfsAttributeDefinition, ref ntfsAttributeDefinition.MinSize));
        Assert.Equal(0x98, At(ref ntfsAttributeDefinition, ref ntfsAttributeDefinition.MaxSize));
    }

    [Fact]
    public void The_index_has_the_layout_of_the_documentation()
    {
        var ntfsIndexRoot = default(NtfsIndexRoot);
        Assert.Equal(16, Unsafe.SizeOf<NtfsIndexRoot>());
        Assert.Equal(0x00, At(ref ntfsIndexRoot, ref ntfsIndexRoot.AttributeType));
        Assert.Equal(0x04, At(ref ntfsIndexRoot, ref ntfsIndexRoot.Collation));
        Assert.Equal(0x08, At(ref ntfsIndexRoot, ref ntfsIndexRoot.BlockSize));
        Assert.Equal(0x0C, At(ref ntfsIndexRoot, ref ntfsIndexRoot.ClustersPerBlock));
        Assert.Equal(0x0D, At(ref ntfsIndexRoot, ref ntfsIndexRoot.Reserved));

        var ntfsIndexHeader = default(NtfsIndexHeader);
        Assert.Equal(16, Unsafe.SizeOf<NtfsIndexHeader>());
        Assert.Equal(0x00, At(ref ntfsIndexHeader, ref ntfsIndexHeader.EntriesOffset));
        Assert.Equal(0x04, At(ref ntfsIndexHeader, ref ntfsIndexHeader.IndexLength));
        Assert.Equal(0x08, At(ref ntfsIndexHeader, ref ntfsIndexHeader.AllocatedSize));
        Assert.Equal(0x0C, At(ref ntfsIndexHeader, ref ntfsIndexHeader.Flags));
        Assert.Equal(0x0D, At(ref ntfsIndexHeader, ref ntfsIndexHeader.Reserved));

        var ntfsIndexBlock = default(NtfsIndexBlock);
        Assert.Equal(40, Unsafe.SizeOf<NtfsIndexBlock>());
        Assert.Equal(0x00, At(ref ntfsIndexBlock, ref ntfsIndexBlock.Protection));
        Assert.Equal(0x08, At(ref ntfsIndexBlock, ref ntfsIndexBlock.LogSequenceNumber));
        Assert.Equal(0x10, At(ref ntfsIndexBlock, ref ntfsIndexBlock.Vcn));
        Assert.Equal(0x18, At(ref ntfsIndexBlock, ref ntfsIndexBlock.Index));

        var ntfsIndexEntry = default(NtfsIndexEntry);
        Assert.Equal(16, Unsafe.SizeOf<NtfsIndexEntry>());
        Assert.Equal(0x00, At(ref ntfsIndexEntry, ref ntfsIndexEntry.File));
        Assert.Equal(0x08, At(ref ntfsIndexEntry, ref ntfsIndexEntry.Length));
        Assert.Equal(0x0A, At(ref ntfsIndexEntry, ref ntfsIndexEntry.KeyLength));
        Assert.Equal(0x0C, At(ref ntfsIndexEntry, ref ntfsIndexEntry.Flags));
        Assert.Equal(0x0E, At(ref ntfsIndexEntry, ref ntfsIndexEntry.Reserved));

        var ntfsViewEntry = default(NtfsViewEntry);
        Assert.Equal(8, Unsafe.SizeOf<NtfsViewEntry>());
        Assert.Equal(0x00, At(ref ntfsViewEntry, ref ntfsViewEntry.DataOffset));
        Assert.Equal(0x02, At(ref ntfsViewEntry, ref ntfsViewEntry.DataLength));
        Assert.Equal(0x04, At(ref ntfsViewEntry, ref ntfsViewEntry.Reserved));

        var ntfsReparseKey = default(NtfsReparseKey);
        Assert.Equal(12, Unsafe.SizeOf<NtfsReparseKey>());
        Assert.Equal(0x00, At(ref ntfsReparseKey, ref ntfsReparseKey.Tag));
        Assert.Equal(0x04, At(ref ntfsReparseKey, ref ntfsReparseKey.File));

        var ntfsObjectIdData = default(NtfsObjectIdData);
        Assert.Equal(56, Unsafe.SizeOf<NtfsObjectIdData>());
        Assert.Equal(0x00, At(ref ntfsObjectIdData, ref ntfsObjectIdData.File));
        Assert.Equal(0x08, At(ref ntfsObjectIdData, ref ntfsObjectIdData.Birth));

        var ntfsQuotaData = default(NtfsQuotaData);
        Assert.Equal(48, Unsafe.SizeOf<NtfsQuotaData>());
        Assert.Equal(0x00, At(ref ntfsQuotaData, ref ntfsQuotaData.Version));
        Assert.Equal(0x04, At(ref ntfsQuotaData, ref ntfsQuotaData.Flags));
        Assert.Equal(0x08, At(ref ntfsQuotaData, ref ntfsQuotaData.BytesUsed));
        Assert.Equal(0x10, At(ref ntfsQuotaData, ref ntfsQuotaData.ChangeTime));
        Assert.Equal(0x18, At(ref ntfsQuotaData, ref ntfsQuotaData.Threshold));
        Assert.Equal(0x20, At(ref ntfsQuotaData, ref ntfsQuotaData.Limit));
        Assert.Equal(0x28, At(ref ntfsQuotaData, ref ntfsQuotaData.ExceededTime));
    }

    [Fact]
    public void The_security_descriptor_has_the_layout_of_the_documentation()
    {
        var ntfsSecurityEntry = default(NtfsSecurityEntry);
        Assert.Equal(20, Unsafe.SizeOf<NtfsSecurityEntry>());
        Assert.Equal(0x00, At(ref ntfsSecurityEntry, ref ntfsSecurityEntry.Hash));
        Assert.Equal(0x04, At(ref ntfsSecurityEntry, ref ntfsSecurityEntry.Id));
        Assert.Equal(0x08, At(ref ntfsSecurityEntry, ref ntfsSecurityEntry.Offset));
        Assert.Equal(0x10, At(ref ntfsSecurityEntry, ref ntfsSecurityEntry.Length));

        var ntfsSecurityHashKey = default(NtfsSecurityHashKey);
        Assert.Equal(8, Unsafe.SizeOf<NtfsSecurityHashKey>());
        Assert.Equal(0x00, At(ref ntfsSecurityHashKey, ref ntfsSecurityHashKey.Hash));
        Assert.Equal(0x04, At(ref ntfsSecurityHashKey, ref ntfsSecurityHashKey.Id));

        var ntfsSecurityDescriptor = default(NtfsSecurityDescriptor);
        Assert.Equal(20, Unsafe.SizeOf<NtfsSecurityDescriptor>());
        Assert.Equal(0x00, At(ref ntfsSecurityDescriptor, ref ntfsSecurityDescriptor.Revision));
        Assert.Equal(0x01, At(ref ntfsSecurityDescriptor, ref ntfsSecurityDescriptor.ResourceManager));
        Assert.Equal(0x02, At(ref ntfsSecurityDescriptor, ref ntfsSecurityDescriptor.Control));
        Assert.Equal(0x04, At(ref ntfsSecurityDescriptor, ref ntfsSecurityDescriptor.OwnerOffset));
        Assert.Equal(0x08, At(ref ntfsSecurityDescriptor, ref ntfsSecurityDescriptor.GroupOffset));
        Assert.Equal(0x0C, At(ref ntfsSecurityDescriptor, ref ntfsSecurityDescriptor.SystemAclOffset));
        Assert.Equal(0x10, At(ref ntfsSecurityDescriptor, ref ntfsSecurityDescriptor.AclOffset));

        var ntfsAcl = default(NtfsAcl);
        Assert.Equal(8, Unsafe.SizeOf<NtfsAcl>());
        Assert.Equal(0x00, At(ref ntfsAcl, ref ntfsAcl.Revision));
        Assert.Equal(0x01, At(ref ntfsAcl, ref ntfsAcl.Reserved));
        Assert.Equal(0x02, At(ref ntfsAcl, ref ntfsAcl.Length));
        Assert.Equal(0x04, At(ref ntfsAcl, ref ntfsAcl.Count));
        Assert.Equal(0x06, At(ref ntfsAcl, ref ntfsAcl.Reserved2));

        var ntfsAce = default(NtfsAce);
        Assert.Equal(8, Unsafe.SizeOf<NtfsAce>());
        Assert.Equal(0x00, At(ref ntfsAce, ref ntfsAce.Type));
        Assert.Equal(0x01, At(ref ntfsAce, ref ntfsAce.Flags));
        Assert.Equal(0x02, At(ref ntfsAce, ref ntfsAce.Length));
        Assert.Equal(0x04, At(ref ntfsAce, ref ntfsAce.Mask));

        var ntfsSid = default(NtfsSid);
        Assert.Equal(8, Unsafe.SizeOf<NtfsSid>());
        Assert.Equal(0x00, At(ref ntfsSid, ref ntfsSid.Revision));
        Assert.Equal(0x01, At(ref ntfsSid, ref ntfsSid.SubAuthorityCount));
        Assert.Equal(0x02, At(ref ntfsSid, ref ntfsSid.Authority));
    }

    [Fact]
    public void The_reparse_point_has_the_layout_of_the_documentation()
    {
        var ntfsReparseHeader = default(NtfsReparseHeader);
        Assert.Equal(8, Unsafe.SizeOf<NtfsReparseHeader>());
        Assert.Equal(0x00, At(ref ntfsReparseHeader, ref ntfsReparseHeader.Tag));
        Assert.Equal(0x04, At(ref ntfsReparseHeader, ref ntfsReparseHeader.DataLength));
        Assert.Equal(0x06, At(ref ntfsReparseHeader, ref ntfsReparseHeader.Reserved));

        var ntfsMountPoint = default(NtfsMountPoint);
        Assert.Equal(8, Unsafe.SizeOf<NtfsMountPoint>());
        Assert.Equal(0x00, At(ref ntfsMountPoint, ref ntfsMountPoint.SubstituteOffset));
        Assert.Equal(0x02, At(ref ntfsMountPoint, ref ntfsMountPoint.SubstituteLength));
        Assert.Equal(0x04, At(ref ntfsMountPoint, ref ntfsMountPoint.PrintOffset));
        Assert.Equal(0x06, At(ref ntfsMountPoint, ref ntfsMountPoint.PrintLength));

        var ntfsSymbolicLink = default(NtfsSymbolicLink);
        Assert.Equal(12, Unsafe.SizeOf<NtfsSymbolicLink>());
        Assert.Equal(0x00, At(ref ntfsSymbolicLink, ref ntfsSymbolicLink.Names));
        Assert.Equal(0x08, At(ref ntfsSymbolicLink, ref ntfsSymbolicLink.Flags));

        var ntfsLxSymbolicLink = default(NtfsLxSymbolicLink);
        Assert.Equal(4, Unsafe.SizeOf<NtfsLxSymbolicLink>());
        Assert.Equal(0x00, At(ref ntfsLxSymbolicLink, ref ntfsLxSymbolicLink.Version));

        var ntfsWof = default(NtfsWof);
        Assert.Equal(16, Unsafe.SizeOf<NtfsWof>());
        Assert.Equal(0x00, At(ref ntfsWof, ref ntfsWof.Version));
        Assert.Equal(0x04, At(ref ntfsWof, ref ntfsWof.Provider));
        Assert.Equal(0x08, At(ref ntfsWof, ref ntfsWof.ProviderVersion));
        Assert.Equal(0x0C, At(ref ntfsWof, ref ntfsWof.Algorithm));
    }

    [Fact]
    public void The_log_has_the_layout_of_the_documentation()
    {
        var ntfsRestartPage = default(NtfsRestartPage);
        Assert.Equal(30, Unsafe.SizeOf<NtfsRestartPage>());
        Assert.Equal(0x00, At(ref ntfsRestartPage, ref ntfsRestartPage.Protection));
        Assert.Equal(0x08, At(ref ntfsRestartPage, ref ntfsRestartPage.ChkdskLsn));
        Assert.Equal(0x10, At(ref ntfsRestartPage, ref ntfsRestartPage.SystemPageSize));
        Assert.Equal(0x14, At(ref ntfsRestartPage, ref ntfsRestartPage.LogPageSize));
        Assert.Equal(0x18, At(ref ntfsRestartPage, ref ntfsRestartPage.RestartAreaOffset));
        Assert.Equal(0x1A, At(ref ntfsRestartPage, ref ntfsRestartPage.MinorVersion));
        Assert.Equal(0x1C, At(ref ntfsRestartPage, ref ntfsRestartPage.MajorVersion));

        var ntfsRestartArea = default(NtfsRestartArea);
        Assert.Equal(48, Unsafe.SizeOf<NtfsRestartArea>());
        Assert.Equal(0x00, At(ref ntfsRestartArea, ref ntfsRestartArea.CurrentLsn));
        Assert.Equal(0x08, At(ref ntfsRestartArea, ref ntfsRestartArea.ClientCount));
        Assert.Equal(0x0A, At(ref ntfsRestartArea, ref ntfsRestartArea.FreeClients));
        Assert.Equal(0x0C, At(ref ntfsRestartArea, ref ntfsRestartArea.UsedClients));
        Assert.Equal(0x0E, At(ref ntfsRestartArea, ref ntfsRestartArea.Flags));
        Assert.Equal(0x10, At(ref ntfsRestartArea, ref ntfsRestartArea.SequenceNumberBits));
        Assert.Equal(0x14, At(ref ntfsRestartArea, ref ntfsRestartArea.AreaLength));
        Assert.Equal(0x16, At(ref ntfsRestartArea, ref ntfsRestartArea.ClientsOffset));
        Assert.Equal(0x18, At(ref ntfsRestartArea, ref ntfsRestartArea.FileSize));
        Assert.Equal(0x20, At(ref ntfsRestartArea, ref ntfsRestartArea.LastLsnDataLength));
        Assert.Equal(0x24, At(ref ntfsRestartArea, ref ntfsRestartArea.RecordHeaderLength));
        Assert.Equal(0x26, At(ref ntfsRestartArea, ref ntfsRestartArea.PageDataOffset));
        Assert.Equal(0x28, At(ref ntfsRestartArea, ref ntfsRestartArea.OpenCount));
        Assert.Equal(0x2C, At(ref ntfsRestartArea, ref ntfsRestartArea.Reserved));

        var ntfsLogClient = default(NtfsLogClient);
        Assert.Equal(160, Unsafe.SizeOf<NtfsLogClient>());
        Assert.Equal(0x00, At(ref ntfsLogClient, ref ntfsLogClient.OldestLsn));
        Assert.Equal(0x08, At(ref ntfsLogClient, ref ntfsLogClient.RestartLsn));
        Assert.Equal(0x10, At(ref ntfsLogClient, ref ntfsLogClient.Previous));
        Assert.Equal(0x12, At(ref ntfsLogClient, ref ntfsLogClient.Next));
        Assert.Equal(0x14, At(ref ntfsLogClient, ref ntfsLogClient.SequenceNumber));
        Assert.Equal(0x16, At(ref ntfsLogClient, ref ntfsLogClient.Reserved));
        Assert.Equal(0x1C, At(ref ntfsLogClient, ref ntfsLogClient.NameLength));
        Assert.Equal(0x20, At(ref ntfsLogClient, ref ntfsLogClient.Name));

        var ntfsLogPage = default(NtfsLogPage);
        Assert.Equal(40, Unsafe.SizeOf<NtfsLogPage>());
        Assert.Equal(0x00, At(ref ntfsLogPage, ref ntfsLogPage.Protection));
        Assert.Equal(0x08, At(ref ntfsLogPage, ref ntfsLogPage.LastLsn));
        Assert.Equal(0x10, At(ref ntfsLogPage, ref ntfsLogPage.Flags));
        Assert.Equal(0x14, At(ref ntfsLogPage, ref ntfsLogPage.PageCount));
        Assert.Equal(0x16, At(ref ntfsLogPage, ref ntfsLogPage.PagePosition));
        Assert.Equal(0x18, At(ref ntfsLogPage, ref ntfsLogPage.NextRecordOffset));
        Assert.Equal(0x1A, At(ref ntfsLogPage, ref ntfsLogPage.Reserved));
        Assert.Equal(0x20, At(ref ntfsLogPage, ref ntfsLogPage.LastEndLsn));
    }

    [Fact]
    public void The_keys_of_encrypted_files_have_the_layout_of_the_documentation()
    {
        var head = default(NtfsEfsHead);
        Assert.Equal(72, Unsafe.SizeOf<NtfsEfsHead>());
        Assert.Equal(0x00, At(ref head, ref head.Length));
        Assert.Equal(0x04, At(ref head, ref head.Reserved));
        Assert.Equal(0x08, At(ref head, ref head.Version));
        Assert.Equal(0x0C, At(ref head, ref head.Reserved2));
        Assert.Equal(0x10, At(ref head, ref head.IdLow));
        Assert.Equal(0x18, At(ref head, ref head.IdHigh));
        Assert.Equal(0x20, At(ref head, ref head.HashLow));
        Assert.Equal(0x28, At(ref head, ref head.HashHigh));
        Assert.Equal(0x30, At(ref head, ref head.Reserved3));
        Assert.Equal(0x38, At(ref head, ref head.Reserved4));
        Assert.Equal(0x40, At(ref head, ref head.UsersOffset));
        Assert.Equal(0x44, At(ref head, ref head.AgentsOffset));

        var entry = default(NtfsEfsEntryHead);
        Assert.Equal(20, Unsafe.SizeOf<NtfsEfsEntryHead>());
        Assert.Equal(0x00, At(ref entry, ref entry.Length));
        Assert.Equal(0x04, At(ref entry, ref entry.PublicKeyOffset));
        Assert.Equal(0x08, At(ref entry, ref entry.KeyLength));
        Assert.Equal(0x0C, At(ref entry, ref entry.KeyOffset));
        Assert.Equal(0x10, At(ref entry, ref entry.Flags));

        var owner = default(NtfsEfsPublicKey);
        Assert.Equal(28, Unsafe.SizeOf<NtfsEfsPublicKey>());
        Assert.Equal(0x00, At(ref owner, ref owner.Length));
        Assert.Equal(0x04, At(ref owner, ref owner.OwnerOffset));
        Assert.Equal(0x08, At(ref owner, ref owner.Type));
        Assert.Equal(0x0C, At(ref owner, ref owner.CertificateLength));
        Assert.Equal(0x10, At(ref owner, ref owner.CertificateOffset));
        Assert.Equal(0x14, At(ref owner, ref owner.Reserved));

        var certificate = default(NtfsEfsCertificate);
        Assert.Equal(20, Unsafe.SizeOf<NtfsEfsCertificate>());
        Assert.Equal(0x00, At(ref certificate, ref certificate.ThumbprintOffset));
        Assert.Equal(0x04, At(ref certificate, ref certificate.ThumbprintLength));
        Assert.Equal(0x08, At(ref certificate, ref certificate.ContainerNameOffset));
        Assert.Equal(0x0C, At(ref certificate, ref certificate.ProviderNameOffset));
        Assert.Equal(0x10, At(ref certificate, ref certificate.DisplayNameOffset));

        var key = default(NtfsFileKeyHead);
        Assert.Equal(16, Unsafe.SizeOf<NtfsFileKeyHead>());
        Assert.Equal(0x00, At(ref key, ref key.KeyLength));
        Assert.Equal(0x04, At(ref key, ref key.Entropy));
        Assert.Equal(0x08, At(ref key, ref key.AlgorithmRaw));
        Assert.Equal(0x0C, At(ref key, ref key.Reserved));
    }

    private static int At<TStruct, TField>(ref TStruct structure, ref TField field) =>
        (int)Unsafe.ByteOffset(ref Unsafe.As<TStruct, byte>(ref structure), ref Unsafe.As<TField, byte>(ref field));
}
