using System.Globalization;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Volumes of mkntfs, resized: before the tools of ntfs-3g, and beside what ntfsresize makes of the same.</summary>
public class NtfsResizedTests
{
    private const int Mega = 1 << 20;

    private const string Script = "mkdir d; seq 1 20000 > d/numbers; i=0; while [ $i -lt 200 ]; do echo $i > d/file-$i; i=$((i+1)); done; sync";

    [Theory]
    [InlineData("-c 512", 512, 512)]
    [InlineData("-c 4096", 512, 4096)]
    [InlineData("-c 65536", 512, 65536)]
    [InlineData("-s 4096 -c 4096", 4096, 4096)]
    public void A_grown_volume_satisfies_the_tools_and_is_filled_by_ntfs_3g(string made, int sector, int cluster)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        var start = Math.Max(6 * Mega, 150L * cluster);
        Ntfs3g.Make(path, start, made);
        Ntfs3g.Run(path, Script);
        var before = Ntfs3g.List(path);
        foreach (var length in new[] { start + sector, start + 3 * cluster, start * 2, start * 3 + 12345 })
        {
            Resize(path, length);
            Judge(path, length / sector * sector);
            Assert.Equal(before, Ntfs3g.List(path));
        }
        var most = long.Parse(Ntfs3g.Run(path, "dd if=/dev/urandom of=filler bs=4096 2> ../dd.txt || true; sync; sha256sum filler | cut -c 1-64 > ../sum; stat -c %s filler"), CultureInfo.InvariantCulture);
        Assert.InRange(most, start * 3 / 2, start * 3);
        Judge(path, (start * 3 + 12345) / sector * sector);
        var filled = Ntfs3g.List(path);
        Assert.Equal(File.ReadAllText(folder.File("sum")).Trim(), filled["/filler"].Hash);
        Assert.True(filled.Remove("/filler"));
        Assert.Equal(before, filled);
    }

    [Theory]
    [InlineData("-c 512", 512, 512)]
    [InlineData("-c 4096", 512, 4096)]
    [InlineData("-c 65536", 512, 65536)]
    [InlineData("-s 4096 -c 4096", 4096, 4096)]
    public void Of_the_same_length_both_make_the_same_volume(string made, int sector, int cluster)
    {
        using var folder = new TempFolder();
        var (ours, theirs) = (folder.File("ours.img"), folder.File("theirs.img"));
        var start = Math.Max(8 * Mega, 200L * cluster);
        Ntfs3g.Make(ours, start, made);
        Ntfs3g.Run(ours, Script);
        File.Copy(ours, theirs);
        foreach (var clusters in new[] { start / cluster + 1, start / cluster * 2, start / cluster + 9 })
        {
            var length = clusters * cluster + sector;
            Resize(ours, length);
            Judge(ours, length);
            using (var file = new FileStream(theirs, FileMode.Open))
                file.SetLength(Math.Max(file.Length, length));
            Tool.Expect("ntfsresize", "-f", "-f", "--no-progress-bar", "--size", length.ToString(CultureInfo.InvariantCulture), theirs);
            var (a, b) = (Parts(ours), Parts(theirs));
            Assert.Equal(b.Boot, a.Boot);
            Assert.Equal(b.BadLength, a.BadLength);
            Assert.Equal(b.Bitmap.Length, a.Bitmap.Length);
            Assert.Equal(Free(b.Bitmap), Free(a.Bitmap));
            Assert.Equal(b.Others, a.Others);
        }
    }

    [Theory]
    [InlineData("-c 512", 512, 512)]
    [InlineData("-c 4096", 512, 4096)]
    [InlineData("-c 65536", 512, 65536)]
    [InlineData("-s 4096 -c 4096", 4096, 4096)]
    public void A_shrunken_volume_is_the_one_that_ntfsresize_makes(string made, int sector, int cluster)
    {
        using var folder = new TempFolder();
        var (ours, theirs) = (folder.File("ours.img"), folder.File("theirs.img"));
        var start = Math.Max(32 * Mega, 400L * cluster);
        Ntfs3g.Make(ours, start, made);
        Ntfs3g.Run(ours, Mixture);
        File.Copy(ours, theirs);
        var before = Ntfs3g.List(ours, "d/numbers:stream", "d:stream");
        var least = Least(ours);
        foreach (var clusters in new[] { start * 2 / 3 / cluster, (least + start / 3) / 2 / cluster, (least - sector) / cluster })
        {
            var length = clusters * cluster + sector;
            Resize(ours, length);
            Judge(ours, length);
            Assert.Equal(before, Ntfs3g.List(ours, "d/numbers:stream", "d:stream"));
            if (Tool.Run("ntfsresize", "-f", "-f", "--no-progress-bar", "--size", length.ToString(CultureInfo.InvariantCulture), theirs) is { ExitCode: not 0 })
            {
                // It keeps some room to spare.
                Assert.InRange(length, least, least + start / 20);
                continue;
            }
            using (var file = new FileStream(theirs, FileMode.Open))
                file.SetLength(length);
            Assert.Equal(before, Ntfs3g.List(theirs, "d/numbers:stream", "d:stream"));
            var (a, b) = (Parts(ours), Parts(theirs));
            Assert.Equal(b.BadLength, a.BadLength);
            Assert.Equal(b.Bitmap.Length, a.Bitmap.Length);
            // All but the places of the MFT and its copy.
            Assert.Equal(b.Boot[..0x30], a.Boot[..0x30]);
            Assert.Equal(b.Boot[0x40..], a.Boot[0x40..]);
        }
        // With some room again, by another driver, which loses records of its own when it meets the end.
        Resize(ours, (least / cluster + 40) * cluster + 6 * Mega / cluster * cluster + sector);
        Ntfs3g.Run(ours, "mkdir later; i=0; while [ $i -lt 30 ]; do : > later/$i; i=$((i+1)); done; head -c $(($(stat -f -c '%a * %S' .) * 3 / 4)) /dev/urandom > filler; rm gaps/1; seq 1 9000 >> woven1; rm woven1; sync");
        Judge(ours, new FileInfo(ours).Length);
        var filled = Ntfs3g.List(ours, "d/numbers:stream", "d:stream");
        Assert.All(before.Where(l => l.Key is not ("/gaps/1" or "/woven1")), line => Assert.Equal(line.Value, filled[line.Key]));
    }

    [Fact]
    public void The_kernel_reads_and_fills_a_shrunken_volume()
    {
        using var folder = new TempFolder();
        var (paths, trees) = (new List<string>(), new List<Dictionary<string, NtfsListing.Line>>());
        foreach (var (made, cluster) in new[] { ("-c 512", 512), ("-c 4096", 4096), ("-c 65536", 65536) })
        {
            var path = folder.File($"{cluster}.img");
            Ntfs3g.Make(path, Math.Max(40 * Mega, 500L * cluster), made);
            Ntfs3g.Run(path, Mixture);
            trees.Add(Ntfs3g.List(path));
            var length = Least(path) + 3 * Mega;
            Resize(path, length);
            Judge(path, length / 512 * 512);
            paths.Add(path);
        }
        const string script = "set -e; mkdir new; cp -r d new/copy; head -c 900000 /dev/urandom > new/rest; i=0; while [ $i -lt 80 ]; do echo $i > new/$i; i=$((i+1)); done; rm d/file-7; sync";
        var reports = KernelMount.Run([.. paths.Select(p => new KernelMount.Image(p, "ntfs3"))], new KernelMount.Options { Script = script, Keep = true });
        for (var i = 0; i < paths.Count; i++)
        {
            Assert.True(reports[i].IsOk, reports[i].Error + reports[i].ScriptOutput);
            NtfsCheck.AssertClean(ScratchDevice.Load(paths[i]), "NTFS-0135", "NTFS-0139");
            var now = Ntfs3g.List(paths[i]);
            foreach (var (name, line) in trees[i].Where(l => l.Key != "/d/file-7"))
                Assert.Equal(line, now[name]);
            foreach (var (name, line) in trees[i].Where(l => l.Key.StartsWith("/d/", StringComparison.Ordinal)))
                Assert.Equal(line, now["/new/copy" + name[2..]]);
        }
    }

    // Everything that ntfs-3g makes, spread over the volume, with gaps: files in turns, compressed, sparse, streams, a large directory.
    private const string Mixture = """
        mkdir d big gaps; seq 1 20000 > d/numbers; i=0; while [ $i -lt 60 ]; do echo $i > d/file-$i; i=$((i+1)); done
        seq 1 9000 > d/numbers:stream; seq 1 5000 > d:stream
        i=0; while [ $i -lt 40 ]; do head -c 60000 /dev/urandom > gaps/$i; i=$((i+1)); done
        i=0; while [ $i -lt 300 ]; do : > "big/a name of some length $i"; i=$((i+1)); done
        i=0; while [ $i -lt 60 ]; do head -c 5000 d/numbers >> woven1; head -c 7000 d/numbers >> woven2; i=$((i+1)); done
        mkdir packed; setfattr -h -v 0x00000800 -n system.ntfs_attrib_be packed 2>/dev/null || true; seq 1 30000 > packed/numbers
        truncate -s 3000000 sparse; printf middle | dd of=sparse bs=1 seek=1500000 conv=notrunc 2>/dev/null
        i=0; while [ $i -lt 40 ]; do rm gaps/$i; i=$((i+2)); done
        dd if=/dev/urandom of=front bs=65536 count=150 2>/dev/null; seq 1 40000 > back; ln back "back again"; rm front; sync
        """;

    private static long Least(string path)
    {
        using var disk = DiskImage.OpenForEditing(path);
        return long.Parse(Assert.Throws<ArgumentException>(() => disk.Resize(null, new ResizeOptions { Length = Mega })).Message.Split(" bytes long")[0].Split(' ')[^1], CultureInfo.InvariantCulture);
    }

    private static void Resize(string path, long length)
    {
        using (var file = new FileStream(path, FileMode.Open))
            file.SetLength(Math.Max(file.Length, length));
        using (var disk = DiskImage.OpenForEditing(path))
            disk.Resize(null, new ResizeOptions { Length = length });
        // The tools expect the copy of the boot sector at the end of the device.
        using (var file = new FileStream(path, FileMode.Open))
            file.SetLength(length);
    }

    private static void Judge(string path, long length)
    {
        using (var file = new FileStream(path, FileMode.Open))
            file.SetLength(length);
        Assert.Contains("processed successfully", Tool.Expect("ntfsfix", "-n", path), StringComparison.Ordinal);
        Assert.Contains("Space in use", Tool.Run("ntfsresize", "-f", "--info", path).All, StringComparison.Ordinal);
        var device = ScratchDevice.Load(path);
        NtfsSized.AssertIs(device, length);
    }

    // Others: the bits of all clusters but its own, which ntfsresize chooses anew.
    private static (byte[] Boot, byte[] Bitmap, byte[] Others, long BadLength) Parts(string path)
    {
        var device = ScratchDevice.Load(path);
        var boot = new byte[512];
        device.Read(0, boot);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var content = volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!;
        var bitmap = content.ReadAll(Mega, "NTFS-0112");
        var others = bitmap.ToArray();
        foreach (var run in content.Runs.Runs)
        {
            for (var cluster = run.Lcn; cluster < run.Lcn + run.Count; cluster++)
                others[cluster / 8] &= (byte)~(1 << (int)(cluster & 7));
        }
        return (boot, bitmap, others,
            volume.OpenSystemFile(NtfsMft.BadClustersRecord).Open(NtfsAttributeType.Data, "$Bad")!.Length);
    }

    private static int Free(byte[] bitmap) => bitmap.Sum(b => 8 - System.Numerics.BitOperations.PopCount(b));
}
