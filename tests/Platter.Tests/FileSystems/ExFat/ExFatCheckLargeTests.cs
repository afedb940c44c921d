using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.ExFat;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

public class ExFatCheckLargeTests
{
    [Fact]
    public void A_volume_of_sixteen_tebibytes_is_checked_in_bounded_memory()
    {
        using var device = new SparseDevice(16L << 40);
        ExFatFormatter.Format(device, new FormatOptions { Type = "exfat" });
        using (var volume = ExFatVolume.OpenForEditing(device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "in the middle of nowhere", new MemoryStream(new byte[10]), 10, MetadataChange.None);
            volume.Commit();
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        var report = ExFatChecker.Check(device, CheckOptions.Default);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Empty(report.Findings);
        Assert.True(allocated < 48 << 20, $"{allocated} bytes were allocated");

        // A lost cluster at the very end.
        var geometry = ExFatGeometry.Read(device);
        var last = geometry.LastCluster - ExFatGeometry.FirstCluster;
        device.Write(geometry.ClusterOffset(2) + last / 8, [(byte)(1 << (int)(last % 8))]);
        var finding = Assert.Single(ExFatChecker.Check(device, CheckOptions.Default).Findings);
        Assert.Equal("EXF-0071", finding.Code);
        Assert.Contains($"the first cluster is {geometry.LastCluster}", finding.Message);
    }

    [Fact]
    public void A_volume_that_claims_to_be_larger_than_its_device_takes_no_more_memory_than_the_device_allows()
    {
        using var device = new SparseDevice(16L << 40);
        ExFatFormatter.Format(device, new FormatOptions { Type = "exfat", Options = new Dictionary<string, string> { ["cluster_size"] = "8K" } });
        var geometry = ExFatGeometry.Read(device);
        var length = geometry.HeapOffset + (8 << 20);
        using var cut = new SparseDevice(length);
        var piece = new byte[1 << 20];
        foreach (var offset in new[] { 0, geometry.FatOffset(0), geometry.HeapOffset })
        {
            device.Read(offset, piece);
            cut.Write(offset, piece);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("EXF-0018", ExFatChecker.Check(cut, CheckOptions.Default).Findings[0].Code);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 4 << 20, $"{allocated} bytes were allocated");
    }

    [Fact]
    public void What_reading_passes_over_is_what_the_checker_complains_of()
    {
        var random = new Random(5);
        var readable = 0;
        for (var i = 0; i < 1000; i++)
        {
            var volume = HandmadeExFat.Create(1 << 20);
            var name = new string('n', random.Next(1, 40));
            volume.AddFile(name, 0, contiguous: false, additions: random.Next(2) == 0 ? [volume.VendorExtension()] : []);
            var count = 1 + volume.File(name).SecondaryCount;
            for (var n = random.Next(1, 3); n > 0; n--)
            {
                ref var b = ref volume.Bytes[volume.EntryOffset(name, random.Next(count)) + new[] { 0, 0, 3, 3, 1 }[random.Next(5)]];
                b = random.Next(3) == 0 ? new byte[] { 0xC0, 0xC1, 0xE0, 0xE7, 0x85, 0xC5, 0, 1 }[random.Next(8)] : (byte)(b ^ 1 << random.Next(8));
            }
            var offset = volume.Find(name);
            var length = Math.Min((1 + volume.Bytes[offset + 1]) * ExFatEntryType.Size, volume.Geometry.ClusterSize);
            if (volume.Bytes[offset] != ExFatEntryType.File)
                continue;
            var fits = ExFatEntrySet.TryView(volume.Bytes.AsSpan(offset, length), out _);
            readable += fits ? 1 : 0;
            var structural = volume.Check().Findings.Where(f => f.Code is "EXF-0091" or "EXF-0092" or "EXF-0093" or "EXF-0094" or "EXF-0095" or "EXF-0096").ToList();
            Assert.True(fits == (structural.Count == 0), $"round {i}: readable {fits}, found\n{string.Join('\n', structural)}");
        }
        Assert.InRange(readable, 100, 900);
    }
}
