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
