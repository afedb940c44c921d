using System.Text.Json;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

public class DiskVerbTests
{
    private static JsonElement Json(params string[] args)
    {
        using var document = JsonDocument.Parse(Cli.Expect([.. args, "--json"]).Bytes);
        return document.RootElement.Clone();
    }

    [Theory]
    [InlineData("gpt")]
    [InlineData("mbr")]
    public void Partitions_are_added_changed_resized_and_removed(string scheme)
    {
        using var folder = new TempFolder();
        var disk = folder.File("disk.img");
        Cli.Expect("part", "init", scheme, disk, "--size", "64M");
        var first = Json("part", "add", disk, "-t", "linux", "-s", "16M");
        Assert.Equal(1, first.GetProperty("number").GetInt32());
        Assert.Equal(16 << 20, first.GetProperty("length").GetInt64());
        Assert.Equal(1 << 20, first.GetProperty("start").GetInt64());
        Cli.Expect("part", "resize", disk, "1", "24M");
        Cli.Expect("part", "set", disk, "1", "--flag", "+bootable");
        Cli.Expect("part", "add", disk);
        var table = Json("part", "list", disk);
        Assert.Equal(scheme, table.GetProperty("scheme").GetString());
        var parts = table.GetProperty("partitions").EnumerateArray().ToList();
        Assert.Equal(24 << 20, parts[0].GetProperty("length").GetInt64());
        Assert.Equal("bootable", parts[0].GetProperty("flags")[0].GetString());
        Assert.Equal("linux", parts[1].GetProperty("type").GetString());
        Cli.Expect("part", "rm", disk, "1");
        Assert.Equal("@2", Cli.Expect("part", "list", disk).Lines[1].Split(' ')[0]);
        Assert.Equal("", Tool.Run("sfdisk", "-V", disk).Error.Replace("No errors detected.", "", StringComparison.Ordinal).Trim());
        Cli.Fails(3, "part", "rm", disk, "1");
        Cli.Fails(2, "part", "rm", disk, "x");
        Cli.Fails(5, "part", "add", disk, "-s", "1G");
        Cli.Fails(2, "part", "add", disk, "-t", "nonsense");
    }

