using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Fat;

/// <summary>One volume of the matrix and what everybody saw on it.</summary>
internal sealed class MatrixVolume(string arguments, string path)
{
    public string Arguments => arguments;
    public string Path => path;

    /// <summary>What went wrong; empty when nothing did.</summary>
    public List<string> Failures { get; } = [];

    /// <summary>The tree after mtools and the kernel wrote, and after Platter edited it.</summary>
    public TreeSnapshot? Before { get; set; }

    public TreeSnapshot? After { get; set; }
    public KernelMount.Report? KernelBefore { get; set; }
    public KernelMount.Report? KernelAfter { get; set; }
}

/// <summary>Volumes by <c>mkfs.vfat</c> with every combination of options that it takes; filled by mtools, then by the Linux kernel in
/// one virtual machine, then edited by Platter, then shown to the kernel in another. Made once; the tests look at the outcome.</summary>
public sealed class FatMkfsMatrix : IDisposable
{
    private const string KernelScript = """
        set -e
        mkdir -p KDIR/sub "Kernel Directory With A Long Name" KDIR/empty
        i=0; while [ $i -lt 16 ]; do seq $i $((i * 40 + 7)) > "KDIR/frag $i.txt"; i=$((i+1)); done
        for i in 0 2 4 6 8 10 12 14; do rm "KDIR/frag $i.txt"; done
        seq 1 1500 > KDIR/fragmented.txt
        seq 1 700 >> "KDIR/frag 3.txt"
        seq 1 10 > KDIR/sub/SHORT.TXT
        seq 1 11 > KDIR/sub/lower.txt
        seq 1 12 > KDIR/sub/Mixed.Txt
        seq 1 13 > KDIR/sub/.profile
        seq 1 14 > "KDIR/sub/Über größe – 日本語 🎻.txt"
        seq 1 15 > "KDIR/sub/a+b=c [d],e;f.x"
        : > KDIR/sub/nothing
        i=0; while [ $i -lt 30 ]; do : > "Kernel Directory With A Long Name/entry number $i of thirty"; i=$((i+1)); done
        i=0; while [ $i -lt 30 ]; do rm "Kernel Directory With A Long Name/entry number $i of thirty"; i=$((i+3)); done
        mv "KDIR/frag 1.txt" "Kernel Directory With A Long Name/moved by the kernel.txt"
        mv KDIR/sub "KDIR/sub renamed"
        mv KDIR/empty "Kernel Directory With A Long Name/empty"
        truncate -s 100 "KDIR/frag 5.txt"
        truncate -s 5000 "KDIR/frag 7.txt"
        touch -d '1999-12-31 23:59:58' "KDIR/frag 9.txt"
        touch -d '2040-02-29 12:00:00' "KDIR/sub renamed"
        fatattr +h +s KDIR/fragmented.txt
        fatattr +r "KDIR/sub renamed/SHORT.TXT"
        """;

    private readonly TempFolder _folder = new();

    public FatMkfsMatrix()
    {
        var host = HostTree();
        foreach (var (arguments, length) in Combinations())
        {
            var path = _folder.File($"{Volumes.Count:D3}.img");
            using (var file = File.Create(path))
                file.SetLength(length);
            if (Tool.Run("mkfs.vfat", [.. arguments.Split(' '), path]).ExitCode == 0)
                Volumes.Add(new MatrixVolume(arguments, path));
            else
                File.Delete(path);
        }
        foreach (var volume in Volumes)
            Guarded(volume, "mtools", () => FillByMtools(volume, host));
        var reports = KernelMount.Run([.. Volumes.Select(v => new KernelMount.Image(v.Path, "vfat"))], new KernelMount.Options { Script = KernelScript, Keep = true });
        for (var i = 0; i < Volumes.Count; i++)
            Volumes[i].KernelBefore = reports[i];
        foreach (var volume in Volumes)
            Guarded(volume, "Platter", () => EditByPlatter(volume));
        reports = KernelMount.Run([.. Volumes.Select(v => new KernelMount.Image(v.Path, "vfat"))], new KernelMount.Options { Script = "true" });
        for (var i = 0; i < Volumes.Count; i++)
            Volumes[i].KernelAfter = reports[i];
    }

    internal List<MatrixVolume> Volumes { get; } = [];

    /// <summary>Looks at every volume and fails with a list of those that something is wrong with.</summary>
    internal void ForEach(Action<MatrixVolume> look)
    {
        var failures = new List<string>();
        foreach (var volume in Volumes)
        {
            if (volume.Failures.Count > 0)
            {
                failures.Add($"[{volume.Arguments}] {volume.Failures[0]}");
                continue;
            }
            try
            {
                look(volume);
            }
            catch (Exception e)
            {
                failures.Add($"[{volume.Arguments}] {e.Message}");
            }
        }
        Assert.True(failures.Count == 0, $"{failures.Count} of {Volumes.Count} volumes\n{string.Join("\n\n", failures.Take(6))}");
    }

    public void Dispose() => _folder.Dispose();

