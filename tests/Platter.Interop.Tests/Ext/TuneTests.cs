using System.Text.RegularExpressions;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ext;

/// <summary>The same change by tune2fs and by Platter: dumpe2fs prints the same, e2fsck has nothing to say, and the files are what they were.</summary>
public sealed class TuneTests(TuneTests.Sources sources) : IClassFixture<TuneTests.Sources>
{
    private const string Identity = "11111111-2222-4333-8444-555555555555";

    // Written by each of them, or by one at another time.
    private static readonly string[] Own = ["Last write time", "Lifetime writes", "Checksum", "mmp_update_date", "mmp_update_time", "mmp_node_name", "mmp_device_name"];

    // tune2fs leaves the first two to a repair, or to the kernel; Platter counts them. A copy of the journal's map makes no sense without a journal.
    private static readonly string[] OfJournals = ["Overhead clusters", "Journal backup"];

    public static TheoryData<string, string, string, string> Changes => new()
    {
        { "-t ext4 -b 1024", "-U " + Identity, "uuid=" + Identity, "" },
        { "-t ext4 -b 4096 -O inline_data", "-U " + Identity, "uuid=" + Identity, "" },
        { "-t ext4 -b 1024 -O ^64bit,orphan_file", "-U " + Identity, "uuid=" + Identity, "" },
        { "-t ext4 -b 1024 -O metadata_csum_seed,ea_inode", "-U " + Identity, "uuid=" + Identity, "" },
        { "-t ext4 -b 4096 -O ^metadata_csum,uninit_bg", "-U clear", "uuid=clear", "" },
        { "-t ext4 -b 1024 -O meta_bg,^resize_inode,bigalloc", "-U " + Identity, "uuid=" + Identity, "" },
        { "-t ext2 -b 1024", "-U " + Identity, "uuid=" + Identity, "" },
        { "-t ext4 -b 1024", "-O ^has_journal", "^has_journal", "Overhead clusters,Journal backup" },
        { "-t ext3 -b 1024", "-O ^has_journal", "^has_journal", "Overhead clusters,Journal backup" },
        { "-t ext2 -b 1024", "-O has_journal", "has_journal", "Overhead clusters" },
        { "-t ext2 -b 4096", "-O has_journal", "has_journal", "Overhead clusters" },
        { "-t ext4 -b 1024 -O ^has_journal", "-J size=2", "has_journal,journal_size=2M", "Overhead clusters" },
        { "-t ext4 -b 1024 -O bigalloc,^has_journal", "-O has_journal", "has_journal", "Overhead clusters" },
        { "-t ext4 -b 1024", "-O ^dir_index", "^dir_index", "" },
        { "-t ext4 -b 1024 -O ^metadata_csum", "-O ^dir_index", "^dir_index", "" },
        { "-t ext4 -b 1024 -O ^dir_index", "-O dir_index", "dir_index", "" },

        // One extent more, and a block for it, where tune2fs starts in a gap.
        { "-t ext4 -b 1024", "-O orphan_file", "orphan_file", "Free blocks" },
        { "-t ext4 -b 1024 -O orphan_file", "-O ^orphan_file", "^orphan_file", "" },
        { "-t ext4 -b 1024", "-O mmp", "mmp", "" },
        { "-t ext4 -b 1024 -O 64bit,mmp", "-f -O ^mmp", "^mmp", "" },
        { "-t ext4 -b 1024", "-O metadata_csum_seed", "metadata_csum_seed", "" },
        { "-t ext4 -b 1024 -O metadata_csum_seed", "-O ^metadata_csum_seed", "^metadata_csum_seed", "" },

        // tune2fs leaves directories without room for a checksum to e2fsck -D; Platter makes them anew.
        { "-t ext4 -b 1024", "-O ^metadata_csum", "^metadata_csum", "" },
        { "-t ext4 -b 4096 -O metadata_csum_seed,orphan_file,ea_inode", "-O ^metadata_csum_seed,^metadata_csum", "^metadata_csum_seed,^metadata_csum", "" },
        { "-t ext4 -b 1024 -O ^64bit,inline_data,mmp", "-f -O ^metadata_csum", "^metadata_csum", "" },
        { "-t ext4 -b 1024 -O meta_bg,^resize_inode,bigalloc,quota", "-O ^metadata_csum", "^metadata_csum", "" },
        { "-t ext4 -b 1024 -O ^metadata_csum", "-O metadata_csum", "metadata_csum", "" },
        { "-t ext4 -b 4096 -O ^metadata_csum,uninit_bg,orphan_file,ea_inode", "-O metadata_csum", "metadata_csum", "" },
        { "-t ext2 -b 1024", "-O metadata_csum", "metadata_csum", "" },
        { "-t ext3 -b 2048 -I 128", "-O metadata_csum", "metadata_csum", "" },
        { "-t ext4 -b 1024 -O ^metadata_csum,^64bit,inline_data,large_dir", "-O metadata_csum", "metadata_csum", "" },

        // tune2fs asks for a check afterwards; Platter has looked that none is in use.
        { "-t ext4 -b 1024", "-O ^large_file,^huge_file,^dir_nlink", "^large_file,^huge_file,^dir_nlink", "Filesystem state" },
        { "-t ext4 -b 1024", "-O fast_commit,stable_inodes,ea_inode,large_dir", "fast_commit,stable_inodes,ea_inode,large_dir", "" },
        { "-t ext4 -b 1024", "-O casefold", "casefold", "" },
        { "-t ext4 -b 1024", "-O quota", "quota", "Free blocks" },
        { "-t ext4 -b 4096 -O ea_inode", "-O quota,project", "quota,project", "" },
        { "-t ext4 -b 1024 -O quota,project", "-O ^quota", "^quota,^project", "" },
        { "-t ext4 -b 1024 -O quota,project", "-Q ^grpquota", "quotatype=usrquota:prjquota", "" },
        { "-t ext4 -b 1024 -O quota,project", "-O ^project", "^project", "" },
        { "-t ext4 -b 1024 -O quota -E quotatype=grpquota", "-O project", "project", "Free blocks" },
        { "-t ext3 -b 1024", "-O extent,huge_file,dir_nlink", "extent,huge_file,dir_nlink", "" },

        // Behind tune2fs, e2fsck frees what was kept. resize2fs moves what stands behind descriptors that grow; Platter takes what is kept there.
        { "-t ext4 -b 1024", "-O ^resize_inode", "^resize_inode", "Overhead clusters,Last checked" },
        { "-t ext4 -b 1024 -g 1024 -O ^64bit,^metadata_csum,uninit_bg,quota", "-O ^resize_inode", "^resize_inode", "Overhead clusters,Last checked" },
        { "-t ext3 -b 4096", "-O ^resize_inode", "^resize_inode", "Overhead clusters,Last checked" },
        { "-t ext4 -b 1024 -O sparse_super2,orphan_file", "-O ^resize_inode", "^resize_inode", "Overhead clusters,Last checked" },
        { "-t ext4 -b 1024 -O ^64bit", "resize2fs -b", "64bit", "Overhead clusters" },
        { "-t ext4 -b 4096 -O ^64bit,^metadata_csum,uninit_bg", "resize2fs -b", "64bit", "Overhead clusters" },
        { "-t ext4 -b 1024 -g 1024 -O ^64bit,quota", "resize2fs -b", "64bit", "Overhead clusters,Free blocks,Reserved GDT blocks" },
        { "-t ext4 -b 1024 -g 1024 -O ^64bit,^metadata_csum", "resize2fs -b", "64bit", "Overhead clusters,Free blocks,Reserved GDT blocks" },
        { "-t ext4 -b 1024", "resize2fs -s", "^64bit", "Overhead clusters" },
        { "-t ext4 -b 1024 -g 1024 -O orphan_file,quota", "resize2fs -s", "^64bit", "Overhead clusters" },
        { "-t ext4 -b 1024 -g 1024 -O ^resize_inode,^metadata_csum,^has_journal", "resize2fs -s", "^64bit", "Overhead clusters" },
        { "-t ext4 -b 1024 -O bigalloc,^resize_inode", "resize2fs -s", "^64bit", "Overhead clusters" },
        { "-t ext4 -b 1024 -g 1024", "resize2fs -s;-O ^metadata_csum", "^64bit,^metadata_csum", "Overhead clusters" },
        { "-t ext4 -b 1024 -g 1024 -O ^64bit", "resize2fs -b;-U " + Identity, "64bit,uuid=" + Identity, "Overhead clusters,Free blocks,Reserved GDT blocks" },
        {
            "-t ext4 -b 1024", "-c 30 -i 6m -C 7 -T 20250102030405 -M /mnt -L neu -e panic -r 777 -u 12 -g 13",
            "max_mount_count=30,check_interval=6m,mount_count=7,last_checked=2025-01-02T03:04:05Z,last_mounted=/mnt,label=neu,errors=panic,reserved_blocks=777,reserved_uid=12,reserved_gid=13", ""
        },
        {
            "-t ext4 -b 1024", "-m 1.5 -c 0 -i 0 -o ^acl,journal_data_writeback,discard -E stride=16,stripe_width=64,hash_alg=tea,mount_opts=noatime",
            "reserved_percent=1.5,max_mount_count=0,check_interval=0,default_mntopts=^acl journal_data_writeback discard,stride=16,stripe_width=64,hash_alg=tea,mount_options=noatime", ""
        },
    };

