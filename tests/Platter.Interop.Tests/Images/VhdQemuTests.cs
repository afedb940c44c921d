using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>qemu and Platter write to the same images in turns, and read what the other wrote.</summary>
public sealed class VhdQemuTests(ITestOutputHelper output) : QemuTurns(output)
{
    [Theory]
    [InlineData("vpc", "subformat=dynamic", 40)]
    [InlineData("vpc", "subformat=dynamic,force_size=on", 41)]
    [InlineData("vpc", "subformat=fixed", 12)]
    [InlineData("vpc", "subformat=fixed,force_size=on", 13)]
    [InlineData("vhdx", "subformat=dynamic", 70)]
    [InlineData("vhdx", "subformat=dynamic,block_size=1M", 40)]
    [InlineData("vhdx", "subformat=dynamic,block_size=256M", 300)]
    [InlineData("vhdx", "subformat=dynamic,block_size=2M,log_size=3M,block_state_zero=on", 40)]
    [InlineData("vhdx", "subformat=dynamic,block_size=2M,block_state_zero=off", 40)]
    [InlineData("vhdx", "subformat=fixed", 33)]
    [InlineData("vhdx", "subformat=fixed,block_size=4M,log_size=2M,block_state_zero=off", 33)]
    public void Images_that_qemu_made_are_edited_in_turns(string format, string options, int mebibytes)
    {
        var path = Folder.File("a");
        Tool.Expect("qemu-img", "create", "-q", "-f", format, "-o", options, path, $"{mebibytes}M");
        InTurns(path, format, options);
    }

    [Theory]
    [InlineData("vpc", "vhd", "", 40)]
    [InlineData("vpc", "vhd", "block_size=512K", 11)]
    [InlineData("vpc", "vhd", "block_size=16M", 70)]
    [InlineData("vpc", "vhd-fixed", "", 12)]
    [InlineData("vhdx", "vhdx", "", 40)]
    [InlineData("vhdx", "vhdx", "block_size=1M,log_size=2M", 12)]
    [InlineData("vhdx", "vhdx", "block_size=256M,block_state_zero=off", 300)]
    [InlineData("vhdx", "vhdx", "physical_sector_size=512", 12)]
    [InlineData("vhdx", "vhdx-fixed", "", 21)]
    public void Images_that_Platter_made_are_edited_in_turns(string format, string name, string settings, int mebibytes)
    {
        var path = Folder.File("a");
        Make(path, name, settings, (long)mebibytes << 20);
        InTurns(path, format, $"{name} {settings}");
    }

    [Theory]
    [InlineData("vpc", "vhd", "", 1L << 20)]
    [InlineData("vpc", "vhd", "", 1023L << 30)]
    [InlineData("vpc", "vhd", "", 2040L << 30)]
    [InlineData("vhdx", "vhdx", "", 3L << 20)]
    [InlineData("vhdx", "vhdx", "", 2L << 40)]
    [InlineData("vhdx", "vhdx", "", 63L << 40)]
    public void Disks_of_any_size_are_seen_alike(string format, string name, string settings, long size)
    {
        var path = Folder.File("a");
        Make(path, name, settings, size);
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
        qemu.Run($"{name} of {size} bytes", readOnly: true);
    }
}
