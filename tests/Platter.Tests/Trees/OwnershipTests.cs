using Platter.FileSystems;
using Platter.Testing.Trees;
using Platter.Trees;
using Platter.Trees.Tar;
using Xunit;

namespace Platter.Tests.Trees;

/// <summary>Owners, modes and devices that the host's files cannot have.</summary>
public sealed class OwnershipTests
{
    private static TarSource Tree() => TarSource.Open(new MemoryStream(new HandMadeTar().Pax(("uid", "1000"), ("gid", "100"), ("uname", "joe"), ("gname", "users")).Add('5', "home/")
        .Pax(("uid", "1000"), ("gid", "0")).Add('0', "home/file", "1").Add('1', "home/linked", link: "home/file").Pax(("uid", "165535"), ("gid", "100000")).Add('2', "link", link: "home").ToArray()));

    private static string Owners(TreeSource source) => string.Join(' ', source.Walk().Select(e => $"{e.Path}={e.Metadata.UserId}:{e.Metadata.GroupId}"));

    [Theory]
    [InlineData("1000:0", "/home=0:100 /home/file=0:0 /home/linked=0:0 /link=165535:100000")]
    [InlineData("u1000:5,g100:6", "/home=5:6 /home/file=5:0 /home/linked=5:0 /link=165535:100000")]
    [InlineData("100000-165535:0", "/home=1000:100 /home/file=1000:0 /home/linked=1000:0 /link=65535:0")]
    [InlineData("100000:0:65536, 0:7", "/home=1000:100 /home/file=1000:7 /home/linked=1000:7 /link=65535:0")]
    public void A_table_maps_numbers(string table, string expected)
    {
        using var source = new OwnedSource(Tree(), OwnerMap.Parse(table));
        Assert.Equal(expected, Owners(source));
        Assert.Equal("1"u8, [.. Bytes(source, "/home/linked")]);
    }

    private static byte[] Bytes(TreeSource source, string path)
    {
        var entry = source.Walk().Single(e => e.Path == path);
        var bytes = new byte[entry.Length];
        source.ReadWhole(entry, bytes);
        return bytes;
    }

    [Theory]
    [InlineData("")]
    [InlineData("1000")]
    [InlineData("x:1")]
    [InlineData("5-4:0")]
    [InlineData("0:0:0")]
    [InlineData("1-2:3:4")]
    [InlineData("0:1:4294967295,4294967295:1:2")]
    [InlineData("4294967296:0")]
    [InlineData("0-4294967295:1")]
    public void A_table_that_is_none_is_refused(string table) => Assert.Throws<FormatException>(() => OwnerMap.Parse(table));

    [Fact]
    public void One_owner_for_all_loses_the_names()
    {
        using var source = new OwnedSource(Tree(), null, new Ownership(1000, 7));
        Assert.Equal("/home=1000:7 /home/file=1000:7 /home/linked=1000:7 /link=1000:7", Owners(source));
        var home = source.Walk().First().Metadata;
        Assert.Equal(("joe", null), (home.UserName, home.GroupName));
    }

    private static LayeredSource With(string manifest) => new([Tree()], TreeManifest.Parse(manifest.Split('\n'), "list"), new Ownership(9, 9));

