using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Images;
using Platter.Images.Vhdx;
using Platter.Primitives;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>VHDX with every kind of damage: what it is called, and that it is refused where it must be.</summary>
public sealed class VhdxDamageTests
{
    [Fact]
    public void The_structures_are_laid_out_as_specified()
    {
        Assert.Equal(520, Marshal.SizeOf<VhdxIdentifier>());
        Assert.Equal(80, Marshal.SizeOf<VhdxHeader>());
        Assert.Equal(0x10, (int)Marshal.OffsetOf<VhdxHeader>(nameof(VhdxHeader.FileWriteGuid)));
        Assert.Equal(0x30, (int)Marshal.OffsetOf<VhdxHeader>(nameof(VhdxHeader.LogGuid)));
        Assert.Equal(0x42, (int)Marshal.OffsetOf<VhdxHeader>(nameof(VhdxHeader.Version)));
        Assert.Equal(0x48, (int)Marshal.OffsetOf<VhdxHeader>(nameof(VhdxHeader.LogOffset)));
        Assert.Equal(16, Marshal.SizeOf<VhdxRegionTable>());
        Assert.Equal(32, Marshal.SizeOf<VhdxRegion>());
        Assert.Equal(0x1C, (int)Marshal.OffsetOf<VhdxRegion>(nameof(VhdxRegion.Required)));
        Assert.Equal(32, Marshal.SizeOf<VhdxMetadataTable>());
        Assert.Equal(0x0A, (int)Marshal.OffsetOf<VhdxMetadataTable>(nameof(VhdxMetadataTable.EntryCount)));
        Assert.Equal(32, Marshal.SizeOf<VhdxMetadataEntry>());
        Assert.Equal(8, Marshal.SizeOf<VhdxFileParameters>());
        Assert.Equal(20, Marshal.SizeOf<VhdxParentLocator>());
        Assert.Equal(12, Marshal.SizeOf<VhdxLocatorEntry>());
        Assert.Equal(64, Marshal.SizeOf<VhdxLogEntry>());
        Assert.Equal(0x20, (int)Marshal.OffsetOf<VhdxLogEntry>(nameof(VhdxLogEntry.LogGuid)));
        Assert.Equal(0x38, (int)Marshal.OffsetOf<VhdxLogEntry>(nameof(VhdxLogEntry.LastFileOffset)));
        Assert.Equal(32, Marshal.SizeOf<VhdxLogDescriptor>());
        Assert.Equal(0x10, (int)Marshal.OffsetOf<VhdxLogDescriptor>(nameof(VhdxLogDescriptor.FileOffset)));
    }

    [Fact]
    public void A_sound_image_has_no_findings_and_says_what_it_is()
    {
        var vhdx = new VhdxBytes();
        var report = vhdx.Check();
        Assert.True(report.Findings.Count == 0, string.Join('\n', report.Findings));
        using var image = Container.Open(vhdx.Host);
        Assert.Equal("vhdx", image.Format.Name);
        Assert.Contains(image.Details, d => d is { Key: "creator", Value: "Platter" });
        Assert.Contains(image.Details, d => d is { Key: "block size", Value: "1M" });
        Assert.Contains(image.Details, d => d is { Key: "sector size", Value: "512 logical, 4096 physical" });
        Assert.Contains(image.Details, d => d is { Key: "log", Value: "empty" });
        using var large = Container.Open(new VhdxBytes("vhdx-fixed", ("logical_sector_size", "4096")).Host);
        Assert.Equal("vhdx-fixed", large.Format.Name);
        Assert.Equal(4096, large.Disk.SectorSize);
    }

