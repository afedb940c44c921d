using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Images;
using Platter.Images.Qcow2;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images.Qcow2;

/// <summary>Every kind of damage, made on purpose: opening stops at it, or the checker names it.</summary>
public sealed class Qcow2FindingsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("QCOW-0002", 0x14, 4, 8UL)]
    [InlineData("QCOW-0002", 0x14, 4, 22UL)]
    [InlineData("QCOW-0002", 0x14, 4, 0xFFFFFFFFUL)]
    [InlineData("QCOW-0003", 0x18, 8, 1UL << 63)]
    [InlineData("QCOW-0003", 0x18, 8, ulong.MaxValue)]
    [InlineData("QCOW-0003", 0x18, 8, 1UL << 62)]
    [InlineData("QCOW-0004", 0x24, 4, 0UL)]
    [InlineData("QCOW-0004", 0x24, 4, 0xFFFFFFFFUL)]
    [InlineData("QCOW-0004", 0x18, 8, 1UL << 40)]
    [InlineData("QCOW-0005", 0x28, 8, 0UL)]
    [InlineData("QCOW-0005", 0x28, 8, 0x30001UL)]
    [InlineData("QCOW-0005", 0x28, 8, 1UL << 50)]
    [InlineData("QCOW-0005", 0x28, 8, 1UL << 63)]
    [InlineData("QCOW-0006", 0x30, 8, 0x123UL)]
    [InlineData("QCOW-0006", 0x30, 8, 1UL << 40)]
    [InlineData("QCOW-0006", 0x38, 4, 0UL)]
    [InlineData("QCOW-0006", 0x38, 4, 0xFFFFFFFFUL)]
    [InlineData("QCOW-0007", 0x60, 4, 7UL)]
    [InlineData("QCOW-0008", 0x64, 4, 0UL)]
    [InlineData("QCOW-0008", 0x64, 4, 105UL)]
    [InlineData("QCOW-0008", 0x64, 4, 0x80000000UL)]
    [InlineData("QCOW-0009", 0x08, 8, 1UL << 40)]
    [InlineData("QCOW-0010", 0x3C, 4, 0xFFFFFFFFUL)]
    [InlineData("QCOW-0010", 0x3C, 4, 1UL)]
    [InlineData("QCOW-0011", 0x74, 4, 0x7FFFFFFFUL)]
    [InlineData("QCOW-0012", 0x68, 1, 1UL)]
    [InlineData("QCOW-0012", 0x48, 8, 8UL)]
    [InlineData("QCOW-0016", 0x48, 8, 4UL)]
    public void A_header_that_breaks_a_rule_is_refused(string code, int offset, int width, ulong value)
    {
        var image = Make();
        Put(image, offset, width, value);
        if (code == "QCOW-0009")
            Put(image, 0x10, 4, 100);
        var error = Assert.Throws<DiskFormatException>(() => Container.Open(new MemoryDevice(image.Bytes.ToArray(), canWrite: false)));
        Assert.Equal(code, error.Code);
    }

    [Fact]
    public void A_file_that_ends_in_its_header_is_refused()
    {
        foreach (var length in new[] { 8, 71, 80, 108 })
        {
            var image = Make();
            image.SetLength(length);
            Assert.Equal("QCOW-0001", Assert.Throws<DiskFormatException>(() => Container.Open(image)).Code);
        }
    }

    [Fact]
    public void Subclusters_that_are_too_small_are_refused()
    {
        var image = Make("cluster_size=4K");
        Put(image, 0x48, 8, 16);
        Assert.Equal("QCOW-0013", Assert.Throws<DiskFormatException>(() => Container.Open(image)).Code);
    }

    [Theory]
    [InlineData(0x04, 4, 4UL, "version 4")]
    [InlineData(0x20, 4, 1UL, "AES")]
    [InlineData(0x20, 4, 2UL, "LUKS")]
    [InlineData(0x20, 4, 9UL, "method 9")]
    [InlineData(0x48, 8, 1UL << 5, "bit 5")]
    [InlineData(0x68, 1, 2UL, "compression type 2")]
    public void What_platter_lacks_is_refused_by_name(int offset, int width, ulong value, string name)
    {
        var image = Make();
        Put(image, offset, width, value);
        Assert.Contains(name, Assert.Throws<UnsupportedFeatureException>(() => Container.Open(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_feature_is_named_by_the_images_own_table()
    {
        var image = Make();
        // The second entry of the feature name table becomes that of the unknown bit.
        var at = 0x70 + 8 + 48;
        Put(image, at, 2, 40);
        image.Write(at + 2, "teleportation\0"u8);
        Put(image, 0x48, 8, 1UL << 40);
        Assert.Contains("teleportation (bit 40)", Assert.Throws<UnsupportedFeatureException>(() => Container.Open(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_corrupt_image_is_read_and_checked_but_not_edited()
    {
        var image = Make();
        Put(image, 0x48, 8, 2);
        Assert.Equal("QCOW-0014", Assert.Throws<DiskFormatException>(() => Container.Open(image)).Code);
        using var container = Container.Open(new MemoryDevice(image.Bytes.ToArray(), canWrite: false));
        container.Disk.Read(0, new byte[100_000]);
        Assert.Contains("QCOW-0014", Codes(image));
    }

    [Fact]
    public void A_dirty_image_and_unknown_features_that_an_edit_switches_off_are_told()
    {
        var image = Make();
        Put(image, 0x48, 8, 1);
        Put(image, 0x58, 8, 1UL << 33);
        Assert.Equal(["QCOW-0015", "QCOW-0017"], Codes(image));
    }

    [Fact]
    public void A_raw_data_bit_without_a_data_file_and_a_name_within_the_header_are_told()
    {
        var image = Make();
        Put(image, 0x58, 8, 2);
        Put(image, 0x08, 8, 0x40);
        Assert.Equal(["QCOW-0009", "QCOW-0016"], Codes(image));
    }

    [Theory]
    [InlineData("QCOW-0020", true, 0x8000_0000_0000_0200UL)]
    [InlineData("QCOW-0021", true, 0x8000_0001_0000_0000UL)]
    [InlineData("QCOW-0022", false, 0x8000_0000_0005_0200UL)]
    [InlineData("QCOW-0023", false, 0x8000_0001_0000_0000UL)]
    [InlineData("QCOW-0024", false, 0x4000_0001_0000_0000UL)]
    [InlineData("QCOW-0024", false, 0x4000_0000_0000_0010UL)]
    public void An_entry_that_leads_astray_is_told_and_not_followed(string code, bool l1, ulong entry)
    {
        var image = Make();
        var geometry = Qcow2Geometry.Read(image);
        var l2 = (long)(Get(image, geometry.L1Offset) & L2Entry.OffsetMask);
        Put(image, l1 ? geometry.L1Offset : l2, 8, entry);
        Assert.Contains(code, Codes(image));
        using var container = Container.Open(image);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => container.Disk.Read(0, new byte[10])).Code);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => container.Disk.Write(0, new byte[] { 1 })).Code);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => container.Disk.AllocatedRanges().Count()).Code);
    }

    [Fact]
    public void Compressed_bytes_that_are_none_are_an_error_when_they_are_read()
    {
        foreach (var settings in new[] { "", "compression_type=zstd" })
        {
            var image = Make(settings);
            var l2 = (long)(Get(image, Qcow2Geometry.Read(image).L1Offset) & L2Entry.OffsetMask);
            var place = (long)(Get(image, l2) & L2Entry.OffsetMask);
            new Random(1).NextBytes(image.Bytes.Slice((int)place, 65536));
            Put(image, l2, 8, L2Entry.Compressed(place, 30_000, 16).Descriptor);
            using var container = Container.Open(image);
            Assert.Equal("QCOW-0025", Assert.Throws<DiskFormatException>(() => container.Disk.Read(0, new byte[10])).Code);
            Assert.Equal("QCOW-0025", Assert.Throws<DiskFormatException>(() => container.Disk.Read(0, new byte[65536])).Code);
        }
    }

    [Theory]
    [InlineData(0x8000_0000_0000_0000UL, 1UL << 32 | 1UL)]
    [InlineData(0UL, 5UL)]
    public void Subclusters_that_contradict_are_told(ulong descriptor, ulong subclusters)
    {
        var image = Make("extended_l2=on");
        var l2 = (long)(Get(image, Qcow2Geometry.Read(image).L1Offset) & L2Entry.OffsetMask);
        Put(image, l2, 8, descriptor == 0 ? 0 : Get(image, l2));
        Put(image, l2 + 8, 8, subclusters);
        Assert.Contains("QCOW-0026", Codes(image));
    }

    [Fact]
    public void The_zero_flag_in_version_2_is_told()
    {
        var image = Make("compat=0.10");
        var l2 = (long)(Get(image, Qcow2Geometry.Read(image).L1Offset) & L2Entry.OffsetMask);
        Put(image, l2 + 80, 8, 1);
        Assert.Equal(["QCOW-0027"], Codes(image));
    }

    [Fact]
    public void Reserved_bits_are_told()
    {
        var image = Make();
        var geometry = Qcow2Geometry.Read(image);
        var l2 = (long)(Get(image, geometry.L1Offset) & L2Entry.OffsetMask);
        Put(image, geometry.L1Offset, 8, Get(image, geometry.L1Offset) | 1);
        Put(image, l2, 8, Get(image, l2) | 1UL << 60);
        Put(image, 0x10000, 8, Get(image, 0x10000) | 4);
        Assert.Equal(["QCOW-0028", "QCOW-0028", "QCOW-0028"], Codes(image));
        using var container = Container.Open(image);
        container.Disk.Write(0, new byte[] { 1 });
        container.Disk.Flush();
    }

    [Theory]
    [InlineData("QCOW-0030", 0x20200UL)]
    [InlineData("QCOW-0031", 0x1_0000_0000UL)]
    public void A_refcount_block_that_is_nowhere_is_told(string code, ulong entry)
    {
        var image = Make();
        Put(image, 0x10000, 8, entry);
        Assert.Contains(code, Codes(image));
        using var container = Container.Open(image);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => container.Disk.Write(0, new byte[] { 1 })).Code);
    }

    [Fact]
    public void Refcounts_that_are_too_low_or_too_high_are_told_and_a_low_one_ends_an_edit()
    {
        var image = Make();
        var l2 = (long)(Get(image, Qcow2Geometry.Read(image).L1Offset) & L2Entry.OffsetMask);
        var data = (long)(Get(image, l2) & L2Entry.OffsetMask);
        var block = (long)Get(image, 0x10000);
        Put(image, block + data / 65536 * 2, 2, 0);
        Put(image, block + 0x2000, 2, 7);       // behind the end of the file
        Assert.Equal(["QCOW-0032", "QCOW-0033"], Codes(image));
        using (var container = Container.Open(image))
            Assert.Equal("QCOW-0032", Assert.Throws<DiskFormatException>(() => container.Disk.Write(0, new byte[] { 1 })).Code);
        Put(image, block + data / 65536 * 2, 2, 3);
        Assert.Equal(["QCOW-0033", "QCOW-0033"], Codes(image));
    }

    [Fact]
    public void A_header_that_counts_as_free_is_not_written_over()
    {
        var image = Make();
        Put(image, (long)Get(image, 0x10000), 2, 0);
        Assert.Equal(["QCOW-0032"], Codes(image));
        using var container = Container.Open(image);
        Assert.Equal("QCOW-0032", Assert.Throws<DiskFormatException>(() => container.Disk.Write(500_000, new byte[] { 1 })).Code);
    }

    [Fact]
    public void A_block_of_refcounts_behind_the_end_is_told()
    {
        var image = Make("cluster_size=512");
        var end = image.Length;
        image.SetLength(end + 512);
        var table = (long)Get(image, 0x30);
        Put(image, end, 2, 1);
        Put(image, table + 40 * 8, 8, (ulong)end);
        Assert.Contains("QCOW-0033", Codes(image));
    }

    [Fact]
    public void Clusters_with_two_owners_are_told()
    {
        var image = Make();
        var geometry = Qcow2Geometry.Read(image);
        var l2 = (long)(Get(image, geometry.L1Offset) & L2Entry.OffsetMask);
        Put(image, l2, 8, (ulong)geometry.L1Offset | L2Entry.CopiedFlag);       // data over the L1 table
        Assert.Contains("QCOW-0034", Codes(image));
        Put(image, 0x10008, 8, Get(image, 0x10000));                            // one block for two ranges
        Assert.Contains(Findings(image), f => f.Code == "QCOW-0034" && f.Structure == "RefcountTable");
    }

    [Fact]
    public void Copied_flags_that_contradict_the_refcounts_are_told_and_mended_by_an_edit()
    {
        var image = Make();
        var geometry = Qcow2Geometry.Read(image);
        var l2 = (long)(Get(image, geometry.L1Offset) & L2Entry.OffsetMask);
        Put(image, geometry.L1Offset, 8, Get(image, geometry.L1Offset) & ~L2Entry.CopiedFlag);
        Put(image, l2, 8, Get(image, l2) & ~L2Entry.CopiedFlag);
        Assert.Equal(["QCOW-0035", "QCOW-0035"], Codes(image));
        using (var container = Container.Open(image))
        {
            container.Disk.Write(5, new byte[] { 1, 2, 3 });
            container.Disk.Flush();
        }
        Assert.Empty(Codes(image));
    }

    [Fact]
    public void A_snapshot_whose_table_is_nowhere_is_told()
    {
        var path = Snapshots();
        var image = new ResizableMemoryDevice(File.ReadAllBytes(path));
        var table = (long)Get(image, 0x40);
        Put(image, table, 8, 1UL << 40);
        Assert.Contains("QCOW-0041", Codes(image));
        var error = Assert.Throws<DiskFormatException>(() => Container.Open(image).OpenSnapshot("one"));
        Assert.Equal("QCOW-0041", error.Code);
        Put(image, table + 0x24, 4, 0xFFFF_FFFF);
        Assert.Contains("QCOW-0010", Codes(image));
        using var container = Container.Open(image);
        Assert.Contains(container.Details, d => d.Key == "snapshots" && d.Value.Contains("broken", StringComparison.Ordinal));
        Assert.Equal("QCOW-0010", Assert.Throws<DiskFormatException>(() => container.Disk.Write(0, new byte[] { 1 })).Code);
    }

    [Fact]
    public void A_snapshot_that_is_not_there_is_not_found()
    {
        using var container = Container.Open(new ResizableMemoryDevice(File.ReadAllBytes(Snapshots())));
        Assert.Contains("one, two", Assert.Throws<FileNotFoundException>(() => container.OpenSnapshot("three")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_bitmaps_are_told()
    {
        var path = _folder.File("bitmaps.qcow2");
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", path, "64M");
        Tool.Expect("qemu-img", "bitmap", "--add", "-g", "64K", path, "daily");
        Tool.Expect("qemu-io", "-f", "qcow2", "-c", "write 0 1M", path);
        var bytes = File.ReadAllBytes(path);
        var extensions = Qcow2Geometry.Read(new MemoryDevice(bytes, canWrite: false)).Extensions;
        var directory = (long)(ulong)extensions.Bitmaps!.Value.DirectoryOffset;

        var image = new ResizableMemoryDevice([.. bytes]);
        Assert.Empty(Codes(image));
        var table = (long)Get(image, directory);
        Put(image, table, 8, 1UL << 40);
        Assert.Contains("QCOW-0052", Codes(image));

        image = new ResizableMemoryDevice([.. bytes]);
        Put(image, directory + 0x0C, 4, 1);
        Assert.Equal(["QCOW-0051"], Codes(image));

        foreach (var (offset, width, value) in new (long, int, ulong)[] { (directory, 8, 1UL << 40), (directory + 0x11, 1, 5), (directory + 8, 4, 77), (directory + 0x14, 4, 0x7FFFFFFF), (extensions.BitmapsOffset, 4, 0), (extensions.BitmapsOffset + 16, 8, 12345) })
        {
            image = new ResizableMemoryDevice([.. bytes]);
            Put(image, offset, width, value);
            Assert.Contains("QCOW-0050", Codes(image));
            using var container = Container.Open(image);
            Assert.Equal("QCOW-0050", Assert.Throws<DiskFormatException>(() => container.Disk.Write(0, new byte[] { 1 })).Code);
        }
    }

    private string Snapshots()
    {
        var path = _folder.File("snapshots.qcow2");
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", path, "4M");
        foreach (var name in new[] { "one", "two" })
        {
            Tool.Expect("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 100K", path);
            Tool.Expect("qemu-img", "snapshot", "-c", name, path);
        }
        return path;
    }

    // Header, refcount table at 0x10000 and its block behind, L1 table, L2 table, data: as with clusters of 64 KiB.
    private static ResizableMemoryDevice Make(string settings = "")
    {
        var file = new ResizableMemoryDevice(0);
        using var image = ContainerFormat.Qcow2.Create(file, 1 << 20, Qcow2Images.Options(settings));
        var data = new byte[150_000];
        new Random(3).NextBytes(data);
        image.Disk.Write(0, data);
        image.Disk.Flush();
        Assert.Empty(Codes(file));
        return file;
    }

    private static List<Finding> Findings(BlockDevice image)
    {
        var report = new CheckReport();
        new Qcow2Checker(image, null, Qcow2Geometry.Read(image), report).Check();
        return [.. report.Findings];
    }

    private static List<string> Codes(BlockDevice image) => [.. Findings(image).Select(f => f.Code).Order(StringComparer.Ordinal)];

    private static ulong Get(BlockDevice image, long offset)
    {
        var bytes = new byte[8];
        image.Read(offset, bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    private static void Put(BlockDevice image, long offset, int width, ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        image.Write(offset, bytes.AsSpan(8 - width));
    }
}
