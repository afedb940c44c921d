using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Trees;
using Platter.Trees.Building;
using Platter.Trees.Specs;
using Xunit;

namespace Platter.Interop.Tests.Trees;

/// <summary>Trees of more files than a volume of their length has inodes by the usual ratio: formatting hears of them first.</summary>
public sealed class EntryCountTests
{
    private const int Files = 50_000, Names = 500;
    private static readonly DateTimeOffset Epoch = new(2024, 2, 29, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("ext4", null)]
    [InlineData("ext4", "96M")]
    [InlineData("ext2", "80M")]
    public void A_filesystem_of_any_size_has_inodes_for_fifty_thousand_files(string type, string? size)
    {
        using var folder = new TempFolder();
        using var source = new TinyFiles();
        var image = folder.File("tree.img");
        var report = FileSystemBuilder.Create(image, new NewFileSystem
        {
            Type = type, Length = size is null ? null : ByteSize.Parse(size), Format = ContainerFormat.Raw,
        }, source, new BuildOptions { Epoch = Epoch });
        Assert.InRange(report.Length, 1 << 20, 100 << 20);
        Assert.Null(Mke2fs.Complaint(image));
        RequireAll(image, 0, report.Length);
    }

    [Theory]
    [InlineData("rest")]
    [InlineData("auto")]
    [InlineData("90M")]
    public void A_partition_of_any_size_has_them_too(string size)
    {
        using var folder = new TempFolder();
        var spec = DiskSpec.Parse($"""
            [image]
            size = "{(size == "auto" ? "auto" : "100M")}"
            [[partition]]
            type = "linux"
            size = "{size}"
            [partition.filesystem]
            type = "ext4"
            source = "the-files"
            """, "disk.toml");
        var image = folder.File("disk.img");
        var report = DiskBuilder.Build(spec, image, new BuildOptions { Epoch = Epoch, BaseFolder = folder.Path, OpenLayer = _ => new TinyFiles() });
        var partition = Assert.Single(report.Partitions);
        RequireAll(image, partition.Start, partition.Length);
        var part = folder.File("part.img");
        Tool.Expect("dd", $"if={image}", $"of={part}", "bs=1M", "iflag=skip_bytes,count_bytes", $"skip={partition.Start}", $"count={partition.Length}", "conv=sparse", "status=none");
        Assert.Null(Mke2fs.Complaint(part));
    }

    [Fact]
    public void A_number_of_inodes_that_was_asked_for_stays_and_more_files_find_the_volume_full()
    {
        using var folder = new TempFolder();
        using var source = new TinyFiles();
        var what = new NewFileSystem { Type = "ext4", Length = 96 << 20, Format = ContainerFormat.Raw };
        Assert.Throws<VolumeFullException>(() => FileSystemBuilder.Create(folder.File("few.img"), what with
        {
            Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["inodes"] = "1000" },
        }, source, new BuildOptions { Epoch = Epoch }));

        // Not even the inodes fit: the same word, and not that an option is wrong.
        Assert.Throws<VolumeFullException>(() => FileSystemBuilder.Create(folder.File("short.img"), what with { Length = 10 << 20 }, source, new BuildOptions { Epoch = Epoch }));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Room_to_spare_comes_with_inodes()
    {
        using var folder = new TempFolder();
        using var source = new TinyFiles();
        var image = folder.File("tree.img");
        FileSystemBuilder.Create(image, new NewFileSystem { Type = "ext4", Free = FreeRoom.Parse("50%"), Format = ContainerFormat.Raw }, source, new BuildOptions { Epoch = Epoch });
        using var device = HostFile.Open(image, FileAccess.Read);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        Assert.InRange(volume.Geometry.InodesCount, Files * 3 / 2u, Files * 2u);
    }

    private static void RequireAll(string image, long start, long length)
    {
        using var device = HostFile.Open(image, FileAccess.Read);
        using var volume = ExtVolume.Open(new WindowDevice(device, start, length), VolumeOptions.Default);
        Assert.InRange(volume.Geometry.InodesCount, Files + 11u, Files + Files / 4u);
        Assert.Equal(Files, volume.Find("/").Entries.Where(e => e.Name != "lost+found").Sum(e => volume.Find("/" + e.Name).Entries.Count()));
    }

    /// <summary>Files of 0 to 11 bytes, some of them with a second name, which takes no inode.</summary>
    private sealed class TinyFiles : TreeSource
    {
        private static readonly byte[] Content = "some words."u8.ToArray();

        public override FileMetadata? RootMetadata { get; } = new() { Kind = EntryKind.Directory };

        public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
        {
            for (var directory = 0; directory < Files / Names; directory++)
            {
                var parent = new TreeEntry(null, $"d{directory:D4}", new FileMetadata { Kind = EntryKind.Directory });
                yield return parent;
                for (var i = 0; i < Names; i++)
                {
                    var file = new FileMetadata { Kind = EntryKind.File, Length = i % (Content.Length + 1) };
                    // The last two names of each directory are one file's.
                    yield return new TreeEntry(parent, $"f{i:D4}", i < Names - 2 ? file : file with { Length = 3, LinkCount = 2 }) { LinkIdentity = i < Names - 2 ? null : directory };
                }
            }
        }

        public override TreeContent OpenContent(TreeEntry entry, StreamName stream) => new Words((int)entry.Length);

        private sealed class Words(int length) : TreeContent
        {
            public override long? Length => length;

            public override int ReadAt(long offset, Span<byte> buffer)
            {
                var n = (int)Math.Clamp(length - offset, 0, buffer.Length);
                Content.AsSpan((int)offset, n).CopyTo(buffer);
                return n;
            }
        }
    }
}
