using Platter.Testing;
using Platter.Testing.Trees;
using Platter.Trees;
using Platter.Trees.Host;
using Platter.Trees.Tar;
using Xunit;

namespace Platter.Interop.Tests.Trees.Tar;

/// <summary>Archives that Platter wrote, as GNU tar and bsdtar list and unpack them, as root and with all metadata.</summary>
public sealed class TarWritingTests
{
    private const string GnuOptions = "--xattrs --xattrs-include=* --acls --numeric-owner";

    private static void Write(TreeSource source, string path)
    {
        using var archive = NewTar.Create(path);
        var report = TreeCopier.Copy(source, archive.Sink, new CopyOptions { CopyRootMetadata = true });
        Assert.Empty(report.Problems);
        archive.Complete();
    }

    private static void WriteFolder(string folder, string path)
    {
        using var source = HostTreeSource.Content(folder);
        Write(source, path);
    }

    private static string Folder(string path, TreeFacts facts)
    {
        using var source = HostTreeSource.Content(path);
        return string.Join('\n', TreeText.Of(source, facts));
    }

    private static string Archive(string path, TreeFacts facts)
    {
        using var source = TarSource.Open(path);
        Assert.Empty(source.Findings);
        return string.Join('\n', TreeText.Of(source, facts));
    }

    [Theory]
    [InlineData("x.tar")]
    [InlineData("x.tar.gz")]
    [InlineData("x.tar.zst")]
    [InlineData("x.tar.xz")]
    [InlineData("x.tar.lz4")]
    [InlineData("x.tar.bz2")]
    public void Gnu_tar_unpacks_what_went_in(string name)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        WriteFolder(folder.File("tree"), folder.File(name));
        Assert.Equal(Folder(folder.File("tree"), TreeFacts.Posix | TreeFacts.Holes), Archive(folder.File(name), TreeFacts.Posix | TreeFacts.Holes));
        var unpack = name.EndsWith("lz4", StringComparison.Ordinal) ? "-I lz4" : "";
        Tool.Expect("bash", "-c", $"cd {folder.Path} && mkdir out && tar {unpack} {GnuOptions} -xpf {name} -C out");
        Assert.Equal(Folder(folder.File("tree"), TreeFacts.Posix), Folder(folder.File("out"), TreeFacts.Posix));
        Assert.Equal(Tool.Expect("stat", "-c", "%b", folder.File("tree/sparse")), Tool.Expect("stat", "-c", "%b", folder.File("out/sparse")));
    }

    [Theory]
    [InlineData("x.tar")]
    [InlineData("x.tar.gz")]
    [InlineData("x.tar.zst")]
    [InlineData("x.tar.xz")]
    [InlineData("x.tar.lz4")]
    public void Bsdtar_unpacks_what_went_in(string name)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        // Its reader does not know that GNU escapes such names, and takes the fraction of a time before 1970 for one that counts forwards.
        Tool.Expect("bash", "-c", $"cd {folder.File("tree")} && setfattr -x 'user.a=b%c' f513 && touch -d 1960-01-01T00:00:00Z f511");
        WriteFolder(folder.File("tree"), folder.File(name));
        Tool.Expect("bash", "-c", $"cd {folder.Path} && mkdir out && bsdtar --numeric-owner -xpf {name} -C out");
        Assert.Equal(Folder(folder.File("tree"), TreeFacts.Posix), Folder(folder.File("out"), TreeFacts.Posix));
    }

    [Theory]
    [InlineData("tar --format=gnu --sparse")]
    [InlineData("tar --format=posix --sparse --xattrs --xattrs-include=* --acls")]
    [InlineData("bsdtar --format=pax")]
    public void An_archive_becomes_an_archive_with_the_same_content(string writer)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        Tool.Expect("bash", "-c", $"{writer} -C {folder.File("tree")} -cf {folder.File("in.tar")} .");
        using (var source = TarSource.Open(folder.File("in.tar")))
            Write(source, folder.File("out.tar.zst"));
        Assert.Equal(Archive(folder.File("in.tar"), TreeFacts.Posix | TreeFacts.Holes), Archive(folder.File("out.tar.zst"), TreeFacts.Posix | TreeFacts.Holes));
        using (var source = TarSource.Open(folder.File("out.tar.zst")))
            Write(source, folder.File("again.tar.zst"));
        Assert.Equal(File.ReadAllBytes(folder.File("out.tar.zst")), File.ReadAllBytes(folder.File("again.tar.zst")));
    }

    [Fact]
    public void Simple_trees_are_plain_ustar_to_the_last_byte()
    {
        using var folder = new TempFolder();
        Tool.Expect("bash", "-c", $"mkdir -p {folder.File("tree/a")} && cd {folder.File("tree")} && echo hello > a/b && ln -s b a/c && mkfifo d && mknod e b 7 8 && touch -d @1700000000 a/b d e a . && touch -h -d @1700000000 a/c");
        WriteFolder(folder.File("tree"), folder.File("ours.tar"));
        Tool.Expect("bash", "-c", $"cd {folder.File("tree")} && tar --format=ustar --numeric-owner --owner=0 --group=0 --no-recursion -cf ../theirs.tar ./ a a/b a/c d e");
        Assert.Equal(File.ReadAllBytes(folder.File("theirs.tar")), File.ReadAllBytes(folder.File("ours.tar")));
    }
}
