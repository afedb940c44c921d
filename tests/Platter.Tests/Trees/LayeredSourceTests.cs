using Platter.FileSystems;
using Platter.Testing;
using Platter.Testing.Trees;
using Platter.Testing.Volumes;
using Platter.Trees;
using Platter.Trees.Host;
using Platter.Trees.Tar;
using Xunit;

namespace Platter.Tests.Trees;

/// <summary>Trees on top of each other.</summary>
public sealed class LayeredSourceTests
{
    private static ListedSource Layer(params string[] paths)
    {
        var source = new ListedSource();
        var directories = new Dictionary<string, TreeEntry?>(StringComparer.Ordinal) { [""] = null };
        foreach (var path in paths)
        {
            var cut = path.TrimEnd('/').LastIndexOf('/');
            var parent = directories[cut < 0 ? "" : path[..cut]];
            var name = path.TrimEnd('/')[(cut + 1)..];
            if (path.EndsWith('/'))
                directories[path.TrimEnd('/')] = source.Directory(parent, name);
            else
                source.File(parent, name, [(byte)paths.Length]);
        }
        return source;
    }

    private static string Paths(TreeSource source) => string.Join(' ', source.Walk().Select(e => e.Path + (e.Kind == EntryKind.Directory ? "/" : "")));

    private static byte[] Content(TreeSource source, string path)
    {
        var entry = source.Walk().Single(e => e.Path == path);
        var bytes = new byte[entry.Length];
        Assert.Equal(bytes.Length, source.ReadWhole(entry, bytes));
        return bytes;
    }

    [Fact]
    public void Later_layers_win_and_directories_merge()
    {
        using var merged = new LayeredSource([Layer("a/", "a/1", "a/2", "b"), Layer("a/", "a/2", "b/", "b/x", "c")]);
        Assert.Equal("/a/ /a/1 /a/2 /b/ /b/x /c", Paths(merged));
        Assert.Equal([4], Content(merged, "/a/1"));
        Assert.Equal([5], Content(merged, "/a/2"));
        Assert.Equal(Paths(merged), Paths(merged));
    }

    [Fact]
    public void Whiteouts_take_away_what_lies_below_and_nothing_of_their_own_layer()
    {
        using var merged = new LayeredSource(
        [
            Layer("a/", "a/1", "a/2", "b/", "b/x", "c/", "c/old", "d", "e/", "e/deep/", "e/deep/f"),
            Layer(".wh.b", ".wh.d", ".wh.nothing", "a/", "a/.wh.1", "a/3", "c/", "c/!new", "c/.wh..wh..opq", "d", "e/", "e/deep/", "e/deep/.wh.f"),
        ]);
        Assert.Equal("/a/ /a/2 /a/3 /c/ /c/!new /d /e/ /e/deep/", Paths(merged));
        Assert.Equal([13], Content(merged, "/d"));
    }

