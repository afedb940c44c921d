using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Fat;

public class FormatAgainstMkfsTests
{
    private const long K = 1024, M = 1024 * K, G = 1024 * M;

    private static readonly long[] Lengths =
    [
        64 * K, 100 * K, 360 * K, 400 * K, 512 * K, 720 * K, 1000 * K, 1 * M, 1200 * K, 1440 * K, 2 * M, 2880 * K, 3 * M, 4 * M, 4 * M + 512 * K, 5 * M, 8 * M,
        9 * M, 15 * M, 16 * M, 17 * M, 31 * M, 32 * M, 33 * M, 34 * M, 63 * M, 64 * M, 127 * M, 128 * M, 129 * M, 200 * M, 255 * M, 256 * M,
        260 * M, 261 * M, 300 * M, 400 * M, 511 * M, 512 * M, 600 * M, 1 * G, 2 * G, 4 * G, 8 * G, 9 * G, 16 * G, 17 * G, 32 * G, 33 * G, 64 * G,
    ];

    [Fact]
    public void The_layout_is_that_of_mkfs_for_every_length_and_width()
    {
        using var folder = new TempFolder();
        var compared = 0;
        foreach (var (width, type) in new[] { ("", "fat"), ("12", "fat12"), ("16", "fat16"), ("32", "fat32") })
        {
            foreach (var length in Lengths.Where(l => l <= 2 * G || width == ""))
                compared += Compare(folder, length, type, width.Length == 0 ? [] : ["-F", width], []);
        }
        TestContext.Current.SendDiagnosticMessage("layouts compared: {0}", compared);
        Assert.True(compared > 100, $"only {compared} layouts could be compared");
    }

    [Fact]
    public void The_layout_is_that_of_mkfs_for_every_cluster_size_and_option()
    {
        using var folder = new TempFolder();
        var compared = 0;
        for (var perCluster = 1; perCluster <= 128; perCluster *= 2)
        {
            foreach (var length in new[] { 2 * M, 5 * M, 40 * M, 300 * M, 1 * G, 5 * G })
                compared += Compare(folder, length, "fat", ["-s", perCluster.ToString()], [("cluster_size", (perCluster * 512).ToString())]);
        }
        foreach (var length in new[] { 3 * M, 20 * M, 100 * M, 700 * M })
        {
            compared += Compare(folder, length, "fat", ["-f", "1"], [("fat_count", "1")]);
            compared += Compare(folder, length, "fat", ["-R", "40"], [("reserved_sectors", "40")]);
            compared += Compare(folder, length, "fat", ["-a"], [("align", "none")]);
            compared += Compare(folder, length, "fat", ["-M", "0xF0"], [("media", "0xF0")]);
            compared += Compare(folder, length, "fat", ["-h", "63"], [("hidden_sectors", "63")]);
            compared += Compare(folder, length, "fat", ["-D", "1"], [("drive_number", "1")]);
            if (length < 512 * M)
                compared += Compare(folder, length, "fat", ["-r", "208"], [("root_entries", "208")]);
        }
        compared += Compare(folder, 700 * M, "fat32", ["-b", "10"], [("backup_sector", "10")]);
        Assert.True(compared > 55, $"only {compared} layouts could be compared");
    }

