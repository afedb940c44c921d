using Platter.FileSystems;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Comparing;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Tests.Trees.Comparing;

public sealed class TreeComparerTests
{
    private static string Text(TreeSource first, TreeSource second, TreeCompareOptions? options = null) =>
        string.Join('\n', TreeComparer.Compare(first, second, options).Select(d => $"{d.Kind} {d.Path}"
            + string.Concat(d.Changes.Select(c => $" [{c.Part}{(c.Offset >= 0 ? $" at {c.Offset}" : "")}{(c.First is null ? "" : $" {c.First}")}{(c.Second is null ? "" : $" -> {c.Second}")}]"))));

    private static FileMetadata File(int length = 0) => new() { Kind = EntryKind.File, Length = length, Mode = 0x1A4, UserId = 0, GroupId = 0, Modified = new Timestamp(5, 5) };

    [Fact]
    public void Entries_on_one_side_are_added_or_removed_each_by_itself()
    {
        var (a, b) = (new ListedSource(), new ListedSource());
        a.File(a.Directory(null, "a"), "old", []);
        b.Directory(null, "a");
        b.File(b.Directory(null, "a!"), "x", []);
        a.File(null, "z", []);
        b.File(null, "z", []);
        Assert.Equal("Removed /a/old\nAdded /a!\nAdded /a!/x", Text(a, b));
        Assert.Equal("Added /a/old\nRemoved /a!\nRemoved /a!/x", Text(b, a));
        Assert.Equal("", Text(a, a));
    }

    [Theory]
    [InlineData("/a", "/a", 0)]
    [InlineData("/a", "/a/b", -1)]
    [InlineData("/a/z", "/a!", -1)]
    [InlineData("/a-b/c", "/a/c", 1)]
    [InlineData("/b", "/a/x", 1)]
    [InlineData("/ä", "/z", 1)]
    public void Paths_are_ordered_name_by_name(string a, string b, int order)
    {
        Assert.Equal(order, Math.Sign(TreeComparer.ComparePaths(a, b)));
        Assert.Equal(-order, Math.Sign(TreeComparer.ComparePaths(b, a)));
    }