    [Fact]
    public void Single_entries_lie_on_top()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("host"), "from the host");
        Tool.Expect("touch", "-d", "2020-02-02T02:02:02Z", folder.File("host"));
        using var merged = new LayeredSource([Layer("a/", "a/1")],
        [
            new TreeAddition { Path = "/a/1", Content = "over"u8.ToArray(), Modified = new Timestamp(5), Owner = new Ownership(7, 8) },
            new TreeAddition { Path = "/new/deep/file", HostFile = folder.File("host") },
            new TreeAddition { Path = "/a", Kind = EntryKind.Directory, Mode = 0x1C0 },
            new TreeAddition { Path = "/dev/null", Kind = EntryKind.CharacterDevice, Device = new DeviceNumber(1, 3), Mode = 0x1B6 },
            new TreeAddition { Path = "/link", Kind = EntryKind.SymbolicLink, LinkTarget = "a/1" },
        ], new Ownership(1, 2));
        Assert.Equal("/a/ /a/1 /dev/ /dev/null /link /new/ /new/deep/ /new/deep/file", Paths(merged));
        Assert.Equal("over"u8, Content(merged, "/a/1"));
        Assert.Equal("from the host"u8, Content(merged, "/new/deep/file"));
        var entries = merged.Walk().ToDictionary(e => e.Path, e => e.Metadata, StringComparer.Ordinal);
        Assert.Equal((0x1C0, 1u), (entries["/a"].Mode!.Value, entries["/a"].UserId!.Value));
        Assert.Equal((7u, 8u, new Timestamp(5)), (entries["/a/1"].UserId!.Value, entries["/a/1"].GroupId!.Value, entries["/a/1"].Modified!.Value));
        Assert.Equal("2020-02-02T02:02:02Z", entries["/new/deep/file"].Modified.ToString());
        Assert.Equal(0x1ED, entries["/new"].Mode);
    }

    [Fact]
    public void An_entry_below_a_file_is_refused()
    {
        using var merged = new LayeredSource([Layer("a")], [new TreeAddition { Path = "/a/b", Content = [] }]);
        Assert.Throws<AlreadyExistsException>(() => merged.Walk().ToList());
        using var other = new LayeredSource([Layer("a/")], [new TreeAddition { Path = "/a", Content = [] }]);
        Assert.Throws<AlreadyExistsException>(() => other.Walk().ToList());
    }

    [Fact]
    public void The_outline_names_parents_before_children()
    {
        using var merged = new LayeredSource([Layer("a/", "a/b/", "a/b/c", "d")]);
        var shape = merged.Measure();
        Assert.Equal([(-1, "a"), (0, "b"), (1, "c"), (-1, "d")], shape.Entries.Select(e => (e.Parent, e.Name)));
        Assert.Equal(1, shape.Entries[2].Length);
    }

    [Fact]
    public void Hard_links_of_different_layers_are_different_files()
    {
        using var folder = new TempFolder();
        foreach (var layer in new[] { "1", "2" })
        {
            Directory.CreateDirectory(folder.File(layer));
            File.WriteAllText(folder.File(layer + "/a" + layer), layer);
            Tool.Expect("ln", folder.File(layer + "/a" + layer), folder.File(layer + "/b" + layer));
        }
        using var merged = new LayeredSource([HostTreeSource.Content(folder.File("1")), HostTreeSource.Content(folder.File("2"))]);
        var identities = merged.Walk().ToDictionary(e => e.Name, e => e.LinkIdentity, StringComparer.Ordinal);
        Assert.Equal(identities["a1"], identities["b1"]);
        Assert.NotEqual(identities["a1"], identities["a2"]);
    }

    private static TarSource Tar(HandMadeTar tar) => TarSource.Open(new MemoryStream(tar.ToArray()));

    [Fact]
    public void Whiteouts_of_overlayfs_are_devices_and_attributes()
    {
        using var merged = new LayeredSource(
        [
            Layer("a/", "a/1", "a/2", "b/", "b/x", "c", "d/", "d/e/", "d/e/f"),
            Tar(new HandMadeTar().Add('3', "c").Add('5', "a/").Add('3', "a/1").Pax(("SCHILY.xattr.trusted.overlay.opaque", "y"), ("SCHILY.xattr.user.kept", "1")).Add('5', "b/").Add('0', "b/new", "x")
                .Pax(("SCHILY.xattr.user.overlay.opaque", "y")).Add('5', "d/e/").Add('3', "tty", change: b => HandMadeTar.Put(b, 337, "0000001"))),
        ]);
        Assert.Equal("/a/ /a/2 /b/ /b/new /d/ /d/e/ /tty", Paths(merged));
        Assert.Equal(["user.kept"], merged.GetExtendedAttributes(merged.Walk().Single(e => e.Path == "/b")).Keys);
        Assert.Empty(merged.GetExtendedAttributes(merged.Walk().Single(e => e.Path == "/d/e")));
        Assert.Empty(merged.Findings);
    }

    [Fact]
    public void What_overlayfs_keeps_in_a_layer_below_is_told()
    {
        using var merged = new LayeredSource(
        [
            Layer("a/", "a/1"),
            Tar(new HandMadeTar().Pax(("SCHILY.xattr.trusted.overlay.redirect", "/a")).Add('5', "b/")
                .Pax(("SCHILY.xattr.trusted.overlay.metacopy", ""), ("GNU.sparse.size", "9"), ("GNU.sparse.map", "")).Add('0', "file")),
        ]);
        Assert.Equal("/a/ /a/1 /b/ /file", Paths(merged));
        Assert.Equal(["TREE-0001", "TREE-0002"], merged.Findings.Select(f => f.Code));
    }

    [Fact]
    public void The_bookkeeping_of_aufs_is_no_part_of_the_tree()
    {
        using var merged = new LayeredSource([Layer("a"), Layer(".wh..wh.plnk/", ".wh..wh.plnk/1.2", ".wh..wh.aufs", "b")]);
        Assert.Equal("/a /b", Paths(merged));
        using var plain = new LayeredSource([Layer("a"), Layer(".wh.a", "b")]) { HonoursWhiteouts = false };
        Assert.Equal("/.wh.a /a /b", Paths(plain));
    }

    [Fact]
    public void Implied_directories_take_nothing_away_and_go_through_links()
    {
        var bottom = new HandMadeTar().Add('5', "usr/", change: b => HandMadeTar.Put(b, 100, "0000700")).Add('5', "usr/lib/").Add('2', "lib", link: "usr/lib").Add('2', "abs", link: "/lib").Add('2', "loop", link: "loop").Add('0', "file", "1");
        using var merged = new LayeredSource([Tar(bottom), Tar(new HandMadeTar().Add('0', "usr/x", "1").Add('0', "lib/firmware/f", "2").Add('0', "abs/g", "3").Add('0', "loop/h", "4").Add('0', "file/i", "5"))]);
        Assert.Equal("/abs /file/ /file/i /lib /loop/ /loop/h /usr/ /usr/lib/ /usr/lib/firmware/ /usr/lib/firmware/f /usr/lib/g /usr/x", Paths(merged));
        Assert.Equal(0x1C0, merged.Walk().Single(e => e.Path == "/usr").Metadata.Mode);
        Assert.Equal("2"u8, Content(merged, "/usr/lib/firmware/f"));
    }

    [Fact]
    public void Directories_take_the_place_of_files_and_files_that_of_directories()
    {
        using var merged = new LayeredSource(
        [
            Tar(new HandMadeTar().Add('0', "a", "file").Add('5', "b/").Add('0', "b/x", "x").Add('0', "c", "1").Add('1', "d", link: "c")),
            Tar(new HandMadeTar().Add('5', "a/").Add('0', "a/y", "y").Add('0', "b", "file").Add('0', "c", "2")),
        ]);
        Assert.Equal("/a/ /a/y /b /c /d", Paths(merged));
        Assert.Equal("1"u8, Content(merged, "/d"));
        Assert.Equal("2"u8, Content(merged, "/c"));
    }

    [Fact]
    public void Links_are_followed_in_the_merged_tree()
    {
        using var merged = new LayeredSource([Tar(new HandMadeTar().Add('2', "a/link", link: "../b/./c").Add('2', "out", link: "../../b/up").Add('2', "ring", link: "ring")), Tar(new HandMadeTar().Add('0', "b/c", "content").Add('2', "b/up", link: "c"))]);
        var entries = merged.Walk().ToDictionary(e => e.Path, StringComparer.Ordinal);
        foreach (var path in new[] { "/a/link", "/out" })
        {
            var file = merged.FollowLink(entries[path])!;
            Assert.Equal((path, 7L), (file.Path, file.Length));
        }
        Assert.Null(merged.FollowLink(entries["/ring"]));
    }

    [Fact]
    public void Names_that_differ_by_case_alone_are_told_where_case_does_not_count()
    {
        using var merged = new LayeredSource([Layer("a", "b"), Layer("A")]);
        using var volume = new MemoryVolume(MemoryVolumeOptions.LikeFat);
        using var sink = new VolumeTreeSink(volume);
        var report = TreeCopier.Copy(merged, sink, CopyOptions.Default);
        Assert.IsType<NameCollisionException>(Assert.Single(report.Problems).Reason);
        Assert.Equal(2, report.Files);
    }
}
