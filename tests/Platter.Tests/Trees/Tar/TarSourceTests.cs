using Platter.FileSystems;
using Platter.Testing.Trees;
using Platter.Trees;
using Platter.Trees.Tar;
using Xunit;

namespace Platter.Tests.Trees.Tar;

/// <summary>Archives as tars of all ages made them: what tree they are.</summary>
public sealed class TarSourceTests
{
    internal static TarSource Open(byte[] bytes) => TarSource.Open(new MemoryStream(bytes));

    internal static string Paths(HandMadeTar tar) => Paths(tar.ToArray());

    internal static string Paths(byte[] bytes)
    {
        using var source = Open(bytes);
        return string.Join(' ', TreeText.Of(source, TreeFacts.None).Select(l => l.Contains("PROBLEM", StringComparison.Ordinal) ? "!" + l.Split(' ')[^1] : l.Split(' ')[0]));
    }

    internal static TreeEntry Entry(TreeSource source, string path) => source.Walk().Single(e => e.Path == path);

    internal static string Content(TreeSource source, string path)
    {
        var entry = Entry(source, path);
        var bytes = new byte[entry.Length];
        Assert.Equal(bytes.Length, source.ReadWhole(entry, bytes));
        return System.Text.Encoding.Latin1.GetString(bytes);
    }

    private static FileMetadata One(HandMadeTar tar)
    {
        using var source = Open(tar.ToArray());
        Assert.Empty(source.Findings);
        return source.Walk().Single().Metadata;
    }

    [Fact]
    public void Directories_come_late_or_never_and_the_walk_is_sorted()
    {
        var tar = new HandMadeTar().Add('0', "./b/c/d", "1").Add('0', "a", "2").Add('5', "b/", change: b => HandMadeTar.Put(b, 100, "0000700")).Add('0', "B", "3");
        Assert.Equal("/B /a /b /b/c /b/c/d", Paths(tar));
        using var source = Open(tar.ToArray());
        Assert.Equal((0x1C0, false), (Entry(source, "/b").Metadata.Mode!.Value, Entry(source, "/b").IsImplied));
        Assert.Equal((0x1ED, true), (Entry(source, "/b/c").Metadata.Mode!.Value, Entry(source, "/b/c").IsImplied));
        Assert.Null(source.RootMetadata);
    }

    [Fact]
    public void Later_members_replace_earlier_ones_and_links_keep_what_they_are_linked_to()
    {
        using var source = Open(new HandMadeTar().Add('0', "a", "first").Add('1', "b", link: "a").Add('0', "a", "second").Add('1', "c", link: "./a").Add('5', "d").Add('0', "d", "now a file")
            .Add('0', "e", "now a directory").Add('5', "e/").Add('0', "e/f", "in it").ToArray());
        Assert.Equal("second", Content(source, "/a"));
        Assert.Equal("first", Content(source, "/b"));
        Assert.Equal("second", Content(source, "/c"));
        Assert.Equal("now a file", Content(source, "/d"));
        Assert.Equal("in it", Content(source, "/e/f"));
        Assert.Equal(Entry(source, "/a").LinkIdentity, Entry(source, "/c").LinkIdentity);
        Assert.NotEqual(Entry(source, "/a").LinkIdentity, Entry(source, "/b").LinkIdentity);
        Assert.Empty(source.Findings);
    }

    [Fact]
    public void Links_in_front_of_their_file_are_found_in_the_end()
    {
        using var source = Open(new HandMadeTar().Add('1', "a", link: "b").Add('1', "b", link: "c").Add('0', "c", "content").ToArray());
        Assert.Equal("content", Content(source, "/a"));
        Assert.Equal("content", Content(source, "/b"));
        Assert.Empty(source.Findings);
    }