    [Fact]
    public void Every_volume_satisfies_fsck_and_minfo()
    {
        using var folder = new TempFolder();
        var checkedVolumes = 0;
        foreach (var sectorSize in new[] { 512, 1024, 2048, 4096 })
        {
            foreach (var type in new[] { "fat", "fat12", "fat16", "fat32" })
            {
                foreach (var length in new[] { 160 * K, 180 * K, 320 * K, 360 * K, 640 * K, 720 * K, 1200 * K, 1440 * K, 2880 * K, 4 * M, 5 * M + 3 * K, 33 * M, 300 * M, 600 * M, 3 * G, 40 * G, 2048 * G })
                {
                    var path = folder.File("volume.img");
                    File.Delete(path);
                    using (var file = HostFile.Create(path, length))
                    {
                        // fsck reads and holds the whole FAT: huge ones are checked elsewhere.
                        var own = FatFormatOptions.Read(new FormatOptions { Type = type }, sectorSize);
                        if (FatFormatLayout.TryChoose(length, own, out _) is not { FatSectors: < 40_000 })
                            continue;
                        FatFormatter.Format(file, new FormatOptions { Type = type, Label = "PLATTER 1", Options = new Dictionary<string, string> { ["sector_size"] = sectorSize.ToString() } });
                    }
                    checkedVolumes++;
                    var check = Tool.Run("fsck.vfat", "-n", "-v", path);
                    Assert.True(check.ExitCode == 0, $"{type} of {length} bytes, sectors of {sectorSize}:\n{check.All}");
                    if (sectorSize == 512)
                        Assert.Contains("PLATTER 1", Tool.Expect("mdir", "-i", path, "::"));
                }
            }
        }
        TestContext.Current.SendDiagnosticMessage("volumes checked: {0}", checkedVolumes);
        Assert.True(checkedVolumes > 80, $"only {checkedVolumes} volumes were made");
    }

    // 1 when both made a volume; a refusal by either is not compared here. Sizes are held against what stands in the boot sector.
    private static int Compare(TempFolder folder, long length, string type, string[] arguments, (string Key, string Value)[] options)
    {
        var own = FatFormatOptions.Read(new FormatOptions { Type = type, Options = options.ToDictionary(o => o.Key, o => o.Value) }, 512);
        var path = folder.File("theirs.img");
        File.Delete(path);
        using (HostFile.Create(path, length)) { }
        var made = Tool.Run("mkfs.vfat", ["--invariant", .. arguments, path]);
        if (made.ExitCode != 0 || FatFormatLayout.TryChoose(length, own, out _) is null)
            return 0;
        var theirs = ReadBoot(path, 0);

        // mkfs.fat cuts the last track off; the same number of sectors makes the layouts comparable.
        var sectors = theirs.Total;
        var ours = folder.File("ours.img");
        File.Delete(ours);
        FatFormatLayout? layout;
        using (var file = HostFile.Create(ours, sectors * 512))
        {
            layout = FatFormatLayout.TryChoose(sectors * 512, own, out _);
            if (layout is null || (layout.Width != theirs.Width && length == 512 * M))
                return 0;
            FatFormatter.Format(file, new FormatOptions { Type = type, Options = options.ToDictionary(o => o.Key, o => o.Value), Id = "1234-ABCD" });
        }
        var mine = ReadBoot(ours, 0);
        if (mine.RootEntries == 240)
            mine = mine with { RootEntries = 224, Clusters = theirs.Clusters };   // 2.88M: DOS has 240 slots in the root, mkfs.fat 224
        Assert.True(theirs == mine, $"{length} bytes, mkfs.vfat {string.Join(' ', arguments)}:\n theirs {theirs}\n ours   {mine}");
        return 1;
    }

    private sealed record Boot(int SectorSize, int PerCluster, int Reserved, int Fats, int RootEntries, long Total, byte Media, long FatSectors,
        int PerTrack, int Heads, long Hidden, byte Drive, int Backup, int Info, FatWidth Width, long Clusters);

    private static Boot ReadBoot(string path, long offset)
    {
        using var device = HostFile.Open(path, FileAccess.Read);
        var geometry = FatGeometry.Read(device, offset);
        var sector = new byte[512];
        device.Read(offset, sector);
        return new Boot(geometry.BytesPerSector, geometry.SectorsPerCluster, geometry.ReservedSectors, geometry.FatCount, geometry.RootEntries,
            geometry.TotalSectors, geometry.Media, geometry.FatSectors, sector[0x18] | sector[0x19] << 8, sector[0x1A] | sector[0x1B] << 8,
            geometry.HiddenSectors, sector[geometry.ExtendedRecordOffset], geometry.BackupBootSector, geometry.InfoSector, geometry.Width, geometry.ClusterCount);
    }
}
