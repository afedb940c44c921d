using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

public class ExtEstimateTests
{
    private const long K = 1 << 10, M = 1 << 20, G = 1 << 30;

    [Theory]
    [InlineData("ext2", "")]
    [InlineData("ext3", "")]
    [InlineData("ext4", "")]
    [InlineData("ext4", "block_size=4096")]
    [InlineData("ext4", "bigalloc")]
    [InlineData("ext4", "inode_ratio=65536")]
    [InlineData("ext4", "block_size=1024,^flex_bg,quota,orphan_file")]
    public void The_volume_has_room_and_inodes_for_the_tree_and_not_much_more(string type, string options)
    {
        foreach (var tree in (TreeShape[])[new([]), Files(10, 100), Files(3000, 700), Files(40, 5 * M), Files(3, 900 * M), Files(20_000, 0)])
        {
            var format = Options(type, options);
            var length = new ExtType().EstimateLength(tree, format, 512);
            var device = new SparseDevice(length);
            new ExtType().Format(device, format);
            using var volume = ExtVolume.Open(device, VolumeOptions.Default);
            var content = tree.Entries.Sum(e => (e.Length + volume.Geometry.BlockSize * volume.Geometry.ClusterRatio - 1) / (volume.Geometry.BlockSize * volume.Geometry.ClusterRatio) * volume.Geometry.BlockSize * volume.Geometry.ClusterRatio);
            Assert.InRange(volume.FreeBytes, content, long.MaxValue);
            Assert.InRange(volume.Geometry.InodesCount, tree.Entries.Count + 11L, uint.MaxValue);
        }
    }

    [Fact]
    public void Inodes_that_are_made_for_the_tree_spare_the_length_that_the_ratio_would_need()
    {
        var tree = Files(100_000, 100);
        var byRatio = new ExtType().EstimateLength(tree, Options("ext4", ""), 512);
        var byCount = new ExtType().EstimateLength(tree, Options("ext4", "") with { ExpectedEntries = tree.Entries.Count }, 512);
        Assert.InRange(byRatio, 390 * M, 700 * M);
        Assert.InRange(byCount, 120 * M, 160 * M);
    }

    [Fact]
    public void A_volume_for_nothing_is_small()
    {
        Assert.InRange(new ExtType().EstimateLength(new TreeShape([]), Options("ext2", ""), 512), 64 * K, 256 * K);
        Assert.InRange(new ExtType().EstimateLength(new TreeShape([]), Options("ext4", ""), 512), 64 * K, 256 * K);
    }

    [Fact]
    public void What_no_length_mends_is_said()
    {
        Assert.Contains("inodes", Assert.Throws<ArgumentException>(() => new ExtType().EstimateLength(Files(100, 1), Options("ext4", "inodes=20"), 512)).Message, StringComparison.Ordinal);
        Assert.Contains("meta_bg", Assert.Throws<ArgumentException>(() => new ExtType().EstimateLength(Files(100, 1), Options("ext4", "meta_bg"), 512)).Message, StringComparison.Ordinal);
    }

    private static TreeShape Files(int count, long length) =>
        new([.. Enumerable.Range(0, count).Select(i => new TreeShapeEntry(-1, $"a-file-{i}", EntryKind.File, length))]);

    private static FormatOptions Options(string type, string options) => new()
    {
        Type = type,
        Clock = new SettableClock(),
        Options = options.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(o => o.Split('=')).ToDictionary(o => o[0], o => o.Length > 1 ? o[1] : "true", StringComparer.Ordinal),
    };
}
