using System.Diagnostics;
using System.Text;
using Platter.FileSystems;
using Platter.Testing;
using Platter.Testing.Trees;
using Platter.Trees;
using Platter.Trees.Host;
using Platter.Trees.Tar;
using Xunit;

namespace Platter.Tests.Trees.Tar;

/// <summary>Archives that are broken, or were made to hurt: what is wrong is said with its place, and the rest is there.</summary>
public sealed class HostileTarTests
{
    private static string Paths(HandMadeTar tar) => TarSourceTests.Paths(tar);

    private static Finding Only(byte[] bytes)
    {
        using var source = TarSourceTests.Open(bytes);
        return Assert.Single(source.Findings);
    }

    [Fact]
    public void A_broken_header_is_passed_over()
    {
        var tar = new HandMadeTar().Add('0', "a", "1").Add('0', "broken", new string('x', 2000)).Add('0', "c", "3");
        var bytes = tar.ToArray();
        bytes[1024 + 5] ^= 1;
        Assert.Equal("!TAR-0001 /a /c", TarSourceTests.Paths(bytes));
        Assert.Equal(("TAR-0001", 1024L), (Only(bytes).Code, Only(bytes).Offset!.Value));
    }

    [Theory]
    [InlineData(108, "zzzzzzz")]
    [InlineData(124, "0000000000x")]
    [InlineData(136, "8")]
    public void A_number_that_is_none_is_told(int offset, string text)
    {
        Assert.Equal("!TAR-0002 /b", Paths(new HandMadeTar().Add('0', "a", change: b => HandMadeTar.Put(b, offset, text)).Add('0', "b")));
    }

    [Fact]
    public void A_number_beyond_64_bits_is_told()
    {
        Assert.Equal("!TAR-0002 /b", Paths(new HandMadeTar().Add('0', "a", change: b => b.AsSpan(124, 12).Fill(0xBF)).Add('0', "b")));
        Assert.Equal("!TAR-0002 /b", Paths(new HandMadeTar().Add('0', "a", change: b => b.AsSpan(124, 12).Fill(0xFF)).Add('0', "b")));
        Assert.Equal("!TAR-0002 /b", Paths(new HandMadeTar().Pax(("uid", "99999999999")).Add('0', "a").Add('0', "b")));
    }

    [Theory]
    [InlineData(511, "!TAR-0001")]
    [InlineData(1023, "/a")]
    [InlineData(1024 + 100, "/a")]
    [InlineData(2560 + 512, "!TAR-0003 /a")]
    [InlineData(4096, "!TAR-0003 /a")]
    public void What_was_cut_off_is_told_and_what_is_there_is_there(int length, string expected)
    {
        var bytes = new HandMadeTar().Add('0', "a", "1").Pax(("comment", "between")).Add('0', "big", new string('x', 3000)).ToArray();
        if (length < 512)
            Assert.Equal("TAR-0001", Assert.Throws<DiskFormatException>(() => TarSourceTests.Open(bytes[..length])).Code);
        else
            Assert.Equal(expected, TarSourceTests.Paths(bytes[..length]));
    }

