using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Options that come together with something which they have to heed.</summary>
public sealed class ContainerOptionTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Preallocated_subclusters_show_the_base_until_they_are_written()
    {
        var (basis, path) = (ConformanceCase.Bytes(1 << 20, 3), _folder.File("a.qcow2"));
        File.WriteAllBytes(_folder.File("base"), basis);
        Make(path, basis.Length, ("extended_l2", "on"), ("preallocation", "metadata"));
        using (var image = ImageFile.Open(path, ImageAccess.Edit))
        {
            Assert.Equal(basis, All(image.Device));
            image.Device.Write(70_001, [1, 2, 3]);
            image.Device.Flush();
        }
        new byte[] { 1, 2, 3 }.CopyTo(basis, 70_001);
        using var again = ImageFile.Open(path, ImageAccess.Read);
        Assert.Equal(basis, All(again.Device));
        var report = new CheckReport();
        again.Container.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }

    [Fact]
    public void Preallocated_clusters_would_hide_the_base_and_have_no_place_for_compressed_ones()
    {
        File.WriteAllBytes(_folder.File("base"), ConformanceCase.Bytes(1 << 20, 3));
        Assert.Contains("extended_l2", Assert.Throws<ArgumentException>(() => Make(_folder.File("a.qcow2"), 1 << 20, ("preallocation", "metadata"))).Message, StringComparison.Ordinal);
        using var source = new MemoryDevice(1 << 20);
        var options = new ConvertOptions { Compress = true, Container = new ContainerOptions { Settings = new Dictionary<string, string> { ["preallocation"] = "metadata" } } };
        Assert.Contains("compression", Assert.Throws<ArgumentException>(() => ImageConverter.ToNewImage(source, _folder.File("b.qcow2"), options)).Message, StringComparison.Ordinal);
        Assert.Equal([_folder.File("base")], Directory.GetFiles(_folder.Path));
    }

    // At its fastest level zlib makes random bytes longer by a twentieth, more than a grain may be.
    [Theory]
    [InlineData("1")]
    [InlineData("6")]
    [InlineData("9")]
    public void Grains_that_cannot_be_compressed_stay_within_what_readers_expect(string level)
    {
        var path = _folder.File("a.vmdk");
        using var source = new MemoryDevice(ConformanceCase.Bytes(300_032, 5));
        var settings = new Dictionary<string, string> { ["subformat"] = "streamOptimized", ["compression_level"] = level };
        ImageConverter.ToNewImage(source, path, new ConvertOptions { Container = new ContainerOptions { Settings = settings }, Verify = true });
        using var image = ImageFile.Open(path, ImageAccess.Read);
        var report = new CheckReport();
        image.Container.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }

    // qemu's fixed images end with the disk, and not with the last block's last MiB.
    [Fact]
    public void A_fixed_VHDX_whose_file_ends_with_the_disk_is_sound_and_edited()
    {
        const int Size = (5 << 20) + 7 * 512;
        var host = new ResizableMemoryDevice(0);
        var options = new ContainerOptions { Settings = new Dictionary<string, string> { ["block_size"] = "2M" } };
        using (var made = ContainerFormat.VhdxFixed.Create(host, Size, options))
        {
            made.Disk.Write(Size - 1000, ConformanceCase.Bytes(1000, 8));
            made.Disk.Flush();
        }
        host.SetLength(host.Length - (1 << 20) + 7 * 512);
        using var image = Container.Open(host);
        var report = new CheckReport();
        image.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        var data = new byte[1000];
        image.Disk.Read(Size - 1000, data);
        Assert.Equal(ConformanceCase.Bytes(1000, 8), data);
        image.Disk.Write(Size - 512, ConformanceCase.Bytes(512, 9));
        image.Disk.Flush();
        host.SetLength(host.Length - 512);
        report = new CheckReport();
        image.Check(report);
        Assert.Contains(report.Findings, f => f.Code == "VHDX-0019");
    }

    private void Make(string path, long size, params (string Name, string Value)[] settings)
    {
        using var parent = Container.Open(HostFile.Open(_folder.File("base"), FileAccess.Read), ownsHost: true);
        var options = new ContainerOptions { Settings = settings.ToDictionary(s => s.Name, s => s.Value), Parent = parent, ParentReference = "base" };
        using var image = NewImage.Create(path, size, new NewImageOptions { Container = options });
        image.Complete();
    }

    private static byte[] All(BlockDevice disk)
    {
        var all = new byte[disk.Length];
        disk.Read(0, all);
        return all;
    }
}
