using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Files that are made with their content: in one edit when they are small, in pieces otherwise, and whole or not at all.</summary>
public sealed class ExtNewFileTests
{
    private static readonly ExtType Ext = new();

    private static MemoryDevice Formatted(string type, params (string Key, string Value)[] options)
    {
        var device = new MemoryDevice(8 << 20);
        Ext.Format(device, new FormatOptions { Type = type, Options = options.Append(("^has_journal", "true")).ToDictionary(o => o.Item1, o => o.Item2, StringComparer.Ordinal) });
        return device;
    }

    private static byte[] Content(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    [Theory]
    [InlineData("ext4", "4K")]
    [InlineData("ext4", "1K")]
    [InlineData("ext4", "64K")]
    [InlineData("ext2", "1K")]
    [InlineData("ext3", "2K")]
    public void Content_of_any_length_is_there_with_its_metadata(string type, string blockSize)
    {
        // What the blocks held before must not show behind the ends of files.
        var device = Formatted(type, ("block_size", blockSize));
        var time = new Timestamp(1_000_000_000, 500);
        int[] lengths = [0, 1, 59, 60, 61, 1023, 1024, 1025, 4095, 4096, 4097, 65_536, 100_000, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 400_000];
        using (var volume = Ext.OpenForEditing(device, VolumeOptions.Default))
        {
            foreach (var length in lengths)
                volume.CreateFile(volume.RootId, $"f{length}", new MemoryStream(Content(length)), length, new MetadataChange { Mode = 0x1A0, UserId = 70_000, Modified = time });
            volume.Commit();
        }
        Assert.Empty(Ext.Check(device, CheckOptions.Default).Findings.Where(f => f.Severity > Severity.Note));
        using var again = Ext.Open(device, VolumeOptions.Default);
        foreach (var length in lengths)
        {
            var node = again.Find($"/f{length}");
            using var stream = again.OpenRead(node.Id, StreamName.Data);
            var bytes = new byte[length + 10];
            Assert.Equal(length, stream.ReadAt(0, bytes));
            Assert.Equal(Content(length), bytes[..length]);
            var metadata = again.GetMetadata(node.Id);
            Assert.Equal((0x1A0, 70_000u, time), (metadata.Mode!.Value & 0xFFF, metadata.UserId!.Value, metadata.Modified!.Value));
        }
    }

    [Theory]
    [InlineData(10, 5000)]
    [InlineData(5000, 10)]
    [InlineData(5000, 0)]
    [InlineData(5000, 5001)]
    [InlineData(300_000, 20)]
    [InlineData(20, 300_000)]
    public void What_comes_counts_and_not_what_was_said(int said, int length)
    {
        var device = Formatted("ext4", ("block_size", "1K"), ("inline_data", "true"));
        using (var volume = Ext.OpenForEditing(device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "f", new MemoryStream(Content(length)), said, MetadataChange.None);
            volume.Commit();
            using var stream = volume.OpenRead(volume.Find("/f").Id, StreamName.Data);
            var bytes = new byte[length + 10];
            Assert.Equal(length, stream.ReadAt(0, bytes));
            Assert.Equal(Content(length), bytes[..length]);
        }
        Assert.Empty(Ext.Check(device, CheckOptions.Default).Findings.Where(f => f.Severity > Severity.Note));
    }

    [Fact]
    public void What_finds_no_room_or_no_name_leaves_nothing()
    {
        var device = Formatted("ext4", ("block_size", "1K"));
        using var volume = Ext.OpenForEditing(device, VolumeOptions.Default);
        volume.CreateFile(volume.RootId, "there", new MemoryStream(Content(100)), 100, MetadataChange.None);
        Assert.Throws<AlreadyExistsException>(() => volume.CreateFile(volume.RootId, "there", new MemoryStream(Content(100)), 100, MetadataChange.None));
        var last = 0;
        for (; volume.FreeBytes > 210_000; last++)
            volume.CreateFile(volume.RootId, $"f{last}", new MemoryStream(Content(200_000)), 200_000, MetadataChange.None);
        var free = volume.FreeBytes;
        Assert.InRange(last, 20, 40);
        Assert.Throws<VolumeFullException>(() => volume.CreateFile(volume.RootId, "g", new MemoryStream(Content(250_000)), 250_000, MetadataChange.None));
        Assert.False(volume.TryLookup(volume.RootId, "g", out _));
        Assert.Equal(free, volume.FreeBytes);
        volume.Commit();
        Assert.Empty(Ext.Check(device, CheckOptions.Default).Findings.Where(f => f.Severity > Severity.Note));
    }
}
