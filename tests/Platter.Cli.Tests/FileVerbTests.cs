using System.Text;
using System.Text.Json;
using Xunit;

namespace Platter.Cli.Tests;

public class FileVerbTests
{
    [Fact]
    public void What_was_put_comes_out_again()
    {
        using var image = new TestImage();
        image.Write("tree/a.txt", "a");
        image.Write("tree/deep/er/b.bin", new string('b', 100_000));
        File.SetLastWriteTimeUtc(image.Host("tree/a.txt"), new DateTime(2021, 3, 4, 5, 6, 8, DateTimeKind.Utc));
        Cli.Expect("put", image.Path, image.Host("tree"), "/");
        Assert.Equal(["/tree", "/tree/a.txt", "/tree/deep", "/tree/deep/er", "/tree/deep/er/b.bin"], image.List());
        Cli.Expect("get", image.Path, "/", image.Host("out"));
        Assert.Equal(new string('b', 100_000), File.ReadAllText(image.Host("out/tree/deep/er/b.bin")));
        Assert.Equal(new DateTime(2021, 3, 4, 5, 6, 8, DateTimeKind.Utc), File.GetLastWriteTimeUtc(image.Host("out/tree/a.txt")));
        Cli.Expect("get", image.Path, "/tree/a.txt", image.Host("renamed"));
        Assert.Equal("a", File.ReadAllText(image.Host("renamed")));
        Cli.Expect("get", image.Path, "/tree/a.txt", "/tree/deep", image.Host("both"));
        Assert.True(File.Exists(image.Host("both/a.txt")) && File.Exists(image.Host("both/deep/er/b.bin")));
        Cli.Expect("check", image.Path);
    }

    [Fact]
    public void Put_below_a_directory_that_is_not_there_says_how_to_make_it()
    {
        using var image = new TestImage();
        var error = Cli.Fails(3, "put", image.Path, image.Write("a.txt", "one"), "/new/sub/a.txt").Error;
        Assert.Contains("no such directory: /new/sub", error, StringComparison.Ordinal);
        Assert.Contains($"'platter mkdir -p {image.Path} /new/sub' makes it", error, StringComparison.Ordinal);
        Assert.Empty(image.List());
    }

    [Fact]
    public void Get_writes_files_to_standard_output_where_that_is_asked_for()
    {
        using var image = new TestImage();
        Cli.Expect("put", image.Path, image.Write("a.txt", "one "), image.Write("b.txt", "two"), "/");
        Assert.Equal("one two", Encoding.UTF8.GetString(Cli.Expect("get", image.Path, "/?.txt", "-").Bytes));
        Cli.Expect("mkdir", image.Path, "/d");
        Cli.Fails(8, "get", image.Path, "/d", "-");
    }

    [Fact]
    public void A_file_where_a_folder_is_needed_is_told_and_stays()
    {
        using var image = new TestImage();
        image.Put("/d/a.txt", "a");
        var file = image.Write("file", "mine");
        foreach (var command in new string[][] { ["/", file], ["/d", file], ["/d", file + "/"], ["/d", "/d/a.txt", file] })
            Assert.Contains("a file is there, where a folder is needed", Cli.Fails(4, ["get", image.Path, .. command]).Error, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(file));
        Cli.Expect("get", image.Path, "/d/a.txt", file);
        Assert.Equal("a", File.ReadAllText(file));
    }

    [Fact]
    public void An_image_is_not_put_into_itself()
    {
        using var image = new TestImage("fat16", "16M");
        Cli.Expect("convert", image.Path, image.Host("small.qcow2"));
        File.Delete(image.Path);
        var path = image.Host("small.qcow2");
        image.Write("sub/other.txt", "other");
        using (var file = File.OpenWrite(path))
            file.SetLength(Math.Max(file.Length, 2 << 20));
        Cli.Expect("put", path, image.Folder + "/.", "/");
        Assert.Equal(["/sub", "/sub/other.txt"], Cli.Expect("ls", "-R", path).Lines);
        Assert.Contains("is the image itself", Cli.Fails(2, "put", path, path, "/").Error, StringComparison.Ordinal);
        Assert.Contains("two files", Cli.Fails(11, "convert", path, path, "--force").Error, StringComparison.Ordinal);
        Cli.Expect("check", path);
    }

