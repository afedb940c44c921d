using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Converting: holes, failures, cancelling, parents, targets that are there.</summary>
public sealed class ConvertTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Holes_are_not_read_and_zeros_not_written()
    {
        var (source, path) = (Make("a.img", 200 << 20, 2 << 20), _folder.File("b.img"));
        using var image = ImageFile.Open(source, ImageAccess.Read);
        var report = ImageConverter.ToNewImage(image.Device, path, new ConvertOptions { Verify = true });
        Assert.InRange(report.ReadBytes, 1 << 20, 8 << 20);
        Assert.InRange(report.StoredBytes, 1 << 20, report.ReadBytes);
        using var made = HostFile.Open(path, FileAccess.Read);
        Assert.InRange(made.AllocatedBytes, 1 << 20, 8 << 20);
    }

    [Theory]
    [InlineData("b.img")]
    [InlineData("b.qcow2")]
    [InlineData("b.vmdk")]
    [InlineData("b.img.zst")]
    public void Cancelled_it_leaves_nothing(string name)
    {
        var source = Make("a.img", 64 << 20, 30 << 20);
        using var image = ImageFile.Open(source, ImageAccess.Read);
        using var cancel = new CancellationTokenSource();
        var progress = new Watcher(p =>
        {
            if (p.DoneBytes > 0)
                cancel.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => ImageConverter.ToNewImage(image.Device, _folder.File(name), new ConvertOptions { Cancellation = cancel.Token, Progress = progress }));
        Assert.Equal([source], Directory.GetFiles(_folder.Path));
    }

    [Theory]
    [InlineData("b.img")]
    [InlineData("b.img.gz")]
    public void A_source_that_fails_leaves_nothing(string name)
    {
        var disk = new byte[20 << 20];
        TestDisk.Fill(new MemoryDevice(disk), 10 << 20, 3);
        var faulty = new FaultyDevice(new ResizableMemoryDevice(disk));
        faulty.FailAt(FaultyOperation.Read, 7);
        var error = Assert.Throws<IOException>(() => ImageConverter.ToNewImage(faulty, _folder.File(name)));
        Assert.Contains("the medium failed", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Progress_comes_to_an_end_and_never_goes_back()
    {
        var source = Make("a.img", 64 << 20, 10 << 20);
        using var image = ImageFile.Open(source, ImageAccess.Read);
        var seen = new List<WorkProgress>();
        ImageConverter.ToNewImage(image.Device, _folder.File("b.vdi"), new ConvertOptions { Progress = new Watcher(seen.Add), Verify = true });
        Assert.NotEmpty(seen);
        foreach (var stage in seen.GroupBy(p => p.Stage))
        {
            Assert.Equal(stage.OrderBy(p => p.DoneBytes), stage);
            Assert.All(stage, p => Assert.True(p.DoneBytes <= p.TotalBytes));
        }
    }

    [Fact]
    public void A_disk_grows_on_the_way_and_is_never_cut()
    {
        var source = Make("a.img", 10 << 20, 1 << 20);
        using var image = ImageFile.Open(source, ImageAccess.Read);
        foreach (var name in new[] { "b.img", "b.qcow2", "b.vmdk", "b.img.xz", "b.vhd" })
        {
            var report = ImageConverter.ToNewImage(image.Device, _folder.File(name), new ConvertOptions { Length = 15 << 20, Verify = true });
            Assert.Equal(15 << 20, report.Length);
            using var made = ImageFile.Open(_folder.File(name), ImageAccess.Read);
            TestDisk.Same(image.Device, made.Device);
        }
        Assert.Throws<ArgumentException>(() => ImageConverter.ToNewImage(image.Device, _folder.File("c.img"), new ConvertOptions { Length = 5 << 20 }));
    }

    [Fact]
    public void What_verifying_finds_is_an_error_that_leaves_nothing()
    {
        var disk = new byte[5 << 20];
        TestDisk.Fill(new MemoryDevice(disk), 2 << 20, 3);
        var reads = 0;
        var changing = new FaultyDevice(new ResizableMemoryDevice(disk));
        // The source changes behind the converter's back, once it has been read.
        changing.Before = (what, _, _) =>
        {
            if (what == FaultyOperation.Read && ++reads == 6)
                disk[3 << 20] ^= 1;
        };
        Assert.Contains("differs", Assert.Throws<IOException>(() => ImageConverter.ToNewImage(changing, _folder.File("b.img"), new ConvertOptions { Verify = true, Threads = 1 })).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vmdk")]
    [InlineData("vhd")]
    [InlineData("vhdx")]
    public void Only_what_differs_from_the_base_is_stored(string format)
    {
        var raw = Make("a.img", 16 << 20, 4 << 20);
        var (parent, child) = (_folder.File("base." + format), _folder.File("child." + format));
        using (var image = ImageFile.Open(raw, ImageAccess.Read))
            ImageConverter.ToNewImage(image.Device, parent);
        using (var image = ImageFile.Open(raw, ImageAccess.Edit))
        {
            image.Device.Write(5_000_000, [1, 2, 3]);
            image.Device.WriteZeros(0, 100_000);        // where the base has something
            image.Device.Flush();
        }
        using var changed = ImageFile.Open(raw, ImageAccess.Read);
        using (var below = ImageFile.Open(parent, ImageAccess.Read))
        {
            var report = ImageConverter.ToNewImage(changed.Device, child, new ConvertOptions
            {
                Verify = true, Container = new ContainerOptions { Parent = below.Container, ParentReference = Path.GetFileName(parent) },
            });
            Assert.InRange(report.StoredBytes, 1, 300_000);
        }
        using var opened = ImageFile.Open(child, ImageAccess.Read);
        TestDisk.Same(changed.Device, opened.Device);
        Assert.Equal(parent, opened.Container.Parent!.Path);
    }

    [Fact]
    public void A_target_that_is_there_is_replaced_in_one_transaction()
    {
        var (source, target) = (Make("a.img", 3_000_000, 1 << 20), Make("b.img", 5_000_000, 4 << 20));
        using var image = ImageFile.Open(source, ImageAccess.Read);
        var before = File.ReadAllBytes(target);
        using (var edited = ImageFile.Open(target, ImageAccess.Edit))
        {
            var window = new WindowDevice(edited.Device, 1_000_000, 3_500_000);
            ImageConverter.Into(image.Device, window, new ConvertOptions { Verify = true });
        }
        var after = File.ReadAllBytes(target);
        Assert.Equal(before[..1_000_000], after[..1_000_000]);
        Assert.Equal(File.ReadAllBytes(source), after[1_000_000..4_000_000]);
        Assert.Equal(new byte[500_000], after[4_000_000..4_500_000]);
        Assert.Equal(before[4_500_000..], after[4_500_000..]);
        using (var edited = ImageFile.Open(target, ImageAccess.Edit))
        {
            Assert.Throws<VolumeFullException>(() => ImageConverter.Into(image.Device, new WindowDevice(edited.Device, 0, 2_999_999)));
            using var cancelled = new CancellationTokenSource();
            cancelled.Cancel();
            Assert.Throws<OperationCanceledException>(() => ImageConverter.Into(image.Device, new WindowDevice(edited.Device, 0, 4_000_000), new ConvertOptions { Cancellation = cancelled.Token }));
        }
        Assert.Equal(after, File.ReadAllBytes(target));
    }

    [Fact]
    public void Settings_that_no_format_knows_are_refused_by_name()
    {
        foreach (var format in ContainerFormat.All.Append(ContainerFormat.Raw))
        {
            var options = new ConvertOptions { Format = format, Container = new ContainerOptions { Settings = new Dictionary<string, string> { ["nonsense"] = "1" } } };
            var error = Assert.ThrowsAny<Exception>(() => ImageConverter.ToNewImage(new MemoryDevice(1 << 20), _folder.File("x"), options));
            Assert.True(error is ArgumentException or UnsupportedFeatureException && error.Message.Contains("nonsense", StringComparison.Ordinal), $"{format.Name}: {error.Message}");
            Assert.Empty(Directory.GetFiles(_folder.Path));
        }
    }

    [Fact]
    public void Formats_without_compression_or_parents_say_so()
    {
        var source = new MemoryDevice(1 << 20);
        foreach (var name in new[] { "raw", "vhd", "vhdx", "vdi" })
            Assert.Throws<UnsupportedFeatureException>(() => ImageConverter.ToNewImage(source, _folder.File("x"), new ConvertOptions { Format = ContainerFormat.FromName(name), Compress = true }));
        using var parent = Container.Open(new MemoryDevice(1 << 20));
        foreach (var name in new[] { "raw", "vhd-fixed", "vdi", "zst" })
            Assert.Throws<UnsupportedFeatureException>(() => ImageConverter.ToNewImage(source, _folder.File("x"), new ConvertOptions { Format = ContainerFormat.FromName(name), Container = new ContainerOptions { Parent = parent, ParentReference = "p" } }));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    // Enough data to go past the host's cache, in places that can take that way and in some that can't; sector sizes, cluster sizes and
    // blocks that are smaller than a page among them.
    [Theory]
    [InlineData("raw", "")]
    [InlineData("vhd", "")]
    [InlineData("vhd", "block_size=4K")]
    [InlineData("vhd-fixed", "")]
    [InlineData("vhdx", "")]
    [InlineData("qcow2", "")]
    [InlineData("qcow2", "cluster_size=512")]
    [InlineData("qcow2", "extended_l2=on,cluster_size=16K")]
    [InlineData("vmdk", "")]
    [InlineData("vmdk", "subformat=twoGbMaxExtentFlat")]
    [InlineData("vmdk", "subformat=monolithicFlat")]
    [InlineData("vdi", "")]
    public void Much_data_arrives_as_it_was(string format, string settings)
    {
        var (source, path) = (_folder.File("a.img"), _folder.File("b." + format));
        // A length that is no whole page, and far more than is gathered at a time.
        TestDisk.Make(source, (90 << 20) + 1536, 80 << 20, seed: 3);
        using var image = ImageFile.Open(source, ImageAccess.Read);
        var container = new ContainerOptions
        {
            Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1], StringComparer.Ordinal),
        };
        var report = ImageConverter.ToNewImage(image.Device, path, new ConvertOptions { Format = ContainerFormat.FromName(format), Container = container, Verify = true });
        Assert.InRange(report.ReadBytes, 32 << 20, 90 << 20);
        using (var made = ImageFile.Open(path, ImageAccess.Read))
        {
            TestDisk.Same(image.Device, made.Device);
            var check = new CheckReport();
            made.Container.Check(check);
            Assert.True(check.IsClean, string.Join('\n', check.Findings));
            // And back.
            ImageConverter.ToNewImage(made.Device, _folder.File("c.img"), new ConvertOptions { Verify = true });
        }
        using var back = HostFile.Open(_folder.File("c.img"), FileAccess.Read);
        TestDisk.Same(image.Device, back);
    }

    [Fact]
    public void Clues_that_disagree_are_told()
    {
        var path = _folder.File("a.vdi");
        File.WriteAllBytes(path, new byte[1 << 20]);
        using (var disk = DiskImage.Open(path))
            Assert.Equal("IMG-0004", Assert.Single(disk.Clues).Code);
        using (var vmdk = NewImage.Create(_folder.File("b.img"), 1 << 20, new NewImageOptions { Format = ContainerFormat.Vmdk }))
            vmdk.Complete();
        using (var disk = DiskImage.Open(_folder.File("b.img")))
            Assert.Equal("IMG-0004", Assert.Single(disk.Clues).Code);
        using (var disk = DiskImage.Open(_folder.File("b.img"), new DiskImageOptions { Image = new ImageOptions { AsRaw = true } }))
            Assert.Equal("IMG-0005", Assert.Single(disk.Clues).Code);
    }

    private string Make(string name, long length, int data)
    {
        TestDisk.Make(_folder.File(name), length, data, seed: 8);
        return _folder.File(name);
    }

    private sealed class Watcher(Action<WorkProgress> seen) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => seen(value);
    }
}
