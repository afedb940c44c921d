using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Blocks;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.Images.Qcow2;

/// <summary>Files are put and replaced on a FAT volume in a qcow2 image whose data lies in a file of its own, with the power cut after every single
/// write to either file: each keeps what it likes until it is flushed, and still what is found is the tree before or after, in both files.</summary>
public sealed class Qcow2ExternalPowerCutTests(ITestOutputHelper output) : IDisposable
{
    private const int DiskSize = 6 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", 0, false)]
    [InlineData("", 64 << 10, true)]
    [InlineData(",data_file_raw=on", 0, true)]
    [InlineData(",extended_l2=on,cluster_size=16K", 0, false)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(string settings, long freshLimit, bool grows)
    {
        var (path, data) = (_folder.File("a.qcow2"), _folder.File("data"));
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={data}{settings}", path, $"{DiskSize}");
        using (var image = ImageFile.Open(path, ImageAccess.Edit))
        {
            FileSystemTypes.Find("fat16")!.Format(image.Device, new FormatOptions { Type = "fat16", Options = new Dictionary<string, string> { ["cluster_size"] = "1K" } });
            image.Device.Flush();
            using var volume = FatVolume.OpenForEditing(image.Device, VolumeOptions.Default);
            volume.CreateFile(volume.RootId, "old.bin", new MemoryStream(ConformanceCase.Bytes(120_000, 9)), null, MetadataChange.None);
            volume.Commit();
        }
        // The data file may be shorter than the disk: then it grows, once and for good.
        var bytes = File.ReadAllBytes(data);
        Array.Resize(ref bytes, grows ? bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1 : DiskSize);
        var ground = new PowerCutFiles([File.ReadAllBytes(path), bytes], files => new JoinedFiles(files[0], [(files[1], DiskSize)]));
        var states = new List<string> { Outline(new JoinedFiles(new MemoryDevice(ground.Contents[0], canWrite: false), [(new MemoryDevice(bytes, canWrite: false), DiskSize)])) };
        var result = PowerCut.Run(ground, device =>
        {
            // The state that a commit leads to is known before it begins.
            using var volume = FatVolume.OpenForEditing(Open(device).Disk, VolumeOptions.Default);
            volume.CreateFile(volume.RootId, "A new file.bin", new MemoryStream(ConformanceCase.Bytes(90_000)), 90_000, MetadataChange.None);
            volume.Commit();
            states.Add(Outline(device));
            volume.Delete(volume.RootId, "old.bin");
            volume.CreateFile(volume.RootId, "dropped", new MemoryStream(ConformanceCase.Bytes(50_000, 4)), null, MetadataChange.None);
            volume.Rollback();
            volume.Delete(volume.RootId, "old.bin");
            volume.CreateFile(volume.RootId, "new.bin", new MemoryStream(ConformanceCase.Bytes(150_000, 4)), null, MetadataChange.None);
            volume.Commit();
            states.Add(Outline(device));
        }, (device, point) =>
        {
            var found = Outline(device);
            Assert.Contains(Enumerable.Range(point.Oldest, point.Newest - point.Oldest + 1), i => states[Math.Min(i, states.Count - 1)] == found);
        }, new PowerCutOptions { Samples = 2, RecoveryEvery = 24, Limit = 800, Transaction = new TransactionOptions { FreshLimit = freshLimit } });
        output.WriteLine($"FAT in a qcow2 with external data{settings}: {result.CrashPoints} crash points, {result.FilesWritten} files written to");
        Assert.True(result.CrashPoints > 100);
        // Behind a raw data file all tables are there from the start.
        Assert.Equal(settings.Contains("raw", StringComparison.Ordinal) ? 1 : 2, result.FilesWritten);
    }

    // Windows over the device below, as ImageParts makes them over a transaction.
    private Container Open(BlockDevice joined)
    {
        var open = new Dictionary<string, BlockDevice>(StringComparer.Ordinal) { [_folder.File("data")] = new WindowDevice(joined, 0, DiskSize) };
        BlockDevice main = joined is ResizableDevice { CanWrite: true } writable ? new ResizableWindow(writable, DiskSize) : new WindowDevice(joined, DiskSize, joined.Length - DiskSize);
        return Container.Open(main, ImageNeighbours.Of(_folder.File("a.qcow2")).With(open));
    }

    private string Outline(BlockDevice joined) => ContainerEdits.Outline(Open(joined), "fat16");
}