    [Fact]
    public void A_link_may_bring_its_content_or_only_claim_a_size()
    {
        // pax brings it; and where what it links to is missing, it serves.
        using var source = Open(new HandMadeTar().Add('0', "a", "content").Pax(("comment", "linkdata")).Add('1', "b", "content", "a").Pax(("comment", "x")).Add('1', "lone", "alone", "nowhere")
            .Add('1', "c", link: "a", change: b => HandMadeTar.Put(b, 124, "00000000007")).Add('0', "d", "behind").ToArray());
        Assert.Equal(["content", "content", "content", "behind", "alone"], new[] { "/a", "/b", "/c", "/d", "/lone" }.Select(p => Content(source, p)));
        Assert.Empty(source.Findings);
    }

    [Theory]
    [InlineData("00000000017", 15)]
    [InlineData("       17 \0 ", 15)]
    [InlineData("17\0\0\0\0\0\0\0\0\0\0", 15)]
    [InlineData("777777777777", 68_719_476_735)]
    [InlineData("            ", 0)]
    public void Numbers_are_octal_in_every_way_that_was_ever_written(string field, long seconds) =>
        Assert.Equal(new Timestamp(seconds), One(new HandMadeTar().Add('0', "a", change: b => HandMadeTar.Put(b, 136, field + "\0\0\0\0\0\0\0\0\0\0\0\0"[field.Length..]))).Modified);

