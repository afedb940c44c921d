using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Formatting as far as it can be judged here; the interop tests compare it with mke2fs byte by byte.</summary>
public class ExtFormatTests
{
    private const long K = 1 << 10, M = 1 << 20, G = 1 << 30, T = 1L << 40, P = 1L << 50;

    [Theory]
    [InlineData("ext2", 1 * M)]
    [InlineData("ext2", 600 * M)]
    [InlineData("ext3", 12 * M)]
    [InlineData("ext3", 2 * G)]
    [InlineData("ext4", 1 * M)]
    [InlineData("ext4", 100 * M)]
    [InlineData("ext4", 5 * G)]
    public void A_new_volume_is_sound_and_holds_nothing_but_lost_and_found(string type, long length)
    {
        var device = new SparseDevice(length);
        new ExtType().Format(device, Options(type) with { Label = "Größe" });
        Assert.Empty(new ExtType().Check(device, CheckOptions.Default).Findings);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        Assert.Equal(type == "ext3" || length > 8 * M ? type : type == "ext4" ? "ext4" : "ext2", volume.Info.Type);
        Assert.Equal("Größe", volume.Info.Label);
        Assert.True(volume.Info.IsClean);
        var entry = Assert.Single(volume.Root.Entries);
        Assert.Equal("lost+found", entry.Name);
        Assert.Equal(0x1C0, volume.GetMetadata(entry.Id).Mode & 0x1FF);
        Assert.Equal(new SettableClock().Timestamp with { Nanoseconds = 0 }, volume.Root.Metadata.Modified);
    }

    [Fact]
    public void The_same_options_make_the_same_bytes_and_another_time_another_volume()
    {
        var (one, two, later) = (Made("ext4", 40 * M), Made("ext4", 40 * M), new SparseDevice(40 * M));
        Assert.Equal(Bytes(one), Bytes(two));
        var clock = new SettableClock();
        clock.Advance(TimeSpan.FromTicks(1));
        new ExtType().Format(later, Options("ext4") with { Clock = clock });
        Assert.NotEqual(ExtVolume.Open(one, VolumeOptions.Default).Info.Id, ExtVolume.Open(later, VolumeOptions.Default).Info.Id);
    }

    [Fact]
    public void Ids_and_the_seed_of_hashes_are_those_that_were_asked_for()
    {
        var device = Made("ext4", 40 * M, ("uuid", "11111111-2222-4333-8444-555566667777"), ("hash_seed", "01020304-0506-4708-890a-0b0c0d0e0f10"));
        var geometry = ExtGeometry.Read(device);
        Assert.Equal(Guid.Parse("11111111-2222-4333-8444-555566667777"), (Guid)geometry.Super.Uuid);
        Assert.Equal(0x04030201u, (uint)((ReadOnlySpan<U32Le>)geometry.Super.HashSeed)[0]);
        Assert.Equal("99999999-2222-4333-8444-555566667777",
            ExtVolume.Open(Made("ext2", 4 * M, id: "99999999-2222-4333-8444-555566667777"), VolumeOptions.Default).Info.Id);
    }

    [Fact]
    public void What_was_on_the_device_before_does_not_matter()
    {
        var clean = Made("ext4", 64 * M);
        var used = new SparseDevice(64 * M);
        var junk = new byte[64 * K];
        new Random(1).NextBytes(junk);
        for (var at = 0L; at < used.Length; at += junk.Length)
            used.Write(at, junk);
        new ExtType().Format(used, Options("ext4"));
        Assert.Empty(new ExtType().Check(used, CheckOptions.Default).Findings);
        using var volume = ExtVolume.Open(clean, VolumeOptions.Default);
        foreach (var range in volume.AllocatedRanges())
        {
            var (a, b) = (new byte[range.Length], new byte[range.Length]);
            clean.Read(range.Offset, a);
            used.Read(range.Offset, b);
            Assert.Equal(a, b);
        }
    }

    [Theory]
    [InlineData(16 * T, "", 240)]
    [InlineData(20 * T, "", 300)]
    [InlineData(16 * T, "meta_bg,^resize_inode", 60)]
    [InlineData(2 * P, "meta_bg,^resize_inode,block_size=65536,flex_bg_size=256", 230)]
    public void A_huge_sparse_volume_takes_little(long length, string options, long mega)
    {
        var device = new SparseDevice(length);
        new ExtType().Format(device, Options("ext4", [.. options.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(o => o.Split('=')).Select(o => (o[0], o.Length > 1 ? o[1] : "true"))]));
        Assert.InRange(device.Written, 1, mega * M);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        Assert.Equal(length, volume.Info.TotalBytes);
        Assert.Single(volume.Root.Entries);
    }

