using System.Text.Json;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

public class DiffVerbTests
{
    private static void MakeTree(string path)
    {
        Directory.CreateDirectory(Path.Combine(path, "docs"));
        File.WriteAllText(Path.Combine(path, "docs/a.txt"), "first");
        File.WriteAllText(Path.Combine(path, "b.txt"), "second");
    }

    [Fact]
    public void An_image_is_compared_with_its_folder_with_another_image_and_with_a_partition()
    {
        using var folder = new TempFolder();
        MakeTree(folder.File("tree"));
        var (fat, exfat, disk) = (folder.File("a.img"), folder.File("b.img"), folder.File("disk.img"));
        Cli.Expect("create", "-t", "fat32", "-o", fat, folder.File("tree"));
        Cli.Expect("create", "-t", "exfat", "-o", exfat, folder.File("tree"));
        Cli.Expect("part", "init", "gpt", disk, "--size", "64M");
        Cli.Expect("part", "add", disk, "-s", "16M");
        Cli.Expect("part", "add", disk, "-s", "16M");
        Cli.Expect("mkfs", disk + "@2", "-t", "fat16");
        Cli.Expect("put", disk + "@2", folder.File("tree") + "/.", "/");
        Assert.Equal("no difference", Cli.Expect("diff", fat, folder.File("tree")).Lines[^1]);
        Assert.Equal("no difference", Cli.Expect("diff", fat, exfat).Lines[^1]);
        Assert.Equal("no difference", Cli.Expect("diff", folder.File("tree"), disk + "@2").Lines[^1]);

        Cli.Expect("put", exfat, folder.File("tree/b.txt"), "/new.txt");
        Cli.Expect("rm", exfat, "/b.txt");
        File.WriteAllText(folder.File("other"), "fiRst");
        Cli.Expect("put", exfat, folder.File("other"), "/docs/a.txt", "--mtime", "2001-02-03T04:05:06Z");
        var outcome = Cli.Run("diff", fat, exfat, "--ignore-times");
        Assert.Equal(10, outcome.Code);
        Assert.Equal(["- /b.txt", "! /docs/a.txt: content from byte 2", "+ /new.txt", "3 differences: 1 added, 1 removed, 1 changed"], outcome.Lines);
        Assert.Contains("! /docs/a.txt: content from byte 2, mtime ", Cli.Run("diff", fat, exfat).Output, StringComparison.Ordinal);
        Assert.DoesNotContain("mtime", Cli.Run("diff", fat, exfat, "--content-only").Output, StringComparison.Ordinal);
        Assert.Equal((10, ""), (Cli.Run("diff", "-q", fat, exfat).Code, Cli.Run("diff", "-q", fat, exfat).Output));
        Assert.Equal(0, Cli.Run("diff", fat, exfat, "--ignore-times", "--exclude", "*.txt").Code);
    }

    [Fact]
    public void A_program_gets_the_same_as_a_document()
    {
        using var folder = new TempFolder();
        MakeTree(folder.File("a"));
        MakeTree(folder.File("b"));
        Tool.Expect("chmod", "0400", folder.File("a/b.txt"));
        Tool.Expect("chmod", "0500", folder.File("b/b.txt"));
        File.WriteAllText(folder.File("b/c"), "123");
        var outcome = Cli.Run("diff", folder.File("a"), folder.File("b"), "--ignore-times", "--json");
        Assert.Equal(10, outcome.Code);
        using var document = JsonDocument.Parse(outcome.Bytes);
        var root = document.RootElement;
        Assert.Equal((false, 1, 0, 1), (root.GetProperty("same").GetBoolean(), root.GetProperty("added").GetInt32(), root.GetProperty("removed").GetInt32(), root.GetProperty("changed").GetInt32()));
        Assert.Equal("""[{"path":"/b.txt","kind":"changed","type":"file","changes":[{"what":"mode","first":"0400","second":"0500"}]},{"path":"/c","kind":"added","type":"file","size":3}]""",
            root.GetProperty("differences").GetRawText());
        Assert.True(JsonDocument.Parse(Cli.Expect("diff", folder.File("a"), folder.File("a"), "--json").Bytes).RootElement.GetProperty("same").GetBoolean());
    }

    [Fact]
    public void What_is_not_there_or_wrong_ends_with_its_own_code()
    {
        using var folder = new TempFolder();
        MakeTree(folder.File("a"));
        Cli.Fails(3, "diff", folder.File("a"), folder.File("nowhere"));
        Cli.Fails(2, "diff", folder.File("a"));
        Cli.Fails(2, "diff", folder.File("a"), folder.File("a"), "--exclude", "/");
    }
}
