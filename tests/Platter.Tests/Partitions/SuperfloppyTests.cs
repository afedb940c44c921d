using System.Text;
using Platter.Blocks;
using Platter.Partitions;
using Platter.Partitions.OnDisk;
using Xunit;
using static Platter.Tests.Partitions.Disks;

namespace Platter.Tests.Partitions;

/// <summary>A file system's boot sector and an MBR both end in 55 AA.</summary>
public sealed class SuperfloppyTests
{
    [Fact]
    public void A_fat_boot_sector_with_nothing_in_the_place_of_the_entries_is_no_table()
    {
        var disk = new byte[MiB];
        ParameterBlock(disk);
        Assert.Null(PartitionTable.TryOpen(new MemoryDevice(disk)));
    }

    [Fact]
    public void A_fat_boot_sector_with_text_in_the_place_of_the_entries_is_no_table()
    {
        var disk = new byte[MiB];
        ParameterBlock(disk);
        Encoding.ASCII.GetBytes("Non-System disk or disk error\r\nReplace and strike any key when ready\r\n").AsSpan(0, 64).CopyTo(disk.AsSpan(0x1BE));
        Assert.Null(PartitionTable.TryOpen(new MemoryDevice(disk)));
    }

    [Fact]
    public void A_fat_boot_sector_whose_one_entry_is_the_volume_itself_is_no_table() // mkfs.fat --mbr
    {
        var disk = new byte[MiB];
        ParameterBlock(disk);
        MbrEntry(disk, 0) = new MbrEntry { Status = 0x80, Type = 0x0C, StartSector = 0, SectorCount = 2048 };
        Assert.Null(PartitionTable.TryOpen(new MemoryDevice(disk)));
    }

    [Theory]
    [InlineData("NTFS    ")]
    [InlineData("EXFAT   ")]
    [InlineData("-FVE-FS-")]
    public void Other_file_systems_are_known_by_their_name(string oemName)
    {
        var disk = new byte[MiB];
        Encoding.ASCII.GetBytes(oemName).CopyTo(disk, 3);
        new Random(3).NextBytes(disk.AsSpan(0x100, 0xFE));
        disk[510] = 0x55;
        disk[511] = 0xAA;
        Assert.Null(PartitionTable.TryOpen(new MemoryDevice(disk)));
    }

    [Fact]
    public void A_table_behind_a_parameter_block_is_seen_when_its_entries_are_perfect()
    {
        var disk = Mbr().Bytes();
        ParameterBlock(disk);
        Assert.Equal(4, PartitionTable.TryOpen(new MemoryDevice(disk))!.Partitions.Count);
    }

    [Fact]
    public void A_table_whose_partitions_reach_past_a_cut_image_is_seen()
    {
        var disk = Mbr().Bytes().AsSpan(0, 512).ToArray();
        Assert.Equal(2, PartitionTable.TryOpen(new MemoryDevice(disk))!.Partitions.Count);
    }

    [Fact]
    public void Code_in_the_place_of_the_entries_is_no_table()
    {
        var random = new Random(5);
        var tables = 0;
        for (var i = 0; i < 2000; i++)
        {
            var disk = new byte[MiB];
            random.NextBytes(disk.AsSpan(0, 510));
            disk[510] = 0x55;
            disk[511] = 0xAA;
            tables += PartitionTable.TryOpen(new MemoryDevice(disk)) is null ? 0 : 1;
        }
        Assert.Equal(0, tables);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(1023)]
    [InlineData(4096)]
    public void Devices_too_small_for_a_table_or_blank_have_none(int length) => Assert.Null(PartitionTable.TryOpen(new MemoryDevice(length)));

    /// <summary>A FAT16 BIOS parameter block as mkfs.fat writes it.</summary>
    internal static void ParameterBlock(byte[] disk)
    {
        byte[] block = [0xEB, 0x3C, 0x90, .. "mkfs.fat"u8, 0, 2, 4, 4, 0, 2, 0, 2, 0, 8, 0xF8, 2, 0, 0x20, 0, 0x40, 0];
        block.CopyTo(disk, 0);
        disk[510] = 0x55;
        disk[511] = 0xAA;
    }
}
