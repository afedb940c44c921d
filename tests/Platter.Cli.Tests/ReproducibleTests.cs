using System.Security.Cryptography;
using Platter.Testing;
using Platter.Trees.Building;
using Platter.Trees.Specs;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>The same source and epoch give the same bytes: wherever it is, whoever builds, in whatever order the host lists it.</summary>
public sealed class ReproducibleTests
{
    private static readonly DateTimeOffset Epoch = new(2024, 2, 29, 12, 0, 0, TimeSpan.Zero);

    private static string Hash(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    /// <summary>A tree whose entries are made in another order each time, with files that are sparse in one copy and not in the other.</summary>
    private static void MakeTree(string path, bool backwards)
    {
        var names = Enumerable.Range(0, 60).Select(i => (Name: $"dir{i % 7}/ünï {i} {(char)('a' + i % 26)}{(char)('Z' - i % 26)}", Length: i * 613)).ToList();
        names.AddRange([("dir1/sparse", 3 << 20), ("Ä", 10), ("a", 11), ("Z", 12), ("_", 13), ("~", 14), ("-", 15)]);
        if (backwards)
            names.Reverse();
        foreach (var (name, length) in names)
        {
            var file = Path.Combine(path, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var bytes = new byte[length];
            if (!name.EndsWith("sparse", StringComparison.Ordinal))
                new Random(length).NextBytes(bytes);
            else
                bytes[1 << 20] = 1;
            File.WriteAllBytes(file, bytes);
            if (backwards && name.EndsWith("sparse", StringComparison.Ordinal))
                Tool.Expect("fallocate", "--dig-holes", file);
        }
        Tool.Expect("chmod", "-R", "u=rwX,g=rX,o=", path);
        Tool.Expect("find", path, "-depth", "-exec", "touch", "-h", "-d", "2019-08-07T06:05:04.123456789Z", "{}", "+");
        Tool.Expect("touch", "-d", "2030-01-01T00:00:00Z", Path.Combine(path, "dir3"));
    }

    private static string Spec(string type) => $"""
        include = "common.toml"
        [image]
        size = "auto"
        [[partition]]
        type = "linux-swap"
        size = "2M"
        [partition.filesystem]
        type = "swap"
        label = "swap"
        [[partition]]
        name = "root"
        type = "linux"
        size = "auto"
        free = "10%"
        [partition.filesystem]
        type = "{type}"
        label = "ROOT"
        source = "tree"
        exclude = "dir5/**"
        [[partition.filesystem.file]]
        path = "/etc/version"
        content = "1"
        """;

    public static TheoryData<string, string> Cases => new()
    {
        { "ext4", "raw" }, { "ext3", "qcow2" }, { "ext2", "vhdx" }, { "fat32", "raw" }, { "exfat", "raw" }, { "exfat", "qcow2" }, { "fat16", "vhd" }, { "fat16", "vhdx" }, { "fat16", "vmdk" }, { "fat16", "vdi" }, { "fat16", "zst" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Two_folders_two_environments_one_image(string type, string extension)
    {
        using var one = new TempFolder();
        using var other = new TempFolder();
        var name = $"disk.{(extension == "raw" ? "img" : extension)}";
        var images = new List<string>();
        foreach (var (folder, second) in new[] { (one, false), (other, true) })
        {
            // The second one lies deeper, and is listed in another order.
            var place = second ? folder.File("elsewhere/deeper") : folder.Path;
            Directory.CreateDirectory(place);
            MakeTree(Path.Combine(place, "tree"), backwards: second);
            File.WriteAllText(Path.Combine(place, "common.toml"), "[image]\npartition_table = \"gpt\"\n");
            File.WriteAllText(Path.Combine(place, "disk.toml"), Spec(type));
            var environment = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["SOURCE_DATE_EPOCH"] = Epoch.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["TZ"] = second ? "Pacific/Auckland" : "UTC", ["LC_ALL"] = second ? "tr_TR.UTF-8" : "C", ["LANG"] = second ? "tr_TR.UTF-8" : "C",
                ["TMPDIR"] = place,
            };
            var command = $"umask {(second ? "0077" : "0002")}; exec '{Cli.Executable}' build disk.toml -o {name} --verify -q";
            var result = Tool.Run(place, null, environment, "bash", "-c", command);
            Assert.True(result.ExitCode == 0, result.All);
            images.Add(Path.Combine(place, name));
        }
        var difference = BuildVerifier.Compare(images[0], images[1]);
        Assert.True(difference is null, difference?.ToString());
        Assert.Equal(Hash(images[0]), Hash(images[1]));
    }

    [Fact]
    public void A_difference_is_told_with_its_place_and_its_file()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("tree/sub"));
        File.WriteAllText(folder.File("tree/sub/a.txt"), new string('a', 5000));
        const string spec = "[image]\nsize = 'auto'\n[[partition]]\ntype = 'linux'\nsize = '1M'\n[[partition]]\ntype = 'linux'\nsize = 'auto'\n[partition.filesystem]\ntype = 'fat16'\nsource = 'tree'\n";
        BuildReport Build(string path) => DiskBuilder.Build(DiskSpec.Parse(spec, "disk.toml"), path, new BuildOptions { Epoch = Epoch, BaseFolder = folder.Path });
        var report = Build(folder.File("a.img"));
        File.WriteAllText(folder.File("tree/sub/a.txt"), new string('a', 4998) + "ba");
        Tool.Expect("touch", "-d", "2019-08-07T06:05:04Z", folder.File("tree/sub/a.txt"));
        Build(folder.File("b.img"));
        File.Copy(folder.File("a.img"), folder.File("c.img"));
        Assert.Null(BuildVerifier.Compare(folder.File("a.img"), folder.File("c.img")));

        var difference = BuildVerifier.Compare(folder.File("a.img"), folder.File("b.img"))!;
        Assert.Equal(2, difference.Partition!.Number);
        // The time was clamped in the first, and is older in the second: the directory comes first.
        Assert.Contains("structures of the fat16 filesystem", difference.What, StringComparison.Ordinal);
        var bytes = File.ReadAllBytes(folder.File("c.img"));
        var start = (int)report.Partitions[1].Start;
        bytes[start + bytes.AsSpan(start).IndexOf("aaaaaaaa"u8) + 4] = (byte)'x';
        File.WriteAllBytes(folder.File("c.img"), bytes);
        difference = BuildVerifier.Compare(folder.File("a.img"), folder.File("c.img"))!;
        Assert.Equal("/sub/a.txt", difference.Path);
        Assert.Contains("partition 2", difference.ToString(), StringComparison.Ordinal);
        Assert.Contains("the content of /sub/a.txt", difference.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_build_that_is_not_the_same_twice_is_found()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("log"), "0");
        const string spec = "[filesystem]\ntype = 'fat16'\n[[filesystem.file]]\npath = '/log'\nfrom = 'log'\nmtime = 5\n";
        var options = new BuildOptions { Epoch = Epoch, BaseFolder = folder.Path };
        var count = 0;
        void Build(string path, BuildOptions how)
        {
            File.WriteAllText(folder.File("log"), (++count).ToString(System.Globalization.CultureInfo.InvariantCulture));
            DiskBuilder.Build(DiskSpec.Parse(spec, "disk.toml"), path, how);
        }
        Build(folder.File("x.img"), options);
        var difference = BuildVerifier.Verify(folder.File("x.img"), options, Build)!;
        Assert.Equal("/log", difference.Path);
        Assert.Equal("log x.img", string.Join(' ', Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal)));
        Assert.Throws<ArgumentException>(() => BuildVerifier.Verify(folder.File("x.img"), options with { Epoch = null }, Build));
    }
}