    [Theory, MemberData(nameof(Changes))]
    public void A_change_is_that_of_tune2fs(string made, string theirs, string ours, string different)
    {
        using var folder = new TempFolder();
        var (image, twin) = (folder.File("platter.img"), folder.File("tune2fs.img"));
        Mke2fs.Make(image, 40 << 20, Mke2fs.WithoutProtection(made), sources.Tree);
        Mke2fs.Debugfs(image, sources.Script);
        Mke2fs.Index(image);
        if (made.Contains("quota", StringComparison.Ordinal))
            Mke2fs.Index(image);        // the first run counts what is in use before it compacts directories
        Mke2fs.Protect(image, made);
        File.Copy(image, twin);
        foreach (var change in theirs.Split(';'))
        {
            var words = change.Split(' ');
            Tool.Expect(words[0] == "resize2fs" ? words[0] : "tune2fs", [.. words.SkipWhile(w => w == "resize2fs"), twin]);
        }
        if (theirs.Contains("resize_inode", StringComparison.Ordinal))
            Assert.InRange(Tool.Run("e2fsck", "-fy", twin).ExitCode, 0, 1);

        TreeSnapshot before;
        using (var device = HostFile.Open(image, FileAccess.ReadWrite))
        {
            before = Read(device);
            new ExtType().Tune(device, Options(ours));
            device.Flush();
            Assert.Empty(before.DifferencesTo(Read(device)));
            Assert.DoesNotContain(new ExtType().Check(device, CheckOptions.Default).Findings, f => f.Severity > Severity.Note);
        }
        Assert.Null(Mke2fs.Complaint(image));
        var ignored = Own.Concat(different.Split(',')).ToHashSet(StringComparer.Ordinal);
        Assert.Equal(Fields(twin, ignored), Fields(image, ignored));
        Assert.All(different.Split(',', StringSplitOptions.RemoveEmptyEntries), d => Assert.True(OfJournals.Contains(d) || d is "Free blocks" or "Reserved GDT blocks" or "Filesystem state" or "Last checked", d));
        CompareCopies(image);

        // And the volume can be written to as before.
        using (var device = HostFile.Open(image, FileAccess.ReadWrite))
        using (var volume = ExtEditableVolume.Open(device, VolumeOptions.Default))
        {
            for (var i = 0; i < 40; i++)
                volume.CreateFile(volume.Find("/many").Id, $"another name of some length {i}", new MemoryStream(new byte[i * 100]), null, MetadataChange.None);
            volume.Delete(volume.RootId, "numbers");
            volume.Commit();
        }
        Assert.Null(Mke2fs.Complaint(image));
    }

