using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

public class CheckLargeTests
{
    [Fact]
    public void A_volume_of_two_tebibytes_is_checked_in_bounded_memory()
    {
        using var device = new SparseDevice(2L << 40);
        FatFormatter.Format(device, new FormatOptions { Type = "fat32" });
        using (var volume = FatVolume.OpenForEditing(device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "in the middle of nowhere", new MetadataChange());
            volume.Commit();
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        var report = FatChecker.Check(device, CheckOptions.Default);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Empty(report.Findings);
        Assert.True(allocated < 80 << 20, $"{allocated} bytes were allocated");

        // A lost cluster at the very end.
        var geometry = FatGeometry.Read(device);
        for (var fat = 0; fat < 2; fat++)
            device.Write(geometry.FatOffset(fat) + geometry.LastCluster * 4L, [0xFF, 0xFF, 0xFF, 0x0F]);
        var lost = FatChecker.Check(device, CheckOptions.Default);
        Assert.Equal(["FAT-0129", "FAT-0105"], lost.Findings.Select(f => f.Code));
    }

    [Fact]
    public void A_medium_that_fails_is_a_finding_when_content_is_read_too()
    {
        var memory = new MemoryDevice(2 << 20);
        FatFormatter.Format(memory, new FormatOptions { Type = "fat" });
        long offset;
        using (var volume = FatVolume.OpenForEditing(memory, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "FILE", new MemoryStream(new byte[5000]), 5000, new MetadataChange());
            volume.Commit();
            offset = FatGeometry.Read(memory).ClusterOffset(3);
        }
        using var failing = new FailingDevice(memory, offset);
        Assert.True(FatChecker.Check(failing, CheckOptions.Default).IsClean);
        var finding = Assert.Single(FatChecker.Check(failing, new CheckOptions { ReadData = true }).Findings);
        Assert.Equal(("FAT-0190", (long?)offset), (finding.Code, finding.Offset));
    }

    [Fact]
    public void A_check_that_is_cancelled_stops()
    {
        var memory = new MemoryDevice(2 << 20);
        FatFormatter.Format(memory, new FormatOptions { Type = "fat" });
        Assert.ThrowsAny<OperationCanceledException>(() => FatChecker.Check(memory, new CheckOptions { Cancellation = new CancellationToken(canceled: true) }));
    }

    private sealed class FailingDevice(BlockDevice below, long bad) : BlockDevice
    {
        public override long Length => below.Length;
        public override bool CanWrite => false;

        public override void Flush()
        {
            // Nothing is written.
        }

        protected override void ReadCore(long offset, Span<byte> buffer)
        {
            if (offset <= bad && bad < offset + buffer.Length)
                throw new IOException("a scratch");
            below.Read(offset, buffer);
        }

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new NotSupportedException();
    }
}
