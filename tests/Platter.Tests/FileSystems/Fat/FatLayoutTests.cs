using System.Runtime.CompilerServices;
using Platter.FileSystems.Fat;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>Every structure against the numbers of Microsoft's "FAT: General Overview of On-Disk Format" 1.03.</summary>
public class FatLayoutTests
{
    [Fact]
    public void The_parameter_block_has_the_layout_of_the_specification()
    {
        var s = default(FatBiosParameterBlock);
        Assert.Equal(36, Unsafe.SizeOf<FatBiosParameterBlock>());
        Assert.Equal(0x00, At(ref s, ref s.Jump));
        Assert.Equal(0x03, At(ref s, ref s.OemName));
        Assert.Equal(0x0B, At(ref s, ref s.BytesPerSector));
        Assert.Equal(0x0D, At(ref s, ref s.SectorsPerCluster));
        Assert.Equal(0x0E, At(ref s, ref s.ReservedSectors));
        Assert.Equal(0x10, At(ref s, ref s.FatCount));
        Assert.Equal(0x11, At(ref s, ref s.RootEntries));
        Assert.Equal(0x13, At(ref s, ref s.TotalSectors16));
        Assert.Equal(0x15, At(ref s, ref s.Media));
        Assert.Equal(0x16, At(ref s, ref s.FatSectors16));
        Assert.Equal(0x18, At(ref s, ref s.SectorsPerTrack));
        Assert.Equal(0x1A, At(ref s, ref s.Heads));
        Assert.Equal(0x1C, At(ref s, ref s.HiddenSectors));
        Assert.Equal(0x20, At(ref s, ref s.TotalSectors32));
    }

    // The specification counts from the start of the sector; the record follows the parameter block at 0x24 (FAT12/16).
    [Fact]
    public void The_extended_boot_record_has_the_layout_of_the_specification()
    {
        var s = default(FatExtendedBootRecord);
        Assert.Equal(26, Unsafe.SizeOf<FatExtendedBootRecord>());
        Assert.Equal(0x24, 0x24 + At(ref s, ref s.DriveNumber));
        Assert.Equal(0x25, 0x24 + At(ref s, ref s.State));
        Assert.Equal(0x26, 0x24 + At(ref s, ref s.Signature));
        Assert.Equal(0x27, 0x24 + At(ref s, ref s.SerialNumber));
        Assert.Equal(0x2B, 0x24 + At(ref s, ref s.Label));
        Assert.Equal(0x36, 0x24 + At(ref s, ref s.TypeText));
    }

    [Fact]
    public void The_FAT32_boot_record_has_the_layout_of_the_specification()
    {
        var s = default(Fat32BootRecord);
        Assert.Equal(0x5A - 0x24, Unsafe.SizeOf<Fat32BootRecord>());
        Assert.Equal(0x24, 0x24 + At(ref s, ref s.FatSectors));
        Assert.Equal(0x28, 0x24 + At(ref s, ref s.ExtFlags));
        Assert.Equal(0x2A, 0x24 + At(ref s, ref s.Version));
        Assert.Equal(0x2C, 0x24 + At(ref s, ref s.RootCluster));
        Assert.Equal(0x30, 0x24 + At(ref s, ref s.InfoSector));
        Assert.Equal(0x32, 0x24 + At(ref s, ref s.BackupBootSector));
        Assert.Equal(0x34, 0x24 + At(ref s, ref s.Reserved));
        Assert.Equal(0x40, 0x24 + At(ref s, ref s.Extended));
        Assert.Equal(0x41, 0x24 + At(ref s, ref s.Extended.State));
        Assert.Equal(0x42, 0x24 + At(ref s, ref s.Extended.Signature));
        Assert.Equal(0x43, 0x24 + At(ref s, ref s.Extended.SerialNumber));
        Assert.Equal(0x47, 0x24 + At(ref s, ref s.Extended.Label));
        Assert.Equal(0x52, 0x24 + At(ref s, ref s.Extended.TypeText));
    }

    [Fact]
    public void The_information_sector_has_the_layout_of_the_specification()
    {
        var s = default(FatInfoSector);
        Assert.Equal(512, Unsafe.SizeOf<FatInfoSector>());
        Assert.Equal(0, At(ref s, ref s.Lead));
        Assert.Equal(4, At(ref s, ref s.Reserved1));
        Assert.Equal(484, At(ref s, ref s.Structure));
        Assert.Equal(488, At(ref s, ref s.FreeClusters));
        Assert.Equal(492, At(ref s, ref s.NextFree));
        Assert.Equal(496, At(ref s, ref s.Reserved2));
        Assert.Equal(508, At(ref s, ref s.Trail));
        Assert.Equal((0x41615252u, 0x61417272u, 0xAA550000u), (FatInfoSector.LeadValue, FatInfoSector.StructureValue, FatInfoSector.TrailValue));
    }

    [Fact]
    public void A_short_slot_has_the_layout_of_the_specification()
    {
        var s = default(FatShortSlot);
        Assert.Equal(32, Unsafe.SizeOf<FatShortSlot>());
        Assert.Equal(FatShortSlot.Size, Unsafe.SizeOf<FatShortSlot>());
        Assert.Equal(0, At(ref s, ref s.Name));
        Assert.Equal(11, At(ref s, ref s.Attributes));
        Assert.Equal(12, At(ref s, ref s.Case));
        Assert.Equal(13, At(ref s, ref s.CreatedTenMs));
        Assert.Equal(14, At(ref s, ref s.CreatedTime));
        Assert.Equal(16, At(ref s, ref s.CreatedDate));
        Assert.Equal(18, At(ref s, ref s.AccessedDate));
        Assert.Equal(20, At(ref s, ref s.ClusterHigh));
        Assert.Equal(22, At(ref s, ref s.ModifiedTime));
        Assert.Equal(24, At(ref s, ref s.ModifiedDate));
        Assert.Equal(26, At(ref s, ref s.ClusterLow));
        Assert.Equal(28, At(ref s, ref s.Length));
    }

    [Fact]
    public void A_long_name_slot_has_the_layout_of_the_specification()
    {
        var s = default(FatLongSlot);
        Assert.Equal(32, Unsafe.SizeOf<FatLongSlot>());
        Assert.Equal(0, At(ref s, ref s.Ordinal));
        Assert.Equal(1, At(ref s, ref s.Units1));
        Assert.Equal(11, At(ref s, ref s.Attributes));
        Assert.Equal(12, At(ref s, ref s.Type));
        Assert.Equal(13, At(ref s, ref s.Checksum));
        Assert.Equal(14, At(ref s, ref s.Units2));
        Assert.Equal(26, At(ref s, ref s.Cluster));
        Assert.Equal(28, At(ref s, ref s.Units3));
    }

    private static int At<TStruct, TField>(ref TStruct whole, ref TField field) =>
        (int)Unsafe.ByteOffset(ref Unsafe.As<TStruct, byte>(ref whole), ref Unsafe.As<TField, byte>(ref field));
}
