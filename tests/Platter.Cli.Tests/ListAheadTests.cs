using System.Text;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Listings so long that the next directory is listed on another thread: <c>find</c>, which looks at each entry and never does so, tells what has to come out.</summary>
public sealed class ListAheadTests
{
    private const int Directories = 60, Names = 50;

    [Theory]
    [InlineData("fat16")]
    [InlineData("exfat")]
    [InlineData("ntfs")]
    [InlineData("ext4")]
    public void What_is_listed_ahead_comes_in_its_place(string type)
    {
        using var image = Filled(type);
        var found = Cli.Expect("find", image.Path).Lines;
        Assert.True(found.Length > 2500);
        Assert.Equal(found[1..], image.List());
        Assert.Equal(found.Where(p => p.StartsWith("/d7/", StringComparison.Ordinal)), image.List("/d7"));
        // Two of them in one run: what was listed ahead for the first is not taken for the second.
        Assert.Equal([.. image.List("/d3"), .. image.List("/d1")], Cli.Expect("ls", "-R", "-a", image.Path, "/d3", "/d1").Lines);
    }

    [Fact]
    public void A_system_directory_stays_hidden_with_all_that_is_in_it()
    {
        using var image = Filled("ntfs");
        Cli.Expect("attrib", image.Path, "+s", "/d11", "/d4/inner");
        Assert.Equal(image.List().Where(p => !(p + "/").StartsWith("/d11/", StringComparison.Ordinal) && !(p + "/").StartsWith("/d4/inner/", StringComparison.Ordinal)),
            Cli.Expect("ls", "-R", image.Path).Lines);
    }

    [Fact]
    public void Damaged_directories_are_told_and_the_others_listed()
    {
        using var image = Filled("ntfs");
        var bytes = File.ReadAllBytes(image.Path);
        var blocks = new List<int>();
        for (var at = 0; bytes.AsSpan(at).IndexOf("INDX"u8) is var next and >= 0; at += next + 4)
        {
            if ((at + next) % 4096 == 0)
                blocks.Add(at + next);
        }
        Assert.True(blocks.Count > 60);
        // Blocks of directories' own, not those of $Secure and the root, which come first and last in what lies before them.
        var damaged = blocks.Where((at, i) => i % 7 == 3 && Encoding.Unicode.GetString(bytes, at, 4096).Contains("a name", StringComparison.Ordinal)).ToList();
        Assert.True(damaged.Count > 5);
        foreach (var at in damaged)
            bytes[at] = (byte)'X';
        File.WriteAllBytes(image.Path, bytes);
        var found = Cli.Run("find", image.Path);
        var listed = Cli.Run("ls", "-R", "-a", image.Path);
        Assert.Equal((6, 6), (found.Code, listed.Code));
        Assert.Contains($"({damaged.Count} such places", listed.Error, StringComparison.Ordinal);
        Assert.Equal(found.Error, listed.Error);
        Assert.Equal(found.Lines[1..], listed.Lines);
    }

    private static TestImage Filled(string type)
    {
        var image = new TestImage(type, "32M");
        for (var d = 0; d < Directories; d++)
        {
            // Some have directories of their own, before and behind their files, down to four levels; some hold nothing but directories, some nothing.
            var path = image.Host($"tree/d{d}");
            Directory.CreateDirectory(path);
            for (var n = 0; d % 10 != 9 && n < Names; n++)
                File.WriteAllText(Path.Combine(path, $"a name that is long enough {n:00}"), "");
            if (d % 4 == 0)
                Directory.CreateDirectory(Path.Combine(path, "inner", "more", "last"));
            if (d % 5 == 0)
                File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(path, "Äußeres")).FullName, "x"), "");
        }
        Cli.Expect("put", image.Path, image.Host("tree") + "/.", "/");
        return image;
    }
}
