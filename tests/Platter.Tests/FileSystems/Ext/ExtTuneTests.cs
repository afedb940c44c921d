using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>What tuning refuses, and that nothing has changed then.</summary>
public class ExtTuneTests
{
    private const string Identity = "uuid=11111111-2222-4333-8444-555555555555";

    [Theory]
    [InlineData("nonsense=1", "has no option 'nonsense'")]
    [InlineData("reserved_percent=60", "0 to 50")]
    [InlineData("reserved_percent=1,reserved_blocks=7", "the same")]
    [InlineData("reserved_blocks=6000", "more than half")]
    [InlineData("uuid=1A2B-3C4D", "is no UUID")]
    [InlineData("label=12345678901234567", "has 17 bytes")]
    [InlineData("errors=explode", "needs one of")]
    [InlineData("default_mntopts=acl fast", "names 'fast'")]
    [InlineData("check_interval=6y", "number of days")]
    [InlineData("check_interval=99999999w", "number of days")]
    [InlineData("last_checked=yesterday", "time since 1970")]
    [InlineData("max_mount_count=99999", "0 to 16000")]
    [InlineData("mmp_update_interval=7", "needs the feature mmp")]
    [InlineData("journal_size=2M", "journal that is added")]
    [InlineData("orphan_file,^has_journal", "orphan_file needs has_journal")]
    [InlineData("quotatype=usrquota", "needs the feature quota")]
    [InlineData("quota,quotatype=prjquota", "needs the feature project")]
    [InlineData("quota,quotatype=everyone", "names 'everyone'")]
    [InlineData("quota,quotatype=:", "names no quota")]
    [InlineData("^has_journal,fast_commit", "fast_commit needs has_journal")]
    [InlineData("^64bit,^resize_inode", "one after the other", true)]
    public void A_wrong_wish_is_refused_and_nothing_changes(string options, string message, bool isResizable = false) =>
        Refused<ArgumentException>(isResizable ? ExtCase.Resizable() : ExtCase.Ext4(), options, message);

    [Fact]
    public void Large_descriptors_need_extents() => Refused<ArgumentException>(ExtCase.Ext2(), "64bit", "needs extent");

    [Theory]
    [InlineData("^extent", "taking extent")]
    [InlineData("^metadata_csum,^uninit_bg", "taking uninit_bg")]
    [InlineData("none", "taking ")]
    [InlineData("bigalloc", "adding bigalloc")]
    [InlineData("bigalloc,quota", "adding bigalloc")]
    [InlineData("^extra_isize", "taking extra_isize")]
    [InlineData("64bit,mmp,^flex_bg", "taking flex_bg")]
    [InlineData("resize_inode", "adding resize_inode")]
    public void A_feature_that_more_depends_on_is_refused_by_name(string options, string message) => Refused<UnsupportedFeatureException>(ExtCase.Ext4(), options, message);

    [Theory]
    [InlineData("-t ext4 -b 1024 -g 256 -N 320 -O ^has_journal,^64bit,^resize_inode,^meta_bg", "64bit", "1 blocks more are needed behind the group descriptors, and 0 are kept")]
    [InlineData("-t ext4 -b 1024 -O ^has_journal,meta_bg,^resize_inode", "^64bit", "meta_bg")]
    [InlineData("-t ext4 -b 1024 -g 2048 -C 2048 -N 320 -O ^has_journal,bigalloc", "^resize_inode", "bigalloc")]
    public void Descriptors_stay_where_they_are(string made, string options, string message)
    {
        var device = ExtFixture.Empty(made, 5 << 20);
        Assert.Contains(message, Assert.Throws<UnsupportedFeatureException>(() => new ExtType().Tune(device, Options(options))).Message, StringComparison.Ordinal);
        Assert.Null(ExtFixture.Complaint(device));
    }

    [Fact]
    public void What_is_kept_for_descriptors_must_be_what_is_there()
    {
        foreach (var change in (Action<byte[]>[])[b => b[40] ^= 1, b => b[1000] = 7])
        {
            var test = ExtCase.Resizable();
            test.Block(test.Use(v => (uint)OnDisk.View<U32Le>(v.Inodes.Read(7).Block, 13 * 4)), change);
            Assert.Equal("EXT-0113", Refused<DiskFormatException>(test, "^resize_inode", "names other blocks").Code);
        }
        Assert.Equal("EXT-0113", Refused<DiskFormatException>(ExtCase.Resizable().Inode(7, (ref ExtInodeRecord r) => r.Block[3] = 9), "^resize_inode", "below its double").Code);
        var over = ExtCase.Resizable();
        over.Descriptor(1, (ref ExtGroupDescriptor d) => d.InodeBitmapLo = (uint)over.Geometry.DescriptorBlock(4));
        Assert.Equal("EXT-0033", Refused<DiskFormatException>(over, "^resize_inode", "in the room").Code);
        var free = ExtCase.Resizable();
        new ExtType().Tune(free.Device, Options("^resize_inode"));
        Assert.Equal("EXT-0113", Refused<DiskFormatException>(free.Super((ref ExtSuperblock s) => s.Compat.Raw |= (uint)ExtCompat.ResizeInode), "^resize_inode", "double").Code);
    }

