using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing.ExFat;

/// <summary>An exFAT volume under test: opened for editing on a device in memory, with short ways to say what is done to it.</summary>
public sealed class ExFatCase : VolumeCase<ExFatVolume>
{
    /// <param name="arguments">How <c>mkfs.exfat</c> is to make the volume: <c>-c 4K</c>.</param>
    /// <param name="length">Bytes of the device.</param>
    /// <param name="sectorSize">Bytes of a sector.</param>
    /// <param name="options">How it is opened; the clock is always this case's.</param>
    public ExFatCase(string arguments = "-c 4K", long length = 4 << 20, int sectorSize = 512, VolumeOptions? options = null)
        : this(MkfsExFat.Make(arguments, length, sectorSize), options)
    {
    }

    public ExFatCase(ScratchDevice device, VolumeOptions? options = null) : base(device, ExFatVolume.OpenForEditing, options)
    {
    }

    public int ClusterSize => Volume.Geometry.ClusterSize;

    /// <summary>A volume that was put together by hand.</summary>
    internal static ExFatCase Of(HandmadeExFat made)
    {
        var device = new ScratchDevice(made.Bytes.Length, made.Geometry.SectorSize);
        device.WriteFresh(0, made.Bytes);
        return new ExFatCase(device);
    }

    /// <summary>Where a file lies: device offset and length of each piece.</summary>
    public StreamExtent[] Extents(string path)
    {
        using var stream = Volume.OpenRead(Id(path), StreamName.Data);
        return [.. stream.Extents()];
    }

    /// <summary>An entry set's bytes: the file entry, the stream entry, the names and what follows.</summary>
    public byte[] Set(string path)
    {
        var (directory, slot) = Volume.Resolve(Id(path));
        return directory.Set(slot).Bytes.ToArray();
    }

    /// <summary>A path's stream entry.</summary>
    internal ExFatStreamEntry Stream(string path)
    {
        var (directory, slot) = Volume.Resolve(Id(path));
        return directory.Set(slot).Stream;
    }

    /// <summary>Whether the entry says that the clusters follow one another and have no links.</summary>
    public bool IsContiguous(string path) => Stream(path).Flags.HasFlag(ExFatSecondaryFlags.NoFatChain);

    /// <summary>All slots of a directory as they are on the device after a commit, from its first cluster to its last.</summary>
    public byte[] Slots(string path)
    {
        Volume.Commit();
        var directory = Volume.OpenDirectory(path == "/" ? Root : Id(path));
        var bytes = new MemoryStream();
        var buffer = new byte[ClusterSize];
        foreach (var run in directory.Chain.Runs())
        {
            for (var cluster = run.First; cluster < run.Behind; cluster++)
            {
                Device.Read(Volume.Geometry.ClusterOffset(cluster), buffer);
                bytes.Write(buffer);
            }
        }
        return bytes.ToArray();
    }

    /// <summary>Puts bytes into a directory behind Platter's back and opens the volume again.</summary>
    public void PutSlots(string path, int slot, ReadOnlySpan<byte> bytes)
    {
        Volume.Commit();
        var first = path == "/" ? Volume.Geometry.RootCluster : (uint)Stream(path).FirstCluster;
        Device.Write(Volume.Geometry.ClusterOffset(first) + slot * 32L, bytes);
        Device.Flush();
        Reopen();
    }

    /// <summary>Takes every other free cluster away, so that nothing longer than one cluster finds room in one piece.</summary>
    /// <param name="keep">Clusters that stay free, each for itself.</param>
    public void Fragment(int keep)
    {
        Directory("/fragments");
        for (var i = 0; i < 2 * keep; i++)
            File($"/fragments/{i}", 1);
        File("/filler");
        Volume.Commit();
        SetLength("/filler", Volume.FreeBytes);
        Volume.Commit();
        for (var i = 0; i < 2 * keep; i += 2)
            Delete($"/fragments/{i}");
        Volume.Commit();
    }

    /// <summary>What both checkers and the free count say: nothing leaks, nothing is damaged.</summary>
    /// <param name="foreign">False where <c>fsck.exfat</c> 1.2 takes what the specification allows for damage: vendor entries, a volume GUID.</param>
    public void AssertClean(bool foreign = true)
    {
        Volume.Commit();
        var report = new ExFatType().Check(Device, new CheckOptions { ReadData = true });
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        if (foreign && MkfsExFat.Complaint(Device) is { } complaint)
            Assert.Fail("fsck.exfat found:\n" + complaint);
        Assert.Equal(ExFatVolume.Open(Device, Options).FreeBytes, Volume.FreeBytes);
    }
}