    [Fact]
    public void Headers_are_written_in_turns_and_the_identifiers_change_once_a_session()
    {
        var vhdx = new VhdxBytes();
        var before = vhdx.Newest();
        using (var image = Container.Open(vhdx.Host))
        {
            image.Disk.Read(0, new byte[10]);
            image.Disk.Flush();
            Assert.Equal((ulong)before.SequenceNumber, (ulong)vhdx.Newest().SequenceNumber);
            image.Disk.Write(0, [1]);
            image.Disk.Flush();
            image.Disk.Write(0, [2]);
            image.Disk.Flush();
        }
        var after = vhdx.Newest();
        Assert.Equal((ulong)before.SequenceNumber + 1, (ulong)after.SequenceNumber);
        Assert.NotEqual((Guid)before.DataWriteGuid, (Guid)after.DataWriteGuid);
        Assert.NotEqual((Guid)before.FileWriteGuid, (Guid)after.FileWriteGuid);
        Assert.Equal(Guid.Empty, (Guid)after.LogGuid);
        Assert.True(vhdx.Check().IsClean);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void One_damaged_header_is_a_finding_two_are_the_end(int slot)
    {
        var vhdx = new VhdxBytes();
        vhdx.Host.Bytes[VhdxBytes.HeaderAt(slot) + 0x20] ^= 1;
        Expect(vhdx.Check(), "VHDX-0023", Severity.Warning);
        vhdx.Host.Bytes[VhdxBytes.HeaderAt(1 - slot) + 0x800] ^= 1;
        Refused(vhdx, "VHDX-0001");
    }

    [Fact]
    public void Two_equal_headers_are_what_Disk2vhd_leaves()
    {
        var vhdx = new VhdxBytes();
        vhdx.Host.Bytes.Slice(VhdxBytes.HeaderAt(0), 4096).CopyTo(vhdx.Host.Bytes[VhdxBytes.HeaderAt(1)..]);
        Expect(vhdx.Check(), "VHDX-0024", Severity.Note);
    }

    [Theory]
    [InlineData("VHDX-0003")]
    [InlineData("VHDX-0004")]
    [InlineData("VHDX-0005")]
    [InlineData("VHDX-0006")]
    [InlineData("VHDX-0007")]
    [InlineData("VHDX-0008")]
    [InlineData("VHDX-0009")]
    [InlineData("VHDX-0015")]
    public void What_cannot_be_right_is_refused_at_once(string code)
    {
        var vhdx = new VhdxBytes();
        switch (code)
        {
            case "VHDX-0003": vhdx.Host.Bytes[(192 << 10) + 4] ^= 1; vhdx.Host.Bytes[256 << 10] ^= 1; break;
            case "VHDX-0004": vhdx.EditRegion(0, (ref VhdxRegion r) => r.Offset = 1UL << 63); break;
            case "VHDX-0005": vhdx.EditRegion(0, (ref VhdxRegion r) => r.Id = VhdxFormatConstants.MetadataRegion); break;
            case "VHDX-0006": vhdx.Host.Bytes[VhdxBytes.Metadata] ^= 1; break;
            case "VHDX-0007": vhdx.EditItem(VhdxFormatConstants.VirtualDiskSize, (ref VhdxMetadataEntry e) => e.Offset = uint.MaxValue); break;
            case "VHDX-0008": vhdx.EditItem(VhdxFormatConstants.VirtualDiskSize, (ref VhdxMetadataEntry e) => (e.Id, e.Flags) = (Guid.NewGuid(), 0)); break;
            case "VHDX-0009": vhdx.EditItem(VhdxFormatConstants.VirtualDiskSize, (ref VhdxMetadataEntry e) => e.Length = 4); break;
            case "VHDX-0015": vhdx.SetItem(VhdxFormatConstants.VirtualDiskSize, 60L << 40); break;
        }
        Refused(vhdx, code);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(3L << 19)]
    [InlineData(1L << 29)]
    [InlineData(1L << 19)]
    public void A_block_size_that_cannot_be_is_refused(long size)
    {
        var vhdx = new VhdxBytes();
        vhdx.SetItem(VhdxFormatConstants.FileParameters, size);
        Refused(vhdx, "VHDX-0009");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(1000)]
    [InlineData((64L << 40) + 512)]
    public void A_disk_size_that_cannot_be_is_refused(long size)
    {
        var vhdx = new VhdxBytes();
        vhdx.SetItem(VhdxFormatConstants.VirtualDiskSize, size);
        Refused(vhdx, "VHDX-0009");
    }

    [Fact]
    public void What_is_required_and_unknown_is_refused_by_name_and_what_is_not_required_is_passed_over()
    {
        var id = Guid.NewGuid();
        var vhdx = new VhdxBytes();
        vhdx.AddRegion(id, required: false);
        vhdx.AddItem(id, VhdxItemFlags.IsUser);
        using (var image = Container.Open(vhdx.Host))
            image.Disk.Read(0, new byte[100]);
        var region = new VhdxBytes();
        region.AddRegion(id, required: true);
        Assert.Contains(id.ToString(), Assert.Throws<UnsupportedFeatureException>(() => Container.Open(region.Host)).Message, StringComparison.Ordinal);
        vhdx.AddItem(id, VhdxItemFlags.IsRequired);
        Assert.Contains(id.ToString(), Assert.Throws<UnsupportedFeatureException>(() => Container.Open(vhdx.Host)).Message, StringComparison.Ordinal);
        var version = new VhdxBytes();
        version.EditHeaders((ref VhdxHeader h) => h.Version = 2);
        Assert.Contains("version 2", Assert.Throws<UnsupportedFeatureException>(() => Container.Open(version.Host)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_asked_to_be_one_and_is_not_is_refused() =>
        Assert.Equal("VHDX-0002", Assert.Throws<DiskFormatException>(() => ContainerFormat.Vhdx.Open(new ContainerProbe(new MemoryDevice(4096)))).Code);

    [Theory]
    [InlineData("VHDX-0016", Severity.Error)]
    [InlineData("VHDX-0018", Severity.Error)]
    [InlineData("VHDX-0019", Severity.Error)]
    [InlineData("VHDX-0020", Severity.Error)]
    [InlineData("VHDX-0026", Severity.Error)]
    [InlineData("VHDX-0027", Severity.Error)]
    [InlineData("VHDX-0029", Severity.Error)]
    [InlineData("VHDX-0030", Severity.Warning)]
    [InlineData("VHDX-0031", Severity.Note)]
    public void Every_damage_of_an_open_image_has_its_finding(string code, Severity severity)
    {
        var vhdx = new VhdxBytes();
        switch (code)
        {
            case "VHDX-0016": vhdx.SetEntry(5, 4); break;
            case "VHDX-0018": vhdx.MakeItsOwnParent(); vhdx.SetEntry(5, vhdx.Entry(0) ^ 1); vhdx.SetEntry(0, 0); break;
            case "VHDX-0019": vhdx.SetEntry(5, (1UL << 62) | 6); break;
            case "VHDX-0020": vhdx.SetEntry(5, vhdx.Entry(0)); break;
            case "VHDX-0026": vhdx.Host.Bytes[(256 << 10) + 20] ^= 1; break;
            case "VHDX-0027": vhdx.AddRegion(Guid.NewGuid(), required: false, firstTableOnly: true); break;
            case "VHDX-0029": vhdx.AddRegion(Guid.NewGuid(), required: false, offset: VhdxBytes.Metadata); break;
            case "VHDX-0030": vhdx.SetEntry(5, 0x80 | 2); break;
            case "VHDX-0031": vhdx.SetEntry(0, 2); break;
        }
        Expect(vhdx.Check(), code, severity);
    }

    [Fact]
    public void Blocks_in_impossible_places_are_not_read_and_keep_the_image_from_being_edited()
    {
        var vhdx = new VhdxBytes();
        vhdx.SetEntry(5, 0xFFFF_FFFF_FFF0_0006);
        using (var image = Container.Open(vhdx.Host))
        {
            Assert.Equal("VHDX-0017", Assert.Throws<DiskFormatException>(() => image.Disk.Read(5 << 20, new byte[10])).Code);
            Assert.Equal("VHDX-0019", Assert.Throws<DiskFormatException>(() => image.Disk.Write(0, [1])).Code);
        }
        foreach (var place in new[] { 0UL, 2UL << 20, 3UL << 20, vhdx.Entry(0) & ~7UL })
        {
            vhdx.SetEntry(5, place | 6);
            using var image = Container.Open(vhdx.Host);
            Assert.Contains(Assert.Throws<DiskFormatException>(() => image.Disk.Write(0, [1])).Code, new[] { "VHDX-0019", "VHDX-0020" });
        }
        vhdx.SetEntry(5, 4);
        using var other = Container.Open(vhdx.Host);
        Assert.Equal("VHDX-0016", Assert.Throws<DiskFormatException>(() => other.Disk.Read(5 << 20, new byte[10])).Code);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void All_states_of_a_block_without_data_read_as_zeros_and_can_be_written(int state)
    {
        var vhdx = new VhdxBytes();
        vhdx.SetEntry(5, (ulong)state);
        using (var image = Container.Open(vhdx.Host))
        {
            var bytes = new byte[100];
            image.Disk.Read(5 << 20, bytes);
            Assert.Equal(new byte[100], bytes);
            image.Disk.Write((5 << 20) + 10, [1]);
            image.Disk.Flush();
        }
        Assert.Equal(6UL, vhdx.Entry(5) & 7);
        Assert.True(vhdx.Check().IsClean);
    }

    [Fact]
    public void Settings_are_checked()
    {
        Assert.Contains("colour", Assert.Throws<ArgumentException>(() => new VhdxBytes("vhdx", ("colour", "red"))).Message, StringComparison.Ordinal);
        Assert.Contains("block_size", Assert.Throws<ArgumentException>(() => new VhdxBytes("vhdx", ("block_size", "512K"))).Message, StringComparison.Ordinal);
        Assert.Contains("log_size", Assert.Throws<ArgumentException>(() => new VhdxBytes("vhdx", ("log_size", "1000K"))).Message, StringComparison.Ordinal);
        Assert.Contains("subformat", Assert.Throws<ArgumentException>(() => new VhdxBytes("vhdx-fixed", ("subformat", "dynamic"))).Message, StringComparison.Ordinal);
        Assert.Throws<UnsupportedFeatureException>(() => ContainerFormat.Vhdx.Create(new ResizableMemoryDevice(0), 65L << 40));
    }

    [Fact]
    public void The_same_options_give_the_same_bytes()
    {
        var (a, b) = (new VhdxBytes(), new VhdxBytes());
        Assert.True(a.Host.Bytes.SequenceEqual(b.Host.Bytes));
    }

    private static void Refused(VhdxBytes vhdx, string code) =>
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => Container.Open(vhdx.Host)).Code);

    private static void Expect(CheckReport report, string code, Severity severity) =>
        Assert.True(report.Findings.Any(f => f.Code == code && f.Severity == severity), $"expected {code}: {string.Join('\n', report.Findings)}");
}
