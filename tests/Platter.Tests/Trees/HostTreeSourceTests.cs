using System.Text;
using Platter.FileSystems;
using Platter.Primitives;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Tests.Trees;

/// <summary>A real folder, read as a tree.</summary>
public sealed class HostTreeSourceTests
{
    [Fact]
    public void Entries_come_parents_first_and_in_ordinal_order()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("b/x"));
        foreach (var name in new[] { "a", "B", "b/z", "b/x/1", "b.txt", "é", "b/X" })
            File.WriteAllText(folder.File(name), name);
        using var source = HostTreeSource.Content(folder.Path);
        Assert.Equal("/B /a /b /b/X /b/x /b/x/1 /b/z /b.txt /é", string.Join(' ', source.Walk().Select(e => e.Path)));
        Assert.Equal("/B /a /b /b/X /b/x /b/x/1 /b/z /b.txt /é", string.Join(' ', source.Walk().Select(e => e.Path)));
    }

    [Fact]
    public void Unix_metadata_is_read_to_the_nanosecond()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("file"), "hello");
        Tool.Expect("chmod", "4751", folder.File("file"));
        Tool.Expect("touch", "-d", "2001-02-03T04:05:06.123456789Z", folder.File("file"));
        Tool.Expect("ln", folder.File("file"), folder.File("second"));
        Tool.Expect("ln", "-s", "../away/there", folder.File("link"));
        Tool.Expect("mkfifo", folder.File("pipe"));
        using var source = HostTreeSource.Content(folder.Path);
        var entries = source.Walk().ToDictionary(e => e.Name, StringComparer.Ordinal);
        var file = entries["file"].Metadata;
        Assert.Equal((EntryKind.File, 5L, 0x9E9, 2), (file.Kind, file.Length, file.Mode!.Value, file.LinkCount!.Value));
        Assert.Equal("2001-02-03T04:05:06.123456789Z", file.Modified.ToString());
        Assert.Equal(uint.Parse(Tool.Expect("id", "-u").Trim()), file.UserId);
        Assert.Equal(entries["file"].LinkIdentity, entries["second"].LinkIdentity);
        Assert.NotNull(entries["file"].LinkIdentity);
        Assert.Equal((EntryKind.SymbolicLink, "../away/there"), (entries["link"].Kind, entries["link"].Metadata.LinkTarget));
        Assert.Equal(EntryKind.Fifo, entries["pipe"].Kind);
    }

    [Fact]
    public void Extended_attributes_are_read()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("file"), "x");
        var set = Tool.Run("python3", "-c", "import os,sys; os.setxattr(sys.argv[1], 'user.note', b'\\x00\\x01hi')", folder.File("file"));
        using var source = HostTreeSource.Content(folder.Path);
        var attributes = source.GetExtendedAttributes(source.Walk().Single());
        // The temporary folder's filesystem may have none; then there is nothing to compare.
        if (set.ExitCode == 0)
            Assert.Equal("\0\u0001hi"u8, attributes["user.note"]);
        else
            Assert.Empty(attributes);
    }

    [Fact]
    public void Holes_are_seen()
    {
        using var folder = new TempFolder();
        using (var file = File.Create(folder.File("sparse")))
        {
            file.Position = 8 << 20;
            file.Write(new byte[4096].Select(_ => (byte)7).ToArray());
            file.SetLength(20 << 20);
        }
        using var source = HostTreeSource.Content(folder.Path);
        var entry = source.Walk().Single();
        using var content = source.OpenContent(entry, StreamName.Data);
        Assert.Equal(20 << 20, content.Length);
        var ranges = content.DataRanges().ToList();
        Assert.All(ranges, r => Assert.InRange(r.Offset, (8 << 20) - (1 << 16), (8 << 20) + 4096));
        Assert.True(ranges.Sum(r => r.Length) < 1 << 18);
    }

    [Fact]
    public void Links_are_not_followed_and_one_entry_can_be_the_tree()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("real"));
        File.WriteAllText(folder.File("real/secret"), "s");
        Directory.CreateSymbolicLink(folder.File("way"), "real");
        using var link = HostTreeSource.Entry(folder.File("way"));
        Assert.Equal(("way", EntryKind.SymbolicLink), (link.Walk().Single().Name, link.Walk().Single().Kind));
        using var named = HostTreeSource.Entry(folder.File("real") + "/", "other");
        Assert.Equal("/other /other/secret", string.Join(' ', named.Walk().Select(e => e.Path)));
        Assert.Throws<FileNotFoundException>(() => HostTreeSource.Entry(folder.File("nothing")));
        Assert.Throws<DirectoryNotFoundException>(() => HostTreeSource.Content(folder.File("real/secret")));
    }

    [Fact]
    public void Patterns_leave_entries_out()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("src/obj"));
        foreach (var name in new[] { "src/a.o", "src/a.c", "src/obj/x", "notes" })
            File.WriteAllText(folder.File(name), "");
        using var source = HostTreeSource.Content(folder.Path, new HostSourceOptions { Exclude = ["*.o", "/src/obj"] });
        Assert.Equal("/notes /src /src/a.c", string.Join(' ', source.Walk().Select(e => e.Path)));
    }

    [Fact]
    public void What_cannot_be_read_is_an_entry_with_its_problem()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("file"), "x");
        using var source = HostTreeSource.Content(folder.Path);
        using var walk = source.Walk().GetEnumerator();
        Assert.True(walk.MoveNext());
        File.Delete(folder.File("file"));
        Assert.Throws<FileNotFoundException>(() => source.OpenContent(walk.Current, StreamName.Data));
    }

    [Fact]
    public void The_portable_source_sees_the_same_names_contents_and_times()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("d/e"));
        File.WriteAllText(folder.File("d/e/f"), "content");
        File.CreateSymbolicLink(folder.File("d/l"), "e/f");
        using var native = HostTreeSource.Content(folder.Path);
        using var portable = new PortableTreeSource(folder.Path, null, HostSourceOptions.Default);
        static string Describe(TreeEntry e) => $"{e.Path} {e.Kind} {(e.Kind == EntryKind.File ? e.Length : 0)} {e.Metadata.Mode} {e.Metadata.LinkTarget} {e.Metadata.Modified!.Value.UnixSeconds}";
        Assert.Equal(string.Join("\n", native.Walk().Select(Describe)), string.Join("\n", portable.Walk().Select(Describe)));
        Assert.Equal(7, portable.ReadWhole(portable.Walk().Single(e => e.Name == "f"), new byte[7]));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("é€\U0001F600", "é€\U0001F600")]
    public void Text_is_utf8(string text, string same)
    {
        Assert.Equal(Encoding.UTF8.GetBytes(text), EscapedUtf8.Encode(text));
        Assert.Equal(same, EscapedUtf8.Decode(EscapedUtf8.Encode(text)));
    }

    [Fact]
    public void Any_bytes_survive_the_way_through_text()
    {
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[random.Next(12)];
            random.NextBytes(bytes);
            if (i % 2 == 0)
                bytes = [.. "a\u00E9"u8, .. bytes, .. "\U0001F600"u8];
            Assert.Equal(bytes, EscapedUtf8.Encode(EscapedUtf8.Decode(bytes)));
        }
    }

    [Fact]
    public void A_lone_surrogate_that_is_no_escape_takes_three_bytes() => Assert.Equal([0xED, 0xA0, 0x80], EscapedUtf8.Encode("\uD800"));

    [Fact]
    public void Names_that_are_not_text_are_read_and_written()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("in"));
        Tool.Expect("sh", "-c", "printf x > \"$(printf '%s/a\\377b' \"$1\")\"", "sh", folder.File("in"));
        using var source = HostTreeSource.Content(folder.File("in"));
        var entry = source.Walk().Single();
        Assert.Equal("a\uDCFFb", entry.Name);
        using var sink = new HostTreeSink(folder.File("out"));
        TreeCopier.Copy(source, sink, new CopyOptions());
        using var again = HostTreeSource.Content(folder.File("out"));
        Assert.Equal("a\uDCFFb", again.Walk().First().Name);
    }
}
