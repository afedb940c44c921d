using System.Security.Cryptography;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Blocks;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.Images.Qcow2;

/// <summary>A FAT volume in a qcow2 image is edited, and the power cut after every single write: what is found is the tree before or after, in
/// a container without a fault, and the base and the snapshots are as they were.</summary>
public sealed class Qcow2PowerCutTests(ITestOutputHelper output) : IDisposable
{
    private const int ForeignEvery = 97;

    // More of them when somebody asks: PLATTER_POWER_CUTS=20.
    private static readonly int Seeds = int.TryParse(Environment.GetEnvironmentVariable("PLATTER_POWER_CUTS"), out var seeds) ? seeds : 2;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly Action<FatVolume>[] Edits =
    [
        v => v.CreateFile(v.RootId, "A new file.txt", new MemoryStream(ConformanceCase.Bytes(9000)), 9000, MetadataChange.None),
        v =>
        {
            v.CreateFile(v.Find("/dir").Id, "first", new MemoryStream(ConformanceCase.Bytes(30_000)), null, MetadataChange.None);
            v.Commit();
            v.DeleteRecursively(v.RootId, "dir");
        },
        v =>
        {
            using (var stream = v.OpenWrite(v.Find("/file.txt").Id, StreamName.Data))
                stream.WriteAt(700, ConformanceCase.Bytes(5000, 7));
            v.Rename(v.RootId, "file.txt", v.Find("/dir").Id, "moved", replace: false);
        },
        v =>
        {
            v.CreateFile(v.RootId, "dropped", new MemoryStream(ConformanceCase.Bytes(9000)), null, MetadataChange.None);
            v.Rollback();
            v.CreateFile(v.RootId, "kept", new MemoryStream(ConformanceCase.Bytes(20_000)), null, MetadataChange.None);
        },
    ];

    [Theory]
    [InlineData("cluster_size=4K", false, false, 0)]
    [InlineData("cluster_size=512,refcount_bits=64", false, false, 0)]
    [InlineData("", false, false, 64 << 10)]
    [InlineData("extended_l2=on,cluster_size=16K", true, false, 0)]
    [InlineData("cluster_size=4K", true, true, 0)]
    [InlineData("compat=0.10,cluster_size=1K", true, true, 64 << 10)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(string settings, bool backing, bool snapshot, int freshLimit)
    {
        var (ground, parent) = Ground(settings, backing, snapshot);
        var points = 0;
        foreach (var edit in Edits)
        {
            var states = new List<string> { Outline(new MemoryDevice([.. ground], canWrite: false), parent) };
            var result = PowerCut.Run(ground, device =>
            {
                var container = Qcow2Images.Open(device, parent);
                var marked = new CommitWatcher(container.Disk, () => states.Add(Outline(device, parent)));
                using var volume = FatVolume.OpenForEditing(marked, new VolumeOptions { Clock = new SettableClock() });
                edit(volume);
                volume.Commit();
            }, (device, point) =>
            {
                point.AssertAmong(states, Outline(device, parent));
                Qcow2Images.AssertClean(device);
                if (snapshot)
                    Assert.Equal(states[0], OutlineOf(Qcow2Images.Open(new ReadOnly(device), parent).OpenSnapshot("kept").Disk));
                if (point.Number % ForeignEvery == ForeignEvery / 2)
                    Judge(device);
            }, new PowerCutOptions { Samples = 3, RecoveryEvery = 20, Transaction = new TransactionOptions { FreshLimit = freshLimit } });
            points += result.CrashPoints;
        }
        output.WriteLine($"FAT in qcow2 ({settings}{(backing ? ", over a base" : "")}{(snapshot ? ", with a snapshot" : "")}): {Edits.Length} edits, {points} crash points");
        Assert.True(points > 150);
    }

    [Theory]
    [InlineData("cluster_size=4K", false)]
    [InlineData("cluster_size=512,refcount_bits=1", false)]
    [InlineData("extended_l2=on,cluster_size=16K", true)]
    [InlineData("compat=0.10,cluster_size=2K", true)]
    public void A_power_cut_amid_any_changes_leaves_the_bytes_of_a_commit(string settings, bool backing)
    {
        const int Size = 400 * 512;
        var parent = backing ? Container.Open(new MemoryDevice(ConformanceCase.Bytes(Size - 10_000, 5), canWrite: false)) : null;
        var file = new ResizableMemoryDevice(0);
        using (var image = ContainerFormat.Qcow2.Create(file, Size, Qcow2Images.Options(settings, parent)))
        {
            image.Disk.Write(0, ConformanceCase.Bytes(Size / 2, 6));
            image.Disk.Flush();
        }
        var ground = file.Bytes.ToArray();
        var points = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var states = new List<string> { Hash(new MemoryDevice([.. ground], canWrite: false), parent) };
            var result = PowerCut.Run(ground, device =>
            {
                using var container = Qcow2Images.Open(device, parent);
                Change(container.Disk, new Random(seed), () => states.Add(Hash(device, parent)));
            }, (device, point) =>
            {
                point.AssertAmong(states, Hash(device, parent));
                Qcow2Images.AssertClean(device);
                if (point.Number % ForeignEvery == ForeignEvery / 2)
                    Judge(device);
            }, new PowerCutOptions { Seed = seed, RecoveryEvery = 20, Transaction = new TransactionOptions { FreshLimit = 0, MemoryLimit = 64 << 10 } });
            points += result.CrashPoints;
        }
        output.WriteLine($"changes in qcow2 ({settings}{(backing ? ", over a base" : "")}): {points} crash points");
        Assert.True(points > 300);
    }