    // Names of 12 bytes take 20: 50 of them fill a block of 1024 bytes beside the dots. In a tree there is a root that is full, and leaves with room for a name and no more.
    [Theory]
    [InlineData("-t ext4 -b 1024 -N 20000 -O ^metadata_csum,^has_journal", true)]
    [InlineData("-t ext4 -b 1024 -N 20000 -O ^metadata_csum,^has_journal,large_dir,casefold", true)]
    [InlineData("-t ext2 -b 1024 -N 4000 -O ^dir_index", false)]
    public void Directories_without_room_for_a_checksum_are_made_anew(string made, bool isIndexed)
    {
        using var folder = new TempFolder();
        var image = folder.File("full.img");
        Mke2fs.Make(image, 24 << 20, made);
        using var device = HostFile.Open(image, FileAccess.ReadWrite);
        using (var volume = ExtEditableVolume.Open(device, VolumeOptions.Default))
        {
            Names(volume, volume.CreateDirectory(volume.RootId, "one block", MetadataChange.None), () => 50);
            var large = volume.CreateDirectory(volume.RootId, "large", MetadataChange.None);
            Names(volume, large, () => isIndexed && !HasFullRoot(volume, large) ? int.MaxValue : 1500);
            volume.Commit();
        }
        Assert.Null(Mke2fs.Complaint(image));
        var before = Read(device);
        Assert.Equal(1024, BytesOf("/one block"));
        new ExtType().Tune(device, Options("metadata_csum"));
        Assert.True(BytesOf("/one block") > 1024, "the directory was not made anew");
        Assert.Empty(before.DifferencesTo(Read(device)));
        Assert.DoesNotContain(new ExtType().Check(device, CheckOptions.Default).Findings, f => f.Severity > Severity.Note);
        Assert.Null(Mke2fs.Complaint(image));
        new ExtType().Tune(device, Options("^metadata_csum"));
        Assert.Empty(before.DifferencesTo(Read(device)));
        Assert.Null(Mke2fs.Complaint(image));

        long BytesOf(string path)
        {
            using var volume = ExtVolume.Open(device, VolumeOptions.Default);
            return volume.Inodes.Read((uint)volume.Find(path).Id.Value).Length;
        }

        static void Names(ExtEditableVolume volume, NodeId directory, Func<int> enough)
        {
            for (var i = 0; i < enough() && i < 15_000; i++)
                volume.CreateFile(directory, $"name-{i * 7919L % 10_000_000:D7}", MetadataChange.None);
        }

        static bool HasFullRoot(ExtEditableVolume volume, NodeId directory)
        {
            var inode = volume.State.Inodes.Read((uint)directory.Value);
            if (inode.Length < 4096)
                return false;
            var root = volume.State.Blocks.Read(ExtBlockMap.Of(inode, volume.State.Geometry, volume.State.Blocks, volume.State.Checksums).Find(0).Physical, "root");
            ref readonly var head = ref OnDisk.View<ExtHashEntry>(root, ExtIndexBlocks.RootEntriesOffset);
            return head.Count == head.Limit;
        }
    }

