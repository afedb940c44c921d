using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>The fixture of a real filesystem: a <see cref="FileSystemType"/> on a device in memory.</summary>
/// <param name="type">The type.</param>
public abstract class DeviceFixture(FileSystemType type) : VolumeFixture
{
    private ScratchDevice? _device;

    public override ScratchDevice Device => _device ?? throw new InvalidOperationException("no volume has been made yet");

    protected bool HasDevice => _device is not null;

    /// <summary>How every volume is opened; the clock is the fixture's.</summary>
    protected virtual VolumeOptions VolumeOptions => new() { Clock = Clock };

    public override EditableVolume Create(long length)
    {
        _device = Make(length);
        Assert.True(type.Recognise(_device), "the type does not recognise its own volume");
        return Reopen();
    }

    public override EditableVolume Reopen()
    {
        // What was not committed is lost, as when a process ends.
        if (Device.IsDirty)
            Device.Rollback();
        return type.OpenForEditing(Device, VolumeOptions);
    }

    public override CheckReport Check() => type.Check(Device, new CheckOptions { Volume = VolumeOptions, ReadData = true });

    public override Volume OpenUsedOnly(Volume volume) => type.Open(Device.CopyOf(volume.AllocatedRanges()), VolumeOptions);

    /// <summary>An empty volume, durable.</summary>
    protected abstract ScratchDevice Make(long length);

    /// <summary>An empty volume of Platter's own formatter.</summary>
    protected ScratchDevice Format(long length, int sectorSize, FormatOptions options)
    {
        var device = new ScratchDevice(length, sectorSize);
        type.Format(device, options with { Clock = Clock });
        device.Flush();
        return device;
    }
}
