using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

public class ExFatFormatTests
{
    private const long K = 1024, M = 1024 * K, G = 1024 * M, T = 1024 * G, P = 1024 * T;

    [Theory]
    [InlineData(1 * M, 4 * K)]
    [InlineData(256 * M, 4 * K)]
    [InlineData(256 * M + 512, 32 * K)]
    [InlineData(32 * G, 32 * K)]
    [InlineData(33 * G, 128 * K)]
    [InlineData(256 * T, 128 * K)]
    [InlineData(1 * P, 256 * K)]
    [InlineData(100 * P, 32 * M)]
    public void The_cluster_size_follows_from_the_length(long length, long clusterSize) =>
        Assert.Equal(clusterSize, ExFatFormatLayout.Choose(length, Options(), 0).ClusterSize);

    [Fact]
    public void The_largest_volume_there_can_be_is_computed_without_overflow()
    {
        // 2^32 - 11 clusters of 32 MiB: 128 PiB less 352 MiB, and FAT and bitmap before and in it.
        var layout = ExFatFormatLayout.Choose(128 * P - 512 * M, Options(("cluster_size", "32M"), ("align", "32M")), 0);
        Assert.InRange(layout.ClusterCount, 4_294_966_000, ExFatGeometry.MaxClusterCount);
        using var device = new SparseDevice(128 * P - 512 * M);
        ExFatFormatter.Format(device, Format(("cluster_size", "32M"), ("align", "32M")));
        var geometry = ExFatGeometry.Read(device);
        Assert.Empty(geometry.Remarks);
        Assert.Equal(layout.ClusterCount, geometry.ClusterCount);
        Assert.InRange(geometry.ClusterOffset(geometry.LastCluster) + geometry.ClusterSize, 127 * P, device.Length);
    }

    [Fact]
    public void Formatting_sixteen_tebibytes_writes_only_what_is_not_zero()
    {
        using var device = new SparseDevice(16 * T);
        ExFatFormatter.Format(device, Format());
        Assert.InRange(device.Written, 1, 64 * K);
        using var recorded = new SparseDevice(16 * T);
        ExFatFormatter.Format(recorded, Format(("cluster_size", "4K")));
        Assert.InRange(recorded.Written, 1, 2 * M);
        Assert.Equal((16 * T - (ExFatGeometry.Read(recorded).HeapOffset)) / (4 * K), ExFatGeometry.Read(recorded).ClusterCount);
    }

    [Fact]
    public void Whatever_length_is_formatted_reads_back_as_what_was_laid_out()
    {
        var random = new Random(1);
        var made = 0;
        for (var i = 0; i < 2000; i++)
        {
            var sectorSize = 512 << random.Next(4);
            var length = (long)Math.Exp(random.NextDouble() * Math.Log(16.0 * T / M) + Math.Log(M));
            var offset = random.Next(3) * 63L * sectorSize;
            (string, string)[] extra = random.Next(3) switch
            {
                0 => [("cluster_size", Math.Min(sectorSize << random.Next(17), 32 * M).ToString())],
                1 => [("align", (sectorSize << random.Next(12)).ToString()), ("drive_number", "1")],
                _ => [],
            };
            extra = [("sector_size", sectorSize.ToString()), .. extra];
            var own = Options(extra);
            if (ExFatFormatLayout.TryChoose(length, own, offset, out var reason) is not { } layout)
                continue;
            if (layout.UsedClusters > 100_000)
                continue;
            made++;
            using var device = new SparseDevice(length, sectorSize);
            ExFatFormatter.Format(device, Format(extra) with { PartitionOffset = offset });
            var geometry = ExFatGeometry.Read(device);
            var what = $"{length} bytes at {offset}, {string.Join(' ', extra)}";
            Assert.True(geometry.Remarks.Count == 0 && !geometry.IsFromBackup, what + ": " + string.Join(' ', geometry.Remarks));
            Assert.Equal((sectorSize, layout.ClusterSize, layout.ClusterCount), (geometry.SectorSize, geometry.ClusterSize, (long)geometry.ClusterCount));
            Assert.Equal(offset / sectorSize, (long)geometry.PartitionOffset);
            var align = own.Align ?? (length < 4 * M ? 64 * K : M);
            Assert.True((geometry.FatOffset(0) + offset) % align == 0 && (geometry.HeapOffset + offset) % align == 0, what);
        }
        Assert.True(made > 1500, $"only {made} volumes were made");
    }

    [Fact]
    public void Both_boot_regions_are_written_and_equal_and_sealed()
    {
        foreach (var sectorSize in new[] { 512, 1024, 2048, 4096 })
        {
            using var device = new SparseDevice(8 * M, sectorSize);
            ExFatFormatter.Format(device, Format(("sector_size", sectorSize.ToString())) with { Id = "1A2B-3C4D", PartitionOffset = 4 * M });
            var main = ExFatBootRegion.Read(device, 0);
            var backup = ExFatBootRegion.Read(device, 12 * sectorSize);
            Assert.Equal(main.Bytes, backup.Bytes);
            Assert.Equal([0xEB, 0x76, 0x90], main.Bytes[..3]);
            Assert.Equal(0xF4, main.Bytes[0x78 + 0x1C]);
            Assert.Equal(0x1A2B3C4Du, main.Geometry!.SerialNumber);
            Assert.Equal((ulong)(4 * M / sectorSize), main.Geometry.PartitionOffset);
            Assert.Equal((byte)0x80, main.Geometry.DriveSelect);
        }
    }

