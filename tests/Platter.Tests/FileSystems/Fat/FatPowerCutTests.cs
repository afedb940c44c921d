using System.Security.Cryptography;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Images;
using Platter.Testing.Blocks;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>Every way to edit a FAT volume, with the power cut after every single write of it: what is found afterwards is the tree before
/// the edit or the tree after it, on a volume without a fault.</summary>
public class FatPowerCutTests(ITestOutputHelper output)
{
    private const string Filler = "FILLER.BIN";

    // One in so many recovered images goes through fsck.vfat too.
    private const int ForeignEvery = 151;

    /// <summary>The edits, and whether they start from a volume with only 24 clusters free.</summary>
    private static readonly (string Verb, bool Full, Action<FatVolume> Edit)[] Edits =
    [
        ("create an empty file", false, v => v.CreateFile(v.RootId, "new.txt", MetadataChange.None)),
        ("create a file with content", false, v => v.CreateFile(v.RootId, "A new file.txt", new MemoryStream(ConformanceCase.Bytes(9000)), 9000, MetadataChange.None)),
        ("create in two commits", false, v =>
        {
            v.CreateFile(v.Find("/dir").Id, "first long name", new MemoryStream(ConformanceCase.Bytes(3000)), null, MetadataChange.None);
            v.Commit();
            v.CreateFile(v.Find("/dir").Id, "second long name", new MemoryStream(ConformanceCase.Bytes(3000, 2)), null, MetadataChange.None);
        }),
        ("overwrite", false, v => Write(v, "/file.txt", 700, ConformanceCase.Bytes(1500, 7))),
        ("append", false, v => Write(v, "/file.txt", 4000, ConformanceCase.Bytes(5000, 7))),
        ("truncate", false, v => SetLength(v, "/file.txt", 1000)),
        ("truncate to nothing", false, v => SetLength(v, "/file.txt", 0)),
        ("grow with zeros", false, v => SetLength(v, "/file.txt", 12_345)),
        ("rename", false, v => v.Rename(v.RootId, "file.txt", v.RootId, "a much longer name than before.txt", replace: false)),
        ("move a file", false, v => v.Rename(v.RootId, "file.txt", v.Find("/dir/deep").Id, "moved", replace: false)),
        ("move a directory", false, v => v.Rename(v.Find("/dir").Id, "deep", v.RootId, "Up Here", replace: false)),
        ("replace", false, v => v.Rename(v.Find("/dir").Id, "Long Name In Dir.dat", v.RootId, "file.txt", replace: true)),
        ("delete a file", false, v => v.Delete(v.Find("/dir").Id, "Long Name In Dir.dat")),
        ("delete a directory", false, v => v.Delete(v.RootId, "empty")),
        ("delete recursively", false, v => v.DeleteRecursively(v.RootId, "dir")),
        ("make directories", false, v => v.CreateDirectory(v.CreateDirectory(v.Find("/dir").Id, "one", MetadataChange.None), "Two in one", MetadataChange.None)),
        ("set attributes", false, v => v.SetMetadata(v.Find("/file.txt").Id, new MetadataChange { DosAttributes = DosAttributes.Hidden | DosAttributes.ReadOnly })),
        ("set times", false, v => v.SetMetadata(v.Find("/dir").Id, new MetadataChange { Modified = new Timestamp(1_000_000_000), Created = new Timestamp(900_000_001) })),
        ("set the label", false, v => v.SetLabel("NEW LABEL")),
        ("remove the label", false, v => v.SetLabel("")),
        ("grow a directory", false, v =>
        {
            for (var i = 0; i < 12; i++)
                v.CreateFile(v.Find("/empty").Id, $"a name that takes three slots {i}", MetadataChange.None);
        }),
        ("fill the volume", true, v =>
        {
            v.CreateFile(v.RootId, "rest.bin", new MemoryStream(ConformanceCase.Bytes(24 * 512)), null, MetadataChange.None);
            Assert.Equal(0, v.FreeBytes);
        }),
        ("ask too much of a full volume", true, v =>
            Assert.Throws<VolumeFullException>(() => v.CreateFile(v.RootId, "more.bin", new MemoryStream(ConformanceCase.Bytes(25 * 512)), null, MetadataChange.None))),
        ("take in the same commit what a deletion set free", true, v =>
        {
            v.Delete(v.RootId, "file.txt");
            v.CreateFile(v.RootId, "rest.bin", new MemoryStream(ConformanceCase.Bytes(32 * 512, 9)), null, MetadataChange.None);
            Assert.Equal(0, v.FreeBytes);
        }),
        ("roll back and edit again", false, v =>
        {
            v.CreateFile(v.RootId, "dropped", new MemoryStream(ConformanceCase.Bytes(9000)), null, MetadataChange.None);
            v.Delete(v.RootId, "file.txt");
            v.Rollback();
            v.CreateFile(v.RootId, "kept", new MemoryStream(ConformanceCase.Bytes(7000)), null, MetadataChange.None);
        }),
    ];

