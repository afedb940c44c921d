using Platter.Testing;
using Platter.Trees.Specs;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Tests.Trees.Specs;

/// <summary>Specs that include others.</summary>
public sealed class SpecIncludeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(name))!);
        File.WriteAllText(_folder.File(name), text);
    }

    private DiskSpec Load(string name, params (string Name, string Value)[] variables) =>
        DiskSpec.Load(_folder.File(name), variables.ToDictionary(v => v.Name, v => v.Value, StringComparer.Ordinal));

    private string Refused(string name) => Assert.Throws<TomlException>(() => Load(name)).Message.Replace(_folder.Path + "/", "", StringComparison.Ordinal);

    [Fact]
    public void What_includes_wins_over_what_is_included_key_by_key()
    {
        Write("common.toml", """
            [image]
            size = "1G"
            sector_size = 4096
            [[partition]]
            name = "EFI"
            type = "esp"
            size = "64M"
            [partition.filesystem]
            type = "fat32"
            label = "EFI"
            source = "common"
            [[partition.filesystem.file]]
            path = "/a"
            content = "common"
            mode = "0600"
            """);
        Write("disk.toml", """
            include = "common.toml"
            [image]
            size = "2G"
            [[partition]]
            name = "root"
            type = "linux"
            size = "rest"
            [[partition]]
            name = "EFI"
            [partition.filesystem]
            label = "MINE"
            [[partition.filesystem.file]]
            path = "/a"
            content = "mine"
            [[partition.filesystem.file]]
            path = "/b"
            content = ""
            """);
        var spec = Load("disk.toml");
        Assert.Equal((2L << 30, 4096), (spec.Size.Bytes, spec.SectorSize));
        Assert.Equal("EFI root", string.Join(' ', spec.Partitions.Select(p => p.Name)));
        var fs = spec.Partitions[0].FileSystem!;
        Assert.Equal(("fat32", "MINE", "common", "/a /b"), (fs.Type, fs.Label, fs.Sources[0].Path, string.Join(' ', fs.Files.Select(f => f.Path))));
        Assert.Equal("mine"u8, fs.Files[0].Content!);
        Assert.Equal(0x180, fs.Files[0].Mode);
    }

    [Fact]
    public void Paths_start_from_the_folder_of_the_text_that_they_stand_in()
    {
        Write("boards/base/base.toml", "[image]\nsize = \"1G\"\n[[image.blob]]\ncontent = \"u-boot.bin\"\noffset = \"8K\"\n");
        Write("boards/one.toml", "include = [\"base/base.toml\"]\n[[partition]]\ntype = \"linux\"\nsize = \"1M\"\ncontent = \"one.bin\"\n");
        Write("disk.toml", "include = [\"boards/one.toml\"]\n[[partition]]\ntype = \"linux\"\nsize = \"1M\"\ncontent = \"own.bin\"\n");
        var spec = Load("disk.toml");
        var folders = new Platter.Trees.Building.SpecFolders(spec, new Platter.Trees.Building.BuildOptions { BaseFolder = "/nowhere" });
        Assert.Equal(_folder.File("boards/base/u-boot.bin"), folders.Resolve(spec.Blobs[0].Content));
        Assert.Equal(_folder.File("boards/one.bin"), folders.Resolve(spec.Partitions[0].Content!.Value));
        Assert.Equal(_folder.File("own.bin"), folders.Resolve(spec.Partitions[1].Content!.Value));
    }

    [Fact]
    public void Later_ones_win_and_blobs_are_all_kept()
    {
        Write("a.toml", "[image]\nsize = \"1G\"\nformat = \"raw\"\n[[image.blob]]\ncontent = \"a\"\noffset = 1\n");
        Write("b.toml", "[image]\nsize = \"2G\"\n[[image.blob]]\ncontent = \"b\"\noffset = 2\n");
        Write("disk.toml", "include = [\"a.toml\", \"b.toml\"]\n[[image.blob]]\ncontent = \"c\"\noffset = 3\n");
        var spec = Load("disk.toml");
        Assert.Equal((2L << 30, "raw", "a b c"), (spec.Size.Bytes, spec.Format, string.Join(' ', spec.Blobs.Select(b => b.Content.Path))));
    }

    [Fact]
    public void A_mistake_is_placed_in_the_text_that_it_stands_in()
    {
        Write("parts/common.toml", "[image]\nsize = \"1G\"\nsecotr_size = 512\n");
        Write("disk.toml", "include = \"parts/common.toml\"\n");
        Assert.Equal("parts/common.toml:3:1: unknown key 'secotr_size' in [image] (did you mean 'sector_size'?)", Refused("disk.toml"));
        Write("parts/common.toml", "[image\n");
        Assert.StartsWith("parts/common.toml:1:7: ", Refused("disk.toml"), StringComparison.Ordinal);
    }

    [Fact]
    public void Circles_depth_and_what_is_not_there_are_refused()
    {
        Write("self.toml", "include = \"self.toml\"\n");
        Assert.Equal("self.toml:1:11: self.toml includes itself", Refused("self.toml"));
        Write("a.toml", "include = \"sub/b.toml\"\n");
        Write("sub/b.toml", "include = [\"../a.toml\"]\n");
        Assert.Equal("sub/b.toml:1:12: ../a.toml includes itself", Refused("a.toml"));
        for (var i = 0; i < 20; i++)
            Write($"deep{i}.toml", $"include = \"deep{i + 1}.toml\"\n");
        Assert.Contains("more than 16 deep", Refused("deep0.toml"), StringComparison.Ordinal);
        Write("none.toml", "include = [\"nowhere.toml\"]\n");
        Assert.Equal("none.toml:1:12: there is no file nowhere.toml to include", Refused("none.toml"));
        Write("kind.toml", "include = [1]\n");
        Assert.Equal("kind.toml:1:12: 'include' is an integer, expected strings in the array", Refused("kind.toml"));
    }

    [Fact]
    public void Texts_that_include_each_other_twice_come_to_an_end()
    {
        for (var i = 0; i < 14; i++)
            Write($"t{i}.toml", $"include = [\"t{i + 1}.toml\", \"t{i + 1}.toml\"]\n");
        Write("t14.toml", "");
        Assert.Contains("includes more than 256 texts", Refused("t0.toml"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_from_nowhere_includes_nothing() =>
        Assert.Equal("x.toml:1:11: nothing can be included here: the spec comes from no folder",
            Assert.Throws<TomlException>(() => DiskSpec.Parse("include = 'a.toml'\n", "x.toml")).Message);

    [Fact]
    public void An_include_may_be_chosen_by_a_variable()
    {
        Write("boards/one.toml", "[variables]\nsize = \"1G\"\nname = \"one\"\n[image]\nsize = \"${size}\"\n");
        Write("boards/two.toml", "[image]\nsize = \"2G\"\n[variables]\nname = \"two\"\n");
        Write("disk.toml", "include = \"boards/${board}.toml\"\n[variables]\nboard = \"one\"\nsize = \"4G\"\n[[partition]]\nname = \"${name}\"\ntype = \"linux\"\nsize = \"1M\"\n");
        Assert.Equal((4L << 30, "one"), (Load("disk.toml").Size.Bytes, Load("disk.toml").Partitions[0].Name));
        Assert.Equal((2L << 30, "two"), (Load("disk.toml", ("board", "two")).Size.Bytes, Load("disk.toml", ("board", "two")).Partitions[0].Name));
        Assert.Equal(8L << 30, Load("disk.toml", ("size", "8G")).Size.Bytes);
    }
}