    [Fact]
    public void The_label_stands_in_the_root()
    {
        using var device = new SparseDevice(8 * M);
        ExFatFormatter.Format(device, Format() with { Label = "Grün 日本 12" });
        var geometry = ExFatGeometry.Read(device);
        var entry = new byte[32];
        device.Read(geometry.ClusterOffset(geometry.RootCluster), entry);
        Assert.Equal([0x83, 10, (byte)'G', 0, (byte)'r', 0, 0xFC, 0], entry[..8]);
    }

    [Theory]
    [InlineData("twelve chars")]
    [InlineData("a/b")]
    [InlineData("a\u0001b")]
    public void A_label_that_exFAT_cannot_hold_is_refused_before_anything_is_written(string label)
    {
        using var device = new SparseDevice(8 * M);
        Assert.Throws<InvalidNameException>(() => ExFatFormatter.Format(device, Format() with { Label = label }));
        Assert.Equal(0, device.Written);
    }

    [Theory]
    [InlineData("cluster_sice", "4096", 8 * M, "nearest is 'cluster_size'")]
    [InlineData("cluster_size", "3000", 8 * M, "power of two")]
    [InlineData("cluster_size", "64M", 8 * M, "512 to 33554432")]
    [InlineData("cluster_size", "4M", 8 * M, "leave 1 clusters")]
    [InlineData("cluster_size", "512", 4 * T, "at most 4294967285")]
    [InlineData("sector_size", "8192", 8 * M, "512 to 4096")]
    [InlineData("align", "4M", 8 * M, "leave 0 clusters")]
    [InlineData("drive_number", "256", 8 * M, "0 to 255")]
    [InlineData("cluster_size", "512", 1000 * K, "at least 1048576")]
    public void A_wrong_option_is_refused_with_what_would_be_right(string key, string value, long length, string expected)
    {
        using var device = new SparseDevice(length);
        var e = Assert.Throws<ArgumentException>(() => ExFatFormatter.Format(device, Format((key, value))));
        Assert.Contains(expected, e.Message);
        Assert.Equal(0, device.Written);
    }

    [Fact]
    public void The_same_clock_gives_the_same_bytes_whatever_was_there()
    {
        var images = new List<byte[]>();
        for (var i = 0; i < 2; i++)
        {
            var device = new MemoryDevice(5 * M);
            new Random(i).NextBytes(device.Bytes);
            ExFatFormatter.Format(device, Format() with { Label = "same", Clock = new FixedClock() });
            var geometry = ExFatGeometry.Read(device);
            images.Add(device.Bytes[..(int)(geometry.ClusterOffset(geometry.RootCluster) + geometry.ClusterSize)]);
        }
        Assert.Equal(images[0], images[1]);
    }

    [Fact]
    public void The_estimated_length_has_the_clusters_that_the_tree_needs()
    {
        var random = new Random(7);
        for (var i = 0; i < 200; i++)
        {
            var entries = new List<TreeShapeEntry>();
            var directories = new List<int> { -1 };
            for (var n = random.Next(1, 300); n > 0; n--)
            {
                var directory = random.Next(4) == 0;
                entries.Add(new TreeShapeEntry(directories[random.Next(directories.Count)], new string('n', random.Next(1, 200)), directory ? EntryKind.Directory : EntryKind.File, directory ? 0 : random.Next(1 << random.Next(1, 22))));
                if (directory)
                    directories.Add(entries.Count - 1);
            }
            var length = ExFatSizeEstimate.Length(new TreeShape(entries), Format(), 512);
            var layout = ExFatFormatLayout.Choose(length, Options(), 0);
            var needed = entries.Sum(e => e.Kind == EntryKind.Directory ? 1 : (e.Length + layout.ClusterSize - 1) / layout.ClusterSize);
            for (var d = 0; d < entries.Count; d++)
                needed += entries[d].Kind == EntryKind.Directory ? Math.Max(0, (entries.Where(e => e.Parent == d).Sum(e => 2 + (e.Name.Length + 14) / 15) * 32 - 1) / layout.ClusterSize) : 0;
            Assert.True(layout.ClusterCount - layout.UsedClusters >= needed, $"round {i}: {length} bytes have {layout.ClusterCount} clusters, {needed} are needed");
            Assert.True(length == M || layout.ClusterCount - layout.UsedClusters < needed + 400, $"round {i}: {length} bytes have {layout.ClusterCount} clusters, {needed} are needed");
        }
    }

    private static FormatOptions Format(params (string Key, string Value)[] options) =>
        new() { Type = "exfat", Options = options.ToDictionary(o => o.Key, o => o.Value) };

    private static ExFatFormatOptions Options(params (string, string)[] options) => ExFatFormatOptions.Read(Format(options), 512);

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2024, 2, 29, 12, 34, 56, TimeSpan.Zero);
    }
}
