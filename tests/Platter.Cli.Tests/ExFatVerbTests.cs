using System.Text.Json;
using Platter.Testing.ExFat;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>The verbs on exFAT: what they are for FAT, on another filesystem.</summary>
public class ExFatVerbTests
{
    [Fact]
    public void Every_verb_works_on_exFAT()
    {
        using var image = new TestImage("exfat");
        image.Write("tree/Ein Ordner/größer.bin", new string('b', 100_000));
        image.Write("tree/a.txt", "a");
        Cli.Expect("put", image.Path, image.Host("tree") + "/.", "/");
        Cli.Expect("mkdir", image.Path, "/d");
        Cli.Expect("cp", "-r", image.Path, "/Ein Ordner", "/d");
        Cli.Expect("mv", image.Path, "/a.txt", "/d/A name.TXT");
        Cli.Expect("truncate", "-s", "70000", image.Path, "/d/a NAME.txt");
        Cli.Expect("touch", "-d", "2001-02-03T04:05:06.78Z", image.Path, "/d/A name.TXT");
        Cli.Expect("attrib", image.Path, "+rh", "/d/A name.TXT");
        Cli.Expect("rm", "-r", image.Path, "/Ein Ordner");
        Cli.Expect("label", image.Path, "Größe 😀");
        Assert.Equal(["/d", "/d/A name.TXT", "/d/Ein Ordner", "/d/Ein Ordner/größer.bin"], image.List().Order(StringComparer.Ordinal));
        Assert.Equal("a" + new string('\0', 69_999), image.Cat("/d/a name.txt"));
        Assert.Equal("Größe 😀", Cli.Expect("label", image.Path).Output.Trim());
        using var stat = JsonDocument.Parse(Cli.Expect("stat", "--json", image.Path, "/d/A name.TXT").Output);
        Assert.Contains("2001-02-03T04:05:06.78Z", stat.RootElement.GetRawText(), StringComparison.Ordinal);
        using var info = JsonDocument.Parse(Cli.Expect("info", "--json", image.Path).Output);
        Assert.Equal("exfat", info.RootElement.GetProperty("filesystem").GetProperty("type").GetString());
        Cli.Expect("check", image.Path);
        Assert.Null(MkfsExFat.Complaint(image.Path));
        Cli.Expect("get", image.Path, "/", image.Host("out"));
        Assert.Equal(new string('b', 100_000), File.ReadAllText(image.Host("out/d/Ein Ordner/größer.bin")));
    }

    [Fact]
    public void An_exFAT_image_is_made_to_fit_and_a_disk_is_built_with_one()
    {
        using var image = new TestImage();
        for (var i = 0; i < 50; i++)
            image.Write($"tree/folder {i % 5}/file number {i}", new string('x', i * 1000));
        Cli.Expect("create", "-t", "exfat", "-o", image.Host("fit.img"), image.Host("tree"), "--label", "FIT");
        Assert.Null(MkfsExFat.Complaint(image.Host("fit.img")));
        Cli.Expect("check", image.Host("fit.img"));
        File.WriteAllText(image.Host("disk.toml"), """
            [image]
            size = "auto"
            partition_table = "gpt"
            [[partition]]
            name = "data"
            type = "windows-data"
            size = "auto"
            [partition.filesystem]
            type = "exfat"
            label = "DATA"
            source = ["tree/"]
            options = { cluster_size = "8K" }
            """);
        Cli.Expect("build", image.Host("disk.toml"), "-o", image.Host("disk.img"));
        Cli.Expect("check", image.Host("disk.img"));
        Assert.Equal(55, Cli.Expect("ls", "-R", image.Host("disk.img")).Lines.Length);
        using var info = JsonDocument.Parse(Cli.Expect("info", "--json", image.Host("disk.img") + "@1").Output);
        Assert.Equal(8192, info.RootElement.GetProperty("filesystem").GetProperty("blockSize").GetInt32());
    }
}
