using System.Text.Json;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Blocks;

/// <summary>qemu-img reads what Platter wrote, and the other way round.</summary>
public sealed class VhdInteropTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1 << 20)]
    [InlineData(33 << 20)]
    [InlineData(1L << 30)]
    [InlineData(200L << 30)]
    public void Qemu_sees_the_same_disk_in_a_vhd_of_ours(long size)
    {
        var vhd = _folder.File("ours.vhd");
        var raw = _folder.File("ours.img");
        using (var image = NewImage.Create(vhd, size, new NewImageOptions { Format = ContainerFormat.VhdFixed }))
        using (var same = NewImage.Create(raw, size))
        {
            Fill(image.Device);
            Fill(same.Device);
            image.Complete();
            same.Complete();
        }
        using var info = JsonDocument.Parse(Tool.Expect("qemu-img", "info", "--output=json", "-f", "vpc", vhd));
        Assert.Equal(size, info.RootElement.GetProperty("virtual-size").GetInt64());
        Assert.Contains("identical", Tool.Expect("qemu-img", "compare", "-f", "vpc", "-F", "raw", vhd, raw), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("subformat=fixed,force_size=on", 20 << 20)]
    [InlineData("subformat=fixed", 20 << 20)]
    [InlineData("subformat=fixed", 700 << 20)]
    public void A_vhd_of_qemus_is_opened_and_edited(string options, long size)
    {
        var raw = _folder.File("a.img");
        var vhd = _folder.File("a.vhd");
        using (var image = NewImage.Create(raw, size))
        {
            Fill(image.Device);
            image.Complete();
        }
        Tool.Expect("qemu-img", "convert", "-O", "vpc", "-o", options, raw, vhd);
        using var info = JsonDocument.Parse(Tool.Expect("qemu-img", "info", "--output=json", "-f", "vpc", vhd));
        using (var image = ImageFile.Open(vhd, ImageAccess.Edit))
        {
            Assert.Equal("vhd-fixed", image.Container.Format.Name);
            // qemu rounds the disk up to whole cylinders, unless told not to.
            Assert.Equal(info.RootElement.GetProperty("virtual-size").GetInt64(), image.Device.Length);
            var report = new CheckReport();
            image.Container.Check(report);
            Assert.True(report.IsClean, string.Join('\n', report.Findings));
            using var source = ImageFile.Open(raw, ImageAccess.Read);
            Same(source.Device, image.Device);
            image.Device.Write(12_345, [1, 2, 3, 4]);
            image.Device.Flush();
        }
        using (var source = ImageFile.Open(raw, ImageAccess.Edit))
        {
            source.Device.Write(12_345, [1, 2, 3, 4]);
            source.Device.Flush();
        }
        Assert.Contains("identical", Tool.Expect("qemu-img", "compare", "-f", "vpc", "-F", "raw", vhd, raw), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qcow", "qcow image")]
    [InlineData("qed", "QED")]
    [InlineData("parallels", "Parallels")]
    public void Other_containers_of_qemus_are_named_and_refused(string format, string name)
    {
        var path = _folder.File("other");
        Tool.Expect("qemu-img", "create", "-q", "-f", format, path, "20M");
        foreach (var access in new[] { ImageAccess.Read, ImageAccess.Edit })
            Assert.Contains(name, Assert.Throws<UnsupportedFeatureException>(() => ImageFile.Open(path, access)).Message, StringComparison.Ordinal);
    }

    private static void Fill(BlockDevice device)
    {
        var random = new Random(11);
        var data = new byte[50_000];
        for (var i = 0; i < 10; i++)
        {
            random.NextBytes(data);
            device.Write(random.NextInt64(Math.Min(device.Length, 100 << 20) - data.Length), data);
        }
        device.Write(device.Length - 1000, data.AsSpan(0, 1000));
    }

    private static void Same(BlockDevice a, BlockDevice b)
    {
        var x = new byte[1 << 20];
        var y = new byte[1 << 20];
        for (var offset = 0L; offset < a.Length; offset += x.Length)
        {
            var count = (int)Math.Min(x.Length, a.Length - offset);
            a.Read(offset, x.AsSpan(0, count));
            b.Read(offset, y.AsSpan(0, count));
            Assert.True(x.AsSpan(0, count).SequenceEqual(y.AsSpan(0, count)), $"within 1 MiB at {offset}");
        }
    }
}