    // No fresh writes: of those the caller says that nobody misses what they replace.
    private static void Change(BlockDevice disk, Random random, Action committed)
    {
        for (var i = 0; i < 30; i++)
        {
            var offset = random.Next((int)disk.Length);
            var length = Math.Min(random.Next(1, 20_000), (int)disk.Length - offset);
            switch (random.Next(8))
            {
                case 0:
                    disk.WriteZeros(offset, length);
                    break;
                case 1 or 2:
                    disk.Discard(offset, length);
                    break;
                case 3:
                    disk.Flush();
                    committed();
                    break;
                case 4 when i % 3 == 0:
                    disk.Rollback();
                    break;
                default:
                    disk.Write(offset, ConformanceCase.Bytes(length, i));
                    break;
            }
        }
        disk.Flush();
        committed();
    }

    private static string Hash(BlockDevice image, Container? parent)
    {
        var disk = Qcow2Images.Open(new ReadOnly(image), parent).Disk;
        var bytes = new byte[disk.Length];
        disk.Read(0, bytes);
        return Convert.ToHexString(SHA256.HashData(bytes));
    }

    // The base of these images lies beside them, whatever it holds: the check looks at the metadata.
    private void Judge(BlockDevice device)
    {
        var path = _folder.File("judged.qcow2");
        if (!File.Exists(_folder.File("base.img")))
            File.WriteAllBytes(_folder.File("base.img"), new byte[512]);
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        File.WriteAllBytes(path, bytes);
        var result = Tool.Run("qemu-img", "check", "-f", "qcow2", path);
        Assert.True(result.ExitCode == 0, result.All);
    }

    private (byte[] Image, Container? Parent) Ground(string settings, bool backing, bool snapshot)
    {
        using var c = FatCase.OfWidth(12);
        c.File("/file.txt", 4000);
        c.Directory("/dir");
        c.File("/dir/Long Name In Dir.dat", 2222, seed: 3);
        c.File("/dir/large", 90_000, seed: 4);
        c.AssertClean();
        var bytes = new byte[c.Device.Length];
        c.Device.Read(0, bytes);
        // qemu-img makes the snapshot, so the image is a file, and the base lies beside it.
        var path = _folder.File("ground.qcow2");
        var basis = _folder.File("base.img");
        File.WriteAllBytes(basis, bytes);
        Container? parent = backing ? Container.Open(new MemoryDevice(bytes, canWrite: false)) : null;
        using (var file = HostFile.Create(path, 0))
        {
            using var image = ContainerFormat.Qcow2.Create(file, bytes.Length, Qcow2Images.Options(settings, parent));
            if (!backing)
                image.Disk.Write(0, bytes);
            else
                image.Disk.Write(0, bytes.AsSpan(0, 5000));
            image.Disk.Flush();
        }
        if (snapshot)
            Tool.Expect("qemu-img", "snapshot", "-c", "kept", path);
        var ground = File.ReadAllBytes(path);
        File.Delete(path);
        return (ground, parent);
    }

    private static string Outline(BlockDevice image, Container? parent) => OutlineOf(Qcow2Images.Open(new ReadOnly(image), parent).Disk);

    private static string OutlineOf(BlockDevice disk) => VolumeOutline.Of(disk, new FatType());
}

/// <summary>A device that nobody writes to.</summary>
internal sealed class ReadOnly(BlockDevice inner) : BlockDevice
{
    public override long Length => inner.Length;
    public override int SectorSize => inner.SectorSize;
    public override bool CanWrite => false;

    public override void Flush()
    {
        // Nothing is written.
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => inner.AllocatedRanges(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException();
}
