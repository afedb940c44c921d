using System.Security.Cryptography;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Testing.Blocks;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Files are put, replaced and removed on a FAT or NTFS volume inside a container, with the power cut after every single write: what is
/// found afterwards is the tree before or after, on a sound volume in a sound container.</summary>
public sealed class ContainerPowerCutTests(ITestOutputHelper output)
{
    private static readonly (string Name, Action<EditableVolume> Edit)[] Edits =
    [
        ("a file into new blocks", v => v.CreateFile(v.RootId, "A new file.bin", new MemoryStream(ConformanceCase.Bytes(90_000)), 90_000, MetadataChange.None)),
        ("two commits", v =>
        {
            v.CreateFile(v.RootId, "one", new MemoryStream(ConformanceCase.Bytes(70_000, 2)), null, MetadataChange.None);
            v.Commit();
            v.CreateFile(v.RootId, "two", new MemoryStream(ConformanceCase.Bytes(200_000, 3)), null, MetadataChange.None);
        }),
        ("remove, and put something else", v =>
        {
            v.Delete(v.RootId, "old.bin");
            v.CreateFile(v.RootId, "new.bin", new MemoryStream(ConformanceCase.Bytes(150_000, 4)), null, MetadataChange.None);
        }),
        ("roll back and edit again", v =>
        {
            v.CreateFile(v.RootId, "dropped", new MemoryStream(ConformanceCase.Bytes(100_000, 5)), null, MetadataChange.None);
            v.Rollback();
            v.CreateFile(v.RootId, "kept", new MemoryStream(ConformanceCase.Bytes(100_000, 6)), null, MetadataChange.None);
        }),
    ];

    [Theory]
    [InlineData("vmdk", "", "fat16", 0)]
    [InlineData("vmdk", "", "fat16", 64 << 10)]
    [InlineData("vdi", "", "fat16", 0)]
    [InlineData("vdi", "", "fat16", 64 << 10)]
    [InlineData("vmdk", "", "ntfs", 0)]
    [InlineData("vdi", "", "ntfs", 64 << 10)]
    [InlineData("vhd", "block_size=16K", "ntfs", 0)]
    [InlineData("vhd-fixed", "", "ntfs", 0)]
    [InlineData("vhdx", "block_size=1M", "ntfs", 0)]
    [InlineData("vhdx-fixed", "block_size=1M", "ntfs", 64 << 10)]
    [InlineData("qcow2", "cluster_size=4K", "ntfs", 0)]
    [InlineData("qcow2", "extended_l2=on,cluster_size=16K", "ntfs", 64 << 10)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(string format, string settings, string type, long freshLimit)
    {
        var ground = Ground(ContainerFormat.FromName(format)!, settings, type);
        var points = 0;
        foreach (var (name, edit) in Edits)
        {
            try
            {
                points += Run(ground, type, edit, freshLimit);
            }
            catch (Exception e)
            {
                Assert.Fail($"{name}: {e}");
            }
        }
        output.WriteLine($"{type} in a {format} {settings}: {Edits.Length} edits, {points} crash points");
        Assert.True(points > 100);
    }

    private static int Run(byte[] ground, string type, Action<EditableVolume> edit, long freshLimit)
    {
        var states = new List<string> { Outline(new MemoryDevice(ground, canWrite: false), type) };
        // A volume of NTFS is checked in ten times the time of a FAT's.
        var (limit, every) = type == "ntfs" ? (150, 50) : (1200, 24);
        return PowerCut.Run(ground, device =>
        {
            // The watcher is below the container: its flush is the commit.
            using var container = Container.Open(new CommitWatcher(device, () => states.Add(Outline(device, type))));
            using var volume = FileSystemTypes.Find(type)!.OpenForEditing(container.Disk, VolumeOptions.Default);
            edit(volume);
            volume.Commit();
        }, (device, point) =>
        {
            var found = Outline(device, type);
            Assert.Contains(Enumerable.Range(point.Oldest, point.Newest - point.Oldest + 1), i => states[i] == found);
        }, new PowerCutOptions { Samples = 2, RecoveryEvery = every, Limit = limit, Transaction = new TransactionOptions { FreshLimit = freshLimit } }).CrashPoints;
    }

    private static string Outline(BlockDevice image, string type)
    {
        using var container = Container.Open(image);
        var report = new CheckReport();
        container.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        var inside = FileSystemTypes.Find(type)!.Check(container.Disk, CheckOptions.Default);
        Assert.True(inside.IsClean, string.Join('\n', inside.Findings));
        using var volume = FileSystemTypes.Find(type)!.Open(container.Disk, VolumeOptions.Default);
        return string.Join('\n', volume.Enumerate(volume.RootId).Where(e => e.Kind == EntryKind.File).Select(e =>
        {
            using var stream = volume.OpenRead(e.Id, StreamName.Data);
            return $"{e.Name} {Convert.ToHexString(SHA256.HashData(stream))}";
        }));
    }

    private static byte[] Ground(ContainerFormat format, string settings, string type)
    {
        var host = new ResizableMemoryDevice(0);
        var options = new ContainerOptions
        {
            Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1], StringComparer.Ordinal),
        };
        using (var container = format.Create(host, 6 << 20, options))
        {
            FileSystemTypes.Find(type)!.Format(container.Disk, new FormatOptions { Type = type, Options = new Dictionary<string, string> { ["cluster_size"] = "1K" } });
            container.Disk.Flush();
            using var volume = FileSystemTypes.Find(type)!.OpenForEditing(container.Disk, VolumeOptions.Default);
            volume.CreateFile(volume.RootId, "old.bin", new MemoryStream(ConformanceCase.Bytes(120_000, 9)), null, MetadataChange.None);
            volume.Commit();
        }
        return host.Bytes.ToArray();
    }

    private sealed class CommitWatcher(BlockDevice inner, Action committed) : ResizableDevice
    {
        public override long Length => inner.Length;
        public override bool CanWrite => inner.CanWrite;
        public override bool CanRollback => inner.CanRollback;

        public override void Flush()
        {
            inner.Flush();
            committed();
        }

        public override void Rollback() => inner.Rollback();

        public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => inner.AllocatedRanges(offset, length);

        protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => inner.Write(offset, data);

        protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => inner.WriteFresh(offset, data);

        protected override void DiscardCore(long offset, long length) => inner.Discard(offset, length);

        protected override void WriteZerosCore(long offset, long length) => inner.WriteZeros(offset, length);

        protected override void SetLengthCore(long length) => ((ResizableDevice)inner).SetLength(length);
    }
}