    [Fact]
    public void A_feature_that_is_in_use_stays()
    {
        Refused<UnsupportedFeatureException>(ExtCase.Plain().Inode("/file", (ref ExtInodeRecord r) => r.SizeHigh = 1), "^large_file", "need large_file");
        Refused<UnsupportedFeatureException>(ExtCase.Plain().Inode("/dir", (ref ExtInodeRecord r) => r.LinksCount = 1), "^dir_nlink", "needs dir_nlink");
        Refused<UnsupportedFeatureException>(ExtCase.Plain().Inode("/file", (ref ExtInodeRecord r) => r.BlocksHigh = 1), "^huge_file", "needs huge_file");
    }

    [Fact]
    public void What_does_not_match_its_checksum_is_not_sealed_anew()
    {
        var damaged = new (string Code, ExtCase Case)[]
        {
            ("EXT-0101", ExtCase.Ext4() is var inode ? inode.InodeBytes(inode.Number("/small"), b => b[0x7C] ^= 1, fix: false) : null!),
            ("EXT-0202", ExtCase.Ext4() is var directory ? directory.Block(directory.BlockOf("/dir"), b => b[^20] ^= 1) : null!),
            ("EXT-0222", ExtCase.Ext4() is var tree ? tree.Block(tree.BlockOf("/many"), b => b[44] ^= 1) : null!),
            ("EXT-0312", ExtCase.Ext4() is var extents ? extents.Block(extents.NodeOf("/holes"), b => b[^40] ^= 1) : null!),
            ("EXT-0402", ExtCase.Ext4() is var attributes ? attributes.Block(attributes.Use(v => v.Inodes.Read(attributes.Number("/file")).AttributeBlock), b => b[500] ^= 1) : null!),
            ("EXT-0607", ExtCase.Ext4() is var bitmap ? bitmap.Block(bitmap.Use(v => v.Groups[0].BlockBitmap), b => b[900] ^= 1) : null!),
            ("EXT-0608", ExtCase.Ext4() is var inodes ? inodes.Block(inodes.Use(v => v.Groups[0].InodeBitmap), b => b[40] ^= 1) : null!),
        };
        foreach (var (code, test) in damaged)
        {
            Assert.Equal(code, Refused<DiskFormatException>(test, Identity, "").Code);
            Assert.Equal(code, Refused<DiskFormatException>(test, "^metadata_csum", "").Code);
        }
    }

    [Fact]
    public void Encrypted_content_and_values_in_inodes_keep_the_identity()
    {
        Refused<UnsupportedFeatureException>(ExtCase.Ext4().Super((ref ExtSuperblock s) => s.Compat.Raw |= (uint)ExtCompat.StableInodes), Identity, "STABLE_INODES");
        using var folder = new Platter.Testing.TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 8 << 20, "-t ext4 -b 1024 -O ea_inode");
        File.WriteAllBytes(folder.File("value"), new byte[1024]);
        Mke2fs.Debugfs(path, $"mknod pipe p\nea_set -f {folder.File("value")} pipe user.long\n");
        Mke2fs.Index(path);     // debugfs does not count the blocks of values
        var device = ScratchDevice.Load(path);
        Assert.Contains("EA_INODE", Assert.Throws<UnsupportedFeatureException>(() => new ExtType().Tune(device, Options(Identity))).Message, StringComparison.Ordinal);

        // With a seed of its own nothing depends on it.
        new ExtType().Tune(device, Options("metadata_csum_seed," + Identity));
        Assert.Null(ExtFixture.Complaint(device));
    }

    [Fact]
    public void What_descriptors_say_without_checksums_is_not_believed_with_them()
    {
        foreach (var test in (ExtCase[])[ExtCase.Ext2(), ExtCase.Plain()])
        {
            // Low and high halves of what was never used, and that no bitmap was.
            test.Block(test.Use(v => v.Geometry.DescriptorBlock(0)), b => (b[0x12], b[0x1D], b[0x33]) = (3, 3, (byte)(test.Use(v => v.Geometry.DescriptorSize) > 32 ? 5 : b[0x33])));
            new ExtType().Tune(test.Device, Options("metadata_csum"));
            Assert.True(test.Check().IsClean, string.Join('\n', test.Check().Findings));
            Assert.Null(ExtFixture.Complaint(test.Device));
        }
    }

    [Fact]
    public void A_node_whose_checksum_would_go_behind_its_block_gets_none()
    {
        var test = ExtCase.Ext4();
        var node = test.NodeOf("/holes");
        new ExtType().Tune(test.Device, Options("^metadata_csum"));
        test.Block(node, b => (b[4], b[5]) = (0xFF, 0xFF));
        Assert.Equal("EXT-0310", Refused<DiskFormatException>(test, "metadata_csum", "max").Code);
    }

    [Fact]
    public void Other_filesystems_say_that_they_have_no_settings() =>
        Assert.Contains("no settings", Assert.Throws<UnsupportedFeatureException>(() => FileSystemTypes.Find("fat32")!.Tune(new ScratchDevice(1 << 20), Options("label=x"))).Message, StringComparison.Ordinal);

    private static T Refused<T>(ExtCase test, string options, string message)
        where T : Exception
    {
        test.Device.Flush();
        var before = test.Device.Copy();
        var refused = Assert.Throws<T>(() => new ExtType().Tune(test.Device, Options(options)));
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        var (old, now) = (new byte[before.Length], new byte[before.Length]);
        before.Read(0, old);
        test.Device.Read(0, now);
        Assert.True(old.AsSpan().SequenceEqual(now), "the volume was changed");
        return refused;
    }

    private static TuneOptions Options(string text) => new()
    {
        Options = text.Split(',').Select(o => o.Split('=', 2)).ToDictionary(o => o[0], o => o.Length > 1 ? o[1] : "true", StringComparer.Ordinal),
    };
}
