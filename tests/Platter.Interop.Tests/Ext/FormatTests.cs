using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing;
using Platter.Testing.Ext;
using Xunit;

namespace Platter.Interop.Tests.Ext;

/// <summary>Formatted volumes against mke2fs (byte by byte), e2fsck and the kernel.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class FormatTests : IDisposable
{
    private const long Kilo = 1 << 10, Mega = 1 << 20, Giga = 1 << 30, Tera = 1L << 40;

    // Each type at the lengths where block size, inodes and journal change, with ends that are no whole group, cluster or block.
    private static readonly (string Type, long Length)[] Lengths =
    [
        .. from type in (string[])["ext2", "ext3", "ext4"]
           from length in (long[])[Mega, 2 * Mega + 123 * Kilo, 3 * Mega, 8 * Mega + 5 * Kilo, 40 * Mega, 127 * Mega, 128 * Mega + 3 * Kilo, 511 * Mega, 512 * Mega, 3 * Giga + 17 * Mega]
           select (type, length),
        ("ext4", 20 * Giga), ("ext4", 100 * Giga),
    ];

    private static readonly (string Arguments, long Length)[] Others =
    [
        ("-t ext4 -b 1024 -O ^flex_bg", 300 * Mega), ("-t ext4 -b 1024 -O ^flex_bg,^extent,^64bit", 300 * Mega), ("-t ext4 -b 2048", 300 * Mega), ("-t ext4 -b 65536", 9 * Giga),
        ("-t ext4 -O meta_bg,^resize_inode", 5 * Giga), ("-t ext4 -O sparse_super2", 5 * Giga), ("-t ext4 -O sparse_super2 -E num_backup_sb=1", 5 * Giga),
        ("-t ext4 -O bigalloc", 2 * Giga), ("-t ext4 -O bigalloc -C 65536", 300 * Mega), ("-t ext4 -b 1024 -O bigalloc -C 4096", 300 * Mega),
        ("-t ext4 -O metadata_csum_seed,orphan_file", 300 * Mega), ("-t ext4 -O ^extent,^64bit,orphan_file", 3 * Giga),
        ("-t ext4 -O ^metadata_csum,uninit_bg", 2 * Giga), ("-t ext4 -O ^metadata_csum,uninit_bg,^flex_bg", 2 * Giga), ("-t ext4 -O ^has_journal", 300 * Mega),
        ("-t ext4 -I 128", 300 * Mega), ("-t ext4 -I 512 -i 8192", 300 * Mega), ("-t ext4 -N 100000", 300 * Mega), ("-t ext4 -N 16 -b 1024", 20 * Mega), ("-t ext4 -N 300000", 300 * Mega),
        ("-t ext4 -m 1.5", 300 * Mega), ("-t ext4 -g 8192", 3 * Giga), ("-t ext4 -G 64", 30 * Giga), ("-t ext4 -G 1", 3 * Giga),
        ("-t ext4 -E stride=16,stripe_width=64", 3 * Giga), ("-t ext4 -O ^flex_bg -E stride=16", 3 * Giga), ("-t ext4 -E resize=4000000", 3 * Giga), ("-t ext4 -E packed_meta_blocks=1", 3 * Giga),
        ("-t ext4 -J size=32", 3 * Giga), ("-t ext4 -O fast_commit -J size=32", 3 * Giga), ("-t ext4 -O fast_commit -J fast_commit_size=512", 3 * Giga), ("-t ext3 -b 1024 -J size=100", 2 * Giga),
        ("-t ext4 -O inline_data", 300 * Mega), ("-t ext4 -O inline_data -b 16384", 3 * Giga), ("-t ext4 -O casefold -E encoding=utf8,encoding_flags=strict", 300 * Mega),
        ("-t ext4 -O quota,project,orphan_file -E root_owner=77777:5", 300 * Mega), ("-t ext4 -O quota -E quotatype=grpquota", 3 * Giga), ("-t ext4 -O quota,bigalloc -b 1024 -C 2048", 300 * Mega),
        ("-t ext4 -O mmp -E mmp_update_interval=7", 300 * Mega), ("-t ext4 -O encrypt,verity,ea_inode,large_dir,stable_inodes", 300 * Mega),
        ("-t ext4 -L root -M /mnt -e remount-ro -E root_owner=1000:100000", 300 * Mega), ("-t ext4 -T news", 300 * Mega), ("-t ext4 -T largefile4", 3 * Giga),
        ("-t ext2 -O none", 300 * Mega), ("-t ext2 -O ^sparse_super,^resize_inode", 300 * Mega), ("-t ext4 -O ^large_file,^filetype", 600 * Mega),
        ("-t ext4 -O meta_bg", 300 * Mega), ("-t ext4 -O 64bit,^extent", 300 * Mega), ("-t ext4", 100 * Kilo), ("-t ext4 -J size=200", 300 * Mega), ("-t ext4 -I 8192", 300 * Mega),
    ];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_type_at_each_length_is_what_mke2fs_makes_byte_for_byte() =>
        AssertSame([.. Lengths.Select(l => ("-t " + l.Type, l.Length))]);

    [Fact]
    public void Each_option_makes_what_mke2fs_makes_byte_for_byte_and_what_one_refuses_the_other_does() => AssertSame(Others);

    [Fact]
    public void Every_two_features_together_make_what_mke2fs_makes_byte_for_byte()
    {
        Assert.InRange(ExtMatrix.Cases.Count, 60, 200);
        AssertSame([.. ExtMatrix.Cases.Select(c => (c.Arguments, c.Length))]);
    }

    [Fact]
    public void A_volume_of_almost_16_TiB_is_what_mke2fs_makes_but_for_what_its_journal_leaves_behind()
    {
        // More than four extents: mke2fs leaves the three that moved out of the inode in it, and in the superblock's copy of it.
        var path = _folder.File("large.img");
        var difference = Mke2fsTwin.Difference(_folder.Path, "-t ext4", Tera, path);
        Assert.StartsWith("at 0x525: mke2fs has 80000000800000000001080000010000, Platter 00000000", difference, StringComparison.Ordinal);
        Assert.Null(Mke2fs.Complaint(path));
        Assert.Null(Mke2fsTwin.Difference(_folder.Path, "-t ext4 -J size=256", 16 * Tera - 16 * Mega, path));
        Assert.Null(Mke2fs.Complaint(path));
    }

    [Fact]
    public void The_kernel_writes_to_what_was_formatted_and_leaves_it_sound()
    {
        string[] wishes =
        [
            "-t ext2", "-t ext3", "-t ext4", "-t ext4 -b 4096", "-t ext4 -b 2048 -O ^flex_bg", "-t ext4 -O meta_bg,^resize_inode", "-t ext4 -O sparse_super2", "-t ext4 -O bigalloc -b 4096",
            "-t ext4 -O metadata_csum_seed,orphan_file", "-t ext4 -O ^metadata_csum,uninit_bg", "-t ext4 -O ^has_journal", "-t ext4 -I 128", "-t ext4 -I 1024 -O inline_data", "-t ext4 -O inline_data",
            "-t ext4 -O fast_commit", "-t ext4 -g 1024", "-t ext4 -E packed_meta_blocks=1", "-t ext4 -O ^extent,^64bit", "-t ext4 -O ea_inode,large_dir", "-t ext4 -O mmp", "-t ext2 -O none",
        ];
        var images = new List<KernelMount.Image>();
        foreach (var arguments in wishes)
        {
            var path = _folder.File($"{images.Count}.img");
            using var device = HostFile.Create(path, 48 * Mega);
            new ExtType().Format(device, Mke2fsTwin.Options(arguments));
            images.Add(new KernelMount.Image(path, "ext4"));
        }
        const string script = "mkdir -p d/e && i=0; while [ $i -lt 60 ]; do echo $i > d/e/file-with-a-name-$i; i=$((i+1)); done; dd if=/dev/zero of=big bs=65536 count=100 2>/dev/null; ln -s d link; ln big hard; rm -r d/e/file-with-a-name-1*; mknod fifo p";
        var reports = KernelMount.Run(images, new KernelMount.Options { Script = script, Keep = true });
        var wrong = new List<string>();
        foreach (var (arguments, image, report) in wishes.Zip(images, reports))
        {
            // Inodes of 128 bytes end in 2038, and the kernel says how much it did not say.
            var warnings = report.Warnings.Where(l => !l.Text.Contains("supports timestamps until", StringComparison.Ordinal) && !l.Text.Contains("callbacks suppressed", StringComparison.Ordinal)).ToList();
            if (!report.IsOk || warnings.Count > 0)
                wrong.Add($"{arguments}: {report.Error} {string.Join(' ', warnings)} {report.ScriptOutput}");
            if (Mke2fs.Complaint(image.Path) is { } complaint)
                wrong.Add($"{arguments}: e2fsck: {complaint}");
            if (Own(image.Path) is { } finding)
                wrong.Add($"{arguments}: {finding}");
            using var device = HostFile.Open(image.Path, FileAccess.Read);
            using var volume = ExtVolume.Open(device, VolumeOptions.Default);
            if (volume.Find("/hard").Length != 6_553_600 || volume.Find("/d/e").Entries.Count() != 49)
                wrong.Add($"{arguments}: {volume.Find("/d/e").Entries.Count()} files are left");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private void AssertSame((string Arguments, long Length)[] cases)
    {
        var wrong = new List<string>();
        var path = _folder.File("platter.img");
        foreach (var (arguments, length) in cases)
        {
            if (Mke2fsTwin.Difference(_folder.Path, arguments, length) is { } difference)
                wrong.Add($"{arguments} {length}: {difference}");
            else if (length < Giga && File.Exists(path) && Own(path) is { } finding)
                wrong.Add($"{arguments} {length}: {finding}");
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {cases.Length}\n" + string.Join('\n', wrong.Take(20)));
    }

    private static string? Own(string path)
    {
        using var device = HostFile.Open(path, FileAccess.Read);
        if (!ExtGeometry.Recognise(device))
            return null;
        return new ExtType().Check(device, CheckOptions.Default).Findings is [var first, ..] ? first.ToString() : null;
    }
}
