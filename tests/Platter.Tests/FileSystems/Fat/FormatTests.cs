using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

public class FormatTests
{
    private const long K = 1024, M = 1024 * K, G = 1024 * M, T = 1024 * G;

    [Theory]
    [InlineData(160 * K, 0xFE, 64, 1, 1, 313)]
    [InlineData(180 * K, 0xFC, 64, 1, 2, 351)]
    [InlineData(320 * K, 0xFF, 112, 2, 1, 315)]
    [InlineData(360 * K, 0xFD, 112, 2, 2, 354)]
    [InlineData(640 * K, 0xFB, 112, 2, 2, 634)]
    [InlineData(720 * K, 0xF9, 112, 2, 3, 713)]
    [InlineData(1200 * K, 0xF9, 224, 1, 7, 2371)]
    [InlineData(1440 * K, 0xF0, 224, 1, 9, 2847)]
    [InlineData(2880 * K, 0xF0, 240, 2, 9, 2863)]
    public void A_floppy_gets_its_standard_format(long length, int media, int rootEntries, int perCluster, int fatSectors, int clusters)
    {
        var geometry = FatGeometry.Read(Formatted(length, "fat"));
        Assert.Equal(FatWidth.Fat12, geometry.Width);
        Assert.Equal((media, rootEntries, perCluster, fatSectors, clusters),
            (geometry.Media, geometry.RootEntries, geometry.SectorsPerCluster, (int)geometry.FatSectors, (int)geometry.ClusterCount));
    }

    [Theory]
    [InlineData(64 * K, FatWidth.Fat12, 2048)]
    [InlineData(8 * M, FatWidth.Fat12, 2048)]
    [InlineData(16 * M, FatWidth.Fat16, 2048)]
    [InlineData(200 * M, FatWidth.Fat16, 4096)]
    [InlineData(511 * M, FatWidth.Fat16, 8192)]
    [InlineData(512 * M, FatWidth.Fat32, 4096)]
    [InlineData(8 * G, FatWidth.Fat32, 4096)]
    [InlineData(8 * G + M, FatWidth.Fat32, 8192)]
    [InlineData(64 * G, FatWidth.Fat32, 32768)]
    [InlineData(2 * T, FatWidth.Fat32, 32768)]
    public void The_width_and_the_cluster_size_follow_from_the_length(long length, object width, int clusterSize)
    {
        var layout = FatFormatLayout.Choose(length, Options("fat"));
        Assert.Equal((width, clusterSize), (layout.Width, layout.ClusterSize));
    }

