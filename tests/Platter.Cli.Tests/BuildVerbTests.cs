using System.Text.Json;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

public class BuildVerbTests
{
    private const string Spec = """
        [variables]
        label = "ONE"
        [image]
        size = "auto"
        [[image.blob]]
        content = "loader.bin"
        offset = "32K"
        [[partition]]
        name = "boot"
        type = "linux"
        size = "auto"
        content = "loader.bin"
        [[partition]]
        name = "empty"
        type = "linux"
        size = "1M"
        [[partition]]
        name = "swap"
        type = "linux-swap"
        size = "2M"
        [partition.filesystem]
        type = "swap"
        label = "SWAP"
        [[partition]]
        name = "data"
        type = "windows-data"
        size = "auto"
        free = "4M"
        [partition.filesystem]
        type = "fat16"
        label = "${label}"
        """;

    private static TempFolder Prepare()
    {
        var folder = new TempFolder();
        File.WriteAllText(folder.File("disk.toml"), Spec);
        File.WriteAllText(folder.File("loader.bin"), new string('L', 5000));
        return folder;
    }

    [Fact]
    public void Swap_and_bare_contents_are_told_by_every_verb_that_looks()
    {
        using var folder = Prepare();
        var disk = folder.File("disk.img");
        var built = Cli.Expect("build", folder.File("disk.toml"), "-o", disk).Output;
        Assert.Contains("4.88 KiB of loader.bin", built, StringComparison.Ordinal);
        Assert.Contains("loader.bin at byte 32768", built, StringComparison.Ordinal);
        using var info = JsonDocument.Parse(Cli.Expect("info", disk, "--json").Bytes);
        var partitions = info.RootElement.GetProperty("partitions").EnumerateArray().ToList();
        Assert.Equal("data blank swap filesystem", string.Join(' ', partitions.Select(p => p.GetProperty("content").GetString())));
        Assert.Equal(("swap", "SWAP"), (partitions[2].GetProperty("filesystem").GetProperty("type").GetString(), partitions[2].GetProperty("filesystem").GetProperty("label").GetString()));
        using var list = JsonDocument.Parse(Cli.Expect("part", "list", disk, "--json").Bytes);
        Assert.Equal("data blank swap filesystem", string.Join(' ', list.RootElement.GetProperty("partitions").EnumerateArray().Select(p => p.GetProperty("content").GetString())));
        Assert.Contains("swap", Cli.Expect("part", "list", disk).Lines[3], StringComparison.Ordinal);
        Assert.Contains("pages", Cli.Expect("info", disk + "@3").Output, StringComparison.Ordinal);
        Assert.Equal("clean", Cli.Expect("check", disk).Lines[^1]);
        Assert.Equal("clean", Cli.Expect("check", disk + "@3").Lines[^1]);
        // One filesystem only: swap is none.
        Cli.Expect("ls", disk);
        Cli.Fails(7, "ls", disk + "@3");
    }

    [Fact]
    public void Variables_are_set_from_outside()
    {
        using var folder = Prepare();
        Cli.Expect("build", folder.File("disk.toml"), "-o", folder.File("a.img"), "--set", "label=TWO", "-q");
        Assert.Equal("TWO", Cli.Expect("label", folder.File("a.img")).Output.Trim());
        Cli.Fails(2, "build", folder.File("disk.toml"), "-o", folder.File("b.img"), "--set", "lable=TWO");
        Cli.Fails(2, "build", folder.File("disk.toml"), "-o", folder.File("b.img"), "--set", "label");
        Assert.False(File.Exists(folder.File("b.img")));
    }

