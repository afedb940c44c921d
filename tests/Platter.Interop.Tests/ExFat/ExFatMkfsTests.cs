using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.ExFat;

/// <summary>mkfs.exfat, Platter, Platter again and fsck.exfat, one after the other on the same volumes.</summary>
public class ExFatMkfsTests(ExFatMkfsMatrix matrix, ITestOutputHelper output) : IClassFixture<ExFatMkfsMatrix>
{
    [Fact]
    public void Every_sector_and_cluster_size_is_there()
    {
        output.WriteLine($"{matrix.Volumes.Count} volumes, {matrix.Volumes.Sum(v => v.Tree?.Entries.Count ?? 0)} entries");
        Assert.Equal(62, matrix.Volumes.Count);
    }

    [Fact]
    public void What_Platter_edited_is_there_when_it_is_opened_again() => matrix.ForEach(v =>
    {
        using var device = HostFile.Open(v.Path, FileAccess.Read);
        using var volume = ExFatVolume.Open(device, VolumeOptions.Default);
        TreeSnapshot.Read(volume).AssertSame(v.Tree!, "the volume opened again against what was edited");
    });

    [Fact]
    public void Both_checkers_find_nothing_in_what_Platter_edited() => matrix.ForEach(v =>
    {
        if (MkfsExFat.Complaint(v.Path) is { } complaint)
            Assert.Fail(complaint);
        using var device = HostFile.Open(v.Path, FileAccess.Read);
        var report = ExFatChecker.Check(device, CheckOptions.Default);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    });

    [Fact]
    public void Dump_exfat_says_what_Platter_says() => matrix.ForEach(v =>
    {
        var dump = MkfsExFat.Dump(v.Path);
        using var device = HostFile.Open(v.Path, FileAccess.Read);
        using var volume = ExFatVolume.Open(device, VolumeOptions.Default);
        Assert.Equal(volume.Geometry.TotalSectors.ToString(), dump["Volume Length(sectors)"]);
        Assert.Equal(volume.Geometry.FatSector.ToString(), dump["FAT Offset(sector offset)"]);
        Assert.Equal(volume.Geometry.HeapSector.ToString(), dump["Cluster Heap Offset (sector offset)"]);
        Assert.Equal(volume.Geometry.ClusterCount.ToString(), dump["Total Clusters"]);
        Assert.Equal(v.ClusterSize.ToString(), dump["Cluster size"]);
        Assert.Equal((volume.FreeBytes / v.ClusterSize).ToString(), dump["Free Clusters"]);
        Assert.Equal("0x" + volume.Geometry.SerialNumber.ToString("x"), dump["Volume Serial"]);
        Assert.Equal(volume.Info.Label, dump["Volume label"]);
    });
}