    [Fact]
    public void Put_goes_into_a_directory_or_becomes_the_name()
    {
        using var image = new TestImage();
        var file = image.Write("a.txt", "one");
        Cli.Expect("mkdir", image.Path, "/d");
        Cli.Expect("put", image.Path, file, "/d");
        Cli.Expect("put", image.Path, file, "/b.txt");
        Cli.Expect("put", image.Path, image.Write("a.txt", "two"), "/b.txt");
        Assert.Equal("one", image.Cat("/d/a.txt"));
        Assert.Equal("two", image.Cat("/b.txt"));
        Cli.Expect("put", "-n", image.Path, image.Write("a.txt", "three"), "/b.txt");
        Assert.Equal("two", image.Cat("/b.txt"));
        Cli.Fails(3, "put", image.Path, file, "/none/b.txt");
        Cli.Fails(3, "put", image.Path, file, "/none/");
        Cli.Fails(3, "put", image.Path, file, file, "/none");
        Cli.Fails(3, "put", image.Path, image.Host("missing"), "/");
    }

    [Fact]
    public void The_content_of_a_folder_is_put_by_its_dot()
    {
        using var image = new TestImage();
        image.Write("tree/a.txt", "a");
        Cli.Expect("put", image.Path, image.Host("tree") + "/.", "/");
        Assert.Equal(["/a.txt"], image.List());
    }

    [Fact]
    public void Put_sets_what_its_options_say()
    {
        using var image = new TestImage();
        Cli.Expect("put", image.Path, image.Write("a.txt", "a"), "/", "--mtime", "2001-02-03T04:05:06Z", "--attr", "+rh-a");
        var entry = Json("ls", image.Path)[0];
        Assert.Equal("2001-02-03T04:05:06Z", entry.GetProperty("mtime").GetString());
        Assert.Equal(["read-only", "hidden"], entry.GetProperty("attributes").EnumerateArray().Select(e => e.GetString()));
        Cli.Fails(7, "put", image.Path, image.Write("b.txt", "b"), "/", "--mode", "600");
        Cli.Fails(7, "put", image.Path, image.Write("b.txt", "b"), "/", "--type", "TEXT");
        Assert.Equal(["/a.txt"], image.List());     // a put that fails leaves nothing
    }

    [Fact]
    public void Directories_are_made_one_by_one_or_with_their_parents()
    {
        using var image = new TestImage();
        Cli.Fails(3, "mkdir", image.Path, "/a/b");
        Cli.Expect("mkdir", "-p", image.Path, "/a/b/c");
        Cli.Expect("mkdir", "-p", image.Path, "/a/b");
        Cli.Fails(4, "mkdir", image.Path, "/a");
        Cli.Fails(4, "mkdir", image.Path, "/");
        Cli.Expect("touch", image.Path, "/f");
        Cli.Fails(4, "mkdir", "-p", image.Path, "/f");
        Assert.Equal(["/a", "/a/b", "/a/b/c", "/f"], image.List());
    }

    [Fact]
    public void Removing_needs_r_for_directories()
    {
        using var image = new TestImage();
        image.Put("/d/x", "x");
        image.Put("/y", "y");
        Cli.Fails(8, "rm", image.Path, "/d");
        Cli.Fails(4, "rm", "-d", image.Path, "/d");
        Cli.Fails(3, "rm", image.Path, "/nothing");
        Cli.Fails(3, "rm", image.Path, "/*.nothing");
        Cli.Fails(8, "rm", "-r", image.Path, "/");
        Cli.Expect("rm", "-f", image.Path, "/nothing", "/*.nothing", "/y");
        Cli.Expect("rm", "-r", image.Path, "/d");
        Assert.Empty(image.List());
    }

    [Fact]
    public void A_failing_command_changes_nothing_at_all()
    {
        using var image = new TestImage();
        image.Put("/a", "a");
        Cli.Fails(3, "rm", image.Path, "/a", "/nothing");
        Cli.Fails(4, "mkdir", image.Path, "/new", "/a");
        Assert.Equal(["/a"], image.List());
    }

    [Fact]
    public void Moving_renames_replaces_and_goes_into_directories()
    {
        using var image = new TestImage();
        image.Put("/a", "a");
        image.Put("/b", "b");
        Cli.Expect("mkdir", image.Path, "/d");
        Cli.Fails(4, "mv", "-n", image.Path, "/a", "/b");
        Cli.Expect("mv", image.Path, "/a", "/b");
        Assert.Equal("a", image.Cat("/b"));
        Cli.Expect("mv", image.Path, "/b", "/d");
        Cli.Expect("mv", image.Path, "/d/b", "/d/C.TXT");
        Cli.Expect("mv", image.Path, "/d", "/D");
        Assert.Equal(["/D", "/D/C.TXT"], image.List());
        Cli.Expect("mkdir", image.Path, "/D/sub");
        Cli.Fails(2, "mv", image.Path, "/D", "/D/sub");
        Cli.Fails(3, "mv", image.Path, "/x", "/y");
        Cli.Fails(3, "mv", image.Path, "/D/sub", "/D/C.TXT", "/nowhere");
    }

