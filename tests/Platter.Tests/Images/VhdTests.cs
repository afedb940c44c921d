using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Images;
using Platter.Primitives;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

public sealed class VhdTests
{
    [Fact]
    public void The_footer_is_laid_out_as_specified()
    {
        Assert.Equal(512, Marshal.SizeOf<VhdFooter>());
        Assert.Equal(0x10, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.DataOffset)));
        Assert.Equal(0x18, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.TimeStamp)));
        Assert.Equal(0x28, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.OriginalSize)));
        Assert.Equal(0x30, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.CurrentSize)));
        Assert.Equal(0x38, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.Cylinders)));
        Assert.Equal(0x3C, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.DiskType)));
        Assert.Equal(0x40, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.Checksum)));
        Assert.Equal(0x44, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.UniqueId)));
        Assert.Equal(0x54, (int)Marshal.OffsetOf<VhdFooter>(nameof(VhdFooter.SavedState)));
    }

    [Theory]
    [InlineData(1, 0, 4, 17)]
    [InlineData(40_960, 602, 4, 17)]                 // 20 MiB
    [InlineData(2_097_152, 2080, 16, 63)]            // 1 GiB
    [InlineData(266_338_304, 65_278, 16, 255)]       // 127 GiB, Hyper-V's usual disk
    [InlineData(5_000_000_000, 65_535, 16, 255)]
    public void The_geometry_is_the_specifications(long sectors, int cylinders, int heads, int perTrack) =>
        Assert.Equal((cylinders, heads, perTrack), VhdFooter.Geometry(sectors));

    [Fact]
    public void A_new_disk_is_whole_mebibytes_unless_told_otherwise()
    {
        var host = new ResizableMemoryDevice(0);
        using (var vhd = ContainerFormat.VhdFixed.Create(host, 1_500_000))
            Assert.Equal(2 << 20, vhd.VirtualSize);
        Assert.Equal((2 << 20) + 512, host.Length);
        using (var vhd = ContainerFormat.VhdFixed.Create(host, 1_500_000, new ContainerOptions { WholeMebibytes = false }))
            Assert.Equal(1_500_160, vhd.VirtualSize);
        using var again = Container.Open(host);
        Assert.Equal(1_500_160, again.VirtualSize);
        Assert.Throws<UnsupportedFeatureException>(() => ContainerFormat.VhdFixed.Create(host, 3L << 40));
    }

    [Fact]
    public void The_same_options_give_the_same_bytes()
    {
        var options = new ContainerOptions { UniqueId = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), Created = DateTimeOffset.UnixEpoch.AddYears(40) };
        var a = new ResizableMemoryDevice(0);
        var b = new ResizableMemoryDevice(0);
        ContainerFormat.VhdFixed.Create(a, 1 << 20, options).Dispose();
        ContainerFormat.VhdFixed.Create(b, 1 << 20, options).Dispose();
        Assert.True(a.Bytes.SequenceEqual(b.Bytes));
        Assert.Equal([0x00, 0x11, 0x22, 0x33], a.Bytes.Slice((1 << 20) + 0x44, 4).ToArray());
        using var vhd = Container.Open(a);
        Assert.Contains(vhd.Details, d => d.Value == "00112233-4455-6677-8899-aabbccddeeff");
        Assert.Contains(vhd.Details, d => d.Value == "2010-01-01T00:00:00Z");
    }

    [Theory]
    [InlineData("VHD-0001", Severity.Error, 0x00)]
    [InlineData("VHD-0002", Severity.Error, 0x20)]
    [InlineData("VHD-0002", Severity.Error, 0x3F)]
    [InlineData("VHD-0002", Severity.Error, 0x41)]
    [InlineData("VHD-0002", Severity.Error, 0x100)]
    public void A_damaged_footer_is_a_finding_and_the_disk_opens_all_the_same(string code, Severity severity, int at)
    {
        var host = NewVhd();
        host.Bytes[(1 << 20) + at] ^= 0x55;
        using var vhd = Container.Open(host);
        Assert.Equal("vhd-fixed", vhd.Format.Name);
        Assert.Equal(1 << 20, vhd.VirtualSize);
        Expect(vhd, code, severity);
    }

    [Theory]
    [InlineData("VHD-0003", Severity.Warning)]
    [InlineData("VHD-0004", Severity.Note)]
    [InlineData("VHD-0005", Severity.Error)]
    [InlineData("VHD-0006", Severity.Note)]
    [InlineData("VHD-0007", Severity.Note)]
    [InlineData("VHD-0008", Severity.Note)]
    [InlineData("VHD-0009", Severity.Warning)]
    [InlineData("VHD-0010", Severity.Note)]
    public void Every_odd_field_has_its_finding(string code, Severity severity)
    {
        var host = NewVhd();
        ref var footer = ref OnDisk.Edit<VhdFooter>(host.Bytes, 1 << 20);
        switch (code)
        {
            case "VHD-0003": footer.FileFormatVersion = 7; break;
            case "VHD-0004": footer.DataOffset = 512; break;
            case "VHD-0005": footer.CurrentSize = 2 << 20; break;
            case "VHD-0006": footer.CurrentSize = 1 << 19; break;
            case "VHD-0007": footer.CurrentSize = 1_000_000; break;
            case "VHD-0008": footer.Heads = 99; break;
            case "VHD-0009": footer.SavedState = 9; break;
            case "VHD-0010": footer.SavedState = 1; break;
        }
        footer.Checksum = footer.ComputeChecksum();
        using var vhd = Container.Open(host);
        Assert.True(vhd.VirtualSize <= 1 << 20);
        Expect(vhd, code, severity);
    }

    [Fact]
    public void A_sound_image_has_no_findings()
    {
        var report = new CheckReport();
        Container.Open(NewVhd()).Check(report);
        Assert.Empty(report.Findings);
        var raw = new MemoryDevice(1000);
        Container.Open(raw).Check(report);
        Assert.Equal("IMG-0001", Assert.Single(report.Findings).Code);
        Assert.True(report.IsClean);
    }

    [Theory]
    [InlineData(0, "KDMV", "VMDK")]
    [InlineData(0, "# Disk DescriptorFile", "VMDK")]
    [InlineData(0x40, "\u007F\u0010\u00DA\u00BE", "VDI")]
    [InlineData(0, "MComprHD", "CHD")]
    [InlineData(0, "QED\0", "QED")]
    [InlineData(0, "WithoutFreeSpace", "Parallels")]
    [InlineData(65_536 - 512, "koly", "Apple disk image")]
    [InlineData(0, "EVF\u0009\u000D\u000A\u00FF\0", "EnCase")]
    public void What_cannot_be_opened_is_named_and_not_taken_for_raw(int at, string magic, string name)
    {
        var bytes = new byte[65_536];
        for (var i = 0; i < magic.Length; i++)
            bytes[at + i] = (byte)magic[i];
        var e = Assert.Throws<UnsupportedFeatureException>(() => Container.Open(new MemoryDevice(bytes)));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3u)]
    [InlineData(4u)]
    public void A_footer_of_a_dynamic_disk_without_its_header_is_refused(uint type)
    {
        var host = NewVhd();
        ref var footer = ref OnDisk.Edit<VhdFooter>(host.Bytes, 1 << 20);
        footer.DiskType = type;
        footer.Checksum = footer.ComputeChecksum();
        host.Bytes[(1 << 20)..].CopyTo(host.Bytes);
        Assert.Equal("VHD-0011", Assert.Throws<DiskFormatException>(() => Container.Open(host)).Code);
        host.Bytes[..512].Clear();
        Assert.Equal("VHD-0011", Assert.Throws<DiskFormatException>(() => Container.Open(host)).Code);
    }

    [Fact]
    public void A_fixed_disk_without_its_end_and_an_unknown_type_are_not_taken_for_raw()
    {
        var host = NewVhd();
        host.Bytes[(1 << 20)..].CopyTo(host.Bytes);
        host.SetLength(1 << 20);
        Assert.Contains("lost its end", Assert.Throws<UnsupportedFeatureException>(() => Container.Open(host)).Message, StringComparison.Ordinal);
        ref var footer = ref OnDisk.Edit<VhdFooter>(host.Bytes);
        footer.DiskType = 6;
        footer.Checksum = footer.ComputeChecksum();
        Assert.Contains("type 6", Assert.Throws<UnsupportedFeatureException>(() => Container.Open(host)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(5000)]
    public void Any_other_bytes_are_a_raw_disk_however_short(int length)
    {
        using var raw = Container.Open(new MemoryDevice(length));
        Assert.Equal("raw", raw.Format.Name);
        Assert.Equal(length, raw.VirtualSize);
    }

    [Fact]
    public void Ten_thousand_mutated_footers_open_or_are_refused_and_nothing_else()
    {
        var random = new Random(7);
        var sound = NewVhd().Bytes[((1 << 20) - 512)..].ToArray();
        for (var i = 0; i < 10_000; i++)
        {
            var bytes = sound.ToArray();
            for (var k = random.Next(1, 5); k > 0; k--)
                bytes[random.Next(3) == 0 ? random.Next(512) : 512 + random.Next(0x55)] = (byte)random.Next(256);
            if (i % 2 == 0)
            {
                ref var footer = ref OnDisk.Edit<VhdFooter>(bytes, 512);
                footer.Checksum = footer.ComputeChecksum();
            }
            try
            {
                using var container = Container.Open(new MemoryDevice(bytes));
                container.Check(new CheckReport());
                Assert.NotNull(container.Details);
                Assert.True(container.VirtualSize <= bytes.Length);
            }
            catch (DiskFormatException)
            {
            }
            catch (UnsupportedFeatureException)
            {
            }
        }
    }

    private static ResizableMemoryDevice NewVhd()
    {
        var host = new ResizableMemoryDevice(0);
        ContainerFormat.VhdFixed.Create(host, 1 << 20).Dispose();
        return host;
    }

    private static void Expect(Container container, string code, Severity severity)
    {
        var report = new CheckReport();
        container.Check(report);
        Assert.Contains(report.Findings, f => f.Code == code && f.Severity == severity && f.Offset >= 1 << 20);
    }
}
