using System.Text.Json;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

public class RepackVerbTests
{
    private static TempFolder Tree()
    {
        var folder = new TempFolder();
        Tool.Expect("bash", "-c", $"cd {folder.Path} && mkdir -p tree/sub top && echo one > tree/sub/one && echo two > tree/two && ln -s two tree/link && touch -d @1700000000 tree/sub/one tree/two tree/sub tree && touch -h -d @1700000000 tree/link && echo new > top/new && touch top/.wh.two");
        return folder;
    }

    [Fact]
    public void Folders_archives_and_images_turn_into_each_other()
    {
        using var folder = Tree();
        Cli.Expect("repack", folder.File("tree"), "-o", folder.File("a.tar.zst"), "--owner", "5:6");
        Assert.Equal("./ link sub/ sub/one two", string.Join(' ', Tool.Expect("tar", "-tf", folder.File("a.tar.zst")).Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains("5/6 ", Tool.Expect("tar", "--numeric-owner", "-tvf", folder.File("a.tar.zst")), StringComparison.Ordinal);
        Cli.Expect("create", "-t", "fat16", "-o", folder.File("b.img"), folder.File("a.tar.zst"), "-q");
        Tool.Expect("fsck.vfat", "-n", folder.File("b.img"));
        Assert.Equal("two\n", Cli.Expect("cat", folder.File("b.img"), "/two").Output);
        Cli.Expect("repack", folder.File("b.img"), "-o", folder.File("c.vhd"), "--size", "8M");
        Assert.Equal(["/sub", "/sub/one", "/two"], Cli.Expect("ls", "-R", folder.File("c.vhd")).Lines);
        Cli.Expect("repack", folder.File("c.vhd"), "-o", folder.File("d.tgz"));
        Assert.Equal("one\n", Tool.Expect("tar", "-xOzf", folder.File("d.tgz"), "sub/one"));
        Cli.Fails(4, "repack", folder.File("c.vhd"), "-o", folder.File("d.tgz"));
        Cli.Expect("repack", folder.File("c.vhd"), "-o", folder.File("d.tgz"), "--force", "-q");
    }

    [Fact]
    public void Layers_take_away_and_add()
    {
        using var folder = Tree();
        Cli.Expect("repack", folder.File("tree"), folder.File("top"), "-o", folder.File("x.tar"));
        Assert.Equal("./ link new sub/ sub/one", string.Join(' ', Tool.Expect("tar", "-tf", folder.File("x.tar")).Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Cli.Expect("create", "-t", "exfat", "-o", folder.File("x.img"), folder.File("tree"), folder.File("top"), "-q");
        Assert.Equal(["/new", "/sub", "/sub/one"], Cli.Expect("ls", "-R", folder.File("x.img")).Lines);
        // A single folder is what it is.
        Cli.Expect("create", "-t", "exfat", "-o", folder.File("y.img"), folder.File("top"), "-q");
        Assert.Equal(["/.wh.two", "/new"], Cli.Expect("ls", "-R", folder.File("y.img")).Lines.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Standard_input_and_output_carry_archives()
    {
        using var folder = Tree();
        var packed = Cli.Spawn(folder.Path, [], [], "repack", "tree", "-t", "tar.gz", "-o", "-");
        Assert.Equal((0, ""), (packed.Code, packed.Error));
        var made = Cli.Spawn(folder.Path, packed.Bytes, [], "create", "-t", "fat12", "-o", "x.img", "-");
        Assert.Equal(0, made.Code);
        Assert.Equal("one\n", Cli.Expect("cat", folder.File("x.img"), "/sub/one").Output);
        Assert.Equal(packed.Bytes, Cli.Spawn(folder.Path, packed.Bytes, [], "repack", "-", "-t", "tgz", "-o", "-").Bytes);
    }

    [Fact]
    public void The_same_tree_gives_the_same_bytes()
    {
        using var folder = Tree();
        foreach (var name in new[] { "a.tar.xz", "b.tar.xz" })
            Cli.Expect("repack", folder.File("tree"), "-o", folder.File(name), "--owner", "0", "-q");
        Assert.Equal(File.ReadAllBytes(folder.File("a.tar.xz")), File.ReadAllBytes(folder.File("b.tar.xz")));
        var old = Cli.Spawn(folder.Path, [], [("SOURCE_DATE_EPOCH", "1000000000")], "repack", "tree", "-o", "old.tar");
        Assert.Equal(0, old.Code);
        Assert.Equal(5, Tool.Expect("tar", "--utc", "-tvf", folder.File("old.tar")).Split("2001-09-09").Length - 1);
    }

    [Fact]
    public void Owners_come_from_a_table_or_a_list()
    {
        using var folder = Tree();
        File.WriteAllText(folder.File("list"), "/dev d 755 0 0\n/dev/null c 666 0 0 1 3\n/two f 4755 7 8\n");
        var map = $"{Tool.Expect("stat", "-c", "%u", folder.File("tree")).Trim()}:3000";
        Cli.Expect("repack", folder.File("tree"), "-o", folder.File("x.tar"), "--map-owner", "u" + map, "--manifest", folder.File("list"));
        var lines = Tool.Expect("tar", "--numeric-owner", "-tvf", folder.File("x.tar"));
        Assert.Contains("crw-rw-rw- 0/0", lines, StringComparison.Ordinal);
        Assert.Contains("-rwsr-xr-x 7/8", lines, StringComparison.Ordinal);
        Assert.Contains("3000/", lines, StringComparison.Ordinal);
        Cli.Fails(2, "repack", folder.File("tree"), "-o", folder.File("y.tar"), "--map-owner", "joe:1");
        File.WriteAllText(folder.File("list"), "/two f 9 9 9\n");
        Assert.Contains("list:1: ", Cli.Fails(2, "repack", folder.File("tree"), "-o", folder.File("y.tar"), "--manifest", folder.File("list")).Error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("y.tar")));
    }

    [Theory]
    [InlineData("ext4")]
    [InlineData("exfat")]
    public void Room_is_left_besides_and_what_fits_a_pattern_is_left_out(string type)
    {
        using var folder = Tree();
        File.WriteAllBytes(folder.File("tree/sub/big.tmp"), new byte[3 << 20]);
        File.WriteAllBytes(folder.File("top/kept"), [.. Enumerable.Repeat((byte)7, 2 << 20)]);
        long Free(params string[] more)
        {
            using var document = JsonDocument.Parse(Cli.Expect(["repack", folder.File("tree"), folder.File("top"), "-t", type, "-o", folder.File("x.img"), "--force", "--json", .. more]).Bytes);
            return document.RootElement.GetProperty("filesystems")[0].GetProperty("free").GetInt64();
        }
        var tight = Free("--exclude", "*.tmp", "--size", "auto");
        var files = Cli.Expect("ls", "-R", folder.File("x.img")).Lines.Where(l => !l.StartsWith("/lost+found", StringComparison.Ordinal));
        Assert.Equal(type == "ext4" ? ["/kept", "/link", "/new", "/sub", "/sub/one"] : ["/kept", "/new", "/sub", "/sub/one"], files.Order(StringComparer.Ordinal));
        Assert.InRange(Free("--exclude", "*.tmp", "--free", "3M"), 3 << 20, tight + (5 << 20));
        Assert.InRange(Free("--exclude", "/sub/**", "--exclude", "kept", "--free", "50%"), 100_000, 3 << 20);
        Cli.Fails(2, "repack", folder.File("tree"), "-t", type, "-o", folder.File("y.img"), "--free", "much");
        Cli.Fails(2, "repack", folder.File("tree"), "-t", type, "-o", folder.File("y.img"), "--free", "1M", "--size", "20M");
        Cli.Fails(2, "repack", folder.File("tree"), "-o", folder.File("y.tar"), "--free", "1M");

        // Of an image and into an archive it is the same.
        Cli.Expect("repack", folder.File("x.img"), "-o", folder.File("y.tar"), "--exclude", "/new", "--exclude", "lost+found/", "-q");
        Assert.DoesNotContain("new", Tool.Expect("tar", "-tf", folder.File("y.tar")), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_done_is_said()
    {
        using var folder = Tree();
        Cli.Fails(2, "repack", folder.File("tree"));
        Cli.Fails(2, "repack", folder.File("tree"), "-o", folder.File("x.img"));
        Cli.Fails(2, "repack", folder.File("tree"), "-o", folder.File("x.img"), "-t", "zip");
        Cli.Fails(2, "repack", folder.File("tree"), "-o", "-");
        Cli.Fails(2, "repack", folder.File("tree"), "-o", folder.File("x.tar"), "--size", "1M");
        Cli.Fails(2, "repack", "-", "-", "-o", folder.File("x.tar"));
        Cli.Fails(3, "repack", folder.File("nowhere"), "-o", folder.File("x.tar"));
        Cli.Fails(7, "repack", folder.File("tree/two"), "-o", folder.File("x.tar"));
        Cli.Expect("repack", folder.File("tree"), "-o", folder.File("whole.tar"), "-q");
        File.WriteAllBytes(folder.File("cut.tar"), File.ReadAllBytes(folder.File("whole.tar"))[..3073]);
        Cli.Fails(6, "repack", folder.File("cut.tar"), "-o", folder.File("x.tar"));
        Assert.False(File.Exists(folder.File("x.tar")));
        var outcome = Cli.Run("repack", folder.File("cut.tar"), "-o", folder.File("x.tar"), "--keep-going", "--json");
        Assert.Equal(6, outcome.Code);
        Assert.True(File.Exists(folder.File("x.tar")));
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(6, json.RootElement.GetProperty("error").GetProperty("code").GetInt32());
    }
}