    [Fact]
    public void Formatting_two_tebibytes_writes_only_what_is_not_zero()
    {
        using var folder = new TempFolder();
        using var file = HostFile.Create(folder.File("huge.img"), 2 * T);
        var started = DateTime.UtcNow;
        FatFormatter.Format(file, new FormatOptions { Type = "fat32" });
        Assert.True(file.AllocatedBytes < 256 * K, $"{file.AllocatedBytes} bytes are allocated");
        Assert.InRange(DateTime.UtcNow - started, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Equal(uint.MaxValue, FatGeometry.Read(file).TotalSectors);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void Every_structure_lies_on_a_multiple_of_the_cluster_size(int sectorSize)
    {
        foreach (var length in new[] { 40 * M, 300 * M, 700 * M, 20 * G, 100 * G })
        {
            var layout = FatFormatLayout.Choose(length, Options("fat", sectorSize: sectorSize));
            Assert.Equal(0, layout.DataSector % layout.SectorsPerCluster);
            Assert.Equal(0, layout.ReservedSectors % layout.SectorsPerCluster);
        }
        var aligned = FatFormatLayout.Choose(700 * M, Options("fat", sectorSize, ("align", "1M")));
        Assert.Equal(0, aligned.DataSector * aligned.SectorSize % M);
    }

    [Fact]
    public void Whatever_length_is_formatted_reads_back_as_what_was_laid_out()
    {
        var random = new Random(1);
        for (var i = 0; i < 3000; i++)
        {
            var sectorSize = 512 << random.Next(4);
            var length = (long)Math.Exp(random.NextDouble() * Math.Log(2.0 * T / (40 * K)) + Math.Log(40 * K));
            var type = new[] { "fat", "fat12", "fat16", "fat32" }[random.Next(4)];
            (string, string)[] extra = random.Next(3) switch
            {
                0 => [("cluster_size", (sectorSize << random.Next(8)).ToString())],
                1 => [("fat_count", "1"), ("root_entries", random.Next(1, 3000).ToString()), ("align", "64K")],
                _ => [],
            };
            var options = Options(type, sectorSize, extra);
            if (FatFormatLayout.TryChoose(length, options, out var reason) is not { } layout)
            {
                Assert.NotEmpty(reason);
                continue;
            }
            var what = $"{type} of {length} bytes, sectors of {sectorSize}, {string.Join(' ', extra)}";
            Assert.True(layout.TotalSectors * sectorSize <= length && length - layout.TotalSectors * sectorSize <= sectorSize, what);

            // The FAT has an entry for each cluster, and the width that the count gives is the one that was meant.
            Assert.True(layout.FatSectors * sectorSize * 8 / (int)layout.Width >= layout.ClusterCount + 2, what);
            using var sparse = new SparseDevice(length, sectorSize);
            FatFormatter.Format(sparse, new FormatOptions { Type = type, Options = Dictionary([("sector_size", sectorSize.ToString()), .. extra]) });
            var geometry = FatGeometry.Read(sparse);
            Assert.True(layout.Width == geometry.Width && layout.ClusterCount == geometry.ClusterCount && geometry.Remarks.Count == 0, what);
        }
    }

    [Theory]
    [InlineData("fat16", 1 * M, "4087 to 65524")]
    [InlineData("fat12", 1 * G, "1 to 4084")]
    [InlineData("fat32", 20 * M, "65525 to")]
    [InlineData("fat", 16 * K, "too few")]
    public void An_impossible_combination_is_refused_with_the_counts_that_fit(string type, long length, string expected)
    {
        using var device = new SparseDevice(length);
        device.Write(5, [1]);
        var e = Assert.Throws<ArgumentException>(() => FatFormatter.Format(device, new FormatOptions { Type = type }));
        Assert.Contains(expected, e.Message);
        Assert.Equal(1, device.Written);
    }

    [Theory]
    [InlineData("cluster_sice", "4096", "nearest is 'cluster_size'")]
    [InlineData("cluster_size", "3000", "power of two")]
    [InlineData("cluster_size", "1M", "512 to 65536")]
    [InlineData("sector_size", "8192", "512 to 4096")]
    [InlineData("media", "0xF3", "0xF8")]
    [InlineData("fat_count", "0", "1 to 4")]
    [InlineData("oem_name", "far too long", "8 ASCII")]
    [InlineData("backup_sector", "31", "reserved sectors")]
    [InlineData("root_entries", "many", "number")]
    public void A_wrong_option_is_refused_with_what_would_be_right(string key, string value, string expected)
    {
        using var device = new SparseDevice(40 * M);
        var e = Assert.Throws<ArgumentException>(() => FatFormatter.Format(device, new FormatOptions { Type = "fat32", Options = Dictionary([(key, value)]) }));
        Assert.Contains(expected, e.Message);
        Assert.Equal(0, device.Written);
    }

    [Fact]
    public void Label_serial_number_and_partition_start_are_recorded()
    {
        using var device = new SparseDevice(40 * M);
        FatFormatter.Format(device, new FormatOptions { Type = "fat32", Label = "Grün", Id = "1A2B-3C4D", PartitionOffset = 1 * M });
        var geometry = FatGeometry.Read(device);
        Assert.Equal(0x1A2B3C4Du, geometry.SerialNumber);
        Assert.Equal(2048, geometry.HiddenSectors);
        Assert.Equal([(byte)'G', (byte)'R', 0x9A, (byte)'N', .. "       "u8], geometry.BootLabel!);
        var slot = new byte[32];
        device.Read(geometry.ClusterOffset(2), slot);
        Assert.Equal(geometry.BootLabel, slot[..11]);
        Assert.Equal(8, slot[11]);
        var backup = FatGeometry.Read(device, 6 * 512);
        Assert.Equal(geometry.SerialNumber, backup.SerialNumber);
    }

    [Fact]
    public void The_same_clock_gives_the_same_bytes()
    {
        var clock = new FixedClock(new DateTimeOffset(2024, 2, 29, 12, 34, 56, 780, TimeSpan.Zero));
        var images = new List<byte[]>();
        for (var i = 0; i < 2; i++)
        {
            var device = new MemoryDevice(2 * M);
            new Random(i).NextBytes(device.Bytes.AsSpan(0, 64 << 10));
            FatFormatter.Format(device, new FormatOptions { Type = "fat", Label = "same", Clock = clock });
            images.Add(device.Bytes[..(64 << 10)]);
        }
        var root = (int)FatGeometry.Read(new MemoryDevice(images[0].Concat(new byte[2 * M - (64 << 10)]).ToArray())).DataOffset;
        Assert.Equal(images[0][..root], images[1][..root]);
        Assert.Equal(0x140A_3A6Bu, VolumeSerial.FromTime(clock.GetUtcNow().UtcDateTime));
    }

    [Theory]
    [InlineData("fat12", 512)]
    [InlineData("fat16", 512)]
    [InlineData("fat32", 512)]
    [InlineData("fat32", 4096)]
    [InlineData("fat", 512)]
    public void The_estimated_length_has_the_clusters_that_the_tree_needs(string type, int sectorSize)
    {
        var random = new Random(7);
        for (var i = 0; i < 60; i++)
        {
            var entries = new List<TreeShapeEntry>();
            var directories = new List<int> { -1 };
            for (var n = random.Next(1, 300); n > 0; n--)
            {
                var directory = random.Next(4) == 0;
                entries.Add(new TreeShapeEntry(directories[random.Next(directories.Count)], "entry with a long name " + n, directory ? EntryKind.Directory : EntryKind.File, directory ? 0 : random.Next(1 << random.Next(1, 17))));
                if (directory)
                    directories.Add(entries.Count - 1);
            }
            var options = new FormatOptions { Type = type, Options = Dictionary(type is "fat12" or "fat16" ? [("root_entries", "1200")] : []) };
            var length = FatSizeEstimate.Length(new TreeShape(entries), options, sectorSize);
            using var device = new SparseDevice(length, sectorSize);
            FatFormatter.Format(device, options);
            var geometry = FatGeometry.Read(device);
            var least = entries.Sum(e => e.Kind == EntryKind.Directory ? geometry.ClusterSize : (e.Length + geometry.ClusterSize - 1) / geometry.ClusterSize * geometry.ClusterSize);
            Assert.True(geometry.ClusterCount * (long)geometry.ClusterSize >= least, $"round {i}: {length} bytes have {geometry.ClusterCount} clusters of {geometry.ClusterSize}, {least} bytes are needed");
        }
    }

    [Fact]
    public void A_tree_that_no_root_directory_holds_is_refused_with_the_option_that_helps()
    {
        var entries = Enumerable.Range(0, 600).Select(i => new TreeShapeEntry(-1, $"F{i}", EntryKind.File, 1)).ToList();
        var e = Assert.Throws<ArgumentException>(() => FatSizeEstimate.Length(new TreeShape(entries), new FormatOptions { Type = "fat16" }, 512));
        Assert.Contains("root_entries=601", e.Message);
        Assert.Equal(512 * M, FatSizeEstimate.Length(new TreeShape(entries), new FormatOptions { Type = "fat" }, 512));
    }

    private static Dictionary<string, string> Dictionary((string Key, string Value)[] options) => options.ToDictionary(o => o.Key, o => o.Value);

    private static FatFormatOptions Options(string type, int sectorSize = 512, params (string, string)[] options) =>
        FatFormatOptions.Read(new FormatOptions { Type = type, Options = Dictionary(options) }, sectorSize);

    private static MemoryDevice Formatted(long length, string type)
    {
        var device = new MemoryDevice(length);
        FatFormatter.Format(device, new FormatOptions { Type = type });
        return device;
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
