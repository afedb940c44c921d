using Platter.FileSystems;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Host;
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
}
