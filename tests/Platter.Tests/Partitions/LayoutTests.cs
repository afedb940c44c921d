using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Platter.Partitions.OnDisk;
using Xunit;

namespace Platter.Tests.Partitions;

/// <summary>Sizes and field offsets, against the numbers of the specifications.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void The_mbr_is_laid_out_as_specified()
    {
        Assert.Equal(512, Unsafe.SizeOf<MbrSector>());
        Assert.Equal(0x1B8, Offset<MbrSector>(nameof(MbrSector.DiskSignature)));
        Assert.Equal(0x1BC, Offset<MbrSector>(nameof(MbrSector.CopyProtection)));
        Assert.Equal(0x1BE, Offset<MbrSector>(nameof(MbrSector.Entries)));
        Assert.Equal(0x1FE, Offset<MbrSector>(nameof(MbrSector.Signature)));

        Assert.Equal(16, Unsafe.SizeOf<MbrEntry>());
        Assert.Equal(1, Offset<MbrEntry>(nameof(MbrEntry.First)));
        Assert.Equal(4, Offset<MbrEntry>(nameof(MbrEntry.Type)));
        Assert.Equal(5, Offset<MbrEntry>(nameof(MbrEntry.Last)));
        Assert.Equal(8, Offset<MbrEntry>(nameof(MbrEntry.StartSector)));
        Assert.Equal(12, Offset<MbrEntry>(nameof(MbrEntry.SectorCount)));
        Assert.Equal(3, Unsafe.SizeOf<ChsAddress>());
    }

    [Theory] // what fdisk and the Windows disk manager write
    [InlineData(0, "000100")]
    [InlineData(1, "000200")]
    [InlineData(62, "003F00")]
    [InlineData(63, "010100")]
    [InlineData(2048, "202100")]
    [InlineData(16065L, "000101")]
    [InlineData(16065L * 1023, "00C1FF")]
    [InlineData((16065L * 1024) - 1, "FEFFFF")]
    [InlineData(16065L * 1024, "FEFFFF")]
    [InlineData(4294967295L, "FEFFFF")]
    public void Chs_addresses_are_those_of_255_heads_and_63_sectors(long sector, string bytes)
    {
        var chs = ChsAddress.OfSector(sector);
        Assert.Equal(bytes, Convert.ToHexString([chs.Head, chs.SectorAndCylinderHigh, chs.CylinderLow]));
    }

    [Fact]
    public void The_gpt_is_laid_out_as_specified()
    {
        Assert.Equal(92, Unsafe.SizeOf<GptHeader>());
        string[] fields = ["Signature", "Revision", "HeaderSize", "HeaderCrc", "Reserved", "MySector", "AlternateSector", "FirstUsableSector", "LastUsableSector", "DiskGuid", "EntriesSector", "EntryCount", "EntrySize", "EntriesCrc"];
        Assert.Equal([0, 8, 12, 16, 20, 24, 32, 40, 48, 56, 72, 80, 84, 88], fields.Select(Offset<GptHeader>));

        Assert.Equal(128, Unsafe.SizeOf<GptEntry>());
        Assert.Equal([0, 16, 32, 40, 48, 56], new[] { "Type", "UniqueId", "FirstSector", "LastSector", "Attributes", "Name" }.Select(Offset<GptEntry>));
    }

    [Fact]
    public void The_apple_map_is_laid_out_as_specified()
    {
        Assert.Equal(18, Unsafe.SizeOf<DriverDescriptor>());
        Assert.Equal([0, 2, 4, 8, 10, 12, 16], new[] { "Signature", "BlockSize", "BlockCount", "DeviceType", "DeviceId", "Reserved", "DriverCount" }.Select(Offset<DriverDescriptor>));

        Assert.Equal(136, Unsafe.SizeOf<ApmEntry>());
        string[] fields = ["Signature", "SignaturePad", "MapBlockCount", "StartBlock", "BlockCount", "Name", "Type", "DataStart", "DataCount", "Status", "BootStart", "BootSize", "BootAddress", "BootAddress2", "BootEntry", "BootEntry2", "BootChecksum", "Processor"];
        Assert.Equal([0, 2, 4, 8, 12, 16, 48, 80, 84, 88, 92, 96, 100, 104, 108, 112, 116, 120], fields.Select(Offset<ApmEntry>));
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);
}