    [Fact]
    public void The_list_of_partitions_names_what_is_in_them()
    {
        using var folder = new TempFolder();
        var disk = folder.File("disk.img");
        Cli.Expect("part", "init", "gpt", disk, "--size", "64M");
        foreach (var type in new[] { "ext2", "ext4", "fat12" })
        {
            Cli.Expect("part", "add", disk, "-t", "linux", "-s", "8M");
            Cli.Expect("mkfs", $"{disk}@{Json("part", "list", disk).GetProperty("partitions").GetArrayLength()}", "-t", type);
        }
        Assert.Equal(["ext2", "ext4", "fat12"], Cli.Expect("part", "list", disk).Lines[1..].Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1]));
        // A superblock whose geometry is nonsense: still an ext, of whatever kind.
        using (var file = File.OpenWrite(disk))
        {
            file.Position = (9 << 20) + 1024 + 0x20;        // s_blocks_per_group
            file.Write(new byte[4]);
        }
        Assert.Contains("  ext2", Cli.Expect("part", "list", disk).Lines[2], StringComparison.Ordinal);
        Assert.DoesNotContain("platter check", Cli.Run("check", $"{disk}@2").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Tables_and_filesystems_are_not_lost_without_force()
    {
        using var image = new TestImage();
        Cli.Fails(8, "part", "init", "gpt", image.Path);
        Cli.Expect("mkfs", image.Path, "-t", "fat12");      // empty: nothing to lose
        image.Put("/f", "x");
        Cli.Fails(8, "mkfs", image.Path, "-t", "fat12");
        Cli.Expect("mkfs", "--force", image.Path, "-t", "fat12");
        Assert.Empty(image.List());
        Cli.Expect("part", "init", "mbr", image.Path, "--force");
        Cli.Expect("part", "add", image.Path, "-s", "8M");
        Cli.Expect("mkfs", image.Path + "@1", "-t", "fat12");
        Cli.Fails(8, "part", "init", "gpt", image.Path);
        Cli.Fails(8, "mkfs", image.Path, "-t", "fat12");
        Cli.Fails(8, "part", "resize", image.Path, "1", "4M");
        Cli.Expect("part", "resize", image.Path, "1", "max");
    }

    [Fact]
    public void Info_has_container_partitions_and_filesystems()
    {
        using var folder = new TempFolder();
        var disk = folder.File("disk.vhd");
        Cli.Expect("part", "init", "gpt", disk, "--size", "64M");
        Cli.Expect("part", "add", disk, "-t", "esp", "-n", "EFI system", "-s", "40M");
        Cli.Expect("mkfs", disk + "@1", "-t", "fat16", "-L", "EFI", "--id", "1234-ABCD");
        var info = Json("info", disk);
        Assert.Equal("vhd", info.GetProperty("container").GetProperty("format").GetString());
        Assert.Equal(64 << 20, info.GetProperty("container").GetProperty("size").GetInt64());
        var partition = info.GetProperty("partitions")[0];
        Assert.Equal((1, "esp", "EFI system"), (partition.GetProperty("number").GetInt32(), partition.GetProperty("type").GetString(), partition.GetProperty("name").GetString()));
        var filesystem = partition.GetProperty("filesystem");
        Assert.Equal(("fat16", "EFI", "1234-ABCD", true), (filesystem.GetProperty("type").GetString(), filesystem.GetProperty("label").GetString(), filesystem.GetProperty("id").GetString(), filesystem.GetProperty("clean").GetBoolean()));
        Assert.False(info.TryGetProperty("filesystem", out _));
        var text = Cli.Expect("info", disk).Output;
        Assert.Contains("dynamic VHD", text, StringComparison.Ordinal);
        Assert.Contains("EFI system", text, StringComparison.Ordinal);
        Assert.Contains("1234-ABCD", Cli.Expect("info", disk + "@1").Output, StringComparison.Ordinal);
        Assert.Equal("fat16", Json("info", disk + "@1").GetProperty("filesystem").GetProperty("type").GetString());
        Cli.Fails(3, "info", disk + "@2");
        Assert.Equal(1, Json("df", disk).GetProperty("filesystems")[0].GetProperty("number").GetInt32());
    }

    [Fact]
    public void Fields_that_are_not_there_are_absent_not_null()
    {
        using var image = new TestImage();
        image.Put("/f", "x");
        foreach (var args in new string[][] { ["info", image.Path], ["ls", image.Path], ["stat", image.Path, "/f"], ["df", image.Path], ["tree", image.Path], ["check", image.Path] })
            Assert.DoesNotContain("null", Cli.Expect([.. args, "--json"]).Output, StringComparison.Ordinal);
        var entry = FileVerbTests.Json("ls", image.Path).Single();
        Assert.Equal("/f", entry.GetProperty("path").GetString());
        Assert.Equal("file", entry.GetProperty("type").GetString());
        foreach (var lacking in new[] { "mode", "uid", "gid", "links", "target" })
            Assert.False(entry.TryGetProperty(lacking, out _));
    }

    [Fact]
    public void Check_finds_damage_and_says_so_with_code_10()
    {
        using var image = new TestImage();
        image.Put("/f", new string('x', 20_000));
        Assert.Equal("clean\n", Cli.Expect("check", image.Path).Output);
        var reserved = System.Buffers.Binary.BinaryPrimitives.ReadUInt16LittleEndian(File.ReadAllBytes(image.Path).AsSpan(14));
        using (var file = File.OpenWrite(image.Path))
        {
            file.Position = (512 * reserved) + 6;     // the first FAT's entries 3 and on
            file.Write([0xFF, 0xFF, 0xFF, 0xFF]);
        }
        var broken = Cli.Run("check", image.Path, "--json");
        Assert.Equal(10, broken.Code);
        using var report = JsonDocument.Parse(broken.Bytes);
        Assert.False(report.RootElement.GetProperty("clean").GetBoolean());
        var finding = report.RootElement.GetProperty("findings")[0];
        Assert.StartsWith("FAT-", finding.GetProperty("code").GetString(), StringComparison.Ordinal);
        Assert.Contains(finding.GetProperty("severity").GetString(), new[] { "warning", "error" });
        Assert.NotEqual("", finding.GetProperty("where").GetString() + finding.GetProperty("message").GetString());
        Assert.Equal(10, Cli.Run("check", image.Path).Code);
    }

    [Fact]
    public void Create_fits_a_folder_and_copies_images()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("tree/d"));
        File.WriteAllText(folder.File("tree/d/a.txt"), "hello");
        File.WriteAllBytes(folder.File("tree/big"), new byte[100_000]);
        var image = folder.File("a.img");
        Cli.Expect("create", "-t", "fat16", "-o", image, folder.File("tree"), "--label", "MADE", "-q");
        Assert.Equal("hello", Cli.Expect("cat", image, "/d/a.txt").Output);
        Assert.Equal("MADE", Cli.Expect("label", image).Lines.Single());
        Cli.Fails(4, "create", "-t", "fat16", "-o", image, folder.File("tree"));
        Cli.Expect("create", "-t", "fat12", "-o", folder.File("b.vhd"), image, "--size", "4M", "-q");
        Assert.Equal("hello", Cli.Expect("cat", folder.File("b.vhd"), "/d/a.txt").Output);
        Assert.Contains("fat12", Cli.Expect("info", folder.File("b.vhd")).Output, StringComparison.Ordinal);
        Cli.Fails(7, "create", "-t", "zfs", "-o", folder.File("c.img"));
        Cli.Fails(2, "create", "-o", folder.File("c.img"));
        Cli.Fails(5, "create", "-t", "fat12", "-o", folder.File("c.img"), folder.File("tree"), "--size", "64K");
        Assert.False(File.Exists(folder.File("c.img")));
    }

    [Fact]
    public void Build_makes_a_disk_from_a_spec_and_names_its_mistakes()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("esp"));
        File.WriteAllText(folder.File("esp/a.txt"), "hello");
        var spec = folder.File("disk.toml");
        File.WriteAllText(spec, """
            [image]
            size = "auto"
            partition_table = "gpt"
            [[partition]]
            name = "EFI"
            type = "esp"
            size = "40M"
            [partition.filesystem]
            type = "fat16"
            source = ["esp/"]
            """);
        Cli.Expect("build", spec, "-o", folder.File("disk.img"), "-q");
        Assert.Equal("hello", Cli.Expect("cat", folder.File("disk.img") + "@1", "/a.txt").Output);
        Cli.Fails(4, "build", spec, "-o", folder.File("disk.img"));
        File.AppendAllText(spec, "\nlable = \"X\"\n");
        var error = Cli.Fails(2, "build", spec, "-o", folder.File("disk2.img")).Error;
        Assert.Contains("lable", error, StringComparison.Ordinal);
        Assert.Contains("label", error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("disk2.img")));
    }

    [Fact]
    public void Build_takes_time_zone_and_code_page_from_the_command_line()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("tree"));
        File.WriteAllText(folder.File("tree/Ж.TXT"), "");
        File.SetLastWriteTimeUtc(folder.File("tree/Ж.TXT"), new DateTime(2020, 1, 1, 10, 0, 0, DateTimeKind.Utc));
        File.WriteAllText(folder.File("fs.toml"), """
            [filesystem]
            type = "fat12"
            source = ["tree/"]
            """);
        var image = folder.File("fs.img");

        Cli.Expect("build", folder.File("fs.toml"), "-o", image, "-q", "--utc-offset", "+02:00", "--codepage", "866");

        Assert.Contains("2020-01-01 12:00:00", Cli.Expect("ls", "-l", image).Output, StringComparison.Ordinal);
        // The short name is byte 0x86 of code page 866; 437 would not have it at all.
        Assert.True(File.ReadAllBytes(image).AsSpan().IndexOf((ReadOnlySpan<byte>)[0x86, .. "       TXT"u8]) >= 0);
    }

    [Fact]
    public void Devices_lists_what_there_is() => Assert.True(Json("devices").GetProperty("devices").GetArrayLength() >= 0);
}
