using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

public class AddressTests
{
    private static string Disk(TempFolder folder, params (string Type, bool Format)[] partitions)
    {
        var path = folder.File("disk.img");
        Cli.Expect("part", "init", "gpt", path, "--size", "64M");
        for (var i = 0; i < partitions.Length; i++)
        {
            Cli.Expect("part", "add", path, "-t", partitions[i].Type, "-s", "12M");
            if (partitions[i].Format)
                Cli.Expect("mkfs", $"{path}@{i + 1}", "-t", "fat16", "-L", $"P{i + 1}");
        }
        return path;
    }

    [Fact]
    public void The_filesystem_that_fills_the_image_is_meant()
    {
        using var image = new TestImage();
        Assert.Equal("TEST", Cli.Expect("label", image.Path).Lines.Single());
    }

    [Fact]
    public void The_only_partition_with_a_filesystem_is_meant()
    {
        using var folder = new TempFolder();
        var disk = Disk(folder, ("linux", false), ("esp", true));
        Assert.Equal("P2", Cli.Expect("label", disk).Lines.Single());
    }

    [Fact]
    public void Several_filesystems_are_an_error_that_lists_them()
    {
        using var folder = new TempFolder();
        var disk = Disk(folder, ("esp", true), ("linux", false), ("windows-data", true));
        var error = Cli.Fails(2, "ls", disk).Error;
        Assert.Contains("1 (fat esp)", error, StringComparison.Ordinal);
        Assert.Contains("3 (fat windows-data)", error, StringComparison.Ordinal);
        Assert.Equal("P3", Cli.Expect("label", disk + "@3").Lines.Single());
    }

    [Fact]
    public void A_partition_that_is_not_there_is_not_found()
    {
        using var folder = new TempFolder();
        var disk = Disk(folder, ("esp", true));
        Assert.Contains("there is no partition 2: there are 1", Cli.Fails(3, "ls", disk + "@2").Error, StringComparison.Ordinal);
        Assert.Contains("there is no partition 0", Cli.Fails(3, "ls", disk + "@0").Error, StringComparison.Ordinal);
        using var bare = new TestImage();
        Assert.Contains("no partition table", Cli.Fails(3, "ls", bare.Path + "@1").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_partition_without_a_known_filesystem_is_unsupported()
    {
        using var folder = new TempFolder();
        Cli.Fails(7, "ls", Disk(folder, ("linux", false)) + "@1");
    }

    [Fact]
    public void A_file_whose_name_ends_so_wins()
    {
        using var image = new TestImage();
        var odd = image.Host("odd@1");
        Assert.Equal(new ImageAddress(image.Host("odd"), 1), ImageAddress.Parse(odd));
        File.Move(image.Path, odd);
        Assert.Equal("TEST", Cli.Expect("label", odd).Lines.Single());
        Assert.Equal(new ImageAddress(odd, null), ImageAddress.Parse(odd));
        Assert.Equal(new ImageAddress("none.img", 12), ImageAddress.Parse("none.img@12"));
        Assert.Equal(new ImageAddress("a@b", null), ImageAddress.Parse("a@b"));
    }

    [Fact]
    public void An_image_without_anything_known_is_unsupported()
    {
        using var folder = new TempFolder();
        var path = folder.File("zero.img");
        File.WriteAllBytes(path, new byte[1 << 20]);
        Cli.Fails(7, "ls", path);
        Assert.Contains("neither a filesystem nor a partition table", Cli.Expect("info", path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_facade_reads_as_its_documentation_says()
    {
        using var folder = new TempFolder();
        var path = Disk(folder, ("esp", true));
        Cli.Expect("touch", path + "@1", "/a.txt");
        using var disk = DiskImage.Open(path);
        using var volume = disk.Partitions[0].OpenVolume();
        Assert.Equal("a.txt", volume.Root.Entries.Single().Name);
        Assert.Throws<UnauthorizedAccessException>(() => disk.OpenVolumeForEditing());
    }
}
