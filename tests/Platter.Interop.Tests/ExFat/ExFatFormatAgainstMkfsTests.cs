using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing;
using Platter.Testing.ExFat;
using Xunit;

namespace Platter.Interop.Tests.ExFat;

public class ExFatFormatAgainstMkfsTests
{
    private const long K = 1024, M = 1024 * K, G = 1024 * M;

    private static readonly long[] Lengths =
    [
        4 * M, 5 * M, 7 * M, 8 * M, 9 * M + 512, 16 * M, 33 * M, 64 * M, 100 * M, 255 * M, 256 * M, 257 * M, 300 * M, 512 * M, 1 * G,
        2 * G, 4 * G, 7 * G, 16 * G, 31 * G, 32 * G, 33 * G, 64 * G, 128 * G, 500 * G, 1024 * G, 2048 * G,
    ];

    [Fact]
    public void The_layout_is_that_of_mkfs_exfat_for_every_length_cluster_and_sector_size()
    {
        using var folder = new TempFolder();
        var compared = 0;
        foreach (var length in Lengths)
        {
            compared += Compare(folder, length, 512, "", []);
            compared += Compare(folder, length, 4096, "", []);
        }
        for (var sectorSize = 512; sectorSize <= 4096; sectorSize *= 2)
        {
            for (var cluster = sectorSize; cluster <= 1 << 20; cluster *= 2)
            {
                foreach (var length in new[] { 8 * M, 65 * M, 400 * M })
                    compared += Compare(folder, length, sectorSize, $"-c {cluster}", [("cluster_size", cluster.ToString())]);
            }
        }
        foreach (var align in new[] { 4 * K, 64 * K, 4 * M, 16 * M })
            compared += Compare(folder, 100 * M, 512, $"-b {align}", [("align", align.ToString())]);
        TestContext.Current.SendDiagnosticMessage("layouts compared: {0}", compared);
        Assert.True(compared > 170, $"only {compared} layouts could be compared");
    }

    [Fact]
    public void Bitmap_FAT_up_case_table_and_root_are_those_of_mkfs_exfat_byte_for_byte()
    {
        using var folder = new TempFolder();
        foreach (var (arguments, label, options) in new (string, string?, (string, string)[])[] { ("", null, []), ("-L Grün", "Grün", []), ("-c 512", null, [("cluster_size", "512")]) })
        {
            MkfsExFat.Make(folder.File("theirs.img"), arguments, 40 * M);
            var ours = new MemoryDevice(40 * M);
            ExFatFormatter.Format(ours, new FormatOptions { Type = "exfat", Label = label, Options = options.ToDictionary(o => o.Item1, o => o.Item2) });
            var theirs = File.ReadAllBytes(folder.File("theirs.img"));
            Assert.Equal(theirs[(int)M..], ours.Bytes[(int)M..]);
        }
    }

    [Fact]
    public void Every_volume_satisfies_fsck_and_dump()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        var made = 0;
        for (var sectorSize = 512; sectorSize <= 4096; sectorSize *= 2)
        {
            for (var cluster = sectorSize; cluster <= 1 << 25; cluster *= 2)
            {
                foreach (var length in new[] { 1 * M, 3 * M, 40 * M, 200 * M, 3 * G, 5000 * G })
                {
                    var options = new FormatOptions
                    {
                        Type = "exfat", Label = "Platter", Id = "1234-ABCD",
                        Options = new Dictionary<string, string> { ["sector_size"] = sectorSize.ToString(), ["cluster_size"] = cluster.ToString() },
                    };
                    var layout = ExFatFormatLayout.TryChoose(length, ExFatFormatOptions.Read(options, sectorSize), 0, out _);
                    if (layout is not { ClusterCount: < 4_000_000 })
                        continue;
                    File.Delete(path);
                    using (var file = HostFile.Create(path, length))
                        ExFatFormatter.Format(file, options);
                    var what = $"{length} bytes, sectors of {sectorSize}, clusters of {cluster}";
                    var complaint = MkfsExFat.Complaint(path);
                    Assert.True(complaint is null, $"{what}: {complaint}");
                    made++;
                    if (length != 40 * M)
                        continue;
                    var dump = MkfsExFat.Dump(path);
                    Assert.Equal("Platter", dump["Volume label"]);
                    Assert.Equal("0x1234abcd", dump["Volume Serial"]);
                    Assert.Equal(cluster.ToString(), dump["Cluster size"]);
                    Assert.Equal(layout.ClusterCount.ToString(), dump["Total Clusters"]);
                    Assert.Equal((layout.ClusterCount - layout.UsedClusters).ToString(), dump["Free Clusters"]);
                }
            }
        }
        TestContext.Current.SendDiagnosticMessage("volumes checked: {0}", made);
        Assert.True(made > 150, $"only {made} volumes were made");
    }

    // 1 when both made a volume; a refusal by either is not compared here.
    private static int Compare(TempFolder folder, long length, int sectorSize, string arguments, (string Key, string Value)[] options)
    {
        var path = folder.File("theirs.img");
        var format = new FormatOptions { Type = "exfat", Id = "1234-ABCD", Options = options.Append(("sector_size", sectorSize.ToString())).ToDictionary(o => o.Item1, o => o.Item2) };
        var layout = ExFatFormatLayout.TryChoose(length, ExFatFormatOptions.Read(format, sectorSize), 0, out _);
        if (layout is null || MkfsExFat.TryMake(path, arguments, length, sectorSize).ExitCode != 0)
            return 0;
        var theirs = ReadBoot(path);
        using (var file = HostFile.Create(folder.File("ours.img"), length))
            ExFatFormatter.Format(file, format);
        var ours = ReadBoot(folder.File("ours.img"));
        File.Delete(folder.File("ours.img"));
        Assert.True(theirs == ours, $"{length} bytes, sectors of {sectorSize}, mkfs.exfat {arguments}:\n theirs {theirs}\n ours   {ours}");
        return 1;
    }

    private sealed record Boot(int SectorSize, int ClusterSize, long Total, long Fat, long FatSectors, long Heap, uint Clusters, uint Root, int Fats, ushort Revision, byte Drive, ulong Partition);

    private static Boot ReadBoot(string path)
    {
        using var device = HostFile.Open(path, FileAccess.Read);
        var g = ExFatGeometry.Read(device);
        Assert.Empty(g.Remarks);
        return new Boot(g.SectorSize, g.ClusterSize, g.TotalSectors, g.FatSector, g.FatSectors, g.HeapSector, g.ClusterCount, g.RootCluster, g.FatCount, g.Revision, g.DriveSelect, g.PartitionOffset);
    }
}
