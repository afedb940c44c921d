using Platter.Blocks;
using Platter.Images;
using Platter.Images.Compressed;
using Platter.Primitives;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Compressed images: damage, odd shapes, and the way back in a long stream.</summary>
public sealed class CompressedTests
{
    private static readonly ContainerFormat[] Formats = [ContainerFormat.Gzip, ContainerFormat.Xz, ContainerFormat.Zstd, ContainerFormat.Lz4, ContainerFormat.Bzip2];

    public static TheoryData<string> Names { get; } = [.. Formats.Select(f => f.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_was_cut_is_refused_or_found_with_its_place(string name)
    {
        var bytes = Pack(name, Disk(3 << 20));
        foreach (var length in new[] { 20, bytes.Length / 2, bytes.Length - 20, bytes.Length - 1 })
        {
            var error = Assert.Throws<DiskFormatException>(() => ReadAll(bytes[..length]));
            Assert.Contains(error.Code, new[] { "CMP-0001", "CMP-0002" });
            Assert.InRange(error.Offset, 0, bytes.Length);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_flipped_bit_in_the_data_is_found(string name)
    {
        var disk = Disk(3 << 20);
        for (var at = 0; at < 12; at++)
        {
            var bytes = Pack(name, disk);
            bytes[bytes.Length / 14 * (at + 1)] ^= 4;
            var error = Assert.Throws<DiskFormatException>(() => ReadAll(bytes));
            Assert.Contains(error.Code, new[] { "CMP-0001", "CMP-0002", "CMP-0003" });
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_disk_of_nothing_and_one_of_zeros_are_disks(string name)
    {
        foreach (var length in new[] { 1, 511, 3 << 20 })
            Assert.Equal(new byte[length], ReadAll(Pack(name, new byte[length])));
        using var empty = Open(Pack(name, []));
        Assert.Equal(0, empty.Disk.Length);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_never_stored_reads_as_zeros(string name)
    {
        var host = new ResizableMemoryDevice(0);
        var disk = new byte[10_000_001];
        using (var writer = ContainerFormat.FromName(name)!.CreateInOrder(host, disk.Length))
        {
            var at = 4 * writer.BlockSize > disk.Length ? 0 : 2 * writer.BlockSize;
            new Random(1).NextBytes(disk.AsSpan(at, writer.BlockSize));
            writer.Store(writer.Pack(at, disk.AsSpan(at, writer.BlockSize)));
            writer.Complete();
        }
        Assert.Equal(disk, ReadAll(host.Bytes.ToArray()));
    }

    [Fact]
    public void What_follows_the_stream_is_told_and_left_out()
    {
        foreach (var name in new[] { "gz", "lz4", "bz2" })
        {
            var disk = Disk(100_000);
            byte[] bytes = [.. Pack(name, disk), .. "something else, which is not compressed"u8];
            using var container = Open(bytes);
            Assert.Equal(disk.Length, container.Disk.Length);
            var report = new CheckReport();
            container.Check(report);
            Assert.Equal("CMP-0004", Assert.Single(report.Findings).Code);
            Assert.True(report.IsClean);
        }
    }

    [Fact]
    public void An_index_that_lies_is_found()
    {
        // A seek table of zstd that moves a byte from one frame to the next.
        var bytes = Pack("zst", Disk(3 << 20));
        var table = bytes.Length - 9 - 3 * 8;
        Move(bytes, table + 4, table + 12);
        Assert.Equal("CMP-0003", Assert.Throws<DiskFormatException>(() => ReadAll(bytes)).Code);

        // An index of xz, with its checksum made right again.
        bytes = Pack("xz", Disk(1 << 20));
        var index = bytes.Length - 12 - 12;
        Assert.Equal((0, 1), (bytes[index], bytes[index + 1]));
        bytes[index + 7] ^= 0x7F;      // the highest bits of the length
        BitConverter.GetBytes(Crc32.Compute(bytes.AsSpan(index, 8))).CopyTo(bytes, index + 8);
        Assert.Equal("CMP-0003", Assert.Throws<DiskFormatException>(() => ReadAll(bytes)).Code);
    }

    [Fact]
    public void A_container_that_was_compressed_as_a_whole_is_named()
    {
        var host = new ResizableMemoryDevice(0);
        ContainerFormat.Vdi.Create(host, 1 << 20).Dispose();
        Assert.Contains("VDI", Assert.Throws<UnsupportedFeatureException>(() => Open(Pack("zst", host.Bytes.ToArray()))).Message, StringComparison.Ordinal);
    }

    // A disk that starts like a stream is a disk all the same when it has a boot signature and does not unpack.
    [Fact]
    public void A_disk_that_looks_compressed_stays_a_disk()
    {
        foreach (var name in new[] { "gz", "xz", "zst", "lz4", "bz2" })
        {
            var disk = new byte[1 << 20];
            Pack(name, Disk(5000)).AsSpan(0, 4).CopyTo(disk);
            (disk[510], disk[511]) = (0x55, 0xAA);
            using var container = Open(disk);
            Assert.Equal("raw", container.Format.Name);
        }
    }

    // Bytes that can't be compressed stand in the stream as they are: so the signature can be put there.
    [Theory]
    [InlineData("gz")]
    [InlineData("xz")]
    [InlineData("zst")]
    [InlineData("lz4")]
    public void A_stream_that_happens_to_have_a_boot_signature_stays_a_stream(string name)
    {
        var disk = new byte[50_000];
        new Random(5).NextBytes(disk);
        var at = disk.AsSpan().IndexOf(Pack(name, disk).AsSpan(510, 8));
        Assert.True(at > 0);
        (disk[at], disk[at + 1]) = (0x55, 0xAA);
        var stream = Pack(name, disk);
        Assert.Equal((0x55, 0xAA), (stream[510], stream[511]));
        Assert.Equal(disk, ReadAll(stream));
    }

    [Fact]
    public void Compressed_images_are_not_edited()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("a.img.gz"), Pack("gz", Disk(1000)));
        Assert.Contains("convert", Assert.Throws<UnsupportedFeatureException>(() => ImageFile.Open(folder.File("a.img.gz"), ImageAccess.Edit)).Message, StringComparison.Ordinal);
    }

    // One stream without an index: going back costs the way from the last saved state, whatever the library.
    [Theory]
    [InlineData("gz")]
    [InlineData("xz")]
    [InlineData("zst")]
    [InlineData("lz4")]
    public void A_long_stream_is_read_backwards(string name)
    {
        var disk = Disk(40 << 20);
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("a.img"), disk);
        string[] command = name switch
        {
            "gz" => ["gzip", "-1", "-k"],
            "xz" => ["xz", "-0", "-k", "-T1"],
            "zst" => ["zstd", "-q", "-1"],
            _ => ["lz4", "-q", "-BD", "-B5", "-k"],
        };
        Tool.Expect(command[0], [.. command[1..], folder.File("a.img"), .. name == "lz4" ? new[] { folder.File("a.img.lz4") } : []]);
        using var image = ImageFile.Open(folder.File("a.img." + name), ImageAccess.Read);
        var buffer = new byte[100_000];
        for (var at = disk.Length - buffer.Length; at >= 0; at -= 1_234_567)
        {
            image.Device.Read(at, buffer);
            Assert.True(buffer.AsSpan().SequenceEqual(disk.AsSpan(at, buffer.Length)), $"at {at}");
        }
    }

    [Theory]
    [InlineData(0, 0x02CC5D05u)]
    [InlineData(1, 0x550D7456u)]
    [InlineData(9, 0x937BAD67u)]
    public void Checksums_of_lz4_are_those_of_xxHash(int length, uint expected)
    {
        var text = "abcdefghijklmnopqrstuvwxyz"u8[..length];
        Assert.Equal(expected, length == 9 ? XxHash32.Compute("123456789"u8) : XxHash32.Compute(text));
    }

    private static void Move(byte[] bytes, int from, int to)
    {
        BitConverter.GetBytes(BitConverter.ToUInt32(bytes, from) - 1).CopyTo(bytes, from);
        BitConverter.GetBytes(BitConverter.ToUInt32(bytes, to) + 1).CopyTo(bytes, to);
    }

    private static byte[] Disk(int length)
    {
        var bytes = new byte[length];
        if (length > 2000)
            TestDisk.Fill(new MemoryDevice(bytes), length / 2, seed: length);
        return bytes;
    }

    private static byte[] Pack(string name, byte[] disk)
    {
        var host = new ResizableMemoryDevice(0);
        using (var writer = ContainerFormat.FromName(name)!.CreateInOrder(host, disk.Length))
        {
            for (var at = 0; at < disk.Length; at += writer.BlockSize)
                writer.Store(writer.Pack(at, disk.AsSpan(at, Math.Min(writer.BlockSize, disk.Length - at))));
            writer.Complete();
        }
        return host.Bytes.ToArray();
    }

    private static Container Open(byte[] bytes) => Container.Open(new MemoryDevice(bytes, canWrite: false));

    private static byte[] ReadAll(byte[] bytes)
    {
        using var container = Open(bytes);
        var all = new byte[container.Disk.Length];
        container.Disk.Read(0, all);
        return all;
    }
}