    [Theory]
    [InlineData("[image]\nsize = \"64M\"\n[[partition]]\ntype = \"esp\"\nsize = \"2M\"\n[partition.filesystem]\ntype = \"fat12\"\nsource = \"src\"\n", 5,
        "a.toml:5:8: partition 1 is too small for what goes into it: no space left in the volume: ")]
    [InlineData("[image]\nsize = \"6M\"\n[[partition]]\ntype = \"esp\"\nsize = \"3M\"\n[[partition]]\ntype = \"esp\"\nsize = \"rest\"\n[partition.filesystem]\ntype = \"fat12\"\nsource = \"src\"\n", 5,
        "a.toml:8:8: partition 2 is too small for what goes into it: no space left in the volume: ")]
    [InlineData("[filesystem]\ntype = \"fat12\"\nsize = \"2M\"\nsource = \"src\"\n", 5, "a.toml:3:8: the filesystem is too small for what goes into it: no space left in the volume: ")]
    [InlineData("[filesystem]\ntype = \"fat12\"\nsize = \"2M\"\nsource = [\"src\", \"nowhere\"]\n", 2, "a.toml:4:18: there is no file or folder nowhere")]
    [InlineData("[filesystem]\ntype = \"fat12\"\nsize = \"2M\"\nsource = \"no/where\"\n", 2, "a.toml:4:10: there is no file or folder no/where")]
    public void What_does_not_fit_and_what_is_not_there_is_told_with_its_place_in_the_spec(string spec, int code, string message)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("src"));
        File.WriteAllBytes(folder.File("src/big"), new byte[3_000_000]);
        File.WriteAllText(folder.File("a.toml"), spec);
        var before = Directory.GetFileSystemEntries(folder.Path);
        var outcome = Cli.Spawn(folder.Path, [], [], "build", "a.toml", "-o", "a.img");
        Assert.Equal(code, outcome.Code);
        Assert.Contains(message, outcome.Error, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Error.Count(c => c == '\n'));
        Assert.Equal(before, Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_spec_is_no_folder_and_is_not_overwritten_by_what_it_describes()
    {
        using var folder = new TempFolder();
        const string text = "[filesystem]\ntype = \"fat12\"\nsize = \"2M\"\n";
        File.WriteAllText(folder.File("a.toml"), text);
        Assert.Contains("it is a folder, not a spec", Cli.Fails(8, "build", folder.Path, "-o", folder.File("a.img")).Error, StringComparison.Ordinal);
        Assert.Contains("the spec itself", Cli.Fails(2, "build", folder.File("a.toml"), "-o", folder.File("../" + Path.GetFileName(folder.Path) + "/a.toml"), "--force").Error, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(folder.File("a.toml")));
    }

    [Fact]
    public void Verifying_needs_an_epoch() =>
        Assert.Contains("SOURCE_DATE_EPOCH", Cli.Fails(2, "build", "disk.toml", "-o", "never.img", "--verify").Error, StringComparison.Ordinal);

    [Fact]
    public void An_included_spec_is_found_beside_its_includer()
    {
        using var folder = Prepare();
        File.Move(folder.File("disk.toml"), folder.File("common.toml"));
        File.WriteAllText(folder.File("disk.toml"), "include = \"common.toml\"\n[variables]\nlabel = \"MINE\"\n");
        Cli.Expect("build", folder.File("disk.toml"), "-o", folder.File("a.img"), "-q");
        Assert.Equal("MINE", Cli.Expect("label", folder.File("a.img")).Output.Trim());
    }

    [Theory]
    [InlineData("10%")]
    [InlineData("3M")]
    public void An_image_that_fits_its_folder_may_have_room_besides(string free)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("tree"));
        File.WriteAllBytes(folder.File("tree/f"), new byte[5 << 20]);
        long Free(params string[] more)
        {
            using var document = JsonDocument.Parse(Cli.Expect(["create", "-t", "exfat", "-o", folder.File("x.img"), folder.File("tree"), "--force", "--json", .. more]).Bytes);
            return document.RootElement.GetProperty("filesystems")[0].GetProperty("free").GetInt64();
        }
        var tight = Free();
        Assert.InRange(Free("--free", free), tight + 400_000, tight + (4 << 20));
        Cli.Fails(2, "create", "-t", "exfat", "-o", folder.File("y.img"), folder.File("tree"), "--free", "much");
        Cli.Fails(2, "create", "-t", "exfat", "-o", folder.File("y.img"), folder.File("tree"), "--free", free, "--size", "20M");
    }

    [Fact]
    public void A_swap_area_is_made_in_place_and_in_a_new_image()
    {
        using var folder = new TempFolder();
        var image = folder.File("swap.img");
        Cli.Expect("mkfs", image, "-t", "swap", "--size", "1M", "--label", "one");
        Assert.Contains("one", Cli.Expect("info", image).Output, StringComparison.Ordinal);
        Cli.Expect("mkfs", image, "-t", "swap", "--label", "two", "-O", "page_size=16K");
        Assert.Contains("two", Cli.Expect("info", image).Output, StringComparison.Ordinal);
        Assert.Contains("two", Tool.Expect("swaplabel", image), StringComparison.Ordinal);
        Assert.Equal("clean", Cli.Expect("check", image).Lines[^1]);
    }
}
