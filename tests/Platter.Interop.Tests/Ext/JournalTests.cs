using System.Globalization;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ext;

/// <summary>Journals that must be replayed: block for block what e2fsck makes of them, and nothing is written.</summary>
public class JournalTests
{
    /// <summary>Features of the volume, and how debugfs opens its journal.</summary>
    public static TheoryData<string, string> Formats => new()
    {
        { "-t ext3 -b 1024", "jo" },
        { "-t ext4 -b 1024 -O ^metadata_csum,^64bit", "jo" },
        { "-t ext4 -b 4096 -O ^metadata_csum,64bit", "jo" },
        { "-t ext4 -b 1024 -O metadata_csum,^64bit", "jo -c -v 2" },
        { "-t ext4 -b 4096 -O metadata_csum,64bit", "jo -c -v 2" },
        { "-t ext4 -b 1024 -O metadata_csum,^64bit", "jo -c -v 3" },
        { "-t ext4 -b 4096 -O metadata_csum,64bit", "jo -c -v 3" },
        { "-t ext4 -b 2048 -O metadata_csum,64bit,bigalloc", "jo -c -v 3" },
    };

    [Theory, MemberData(nameof(Formats))]
    public void What_debugfs_logged_is_replayed_as_e2fsck_does_it(string arguments, string open)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 48 << 20, arguments + " -J size=4");
        var block = int.Parse(arguments.Split(' ')[3], CultureInfo.InvariantCulture);

        // Blocks of the log that begin with its own magic number must be escaped.
        var first = Content(folder, "first", 12, block, seed: 1, magicAt: 3);
        var second = Content(folder, "second", 6, block, seed: 2, magicAt: 0);
        var third = Content(folder, "third", 3, block, seed: 3, magicAt: -1);
        var at = (40 << 20) / block;
        Mke2fs.Debugfs(path, $"{open}\njw -b {at}-{at + 11} {first}\njw -b {at + 4}-{at + 9} {second}\njw -r {at + 5}-{at + 6},{at + 20}\njw -b {at + 6},{at + 20}-{at + 21} {third}\njc\n");
        var replayed = AssertReplaysAsE2fsck(path);
        Assert.True(replayed.Copies.Count >= 12, $"{replayed.Copies.Count} blocks, {replayed.Transactions} transactions");
        Assert.Contains(replayed.Copies.Values, c => c.IsEscaped);
    }

    [Fact]
    public void A_long_log_that_went_around_is_replayed_as_e2fsck_does_it()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 32 << 20, "-t ext4 -b 1024 -J size=1");
        var content = Content(folder, "content", 100, 1024, seed: 4, magicAt: 50);
        var script = new StringBuilder("jo -c -v 3\n");
        for (var i = 0; i < 9; i++)
            script.Append(CultureInfo.InvariantCulture, $"jw -b {20000 + i * 37}-{20099 + i * 37} {content}\n").Append(i % 3 == 1 ? $"jw -r {20050 + i * 37}-{20060 + i * 37}\n" : "");
        Mke2fs.Debugfs(path, script.Append("jc\n").ToString());
        AssertReplaysAsE2fsck(path);
    }

    [Fact]
    public void A_volume_that_lost_power_while_the_kernel_wrote_reads_as_after_e2fsck()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 64 << 20, "-t ext4 -b 1024");
        CutPower(folder, path, """
            mkdir -p a/b/c; for i in $(seq 1 400); do echo "$i" > "a/file-$i"; done
            dd if=/dev/urandom of=big bs=64k count=40 2>/dev/null; ln -s a link; ln a/file-7 hard; sync
            for i in $(seq 1 3 400); do rm "a/file-$i"; done; mv a/file-8 a/b/c/moved; truncate -s 100 big; setxattr user.name value hard
            for i in $(seq 1 200); do mkdir "a/b/dir-$i"; done; sync; rm -r a/b/dir-1*; seq 1 30000 > a/b/numbers; sync
            """);
        var replayed = AssertReplaysAsE2fsck(path);
        Assert.True(replayed.Copies.Count > 20, $"only {replayed.Copies.Count} blocks were to be replayed");

        // And the tree is the one that the kernel sees when it has replayed the journal itself.
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        Assert.False(volume.Info.IsClean);
        var report = KernelMount.Run(new KernelMount.Image(path, "ext4"), new KernelMount.Options { ExtendedAttributes = true });
        Assert.True(report.IsOk, report.Error);
        report.Tree.AssertSame(TreeSnapshot.Read(volume), "after the replay");
        Assert.True(new ExtType().Check(device, CheckOptions.Default).IsClean);
    }

    // The writer goes on while the power goes: what is lost is in the middle of a transaction.
    private const string EndlessWriter = """
        ( i=0; while :; do
            i=$((i+1)); mkdir -p w/$i; for j in 1 2 3 4 5 6 7 8 9; do echo "$i $j" > w/$i/file-$j; done
            mv w/$i/file-1 w/moved-$i; ln w/$i/file-2 w/hard-$i; seq 1 $((i * 50)) >> grows
            [ $((i % 5)) = 0 ] && rm -r w/$((i - 3)); [ $((i % 7)) = 0 ] && sync; [ $((i % 9)) = 0 ] && truncate -s 3000 grows
          done ) >/dev/null 2>&1 &
        sleep 5
        """;

    [Theory]
    [InlineData("-t ext3 -b 1024", "noatime,commit=1")]
    public void A_volume_that_lost_power_in_the_middle_of_writing_reads_as_after_e2fsck(string arguments, string options) => CutInTheMiddle(arguments, options);

    [Fact(Explicit = true)]
    public void So_do_volumes_of_each_kind()
    {
        foreach (var (arguments, options) in ((string, string)[])
        [
            ("-t ext3 -b 4096", "data=journal,commit=1"), ("-t ext4 -b 1024", "noatime,commit=1"), ("-t ext4 -b 4096", "commit=1"), ("-t ext4 -b 1024 -O ^64bit", "commit=1,data=journal"),
            ("-t ext4 -b 2048 -O bigalloc", "commit=1"), ("-t ext4 -b 4096 -O ^metadata_csum", "commit=1,journal_checksum"), ("-t ext4 -b 4096 -O inline_data,orphan_file,ea_inode", "commit=1"),
        ])
            CutInTheMiddle(arguments, options);
    }

    private static void CutInTheMiddle(string arguments, string options)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 96 << 20, arguments);
        CutPower(folder, path, EndlessWriter, options);
        var replayed = AssertReplaysAsE2fsck(path);
        TestContext.Current.TestOutputHelper?.WriteLine($"{arguments}, {options}: {replayed.Transactions} transactions, {replayed.Copies.Count} blocks");
        Assert.True(replayed.Copies.Count > 5, $"{arguments}: only {replayed.Copies.Count} blocks were to be replayed");
        using var device = HostFile.Open(path, FileAccess.Read);
        Assert.True(new ExtType().Check(device, CheckOptions.Default).IsClean);
    }

    [Fact]
    public void Fast_commits_of_a_volume_that_lost_power_are_replayed_to_the_tree_that_the_kernel_and_e2fsck_make_of_them() => ReplayFastCommits("-t ext4 -b 4096 -O fast_commit");

    [Fact(Explicit = true)]
    public void So_are_those_of_volumes_of_each_kind()
    {
        foreach (var arguments in (string[])["-t ext4 -b 1024 -O fast_commit", "-t ext4 -b 2048 -O fast_commit,^metadata_csum,^64bit", "-t ext4 -b 4096 -O fast_commit,orphan_file,ea_inode", "-t ext4 -b 1024 -I 512 -O fast_commit,metadata_csum_seed,inline_data"])
            ReplayFastCommits(arguments, mayGiveUp: !arguments.Contains("-b 4096", StringComparison.Ordinal));
    }

    private static void ReplayFastCommits(string arguments, bool mayGiveUp = false)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 96 << 20, arguments + " -J size=8");
        CutPower(folder, path, """
            mkdir d e; for i in $(seq 1 40); do seq 1 $((i * 100)) > d/f$i; done; sync; sleep 1
            keep() { dd if=/dev/zero of=$1 bs=1 count=1 seek=$2 conv=notrunc,fsync 2>/dev/null; }
            dd if=/dev/urandom of=new bs=4k count=30 conv=fsync 2>/dev/null
            for i in $(seq 1 30); do echo $i > e/a-longer-name-for-a-new-file-$i; done; keep d/f1 5
            mv d/f2 e/moved; ln d/f3 e/hard; rm d/f4; rm e/a-longer-name-for-a-new-file-7; keep d/f5 5000000
            mv d/f6 d/f7; truncate -s 3000 d/f40; keep d/f40 10; chmod 600 d/f8; chown 1000:70000 d/f9; keep d/f10 3
            truncate -s 20000 d/f11; keep new 900000; keep d/f39 100; ln d/f12 d/other; rm d/f12; keep d/f13 1
            """, "noatime,commit=900");
        using var device = HostFile.Open(path, FileAccess.Read);
        var geometry = ExtGeometry.Read(device);
        var state = ExtJournalState.Open(device, geometry, VolumeOptions.Default);
        TestContext.Current.TestOutputHelper?.WriteLine($"{arguments}: {state.Text}, {state.Replay?.Fast?.Records.Count} records: "
            + string.Join(", ", state.Replay?.Fast?.Records.CountBy(r => r.Tag).Select(c => $"{c.Value} {c.Key}") ?? []));
        Assert.True(state.Replay?.Fast?.Count > 1, "there are no fast commits");
        TreeSnapshot found;
        using (var volume = ExtVolume.Open(device, VolumeOptions.Default))
            found = TreeSnapshot.Read(volume);
        Assert.DoesNotContain(new ExtType().Check(device, CheckOptions.Default).Findings, f => f.Severity > Severity.Note);

        // e2fsck, which only takes the name of what was deleted and finds the rest later; and the kernel.
        var theirs = path + ".e2fsck";
        File.Copy(path, theirs);
        var checkedByThem = Tool.Run("e2fsck", "-fy", theirs);
        Assert.InRange(checkedByThem.ExitCode, 0, 1);
        // A directory that has to grow for a name is more than e2fsck 1.47 can do while it replays: it stops there, and the kernel alone is left to judge.
        var gaveUp = checkedByThem.All.Contains("No free space in the directory", StringComparison.Ordinal);
        if (gaveUp)
            TestContext.Current.TestOutputHelper?.WriteLine($"{arguments}: e2fsck stopped at a directory without room");
        Assert.True(mayGiveUp || !gaveUp, checkedByThem.All);
        using (var repaired = HostFile.Open(theirs, FileAccess.Read))
        using (var volume = ExtVolume.Open(repaired, VolumeOptions.Default))
            Assert.True(gaveUp || TreeSnapshot.Read(volume).DifferencesTo(found).All(d => d.Contains(" /lost+found/#", StringComparison.Ordinal)), $"{arguments}: {string.Join('\n', TreeSnapshot.Read(volume).DifferencesTo(found))}");
        // On a copy that it may write to: without that the kernel replays nothing, and does not mount.
        var report = KernelMount.Run(new KernelMount.Image(path, "ext4"), new KernelMount.Options { Script = ":" });
        Assert.True(report.IsOk, report.Error);
        // Where it replays a name it gives the directory the time of the replay; e2fsck leaves the one that was recorded.
        Assert.Empty(report.Tree.DifferencesTo(found).Where(d => !d.StartsWith("~ /d: modified:", StringComparison.Ordinal) && !d.StartsWith("~ /e: modified:", StringComparison.Ordinal)));

        var copy = path + ".edited";
        File.Copy(path, copy);
        using (var edited = HostFile.Open(copy, FileAccess.ReadWrite))
        using (var volume = ExtEditableVolume.Open(edited, VolumeOptions.Default))
            Assert.Empty(found.DifferencesTo(TreeSnapshot.Read(volume)));
        Assert.Null(Mke2fs.Complaint(copy));
        using (var edited = HostFile.Open(copy, FileAccess.ReadWrite))
        using (var volume = ExtEditableVolume.Open(edited, VolumeOptions.Default))
        {
            ExtEditScript.Run(volume);
            volume.Commit();
        }
        Assert.Null(Mke2fs.Complaint(copy));
    }

    [Fact(Explicit = true)]
    public void Volumes_of_each_kind_that_lost_power_read_as_after_e2fsck()
    {
        foreach (var (arguments, options) in ((string, string)[])
        [
            ("-t ext3 -b 1024", "data=journal"), ("-t ext3 -b 4096", "noatime"), ("-t ext4 -b 4096", "noatime"), ("-t ext4 -b 1024 -O bigalloc", "noatime"),
            ("-t ext4 -b 2048 -O ^metadata_csum", "journal_checksum"), ("-t ext4 -b 1024 -O ^metadata_csum", "data=writeback,journal_async_commit"),
            ("-t ext4 -b 4096 -O inline_data,project,orphan_file", "data=journal"),
        ])
        {
            using var folder = new TempFolder();
            var path = folder.File("volume.img");
            Mke2fs.Make(path, 96 << 20, arguments);
            CutPower(folder, path, """
                for d in $(seq 1 20); do mkdir "d$d"; for i in $(seq 1 60); do echo "$i" > "d$d/file-$i"; done; done; sync
                for d in $(seq 1 20); do for i in $(seq 1 2 60); do rm "d$d/file-$i"; done; mv "d$d/file-2" "d$d/moved"; done; sync
                seq 1 100000 > numbers; rm -r d3 d5; sync; seq 1 50000 > more; mkdir -p x/y/z; sleep 1
                """, options);
            var replayed = AssertReplaysAsE2fsck(path);
            TestContext.Current.TestOutputHelper?.WriteLine($"{arguments}, {options}: {replayed.Transactions} transactions, {replayed.Copies.Count} blocks");
        }
    }

    // Blocks of the volume after both replays, but the superblocks of volume and journal: they keep times and a sequence number that only a writer sets.
    private static JbdReplay AssertReplaysAsE2fsck(string path)
    {
        var before = File.ReadAllBytes(path);
        using var device = HostFile.Open(path, FileAccess.Read);
        var geometry = ExtGeometry.Read(device);
        Assert.True(geometry.Has(ExtIncompat.Recover), "there is nothing to replay");
        var state = ExtJournalState.Open(device, geometry, VolumeOptions.Default);
        Assert.NotNull(state.Replay);

        var theirs = path + ".e2fsck";
        File.Copy(path, theirs);
        var result = Tool.Run("e2fsck", "-y", "-E", "journal_only", theirs);
        Assert.True(result.ExitCode is 0 or 1, result.All);
        using var expected = HostFile.Open(theirs, FileAccess.Read);
        var journal = ExtJournalFile.Open(geometry, new ExtBlocks(device, geometry));
        var skipped = new HashSet<long> { ExtSuperblock.Offset / geometry.BlockSize, journal.Offset / geometry.BlockSize };
        byte[] wanted = new byte[geometry.BlockSize], found = new byte[geometry.BlockSize];
        var different = new List<long>();
        for (var block = 0L; block < geometry.BlocksCount; block++)
        {
            if (skipped.Contains(block))
                continue;
            expected.Read(block * geometry.BlockSize, wanted);
            state.Device.Read(block * geometry.BlockSize, found);
            if (!wanted.AsSpan().SequenceEqual(found))
                different.Add(block);
        }
        Assert.True(different.Count == 0, $"{different.Count} blocks differ, the first are {string.Join(", ", different.Take(10))}");
        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(path)), "the image was changed");
        AssertIsBroughtHome(path, expected, skipped);
        return state.Replay;
    }

    // Opening for editing writes the same, empties the journal, and the volume can be edited and is sound.
    private static void AssertIsBroughtHome(string path, BlockDevice expected, HashSet<long> skipped)
    {
        var copy = path + ".edited";
        File.Copy(path, copy);
        using (var device = HostFile.Open(copy, FileAccess.ReadWrite))
        {
            using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
            Assert.Equal(0, volume.UncommittedBytes);
            var geometry = ExtGeometry.Read(device);
            Assert.False(geometry.Has(ExtIncompat.Recover));
            Assert.Equal(0u, ExtJournalFile.Open(geometry, new ExtBlocks(device, geometry)).Journal.Start);
            byte[] wanted = new byte[geometry.BlockSize], found = new byte[geometry.BlockSize];
            for (var block = 0L; block < geometry.BlocksCount; block++)
            {
                expected.Read(block * geometry.BlockSize, wanted);
                device.Read(block * geometry.BlockSize, found);
                Assert.True(skipped.Contains(block) || wanted.AsSpan().SequenceEqual(found), $"block {block} differs");
            }
        }
        Assert.Null(Mke2fs.Complaint(copy));
        using (var device = HostFile.Open(copy, FileAccess.ReadWrite))
        {
            using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
            ExtEditScript.Run(volume);
            volume.Commit();
        }
        Assert.Null(Mke2fs.Complaint(copy));
    }

    private static string Content(TempFolder folder, string name, int blocks, int blockSize, int seed, int magicAt)
    {
        var bytes = new byte[blocks * blockSize];
        new Random(seed).NextBytes(bytes);
        if (magicAt >= 0)
            ((ReadOnlySpan<byte>)[0xC0, 0x3B, 0x39, 0x98]).CopyTo(bytes.AsSpan(magicAt * blockSize));
        File.WriteAllBytes(folder.File(name), bytes);
        return folder.File(name);
    }

    private static void CutPower(TempFolder folder, string path, string script, string options = "noatime")
    {
        var file = folder.File("script.sh");
        File.WriteAllText(file, script.ReplaceLineEndings("\n") + "\necho o >/proc/sysrq-trigger; sleep 9\n");
        var tool = Path.Combine(Corpus.Shared, "tools", "kernel-mount", "kernel-mount");
        var result = Tool.Run(tool, "--rw", file, "--keep", "-o", options, path + ":ext4");
        Assert.True(result.ExitCode == 2, $"the machine should have lost its power: {result.ExitCode}\n{result.All}");
    }
}
