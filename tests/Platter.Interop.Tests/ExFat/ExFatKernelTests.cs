using System.Globalization;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.ExFat;

/// <summary>The kernel's exfat driver reads what Platter wrote, and Platter goes on where the kernel left off.</summary>
public class ExFatKernelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void The_kernel_reads_what_Platter_wrote(int sectorSize)
    {
        using var folder = new TempFolder();
        var images = new List<KernelMount.Image>();
        var written = new List<TreeSnapshot>();
        foreach (var clusterSize in new[] { 512, 4096, 128 << 10, 32 << 20 }.Where(c => c >= sectorSize))
        {
            var path = folder.File($"{clusterSize}.img");
            using (var file = HostFile.Create(path, Math.Max(12L << 20, 300L * clusterSize)))
            {
                new ExFatType().Format(file, new FormatOptions
                {
                    Type = "exfat", Label = "PLATTER",
                    Options = new Dictionary<string, string> { ["cluster_size"] = clusterSize.ToString(CultureInfo.InvariantCulture), ["sector_size"] = sectorSize.ToString(CultureInfo.InvariantCulture) },
                });
                using var volume = ExFatVolume.OpenForEditing(file, VolumeOptions.Default);
                Write(volume);
                volume.Commit();
                written.Add(TreeSnapshot.Read(volume));
            }
            Assert.Null(MkfsExFat.Complaint(path));
            images.Add(new KernelMount.Image(path, "exfat"));
        }
        var reports = KernelMount.Run(images, new KernelMount.Options { SectorSize = sectorSize, Script = "true" });
        for (var i = 0; i < reports.Count; i++)
        {
            reports[i].AssertClean();
            written[i].AssertSame(reports[i].Tree, images[i].Path);
        }
        output.WriteLine($"sectors of {sectorSize}: {images.Count} volumes, {written.Sum(w => w.Entries.Count)} entries");
    }

    [Fact]
    public void What_the_kernel_wrote_is_read_and_edited_and_the_kernel_reads_that()
    {
        using var folder = new TempFolder();
        var cases = ExFatKernelScripts.All;
        var images = new List<KernelMount.Image>();
        for (var i = 0; i < cases.Count; i++)
        {
            var path = folder.File($"{i}.img");

            // Every other volume was formatted by Platter.
            if (i % 2 == 0)
                MkfsExFat.Make(path, $"-c {cases[i].Clusters} -L KERNEL", (long)cases[i].MebiBytes << 20);
            else
                Format(path, cases[i]);
            images.Add(new KernelMount.Image(path, "exfat"));
        }
        var script = $"case $IMAGE_INDEX in\n{string.Join('\n', cases.Select((c, i) => $"{i}) {c.Script} ;;"))}\nesac\n";
        var reports = KernelMount.Run(images, new KernelMount.Options { Script = script, Keep = true });
        var expected = new List<TreeSnapshot>();
        var failures = new List<string>();
        for (var i = 0; i < cases.Count; i++)
        {
            try
            {
                reports[i].AssertClean();
                expected.Add(ReadAndEdit(images[i].Path, reports[i].Tree, new Random(i)));
            }
            catch (Exception e) when (e is Xunit.Sdk.XunitException or IOException)
            {
                failures.Add($"{cases[i].Name}: {e.Message}");
                expected.Add(reports[i].Tree);
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));

        // Writable, so that the driver looks at everything it looks at before it writes.
        var again = KernelMount.Run(images, new KernelMount.Options { Script = "true" });
        for (var i = 0; i < cases.Count; i++)
        {
            again[i].AssertClean();
            expected[i].AssertSame(again[i].Tree, cases[i].Name);
        }
        output.WriteLine($"{cases.Count} scripts, {expected.Sum(e => e.Entries.Count)} entries after Platter's edits");
    }

    private static TreeSnapshot ReadAndEdit(string path, TreeSnapshot kernel, Random random)
    {
        using var device = HostFile.Open(path, FileAccess.ReadWrite);
        using var volume = ExFatVolume.OpenForEditing(device, VolumeOptions.Default);
        Assert.True(volume.Info.IsClean, "the kernel left the volume dirty");
        var read = TreeSnapshot.Read(volume);
        kernel.AssertSame(read, "as the kernel left it");
        AssertSound(device, path, "as the kernel left it");

        var files = read.Entries.Values.Where(e => e.Kind == EntryKind.File).ToList();
        foreach (var file in files)
        {
            var node = volume.Find(file.Path);
            var (parent, name) = (volume.Find(ModelTree.ParentOf(file.Path)).Id, ModelTree.NameOf(file.Path));
            switch (random.Next(6))
            {
                case 0:
                    volume.Delete(parent, name);
                    break;
                case 1:
                    Change(node, s => s.WriteAt(s.Length, ConformanceCase.Bytes(random.Next(1, 20_000), random.Next())));
                    break;
                case 2:
                    Change(node, s => s.SetLength(random.NextInt64(s.Length + 1)));
                    break;
                case 3:
                    volume.Rename(parent, name, volume.RootId, $"renamed by Platter {random.Next()}", replace: true);
                    break;
                case 4:
                    Change(node, s => s.WriteAt(random.NextInt64(s.Length + 1), ConformanceCase.Bytes(random.Next(1, 3000), random.Next())));
                    break;
            }
        }
        var added = volume.CreateDirectory(volume.RootId, "added by Platter", MetadataChange.None);
        for (var i = 0; i < 40; i++)
        {
            if (volume.FreeBytes > 20 * volume.Info.BlockSize)
                volume.CreateFile(added, $"a file of Platter's own {i}", new MemoryStream(ConformanceCase.Bytes(i * 111, i)), i * 111, MetadataChange.None);
        }
        foreach (var directory in read.Entries.Values.Where(e => e.Kind == EntryKind.Directory && ModelTree.ParentOf(e.Path) == "/").Take(2))
            volume.Rename(volume.RootId, ModelTree.NameOf(directory.Path), added, ModelTree.NameOf(directory.Path), replace: false);
        volume.Commit();
        AssertSound(device, path, "after Platter's edits");
        return TreeSnapshot.Read(volume);

        // On a full volume an edit may be refused; then it has changed nothing.
        void Change(Node node, Action<VolumeStream> change)
        {
            using var stream = volume.OpenWrite(node.Id, StreamName.Data);
            try
            {
                change(stream);
            }
            catch (VolumeFullException) when (volume.FreeBytes < 25_000)
            {
                // As the kernel filled it.
            }
        }
    }

    private static void AssertSound(HostFile device, string path, string when)
    {
        var report = new ExFatType().Check(device, new CheckOptions { ReadData = true });
        Assert.True(report.IsClean, $"{when}: {string.Join('\n', report.Findings.Take(20))}");
        device.Flush();
        if (MkfsExFat.Complaint(path) is { } complaint)
            Assert.Fail($"{when}: {complaint}");
    }

    private static void Format(string path, ExFatKernelScripts.Case c)
    {
        using var file = HostFile.Create(path, (long)c.MebiBytes << 20);
        new ExFatType().Format(file, new FormatOptions { Type = "exfat", Label = "PLATTER", Options = new Dictionary<string, string> { ["cluster_size"] = c.Clusters } });
    }

    // Something of everything: one piece and chains, names of all lengths, a growing directory, a length that is not all valid, times.
    private static void Write(ExFatVolume volume)
    {
        var clock = new Timestamp(1_234_567_890, 120_000_000);
        for (var i = 0; i < 60; i++)
            Create(volume.RootId, $"small {i}", i, i);
        for (var i = 0; i < 60; i += 2)
            volume.Delete(volume.RootId, $"small {i}");
        var directory = volume.CreateDirectory(volume.RootId, "Ein Ordner für Größeres", new MetadataChange { Modified = new Timestamp(1_000_000_000, 990_000_000) });
        for (var i = 0; i < 150; i++)
            Create(directory, $"файл номер {i}{new string('ы', i)}", i, i);
        Create(directory, "😀", 70_001, 7);
        foreach (var id in new[] { volume.Find("/small 1").Id, volume.Find("/small 3").Id, volume.Find("/small 1").Id })
        {
            using var stream = volume.OpenWrite(id, StreamName.Data);
            stream.WriteAt(stream.Length, ConformanceCase.Bytes(volume.Info.BlockSize + 5000, 3));
        }
        using (var stream = volume.OpenWrite(volume.Find("/small 5").Id, StreamName.Data))
        {
            stream.SetLength(100_000);
            stream.WriteAt(60_000, [1, 2, 3]);
        }
        var deep = volume.CreateDirectory(volume.CreateDirectory(directory, "a", MetadataChange.None), new string('d', 255), MetadataChange.None);
        Create(deep, "end", 10, 1);
        volume.Rename(volume.RootId, "small 7", deep, "MOVED", replace: false);
        foreach (var (path, seconds) in new[] { ("/small 9", 315_532_800L), ("/small 11", 4_354_819_198L), ("/small 13", 1_709_208_000L) })
            volume.SetMetadata(volume.Find(path).Id, new MetadataChange { Modified = new Timestamp(seconds), DosAttributes = DosAttributes.ReadOnly | DosAttributes.Hidden });

        void Create(NodeId parent, string name, int length, int seed) =>
            volume.CreateFile(parent, name, new MemoryStream(ConformanceCase.Bytes(length, seed)), length, new MetadataChange { Modified = clock with { UnixSeconds = clock.UnixSeconds + seed } });
    }
}
