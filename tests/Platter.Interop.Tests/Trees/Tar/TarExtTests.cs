using Platter.FileSystems;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Testing.Trees;
using Platter.Testing.Volumes;
using Platter.Trees;
using Platter.Trees.Building;
using Platter.Trees.Host;
using Platter.Trees.Tar;
using Xunit;

namespace Platter.Interop.Tests.Trees.Tar;

/// <summary>Archives that become ext volumes and archives again, with one of every kind of entry: nothing is lost on either way, say GNU tar, bsdtar,
/// debugfs, e2fsck and the kernel.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class TarExtTests
{
    private const string GnuOptions = "--xattrs --xattrs-include=* --acls --numeric-owner";

    private static readonly PathPatterns LostAndFound = PathPatterns.Parse(["/lost+found"]);

    private static BuildReport Create(string type, string tar, string image, string options = "")
    {
        using var source = TreeSources.Open(tar);
        return FileSystemBuilder.Create(image, new NewFileSystem
        {
            Type = type,
            Options = options.Split(',', StringSplitOptions.RemoveEmptyEntries).ToDictionary(o => o.Split('=')[0], o => o.Contains('=', StringComparison.Ordinal) ? o.Split('=')[1] : "true", StringComparer.Ordinal),
        }, source, new BuildOptions());
    }

    private static void Repack(string source, string tar)
    {
        using var tree = TreeSources.Open(source, new TreeSourceOptions { Exclude = ["/lost+found"] });
        using var archive = NewTar.Create(tar);
        Assert.Empty(TreeCopier.Copy(tree, archive.Sink, new CopyOptions { CopyRootMetadata = true }).Problems);
        archive.Complete();
    }

    private static string Text(string path, TreeFacts facts)
    {
        using var source = TreeSources.Open(path);
        using var filtered = new FilteredSource(source, LostAndFound);
        return string.Join('\n', TreeText.Of(filtered, facts));
    }

    private static string Folder(string path, TreeFacts facts)
    {
        using var source = HostTreeSource.Content(path);
        return string.Join('\n', TreeText.Of(source, facts));
    }

    [Theory]
    [InlineData("ext4", "", "tar --format=posix --sparse --xattrs --xattrs-include=* --acls", "x.tar.zst")]
    [InlineData("ext3", "", "bsdtar --format=pax", "x.tar")]
    [InlineData("ext2", "", "tar --format=gnu --sparse", "x.tar.gz")]
    [InlineData("ext4", "block_size=1K,^has_journal,inline_data", "tar --format=posix --sparse --sparse-version=0.1 --xattrs --xattrs-include=* --acls", "x.tar.xz")]
    [InlineData("ext4", "bigalloc,cluster_size=64K,^metadata_csum", "tar --format=posix --sparse --xattrs --xattrs-include=* --acls", "x.tar.lz4")]
    public void A_tar_becomes_a_volume_and_a_tar_again(string type, string options, string writer, string again)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        // What bsdtar writes of these says something else than the tree: see TarReadingTests.
        if (writer.StartsWith("bsdtar", StringComparison.Ordinal))
            Tool.Expect("bash", "-c", $"cd {folder.File("tree")} && setfattr -x 'user.a=b%c' f513 && touch -d 1960-01-01T00:00:00Z f511");
        Tool.Expect("bash", "-c", $"{writer} -C {folder.File("tree")} -cf {folder.File("in.tar")} .");
        var report = Create(type, folder.File("in.tar"), folder.File("x.img"), options);
        Assert.Empty(report.Volumes[0].Copied.Losses);
        Assert.Null(Mke2fs.Complaint(folder.File("x.img")));
        Assert.Equal(Text(folder.File("in.tar"), TreeFacts.Posix), Text(folder.File("x.img"), TreeFacts.Posix));

        Repack(folder.File("x.img"), folder.File(again));
        Assert.Equal(Text(folder.File("in.tar"), TreeFacts.Posix), Text(folder.File(again), TreeFacts.Posix));
        var unpack = again.EndsWith("lz4", StringComparison.Ordinal) ? "-I lz4" : "";
        Tool.Expect("bash", "-c", $"cd {folder.Path} && mkdir out && tar {unpack} {GnuOptions} -xpf {again} -C out");
        var facts = writer.Contains("format=gnu", StringComparison.Ordinal) ? TreeFacts.Owner | TreeFacts.Mode | TreeFacts.Seconds | TreeFacts.HardLinks : TreeFacts.Posix;
        Assert.Equal(Folder(folder.File("tree"), facts), Folder(folder.File("out"), facts));
        Assert.InRange(long.Parse(Tool.Expect("stat", "-c", "%b", folder.File("out/sparse")), System.Globalization.CultureInfo.InvariantCulture), 1, 512);
    }

    [Fact]
    public void Debugfs_and_the_kernel_find_in_the_volume_what_the_archive_has()
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        Tool.Expect("bash", "-c", $"tar --format=posix --sparse --xattrs --xattrs-include=* --acls -C {folder.File("tree")} -cf {folder.File("in.tar")} .");
        var image = folder.File("x.img");
        Create("ext4", folder.File("in.tar"), image);
        string Ask(string request) => Tool.Expect("debugfs", "-R", request, image);

        Assert.Matches(@"Type: character special +Mode: +0644", Ask("stat /far"));
        Assert.Contains("New-style Device number (major/minor): 3000:70000", Ask("stat /far").Replace("Device major/minor number: 3000:70000", "New-style Device number (major/minor): 3000:70000", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Matches(@"User: 3000000 +Group: 4000000", Ask("stat /f512"));
        Assert.Matches(@"Links: 3 ", Ask("stat /hard1"));
        Assert.Matches(@"Mode: +04755", Ask("stat /dir/hard2"));
        Assert.Matches("mtime: 0x[0-9a-f]{8}:1d6f3454", Ask("stat /usr/bin/hello"));        // 123456789 ns, times 4, and 2^32 s not once
        Assert.Contains("Fast link dest: \"usr/bin/hello\"", Ask("stat /soft"), StringComparison.Ordinal);
        Assert.Matches(@"Blockcount: (8|16|24)\b", Ask("stat /sparse"));
        Assert.Contains("user.bytes (5) = 00 ff 0a 3d 00", Ask("ea_get -x /f512 user.bytes"), StringComparison.Ordinal);
        Assert.Contains("security.capability (20)", Ask("ea_list /f513"), StringComparison.Ordinal);
        Assert.Contains("system.posix_acl_access", Ask("ea_list /f513"), StringComparison.Ordinal);
        Assert.Contains("system.posix_acl_default", Ask("ea_list /dir/sub"), StringComparison.Ordinal);

        // All content, by debugfs; all else, by the kernel.
        Tool.Expect("mkdir", folder.File("dumped"));
        Ask($"rdump / {folder.File("dumped")}");
        Tool.Expect("rm", "-r", folder.File("dumped/lost+found"));
        Tool.Expect("bash", "-c", $"cd {folder.File("tree")} && find . -type f -print0 | while IFS= read -r -d '' f; do cmp \"$f\" \"{folder.File("dumped")}/$f\" || exit 1; done");
        var kernel = KernelMount.Run(new KernelMount.Image(image, "ext4"), new KernelMount.Options { ExtendedAttributes = true });
        kernel.AssertClean();
        using var disk = DiskImage.Open(image);
        using var volume = disk.OpenVolume();
        var tree = TreeSnapshot.Read(volume);
        Assert.Equal(tree.Entries.Count, kernel.Tree.Entries.Count);
        Assert.Empty(tree.DifferencesTo(kernel.Tree).Where(d => !d.Contains("/bad", StringComparison.Ordinal)));     // its text says names that are no UTF-8 in another way
    }

    [Theory]
    [InlineData("-t ext4 -b 4096")]
    [InlineData("-t ext4 -b 1024 -O ^extent,^64bit,^metadata_csum")]
    [InlineData("-t ext4 -b 4096 -O inline_data,ea_inode -I 512")]
    public void A_volume_becomes_a_tar_and_a_volume_again(string arguments)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        // A file that is one hole, and inline: mke2fs gives it all of its length and no content.
        if (arguments.Contains("inline_data", StringComparison.Ordinal))
            File.Delete(folder.File("tree/hole"));
        Mke2fs.Make(folder.File("a.img"), 64 << 20, arguments, folder.File("tree"));
        Mke2fs.Debugfs(folder.File("a.img"), "ea_set /usr trusted.other value\nsif /zero uid 4294967294\n");
        Repack(folder.File("a.img"), folder.File("x.tar.zst"));
        Create("ext4", folder.File("x.tar.zst"), folder.File("b.img"));
        Assert.Null(Mke2fs.Complaint(folder.File("b.img")));
        Assert.Equal(Text(folder.File("a.img"), TreeFacts.Posix), Text(folder.File("b.img"), TreeFacts.Posix));
        Repack(folder.File("b.img"), folder.File("y.tar.zst"));
        Assert.Equal(File.ReadAllBytes(folder.File("x.tar.zst")), File.ReadAllBytes(folder.File("y.tar.zst")));
    }

    [Fact]
    public void Hostile_archives_leave_a_sound_volume_with_what_is_harmless()
    {
        using var folder = new TempFolder();
        var deep = string.Concat(Enumerable.Repeat("d/", 300));
        var tar = new HandMadeTar()
            .Add('5', "dir").Add('0', "dir/good", "good").Add('0', "../evil", "x").Add('0', "dir/../../evil", "x").Add('0', "/abs", "below the top")
            .Add('2', "out", link: "/etc").Add('0', "out/passwd", "x").Add('1', "hard", link: "out/passwd").Add('1', "self", link: "self").Add('1', "good2", link: "dir/good")
            .Add('0', "dir/good", "newer").Add('5', "abs").Add('0', "file", "x").Add('0', "file/below", "x")
            .Add('0', "damaged", "x", change: b => HandMadeTar.Put(b, 100, "zzzzzzz"))
            .Add('3', "device", change: b => HandMadeTar.Put(b, 329, "7777777"))
            .Pax(("path", new string('n', 256))).Add('0', "name of 256", "x")
            .Pax(("path", new string('n', 255))).Add('0', "name of 255", "x")
            .Pax(("path", deep + "end")).Add('0', "deep", "x")
            .Pax(("SCHILY.xattr.user." + new string('a', 300), "x")).Add('0', "attribute", "x")
            .Pax(("SCHILY.xattr.user.big", new string('v', 70_000))).Add('0', "value", "x")
            .Pax(("mtime", "99999999999999"), ("uid", "4294967295")).Add('0', "times", "x")
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "17592186044415")).Add('0', "sparse", "1\n0\n1\n" + new string('\0', 506) + "x")
            .Add('0', "last", "last").Add('0', "huge", "", change: b => HandMadeTar.Put(b, 124, "77777777777"));
        File.WriteAllBytes(folder.File("x.tar"), tar.ToArray());
        foreach (var type in new[] { "ext4", "ext2" })
        {
            var image = folder.File(type + ".img");
            using var source = TreeSources.Open(folder.File("x.tar"));
            var report = FileSystemBuilder.Create(image, new NewFileSystem { Type = type, Length = 32 << 20 }, source, new BuildOptions { KeepGoing = true });
            Assert.InRange(report.Volumes[0].Copied.Problems.Count, 6, 20);
            Assert.Null(Mke2fs.Complaint(image));
            using var disk = DiskImage.Open(image);
            Assert.Empty(disk.Check().Findings.Where(f => f.Severity > Severity.Note));
            using var volume = disk.OpenVolume();
            var paths = TreeSnapshot.Read(volume).Entries;
            Assert.Equal("good", ReadText(volume, "/good2"));       // a link keeps what its target was
            Assert.Equal("newer", ReadText(volume, "/dir/good"));
            Assert.Equal("last", ReadText(volume, "/last"));
            Assert.Contains("/" + new string('n', 255), paths.Keys);
            Assert.Contains("/" + deep + "end", paths.Keys);
            Assert.DoesNotContain(paths.Keys, p => p.Contains("evil", StringComparison.Ordinal) || p.Contains("passwd", StringComparison.Ordinal) || p.Contains("below", StringComparison.Ordinal));
        }
        Assert.Equal("ext2.img ext4.img x.tar", string.Join(' ', Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal)));
    }

    private static string ReadText(Volume volume, string path)
    {
        using var stream = volume.OpenRead(volume.Find(path).Id, StreamName.Data);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
