using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing.Fat;

/// <summary>A FAT volume under test: opened for editing on a device in memory, with short ways to say what is done to it.</summary>
public sealed class FatCase : VolumeCase<FatVolume>
{
    public const long Fat32Length = 34 << 20;

    /// <param name="arguments">How <c>mkfs.vfat</c> is to make the volume.</param>
    /// <param name="length">Bytes of the device.</param>
    /// <param name="options">How it is opened; the clock is always this case's.</param>
    public FatCase(string arguments, long length, VolumeOptions? options = null) : this(MkfsFat.Make(arguments, length), options)
    {
    }

    public FatCase(ScratchDevice device, VolumeOptions? options = null) : base(device, FatVolume.OpenForEditing, options)
    {
    }

    /// <summary>A volume of each width, small clusters.</summary>
    public static FatCase OfWidth(int width, VolumeOptions? options = null) => width switch
    {
        12 => new FatCase("-F 12 -s 1", 1 << 20, options),
        16 => new FatCase("-F 16 -s 1", 4 << 20, options),
        _ => new FatCase("-F 32 -s 1", Fat32Length, options),
    };

    /// <summary>A directory's bytes as they are on the device after a commit.</summary>
    public byte[] Slots(string path)
    {
        Volume.Commit();
        var bytes = new MemoryStream();
        if (path == "/" && Volume.Geometry.Width != FatWidth.Fat32)
        {
            var root = new byte[Volume.Geometry.RootLength];
            Device.Read(Volume.Geometry.RootOffset, root);
            return root;
        }
        var cluster = path == "/" ? Volume.Geometry.RootCluster : FirstCluster(path);
        var buffer = new byte[Volume.Geometry.ClusterSize];
        for (; !FatTable.IsEnd(cluster); cluster = Volume.Table[cluster])
        {
            Device.Read(Volume.Geometry.ClusterOffset(cluster), buffer);
            bytes.Write(buffer);
        }
        return bytes.ToArray();
    }

    /// <summary>Puts bytes into a directory behind Platter's back and opens the volume again.</summary>
    public void PutSlots(string path, int slot, ReadOnlySpan<byte> bytes)
    {
        Volume.Commit();
        var offset = path == "/" && Volume.Geometry.Width != FatWidth.Fat32 ? Volume.Geometry.RootOffset
            : Volume.Geometry.ClusterOffset(path == "/" ? Volume.Geometry.RootCluster : FirstCluster(path));
        Device.Write(offset + slot * 32L, bytes);
        Device.Flush();
        Reopen();
    }

    /// <summary>The first cluster that an entry names.</summary>
    public uint FirstCluster(string path)
    {
        var directory = Volume.Resolve(Id(path), out var slot);
        return Volume.FirstCluster(directory, slot);
    }

    /// <summary>An entry's short slot as it is stored.</summary>
    public byte[] ShortSlot(string path)
    {
        var directory = Volume.Resolve(Id(path), out var slot);
        return directory.Slots.Slice(slot * 32, 32).ToArray();
    }

    /// <summary>An entry's stored short name: eleven characters of ASCII.</summary>
    public string ShortName(string path) => System.Text.Encoding.Latin1.GetString(ShortSlot(path).AsSpan(0, 11));

    /// <summary>What is free must be what the table says: nothing leaks.</summary>
    public void AssertNothingLeaks()
    {
        Volume.Commit();
        Assert.Equal(FatVolume.Open(Device, Options).Table.CountFree() * Volume.Geometry.ClusterSize, Volume.FreeBytes);
        AssertClean();
    }

    public void AssertClean()
    {
        Volume.Commit();
        if (MkfsFat.Complaint(Device) is { } complaint)
            Assert.Fail("fsck.vfat found:\n" + complaint);
    }
}
