using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Blocks;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Edits of a FAT volume in every kind of VHD and VHDX, with the power cut after every single write: what is found afterwards is the tree
/// before the edit or the one after it, in a container without a fault.</summary>
public sealed class VhdPowerCutTests(ITestOutputHelper output)
{
    private static readonly (string Verb, Action<FatVolume> Edit)[] Edits =
    [
        ("create a file that needs new blocks", v => v.CreateFile(v.RootId, "new.bin", new MemoryStream(ConformanceCase.Bytes(150_000)), null, MetadataChange.None)),
        ("create in two commits", v =>
        {
            v.CreateFile(v.Find("/dir").Id, "one", new MemoryStream(ConformanceCase.Bytes(30_000)), null, MetadataChange.None);
            v.Commit();
            v.CreateFile(v.Find("/dir").Id, "two", new MemoryStream(ConformanceCase.Bytes(70_000, 2)), null, MetadataChange.None);
        }),
        ("delete, and take the space again", v =>
        {
            v.Delete(v.RootId, "file.txt");
            v.Commit();
            v.CreateFile(v.RootId, "again", new MemoryStream(ConformanceCase.Bytes(100_000, 9)), null, MetadataChange.None);
        }),
        ("roll back and edit again", v =>
        {
            v.CreateFile(v.RootId, "dropped", new MemoryStream(ConformanceCase.Bytes(90_000)), null, MetadataChange.None);
            v.Rollback();
            v.CreateFile(v.RootId, "kept", new MemoryStream(ConformanceCase.Bytes(120_000)), null, MetadataChange.None);
        }),
    ];

    [Theory]
    [InlineData("vhd", "block_size=16K", false, 0)]
    [InlineData("vhd", "", false, 64 << 10)]
    [InlineData("vhd", "block_size=64K", true, 0)]
    [InlineData("vhdx", "block_size=1M", false, 0)]
    [InlineData("vhdx-fixed", "block_size=1M", false, 64 << 10)]
    [InlineData("vhdx", "block_size=1M", true, 0)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(string format, string settings, bool differencing, long freshLimit)
    {
        var options = new ContainerOptions
        {
            WholeMebibytes = false, UniqueId = new Guid(4, 5, 6, new byte[8]), Created = DateTimeOffset.UnixEpoch.AddYears(50),
            Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1]),
        };
        var (host, parent) = Ground(format, options, differencing);
        Container Open(BlockDevice image) => parent is null ? Container.Open(image) : DifferencingTests.Over(image, parent);
        var points = 0;
        foreach (var (verb, edit) in Edits)
        {
            var states = new List<string> { Outline(Open(new MemoryDevice(host, canWrite: false)).Disk) };
            try
            {
                points += PowerCut.Run(host, device =>
                {
                    using var volume = FatVolume.OpenForEditing(new CommitWatcher(Open(device).Disk, () => states.Add(Outline(Open(device).Disk))), VolumeOptions.Default);
                    edit(volume);
                    volume.Commit();
                }, (device, point) =>
                {
                    using var container = Open(device);
                    var report = new CheckReport();
                    container.Check(report);
                    Assert.True(report.IsClean, string.Join('\n', report.Findings));
                    point.AssertAmong(states, Outline(container.Disk));
                }, new PowerCutOptions { Samples = 1, RecoveryEvery = 40, Limit = 1200, Transaction = new TransactionOptions { FreshLimit = freshLimit } }).CrashPoints;
            }
            catch (Exception e)
            {
                Assert.Fail($"{verb}: {e}");
            }
        }
        output.WriteLine($"FAT in {format} {settings}{(differencing ? " over a parent" : "")}: {Edits.Length} edits, {points} crash points");
        Assert.True(points > 200);
    }

    private static (byte[] Host, Container? Parent) Ground(string format, ContainerOptions options, bool differencing)
    {
        using var c = FatCase.OfWidth(12);
        c.File("/file.txt", 60_000);
        c.Directory("/dir");
        c.File("/dir/inner", 2222, seed: 3);
        c.AssertClean();
        var bytes = new byte[c.Device.Length];
        c.Device.Read(0, bytes);
        var below = new ResizableMemoryDevice(0);
        var parent = ContainerFormat.FromName(format)!.Create(below, bytes.Length, options);
        parent.Disk.Write(0, bytes);
        parent.Disk.Flush();
        if (!differencing)
            return (below.Bytes.ToArray(), null);
        var host = new ResizableMemoryDevice(0);
        ContainerFormat.FromName(format)!.Create(host, bytes.Length, options with { Parent = parent, ParentReference = "base" }).Dispose();
        return (host.Bytes.ToArray(), parent);
    }

    private static string Outline(BlockDevice disk) => VolumeOutline.Of(disk, new FatType());
}