    [Fact]
    public void The_kernel_mounts_what_was_changed_and_writes_to_it() => LetKernelWrite(
    [
        ("-t ext4 -b 1024", "uuid=" + Identity), ("-t ext2 -b 1024", "has_journal"), ("-t ext4 -b 4096", "^has_journal,^dir_index"),
        ("-t ext4 -b 4096 -O ^has_journal", "has_journal,orphan_file,metadata_csum_seed,uuid=" + Identity), ("-t ext4 -b 1024 -O orphan_file", "^orphan_file,mmp"),
        ("-t ext4 -b 1024", "^metadata_csum"), ("-t ext4 -b 4096 -O ^metadata_csum,uninit_bg,orphan_file", "metadata_csum"), ("-t ext2 -b 1024", "metadata_csum"),
        ("-t ext4 -b 1024", "^resize_inode"), ("-t ext4 -b 1024 -g 1024", "^64bit"), ("-t ext4 -b 1024 -g 1024 -O ^64bit", "64bit"),
    ]);

    /// <summary>For a kernel with the module quota_v2, which kernel-mount's own has not (its setup.sh has the list of modules).</summary>
    [Fact(Explicit = true)]
    public void The_kernel_mounts_what_was_given_quotas_and_writes_to_it() => LetKernelWrite([("-t ext4 -b 1024", "quota,project"), ("-t ext4 -b 4096 -O quota,project", "quotatype=prjquota")]);

