using System.Text.Json;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Making NTFS volumes: in images, in partitions, in disks that are built.</summary>
public class NtfsMkfsTests
{
    [Fact]
    public void A_volume_is_made_with_what_is_asked_for()
    {
        using var folder = new TempFolder();
        var path = folder.File("ntfs.img");
        Cli.Expect("mkfs", path, "-t", "ntfs", "--size", "16M", "--label", "Größe", "--id", "0123456789ABCDEF", "-O", "cluster_size=1K,record_size=4K");
        using var info = JsonDocument.Parse(Cli.Expect("info", "--json", path).Output);
        var filesystem = info.RootElement.GetProperty("filesystem");
        Assert.Equal(("ntfs", "Größe", "0123456789ABCDEF", 1024),
            (filesystem.GetProperty("type").GetString(), filesystem.GetProperty("label").GetString(), filesystem.GetProperty("id").GetString(), filesystem.GetProperty("blockSize").GetInt32()));
        Assert.Empty(Cli.Expect("ls", "-R", path).Lines);
        Cli.Expect("check", path);
        Assert.Contains("processed successfully", Tool.Expect("ntfsfix", "-n", path), StringComparison.Ordinal);

        // In place, over the old one: one transaction.
        Cli.Expect("mkfs", path, "-t", "ntfs", "--label", "again");
        Assert.Contains("again", Cli.Expect("info", path).Output, StringComparison.Ordinal);
        Cli.Expect("check", path);
    }

    [Theory]
    [InlineData("-O", "cluster_size=3000")]
    [InlineData("-O", "cluster_size=0")]
    [InlineData("-O", "cluster_size=18446744073709551616")]
    [InlineData("-O", "sector_size=8K")]
    [InlineData("-O", "record_size=1")]
    [InlineData("-O", "clusters=4K")]
    [InlineData("-O", "log_size=64M")]
    [InlineData("--id", "12")]
    public void What_cannot_be_made_is_refused_in_one_line_and_leaves_nothing(string option, string value)
    {
        using var folder = new TempFolder();
        var path = folder.File("ntfs.img");
        Assert.Single(Cli.Fails(2, "mkfs", path, "-t", "ntfs", "--size", "16M", option, value).Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_partition_says_where_it_starts()
    {
        using var folder = new TempFolder();
        var path = folder.File("disk.img");
        File.WriteAllText(folder.File("disk.toml"), """
            [image]
            size = "40M"
            partition_table = "gpt"
            [[partition]]
            name = "system"
            type = "windows-data"
            size = "auto"
            free = "3M"
            [partition.filesystem]
            type = "ntfs"
            label = "SYSTEM"
            [[partition]]
            name = "data"
            type = "windows-data"
            size = "rest"
            [partition.filesystem]
            type = "ntfs"
            label = "DATA"
            options = { cluster_size = "16K" }
            """);
        Cli.Expect("build", folder.File("disk.toml"), "-o", path);
        Cli.Expect("check", path);
        using var info = JsonDocument.Parse(Cli.Expect("info", "--json", path).Output);
        var partitions = info.RootElement.GetProperty("partitions").EnumerateArray().ToList();
        var bytes = File.ReadAllBytes(path);
        foreach (var (partition, label) in partitions.Zip(["SYSTEM", "DATA"]))
        {
            var start = partition.GetProperty("start").GetInt64();
            Assert.Equal(label, partition.GetProperty("filesystem").GetProperty("label").GetString());
            Assert.Equal(start / 512, BitConverter.ToUInt32(bytes, (int)start + 0x1C));
        }
        Assert.Equal(16384, partitions[1].GetProperty("filesystem").GetProperty("blockSize").GetInt32());
        Assert.InRange(partitions[0].GetProperty("length").GetInt64(), 4 << 20, 8 << 20);

        Cli.Expect("mkfs", path + "@2", "-t", "ntfs");
        var moved = partitions[1].GetProperty("start").GetInt64();
        bytes = File.ReadAllBytes(path);
        Assert.Equal(moved / 512, BitConverter.ToUInt32(bytes, (int)moved + 0x1C));
        Cli.Expect("check", path);
    }

    [Fact]
    public void The_same_epoch_gives_the_same_bytes()
    {
        using var folder = new TempFolder();
        var variables = new Dictionary<string, string> { ["SOURCE_DATE_EPOCH"] = "1700000000" };
        foreach (var name in new[] { "a.img", "b.img" })
        {
            var result = Tool.Run(null, null, variables, Cli.Executable, "mkfs", folder.File(name), "-t", "ntfs", "--size", "8M", "--label", "same");
            Assert.True(result.ExitCode == 0, result.All);
        }
        Assert.Equal(File.ReadAllBytes(folder.File("a.img")), File.ReadAllBytes(folder.File("b.img")));
    }
}