    [Theory]
    [InlineData(12, false)]
    [InlineData(12, true)]
    [InlineData(16, false)]
    [InlineData(16, true)]
    [InlineData(32, false)]
    [InlineData(32, true)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(int width, bool vhd)
    {
        var (roomy, full) = (Ground(width, full: false, vhd), Ground(width, full: true, vhd));
        var (points, judged) = (0, 0);
        foreach (var (verb, isFull, edit) in Edits)
        {
            try
            {
                var (tried, foreign) = Run(isFull ? full : roomy, edit, freshLimit: vhd ? 64 << 10 : 0);
                points += tried;
                judged += foreign;
            }
            catch (Exception e)
            {
                Assert.Fail($"{verb}: {e}");
            }
        }
        output.WriteLine($"FAT{width} in {(vhd ? "a fixed VHD" : "a raw image")}: {Edits.Length} edits, {points} crash points, {judged} of them judged by fsck.vfat");
        Assert.True(points > 1000);
    }

    private static (int Points, int Judged) Run(byte[] ground, Action<FatVolume> edit, long freshLimit)
    {
        var clock = new SettableClock();
        clock.Advance(TimeSpan.FromDays(10));
        var options = new VolumeOptions { Clock = clock };
        var states = new List<string>();
        using (var disk = new MemoryDevice(ground, canWrite: false))
            states.Add(Outline(Disk(disk)));
        var judged = 0;
        var result = PowerCut.Run(ground, device =>
        {
            var marked = new CommitWatcher(Disk(device), () => states.Add(Outline(Disk(device))));
            using var volume = FatVolume.OpenForEditing(marked, options);
            edit(volume);
            volume.Commit();
        }, (device, point) =>
        {
            var disk = Disk(device);
            var found = Outline(disk);
            Assert.Contains(Enumerable.Range(point.Oldest, point.Newest - point.Oldest + 1), i => states[i] == found);
            if (point.Number % ForeignEvery != ForeignEvery / 2)
                return;
            judged++;
            var copy = new ScratchDevice(disk.Length);
            var bytes = new byte[disk.Length];
            disk.Read(0, bytes);
            copy.WriteFresh(0, bytes);
            Assert.Null(MkfsFat.Complaint(copy));
        }, new PowerCutOptions { Samples = 2, RecoveryEvery = 24, Transaction = new TransactionOptions { FreshLimit = freshLimit } });
        return (result.CrashPoints, judged);
    }

    private static BlockDevice Disk(BlockDevice image) => Container.Open(image).Disk;

    // The volume that the edits start from, as the bytes of its image.
    private static byte[] Ground(int width, bool full, bool vhd)
    {
        using var c = FatCase.OfWidth(width);
        c.Volume.SetLabel("OLD");
        c.File("/file.txt", 4000);
        c.Directory("/dir");
        c.File("/dir/Long Name In Dir.dat", 2222, seed: 3);
        c.Directory("/dir/deep");
        c.File("/dir/deep/x", 10, seed: 4);
        c.Directory("/empty");
        if (full)
        {
            c.File("/" + Filler);
            c.SetLength("/" + Filler, c.Volume.FreeBytes - 24 * 512);
        }
        c.AssertClean();
        var bytes = new byte[c.Device.Length];
        c.Device.Read(0, bytes);
        if (!vhd)
            return bytes;
        var host = new ResizableMemoryDevice(0);
        using var container = ContainerFormat.VhdFixed.Create(host, bytes.Length, new ContainerOptions { UniqueId = Guid.Empty, Created = c.Clock.Now });
        container.Disk.Write(0, bytes);
        var image = new byte[host.Length];
        host.Read(0, image);
        return image;
    }

    // The whole tree as text: names, lengths, times, attributes, content; the label; and that no cluster is lost or counted wrongly.
    private static string Outline(BlockDevice disk)
    {
        var report = new FatType().Check(disk, CheckOptions.Default);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        using var volume = FatVolume.Open(disk, VolumeOptions.Default);
        var lines = new List<string> { $"label {volume.Info.Label}" };
        var pending = new Stack<(NodeId Id, string Path)>([(volume.RootId, "")]);
        while (pending.TryPop(out var directory))
        {
            foreach (var entry in volume.Enumerate(directory.Id))
            {
                var path = $"{directory.Path}/{entry.Name}";
                var metadata = volume.GetMetadata(entry.Id);
                var content = "";
                if (entry.Kind == EntryKind.Directory)
                {
                    pending.Push((entry.Id, path));
                }
                else if (entry.Name != Filler)
                {
                    using var stream = volume.OpenRead(entry.Id, StreamName.Data);
                    content = Convert.ToHexString(SHA256.HashData(stream));
                }
                lines.Add($"{path} {entry.Kind} {metadata.Length} {metadata.DosAttributes} {metadata.ShortName} {metadata.Created} {metadata.Modified} {metadata.Accessed} {content}");
            }
        }
        return string.Join('\n', lines.Order(StringComparer.Ordinal));
    }

    private static void Write(FatVolume volume, string path, long offset, byte[] data)
    {
        using var stream = volume.OpenWrite(volume.Find(path).Id, StreamName.Data);
        stream.WriteAt(offset, data);
    }

    private static void SetLength(FatVolume volume, string path, long length)
    {
        using var stream = volume.OpenWrite(volume.Find(path).Id, StreamName.Data);
        stream.SetLength(length);
    }

    /// <summary>Tells when a commit has returned.</summary>
    private sealed class CommitWatcher(BlockDevice inner, Action committed) : BlockDevice
    {
        public override long Length => inner.Length;
        public override int SectorSize => inner.SectorSize;
        public override bool CanWrite => inner.CanWrite;
        public override bool CanRollback => inner.CanRollback;

        public override void Flush()
        {
            inner.Flush();
            committed();
        }

        public override void Rollback() => inner.Rollback();

        protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => inner.Write(offset, data);

        protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => inner.WriteFresh(offset, data);

        protected override void DiscardCore(long offset, long length) => inner.Discard(offset, length);
    }
}
