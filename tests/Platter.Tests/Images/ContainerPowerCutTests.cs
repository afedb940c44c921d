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
        foreach (var (name, edit) in ContainerEdits.All)
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
        output.WriteLine($"{type} in a {format} {settings}: {ContainerEdits.All.Length} edits, {points} crash points");
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
            point.AssertAmong(states, Outline(device, type));
        }, new PowerCutOptions { Samples = 2, RecoveryEvery = every, Limit = limit, Transaction = new TransactionOptions { FreshLimit = freshLimit } }).CrashPoints;
    }

    private static string Outline(BlockDevice image, string type)
    {
        using var container = Container.Open(image);
        return ContainerEdits.Outline(container, type);
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
            ContainerEdits.Fill(container.Disk, type);
        }
        return host.Bytes.ToArray();
    }
}