    [Theory]
    [InlineData("features", "^has_journal,inline_data", "ext_attr resize_inode dir_index filetype extent 64bit flex_bg inline_data sparse_super large_file huge_file dir_nlink extra_isize metadata_csum")]
    [InlineData("features", "none", "has_journal")]
    public void Features_are_named_as_mke2fs_names_them(string key, string value, string expected)
    {
        if (value == "none")
            Assert.DoesNotContain(expected, Features(Made("ext4", 40 * M, (key, value))), StringComparison.Ordinal);
        else
            Assert.Equal(expected.Split(' ').Order(), Features(Made("ext4", 40 * M, (key, value))).Split(' ').Order());
    }

    [Fact]
    public void A_feature_may_stand_for_itself_as_the_command_line_passes_it_on()
    {
        var device = Made("ext4", 40 * M, ("features", "^has_journal"), ("inline_data", "true"), ("^64bit", "true"), ("flex_bg", "false"), ("block_size", "4096"));
        var features = Features(device).Split(' ');
        Assert.Contains("inline_data", features);
        Assert.DoesNotContain("has_journal", features);
        Assert.DoesNotContain("64bit", features);
        Assert.DoesNotContain("flex_bg", features);
    }

    [Theory]
    [InlineData("features", "dirdata", "the feature dirdata")]
    [InlineData("features", "journal_dev", "the feature journal_dev")]
    [InlineData("features", "compression", "the feature compression")]
    public void A_feature_that_cannot_be_made_is_refused_by_name(string key, string value, string message) =>
        Assert.Contains(message, Assert.Throws<UnsupportedFeatureException>(() => Made("ext4", 40 * M, (key, value))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("features", "no_such_thing", "'no_such_thing', which is no feature")]
    [InlineData("features", "meta_bg", "exclude each other")]
    [InlineData("features", "^extent", "64bit needs extent")]
    [InlineData("features", "^extent,^64bit,bigalloc", "bigalloc needs extent")]
    [InlineData("features", "^metadata_csum,metadata_csum_seed", "needs metadata_csum")]
    [InlineData("features", "^has_journal,orphan_file", "orphan_file needs has_journal")]
    [InlineData("features", "^sparse_super", "add ^resize_inode")]
    [InlineData("block_sise", "1024", "the nearest is 'block_size'")]
    [InlineData("block_size", "3000", "power of two")]
    [InlineData("block_size", "131072", "needs a size")]
    [InlineData("cluster_size", "64K", "needs the feature bigalloc")]
    [InlineData("inode_size", "8192", "do not fit into blocks")]
    [InlineData("inodes", "10000000", "too many")]
    [InlineData("inode_ratio", "100", "1024 to")]
    [InlineData("journal_size", "1K", "is not possible")]
    [InlineData("journal_size", "39M", "more than half")]
    [InlineData("blocks_per_group", "1001", "multiple of 8")]
    [InlineData("flex_bg_size", "3", "power of two")]
    [InlineData("reserved_percent", "60", "0 to 50")]
    [InlineData("resize", "1M", "more than the volume's own")]
    [InlineData("root_owner", "me", "two numbers")]
    [InlineData("errors", "ignore", "remount-ro")]
    [InlineData("default_mntopts", "fast", "known are debug")]
    [InlineData("encoding", "utf8", "need the feature casefold")]
    [InlineData("quotatype", "usrquota", "needs the feature quota")]
    [InlineData("usage_type", "database", "floppy")]
    [InlineData("hash_seed", "12", "is no UUID")]
    [InlineData("hash_alg", "md5", "half_md4")]
    [InlineData("last_mounted", "/0123456789012345678901234567890123456789012345678901234567890123456789", "at most 64")]
    public void A_wrong_option_is_refused_with_what_is_right(string key, string value, string message)
    {
        var device = new SparseDevice(40 * M);
        device.Write(0, "old content"u8);
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new ExtType().Format(device, Options("ext4", (key, value)))).Message, StringComparison.Ordinal);
        Assert.Equal("old content"u8.ToArray(), Bytes(device)[..11]);
    }

    [Fact]
    public void More_wrong_wishes_are_refused()
    {
        Refused("128 are too small", Options("ext4", ("inode_size", "128"), ("inline_data", "true")));
        Refused("has 17 bytes", Options("ext4") with { Label = "12345678901234567" });
        Refused("is no UUID", Options("ext4") with { Id = "1A2B-3C4D" });
        Refused("too few", Options("ext4"), 20 * K);
        Refused("64bit", Options("ext3"), 17 * T);
        Refused("groups", Options("ext4"), P * 64);
        Refused("prjquota needs", Options("ext4", ("quota", "true"), ("quotatype", "prjquota")));

        static void Refused(string message, FormatOptions options, long length = 40 * M) =>
            Assert.Contains(message.Replace("128 are", "128 bytes are", StringComparison.Ordinal), Assert.Throws<ArgumentException>(() => new ExtType().Format(new SparseDevice(length), options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void There_are_inodes_for_the_entries_that_are_expected()
    {
        var device = new SparseDevice(100 * M);
        new ExtType().Format(device, Options("ext4") with { ExpectedEntries = 60_000 });
        Assert.InRange(ExtGeometry.Read(device).InodesCount, 60_011u, 70_000u);
        Assert.Empty(new ExtType().Check(device, CheckOptions.Default).Findings);
        Assert.Equal(25_584u, ExtGeometry.Read(Made("ext4", 100 * M)).InodesCount);
    }

    [Fact]
    public void Times_after_2038_are_kept()
    {
        var clock = new SettableClock { Now = new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero) };
        var device = new SparseDevice(40 * M);
        new ExtType().Format(device, Options("ext4") with { Clock = clock });
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        Assert.Equal(clock.Timestamp, volume.Root.Metadata.Modified);
        Assert.Equal(clock.Timestamp, volume.Root.Metadata.Created);
        Assert.Equal(clock.Timestamp.UnixSeconds, (long)volume.Geometry.Super.MakeTimeHi << 32 | (uint)volume.Geometry.Super.MakeTime);
    }

    [Fact]
    public void Whatever_is_asked_for_is_refused_or_made_sound()
    {
        var random = new Random(7);
        var made = 0;
        string[] features = ["^has_journal", "^extent,^64bit", "^flex_bg", "^metadata_csum", "^metadata_csum,uninit_bg", "metadata_csum_seed", "orphan_file", "inline_data", "bigalloc", "quota", "quota,project",
            "mmp", "^resize_inode", "^resize_inode,meta_bg", "sparse_super2", "^sparse_super,^resize_inode", "casefold", "fast_commit", "large_dir,ea_inode", "^filetype", "^dir_index"];
        for (var i = 0; i < 150; i++)
        {
            var length = (long)Math.Exp(random.NextDouble() * Math.Log(2.0 * G / (100 * K)) + Math.Log(100 * K));
            var wishes = new Dictionary<string, string>(StringComparer.Ordinal) { ["features"] = string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => features[random.Next(features.Length)])) };
            Wish("block_size", [1 * K, 2 * K, 4 * K, 8 * K, 16 * K]);
            Wish("inode_size", [128, 256, 512, 1024]);
            Wish("inode_ratio", [1 * K, 4 * K, 64 * K]);
            Wish("blocks_per_group", [256, 1024, 8 * K]);
            Wish("flex_bg_size", [1, 2, 8, 64]);
            Wish("stride", [3, 16]);
            Wish("inodes", [12, 100, 3000]);
            var options = new FormatOptions { Type = random.Next(3) == 0 ? "ext2" : "ext4", Options = wishes, Clock = new SettableClock() };
            var device = new SparseDevice(length);
            try
            {
                new ExtType().Format(device, options);
            }
            catch (ArgumentException)
            {
                continue;
            }
            made++;
            var findings = new ExtType().Check(device, CheckOptions.Default).Findings;
            Assert.True(findings.Count == 0, $"{length} {string.Join(' ', wishes)}: {(findings.Count == 0 ? null : findings[0])}");

            void Wish(string key, long[] values)
            {
                if (random.Next(4) == 0)
                    wishes[key] = values[random.Next(values.Length)].ToString(System.Globalization.CultureInfo.InvariantCulture);
            }
        }
        Assert.InRange(made, 60, 150);
    }

    private static SparseDevice Made(string type, long length, params (string Key, string Value)[] options) => Made(type, length, null, options);

    private static SparseDevice Made(string type, long length, string? id, params (string Key, string Value)[] options)
    {
        var device = new SparseDevice(length);
        new ExtType().Format(device, Options(type, options) with { Id = id });
        return device;
    }

    private static FormatOptions Options(string type, params (string Key, string Value)[] options) =>
        new() { Type = type, Clock = new SettableClock(), Options = options.ToDictionary(o => o.Key, o => o.Value, StringComparer.Ordinal) };

    private static string Features(BlockDevice device)
    {
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        return volume.Info.Details.Single(d => d.Key == "features").Value;
    }

    private static byte[] Bytes(BlockDevice device)
    {
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        return bytes;
    }
}
