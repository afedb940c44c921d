using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Tests.Trees;

/// <summary>Content that lies in the image as it is read, and goes to the host's files without being read.</summary>
public sealed class HostExtentCopyTests : IDisposable
{
    private const int Length = 9 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("fat32", "raw")]
    [InlineData("fat32", "vhd-fixed")]
    [InlineData("fat16", "qcow2")]
    [InlineData("exfat", "raw")]
    [InlineData("exfat", "vhdx")]
    [InlineData("ext2", "raw")]
    [InlineData("ext4", "raw")]
    [InlineData("ext4", "vmdk")]
    [InlineData("ntfs", "raw")]
    [InlineData("ntfs", "vdi")]
    public void Files_come_out_as_they_went_in(string type, string container)
    {
        var path = _folder.File("disk");
        var content = new byte[Length];
        new Random(3).NextBytes(content);
        Make(path, type, container, volume =>
        {
            // In turns, so that no file lies in one piece.
            var ids = new[] { "one", "two" }.Select(n => volume.CreateFile(volume.RootId, n, MetadataChange.None)).ToList();
            for (var at = 0; at < Length; at += 700_000)
            {
                foreach (var id in ids)
                {
                    using var stream = volume.OpenWrite(id, StreamName.Data);
                    stream.WriteAt(at, content.AsSpan(at, Math.Min(700_000, Length - at)));
                }
            }
            var holed = volume.CreateFile(volume.RootId, "holed", MetadataChange.None);
            using (var stream = volume.OpenWrite(holed, StreamName.Data))
            {
                stream.WriteAt(0, content.AsSpan(0, 3 << 20));
                stream.WriteAt(5 << 20, content.AsSpan(0, 3 << 20));
                stream.SetLength(11 << 20);
            }
        });
        var holes = new byte[11 << 20];
        content.AsSpan(0, 3 << 20).CopyTo(holes);
        content.AsSpan(0, 3 << 20).CopyTo(holes.AsSpan(5 << 20));
        // A folder of another filesystem as well, into which the host may not be able to copy on its own.
        using var memory = Directory.Exists("/dev/shm") ? new TempFolder("/dev/shm") : new TempFolder();
        foreach (var target in new[] { _folder.File("out"), memory.File("out") })
        {
            Copy(path, target);
            Assert.Equal(content, File.ReadAllBytes(Path.Combine(target, "one")));
            Assert.Equal(content, File.ReadAllBytes(Path.Combine(target, "two")));
            Assert.Equal(holes, File.ReadAllBytes(Path.Combine(target, "holed")));
        }
    }

    [Theory]
    [InlineData("fat32")]
    [InlineData("exfat")]
    [InlineData("ext4")]
    [InlineData("ntfs")]
    public void The_parts_of_a_file_lie_on_the_host_where_its_stream_says(string type)
    {
        var path = _folder.File("disk");
        var content = new byte[Length];
        new Random(4).NextBytes(content);
        Make(path, type, "raw", volume => volume.CreateFile(volume.RootId, "f", new MemoryStream(content), Length, MetadataChange.None));
        using var disk = DiskImage.Open(path);
        using var opened = disk.OpenVolume();
        using var source = VolumeTreeSource.Content(opened);
        var entry = source.Walk().Single(e => e.Name == "f");
        using var tree = source.OpenContent(entry, StreamName.Data);
        var found = 0L;
        for (var at = 0L; at < Length;)
        {
            var extent = Assert.NotNull(tree.FindOnHost(at, Length - at));
            Assert.InRange(extent.Length, 1, Length - at);
            var bytes = new byte[extent.Length];
            extent.File.Read(extent.Offset, bytes);
            Assert.True(bytes.AsSpan().SequenceEqual(content.AsSpan((int)at, bytes.Length)));
            at += extent.Length;
            found++;
        }
        Assert.InRange(found, 1, 100);
        Assert.Null(tree.FindOnHost(Length, 1));
        Assert.Null(tree.FindOnHost(Length + 5, 1));
    }

    private void Make(string path, string type, string container, Action<EditableVolume> fill)
    {
        using (var made = NewImage.Create(path, 80 << 20, new NewImageOptions { Format = ContainerFormat.FromName(container) }))
        {
            FileSystemTypes.Find(type)!.Format(made.Device, new FormatOptions { Type = type });
            made.Complete();
        }
        using var disk = DiskImage.OpenForEditing(path);
        using var volume = disk.OpenVolumeForEditing();
        fill(volume);
        volume.Commit();
    }

    private static void Copy(string image, string folder)
    {
        using var disk = DiskImage.Open(image);
        using var volume = disk.OpenVolume();
        using var source = VolumeTreeSource.Content(volume);
        using var sink = new HostTreeSink(folder);
        var report = TreeCopier.Copy(source, sink, new CopyOptions());
        Assert.Equal(0, report.ProblemCount);
    }
}
