using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

public class NtfsEstimateTests
{
    private const long K = 1 << 10, M = 1 << 20, G = 1 << 30;

    [Theory]
    [InlineData("")]
    [InlineData("cluster_size=512")]
    [InlineData("cluster_size=64K")]
    [InlineData("cluster_size=2M")]
    [InlineData("sector_size=4096,record_size=4096")]
    public void The_volume_has_room_for_the_tree_and_not_much_more(string options)
    {
        foreach (var tree in (TreeShape[])[new([]), Files(10, 100), Files(3000, 700), Files(40, 5 * M), Files(3, 900 * M), Files(20_000, 0)])
        {
            var format = Options(options);
            var length = new NtfsType().EstimateLength(tree, format, 512);
            Assert.Equal(0, length % (64 * K));
            using var device = new SparseDevice(length);
            new NtfsType().Format(device, format);
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            long cluster = volume.Geometry.ClusterSize;
            var rest = tree.Entries.Count * 104L + (tree.Entries.Count + 64L) * volume.Geometry.RecordSize;
            var least = Clusters(volume.Geometry.RecordSize) * cluster + rest;
            var most = Clusters(volume.Geometry.RecordSize - 600) * cluster + 3 * rest;
            Assert.InRange(volume.FreeBytes, least, most + most / 16 + 800 * K + 24 * cluster);

            long Clusters(int resident) => tree.Entries.Where(e => e.Length > resident).Sum(e => (e.Length + cluster - 1) / cluster);
        }
    }

    [Fact]
    public void Content_that_its_record_holds_takes_no_clusters()
    {
        var small = new NtfsType().EstimateLength(Files(10_000, 100), Options(""), 512);
        var large = new NtfsType().EstimateLength(Files(10_000, 1000), Options(""), 512);
        Assert.InRange(large - small, 10_000 * 4 * K, 10_000 * 5 * K);
    }

    [Fact]
    public void Further_names_take_room_in_directories_and_few_records()
    {
        var names = Enumerable.Range(0, 4000).Select(i => new TreeShapeEntry(-1, $"a-name-{i}", EntryKind.File, 10) { IsFurtherName = i > 0 });
        var linked = new NtfsType().EstimateLength(new TreeShape([.. names]), Options(""), 512);
        var apart = new NtfsType().EstimateLength(Files(4000, 10), Options(""), 512);
        Assert.InRange(apart - linked, 2 * M, 5 * M);
    }

    [Fact]
    public void Long_targets_of_links_take_clusters()
    {
        var shorter = new TreeShape([.. Enumerable.Range(0, 1000).Select(i => new TreeShapeEntry(-1, $"link-{i}", EntryKind.SymbolicLink, 20))]);
        var longer = new TreeShape([.. Enumerable.Range(0, 1000).Select(i => new TreeShapeEntry(-1, $"link-{i}", EntryKind.SymbolicLink, 300))]);
        Assert.InRange(new NtfsType().EstimateLength(longer, Options(""), 512) - new NtfsType().EstimateLength(shorter, Options(""), 512), 3 * M, 6 * M);
    }

    [Fact]
    public void A_volume_for_nothing_is_small() =>
        Assert.InRange(new NtfsType().EstimateLength(new TreeShape([]), Options(""), 512), 1 * M, 2 * M);

    [Fact]
    public void What_no_length_mends_is_said() =>
        Assert.Contains("4294967295", Assert.Throws<ArgumentException>(() => new NtfsType().EstimateLength(Files(8, 300 * G), Options("cluster_size=512"), 512)).Message, StringComparison.Ordinal);

    private static TreeShape Files(int count, long length) =>
        new([.. Enumerable.Range(0, count).Select(i => new TreeShapeEntry(-1, $"a-file-{i}", EntryKind.File, length))]);

    private static FormatOptions Options(string options) => new()
    {
        Type = "ntfs",
        Clock = new SettableClock(),
        Options = options.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(o => o.Split('=')).ToDictionary(o => o[0], o => o[1], StringComparer.Ordinal),
    };
}
