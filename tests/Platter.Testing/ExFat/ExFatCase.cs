using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing.ExFat;

/// <summary>An exFAT volume under test: opened for editing on a device in memory, with short ways to say what is done to it.</summary>
public sealed class ExFatCase : IDisposable
{
    private readonly VolumeOptions _options;

    /// <param name="arguments">How <c>mkfs.exfat</c> is to make the volume: <c>-c 4K</c>.</param>
    /// <param name="length">Bytes of the device.</param>
    /// <param name="sectorSize">Bytes of a sector.</param>
    /// <param name="options">How it is opened; the clock is always this case's.</param>
    public ExFatCase(string arguments = "-c 4K", long length = 4 << 20, int sectorSize = 512, VolumeOptions? options = null)
        : this(MkfsExFat.Make(arguments, length, sectorSize), options)
    {
    }

    public ExFatCase(ScratchDevice device, VolumeOptions? options = null)
    {
        Device = device;
        _options = (options ?? VolumeOptions.Default) with { Clock = Clock };
        Volume = ExFatVolume.OpenForEditing(device, _options);
    }

    public SettableClock Clock { get; } = new();
    public ScratchDevice Device { get; }
    public ExFatVolume Volume { get; private set; }
    public NodeId Root => Volume.RootId;
    public int ClusterSize => Volume.Geometry.ClusterSize;

    /// <summary>A volume that was put together by hand.</summary>
    internal static ExFatCase Of(HandmadeExFat made)
    {
        var device = new ScratchDevice(made.Bytes.Length, made.Geometry.SectorSize);
        device.WriteFresh(0, made.Bytes);
        return new ExFatCase(device);
    }

    public NodeId Id(string path) => Volume.Find(path).Id;

    public NodeId File(string path, int length = 0, MetadataChange? metadata = null, int seed = 1)
    {
        var (parent, name) = Split(path);
        return length == 0
            ? Volume.CreateFile(parent, name, metadata ?? MetadataChange.None)
            : Volume.CreateFile(parent, name, new MemoryStream(ConformanceCase.Bytes(length, seed)), length, metadata ?? MetadataChange.None);
    }

    public NodeId Directory(string path, MetadataChange? metadata = null)
    {
        var (parent, name) = Split(path);
        return Volume.CreateDirectory(parent, name, metadata ?? MetadataChange.None);
    }

    public void Write(string path, long offset, byte[] data)
    {
        using var stream = Volume.OpenWrite(Id(path), StreamName.Data);
        stream.WriteAt(offset, data);
    }

    public void SetLength(string path, long length)
    {
        using var stream = Volume.OpenWrite(Id(path), StreamName.Data);
        stream.SetLength(length);
    }

    public byte[] Read(string path)
    {
        using var stream = Volume.OpenRead(Id(path), StreamName.Data);
        var bytes = new byte[stream.Length];
        Assert.Equal(bytes.Length, stream.ReadAt(0, bytes));
        return bytes;
    }

    public void Rename(string path, string newPath, bool replace = false)
    {
        var (parent, name) = Split(path);
        var (newParent, newName) = Split(newPath);
        Volume.Rename(parent, name, newParent, newName, replace);
    }

    public void Delete(string path)
    {
        var (parent, name) = Split(path);
        Volume.Delete(parent, name);
    }

    public string[] Names(string path) => [.. Volume.Find(path).Entries.Select(e => e.Name)];

    public FileMetadata Metadata(string path) => Volume.Find(path).Metadata;

    /// <summary>Where a file lies: device offset and length of each piece.</summary>
    public StreamExtent[] Extents(string path)
    {
        using var stream = Volume.OpenRead(Id(path), StreamName.Data);
        return [.. stream.Extents()];
    }

    /// <summary>Commits, closes and opens again.</summary>
    public void Reopen()
    {
        Volume.Commit();
        Volume.Dispose();
        Volume = ExFatVolume.OpenForEditing(Device, _options);
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
        Assert.Equal(ExFatVolume.Open(Device, _options).FreeBytes, Volume.FreeBytes);
    }

    public void Dispose() => Volume.Dispose();

    private (NodeId Parent, string Name) Split(string path) => (Id(ModelTree.ParentOf(path)), ModelTree.NameOf(path));
}
