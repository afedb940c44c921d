using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Primitives;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

public class BootRegionTests
{
    // A change to the boot sector, sealed again so that the rule itself is what fails.
    internal delegate void Change(ref ExFatBootSector boot);

    public static TheoryData<string, string> Broken => new()
    {
        { "EXF-0002", "name" }, { "EXF-0003", "zeros" }, { "EXF-0004", "signature" }, { "EXF-0005", "sector shift 8" }, { "EXF-0005", "sector shift 13" },
        { "EXF-0006", "cluster shift" }, { "EXF-0007", "no FAT" }, { "EXF-0007", "three FATs" }, { "EXF-0008", "nothing" }, { "EXF-0008", "endless" },
        { "EXF-0009", "FAT in boot region" }, { "EXF-0009", "FAT behind heap" }, { "EXF-0009", "second FAT in heap" }, { "EXF-0010", "short FAT" },
        { "EXF-0012", "no cluster" }, { "EXF-0012", "too many clusters" }, { "EXF-0012", "heap behind volume" }, { "EXF-0013", "root 1" }, { "EXF-0013", "root behind" },
        { "EXF-0015", "checksum" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_rule_that_both_regions_break_is_named_when_the_volume_is_opened(string code, string what)
    {
        var device = Formatted();
        Damage(device, 0, what);
        Damage(device, 1, what);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => ExFatGeometry.Read(device)).Code);
        Assert.Contains(ExFatBootRegion.Read(device, 0).Problems, p => p.Code == code);
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void The_backup_stands_in_for_a_main_region_that_breaks_a_rule(string code, string what)
    {
        foreach (var sectorSize in new[] { 512, 4096 })
        {
            var device = Formatted(sectorSize);
            var sound = ExFatGeometry.Read(device);
            Damage(device, 0, what, sectorSize);
            var geometry = ExFatGeometry.Read(device);
            Assert.True(geometry.IsFromBackup, code);
            Assert.Equal(sound.SerialNumber, geometry.SerialNumber);
            Assert.Equal("EXF-0022", Assert.Single(geometry.Remarks).Code);
            Assert.Equal(Severity.Error, geometry.Remarks[0].Severity);
        }
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_damaged_backup_does_not_matter_for_opening(string code, string what)
    {
        var device = Formatted();
        Damage(device, 1, what);
        Assert.False(ExFatGeometry.Read(device).IsFromBackup, code);
        Assert.Empty(ExFatGeometry.Read(device).Remarks);
    }

    [Theory]
    [InlineData("EXF-0016", Severity.Warning, "jump")]
    [InlineData("EXF-0017", Severity.Warning, "extended")]
    [InlineData("EXF-0018", Severity.Error, "longer than the device")]
    [InlineData("EXF-0019", Severity.Warning, "percent")]
    [InlineData("EXF-0020", Severity.Note, "fewer clusters")]
    [InlineData("EXF-0021", Severity.Warning, "active FAT")]
    public void What_is_odd_is_remarked(string code, Severity severity, string what)
    {
        var device = Formatted();
        Damage(device, 0, what);
        var remark = Assert.Single(ExFatGeometry.Read(device).Remarks);
        Assert.Equal((code, severity), (remark.Code, remark.Severity));
    }

    [Fact]
    public void A_device_that_ends_within_the_boot_region_is_refused()
    {
        var whole = Formatted();
        foreach (var length in new[] { 0, 100, 512, 6000 })
            Assert.Equal("EXF-0001", Assert.Throws<DiskFormatException>(() => ExFatGeometry.Read(new MemoryDevice(whole.Bytes[..length]))).Code);
    }

    [Fact]
    public void Another_major_revision_is_not_read_as_if_it_were_known()
    {
        var device = Formatted();
        Damage(device, 0, "revision 2");
        Assert.Contains("2.00", Assert.Throws<UnsupportedFeatureException>(() => ExFatGeometry.Read(device)).Message);
        Damage(device, 0, "revision 1.34");
        Assert.Equal(0x0122, ExFatGeometry.Read(device).Revision);
    }

    [Fact]
    public void Flags_and_percent_in_use_change_without_the_checksum()
    {
        var device = Formatted();
        device.Bytes[0x6A] = 6;
        device.Bytes[0x70] = 99;
        var geometry = ExFatGeometry.Read(device);
        Assert.Empty(geometry.Remarks);
        Assert.Equal((ExFatVolumeFlags.VolumeDirty | ExFatVolumeFlags.MediaFailure, (byte)99), (geometry.Flags, geometry.PercentInUse));
    }

    [Fact]
    public void A_volume_is_recognised_by_its_name_or_by_a_whole_backup_behind_a_wiped_boot_sector()
    {
        var device = Formatted();
        Assert.True(ExFatGeometry.Recognise(device));
        Array.Clear(device.Bytes, 0, 512);
        Assert.True(ExFatGeometry.Recognise(device));
        device.Bytes[510] = 0x55;
        device.Bytes[511] = 0xAA;
        Assert.False(ExFatGeometry.Recognise(device));
        Assert.False(ExFatGeometry.Recognise(new MemoryDevice(4 << 20)));
        Assert.False(ExFatGeometry.Recognise(new MemoryDevice(100)));
    }

    [Fact]
    public void A_backup_of_another_revision_cannot_stand_in()
    {
        var device = Formatted();
        Damage(device, 1, "revision 2");
        Array.Clear(device.Bytes, 0, 512);
        Assert.False(ExFatGeometry.Recognise(device));
        Assert.Equal("EXF-0002", Assert.Throws<DiskFormatException>(() => ExFatGeometry.Read(device)).Code);
    }

    [Fact]
    public void TexFAT_has_two_FATs_and_its_flag_says_which_is_in_use()
    {
        var device = Formatted();
        Damage(device, 0, "TexFAT");
        var geometry = ExFatGeometry.Read(device);
        Assert.Equal((2, 1), (geometry.FatCount, geometry.ActiveFat));
        Assert.Equal(geometry.FatOffset(0) + geometry.FatLength, geometry.FatOffset(1));
    }

    internal static MemoryDevice Formatted(int sectorSize = 512)
    {
        var device = new MemoryDevice(8 << 20);
        ExFatFormatter.Format(device, new FormatOptions { Type = "exfat", Id = "1234-5678", Options = new Dictionary<string, string> { ["sector_size"] = sectorSize.ToString() } });
        return device;
    }

    internal static void Damage(MemoryDevice device, int region, string what, int sectorSize = 512)
    {
        var bytes = device.Bytes.AsSpan(region * 12 * sectorSize, 12 * sectorSize);
        Change change = what switch
        {
            "name" => (ref ExFatBootSector b) => b.FileSystemName[0] = (byte)'F',
            "zeros" => (ref ExFatBootSector b) => b.MustBeZero[52] = 1,
            "signature" => (ref ExFatBootSector b) => b.BootSignature = 0,
            "sector shift 8" => (ref ExFatBootSector b) => b.BytesPerSectorShift = 8,
            "sector shift 13" => (ref ExFatBootSector b) => b.BytesPerSectorShift = 13,
            "cluster shift" => (ref ExFatBootSector b) => b.SectorsPerClusterShift = 17,
            "no FAT" => (ref ExFatBootSector b) => b.NumberOfFats = 0,
            "three FATs" => (ref ExFatBootSector b) => b.NumberOfFats = 3,
            "nothing" => (ref ExFatBootSector b) => b.VolumeLength = 0,
            "endless" => (ref ExFatBootSector b) => b.VolumeLength = ulong.MaxValue,
            "FAT in boot region" => (ref ExFatBootSector b) => b.FatOffset = 23,
            "FAT behind heap" => (ref ExFatBootSector b) => b.FatOffset = b.ClusterHeapOffset,
            "second FAT in heap" => (ref ExFatBootSector b) => { b.NumberOfFats = 2; b.FatOffset = b.ClusterHeapOffset - b.FatLength; },
            "short FAT" => (ref ExFatBootSector b) => b.FatLength = 1,
            "no cluster" => (ref ExFatBootSector b) => b.ClusterCount = 0,
            "too many clusters" => (ref ExFatBootSector b) => b.ClusterCount = uint.MaxValue,
            "heap behind volume" => (ref ExFatBootSector b) => b.ClusterHeapOffset = uint.MaxValue,
            "root 1" => (ref ExFatBootSector b) => b.RootCluster = 1,
            "root behind" => (ref ExFatBootSector b) => b.RootCluster = b.ClusterCount + 2,
            "checksum" => (ref ExFatBootSector b) => b.SerialNumber = 5,
            "jump" => (ref ExFatBootSector b) => b.Jump[0] = 0,
            "extended" => (ref ExFatBootSector b) => { },
            "longer than the device" => (ref ExFatBootSector b) => b.VolumeLength += 1,
            "percent" => (ref ExFatBootSector b) => b.PercentInUse = 101,
            "fewer clusters" => (ref ExFatBootSector b) => b.ClusterCount -= 1,
            "active FAT" => (ref ExFatBootSector b) => b.VolumeFlags.Flags = ExFatVolumeFlags.ActiveFat,
            "revision 2" => (ref ExFatBootSector b) => b.Revision = 0x0200,
            "revision 1.34" => (ref ExFatBootSector b) => b.Revision = 0x0122,
            "TexFAT" => (ref ExFatBootSector b) => { b.NumberOfFats = 2; b.VolumeFlags.Flags = ExFatVolumeFlags.ActiveFat; },
            _ => throw new ArgumentException(what),
        };
        change(ref OnDisk.Edit<ExFatBootSector>(bytes));
        if (what == "extended")
            bytes[5 * sectorSize - 1] = 0;
        if (what != "checksum")
            ExFatBootRegion.Seal(bytes);
    }
}
