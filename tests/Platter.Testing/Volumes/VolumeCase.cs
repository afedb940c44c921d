using Platter.Blocks;
using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>A volume under test: opened for editing on a device in memory, with short ways to say what is done to it.</summary>
public abstract class VolumeCase<TVolume> : IDisposable where TVolume : EditableVolume
{
    private readonly Func<BlockDevice, VolumeOptions, TVolume> _open;

    /// <param name="device">What the volume lies on.</param>
    /// <param name="open">Opens it.</param>
    /// <param name="options">How; the clock is always this case's.</param>
    protected VolumeCase(ScratchDevice device, Func<BlockDevice, VolumeOptions, TVolume> open, VolumeOptions? options)
    {
        Device = device;
        Options = (options ?? VolumeOptions.Default) with { Clock = Clock };
        _open = open;
        Volume = open(device, Options);
    }

    public SettableClock Clock { get; } = new();
    public ScratchDevice Device { get; }
    public TVolume Volume { get; private set; }
    public NodeId Root => Volume.RootId;

    protected VolumeOptions Options { get; }

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

    /// <summary>Commits, closes and opens again.</summary>
    public void Reopen()
    {
        Volume.Commit();
        Volume.Dispose();
        Volume = _open(Device, Options);
    }

    public void Dispose()
    {
        Volume.Dispose();
        GC.SuppressFinalize(this);
    }

    private (NodeId Parent, string Name) Split(string path) => (Id(ModelTree.ParentOf(path)), ModelTree.NameOf(path));
}