    [Fact]
    public void Each_part_of_an_entry_is_told_apart()
    {
        var (a, b) = (new ListedSource(), new ListedSource());
        a.Add(null, "device", new FileMetadata { Kind = EntryKind.BlockDevice, Device = new DeviceNumber(8, 1) });
        b.Add(null, "device", new FileMetadata { Kind = EntryKind.BlockDevice, Device = new DeviceNumber(8, 2) });
        a.Link(null, "link", "here");
        b.Link(null, "link", "there");
        a.Add(null, "meta", File());
        b.Add(null, "meta", File() with { Mode = 0x9ED, GroupId = 9, Modified = new Timestamp(6) });
        a.File(null, "type", []);
        b.Directory(null, "type");
        Assert.Equal("""
            Changed /device [Device 8:1 -> 8:2]
            Changed /link [LinkTarget here -> there]
            Changed /meta [Mode 0644 -> 4755] [Owner 0:0 -> 0:9] [Modified 1970-01-01T00:00:05.000000005Z -> 1970-01-01T00:00:06Z]
            Changed /type [Type file -> directory]
            """, Text(a, b));
        Assert.Equal("Changed /device [Device 8:1 -> 8:2]\nChanged /link [LinkTarget here -> there]\nChanged /type [Type file -> directory]", Text(a, b, new TreeCompareOptions { ContentOnly = true }));
        var options = new TreeCompareOptions { IgnoreTimes = true, IgnoreModes = true, Exclude = PathPatterns.Parse(["device", "link", "type"]) };
        Assert.Equal("Changed /meta [Owner 0:0 -> 0:9]", Text(a, b, options));
        Assert.Equal("", Text(a, b, options with { IgnoreOwners = true }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(256 << 10)]
    [InlineData(700_001)]
    public void Contents_are_compared_up_to_the_first_byte_that_differs(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        foreach (var at in new[] { 0, length / 2, length - 1 })
        {
            var other = (byte[])bytes.Clone();
            other[at] ^= 1;
            var (a, b) = (new ListedSource(), new ListedSource());
            a.File(null, "f", bytes);
            b.File(null, "f", other);
            Assert.Equal($"Changed /f [Content at {at}]", Text(a, b));
        }
        var (c, d) = (new ListedSource(), new ListedSource());
        c.File(null, "f", bytes);
        d.File(null, "f", bytes[..^1]);
        Assert.Equal($"Changed /f [Content {length} bytes -> {length - 1} bytes]", Text(c, d));
    }

    [Fact]
    public void A_comparison_stops_reading_at_the_first_difference()
    {
        var (a, b) = (new ListedSource(), new ListedSource());
        var furthest = 0L;
        a.Reading = offset => furthest = Math.Max(furthest, offset);
        a.File(null, "f", new byte[4 << 20]);
        b.File(null, "f", [1, .. new byte[(4 << 20) - 1]]);
        Assert.Equal("Changed /f [Content at 0]", Text(a, b));
        Assert.InRange(furthest, 0, 1 << 20);
    }

    [Fact]
    public void What_cannot_be_read_is_a_difference_that_says_so()
    {
        var (a, b) = (new ListedSource(), new ListedSource());
        a.Liar(null, "f", [1, 2], 10, fails: true);
        b.File(null, "f", new byte[10]);
        Assert.Equal("Changed /f [Unreadable the medium failed]", Text(a, b));
        var (c, d) = (new ListedSource(), new ListedSource());
        c.Liar(null, "f", [1, 2], 10);
        d.File(null, "f", [1, 2, .. new byte[8]]);
        Assert.Equal("Changed /f [Content at 2]", Text(c, d));
    }

    [Fact]
    public void Names_of_one_file_are_compared_when_that_is_asked_for()
    {
        var (a, b) = (new ListedSource(), new ListedSource());
        foreach (var (tree, identity) in new[] { (a, new object()), (b, null) })
        {
            tree.File(null, "one", [1], identity);
            tree.File(null, "two", [1], identity);
        }
        Assert.Equal("", Text(a, b));
        Assert.Equal("Changed /two [HardLink /one -> /two]", Text(a, b, new TreeCompareOptions { HardLinks = true }));
        Assert.Equal("", Text(a, a, new TreeCompareOptions { HardLinks = true }));
    }

    [Fact]
    public void An_empty_lost_and_found_at_the_top_is_no_difference()
    {
        var (a, b) = (new ListedSource(), new ListedSource());
        a.Directory(null, "lost+found");
        a.File(null, "x", []);
        b.File(null, "x", []);
        Assert.Equal("", Text(a, b));
        Assert.Equal("", Text(b, a));
        var full = new ListedSource();
        full.File(full.Directory(null, "lost+found"), "#12", []);
        full.File(null, "x", []);
        Assert.Equal("Removed /lost+found\nRemoved /lost+found/#12", Text(full, b));
    }

    [Fact]
    public void A_folder_is_the_same_as_its_copy_and_differs_by_extended_attributes()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("a/sub"));
        System.IO.File.WriteAllText(folder.File("a/sub/f"), "content");
        Tool.Expect("cp", "-a", folder.File("a"), folder.File("b"));
        using var a = HostTreeSource.Content(folder.File("a"));
        using var b = HostTreeSource.Content(folder.File("b"));
        Assert.Equal("", Text(a, b, new TreeCompareOptions { HardLinks = true }));
        Tool.Expect("setfattr", "-n", "user.a", "-v", "1", folder.File("a/sub/f"));
        Tool.Expect("setfattr", "-n", "user.b", "-v", "2", folder.File("b/sub/f"));
        Assert.Equal("Changed /sub/f [ExtendedAttributes user.a=0x31, no user.b -> no user.a, user.b=0x32]", Text(a, b));
        Assert.Equal("", Text(a, b, new TreeCompareOptions { IgnoreExtendedAttributes = true }));
    }
}
