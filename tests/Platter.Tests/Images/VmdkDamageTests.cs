using System.Text;
using Platter.Blocks;
using Platter.Images;
using Platter.Images.Vmdk;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>A VMDK broken in every way that is looked for, and what is said of it.</summary>
public sealed class VmdkDamageTests : IDisposable
{
    private const int GrainSize = 64 << 10;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("VMDK-0003", 0x14, 0UL)]
    [InlineData("VMDK-0003", 0x14, 100UL)]
    [InlineData("VMDK-0003", 0x14, 1UL << 40)]
    [InlineData("VMDK-0004", 0x2C, 0UL)]
    [InlineData("VMDK-0004", 0x2C, 1UL << 20)]
    [InlineData("VMDK-0005", 0x0C, ulong.MaxValue)]
    [InlineData("VMDK-0005", 0x0C, 1UL << 62)]
    [InlineData("VMDK-0006", 0x0C, 1UL << 50)]
    [InlineData("VMDK-0006", 0x38, 1UL << 40)]
    [InlineData("VMDK-0006", 0x30, 1UL << 40)]
    [InlineData("VMDK-0018", 0x38, ulong.MaxValue)]
    [InlineData("VMDK-0010", 0x1C, 1UL << 60)]
    [InlineData("VMDK-0010", 0x24, 1UL << 60)]
    [InlineData("VMDK-0015", 0x48, 0x0A0D0A0D00UL)]
    public void A_damaged_header_is_refused(string code, int offset, ulong value)
    {
        var bytes = Sparse();
        BitConverter.GetBytes(value).AsSpan(0, offset == 0x2C ? 4 : 8).CopyTo(bytes.AsSpan(offset));
        Refused(code, bytes);
    }

    [Fact]
    public void A_file_that_was_cut_is_refused()
    {
        Refused("VMDK-0001", Sparse()[..300]);
        Refused("VMDK-0006", Sparse()[..11_000]);
        var stream = Stream();
        Refused("VMDK-0018", stream[..^1000]);
        // A footer that leaves the directory to yet another one.
        stream.AsSpan(stream.Length - 1024 + 0x38, 8).Fill(0xFF);
        Refused("VMDK-0006", stream);
    }

    [Fact]
    public void A_descriptor_of_other_lines_is_refused()
    {
        Refused("VMDK-0010", Replace(Sparse(), "# Disk DescriptorFile", "# Disk DescriptorFilx"));
        Refused("VMDK-0010", Replace(Sparse(), "createType=", "createType "));
        Refused("VMDK-0010", Replace(Sparse(), "parentCID=ffffffff", "parentCID=nonsense"));
        Refused("VMDK-0011", Encoding.ASCII.GetBytes("# Disk DescriptorFile\nversion=1\ncreateType=\"custom\"\nRW many FLAT \"x\" 0\n"));
        Refused("VMDK-0011", Encoding.ASCII.GetBytes("# Disk DescriptorFile\nversion=1\ncreateType=\"custom\"\n"));
        foreach (var (line, reason) in new[] { ("RW 8 FLAT \"../secret\" 0", "path"), ("RW 8 FLAT \"/etc/passwd\" 0", "path"), ("NOACCESS 8 FLAT \"x\" 0", "NOACCESS"), ("RW 8 VMFSRDM \"x\"", "VMFSRDM") })
        {
            var text = Encoding.ASCII.GetBytes($"# Disk DescriptorFile\nversion=1\n{line}\n");
            Assert.Contains(reason, Assert.Throws<UnsupportedFeatureException>(() => Open(text)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_extent_that_is_too_short_is_refused()
    {
        File.WriteAllBytes(_folder.File("x-flat.vmdk"), new byte[4096]);
        File.WriteAllBytes(_folder.File("x-s001.vmdk"), Sparse());
        foreach (var line in new[] { "RW 9 FLAT \"x-flat.vmdk\" 0", "RW 8 FLAT \"x-flat.vmdk\" 1", "RW 999999 SPARSE \"x-s001.vmdk\"" })
        {
            File.WriteAllText(_folder.File("x.vmdk"), $"# Disk DescriptorFile\nversion=1\n{line}\n");
            Assert.Equal("VMDK-0012", Assert.Throws<DiskFormatException>(() => ImageFile.Open(_folder.File("x.vmdk"), ImageAccess.Read)).Code);
        }
        File.WriteAllText(_folder.File("x.vmdk"), "# Disk DescriptorFile\nversion=1\nRW 4 FLAT \"gone.vmdk\" 0\n");
        Assert.Throws<FileNotFoundException>(() => ImageFile.Open(_folder.File("x.vmdk"), ImageAccess.Read));
        File.WriteAllText(_folder.File("x.vmdk"), "# Disk DescriptorFile\nversion=1\nRW 4 FLAT \"x.vmdk\" 0\n");
        Assert.Equal("IMG-0003", Assert.Throws<DiskFormatException>(() => ImageFile.Open(_folder.File("x.vmdk"), ImageAccess.Read)).Code);
    }

    [Fact]
    public void A_parent_that_is_not_the_one_is_refused()
    {
        File.WriteAllBytes(_folder.File("base.vmdk"), Sparse());
        using (var parent = ImageFile.Open(_folder.File("base.vmdk"), ImageAccess.Read))
        {
            using var child = NewImage.Create(_folder.File("child.vmdk"), parent.Device.Length, new NewImageOptions { Container = new ContainerOptions { Parent = parent.Container, ParentReference = "base.vmdk" } });
            child.Complete();
        }
        ImageFile.Open(_folder.File("child.vmdk"), ImageAccess.Read).Dispose();
        using (var parent = ImageFile.Open(_folder.File("base.vmdk"), ImageAccess.Edit))
        {
            parent.Device.Write(0, [1, 2, 3]);
            parent.Device.Flush();
        }
        Assert.Equal("VMDK-0019", Assert.Throws<DiskFormatException>(() => ImageFile.Open(_folder.File("child.vmdk"), ImageAccess.Read)).Code);
    }

    [Fact]
    public void Damaged_tables_are_found_and_not_written_to()
    {
        var (table, _) = Tables(Sparse());
        Finds("VMDK-0007", bytes => BitConverter.GetBytes(0x7FFFFFFF).CopyTo(bytes, Directory(bytes)));
        Finds("VMDK-0008", bytes => BitConverter.GetBytes(0x7FFFFFFF).CopyTo(bytes, table + 4));
        Finds("VMDK-0009", bytes => bytes.AsSpan(table, 4).CopyTo(bytes.AsSpan(table + 4)));
        Finds("VMDK-0009", bytes => BitConverter.GetBytes(1).CopyTo(bytes, table));
    }

    [Fact]
    public void What_no_data_suffers_from_is_a_warning_or_a_note()
    {
        var (table, copy) = Tables(Sparse());
        Assert.Equal(("VMDK-0013", Severity.Warning), Found(bytes => bytes.AsSpan(copy, 4).Clear()));
        Assert.Equal(("VMDK-0014", Severity.Warning), Found(bytes => bytes[0x48] = 1));
        Assert.Equal(("VMDK-0020", Severity.Note), Found(bytes =>
        {
            bytes.AsSpan(table, 4).Clear();
            bytes.AsSpan(copy, 4).Clear();
        }));
    }

    [Fact]
    public void Damaged_grains_of_a_stream_are_found()
    {
        // The first grain follows the header and the descriptor.
        FindsInStream("VMDK-0016", bytes => BitConverter.GetBytes(int.MaxValue).CopyTo(bytes, GrainSize + 8));
        FindsInStream("VMDK-0016", bytes => bytes.AsSpan(GrainSize + 12, 40).Fill(0xAA));
        FindsInStream("VMDK-0017", bytes => bytes[GrainSize] ^= 0x80);
    }

    [Fact]
    public void Version_and_compression_that_are_not_known_are_refused_by_name()
    {
        var bytes = Sparse();
        bytes[4] = 9;
        Assert.Contains("version 9", Assert.Throws<UnsupportedFeatureException>(() => Open(bytes)).Message, StringComparison.Ordinal);
        bytes = Stream();
        bytes[0x4D] = 2;
        bytes[^(1024 - 0x4D)] = 2;
        Assert.Contains("algorithm 2", Assert.Throws<UnsupportedFeatureException>(() => Open(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_structures_have_the_layout_of_the_specification()
    {
        Assert.Equal(512, System.Runtime.CompilerServices.Unsafe.SizeOf<VmdkHeader>());
        Assert.Equal(512, System.Runtime.CompilerServices.Unsafe.SizeOf<VmdkMarker>());
        foreach (var (field, offset) in new[] { ("Magic", 0), ("Version", 4), ("FlagBits", 8), ("Capacity", 0xC), ("GrainSize", 0x14), ("DescriptorOffset", 0x1C), ("DescriptorSize", 0x24), ("EntriesPerTable", 0x2C), ("RedundantDirectoryOffset", 0x30), ("DirectoryOffset", 0x38), ("Overhead", 0x40), ("UncleanShutdown", 0x48), ("Newlines", 0x49), ("Compression", 0x4D) })
            Assert.Equal(offset, (int)System.Runtime.InteropServices.Marshal.OffsetOf<VmdkHeader>(field));
        foreach (var (field, offset) in new[] { ("Value", 0), ("DataSize", 8), ("Kind", 12) })
            Assert.Equal(offset, (int)System.Runtime.InteropServices.Marshal.OffsetOf<VmdkMarker>(field));
    }

    private static void Finds(string code, Action<byte[]> damage)
    {
        var bytes = Sparse();
        damage(bytes);
        var report = Check(bytes);
        Assert.Contains(report.Findings, f => f.Code == code && f.Severity == Severity.Error);
        var before = (byte[])bytes.Clone();
        using var transaction = TransactionDevice.Open(new ResizableMemoryDevice(bytes), new MemoryJournalStore());
        using var container = Container.Open(transaction);
        Assert.Throws<DiskFormatException>(() =>
        {
            container.Disk.Write(3 << 20, [1]);
            container.Disk.Flush();
        });
        Assert.Equal(before, bytes);
    }

    private static (string, Severity) Found(Action<byte[]> damage)
    {
        var bytes = Sparse();
        damage(bytes);
        var finding = Assert.Single(Check(bytes).Findings);
        return (finding.Code, finding.Severity);
    }

    private static void FindsInStream(string code, Action<byte[]> damage)
    {
        var bytes = Stream();
        damage(bytes);
        Assert.Contains(Check(bytes).Findings, f => f.Code == code);
        using var container = Open(bytes);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => container.Disk.Read(0, new byte[100])).Code);
    }

    private static CheckReport Check(byte[] bytes)
    {
        using var container = Open(bytes);
        var report = new CheckReport();
        container.Check(report);
        return report;
    }

    private static Container Open(byte[] bytes) => Container.Open(new MemoryDevice(bytes, canWrite: false));

    private static void Refused(string code, byte[] bytes) => Assert.Equal(code, Assert.Throws<DiskFormatException>(() => Open(bytes)).Code);

    private static int Directory(byte[] bytes) => (int)BitConverter.ToUInt64(bytes, 0x38) * 512;

    private static (int Table, int Copy) Tables(byte[] bytes) =>
        (BitConverter.ToInt32(bytes, Directory(bytes)) * 512, BitConverter.ToInt32(bytes, (int)BitConverter.ToUInt64(bytes, 0x30) * 512) * 512);

    private static byte[] Replace(byte[] bytes, string text, string other)
    {
        Encoding.ASCII.GetBytes(other).CopyTo(bytes, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)));
        return bytes;
    }

    // Four grains with something in them.
    private static byte[] Sparse()
    {
        var host = new ResizableMemoryDevice(0);
        using (var container = ContainerFormat.Vmdk.Create(host, 8 << 20))
        {
            container.Disk.Write(0, Enumerable.Repeat((byte)7, 4 * GrainSize).ToArray());
            container.Disk.Flush();
        }
        return host.Bytes.ToArray();
    }

    private static byte[] Stream()
    {
        var host = new ResizableMemoryDevice(0);
        using (var writer = ContainerFormat.Vmdk.CreateInOrder(host, 8 << 20))
        {
            for (var i = 0; i < 4; i++)
                writer.Store(writer.Pack(i * GrainSize, Enumerable.Repeat((byte)7, GrainSize).ToArray()));
            writer.Complete();
        }
        return host.Bytes.ToArray();
    }
}