    [Fact]
    public void Copying_within_the_volume_needs_r_for_directories()
    {
        using var image = new TestImage();
        image.Put("/d/x", "content");
        Cli.Fails(8, "cp", image.Path, "/d", "/e");
        Cli.Expect("cp", "-r", image.Path, "/d", "/e");
        Cli.Expect("cp", image.Path, "/d/x", "/y");
        Assert.Equal("content", image.Cat("/e/x") + image.Cat("/y").Replace("content", "", StringComparison.Ordinal));
        Cli.Fails(2, "cp", image.Path, "/y", "/y");
        Cli.Fails(2, "cp", "-r", image.Path, "/d", "/d");
        Assert.Equal(["/d", "/d/x", "/e", "/e/x", "/y"], image.List());
        Cli.Expect("check", image.Path);
    }

    [Fact]
    public void Touch_makes_files_and_sets_times()
    {
        using var image = new TestImage();
        Cli.Expect("touch", "-d", "2010-01-02T03:04:06Z", image.Path, "/t");
        Cli.Expect("touch", "-c", image.Path, "/not");
        var entry = Json("ls", image.Path).Single();
        Assert.Equal("2010-01-02T03:04:06Z", entry.GetProperty("mtime").GetString());
        Assert.Equal(0, entry.GetProperty("size").GetInt64());
    }

    [Fact]
    public void The_offset_from_utc_moves_the_times_of_fat()
    {
        using var image = new TestImage();
        Cli.Expect("touch", "-d", "2010-01-02T03:00:00Z", "--utc-offset", "+02:00", image.Path, "/t");
        Assert.Contains("2010-01-02 05:00:00", Cli.Expect("ls", "-l", image.Path).Output, StringComparison.Ordinal);
        Assert.Contains("2010-01-02 03:00:00", Cli.Expect("ls", "-l", "--utc-offset", "+2", image.Path).Output, StringComparison.Ordinal);
        Cli.Fails(2, "ls", "--utc-offset", "soon", image.Path);
    }

    [Fact]
    public void Truncate_sets_and_changes_lengths()
    {
        using var image = new TestImage();
        image.Put("/f", "hello");
        Cli.Expect("truncate", "-s", "2", image.Path, "/f");
        Assert.Equal("he", image.Cat("/f"));
        Cli.Expect("truncate", "-s", "+2", image.Path, "/f");
        Assert.Equal("he\0\0", image.Cat("/f"));
        Cli.Expect("truncate", "-s", "-3", image.Path, "/f");
        Assert.Equal("h", image.Cat("/f"));
        Cli.Expect("truncate", "-s", "64K", image.Path, "/new");
        Assert.Equal(65536, Cli.Expect("cat", image.Path, "/new").Bytes.Length);
        Cli.Fails(2, "truncate", image.Path, "/f");
        Cli.Fails(2, "truncate", "-s", "many", image.Path, "/f");
    }

    [Fact]
    public void Attributes_are_shown_and_changed()
    {
        using var image = new TestImage();
        image.Put("/f", "x");
        Cli.Expect("attrib", image.Path, "+r-a", "+h", "/f");
        Assert.Equal("rh--  /f", Cli.Expect("attrib", image.Path, "/f").Lines.Single());
        Cli.Expect("attrib", image.Path, "-h-r", "/*");
        Assert.Equal("----  /f", Cli.Expect("attrib", image.Path, "/f").Lines.Single());
        Cli.Fails(2, "attrib", image.Path, "+r");
    }

    [Fact]
    public void System_files_are_listed_only_with_a()
    {
        using var image = new TestImage();
        image.Put("/seen", "x");
        image.Put("/sys", "x");
        Cli.Expect("attrib", image.Path, "+s", "/sys");
        Assert.Equal(["seen"], Cli.Expect("ls", image.Path).Lines);
        Assert.Equal(["seen", "sys"], Cli.Expect("ls", "-a", image.Path).Lines);
        Assert.DoesNotContain("sys", Cli.Expect("tree", image.Path).Output, StringComparison.Ordinal);
        Assert.Equal("/\n└── seen\n\n0 directories, 1 file, 1 B\n", Cli.Expect("tree", image.Path).Output);
    }

    [Fact]
    public void Globs_are_expanded_inside_the_image_unless_literal()
    {
        using var image = new TestImage();
        image.Put("/a.txt", "A");
        image.Put("/b.txt", "B");
        image.Put("/d1/c.TXT", "C");
        image.Put("/d2/d.dat", "D");
        image.Put("/x[1].txt", "X");
        Assert.Equal(["/a.txt", "/b.txt", "/x[1].txt"], Cli.Expect("ls", image.Path, "/*.txt").Lines);
        Assert.Equal(["/d1/c.TXT"], Cli.Expect("ls", image.Path, "/d?/*.txt").Lines);
        Assert.Equal("X", image.Cat("/x[1].txt"));      // there by exactly that name
        Cli.Fails(3, "ls", image.Path, "/*.nothing");
        Cli.Fails(3, "ls", "--literal", image.Path, "/*.txt");
        Cli.Expect("get", image.Path, "/[ab].txt", image.Host("out"));
        Assert.Equal(["a.txt", "b.txt"], Directory.GetFiles(image.Host("out")).Select(Path.GetFileName).Order());
        Cli.Expect("rm", image.Path, "/?.txt");
        Assert.Equal(["/d1", "/d1/c.TXT", "/d2", "/d2/d.dat", "/x[1].txt"], image.List());
    }