    // Cluster counts stay near the smallest that the width allows: the images are sparse, the tables short.
    private static IEnumerable<(string Arguments, long Length)> Combinations()
    {
        var more = new[] { "", "-f 1", "-R 9", "-h 63", "-a", "-f 1 -R 64 -h 2048", "-r 256", "-n LABEL", "-M 0xF0", "-f 3" };
        var pick = 0;
        (int Sector, int[] PerCluster)[] sizes = [(512, [1, 2, 8, 16, 32, 64, 128]), (1024, [1, 4, 16, 64]), (2048, [1, 8, 32]), (4096, [1, 4, 16])];
        foreach (var (sector, perCluster) in sizes.SelectMany(s => s.PerCluster.Select(c => (s.Sector, c))))
        {
            var cluster = sector * perCluster;
            yield return ($"-F 12 -S {sector} -s {perCluster} {more[pick++ % more.Length]}".Trim(), 900L * cluster);
            yield return ($"-F 16 -S {sector} -s {perCluster} {more[pick++ % more.Length]}".Trim(), 4400L * cluster);
            yield return ($"-F 32 -S {sector} -s {perCluster} {more[pick++ % more.Length].Replace("-r 256", "-b 3", StringComparison.Ordinal)}".Trim(), 70_000L * cluster);
        }
        foreach (var options in new[] { "-F 16 -R 1 -r 1024", "-F 16 -A", "-F 12 -r 112", "-F 32 -f 1 -R 3 -b 2", "-F 32 -b 12 -R 40", "-I -F 16 -h 8 -g 255/63" })
            yield return (options, options.Contains("-F 32", StringComparison.Ordinal) ? 70 << 20 : options.Contains("-F 12", StringComparison.Ordinal) ? 8 << 20 : 20 << 20);
        foreach (var floppy in new[] { 720, 1200, 1440, 2880 })
            yield return ("-I", floppy * 1024L);
    }

    // Names of every sort, for mcopy to carry over.
    private string HostTree()
    {
        var root = _folder.File("host");
        var sub = Directory.CreateDirectory(System.IO.Path.Combine(root, "Sub Folder", "deeper")).FullName;
        string[] names =
        [
            "UPPER.TXT", "lower.txt", "MiXeD.TxT", "A long name, with a comma.text", ".hidden", "Ünïcödé ß.txt", "日本語.txt", "name  with  spaces",
            "a.b.c.d", "x", "[brackets];+=.txt", "trailing~1.txt", new string('n', 200) + ".long",
        ];
        foreach (var (name, i) in names.Select((n, i) => (n, i)))
            Put(System.IO.Path.Combine(root, name), 10 + i * 300, i);
        Put(System.IO.Path.Combine(sub, "deep.bin"), 7000, 50);
        Put(System.IO.Path.Combine(sub, "empty"), 0, 51);
        return root;

        static void Put(string path, int length, int seed)
        {
            File.WriteAllBytes(path, ConformanceCase.Bytes(length, seed));
            File.SetLastWriteTimeUtc(path, new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc).AddHours(seed));
        }
    }

    private static void FillByMtools(MatrixVolume volume, string host)
    {
        Tool.Expect("mmd", "-i", volume.Path, "::/MADE", "::/Made by mtools");
        Tool.Expect("mcopy", "-i", volume.Path, "-s", "-m", host, "::/MADE/Tree");
        Tool.Expect("mattrib", "-i", volume.Path, "+h", "+r", "::/MADE/Tree/UPPER.TXT");
    }

    private static void EditByPlatter(MatrixVolume matrix)
    {
        using var image = ImageFile.Open(matrix.Path, ImageAccess.Edit, new ImageOptions { AsRaw = true });
        var clock = new SettableClock();
        using var volume = FatVolume.OpenForEditing(image.Device, new VolumeOptions { Clock = clock });
        matrix.Before = TreeSnapshot.Read(volume);
        var root = volume.RootId;
        var made = volume.Find("/MADE").Id;
        var tree = volume.Find("/MADE/Tree").Id;
        var own = volume.CreateDirectory(root, "Platter was here", MetadataChange.None);
        for (var i = 0; i < 25; i++)
            volume.CreateFile(own, $"Entry {i} – ein längerer Name 🎻.dat", new MemoryStream(ConformanceCase.Bytes(i * 97, i)), i * 97, MetadataChange.None);
        volume.Rename(root, "KDIR", own, "From the kernel", replace: false);
        volume.Rename(tree, "A long name, with a comma.text", made, "now short.txt", replace: false);
        volume.Rename(tree, "lower.txt", tree, "LOWER.TXT", replace: false);
        volume.Rename(tree, "x", tree, "MiXeD.TxT", replace: true);
        volume.Commit();
        volume.Delete(tree, ".hidden");
        volume.DeleteRecursively(root, "Kernel Directory With A Long Name");
        Write(volume, "/MADE/Tree/日本語.txt", 100, ConformanceCase.Bytes(6000, 77));
        Write(volume, "/Platter was here/From the kernel/fragmented.txt", 4000, ConformanceCase.Bytes(3000, 78));
        Write(volume, "/Platter was here/From the kernel/frag 9.txt", 3000, ConformanceCase.Bytes(10, 79));
        using (var stream = volume.OpenWrite(volume.Find("/Platter was here/From the kernel/frag 7.txt").Id, StreamName.Data))
            stream.SetLength(3);
        volume.SetMetadata(volume.Find("/MADE/Tree/a.b.c.d").Id, new MetadataChange
        {
            Modified = new Timestamp(1_700_000_000), Created = new Timestamp(1_600_000_001), DosAttributes = DosAttributes.System | DosAttributes.Archive,
        });
        volume.CreateDirectory(volume.Find("/Made by mtools").Id, "empty", MetadataChange.None);
        volume.SetLabel("PLATTER");
        volume.Commit();
        matrix.After = TreeSnapshot.Read(volume);
    }

    private static void Write(FatVolume volume, string path, long offset, byte[] data)
    {
        using var stream = volume.OpenWrite(volume.Find(path).Id, StreamName.Data);
        stream.WriteAt(offset, data);
    }

    private static void Guarded(MatrixVolume volume, string who, Action action)
    {
        try
        {
            if (volume.Failures.Count == 0)
                action();
        }
        catch (Exception e)
        {
            volume.Failures.Add($"{who}: {e.Message}");
        }
    }
}
