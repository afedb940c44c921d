using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Volumes that the kernel's ntfs3 filled, read as the kernel reads them.</summary>
public class NtfsKernelTests
{
    private const string Script = """
        set -e
        mkdir -p many nested/a/b/c/d empty
        : > zero; printf 'tiny' > tiny; seq 1 60000 > numbers
        truncate -s 5000000 sparse; printf 'middle' | dd of=sparse bs=1 seek=2500000 conv=notrunc 2>/dev/null
        i=0; while [ $i -lt 1500 ]; do : > "many/a-name-of-some-length-$i"; i=$((i+1)); done
        i=0; while [ $i -lt 1500 ]; do rm "many/a-name-of-some-length-$i"; i=$((i+3)); done
        printf 'deep' > nested/a/b/c/d/file; printf 'x' > 'name with spaces'; printf 'y' > 'Ünïcödé 名前'
        ln zero hard; i=0; while [ $i -lt 60 ]; do ln tiny "link to a file with a longer name $i"; i=$((i+1)); done
        mkfifo fifo; mknod char c 5 300
        i=0; while [ $i -lt 40 ]; do head -c 5000 numbers >> woven1; head -c 7000 numbers >> woven2; i=$((i+1)); done
        truncate -s 100000 woven2; rm nested/a/b/c/d/file; printf 'again' > nested/a/b/c/d/other; sync
        """;

    [Fact]
    public void What_the_kernel_wrote_is_read()
    {
        using var folder = new TempFolder();
        var paths = new List<string>();
        foreach (var arguments in new[] { "-c 512", "-c 4096", "-c 65536" })
        {
            var path = folder.File($"{paths.Count}.img");
            Ntfs3g.Make(path, 64 << 20, arguments);
            paths.Add(path);
        }
        var reports = KernelMount.Run([.. paths.Select(p => new KernelMount.Image(p, "ntfs3"))], new KernelMount.Options { Script = Script, Keep = true });
        foreach (var (path, report) in paths.Zip(reports))
        {
            Assert.True(report.IsOk, report.Error + report.ScriptOutput);
            using var device = HostFile.Open(path, FileAccess.Read);
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            NtfsCheck.AssertClean(device, "NTFS-0135", "NTFS-0139");
            var problems = new List<string>();
            var found = NtfsListing.Read(volume, problems);
            var expected = report.Tree.Entries.Values.ToDictionary(e => e.Path, Line, StringComparer.Ordinal);
            var differences = NtfsListing.Differences(expected, found);
            Assert.True(differences.Count == 0 && problems.Count == 0, string.Join('\n', differences.Take(20)) + "\n" + string.Join('\n', problems.Take(20)));
            Assert.Equal(61, volume.Find("/tiny").Metadata.LinkCount);
            Assert.True(volume.OpenFile(volume.Find("/tiny").Id).HasList, "61 names take an attribute list");
            foreach (var entry in report.Tree.Entries.Values.Where(e => e.Kind == EntryKind.File).Take(50))
                Assert.Equal(entry.Modified!.Value.ToString(), volume.Find(entry.Path).Metadata.Modified.ToString());
        }
    }

    private static NtfsListing.Line Line(SnapshotEntry entry)
    {
        var kind = entry.Kind switch
        {
            EntryKind.Directory => "d", EntryKind.File => "f", EntryKind.SymbolicLink => "l", EntryKind.CharacterDevice => "c",
            EntryKind.BlockDevice => "b", EntryKind.Fifo => "p", _ => "s",
        };
        return new NtfsListing.Line(kind, entry.Length?.ToString() ?? "-", entry.Sha256 ?? "-", "-");
    }
}