    [Fact]
    public void Find_tests_name_kind_size_and_time()
    {
        using var image = new TestImage();
        image.Put("/d/small.txt", "s");
        image.Put("/d/large.txt", new string('l', 5000));
        image.Put("/other", "o");
        Cli.Expect("touch", "-d", "2000-01-01T00:00:00Z", image.Path, "/other");
        Assert.Equal(["/d/large.txt", "/d/small.txt"], Cli.Expect("find", image.Path, "--name", "*.TXT").Lines);
        Assert.Equal(["/d/large.txt"], Cli.Expect("find", image.Path, "--size", "+4K").Lines);
        Assert.Equal(["/", "/d"], Cli.Expect("find", image.Path, "--type", "d").Lines);
        Assert.Equal(["/d/large.txt", "/d/small.txt"], Cli.Expect("find", image.Path, "/d", "--newer", "2001-01-01", "--type", "f").Lines);
        Assert.Equal("/other\0", Cli.Expect("find", "-0", image.Path, "--name", "other").Output);
    }

    [Fact]
    public void The_label_is_shown_set_and_removed()
    {
        using var image = new TestImage();
        Cli.Expect("label", image.Path, "NEW");
        Assert.Equal("NEW\n", Cli.Expect("label", image.Path).Output);
        Cli.Expect("label", image.Path, "");
        Assert.Equal("", Cli.Expect("label", image.Path).Output);
    }

    [Fact]
    public void Stat_tells_where_the_data_lies()
    {
        using var image = new TestImage();
        image.Put("/Long name.txt", "0123456789");
        var entry = Json("stat", image.Path, "/Long name.txt").Single();
        Assert.Equal("LONGNA~1.TXT", entry.GetProperty("shortName").GetString());
        var extent = entry.GetProperty("extents")[0];
        var bytes = new byte[10];
        using var file = File.OpenRead(image.Path);
        file.Position = extent.GetProperty("device").GetInt64();
        file.ReadExactly(bytes);
        Assert.Equal("0123456789", Encoding.ASCII.GetString(bytes));
        Assert.Equal(10, extent.GetProperty("length").GetInt64());
        Assert.Contains("short name  LONGNA~1.TXT", Cli.Expect("stat", image.Path, "/Long name.txt").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_fat_cannot_hold_is_unsupported()
    {
        using var image = new TestImage();
        image.Put("/f", "x");
        foreach (var args in new string[][]
        {
            ["ln", image.Path, "/f", "/g"], ["ln", "-s", image.Path, "f", "/g"], ["mknod", image.Path, "/n", "c", "1", "3"], ["mknod", image.Path, "/p", "p"],
            ["chmod", image.Path, "644", "/f"], ["chown", image.Path, "0:0", "/f"], ["xattr", "set", image.Path, "/f", "user.a", "b"],
            ["stream", "rm", image.Path, "/f", "s"], ["settype", image.Path, "TEXT", "ttxt", "/f"], ["touch", image.Path, "/a:b"],
        })
            Cli.Fails(7, args);
        Assert.Equal(["/f"], image.List());
        Assert.Empty(Cli.Expect("xattr", "ls", image.Path, "/f").Lines);
        Assert.Empty(Cli.Expect("stream", "ls", image.Path, "/f").Lines);
        Cli.Fails(3, "xattr", "get", image.Path, "/f", "user.a");
    }

    [Fact]
    public void A_full_volume_keeps_the_files_that_were_complete()
    {
        using var image = new TestImage("fat12", "256K");
        image.Write("tree/a", "first");
        File.WriteAllBytes(image.Host("tree/b"), new byte[1 << 20]);
        var error = Cli.Fails(5, "put", image.Path, image.Host("tree"), "/").Error;
        Assert.Contains("complete and stays", error, StringComparison.Ordinal);
        Assert.Equal(["/tree", "/tree/a"], image.List());
        Cli.Expect("check", image.Path);
    }

    internal static List<JsonElement> Json(params string[] args)
    {
        using var document = JsonDocument.Parse(Cli.Expect([.. args, "--json"]).Bytes);
        return [.. document.RootElement.GetProperty("entries").EnumerateArray().Select(e => e.Clone())];
    }
}
