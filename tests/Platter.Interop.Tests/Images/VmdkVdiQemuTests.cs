using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>VMDK and VDI: qemu and Platter write to the same images in turns; what only one of them writes, the other reads.</summary>
public sealed class VmdkVdiQemuTests(ITestOutputHelper output) : QemuTurns(output)
{
    [Theory]
    [InlineData("vmdk", "subformat=monolithicSparse", 40)]
    [InlineData("vmdk", "subformat=monolithicSparse,compat6=on", 13)]
    [InlineData("vmdk", "subformat=monolithicSparse,zeroed_grain=on", 40)]
    [InlineData("vmdk", "subformat=monolithicSparse,adapter_type=lsilogic", 70)]
    [InlineData("vmdk", "subformat=monolithicSparse,adapter_type=buslogic,hwversion=4,toolsversion=2147483647", 13)]
    [InlineData("vmdk", "subformat=monolithicSparse,adapter_type=legacyESX,compat6=on,zeroed_grain=on", 13)]
    [InlineData("vdi", "static=off", 40)]
    [InlineData("vdi", "static=on", 13)]
    public void Images_that_qemu_made_are_edited_in_turns(string format, string options, int mebibytes)
    {
        var path = Folder.File("a");
        Tool.Expect("qemu-img", "create", "-q", "-f", format, "-o", options, path, $"{mebibytes}M");
        InTurns(path, format, options);
    }

    [Theory]
    [InlineData("vmdk", "vmdk", "", 40)]
    [InlineData("vmdk", "vmdk", "adapter_type=lsilogic", 13)]
    [InlineData("vdi", "vdi", "", 40)]
    [InlineData("vdi", "vdi", "subformat=fixed", 13)]
    public void Images_that_Platter_made_are_edited_in_turns(string format, string name, string settings, int mebibytes)
    {
        var path = Folder.File("a");
        Make(path, name, settings, (long)mebibytes << 20);
        InTurns(path, format, $"{name} {settings}");
    }

    [Theory]
    [InlineData("vmdk", 1L << 20)]
    [InlineData("vmdk", (33L << 30) + 512)]
    [InlineData("vmdk", 2000L << 30)]
    [InlineData("vdi", 1L << 20)]
    [InlineData("vdi", (33L << 30) + 512)]
    [InlineData("vdi", 60L << 40)]
    public void Disks_of_any_size_are_seen_alike(string format, long size)
    {
        var path = Folder.File("a");
        Make(path, format, "", size);
        var random = new Random(3);
        var units = Enumerable.Range(0, 20).Select(_ => random.NextInt64(size / 65536)).Append(0).Append(size / 65536 - 1).Distinct().ToList();
        using (var image = ImageFile.Open(path, ImageAccess.Edit))
        {
            foreach (var unit in units)
                image.Device.Write(unit * 65536, Filled(65536, (byte)(unit % 255 + 1)));
            image.Device.Flush();
        }
        Assert.Equal(size, VirtualSize(path, format));
        var qemu = new QemuIo(path, format);
        foreach (var unit in units)
            qemu.Read(unit * 65536, 65536, (byte)(unit % 255 + 1));
        qemu.Run($"{format} of {size} bytes", readOnly: true);
    }

    [Theory]
    [InlineData("vmdk", "subformat=monolithicSparse")]
    [InlineData("vmdk", "subformat=monolithicFlat")]
    [InlineData("vmdk", "subformat=twoGbMaxExtentSparse")]
    [InlineData("vmdk", "subformat=twoGbMaxExtentFlat")]
    [InlineData("vmdk", "subformat=streamOptimized")]
    [InlineData("vdi", "static=on")]
    [InlineData("vdi", "static=off")]
    public void What_qemu_converts_to_is_read(string format, string options)
    {
        var raw = Folder.File("a.img");
        var image = Folder.File("a." + format);
        // Longer than 2 GiB, so that there is a second extent.
        TestDisk.Make(raw, (2L << 30) + (3 << 20) + 512, 12 << 20, seed: 5);
        Tool.Expect("qemu-img", "convert", "-O", format, "-o", options, raw, image);
        using var opened = ImageFile.Open(image, ImageAccess.Read);
        using var source = ImageFile.Open(raw, ImageAccess.Read);
        TestDisk.Same(source.Device, opened.Device);
        var report = new CheckReport();
        opened.Container.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        Assert.InRange(opened.Container.AllocatedSize, 6 << 20, 64 << 20);
    }

    [Fact]
    public void A_difference_of_qemus_shows_its_parent_and_is_edited()
    {
        var (parent, child) = (Folder.File("base.vmdk"), Folder.File("child.vmdk"));
        Make(parent, "vmdk", "", 8 << 20);
        using (var image = ImageFile.Open(parent, ImageAccess.Edit))
        {
            image.Device.Write(0, Filled(3 << 20, 0x11));
            image.Device.Flush();
        }
        Tool.Expect("qemu-img", "create", "-q", "-f", "vmdk", "-b", parent, "-F", "vmdk", child);
        var before = File.ReadAllBytes(parent);
        using (var image = ImageFile.Open(child, ImageAccess.Edit))
        {
            Assert.Equal("vmdk", image.Container.Parent!.Format.Name);
            image.Device.Write(70_000, Filled(1000, 0x22));
            image.Device.Flush();
        }
        Assert.Equal(before, File.ReadAllBytes(parent));
        var qemu = new QemuIo(child, "vmdk");
        qemu.Read(0, 70_000, 0x11);
        qemu.Read(70_000, 1000, 0x22);
        qemu.Read(71_000, (3 << 20) - 71_000, 0x11);
        qemu.Read(3 << 20, 5 << 20, 0);
        qemu.Run("the difference", readOnly: true);
    }

    [Theory]
    [InlineData("")]
    [InlineData("subformat=streamOptimized")]
    public void Libvmdk_sees_the_same(string settings)
    {
        var raw = Folder.File("a.img");
        var path = Folder.File("a.vmdk");
        TestDisk.Make(raw, 20 << 20, 5 << 20, seed: 9);
        using (var source = ImageFile.Open(raw, ImageAccess.Read))
            ImageConverter.ToNewImage(source.Device, path, new ConvertOptions { Container = new ContainerOptions { Settings = Settings(settings) } });
        var info = Tool.Expect("vmdkinfo", path);
        Assert.Contains("(20971520 bytes)", info, StringComparison.Ordinal);
        Assert.Contains("a.vmdk", info, StringComparison.Ordinal);
        Assert.Contains(settings.Length == 0 ? "Monolithic sparse" : "Stream optimized", info, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Settings(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1]);
}