    [Fact]
    public void A_device_table_changes_what_is_there_and_makes_what_is_not()
    {
        using var source = With("""
            # name type mode uid gid major minor start inc count
            /home      d  700  1  2  -  - - - -
            /home/linked f 4755 0 0  -  - - - -
            /dev       d  755  0  -  -  - - - -
            /dev/tty   c  666  0  5  4  0 0 1 3
            /dev/hda   b  660  0  6  3  4 1 4 2
            /run/fifo  p  600  -  -
            """);
        Assert.Equal("/dev=0:9 /dev/hda1=0:6 /dev/hda2=0:6 /dev/tty0=0:5 /dev/tty1=0:5 /dev/tty2=0:5 /home=1:2 /home/file=0:0 /home/linked=0:0 /link=9:9 /run=9:9 /run/fifo=9:9", Owners(source));
        var entries = source.Walk().ToDictionary(e => e.Path, e => e.Metadata, StringComparer.Ordinal);
        Assert.Equal((0x1C0, 0x9ED, 0x9ED), (entries["/home"].Mode!.Value, entries["/home/file"].Mode!.Value, entries["/home/linked"].Mode!.Value));
        Assert.Equal((new DeviceNumber(3, 8), EntryKind.BlockDevice), (entries["/dev/hda2"].Device!.Value, entries["/dev/hda2"].Kind));
        Assert.Equal("1"u8, Bytes(source, "/home/file"));
    }

    [Fact]
    public void Mtree_says_the_same_in_other_words()
    {
        using var source = With("""
            #mtree
            /set type=file uid=0 gid=0
            . type=dir mode=0700
            ./home type=dir mode=0750 uid=12 \
                gid=13
            ./home/file mode=0600 time=5.25 sha256=x nlink=2
            ./link type=link link=elsewhere
            ./with\040space type=char device=linux,1,3
            /unset uid
            ./home/linked gid=77
            """);
        Assert.Equal("/home=12:13 /home/file=0:77 /home/linked=0:77 /link=0:0 /with space=0:0", Owners(source));
        var entries = source.Walk().ToDictionary(e => e.Path, e => e.Metadata, StringComparer.Ordinal);
        Assert.Equal((0x180, new Timestamp(5, 25)), (entries["/home/linked"].Mode!.Value, entries["/home/linked"].Modified!.Value));
        Assert.Equal((new DeviceNumber(1, 3), "elsewhere"), (entries["/with space"].Device!.Value, entries["/link"].LinkTarget));
        Assert.Equal((0x1C0, 0u), (source.RootMetadata!.Mode!.Value, source.RootMetadata.UserId!.Value));
    }

    [Theory]
    [InlineData("/x z 1 2 3", "type 'z'")]
    [InlineData("/x f 888 0 0", "mode '888'")]
    [InlineData("/x d 777777 0 0", "mode")]
    [InlineData("/x c 666 0 0", "major")]
    [InlineData("/x c 666 0 0 1 2 0 1 999999", "at most")]
    [InlineData("/x c 666", "expected PATH TYPE")]
    [InlineData("/../x d 755 0 0", "leads out")]
    [InlineData("./x type=what", "type 'what'")]
    [InlineData("./x uid=joe", "'joe'")]
    [InlineData("./x type=char device=259", "FORMAT")]
    [InlineData("./x time=soon", "'soon'")]
    [InlineData("..", "'..'")]
    public void A_line_that_is_malformed_is_named(string line, string message)
    {
        var problem = Assert.Throws<FormatException>(() => TreeManifest.Parse(["# one", line], "list"));
        Assert.StartsWith("list:2: ", problem.Message, StringComparison.Ordinal);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_have_to_be_there_and_to_be_what_the_list_says()
    {
        Assert.Throws<FileNotFoundException>(() => With("/nowhere f 644 0 0").Walk().Count());
        Assert.Throws<FileNotFoundException>(() => With("./nowhere uid=1").Walk().Count());
        Assert.Throws<AlreadyExistsException>(() => With("/home f 644 0 0").Walk().Count());
        Assert.Throws<AlreadyExistsException>(() => With("/home/file d 755 0 0").Walk().Count());
        Assert.Throws<AlreadyExistsException>(() => With("/home/file/x d 755 0 0").Walk().Count());
        using var replaced = With("/home/file c 666 0 0 1 3");
        Assert.Equal(EntryKind.CharacterDevice, replaced.Walk().Single(e => e.Path == "/home/file").Kind);
        Assert.Equal("1"u8, Bytes(replaced, "/home/linked"));
    }
}
