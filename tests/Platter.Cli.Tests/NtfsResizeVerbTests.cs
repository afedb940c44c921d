using System.Text.Json;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>The verb resize: sizes, partitions, refusals.</summary>
public class NtfsResizeVerbTests
{
    [Fact]
    public void A_volume_is_made_smaller_and_fills_its_image_again()
    {
        using var folder = new TempFolder();
        var path = folder.File("ntfs.img");
        Cli.Expect("mkfs", path, "-t", "ntfs", "--size", "64M");
        Cli.Expect("resize", path, "40M");
        Cli.Expect("check", path);
        using var report = JsonDocument.Parse(Cli.Expect("resize", path, "--json").Output);
        Assert.Equal((40 << 20, 64 << 20), (report.RootElement.GetProperty("lengthBefore").GetInt32(), report.RootElement.GetProperty("length").GetInt32()));
        Cli.Expect("check", path);
    }

    [Fact]
    public void A_partition_is_filled_and_what_does_not_fit_is_refused_with_what_to_do()
    {
        using var folder = new TempFolder();
        var path = folder.File("disk.img");
        Cli.Expect("part", "init", "gpt", path, "--size", "64M");
        Cli.Expect("part", "add", path, "--type", "windows-data", "--size", "16M");
        Cli.Expect("mkfs", path + "@1", "-t", "ntfs");
        var refused = Cli.Fails(5, "resize", path + "@1", "32M").Error;
        Assert.Contains("platter part resize", refused, StringComparison.Ordinal);
        Cli.Expect("part", "resize", path, "1", "32M");
        Assert.Contains($"{32 << 20} bytes, {16 << 20} before", Cli.Expect("resize", path + "@1", "-v").Error, StringComparison.Ordinal);
        Cli.Expect("check", path);
        Assert.Contains("bytes long at least", Cli.Fails(2, "resize", path + "@1", "2M").Error, StringComparison.Ordinal);
        Cli.Fails(2, "resize", path + "@1", "much");
        Cli.Fails(2, "resize");
    }

    [Fact]
    public void A_volume_and_then_its_partition_become_smaller_without_force()
    {
        using var folder = new TempFolder();
        var (path, tree) = (folder.File("disk.img"), folder.File("file"));
        File.WriteAllBytes(tree, new byte[3_000_000]);
        Cli.Expect("part", "init", "gpt", path, "--size", "80M");
        Cli.Expect("part", "add", path, "--type", "windows-data", "--size", "64M");
        Cli.Expect("mkfs", path + "@1", "-t", "ntfs");
        Cli.Expect("put", path + "@1", tree, "/file");
        Assert.Contains("would be cut", Cli.Fails(8, "part", "resize", path, "1", "24M").Error, StringComparison.Ordinal);
        var outcome = Cli.Expect("resize", path + "@1", "24M", "--progress", "json");
        Assert.Contains("\"stage\":\"moving\"", outcome.Error.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("would be cut", Cli.Fails(8, "part", "resize", path, "1", "23M").Error, StringComparison.Ordinal);
        Cli.Expect("part", "resize", path, "1", "24M");
        Cli.Expect("check", path);
        Assert.Equal(File.ReadAllBytes(tree), Cli.Expect("cat", path + "@1", "/file").Bytes);
    }

    [Theory]
    [InlineData("fat16")]
    [InlineData("fat32")]
    [InlineData("exfat")]
    [InlineData("ext4")]
    [InlineData("ntfs")]
    public void A_partition_shrinks_to_the_filesystem_in_it_and_not_below(string type)
    {
        using var folder = new TempFolder();
        var path = folder.File("disk.img");
        Cli.Expect("part", "init", "gpt", path, "--size", "200M");
        Cli.Expect("part", "add", path, "--type", "windows-data", "--size", "70M");
        Cli.Expect("mkfs", path + "@1", "-t", type);
        Cli.Expect("part", "resize", path, "1", "150M");
        Cli.Fails(8, "part", "resize", path, "1", "60M");
        Cli.Expect("part", "resize", path, "1", "71M");
        Cli.Expect("part", "resize", path, "1", "70M");
        Cli.Fails(8, "part", "resize", path, "1", "73399808");
        Cli.Expect("check", path);
        Cli.Expect("part", "resize", path, "1", "60M", "--force");
    }

    [Fact]
    public void What_is_no_NTFS_is_not_resized()
    {
        using var folder = new TempFolder();
        var path = folder.File("fat.img");
        Cli.Expect("mkfs", path, "-t", "fat16", "--size", "16M");
        Assert.Contains("does not resize", Cli.Fails(7, "resize", path).Error, StringComparison.Ordinal);
    }
}