    [Fact]
    public void A_compressed_archive_that_was_cut_gives_what_is_before()
    {
        using var folder = new TempFolder();
        var noise = new byte[300_000];
        new Random(1).NextBytes(noise);
        File.WriteAllBytes(folder.File("x.tar"), new HandMadeTar().Add('0', "a", "1").Add('0', "noise"u8.ToArray(), noise).Add('0', "b", "2").ToArray());
        Tool.Expect("gzip", folder.File("x.tar"));
        var packed = File.ReadAllBytes(folder.File("x.tar.gz"));
        using var source = TarSourceTests.Open(packed[..200_000]);
        Assert.Equal(["/noise PROBLEM CMP-0001", "/a File 1 4BF5122F344554C5"], TreeText.Of(source, TreeFacts.None).Select(l => l.Replace("6B86B273FF34FCE1", "4BF5122F344554C5", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("99999999 path=x\n")]
    [InlineData("5 =x\n")]
    [InlineData("10 path=abc")]
    [InlineData("-1 path=x\n")]
    [InlineData("13 mtime=1e9\n")]
    [InlineData("11 size=-1\n")]
    [InlineData("22 SCHILY.acl.access=x\n25 LIBARCHIVE.xattr.a=*\n")]
    public void Malformed_records_are_told(string records)
    {
        using var source = TarSourceTests.Open(new HandMadeTar().Add('x', "x", records).Add('0', "a").Add('0', "b").ToArray());
        var problem = source.Walk().Any(e => (e.Problem as DiskFormatException)?.Code == "TAR-0004");
        if (!problem)
            Assert.Equal("TAR-0004", Assert.Throws<DiskFormatException>(() => source.GetExtendedAttributes(TarSourceTests.Entry(source, "/a"))).Code);
        Assert.Contains(source.Walk(), e => e.Path == "/b");
    }

    [Theory]
    [InlineData("10,3,5,5", "25")]
    [InlineData("10,3,20,6", "25")]
    [InlineData("10,30", "25")]
    [InlineData("10,3,20", "25")]
    [InlineData("x", "25")]
    [InlineData("0,9", "25")]
    [InlineData("9223372036854775807,9223372036854775807", "9223372036854775807")]
    public void Maps_that_cannot_be_are_told(string map, string size) =>
        Assert.Equal("!TAR-0005 /b", Paths(new HandMadeTar().Pax(("GNU.sparse.size", size), ("GNU.sparse.map", map)).Add('0', "a", "abcdefgh").Add('0', "b")));

    [Theory]
    [InlineData("1000000000\n0\n1\n")]
    [InlineData("2\n1\n")]
    [InlineData("\n")]
    [InlineData("99999999999999999999\n")]
    public void Maps_in_the_data_that_cannot_be_are_told(string map) =>
        Assert.Equal("!TAR-0005 /b", Paths(new HandMadeTar().Pax(("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "25")).Add('0', "a", map).Add('0', "b")));

    [Theory]
    [InlineData("../evil")]
    [InlineData("a/../../evil")]
    [InlineData("a/..")]
    [InlineData("/../evil")]
    [InlineData("link/evil")]
    [InlineData("file/evil")]
    [InlineData("evil/")]
    public void Names_that_lead_elsewhere_are_refused(string name)
    {
        var tar = new HandMadeTar().Add('2', "link", link: "/etc").Add('0', "file", "x").Add('7', name, "y");
        Assert.Equal("!TAR-0006 /file /link", Paths(tar));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_hole_that_is_longer_than_any_file_of_the_host_is_an_error_of_that_file(bool portable)
    {
        var tar = new HandMadeTar().Add('0', "a", "1")
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "9223372036854775807")).Add('0', "hole", "0\n" + new string('\0', 510)).Add('0', "z", "2");
        using var source = TarSourceTests.Open(tar.ToArray());
        Assert.Equal(long.MaxValue, TarSourceTests.Entry(source, "/hole").Length);
        using var folder = new TempFolder();
        using var sink = new HostTreeSink(folder.Path, HostSinkOptions.Default, portable: portable || OperatingSystem.IsWindows());
        Assert.Contains("hole", Assert.Throws<IOException>(() => TreeCopier.Copy(source, sink, new CopyOptions())).Message, StringComparison.Ordinal);
        Assert.Equal("a", string.Join(' ', Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName)));
    }

    [Fact]
    public void Absolute_names_are_names_below_the_top() => Assert.Equal("/etc /etc/passwd", Paths(new HandMadeTar().Add('0', "//etc/./passwd", "x")));

    [Fact]
    public void Names_with_a_nul_or_of_any_length_are_refused()
    {
        Assert.Equal("!TAR-0006 /b", Paths(new HandMadeTar().Pax(("path", "a\0b")).Add('0', "a").Add('0', "b")));
        Assert.Equal("!TAR-0006 /b", Paths(new HandMadeTar().Pax(("path", new string('x', 70_000))).Add('0', "a").Add('0', "b")));
        Assert.Equal("!TAR-0006", Paths(new HandMadeTar().Pax(("path", string.Concat(Enumerable.Repeat("x/", 5000)))).Add('5', "a")).Split(' ')[0]);
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("dir")]
    [InlineData("self")]
    [InlineData("b")]
    [InlineData("../../etc/passwd")]
    public void Hard_links_to_nothing_are_told(string target)
    {
        var tar = new HandMadeTar().Add('5', "dir").Add('1', "self", link: target).Add('1', "b", link: "self");
        Assert.StartsWith("!TAR-0007", Paths(tar), StringComparison.Ordinal);
        Assert.EndsWith("/dir", Paths(tar), StringComparison.Ordinal);
    }

    [Fact]
    public void Rings_of_links_end()
    {
        var tar = new HandMadeTar();
        for (var i = 0; i < 1000; i++)
            tar.Add('1', $"l{i}", link: $"l{(i + 1) % 1000}");
        Assert.Equal(string.Join(' ', Enumerable.Repeat("!TAR-0007", 1000)), Paths(tar));
    }

    [Fact]
    public void A_missing_end_and_what_is_behind_the_end_are_noted()
    {
        var tar = new HandMadeTar().Add('0', "a", "x");
        Assert.Equal(("TAR-0008", Severity.Note), (Only(tar.Unended()).Code, Only(tar.Unended()).Severity));
        var more = tar.ToArray().Concat(new HandMadeTar().Add('0', "b").ToArray()).ToArray();
        Assert.Equal(("TAR-0009", 2048L), (Only(more).Code, Only(more).Offset!.Value));
    }

    [Fact]
    public void Headers_beyond_all_measure_are_refused()
    {
        Assert.StartsWith("!TAR-0010", Paths(new HandMadeTar().Add('x', "x", change: b => HandMadeTar.Put(b, 124, "77777777777")).Add('0', "b")), StringComparison.Ordinal);
        var tar = new HandMadeTar();
        for (var i = 0; i < 100; i++)
            tar.Pax(("comment", "again"));
        Assert.StartsWith("!TAR-0010", Paths(tar.Add('0', "b")), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_read_is_named()
    {
        using var source = TarSourceTests.Open(new HandMadeTar().Add('M', "rest", "x").Add('0', "a").ToArray());
        Assert.Equal("TAR-0011", Assert.Single(source.Findings).Code);
        Assert.IsType<UnsupportedFeatureException>(source.Walk().First().Problem);
    }

    [Fact]
    public void Very_many_entries_take_little_time_and_more_than_the_limit_are_refused()
    {
        const int count = 100_000;
        var bytes = new byte[count * 512 + 1024];
        for (var i = 0; i < count; i++)
            HandMadeTar.Header('0', Encoding.ASCII.GetBytes($"d{i % 97}/f{i}"), 0).CopyTo(bytes, i * 512);
        var watch = Stopwatch.StartNew();
        using var source = TarSourceTests.Open(bytes);
        Assert.Equal(count + 97, source.Walk().Count());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"took {watch.Elapsed}");
        Assert.Throws<IOException>(() => TarSource.Open(new MemoryStream(bytes), new TarOptions { MaxEntries = 1000 }));
    }

    [Fact]
    public void Nothing_is_written_outside_of_the_folder()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("out"));
        using var source = TarSourceTests.Open(new HandMadeTar().Add('2', "up", link: "..").Add('0', "up/evil", "1").Add('0', "../evil", "2").Add('1', "up2", link: "up").Add('0', "up2/evil", "3")
            .Add('2', "abs", link: folder.Path).Add('0', "abs/evil", "4").Add('0', "fine", "5").ToArray());
        using (var sink = new HostTreeSink(folder.File("out")))
            Assert.Equal(4, TreeCopier.Copy(source, sink, CopyOptions.Default).ProblemCount);
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
        Assert.Equal(["abs", "fine", "up", "up2"], Directory.EnumerateFileSystemEntries(folder.File("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}
