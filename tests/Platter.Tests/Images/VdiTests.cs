using Platter.Blocks;
using Platter.Images;
using Platter.Images.Vdi;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>VDI: the layout, and each damage that is looked for.</summary>
public sealed class VdiTests
{
    [Fact]
    public void The_header_has_the_layout_of_VirtualBox()
    {
        Assert.Equal(512, System.Runtime.CompilerServices.Unsafe.SizeOf<VdiHeader>());
        foreach (var (field, offset) in new[] { ("Text", 0), ("Signature", 0x40), ("Version", 0x44), ("HeaderSize", 0x48), ("Type", 0x4C), ("Flags", 0x50), ("Comment", 0x54), ("MapOffset", 0x154), ("DataOffset", 0x158), ("Cylinders", 0x15C), ("SectorSize", 0x168), ("DiskSize", 0x170), ("BlockSize", 0x178), ("BlockExtra", 0x17C), ("BlockCount", 0x180), ("AllocatedBlocks", 0x184), ("UniqueId", 0x188), ("ModificationId", 0x198), ("ParentId", 0x1A8), ("ParentModificationId", 0x1B8) })
            Assert.Equal(offset, (int)System.Runtime.InteropServices.Marshal.OffsetOf<VdiHeader>(field));
    }

    [Theory]
    [InlineData("VDI-0002", 0x4C, 77u)]
    [InlineData("VDI-0003", 0x178, 0u)]
    [InlineData("VDI-0003", 0x178, 1_000_000u)]
    [InlineData("VDI-0003", 0x178, 0x80000000u)]
    [InlineData("VDI-0003", 0x17C, 100u)]
    [InlineData("VDI-0004", 0x174, 0x7FFFFFFFu)]
    [InlineData("VDI-0004", 0x180, 3u)]
    [InlineData("VDI-0005", 0x154, 100u)]
    [InlineData("VDI-0005", 0x154, 0xFFFFFE00u)]
    [InlineData("VDI-0005", 0x158, 520u)]
    public void A_damaged_header_is_refused(string code, int offset, uint value) =>
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => Open(Put(Image(), offset, value))).Code);

    [Fact]
    public void A_cut_file_is_refused() => Assert.Equal("VDI-0001", Assert.Throws<DiskFormatException>(() => Open(Image()[..400])).Code);

    [Theory]
    [InlineData(3u)]
    [InlineData(4u)]
    public void Differences_are_refused_by_name(uint type) =>
        Assert.Contains("difference", Assert.Throws<UnsupportedFeatureException>(() => Open(Put(Image(), 0x4C, type))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("VDI-0006", 512 + 4, 1000u)]
    [InlineData("VDI-0007", 512 + 4, 0u)]
    public void Damage_in_the_map_is_found_and_not_written_to(string code, int offset, uint value)
    {
        var bytes = Put(Image(), offset, value);
        Assert.Contains(Check(bytes).Findings, f => f.Code == code && f.Severity == Severity.Error);
        var before = (byte[])bytes.Clone();
        using var transaction = TransactionDevice.Open(new ResizableMemoryDevice(bytes), new MemoryJournalStore());
        using var container = Container.Open(transaction);
        Assert.Throws<DiskFormatException>(() => container.Disk.Write(6 << 20, [1]));
        Assert.Equal(before, bytes);
    }

    [Fact]
    public void A_wrong_count_and_an_odd_sector_size_are_told()
    {
        Assert.Equal(("VDI-0008", Severity.Warning), Found(Put(Image(), 0x184, 1)));
        Assert.Equal(("VDI-0009", Severity.Note), Found(Put(Image(), 0x168, 0)));
        Assert.Equal("VDI-0008", Assert.Throws<DiskFormatException>(() =>
        {
            using var transaction = TransactionDevice.Open(new ResizableMemoryDevice(Put(Image(), 0x184, 100)), new MemoryJournalStore());
            using var container = Container.Open(transaction);
            container.Disk.Write(6 << 20, [1]);
        }).Code);
    }

    // Programs place a new block where the count says, so one that only counts what is in use leads them over the last block.
    [Fact]
    public void A_gap_among_the_blocks_is_counted_like_a_block()
    {
        byte[] bytes = [.. Put(Image(), 512 + 4, 2), .. new byte[1 << 20]];
        Assert.Equal(("VDI-0008", Severity.Warning), Found(bytes));
        var host = new ResizableMemoryDevice(bytes);
        using (var container = Container.Open(host))
        {
            container.Disk.Write(6 << 20, [1]);
            container.Disk.Flush();
        }
        Assert.Equal(4u, BitConverter.ToUInt32(host.Bytes[0x184..]));
        Assert.True(Check(host.Bytes.ToArray()).IsClean);
    }

    // The map goes home by whole sectors: data beside it in its last one would go back to what it was.
    [Fact]
    public void Data_in_the_sector_that_the_map_ends_in_is_read_and_not_written()
    {
        var host = new ResizableMemoryDevice(0);
        using (var container = ContainerFormat.Vdi.Create(host, 8 << 20))
        {
            container.Disk.Write(0, Enumerable.Repeat((byte)5, 1 << 20).ToArray());
            container.Disk.Flush();
        }
        // Eight entries of four bytes, and the data at once behind them.
        var bytes = Put(host.Bytes.ToArray(), 0x158, 512 + 32);
        using (var container = Open(bytes))
            Assert.Equal(5, Read(container.Disk, (1 << 20) - 1));
        var edited = new ResizableMemoryDevice([.. bytes]);
        using (var container = Container.Open(edited))
        {
            Assert.Equal("VDI-0005", Assert.Throws<DiskFormatException>(() => container.Disk.Write(0, [1])).Code);
            Assert.Equal("VDI-0005", Assert.Throws<DiskFormatException>(() => container.Disk.Write(6 << 20, [1])).Code);
            container.Disk.Flush();
        }
        Assert.Equal(bytes, edited.Bytes.ToArray());

        static byte Read(BlockDevice disk, long offset)
        {
            var one = new byte[1];
            disk.Read(offset, one);
            return one[0];
        }
    }

    // What VirtualBox marks as zeros takes no block, and gets one when something is written.
    [Fact]
    public void Blocks_of_zeros_get_a_place_when_they_are_written()
    {
        var bytes = Put(Image(), 512 + 5 * 4, 0xFFFFFFFE);
        var host = new ResizableMemoryDevice(bytes);
        using (var container = Container.Open(host))
        {
            container.Disk.Write(5 << 20, [9]);
            container.Disk.Flush();
        }
        using var again = Container.Open(host);
        var two = new byte[2];
        again.Disk.Read(5 << 20, two);
        Assert.Equal([9, 0], two);
        Assert.True(Check(host.Bytes.ToArray()).IsClean);
    }

    // As VirtualBox counts on it: the blocks in the file have no gaps.
    [Fact]
    public void Zeroed_blocks_stay_in_their_place_without_taking_room()
    {
        var host = new ResizableMemoryDevice(Image());
        using (var container = Container.Open(host))
        {
            container.Disk.WriteZeros(0, 1 << 20);
            container.Disk.Write(6 << 20, [1]);
            container.Disk.Flush();
        }
        Assert.Equal(0u, BitConverter.ToUInt32(host.Bytes[512..]));
        Assert.Equal(3u, BitConverter.ToUInt32(host.Bytes[0x184..]));
        Assert.True(Check(host.Bytes.ToArray()).IsClean);
    }

    private static (string, Severity) Found(byte[] bytes)
    {
        var finding = Assert.Single(Check(bytes).Findings);
        return (finding.Code, finding.Severity);
    }

    private static CheckReport Check(byte[] bytes)
    {
        using var container = Open(bytes);
        var report = new CheckReport();
        container.Check(report);
        return report;
    }

    private static Container Open(byte[] bytes) => Container.Open(new MemoryDevice(bytes, canWrite: false));

    private static byte[] Put(byte[] bytes, int offset, uint value)
    {
        BitConverter.GetBytes(value).CopyTo(bytes, offset);
        return bytes;
    }

    private static byte[] Image()
    {
        var host = new ResizableMemoryDevice(0);
        using (var container = ContainerFormat.Vdi.Create(host, 8 << 20))
        {
            container.Disk.Write(0, [1]);
            container.Disk.Write(1 << 20, [2]);
            container.Disk.Flush();
        }
        return host.Bytes.ToArray();
    }
}
