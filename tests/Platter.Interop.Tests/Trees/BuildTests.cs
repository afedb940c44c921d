using System.Security.Cryptography;
using Platter.FileSystems;
using Platter.Images;
using Platter.Partitions;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Building;
using Platter.Trees.Host;
using Platter.Trees.Specs;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Interop.Tests.Trees;

/// <summary>Images that Platter built, as mtools, dosfstools, util-linux and gdisk see them.</summary>
public sealed class BuildTests
{
    private static readonly DateTimeOffset Epoch = new(2024, 2, 29, 12, 0, 0, TimeSpan.Zero);

    private static BuildReport Build(TempFolder folder, string spec, string output, BuildOptions? options = null) =>
        DiskBuilder.Build(DiskSpec.Parse(spec, "disk.toml"), folder.File(output), (options ?? new BuildOptions { Epoch = Epoch }) with { BaseFolder = folder.Path });

    private static string Hash(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    /// <summary>A small real tree: names short and long, empty, nested, and files around the cluster sizes.</summary>
    private static void MakeTree(string path)
    {
        Directory.CreateDirectory(Path.Combine(path, "EFI/BOOT"));
        Directory.CreateDirectory(Path.Combine(path, "Empty Folder"));
        var random = new Random(7);
        foreach (var (name, size) in new[] { ("EFI/BOOT/BOOTX64.EFI", 150_000), ("EFI/a long name with spaces.txt", 4096), ("ünïcode ☃.txt", 5), ("zero", 0), ("z", 1) })
        {
            var bytes = new byte[size];
            random.NextBytes(bytes);
            File.WriteAllBytes(Path.Combine(path, name), bytes);
            Tool.Expect("touch", "-d", "2019-08-07T06:05:04Z", Path.Combine(path, name));
        }
    }

    private static void Fsck(string image, long offset, long length, TempFolder folder)
    {
        var part = folder.File("part.img");
        Tool.Expect("dd", $"if={image}", $"of={part}", "bs=1M", "iflag=skip_bytes,count_bytes", $"skip={offset}", $"count={length}", "conv=sparse");
        Tool.Expect("fsck.vfat", "-n", part);
    }

    [Fact]
    public void A_gpt_disk_passes_every_judge_and_holds_the_tree()
    {
        using var folder = new TempFolder();
        MakeTree(folder.File("esp"));
        const string spec = """
            [image]
            size = "300M"
            partition_table = "gpt"
            [[partition]]
            name = "EFI"
            type = "esp"
            size = "64M"
            [partition.filesystem]
            type = "fat32"
            label = "EFI"
            source = ["esp"]
            [[partition.filesystem.file]]
            path = "/loader/entry.conf"
            content = "title x\n"
            [[partition]]
            type = "linux"
            size = "rest"
            [[partition]]
            name = "data"
            type = "windows-data"
            size = "20M"
            [partition.filesystem]
            type = "fat16"
            source = "esp"
            """;
        var image = folder.File("disk.img");
        var report = Build(folder, spec, "disk.img");
        Assert.Equal((300L << 20, 3, 2), (report.Length, report.Partitions.Count, report.Volumes.Count));
        Assert.Contains("No problems found", Tool.Expect("sgdisk", "-v", image), StringComparison.Ordinal);
        Assert.Equal(0, Tool.Run("sfdisk", "-V", image).ExitCode);
        foreach (var volume in report.Volumes)
        {
            Fsck(image, volume.Partition!.Start, volume.Partition.Length, folder);
            Assert.Equal((5L, 3L), (volume.Copied.Files - (volume.Info.Label == "EFI" ? 1 : 0), volume.Copied.Directories - (volume.Info.Label == "EFI" ? 1 : 0)));
        }
        Directory.CreateDirectory(folder.File("out"));
        Tool.Expect("mcopy", "-s", "-p", "-m", "-i", $"{image}@@{report.Partitions[0].Start}", "::/*", folder.File("out"));
        Assert.Equal("title x\n", File.ReadAllText(folder.File("out/loader/entry.conf")));
        Directory.Delete(folder.File("out/loader"), recursive: true);
        Tool.Expect("diff", "-r", folder.File("esp"), folder.File("out"));
        Assert.Equal("1565157904", Tool.Expect("stat", "-c", "%Y", folder.File("out/EFI/BOOT/BOOTX64.EFI")).Trim());
    }

    [Theory]
    [InlineData("gpt", "raw", 512)]
    [InlineData("gpt", "raw", 4096)]
    [InlineData("mbr", "raw", 512)]
    [InlineData("mbr", "vhd-fixed", 512)]
    [InlineData("apm", "raw", 512)]
    public void Two_builds_are_the_same_bytes(string table, string format, int sectorSize)
    {
        using var folder = new TempFolder();
        MakeTree(folder.File("tree"));
        var typeName = table == "apm" ? "DOS_FAT_32" : "windows-data";
        var spec = $"""
            [image]
            size = "auto"
            format = "{format}"
            partition_table = "{table}"
            sector_size = {sectorSize}
            [[partition]]
            type = "{typeName}"
            size = "auto"
            [partition.filesystem]
            type = "fat"
            label = "ONE"
            source = ["tree"]
            [[partition]]
            type = "{typeName}"
            size = "40M"
            [partition.filesystem]
            type = "fat"
            source = ["tree"]
            """;
        var report = Build(folder, spec, "a.img");
        // The same again, later, with the tree's own times changed to even later ones.
        foreach (var file in Directory.EnumerateFileSystemEntries(folder.File("tree"), "*", SearchOption.AllDirectories))
            File.SetLastAccessTimeUtc(file, DateTime.UtcNow);
        Build(folder, spec, "b.img");
        Assert.Equal(Hash(folder.File("a.img")), Hash(folder.File("b.img")));
        Assert.Equal(2, report.Volumes.Select(v => v.Info.Id).Distinct(StringComparer.Ordinal).Count());
        using var image = ImageFile.Open(folder.File("a.img"), ImageAccess.Read);
        if (sectorSize == 512)
            Assert.Equal(2, PartitionTable.TryOpen(image.Device)!.Partitions.Count(p => p.TypeName != "apm-map" && p.Type.Text is not "Apple_partition_map" and not "Apple_Free"));
        if (table == "mbr" && format == "raw")
            Assert.Equal(0, Tool.Run("sfdisk", "-V", folder.File("a.img")).ExitCode);
    }

    [Fact]
    public void More_than_four_mbr_partitions_become_logical_ones_in_order()
    {
        using var folder = new TempFolder();
        var spec = "[image]\nsize = \"auto\"\npartition_table = \"mbr\"\n"
            + string.Concat(Enumerable.Range(1, 6).Select(i => $"[[partition]]\ntype = \"linux\"\nsize = \"{i}M\"\n"));
        var report = Build(folder, spec, "disk.img");
        Assert.Equal([1, 2, 3, 5, 6, 7], report.Partitions.Select(p => p.Number));
        Assert.Equal(Enumerable.Range(1, 6).Select(i => (long)i << 20), report.Partitions.Select(p => p.Length));
        Assert.Equal(0, Tool.Run("sfdisk", "-V", folder.File("disk.img")).ExitCode);
        var rest = spec.Replace("\"auto\"", "\"64M\"", StringComparison.Ordinal).Replace("size = \"5M\"", "size = \"rest\"", StringComparison.Ordinal);
        var grown = Build(folder, rest, "rest.img");
        Assert.InRange(grown.Partitions[4].Length, 40L << 20, 64L << 20);
        Assert.Equal(0, Tool.Run("sfdisk", "-V", folder.File("rest.img")).ExitCode);
    }

    [Theory]
    [InlineData("fat12", 0)]
    [InlineData("fat16", 0)]
    [InlineData("fat32", 0)]
    [InlineData("fat", 0)]
    [InlineData("fat", 40)]
    public void A_filesystem_sized_to_fit_holds_the_tree(string type, int megabytes)
    {
        using var folder = new TempFolder();
        MakeTree(folder.File("tree"));
        if (megabytes > 0)
            File.WriteAllBytes(folder.File("tree/big"), new byte[megabytes << 20]);
        using var source = HostTreeSource.Content(folder.File("tree"));
        var report = FileSystemBuilder.Create(folder.File("fs.img"), new NewFileSystem { Type = type, Label = "FIT" }, source, new BuildOptions { Epoch = Epoch });
        Assert.Equal(report.Length, new FileInfo(folder.File("fs.img")).Length);
        Tool.Expect("fsck.vfat", "-n", folder.File("fs.img"));
        Directory.CreateDirectory(folder.File("out"));
        Tool.Expect("mcopy", "-s", "-i", folder.File("fs.img"), "::/*", folder.File("out"));
        Tool.Expect("diff", "-r", folder.File("tree"), folder.File("out"));
        if (type != "fat32")
            Assert.InRange(report.Length, (megabytes << 20) + 160_000, (megabytes + 6) << 20);
    }

    [Fact]
    public void An_image_is_no_part_of_its_own_content()
    {
        using var folder = new TempFolder();
        MakeTree(folder.Path);
        for (var i = 0; i < 2; i++)
        {
            using var source = HostTreeSource.Content(folder.Path);
            var report = FileSystemBuilder.Create(folder.File("out.img"), new NewFileSystem { Type = "fat16" }, source, new BuildOptions { Epoch = Epoch, Overwrite = true });
            Assert.Equal(5, report.Volumes[0].Copied.Files);
            var built = Build(folder, "[filesystem]\ntype = \"fat16\"\nsize = \"auto\"\nsource = \".\"\n", "out.img", new BuildOptions { Epoch = Epoch, Overwrite = true });
            Assert.Equal(5, built.Volumes[0].Copied.Files);
        }
    }

    [Fact]
    public void Layers_can_be_images_and_their_partitions()
    {
        using var folder = new TempFolder();
        MakeTree(folder.File("tree"));
        Build(folder, "[filesystem]\ntype = \"fat16\"\nsize = \"20M\"\nsource = \"tree\"\n", "bottom.img");
        Build(folder, """
            [image]
            size = "60M"
            partition_table = "gpt"
            [[partition]]
            type = "linux"
            size = "1M"
            [[partition]]
            type = "windows-data"
            size = "rest"
            [partition.filesystem]
            type = "fat32"
            [[partition.filesystem.file]]
            path = "/z"
            content = "from the disk"
            """, "disk.img");
        Build(folder, "[filesystem]\ntype = \"fat16\"\nsize = \"auto\"\nsource = [\"bottom.img\", \"disk.img@2\"]\n", "top.img");
        Tool.Expect("fsck.vfat", "-n", folder.File("top.img"));
        Assert.Equal("from the disk", Tool.Expect("mtype", "-i", folder.File("top.img"), "::/z"));
        Assert.Contains("BOOTX64", Tool.Expect("mdir", "-/", "-b", "-i", folder.File("top.img"), "::/"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("type = \"fat99\"", "there is no filesystem type 'fat99'")]
    [InlineData("type = \"fat32\"\nsource = \"nowhere\"", "nowhere")]
    [InlineData("type = \"fat32\"\nsource = \"x.tar.zst\"", "x.tar.zst")]
    [InlineData("type = \"fat32\"\nlabel = \"much too long a label\"", "label")]
    [InlineData("type = \"fat32\"\noptions = { nonsense = 1 }", "nonsense")]
    [InlineData("type = \"fat16\"\nsource = \"tree\"", "no space left")]
    public void What_cannot_be_built_leaves_nothing_behind(string lines, string message)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("tree"));
        File.WriteAllBytes(folder.File("tree/big"), new byte[40 << 20]);
        var spec = $"[filesystem]\nsize = \"33M\"\n{lines}\n";
        var problem = Assert.ThrowsAny<Exception>(() => Build(folder, spec, "out.img"));
        Assert.Contains(message, problem.Message, StringComparison.OrdinalIgnoreCase);
        Assert.True(problem is TomlException or IOException or UnsupportedFeatureException, problem.ToString());
        Assert.Equal("tree", string.Join(' ', Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName)));
    }

    [Fact]
    public void A_cancelled_build_leaves_nothing_behind()
    {
        using var folder = new TempFolder();
        MakeTree(folder.File("tree"));
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => Build(folder, "[filesystem]\ntype = \"fat32\"\nsize = \"40M\"\nsource = \"tree\"\n", "out.img",
            new BuildOptions { Cancellation = cancel.Token }));
        Assert.Equal("tree", string.Join(' ', Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName)));
    }
}
