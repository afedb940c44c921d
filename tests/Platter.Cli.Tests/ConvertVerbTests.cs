using System.Text.Json;
using Platter.Blocks;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary><c>convert</c>, overlays, and the verbs that make images, in every container.</summary>
public class ConvertVerbTests
{
    public static TheoryData<string> Editable { get; } = ["img", "vhd", "vhdx", "qcow2", "vmdk", "vdi"];

    public static TheoryData<string> Packed { get; } = ["img.gz", "img.xz", "img.zst", "img.lz4", "img.bz2"];

    [Theory]
    [MemberData(nameof(Editable))]
    public void Images_are_made_edited_checked_and_converted_by_their_extension(string extension)
    {
        using var image = new TestImage();
        image.Put("/a.txt", "first");
        var path = image.Host("b." + extension);
        var json = Json("convert", image.Path, path, "--verify");
        Assert.True(json.GetProperty("verified").GetBoolean());
        Assert.Equal(16 << 20, json.GetProperty("size").GetInt64());
        Cli.Expect("put", path, image.Write("b.txt", "second"), "/b.txt");
        Assert.Equal("second", Cli.Expect("cat", path, "/b.txt").Output);
        Cli.Expect("check", path);
        Cli.Fails(4, "convert", image.Path, path);
        Cli.Expect("convert", path, image.Host("back.img"));
        Assert.Equal("first", Cli.Expect("cat", image.Host("back.img"), "/a.txt").Output);
        Assert.Equal("second", Cli.Expect("cat", image.Host("back.img"), "/b.txt").Output);
    }

