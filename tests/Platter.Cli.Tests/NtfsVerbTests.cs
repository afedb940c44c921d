using System.Text.Json;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>What the verbs do on NTFS that they do nowhere else.</summary>
public sealed class NtfsVerbTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _image;

    public NtfsVerbTests()
    {
        _image = _folder.File("ntfs.img");
        Cli.Expect("mkfs", _image, "-t", "ntfs", "--size", "32M");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Attrib_compresses_and_unpacks_files_and_directories_with_all_below_links_left_out()
    {
        Host("text.txt", string.Concat(Enumerable.Range(0, 40_000)));
        Cli.Expect("mkdir", "-p", _image, "/logs/old");
        Cli.Expect("put", _image, _folder.File("text.txt"), "/logs/old/");
        Cli.Expect("ln", "-s", _image, "old", "/logs/link");
        Cli.Expect("attrib", "-R", _image, "+c", "/logs");
        Cli.Expect("put", _image, _folder.File("text.txt"), "/logs/new.txt");
        Assert.Equal(["d----c", "----ac", "d----c", "----ac"], Letters("/logs", "/logs/old/text.txt", "/logs/old", "/logs/new.txt"));
        Assert.True(Allocated("/logs/new.txt") < 200_000);
        Assert.Equal(File.ReadAllText(_folder.File("text.txt")), Cli.Expect("cat", _image, "/logs/old/text.txt").Output);
        Cli.Expect("attrib", _image, "+r-c", "/logs/new.txt");
        Assert.Equal(["-r--a"], Letters("/logs/new.txt"));
        Assert.True(Allocated("/logs/new.txt") >= 188_890);
        Assert.Contains("SymbolicLink", Cli.Fails(7, "attrib", _image, "+c", "/logs/link").Error, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Encrypted", Cli.Fails(7, "attrib", _image, "+e", "/logs/new.txt").Error, StringComparison.Ordinal);
        Cli.Expect("check", _image);
    }

    [Fact]
    public void Attrib_changes_what_is_sparse_or_compressed_and_truncate_makes_holes()
    {
        Host("data.bin", new string('x', 300_000));
        Cli.Expect("put", _image, _folder.File("data.bin"), "/data.bin", "--attr", "+p");
        Cli.Expect("truncate", "--hole", "64K:128K", _image, "/data.bin");
        Assert.Equal(300_000 / 4096 * 4096 + 4096 - 128 * 1024, Allocated("/data.bin"));
        Cli.Expect("attrib", _image, "+h", "/data.bin");
        Assert.Equal(["--h-ap"], Letters("/data.bin"));
        var bytes = Cli.Expect("cat", _image, "/data.bin").Bytes;
        Assert.Equal(300_000, bytes.Length);
        Assert.All(bytes[65_536..196_608], b => Assert.Equal(0, b));
        Cli.Expect("attrib", _image, "-p", "/data.bin");
        Assert.Equal(300_000 / 4096 * 4096 + 4096, Allocated("/data.bin"));
        Cli.Fails(2, "truncate", "--hole", "64K", _image, "/data.bin");
        Cli.Fails(2, "truncate", "--hole", "1:2", "-s", "3", _image, "/data.bin");
        Cli.Expect("check", _image);
    }

    [Fact]
    public void Junctions_links_and_special_files_are_listed_with_where_they_lead()
    {
        Cli.Expect("mkdir", _image, "/target");
        Cli.Expect("ln", "--junction", _image, "/target", "/here");
        Cli.Expect("ln", "--junction", "--drive", "e:", _image, "/target", "/elsewhere");
        Cli.Expect("ln", "-s", "--symlinks", "junction", _image, "/target", "/third");
        Cli.Expect("ln", "-s", "--symlinks", "wsl", _image, "/target", "/fourth");
        Cli.Expect("mknod", _image, "/null", "c", "1", "3", "-m", "666");
        Cli.Expect("mknod", "--special-files", "interix", _image, "/pipe", "p");
        Cli.Expect("put", _image, Host("plain", "x"), "/plain");
        Cli.Expect("ln", _image, "/plain", "/second");
        var list = Cli.Expect("ls", "-la", _image).Lines;
        Assert.Contains(list, l => l.Contains("here -> /target", StringComparison.Ordinal));
        Assert.Contains(list, l => l.StartsWith("crw-rw-rw-", StringComparison.Ordinal) && l.Contains("1, 3", StringComparison.Ordinal));
        Assert.Contains(list, l => l.StartsWith('p') && l.EndsWith("pipe", StringComparison.Ordinal));
        Assert.Equal(2, list.Count(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1] == "2"));
        Assert.Equal(["0xA0000003", "0xA0000003", "0xA0000003", "0xA000001D"], new[] { "/here", "/elsewhere", "/third", "/fourth" }.Select(Tag));
        Assert.Contains("absolute", Cli.Fails(7, "ln", "--junction", _image, "target", "/no").Error, StringComparison.Ordinal);
        Cli.Fails(2, "ln", "--junction", "-s", _image, "/target", "/no");
        Cli.Fails(2, "ln", "--drive", "e", _image, "/target", "/no");
        Cli.Expect("xattr", "set", _image, "/plain", "user.ntfs.reparse", "0x1A00009004000000" + "01020304");
        Assert.Contains(Cli.Expect("ls", "-l", _image).Lines, l => l.EndsWith("plain [reparse 0x9000001A]", StringComparison.Ordinal));
        Cli.Expect("check", _image);

        string Tag(string path) => Row(Cli.Expect("stat", _image, path).Lines, "reparse tag");
    }

    [Fact]
    public void Permissions_and_owners_are_those_of_WSL_when_they_are_asked_for()
    {
        Cli.Expect("put", _image, Host("program", "#!/bin/sh\n"), "/program");
        Assert.Contains("--wsl-metadata", Cli.Fails(7, "chmod", _image, "755", "/program").Error, StringComparison.Ordinal);
        Cli.Expect("chmod", "--wsl-metadata", _image, "755", "/program");
        Cli.Expect("chown", "--wsl-metadata", _image, "1000:100", "/program");
        var lines = Cli.Expect("stat", _image, "/program").Lines;
        Assert.Equal(("0755 (-rwxr-xr-x)", "1000:100"), (Row(lines, "mode"), Row(lines, "owner")));
        Cli.Expect("check", _image);
    }

    [Fact]
    public void Descriptors_short_names_object_ids_and_case_are_set_by_xattr()
    {
        Cli.Expect("put", _image, Host("a long name.text", "x"), "/");
        Cli.Expect("xattr", "set", _image, "/a long name.text", "system.ntfs_security", "O:BAG:SYD:PAI(A;;FA;;;SY)");
        Cli.Expect("xattr", "set", _image, "/a long name.text", "user.ntfs.short_name", "*");
        Cli.Expect("xattr", "set", _image, "/a long name.text", "user.ntfs.object_id", "0x000102030405060708090A0B0C0D0E0F");
        var lines = Cli.Expect("stat", _image, "/ALONGN~1.TEX").Lines;
        Assert.Equal(("O:BAG:SYD:PAI(A;;FA;;;SY)", "ALONGN~1.TEX"), (Row(lines, "security"), Row(lines, "short name")));
        Assert.Equal(Cli.Expect("xattr", "get", _image, "/a long name.text", "system.ntfs_security").Bytes, Cli.Expect("xattr", "get", _image, "/a long name.text", "system.ntfs_acl").Bytes);
        Cli.Fails(3, "xattr", "get", _image, "/a long name.text", "user.nothing");
        Cli.Expect("xattr", "rm", _image, "/a long name.text", "user.ntfs.short_name");
        Cli.Expect("xattr", "rm", _image, "/a long name.text", "user.ntfs.object_id");
        Cli.Fails(3, "stat", _image, "/ALONGN~1.TEX");
        Cli.Expect("mkdir", _image, "/linux");
        Cli.Expect("xattr", "set", _image, "/linux", "user.ntfs.case_sensitive", "1");
        Cli.Expect("touch", _image, "/linux/a", "/linux/A");
        Assert.Equal(["A", "a"], Cli.Expect("ls", _image, "/linux").Lines);
        Cli.Expect("check", _image);
    }

    [Fact]
    public void Descriptors_that_were_inherited_are_no_news_and_those_that_were_set_are()
    {
        Cli.Expect("mkdir", "-p", _image, "/a/b");
        Cli.Expect("put", _image, Host("file", "x"), "/a/b/");
        Cli.Expect("ln", "-s", _image, "b", "/a/link");
        Assert.Equal("", Cli.Expect("get", _image, "/", _folder.File("first")).Error);
        Assert.Equal("", Cli.Expect("get", _image, "/a/b/file", _folder.File("single")).Error);
        Assert.Equal("platter: note: security descriptors that were inherited, not kept: 4 (first: /a)\n",
            string.Concat(Cli.Expect("get", "-v", _image, "/", _folder.File("second")).Error.Split('\n').Where(line => line.Contains("descriptor", StringComparison.Ordinal)).Select(line => line + "\n")));
        Cli.Expect("xattr", "set", _image, "/a/b", "system.ntfs_security", "O:BAG:SYD:PAI(A;OICI;FA;;;SY)");
        // In it one that inherits from it; the file that was there before keeps what it has.
        Cli.Expect("touch", _image, "/a/b/new");
        Assert.Equal("platter: note: entries with a security descriptor of their own, which was not kept: 2 (first: /a/b)\n", Cli.Expect("get", _image, "/", _folder.File("third")).Error);
        Assert.Equal("platter: note: entries with a security descriptor of their own, which was not kept: 1 (first: /file)\n", Cli.Expect("get", _image, "/a/b/file", _folder.Path).Error);
        Assert.Equal("", Cli.Expect("get", _image, "/a/b/new", _folder.File("fourth")).Error);
        using var json = JsonDocument.Parse(Cli.Expect("get", "--json", _image, "/", _folder.File("fifth")).Bytes);
        var losses = json.RootElement.GetProperty("copies")[0].GetProperty("losses").EnumerateArray().ToDictionary(l => l.GetProperty("kind").GetString()!, l => l.GetProperty("count").GetInt32());
        Assert.Equal((2, 3), (losses["SecurityDescriptors"], losses["InheritedSecurity"]));
    }

    [Fact]
    public void Streams_go_out_and_come_back_with_files_times_and_attributes()
    {
        Cli.Expect("mkdir", _image, "/dir");
        Cli.Expect("put", _image, Host("file", "main"), "/dir/file", "--mtime", "2001-02-03T04:05:06Z", "--attr", "+h-a");
        Cli.Expect("stream", "put", _image, "/dir/file", "Zone.Identifier", Host("zone", "[ZoneTransfer]\nZoneId=3\n"));
        Cli.Expect("stream", "put", _image, "/dir", "notes", Host("notes", "of a directory"));
        Assert.Equal("[ZoneTransfer]\nZoneId=3\n", Cli.Expect("cat", _image, "/dir/file", "--stream", "zone.identifier").Output);

        Cli.Expect("touch", "-d", "2001-02-03T04:05:06Z", _image, "/dir/file");
        Cli.Expect("attrib", _image, "-a", "/dir/file");

        // To a host folder, and to a tar, streams are attributes; back on NTFS they are streams.
        var outside = _folder.File("out");
        Cli.Expect("get", _image, "/dir", outside);
        Assert.Equal("[ZoneTransfer]\nZoneId=3\n", Tool.Expect("getfattr", "--only-values", "-n", "user.ntfs.stream.Zone.Identifier", Path.Combine(outside, "file")));
        Cli.Expect("repack", _image, "-o", _folder.File("all.tar"));
        Cli.Expect("create", "-t", "ntfs", "-o", _folder.File("second.img"), _folder.File("all.tar"));
        Cli.Expect("put", _image, outside, "/back");
        Cli.Expect("cp", "-r", _image, "/dir", "/copy");
        foreach (var (image, path) in new[] { (_image, "/back"), (_image, "/copy"), (_folder.File("second.img"), "/dir") })
        {
            Assert.Equal("[ZoneTransfer]\nZoneId=3\n", Cli.Expect("stream", "cat", image, path + "/file", "Zone.Identifier").Output);
            Assert.Equal("of a directory", Cli.Expect("stream", "cat", image, path, "notes").Output);
            Assert.StartsWith("2001-02-03T04:05:06", Row(Cli.Expect("stat", image, path + "/file").Lines, "modified"), StringComparison.Ordinal);
            Assert.DoesNotContain("user.ntfs.stream", Cli.Expect("xattr", "ls", image, path + "/file").Output, StringComparison.Ordinal);
        }
        // So are hidden and system, which a host has no other place for.
        Assert.Contains("user.ntfs.attributes=0x00000002", Tool.Expect("getfattr", "-e", "hex", "-n", "user.ntfs.attributes", Path.Combine(outside, "file")), StringComparison.Ordinal);
        foreach (var (image, path) in new[] { (_image, "/back"), (_image, "/copy"), (_folder.File("second.img"), "/dir") })
            Assert.Equal("hidden", Row(Cli.Expect("stat", image, path + "/file").Lines, "attributes"));
        Cli.Expect("stream", "rm", _image, "/dir/file", "Zone.Identifier");
        Assert.Empty(Cli.Expect("stream", "ls", _image, "/dir/file").Lines);
        Cli.Expect("check", _image);
        Cli.Expect("check", _folder.File("second.img"));
    }

    [Fact]
    public void Devices_and_links_of_a_tar_become_those_of_WSL_or_Interix()
    {
        Directory.CreateDirectory(_folder.File("tree"));
        Tool.Expect("bash", "-c", $"cd '{_folder.File("tree")}' && mknod null c 1 3 && mkfifo pipe && ln -s /etc/fstab link && echo x > file && tar -cf ../tree.tar .");
        foreach (var form in new[] { "wsl", "interix" })
        {
            var image = _folder.File(form + ".img");
            Cli.Expect("create", "-t", "ntfs", "--special-files", form, "-o", image, _folder.File("tree.tar"));
            using var list = JsonDocument.Parse(Cli.Expect("ls", "-a", "--json", image).Output);
            Assert.Equal(["file:file", "link:symlink", "null:char", "pipe:fifo"],
                list.RootElement.GetProperty("entries").EnumerateArray().Select(e => $"{e.GetProperty("path").GetString()![1..]}:{e.GetProperty("type").GetString()}").Order(StringComparer.Ordinal));
            Assert.Equal(form == "wsl", Cli.Expect("stat", image, "/null").Output.Contains("reparse tag", StringComparison.Ordinal));
            Cli.Expect("check", image);
        }
    }

    [Fact]
    public void A_dirty_volume_is_refused_with_the_option_that_goes_on()
    {
        // A log of which neither restart page can be read.
        using var stat = JsonDocument.Parse(Cli.Expect("stat", "--json", _image, "/$LogFile").Output);
        var log = stat.RootElement.GetProperty("entries")[0].GetProperty("extents")[0].GetProperty("device").GetInt64();
        using (var image = File.OpenWrite(_image))
        {
            image.Position = log;
            image.Write(new byte[16384]);
        }
        Assert.Contains("--discard-journal", Cli.Fails(7, "touch", _image, "/x").Error, StringComparison.Ordinal);
        Cli.Expect("touch", "--discard-journal", _image, "/x");
        var info = Cli.Expect("info", _image).Output;
        Assert.Contains("dirty", info, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("chkdsk", Cli.Fails(7, "touch", _image, "/y").Error, StringComparison.Ordinal);
        Cli.Expect("touch", "--discard-journal", _image, "/y");
        Assert.All(File.ReadAllBytes(_image).AsSpan((int)log, 8192).ToArray(), b => Assert.Equal(0xFF, b));
    }

    [Fact]
    public void A_hibernated_volume_is_refused_with_the_option_that_goes_on()
    {
        Cli.Expect("put", _image, Host("hiberfil.sys", "hibr" + new string('\0', 5000)), "/hiberfil.sys");
        Assert.Contains("--ignore-hibernation", Cli.Fails(7, "touch", _image, "/x").Error, StringComparison.Ordinal);
        Cli.Expect("touch", "--ignore-hibernation", _image, "/x");
        Assert.Contains("x", Cli.Expect("ls", _image).Lines);
    }

    private string Host(string name, string content)
    {
        File.WriteAllText(_folder.File(name), content);
        return _folder.File(name);
    }

    private string[] Letters(params string[] paths) => [.. paths.Select(p => Cli.Expect("ls", "-ld", _image, p).Lines[0].Split(' ')[0])];

    private long Allocated(string path) => long.Parse(Row(Cli.Expect("stat", _image, path).Lines, "allocated").Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);

    private static string Row(string[] lines, string name) => lines.Single(l => l.StartsWith("  " + name + "  ", StringComparison.Ordinal))[(2 + name.Length)..].Trim();
}
