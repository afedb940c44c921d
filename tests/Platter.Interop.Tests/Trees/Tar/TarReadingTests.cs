using Platter.Testing;
using Platter.Testing.Trees;
using Platter.Trees.Host;
using Platter.Trees.Tar;
using Xunit;

namespace Platter.Interop.Tests.Trees.Tar;

/// <summary>Archives that GNU tar and bsdtar wrote, as Platter reads them.</summary>
public sealed class TarReadingTests
{
    private static List<string> Folder(string path, TreeFacts facts)
    {
        using var source = HostTreeSource.Content(path);
        return TreeText.Of(source, facts);
    }

    private static List<string> Archive(string path, TreeFacts facts)
    {
        using var source = TarSource.Open(path);
        return TreeText.Of(source, facts);
    }

    private static void Same(List<string> expected, List<string> found) => Assert.Equal(string.Join('\n', expected), string.Join('\n', found));

    [Theory]
    [InlineData("posix", "--xattrs --xattrs-include=* --acls --sparse", TreeFacts.Posix)]
    [InlineData("posix", "--sparse --sparse-version=0.0", TreeFacts.Posix & ~TreeFacts.Attributes)]
    [InlineData("posix", "--sparse --sparse-version=0.1", TreeFacts.Posix & ~TreeFacts.Attributes)]
    [InlineData("posix", "--sparse --sparse-version=1.0 --sort=name --numeric-owner", TreeFacts.Posix & ~TreeFacts.Attributes)]
    [InlineData("gnu", "--sparse", TreeFacts.Owner | TreeFacts.Mode | TreeFacts.Seconds | TreeFacts.HardLinks)]
    [InlineData("oldgnu", "", TreeFacts.Owner | TreeFacts.Mode | TreeFacts.Seconds | TreeFacts.HardLinks)]
    public void What_gnu_tar_wrote_reads_as_the_folder(string format, string options, TreeFacts facts)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        Tool.Expect("bash", "-c", $"tar --format={format} {options} -C {folder.File("tree")} -cf {folder.File("x.tar")} .");
        Same(Folder(folder.File("tree"), facts), Archive(folder.File("x.tar"), facts));
    }

    [Theory]
    [InlineData("ustar")]
    [InlineData("v7")]
    public void Formats_that_hold_less_read_as_what_they_hold(string format)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        // What these formats have no room for is left out by tar, which says so.
        Tool.Run("bash", "-c", $"cd {folder.File("tree")} && rm -rf f511 f512 far dddd* && tar --format={format} -cf {folder.File("x.tar")} .");
        Tool.Expect("mkdir", folder.File("out"));
        Tool.Expect("tar", "-C", folder.File("out"), "-xpf", folder.File("x.tar"));
        const TreeFacts facts = TreeFacts.Owner | TreeFacts.Mode | TreeFacts.Seconds | TreeFacts.HardLinks;
        Same(Folder(folder.File("out"), facts), Archive(folder.File("x.tar"), facts));
    }

    [Theory]
    [InlineData("pax", TreeFacts.Posix)]
    [InlineData("gnutar", TreeFacts.Owner | TreeFacts.Mode | TreeFacts.Seconds | TreeFacts.HardLinks)]
    public void What_bsdtar_wrote_reads_as_the_folder(string format, TreeFacts facts)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        // It writes this attribute's name as no reader could tell it from another; of times before 1970 it writes the fraction as if it
        // counted forwards, and into GNU's format a 0; and of a file with an ACL the mode that it would have without.
        var less = format == "gnutar" ? "touch -d @1 f511 && setfacl -b f513" : "touch -d 1960-01-01T00:00:00Z f511";
        Tool.Expect("bash", "-c", $"cd {folder.File("tree")} && setfattr -x 'user.a=b%c' f513 && {less}");
        Tool.Expect("bsdtar", $"--format={format}", "-C", folder.File("tree"), "-cf", folder.File("x.tar"), ".");
        Same(Folder(folder.File("tree"), facts), Archive(folder.File("x.tar"), facts));
    }

    [Theory]
    [InlineData("gzip -c", "x.tar.gz")]
    [InlineData("zstd -qc", "x.tar.zst")]
    [InlineData("xz -c", "x.tar.xz")]
    [InlineData("xz -T2 --block-size=300K -c", "x.txz")]
    [InlineData("lz4 -qc", "no-extension")]
    [InlineData("bzip2 -c", "wrong.zip")]
    public void Compressed_archives_are_known_by_their_content(string compressor, string name)
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        Tool.Expect("bash", "-c", $"cd {folder.File("tree")} && tar --format=posix --sparse -cf - . | {compressor} > {folder.File(name)}");
        const TreeFacts facts = TreeFacts.Posix & ~TreeFacts.Attributes;
        Same(Folder(folder.File("tree"), facts), Archive(folder.File(name), facts));
        using var stream = File.OpenRead(folder.File(name));
        using var source = TarSource.Open(new ForwardOnly(stream));
        Same(Folder(folder.File("tree"), facts), TreeText.Of(source, facts));
    }

    [Fact]
    public void Holes_are_where_the_folder_has_them()
    {
        using var folder = new TempFolder();
        TarTree.Make(folder.File("tree"));
        Tool.Expect("bash", "-c", $"cd {folder.File("tree")} && tar --format=posix --sparse -cf {folder.File("x.tar")} sparse hole manyparts");
        Tool.Expect("bash", "-c", $"cd {folder.File("tree")} && tar --format=gnu --sparse -cf {folder.File("y.tar")} sparse hole manyparts");
        foreach (var name in new[] { "x.tar", "y.tar" })
        {
            var lines = Archive(folder.File(name), TreeFacts.Holes);
            Assert.EndsWith(" []", lines[0]);
            Assert.True(lines[1].Count(c => c == '+') > 20, lines[1]);
            Assert.Equal(2, lines[2].Count(c => c == '+'));
        }
    }

    private sealed class ForwardOnly(Stream inner) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, Math.Min(count, 10_007));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
