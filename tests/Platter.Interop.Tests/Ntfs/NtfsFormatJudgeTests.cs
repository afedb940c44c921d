using System.Globalization;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>What the formatter makes, before those who did not make it.</summary>
public class NtfsFormatJudgeTests
{
    private const long K = 1024, M = 1024 * K, G = 1024 * M;

    private const string Script = """
        set -e
        printf 'hello' > small; seq 1 20000 > numbers; mkdir -p a/b/c; cp numbers a/b/c/copy
        i=0; while [ $i -lt 300 ]; do : > "a/a-name-of-some-length-$i"; i=$((i+1)); done
        rm a/a-name-of-some-length-7; mv small a/moved; sync
        """;

    [Fact]
    public void Every_volume_satisfies_the_tools_of_ntfs_3g_and_sleuthkit()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        var made = 0;
        for (var sector = 512; sector <= 4096; sector *= 2)
        {
            for (var cluster = sector; cluster <= 2 * M; cluster *= 2)
            {
                var record = (made & 1) == 0 ? Math.Max(1024, sector) : 4096;
                Make(path, Math.Max(5 * M, 40L * cluster), sector, ("cluster_size", cluster), ("record_size", record));
                Judge(path, sector, cluster, $"sectors of {sector}, clusters of {cluster}, records of {record}");
                made++;
            }
        }
        foreach (var length in new[] { 1 * M, 1 * M + 77, 2 * M, 4 * M + 1, 64 * M, 1 * G, 100 * G })
        {
            Make(path, length, 512);
            Judge(path, 512, 4096, $"{length} bytes");
            made++;
        }
        Assert.Equal(13 + 12 + 11 + 10 + 7, made);
    }

    [Theory]
    [InlineData(512, 512, 1024, 4096)]
    [InlineData(512, 4096, 1024, 4096)]
    [InlineData(512, 4096, 4096, 4096)]
    [InlineData(512, 65536, 1024, 4096)]
    [InlineData(512, 2097152, 1024, 4096)]
    [InlineData(4096, 4096, 4096, 4096)]
    [InlineData(4096, 131072, 4096, 4096)]
    [InlineData(1024, 2048, 2048, 8192)]
    public void A_volume_is_filled_by_ntfs_3g_and_read(int sector, int cluster, int record, int block)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Make(path, Math.Max(24 * M, 60L * cluster), sector, ("cluster_size", cluster), ("record_size", record), ("index_block_size", block));
        Ntfs3g.Run(path, Script);
        Assert.Contains("processed successfully", Tool.Expect("ntfsfix", "-n", path), StringComparison.Ordinal);
        VerifyScript(path);
    }

    [Fact]
    public void The_kernel_mounts_every_kind_of_volume_for_writing_and_has_no_complaint()
    {
        using var folder = new TempFolder();
        var paths = new List<string>();
        foreach (var (sector, cluster, record) in new[]
        {
            (512, 512, 1024), (512, 1024, 1024), (512, 4096, 1024), (512, 4096, 4096), (512, 65536, 1024), (512, 131072, 1024), (512, 2097152, 1024),
            (1024, 4096, 1024), (2048, 4096, 2048), (4096, 4096, 4096), (4096, 65536, 4096),
        })
        {
            var path = folder.File($"{paths.Count}.img");
            Make(path, Math.Max(24 * M, 60L * cluster), sector, ("cluster_size", cluster), ("record_size", record));
            paths.Add(path);
        }
        var small = folder.File("small.img");
        Make(small, 3 * M, 512);
        paths.Add(small);
        var reports = KernelMount.Run([.. paths.Select(p => new KernelMount.Image(p, "ntfs3"))], new KernelMount.Options { Script = Script, Keep = true });
        foreach (var (path, report) in paths.Zip(reports))
        {
            // The machine's disks have sectors of 512 bytes; that is all there is to say.
            var warnings = report.Warnings.Where(w => !w.Text.Contains("Different NTFS sector size", StringComparison.Ordinal)).Select(w => w.Text);
            Assert.True(report.IsOk && !warnings.Any(), $"{path}: {report.Error} {string.Join(' ', warnings)} {report.ScriptOutput}");
            VerifyScript(path);
        }
    }

    [Fact]
    public void The_tables_are_those_of_a_volume_that_Windows_10_made()
    {
        using var folder = new TempFolder();
        using var theirs = HostFile.Open(Corpus.Unpack(Corpus.Images.Single(i => i.File == "ntfs/velociraptor-test.img.zst"), folder), FileAccess.Read);
        using var windows = NtfsVolume.Open(theirs, VolumeOptions.Default);
        Assert.Equal(ReadAll(windows, "/$AttrDef"), NtfsAttributeDefinitions.Table());
        Assert.Equal(ReadAll(windows, "/$UpCase"), NtfsStandardUpcase.Table());
        Assert.Equal(Sddl.Format(windows.GetFormatAttributes(windows.RootId)["system.ntfs_security"]), Sddl.Format(NtfsSystemSecurity.Root()));
        Assert.Equal(windows.GetFormatAttributes(windows.Find("/$Boot").Id)["system.ntfs_security"], NtfsSystemSecurity.ReadOnlyFile);

        // Those in $Secure belong to the system there, and to the administrators where mkntfs and Platter made them; who may do what is the same.
        foreach (var (name, index) in new[] { ("/$MFT", 0), ("/$UpCase", 0), ("/$Secure", 1), ("/$Extend", 1) })
            Assert.Equal(Rights(windows.GetFormatAttributes(windows.Find(name).Id)["system.ntfs_security"]), Rights(NtfsSystemSecurity.Entries().ElementAt(index).Descriptor));

        static string Rights(byte[] descriptor) => Sddl.Format(descriptor)!.Split("D:")[1];
    }

    private static void Make(string path, long length, int sector, params (string Key, long Value)[] options)
    {
        File.Delete(path);
        using var device = HostFile.Create(path, length);
        NtfsFormatter.Format(device, new FormatOptions
        {
            Type = "ntfs", Label = "Prüfung", Clock = new SettableClock(),
            Options = options.Append((Key: "sector_size", Value: sector)).ToDictionary(o => o.Key, o => o.Value.ToString(CultureInfo.InvariantCulture)),
        });
    }

    private static void Judge(string path, int sector, int cluster, string what)
    {
        Expect("processed successfully", "ntfsfix", "-n", path);
        Expect($"Cluster Size: {cluster}", "ntfsinfo", "-m", path);
        Expect("Volume Name: Prüfung", "ntfsinfo", "-m", path);
        Expect("$UpCase", "ntfsls", "-s", "-a", path);
        Expect("", "ntfs-3g.probe", "--readwrite", path);

        // sleuthkit knows clusters of up to 128 sectors, the encoding without a sign.
        if (cluster / sector > 128)
            return;
        Expect($"Cluster Size: {cluster}", "fsstat", path);
        Expect("$Extend", "fls", path);

        void Expect(string expected, string tool, params string[] arguments)
        {
            var result = Tool.Run(tool, arguments);
            Assert.True(result.ExitCode == 0 && result.Output.Contains(expected, StringComparison.Ordinal), $"{what}: {tool} ended with {result.ExitCode}\n{result.All}");
        }
    }

    private static void VerifyScript(string path)
    {
        using var device = HostFile.Open(path, FileAccess.Read);
        var report = NtfsChecker.Check(device, CheckOptions.Default);
        Assert.True(report.IsClean, string.Join('\n', report.Findings.Take(5)));
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        Assert.Equal("hello"u8.ToArray(), ReadAll(volume, "/a/moved"));
        var numbers = string.Concat(Enumerable.Range(1, 20000).Select(i => $"{i}\n"));
        Assert.Equal(numbers, System.Text.Encoding.ASCII.GetString(ReadAll(volume, "/numbers")));
        Assert.Equal(numbers, System.Text.Encoding.ASCII.GetString(ReadAll(volume, "/a/b/c/copy")));
        Assert.Equal(301, volume.Find("/a").Entries.Count());
        Assert.Equal("Prüfung", volume.Info.Label);
    }

    private static byte[] ReadAll(NtfsVolume volume, string path)
    {
        using var stream = volume.Find(path).OpenRead();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