    [Fact]
    public void Numbers_of_base_256_may_be_large_and_negative()
    {
        var big = One(new HandMadeTar().Add('0', "a", change: b => new byte[] { 0x80, 0, 0, 0, 0x89, 0xAB, 0xCD, 0xEF }.CopyTo(b, 108)));
        Assert.Equal(0x89ABCDEFu, big.UserId);
        var old = One(new HandMadeTar().Add('0', "a", change: b => new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE }.CopyTo(b, 136)));
        Assert.Equal(new Timestamp(-2), old.Modified);
        var nobody = One(new HandMadeTar().Add('0', "a", change: b => new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE }.CopyTo(b, 116)));
        Assert.Equal(4_294_967_294u, nobody.GroupId);
    }

    [Theory]
    [InlineData("12.5", 12, 500_000_000)]
    [InlineData("12", 12, 0)]
    [InlineData("0.000000001", 0, 1)]
    [InlineData("1.0000000019", 1, 1)]
    [InlineData("-1.5", -2, 500_000_000)]
    [InlineData("-1", -1, 0)]
    [InlineData("-0.000000001", -1, 999_999_999)]
    [InlineData("-0.0000000001", -1, 999_999_999)]
    [InlineData("99999999999", 99_999_999_999, 0)]
    public void Times_of_pax_have_fractions_and_signs(string text, long seconds, int nanoseconds) =>
        Assert.Equal(new Timestamp(seconds, nanoseconds), One(new HandMadeTar().Pax(("mtime", text)).Add('0', "a")).Modified);

    [Fact]
    public void Global_headers_hold_until_they_are_taken_back()
    {
        using var source = Open(new HandMadeTar().Pax('g', ("mtime", "7.25"), ("uid", "70"), ("uname", "seven"), ("path", "nonsense")).Add('0', "a").Pax(("uid", "8")).Add('0', "b")
            .Pax('g', ("mtime", ""), ("uid", "")).Add('0', "c").ToArray());
        Assert.Equal((new Timestamp(7, 250_000_000), 70u, "seven"), (Entry(source, "/a").Metadata.Modified!.Value, Entry(source, "/a").Metadata.UserId!.Value, Entry(source, "/a").Metadata.UserName));
        Assert.Equal(8u, Entry(source, "/b").Metadata.UserId);
        Assert.Equal((new Timestamp(3), 1u), (Entry(source, "/c").Metadata.Modified!.Value, Entry(source, "/c").Metadata.UserId!.Value));
    }

    [Fact]
    public void Names_are_bytes()
    {
        using var source = Open(new HandMadeTar().Add('0', [0x61, 0xFF, 0xC3], "x"u8.ToArray()).Pax(("path", "d/\u00FF\u0080")).Add('0', "y", "y").ToArray());
        Assert.Equal("/a\uDCFF\uDCC3 /d /d/\uDCFF\uDC80", string.Join(' ', source.Walk().Select(e => e.Path)));
    }

    [Fact]
    public void Long_names_of_gnu_and_prefixes_of_posix_and_star()
    {
        var name = new string('n', 300);
        var tar = new HandMadeTar().Add('L', "././@LongLink", name + "\0").Add('K', "././@LongLink", "to/" + name + "\0").Add('2', "short", link: "short")
            .Add('0', "b", change: b => HandMadeTar.Put(b, 345, "prefix/" + new string('p', 148)))
            .Add('0', "c", change: b =>
            {
                HandMadeTar.Put(b, 345, "star");
                HandMadeTar.Put(b, 476, "00000000001 00000000002 ");
                HandMadeTar.Put(b, 508, "tar\0");
            })
            .Add('0', "d", change: b =>
            {
                HandMadeTar.Put(b, 257, "ustar  \0");
                HandMadeTar.Put(b, 345, "00000000001");     // GNU's time of access is no prefix
            });
        using var source = Open(tar.ToArray());
        Assert.Equal("to/" + name, Entry(source, "/" + name).Metadata.LinkTarget);
        Assert.Equal($"/d /{name} /prefix /prefix/{new string('p', 148)} /prefix/{new string('p', 148)}/b /star /star/c", string.Join(' ', source.Walk().Select(e => e.Path)));
    }

    [Fact]
    public void Members_that_are_no_entries_are_passed_over()
    {
        Assert.Equal("/a /b /dump", Paths(new HandMadeTar().Add('V', "label").Add('A', "acl", "user::rwx").Add('X', "solaris", "19 comment=the old\n").Add('0', "a").Add('D', "dump/", "Yfile\0\0").Add('N', "names", "x")
            .Add('7', "b", "contiguous")));
    }

    [Fact]
    public void Files_of_the_seventh_edition_are_files_and_directories()
    {
        using var source = Open(new HandMadeTar().Add('\0', "dir/", change: b => b.AsSpan(257).Clear()).Add('\0', "dir/file", "x", change: b => b.AsSpan(257).Clear()).ToArray());
        Assert.Equal("/dir /dir/file", string.Join(' ', source.Walk().Select(e => e.Path)));
        Assert.Equal(EntryKind.Directory, Entry(source, "/dir").Kind);
    }

    [Fact]
    public void Checksums_of_signed_bytes_are_taken()
    {
        var block = HandMadeTar.Header('0', [0xE4], 0);
        var sum = block.Take(148).Concat(Enumerable.Repeat((byte)' ', 8)).Concat(block.Skip(156)).Sum(b => (sbyte)b);
        HandMadeTar.Put(block, 148, HandMadeTar.Octal(sum, 6) + "\0 ");
        Assert.Equal("/\uDCE4", Paths([.. block, .. new byte[1024]]));
    }

    [Fact]
    public void Sparse_files_in_all_five_ways()
    {
        const string data = "abcdefgh";
        void OldGnu(byte[] b)
        {
            HandMadeTar.Put(b, 257, "ustar  \0");
            HandMadeTar.Put(b, 386, "00000000012\000000000003\0");
            HandMadeTar.Put(b, 410, "00000000024\000000000005\0");
            HandMadeTar.Put(b, 483, "00000000031\0");
        }
        using var source = Open(new HandMadeTar().Add('S', "old", data, change: OldGnu)
            .Pax(("GNU.sparse.size", "25"), ("GNU.sparse.numblocks", "2"), ("GNU.sparse.offset", "10"), ("GNU.sparse.numbytes", "3"), ("GNU.sparse.offset", "20"), ("GNU.sparse.numbytes", "5")).Add('0', "v00", data)
            .Pax(("GNU.sparse.size", "25"), ("GNU.sparse.numblocks", "2"), ("GNU.sparse.name", "v01"), ("GNU.sparse.map", "10,3,20,5")).Add('0', "x", data)
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "v10"), ("GNU.sparse.realsize", "25")).Add('0', "x", "2\n10\n3\n20\n5\n".PadRight(512, '\0') + data).ToArray());
        var expected = new string('\0', 10) + "abc" + new string('\0', 7) + "defgh";
        foreach (var path in new[] { "/old", "/v00", "/v01", "/v10" })
        {
            Assert.Equal(expected, Content(source, path));
            using var content = source.OpenContent(Entry(source, path), StreamName.Data);
            Assert.Equal(["10+3", "20+5"], content.DataRanges().Select(r => $"{r.Offset}+{r.Length}"));
            Assert.Equal(8, Entry(source, path).Metadata.AllocatedLength);
            var byByte = Enumerable.Range(0, 25).Select(i => { var one = new byte[1]; Assert.Equal(1, content.ReadAt(i, one)); return (char)one[0]; });
            Assert.Equal(expected, string.Concat(byByte));
            Assert.Equal(0, content.ReadAt(25, new byte[1]));
        }
        Assert.Empty(source.Findings);
    }

    [Fact]
    public void Attributes_and_acls_in_all_their_notations()
    {
        using var source = Open(new HandMadeTar().Pax(("SCHILY.xattr.user.raw", "a\0\n=b"), ("LIBARCHIVE.xattr.user.base%3D64", "AAECAw"), ("SCHILY.xattr.user.a%3Db%25", "gnu"),
            ("RHT.security.selinux", "system_u:object_r:etc_t:s0"), ("SCHILY.acl.access", "user::rw-,user:joe:r-x:1234,group::r--,mask::r-x,other::---"), ("SCHILY.acl.default", "user::rwx\ngroup::r-x\nother::r-x")).Add('0', "a").ToArray());
        var entry = Entry(source, "/a");
        var found = source.GetExtendedAttributes(entry);
        Assert.Equal(["security.selinux", "system.posix_acl_access", "system.posix_acl_default", "user.a=b%", "user.base=64", "user.raw"], found.Keys);
        Assert.Equal("a\0\n=b"u8, found["user.raw"]);
        Assert.Equal([0, 1, 2, 3], found["user.base=64"]);
        Assert.Equal("system_u:object_r:etc_t:s0\0"u8, found["security.selinux"]);
        Assert.Equal("0200000001000600FFFFFFFF02000500D204000004000400FFFFFFFF10000500FFFFFFFF20000000FFFFFFFF", Convert.ToHexString(found["system.posix_acl_access"]));
        Assert.Equal(0x1A8, entry.Metadata.Mode);       // 0650: the mask is the group's
        Assert.Equal("user::rw-,user:1234:r-x,group::r--,mask::r-x,other::---", PosixAcl.Format(found["system.posix_acl_access"]));
    }

    [Fact]
    public void Devices_have_numbers_of_any_size()
    {
        var small = One(new HandMadeTar().Add('3', "tty", change: b => { HandMadeTar.Put(b, 329, "0000005"); HandMadeTar.Put(b, 337, "0000001"); }));
        Assert.Equal(new DeviceNumber(5, 1), small.Device);
        var large = One(new HandMadeTar().Pax(("SCHILY.devmajor", "3000000"), ("SCHILY.devminor", "4000000")).Add('4', "disk"));
        Assert.Equal(new DeviceNumber(3_000_000, 4_000_000), large.Device);
    }

    [Fact]
    public void An_archive_of_nothing_is_an_empty_tree()
    {
        Assert.Equal("", Paths(new byte[10_240]));
        Assert.Equal("", Paths(new HandMadeTar().Pax('g', ("comment", "git archive"))));
    }
}