    [Fact]
    public void Images_that_nobody_waits_for_are_the_same()
    {
        using var image = new TestImage();
        image.Put("/a.txt", "first");
        foreach (var name in new[] { "img", "qcow2", "img.gz" })
        {
            Cli.Expect("convert", image.Path, image.Host("waited." + name));
            Cli.Expect("convert", image.Path, image.Host("not waited." + name), "--no-sync");
            Assert.Equal(File.ReadAllBytes(image.Host("waited." + name)), File.ReadAllBytes(image.Host("not waited." + name)));
        }
        Cli.Expect("mkfs", image.Host("new.img"), "-t", "fat16", "--size", "16M", "--no-sync");
        Cli.Expect("check", image.Host("new.img"));
        Assert.Contains("--no-sync is for a new image", Cli.Fails(2, "convert", image.Path, image.Path + "@1", "--no-sync", "--force").Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Packed))]
    public void Compressed_images_are_listed_and_not_edited(string extension)
    {
        using var image = new TestImage();
        image.Put("/a.txt", "first");
        var path = image.Host("b." + extension);
        Cli.Expect("convert", image.Path, path, "--level", "1");
        Assert.Equal(image.List(), Cli.Expect("ls", "-R", "-a", path).Lines);
        Assert.Equal("first", Cli.Expect("cat", path, "/a.txt").Output);
        Cli.Expect("check", path);
        Assert.Contains("convert", Cli.Fails(7, "put", path, image.Write("b", "x"), "/b").Error, StringComparison.Ordinal);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^30]);
        Cli.Fails(6, "convert", path, image.Host("c.img"));
        Assert.False(File.Exists(image.Host("c.img")));
    }

    [Theory]
    [InlineData("a.qcow2", "qcow2")]
    [InlineData("a.vmdk", "vmdk")]
    [InlineData("a.vdi", "vdi")]
    [InlineData("a.vhdx", "vhdx")]
    [InlineData("a.vhd", "vhd")]
    [InlineData("a.img.zst", "zst")]
    public void Mkfs_create_and_build_make_any_container(string name, string format)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("tree"));
        File.WriteAllText(folder.File("tree/x"), "content");
        Cli.Expect("mkfs", folder.File("1" + name), "-t", "fat16", "--size", "16M");
        Cli.Expect("create", "-t", "fat16", "-o", folder.File("2" + name), folder.File("tree"));
        File.WriteAllText(folder.File("disk.toml"), "[image]\nsize = \"32M\"\npartition_table = \"gpt\"\n[[partition]]\nname = \"EFI\"\ntype = \"esp\"\nsize = \"rest\"\n[partition.filesystem]\ntype = \"fat16\"\nsource = \"tree\"\n");
        Cli.Expect("build", folder.File("disk.toml"), "-o", folder.File("3" + name));
        Cli.Expect("part", "init", "gpt", folder.File("4" + name), "--size", "8M");
        foreach (var number in new[] { "1", "2", "3", "4" })
            Assert.Equal(format, Json("info", folder.File(number + name)).GetProperty("container").GetProperty("format").GetString());
        Assert.Equal("content", Cli.Expect("cat", folder.File("2" + name), "/x").Output);
        Assert.Equal("content", Cli.Expect("cat", folder.File("3" + name), "/x").Output);
        Assert.Equal(5, Directory.GetFiles(folder.Path).Length);
    }

    [Fact]
    public void Settings_go_to_the_container()
    {
        using var image = new TestImage();
        Cli.Expect("convert", image.Path, image.Host("a.qcow2"), "-O", "cluster_size=4K");
        Assert.Equal(4096, Json("info", image.Host("a.qcow2")).GetProperty("container").GetProperty("blockSize").GetInt64());
        Cli.Expect("convert", image.Path, image.Host("b.vmdk"), "--subformat", "streamOptimized");
        Cli.Expect("convert", image.Path, image.Host("c.vmdk"), "-c", "--level", "9");
        foreach (var name in new[] { "b.vmdk", "c.vmdk" })
            Assert.Equal("streamOptimized", Json("info", image.Host(name)).GetProperty("container").GetProperty("details").GetProperty("subformat").GetString());
        Cli.Expect("create", "-t", "fat12", "-o", image.Host("d.vhdx"), "--size", "4M", "--container", "block_size=1M");
        Assert.Equal(1 << 20, Json("info", image.Host("d.vhdx")).GetProperty("container").GetProperty("blockSize").GetInt64());
        Assert.Contains("nonsense", Cli.Fails(2, "convert", image.Path, image.Host("e.vdi"), "-O", "nonsense=1").Error, StringComparison.Ordinal);
        Cli.Fails(2, "convert", image.Path, image.Host("e.vdi"), "-f", "nonsense");
        Cli.Fails(7, "convert", image.Path, image.Host("e.vdi"), "-c");
        Assert.False(File.Exists(image.Host("e.vdi")));
    }

    [Fact]
    public void A_partition_becomes_an_image_and_an_image_a_partition()
    {
        using var folder = new TempFolder();
        var (disk, part) = (folder.File("disk.qcow2"), folder.File("part.vdi"));
        Cli.Expect("part", "init", "gpt", disk, "--size", "64M");
        Cli.Expect("part", "add", disk, "-t", "esp", "-s", "20M");
        Cli.Expect("part", "add", disk, "-t", "linux", "-s", "24M");
        Cli.Expect("mkfs", disk + "@1", "-t", "fat16", "-L", "FIRST");
        Cli.Expect("convert", disk + "@1", part);
        Assert.Equal(20 << 20, Json("info", part).GetProperty("container").GetProperty("size").GetInt64());
        Assert.Equal("FIRST", Cli.Expect("label", part).Output.Trim());
        Cli.Expect("convert", part, disk + "@2");
        Assert.Equal("FIRST", Cli.Expect("label", disk + "@2").Output.Trim());
        Cli.Expect("put", disk + "@2", folder.File("part.vdi"), "/big");
        Cli.Fails(8, "convert", part, disk + "@2");             // there are files
        Cli.Expect("convert", part, disk + "@2", "--force");
        Assert.Empty(Cli.Expect("ls", disk + "@2").Lines);
        Cli.Expect("check", disk);
    }

    [Fact]
    public void A_source_that_is_too_long_for_a_partition_changes_nothing()
    {
        using var folder = new TempFolder();
        var disk = folder.File("disk.img");
        Cli.Expect("part", "init", "gpt", disk, "--size", "16M");
        Cli.Expect("part", "add", disk, "-s", "4M");
        File.WriteAllBytes(folder.File("long.img"), new byte[5 << 20]);
        var before = File.ReadAllBytes(disk);
        Cli.Fails(5, "convert", folder.File("long.img"), disk + "@1");
        Cli.Fails(3, "convert", folder.File("long.img"), disk + "@7");
        Cli.Fails(2, "convert", folder.File("long.img"), disk + "@1", "-f", "vdi");
        Assert.Equal(before, File.ReadAllBytes(disk));
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vmdk")]
    [InlineData("vhd")]
    [InlineData("vhdx")]
    public void An_overlay_is_edited_and_its_base_never(string format)
    {
        using var image = new TestImage();
        image.Put("/a.txt", "base");
        var (parent, overlay) = (image.Host("base." + format), image.Host("overlay." + format));
        Cli.Expect("convert", image.Path, parent);
        var before = File.ReadAllBytes(parent);
        Cli.Expect("create", "--backing", parent, "-o", overlay);
        Cli.Expect("put", overlay, image.Write("b.txt", "overlay"), "/b.txt");
        Cli.Expect("rm", overlay, "/a.txt");
        Assert.Equal(["b.txt"], Cli.Expect("ls", overlay).Lines);
        Assert.Equal(["a.txt"], Cli.Expect("ls", parent).Lines);
        Assert.Equal(before, File.ReadAllBytes(parent));
        var info = Json("info", overlay).GetProperty("container");
        Assert.Equal(format, info.GetProperty("parents")[0].GetProperty("format").GetString());
        Assert.True(info.GetProperty("sound").GetBoolean());
        Assert.Contains("builds upon", Cli.Expect("info", overlay).Output, StringComparison.Ordinal);
        Cli.Expect("convert", overlay, image.Host("second." + format), "--backing", parent, "--verify");
        Assert.Equal(["b.txt"], Cli.Expect("ls", image.Host("second." + format)).Lines);
        Cli.Fails(7, "create", "--backing", parent, "-o", image.Host("x.vdi"));
        Cli.Fails(2, "create", "--backing", parent, "-o", image.Host("x." + format), "-t", "fat16");
        Cli.Fails(2, "create", "--backing", parent, "-o", image.Host("x." + format), "--size", "1M");
        File.Delete(parent);
        Cli.Fails(3, "ls", overlay);
    }

    [Theory]
    [InlineData("vhd", 2 << 20)]
    [InlineData("vhdx", 2 << 20)]
    [InlineData("qcow2", 64 << 10)]
    [InlineData("vmdk", 64 << 10)]
    [InlineData("vdi", 1 << 20)]
    public void Info_tells_size_allocation_blocks_and_whether_the_container_is_sound(string format, int blockSize)
    {
        using var image = new TestImage();
        image.Put("/a.txt", "x");
        var path = image.Host("b." + format);
        Cli.Expect("convert", image.Path, path);
        var info = Json("info", path).GetProperty("container");
        Assert.Equal((format, 16 << 20, blockSize), (info.GetProperty("format").GetString(), info.GetProperty("size").GetInt32(), info.GetProperty("blockSize").GetInt32()));
        Assert.InRange(info.GetProperty("allocated").GetInt64(), 4096, 15 << 20);
        Assert.True(info.GetProperty("sound").GetBoolean());
        var text = Cli.Expect("info", path).Output;
        foreach (var fact in new[] { "16.0 MiB", "allocated", "block size", "integrity", "sound" })
            Assert.Contains(fact, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Info_tells_what_is_wrong_with_a_container()
    {
        using var image = new TestImage();
        var path = image.Host("b.vdi");
        Cli.Expect("convert", image.Path, path);
        using (var file = new FileStream(path, FileMode.Open))
        {
            file.Position = 0x184;      // how many blocks are in the file
            file.WriteByte(9);
        }
        var info = Json("info", path).GetProperty("container");
        Assert.False(info.GetProperty("sound").GetBoolean());
        Assert.Equal("VDI-0008", info.GetProperty("findings")[0].GetProperty("code").GetString());
        Assert.Contains("1 findings, the first", Cli.Expect("info", path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_larger_disk_can_be_asked_for_and_a_smaller_one_not()
    {
        using var image = new TestImage();
        Cli.Expect("convert", image.Path, image.Host("b.qcow2"), "--size", "20M");
        Assert.Equal(20 << 20, Json("info", image.Host("b.qcow2")).GetProperty("container").GetProperty("size").GetInt64());
        Cli.Fails(2, "convert", image.Path, image.Host("c.qcow2"), "--size", "10M");
    }

    [Fact]
    public void The_same_input_gives_the_same_bytes_when_the_date_is_set()
    {
        using var image = new TestImage();
        image.Put("/a.txt", "x");
        foreach (var extension in new[] { "vhd", "vhdx", "qcow2", "vmdk", "vdi", "gz", "xz", "zst", "lz4", "bz2" })
        {
            foreach (var folder in new[] { "one", "two" })
            {
                Directory.CreateDirectory(image.Host(folder));
                Assert.Equal(0, Cli.Spawn(null, [], [("SOURCE_DATE_EPOCH", "1000000000")], "convert", image.Path, image.Host($"{folder}/a.{extension}")).Code);
            }
            Assert.True(File.ReadAllBytes(image.Host($"one/a.{extension}")).AsSpan().SequenceEqual(File.ReadAllBytes(image.Host($"two/a.{extension}"))), extension);
        }
    }

    [Fact]
    public void Clues_that_disagree_are_shown_and_do_not_make_an_image_unclean()
    {
        using var image = new TestImage();
        Cli.Expect("convert", image.Path, image.Host("b.img"), "-f", "qcow2");
        Assert.Contains("the content counts", Cli.Expect("info", image.Host("b.img")).Output, StringComparison.Ordinal);
        Assert.Contains("IMG-0004", Cli.Expect("check", image.Host("b.img")).Output, StringComparison.Ordinal);
        Assert.Contains("IMG-0005", Cli.Expect("info", image.Host("b.img"), "--as-raw", "--json").Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("HUP")]     // the terminal was closed
    public void A_conversion_that_is_told_to_end_leaves_no_file_of_its_name(string signal)
    {
        using var folder = new TempFolder();
        TestDisk.Make(folder.File("a.img"), 400 << 20, 120 << 20, seed: 2);
        using var process = Cli.Start(folder.Path, [], "convert", "a.img", "b.img.xz");
        SpinWait.SpinUntil(() => Directory.GetFiles(folder.Path).Length > 1 || process.HasExited, TimeSpan.FromSeconds(20));
        Assert.Equal(0, Tool.Run("bash", "-c", $"kill -{signal} {process.Id}").ExitCode);
        process.WaitForExit();
        Assert.Equal(130, process.ExitCode);
        Assert.Equal([folder.File("a.img")], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void What_a_killed_conversion_left_goes_with_the_next_one()
    {
        using var folder = new TempFolder();
        TestDisk.Make(folder.File("a.img"), 400 << 20, 120 << 20, seed: 2);
        using (var process = Cli.Start(folder.Path, [], "convert", "a.img", "b.img.xz"))
        {
            SpinWait.SpinUntil(() => Directory.GetFiles(folder.Path).Length > 1 || process.HasExited, TimeSpan.FromSeconds(20));
            process.Kill();
            process.WaitForExit();
        }
        Assert.Equal(2, Directory.GetFiles(folder.Path).Length);
        Assert.Contains("platter-new", Directory.GetFiles(folder.Path).Single(f => f != folder.File("a.img")), StringComparison.Ordinal);
        File.Copy(folder.File("a.img"), folder.File("other.img.platter-new-2147483646"));
        Cli.Expect("convert", folder.File("a.img"), folder.File("b.img.xz"), "--level", "0");
        Assert.Equal([folder.File("a.img"), folder.File("b.img.xz"), folder.File("other.img.platter-new-2147483646")], Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Disks_of_the_host_are_read_and_overwritten()
    {
        using var image = new TestImage("fat16", "16M");
        image.Put("/a.txt", "on the disk");
        TestDisk.Make(image.Host("behind"), 20 << 20, 5 << 20, seed: 3);
        var loop = Tool.Expect("losetup", "--find", "--show", image.Host("behind")).Trim();
        try
        {
            Cli.Fails(8, "convert", image.Path, loop);
            Cli.Fails(2, "convert", image.Path, loop, "--force", "-f", "vdi");
            Cli.Expect("convert", image.Path, loop, "--force", "--verify");
            Assert.Equal("on the disk", Cli.Expect("cat", loop, "/a.txt").Output);
            Cli.Expect("convert", loop, image.Host("back.vhdx"), "--verify");
            File.WriteAllBytes(image.Host("long.img"), new byte[21 << 20]);
            Cli.Fails(5, "convert", image.Host("long.img"), loop, "--force");
        }
        finally
        {
            Tool.Expect("losetup", "--detach", loop);
        }
        var (written, original) = (File.ReadAllBytes(image.Host("behind")), File.ReadAllBytes(image.Path));
        Assert.True(written.AsSpan(0, original.Length).SequenceEqual(original));
        Assert.False(written.AsSpan(original.Length).ContainsAnyExcept((byte)0), "behind the source's end there are no zeros");
        Assert.Equal(20 << 20, Json("info", image.Host("back.vhdx")).GetProperty("container").GetProperty("size").GetInt64());
        Assert.Equal("on the disk", Cli.Expect("cat", image.Host("back.vhdx"), "/a.txt").Output);
    }

    [Theory]
    [InlineData("vhd")]
    [InlineData("vhdx")]
    [InlineData("qcow2")]
    [InlineData("vmdk")]
    [InlineData("vdi")]
    public void A_partition_within_a_container_is_replaced_and_its_neighbours_stay(string format)
    {
        using var image = new TestImage("fat16", "16M");
        image.Put("/a.txt", "content");
        var disk = image.Host("disk." + format);
        Cli.Expect("part", "init", "gpt", disk, "--size", "64M");
        Cli.Expect("part", "add", disk, "-t", "esp", "-s", "20M");
        Cli.Expect("part", "add", disk, "-t", "linux", "-s", "20M");
        Cli.Expect("mkfs", disk + "@1", "-t", "fat16", "-L", "FIRST");
        Cli.Expect("convert", image.Path, disk + "@2", "--verify");
        Assert.Equal("content", Cli.Expect("cat", disk + "@2", "/a.txt").Output);
        Assert.Equal("FIRST", Cli.Expect("label", disk + "@1").Output.Trim());
        Cli.Expect("convert", disk + "@2", image.Host("part." + format), "--verify");
        Assert.Equal("content", Cli.Expect("cat", image.Host("part." + format), "/a.txt").Output);
        Cli.Expect("check", disk);
    }

    // A window of 128 MiB that is full of what can't be compressed, so that no state of it can be kept.
    [Fact]
    public void A_stream_with_the_largest_window_is_read_within_200_MB()
    {
        using var folder = new TempFolder();
        var path = folder.File("a.img");
        using (var disk = HostFile.Create(path, 200 << 20))
        {
            var noise = new byte[1 << 20];
            new Random(1).NextBytes(noise);
            for (var i = 0; i < 180; i++)
            {
                BitConverter.TryWriteBytes(noise, i);
                noise.AsSpan(8 + i * 100, 4000).Reverse();
                disk.Write((long)i << 20, noise);
            }
        }
        using (var image = new TestImage())
        using (var small = File.OpenRead(image.Path))
        using (var target = File.OpenWrite(path))
            small.CopyTo(target);
        // Through a pipe zstd can't know the length, and asks for the whole window.
        Tool.Expect("bash", "-c", $"zstd -q -1 --long=27 < {path} > {path}.zst");
        using var process = Cli.Start(folder.Path, [], "convert", "a.img.zst", "b.vdi");
        var peak = 0L;
        while (!process.WaitForExit(10))
        {
            process.Refresh();
            try
            {
                peak = Math.Max(peak, process.PeakWorkingSet64);
            }
            catch (InvalidOperationException)
            {
                // It has ended in between.
            }
        }
        Assert.True(process.ExitCode == 0, process.StandardError.ReadToEnd());
        Assert.InRange(peak, 50_000_000, 200_000_000);
    }

    private static JsonElement Json(params string[] args)
    {
        using var document = JsonDocument.Parse(Cli.Expect([.. args, "--json"]).Bytes);
        return document.RootElement.Clone();
    }
}
