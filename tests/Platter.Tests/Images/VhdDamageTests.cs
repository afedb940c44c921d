using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Images;
using Platter.Primitives;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Dynamic and differencing VHDs with every kind of damage: what it is called, and that it is refused where it must be.</summary>
public sealed class VhdDamageTests
{
    private const int Header = 512, Table = 1536, Bitmap0 = 3584, Data0 = 4096;     // of a new image of up to 128 blocks

    [Fact]
    public void The_dynamic_header_is_laid_out_as_specified()
    {
        Assert.Equal(1024, Marshal.SizeOf<VhdDynamicHeader>());
        Assert.Equal(0x10, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.TableOffset)));
        Assert.Equal(0x18, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.HeaderVersion)));
        Assert.Equal(0x1C, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.MaxTableEntries)));
        Assert.Equal(0x20, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.BlockSize)));
        Assert.Equal(0x24, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.Checksum)));
        Assert.Equal(0x28, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.ParentUniqueId)));
        Assert.Equal(0x38, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.ParentTimeStamp)));
        Assert.Equal(0x40, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.ParentName)));
        Assert.Equal(0x240, (int)Marshal.OffsetOf<VhdDynamicHeader>(nameof(VhdDynamicHeader.ParentLocators)));
        Assert.Equal(24, Marshal.SizeOf<VhdParentLocator>());
        Assert.Equal(0x10, (int)Marshal.OffsetOf<VhdParentLocator>(nameof(VhdParentLocator.DataOffset)));
    }

    [Fact]
    public void A_new_disk_holds_no_blocks_and_a_written_one_only_what_was_written()
    {
        var host = NewVhd(64 << 20);
        Assert.Equal(512 + 1024 + 512 + 512, host.Length);
        using var vhd = Container.Open(host);
        vhd.Disk.Write(10 << 20, [1]);
        vhd.Disk.Write(20 << 20, new byte[1 << 20]);
        vhd.Disk.Flush();
        Assert.Equal(Data0 + (2 << 20) + 512, host.Length);
        Assert.Equal([new ByteRange(10 << 20, 2 << 20)], vhd.Disk.AllocatedRanges());
        Assert.Equal(host.Bytes[..512].ToArray(), host.Bytes[^512..].ToArray());
        Assert.Equal((uint)Bitmap0 / 512, Entry(host, 5));
        Assert.Equal(uint.MaxValue, Entry(host, 4));
        Assert.True(host.Bytes.Slice(Bitmap0, 512).IndexOfAnyExcept((byte)0xFF) < 0);
        Assert.Contains(vhd.Details, d => d is { Key: "block size", Value: "2M" });
        Assert.Contains(vhd.Details, d => d is { Key: "kind", Value: "dynamic" });
    }

    [Fact]
    public void A_sound_image_has_no_findings()
    {
        var report = Check(Written());
        Assert.True(report.Findings.Count == 0, string.Join('\n', report.Findings));
    }

    [Fact]
    public void The_copy_at_the_start_stands_in_for_a_footer_that_was_cut_off_and_editing_brings_it_back()
    {
        var host = Written();
        host.SetLength(host.Length - 512);
        Expect(Check(host), "VHD-0023", Severity.Error);
        using (var vhd = Container.Open(host))
        {
            var byteThere = new byte[1];
            vhd.Disk.Read(1000, byteThere);
            Assert.Equal(7, byteThere[0]);
            vhd.Disk.Write(1000, [8]);
            vhd.Disk.Flush();
        }
        Assert.True(Check(host).IsClean);
    }

    [Fact]
    public void A_damaged_last_footer_gives_way_to_the_copy()
    {
        var host = Written();
        host.Bytes[^(512 - 0x37)] ^= 0x40;      // the size
        using var vhd = Container.Open(host);
        Assert.Equal(8 << 20, vhd.VirtualSize);
        Expect(Check(host), "VHD-0002", Severity.Error);
    }

    [Theory]
    [InlineData("VHD-0011")]
    [InlineData("VHD-0012")]
    [InlineData("VHD-0015")]
    [InlineData("VHD-0016")]
    [InlineData("VHD-0017")]
    [InlineData("VHD-0018")]
    public void What_cannot_be_right_is_refused_at_once(string code)
    {
        var host = Written();
        switch (code)
        {
            case "VHD-0011": EditFooters(host, (ref VhdFooter f) => f.DataOffset = 1UL << 63); break;
            case "VHD-0012": host.Bytes[Header] ^= 1; break;
            case "VHD-0015": EditHeader(host, (ref VhdDynamicHeader h) => h.BlockSize = 3 << 20); break;
            case "VHD-0016": EditHeader(host, (ref VhdDynamicHeader h) => h.MaxTableEntries = 1); break;
            case "VHD-0017": EditHeader(host, (ref VhdDynamicHeader h) => h.TableOffset = 1UL << 63); break;
            case "VHD-0018": EditFooters(host, (ref VhdFooter f) => f.CurrentSize = 1UL << 63); break;
        }
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => Container.Open(host)).Code);
    }

    [Fact]
    public void Footers_that_have_lost_their_cookies_get_them_back_with_the_first_edit()
    {
        var host = Written();
        host.Bytes[3] ^= 1;
        host.Bytes[(int)host.Length - 512 + 3] ^= 1;
        Expect(Check(host), "VHD-0001", Severity.Error);
        using (var vhd = Container.Open(host))
        {
            vhd.Disk.Write(0, [1]);
            vhd.Disk.Flush();
        }
        Assert.True(Check(host).IsClean);
    }

    [Fact]
    public void With_a_damaged_header_the_image_can_be_read_and_not_edited()
    {
        var host = Written();
        host.Bytes[Header + 0x300] ^= 1;
        Expect(Check(host), "VHD-0013", Severity.Error);
        using var vhd = Container.Open(host);
        vhd.Disk.Read(0, new byte[100]);
        Assert.Equal("VHD-0013", Assert.Throws<DiskFormatException>(() => vhd.Disk.Write(0, [1])).Code);
    }

    [Fact]
    public void A_table_that_the_file_is_too_short_for_is_refused_whatever_the_disk_claims()
    {
        var host = Written();
        EditFooters(host, (ref VhdFooter f) => f.CurrentSize = 2040UL << 30);
        EditHeader(host, (ref VhdDynamicHeader h) => (h.BlockSize, h.MaxTableEntries) = (512, uint.MaxValue));
        Assert.Equal("VHD-0017", Assert.Throws<DiskFormatException>(() => Container.Open(host)).Code);
    }

    [Fact]
    public void An_unknown_version_of_the_header_is_refused_by_its_number_and_a_minor_one_is_a_finding()
    {
        var host = Written();
        EditHeader(host, (ref VhdDynamicHeader h) => h.HeaderVersion = 0x0001_0001);
        Expect(Check(host), "VHD-0014", Severity.Warning);
        EditHeader(host, (ref VhdDynamicHeader h) => h.HeaderVersion = 0x0002_0000);
        Assert.Contains("2.0", Assert.Throws<UnsupportedFeatureException>(() => Container.Open(host)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("VHD-0019", Severity.Warning)]
    [InlineData("VHD-0021", Severity.Error)]
    [InlineData("VHD-0022", Severity.Error)]
    [InlineData("VHD-0024", Severity.Error)]
    [InlineData("VHD-0025", Severity.Warning)]
    [InlineData("VHD-0026", Severity.Note)]
    [InlineData("VHD-0031", Severity.Warning)]
    [InlineData("VHD-0032", Severity.Warning)]
    public void Every_damage_of_an_open_image_has_its_finding(string code, Severity severity)
    {
        var host = Written();
        switch (code)
        {
            case "VHD-0019": EditFooters(host, (ref VhdFooter f) => f.CurrentSize -= 100); break;
            case "VHD-0021": SetEntry(host, 3, 1 << 20); break;
            case "VHD-0022": SetEntry(host, 3, Entry(host, 0)); break;
            case "VHD-0024": host.Bytes[0x20] ^= 1; break;
            case "VHD-0025": host.Bytes[Bitmap0] = 0; break;
            case "VHD-0026": SetEntry(host, 0, uint.MaxValue); break;
            case "VHD-0031": EditFooter(host, 0, (ref VhdFooter f) => f.TimeStamp = 5); break;
            case "VHD-0032":
                EditHeader(host, (ref VhdDynamicHeader h) => h.ParentLocators[2] = new VhdParentLocator { PlatformCode = VhdParentLocator.W2ku, DataLength = 10, DataOffset = 1UL << 62 });
                break;
        }
        Expect(Check(host), code, severity);
    }

    [Fact]
    public void A_block_outside_of_the_file_is_an_error_to_read_and_keeps_the_image_from_being_edited()
    {
        var host = Written();
        SetEntry(host, 3, 0x7FFF_0000);
        using var vhd = Container.Open(host);
        Assert.Equal("VHD-0020", Assert.Throws<DiskFormatException>(() => vhd.Disk.Read(7 << 20, new byte[10])).Code);
        var before = host.Bytes.ToArray();
        Assert.Equal("VHD-0021", Assert.Throws<DiskFormatException>(() => vhd.Disk.Write(0, [1])).Code);
        Assert.Equal(before, host.Bytes.ToArray());
    }

    [Theory]
    [InlineData(0)]         // over the footer's copy
    [InlineData(2)]         // over header and table
    public void Blocks_over_tables_are_never_written(uint sector)
    {
        var host = Written();
        SetEntry(host, 3, sector);
        host.SetLength(host.Length + (4 << 20));
        host.Bytes[..512].CopyTo(host.Bytes[^512..]);
        using var vhd = Container.Open(host);
        vhd.Disk.Read(6 << 20, new byte[10]);
        Assert.Equal("VHD-0022", Assert.Throws<DiskFormatException>(() => vhd.Disk.Write(6 << 20, [1])).Code);
        Expect(Check(host), "VHD-0022", Severity.Error);
    }

    [Fact]
    public void What_a_bitmap_calls_unused_reads_as_zeros()
    {
        var host = Written();
        host.Bytes[Bitmap0] = 0x7F;     // sector 0
        using var vhd = Container.Open(host);
        vhd.Disk.Write(512, [9]);
        var bytes = new byte[1024];
        vhd.Disk.Read(0, bytes);
        Assert.Equal(0, bytes[0]);
        Assert.Equal(9, bytes[512]);
        vhd.Disk.Write(1, [5]);
        vhd.Disk.Read(0, bytes);
        Assert.Equal([0, 5, 0], bytes[..3]);
        Assert.Equal(0xFF, host.Bytes[Bitmap0] | 0x80);
        vhd.Disk.Flush();
        Assert.Equal(0xFF, host.Bytes[Bitmap0]);
    }

    // Its bits take less than a byte, and the bitmap a sector all the same.
    [Theory]
    [InlineData(512)]
    [InlineData(1024)]
    [InlineData(2048)]
    public void A_block_of_a_few_sectors_has_a_bitmap_of_one(int blockSize)
    {
        const int Blocks = 2048;
        var host = NewVhd(1 << 20);
        var footer = host.Bytes[^512..].ToArray();
        var table = (int)host.Length - 512;
        var (bitmap, data) = (table + Blocks * 4, table + Blocks * 4 + 512);
        host.SetLength(data + blockSize + 512);
        var entries = new byte[Blocks * 4];
        entries.AsSpan().Fill(0xFF);
        BinaryPrimitives.WriteInt32BigEndian(entries, bitmap / 512);
        host.Write(table, entries);
        host.Write(bitmap, [blockSize == 512 ? (byte)0x80 : (byte)0x40]);
        host.Write(data, Enumerable.Repeat((byte)7, blockSize).ToArray());
        host.Write(host.Length - 512, footer);
        EditHeader(host, (ref VhdDynamicHeader h) => (h.TableOffset, h.MaxTableEntries, h.BlockSize) = ((ulong)table, Blocks, (uint)blockSize));
        using var vhd = Container.Open(host);
        var found = new byte[8192];
        vhd.Disk.Read(0, found);
        var expected = new byte[8192];
        expected.AsSpan(blockSize == 512 ? 0 : 512, 512).Fill(7);
        Assert.Equal(expected, found);
        vhd.Disk.Write(700, [1, 2, 3]);
        vhd.Disk.Flush();
        new byte[] { 1, 2, 3 }.CopyTo(expected, 700);
        vhd.Disk.Read(0, found);
        Assert.Equal(expected, found);
    }

    [Fact]
    public void Space_given_back_is_taken_again_after_the_commit_and_not_before()
    {
        var host = NewVhd(64 << 20);
        using var vhd = Container.Open(host);
        vhd.Disk.Write(0, Ones(4 << 20));
        vhd.Disk.Flush();
        var length = host.Length;
        vhd.Disk.Discard(0, 2 << 20);
        vhd.Disk.Write(30 << 20, [1]);
        vhd.Disk.Flush();
        Assert.True(host.Length > length);
        length = host.Length;
        vhd.Disk.Write(40 << 20, [2]);
        vhd.Disk.Flush();
        Assert.Equal(length, host.Length);
        var all = new byte[2 << 20];
        vhd.Disk.Read(40 << 20, all);
        Assert.Equal(2, all[0]);
        Assert.True(all.AsSpan(1).IndexOfAnyExcept((byte)0) < 0);
        Assert.Empty(Check(host).Findings);
    }

    [Fact]
    public void The_same_options_give_the_same_bytes_and_so_does_the_same_edit()
    {
        var (a, b) = (Written(), Written());
        Assert.True(a.Bytes.SequenceEqual(b.Bytes));
        foreach (var host in new[] { a, b })
        {
            using var vhd = Container.Open(host);
            vhd.Disk.Write(5 << 20, [1, 2]);
            vhd.Disk.Flush();
        }
        Assert.True(a.Bytes.SequenceEqual(b.Bytes));
    }

    [Fact]
    public void Settings_are_checked()
    {
        Assert.Contains("colour", Assert.Throws<ArgumentException>(() => Make("colour", "red")).Message, StringComparison.Ordinal);
        Assert.Contains("block_size", Assert.Throws<ArgumentException>(() => Make("block_size", "3M")).Message, StringComparison.Ordinal);
        Assert.Contains("subformat", Assert.Throws<ArgumentException>(() => Make("subformat", "odd")).Message, StringComparison.Ordinal);
        Assert.Equal("vhd-fixed", Make("subformat", "fixed").Format.Name);
        Assert.Throws<UnsupportedFeatureException>(() => ContainerFormat.Vhd.Create(new ResizableMemoryDevice(0), 2041L << 30));
        Assert.Throws<UnsupportedFeatureException>(() => ContainerFormat.Vhd.Create(new ResizableMemoryDevice(0), 2000L << 30,
            new ContainerOptions { Settings = new Dictionary<string, string> { ["block_size"] = "4K" } }));

        static Container Make(string key, string value) =>
            ContainerFormat.Vhd.Create(new ResizableMemoryDevice(0), 1 << 20, new ContainerOptions { Settings = new Dictionary<string, string> { [key] = value } });
    }

    internal static ResizableMemoryDevice NewVhd(long size)
    {
        var host = new ResizableMemoryDevice(0);
        ContainerFormat.Vhd.Create(host, size, new ContainerOptions { UniqueId = new Guid(1, 2, 3, new byte[8]), Created = DateTimeOffset.UnixEpoch.AddYears(50) }).Dispose();
        return host;
    }

    // Four blocks, the first of which is there.
    private static ResizableMemoryDevice Written()
    {
        var host = NewVhd(8 << 20);
        using var vhd = Container.Open(host);
        vhd.Disk.Write(0, Enumerable.Repeat((byte)7, 5000).ToArray());
        vhd.Disk.Flush();
        return host;
    }

    private static byte[] Ones(int count)
    {
        var bytes = new byte[count];
        bytes.AsSpan().Fill(1);
        return bytes;
    }

    private static uint Entry(ResizableMemoryDevice host, int block) => BinaryPrimitives.ReadUInt32BigEndian(host.Bytes[(Table + 4 * block)..]);

    private static void SetEntry(ResizableMemoryDevice host, int block, uint sector) => BinaryPrimitives.WriteUInt32BigEndian(host.Bytes[(Table + 4 * block)..], sector);

    private delegate void Change<T>(ref T structure);

    private static void EditHeader(ResizableMemoryDevice host, Change<VhdDynamicHeader> change)
    {
        ref var header = ref OnDisk.Edit<VhdDynamicHeader>(host.Bytes, Header);
        change(ref header);
        header.Checksum = header.ComputeChecksum();
    }

    private static void EditFooters(ResizableMemoryDevice host, Change<VhdFooter> change)
    {
        EditFooter(host, 0, change);
        EditFooter(host, (int)host.Length - 512, change);
    }

    private static void EditFooter(ResizableMemoryDevice host, int offset, Change<VhdFooter> change)
    {
        ref var footer = ref OnDisk.Edit<VhdFooter>(host.Bytes, offset);
        change(ref footer);
        footer.Checksum = footer.ComputeChecksum();
    }

    private static CheckReport Check(BlockDevice host)
    {
        var report = new CheckReport();
        using var vhd = Container.Open(host);
        vhd.Check(report);
        return report;
    }

    private static void Expect(CheckReport report, string code, Severity severity) =>
        Assert.True(report.Findings.Any(f => f.Code == code && f.Severity == severity), $"expected {code}: {string.Join('\n', report.Findings)}");
}
