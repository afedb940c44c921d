using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.FileSystems.Ext;
using Platter.FileSystems.Fat;
using Platter.FileSystems.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems;

/// <summary>Which kind a device is taken for, where more than its first sector has a say.</summary>
public sealed class RecognitionTests
{
    private static MemoryDevice Formatted(FileSystemType type)
    {
        var device = new MemoryDevice(16 << 20);
        type.Format(device, new FormatOptions { Type = type is ExtType ? "ext4" : type.Names[0] });
        return device;
    }

    [Fact]
    public void Each_kind_is_recognised_as_itself()
    {
        Assert.IsType<FatType>(FileSystemTypes.Recognise(Formatted(new FatType())));
        Assert.IsType<ExFatType>(FileSystemTypes.Recognise(Formatted(new ExFatType())));
        Assert.IsType<NtfsType>(FileSystemTypes.Recognise(Formatted(new NtfsType())));
        Assert.IsType<ExtType>(FileSystemTypes.Recognise(Formatted(new ExtType())));
    }

    [Fact]
    public void A_backup_stands_in_for_a_boot_sector_of_zeros()
    {
        foreach (var type in (FileSystemType[])[new ExFatType(), new NtfsType()])
        {
            var device = Formatted(type);
            device.Write(0, new byte[512]);
            Assert.IsType(type.GetType(), FileSystemTypes.Recognise(device));
        }
    }

    [Fact]
    public void What_also_starts_like_ext_is_taken_for_what_its_boot_sector_or_the_backup_of_it_says()
    {
        var ext = Formatted(new ExtType());
        var super = new byte[1024];
        ext.Read(1024, super);
        foreach (var type in (FileSystemType[])[new ExFatType(), new NtfsType()])
        {
            var device = Formatted(type);
            device.Write(1024, super);
            Assert.IsType(type.GetType(), FileSystemTypes.Recognise(device));
            device.Write(0, new byte[512]);
            Assert.IsType(type.GetType(), FileSystemTypes.Recognise(device));
        }
    }

    [Fact]
    public void A_name_alone_does_not_make_a_backup()
    {
        // Where exFAT and NTFS would have theirs.
        var device = Formatted(new ExtType());
        device.Write((12 << 12) + 3, "EXFAT   "u8);
        device.Write(device.Length - 512 + 3, "NTFS    "u8);
        Assert.IsType<ExtType>(FileSystemTypes.Recognise(device));
        Assert.Null(FileSystemTypes.Recognise(new MemoryDevice(16 << 20)));
        Assert.Null(FileSystemTypes.Recognise(new MemoryDevice(100)));
    }
}