    private void LetKernelWrite(IEnumerable<(string Made, string Ours)> changes)
    {
        using var folder = new TempFolder();
        var images = new List<KernelMount.Image>();
        foreach (var (made, ours) in changes)
        {
            var image = folder.File($"{images.Count}.img");
            Mke2fs.Make(image, 40 << 20, made, sources.Tree);
            Mke2fs.Index(image);
            using (var device = HostFile.Open(image, FileAccess.ReadWrite))
            {
                new ExtType().Tune(device, Options(ours));
                device.Flush();
            }
            images.Add(new KernelMount.Image(image, "ext4"));
        }
        var reports = KernelMount.Run([.. images], new KernelMount.Options { Script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i > many/from-the-kernel-$i; done; rm numbers; sync", Keep = true });
        foreach (var (image, report) in images.Zip(reports))
        {
            Assert.True(report.IsOk, $"{image.Path}: {report.Error} {report.ScriptOutput}");
            Assert.Null(Mke2fs.Complaint(image.Path));
        }
    }

    private static TreeSnapshot Read(BlockDevice device)
    {
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        return TreeSnapshot.Read(volume);
    }

    private static TuneOptions Options(string text) => new()
    {
        Options = text.Split(',').Select(o => o.Split('=', 2)).ToDictionary(o => o[0], o => o.Length > 1 ? o[1] : "true", StringComparer.Ordinal),
    };

    private static List<string> Fields(string image, HashSet<string> ignored) =>
        [.. Tool.Expect("dumpe2fs", "-h", image).Split('\n').Select(l => Regex.Replace(l.Trim(), @"\s+", " ")).Where(l => l.Length > 0 && !ignored.Contains(l.Split(':')[0]))];

    // The copies say the same of identity and features.
    private static void CompareCopies(string image)
    {
        using var device = HostFile.Open(image, FileAccess.Read);
        var geometry = ExtGeometry.Read(device);
        for (var group = 1L; group < geometry.GroupCount; group++)
        {
            if (!geometry.HasSuper(group))
                continue;
            var copy = ExtGeometry.ReadAt(device, geometry.GroupStart(group) << geometry.LogBlockSize);
            Assert.Equal((geometry.Compat, geometry.Incompat, geometry.RoCompat, (Guid)geometry.Super.Uuid), (copy.Compat, copy.Incompat, copy.RoCompat, (Guid)copy.Super.Uuid));
        }
    }

    /// <summary>A tree with something of every structure that has a checksum.</summary>
    public sealed class Sources : IDisposable
    {
        private readonly TempFolder _folder = new();

        public Sources()
        {
            Tree = _folder.File("tree");
            Directory.CreateDirectory(Path.Combine(Tree, "many"));
            Directory.CreateDirectory(Path.Combine(Tree, "few"));
            for (var i = 0; i < 700; i++)
                File.WriteAllText(Path.Combine(Tree, $"many/a-name-of-some-length-{i}"), $"{i}");
            File.WriteAllText(Path.Combine(Tree, "numbers"), string.Join('\n', Enumerable.Range(1, 50_000)));
            File.WriteAllText(Path.Combine(Tree, "few/small"), "a few words");
            var value = _folder.File("value");
            File.WriteAllBytes(value, [.. Enumerable.Range(0, 600).Select(i => (byte)i)]);
            Script = $"ea_set -f {value} numbers user.long\nea_set -f {value} few user.long\nsymlink long {new string('t', 200)}\nmknod pipe p\n"
                + string.Concat(Enumerable.Range(0, 60).Select(i => $"punch numbers {i * 2} {i * 2}\n"));
        }

        public string Tree { get; }
        public string Script { get; }

        public void Dispose() => _folder.Dispose();
    }
}
