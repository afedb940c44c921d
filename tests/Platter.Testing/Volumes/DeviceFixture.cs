using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>The fixture of a real filesystem: a <see cref="FileSystemType"/> on a device in memory.</summary>
/// <param name="type">The type.</param>
/// <param name="options">How to format; the clock is the fixture's.</param>
/// <param name="sectorSize">Bytes in the device's sectors.</param>
public abstract class DeviceFixture(FileSystemType type, FormatOptions options, int sectorSize = 512) : VolumeFixture
{
    private ScratchDevice? _device;

    public override ScratchDevice Device => _device ?? throw new InvalidOperationException("no volume has been made yet");

    /// <summary>How every volume is opened.</summary>
    protected virtual VolumeOptions VolumeOptions => new() { Clock = Clock };

    public override EditableVolume Create(long length)
    {
        _device = new ScratchDevice(length, sectorSize);
        type.Format(_device, options with { Clock = Clock });
        _device.Flush();
        Assert.True(type.Recognise(_device), "the type does not recognise what it formatted");
        return Reopen();
    }

    public override EditableVolume Reopen()
    {
        // What was not committed is lost, as when a process ends.
        if (Device.IsDirty)
            Device.Rollback();
        return type.OpenForEditing(Device, VolumeOptions);
    }

    public override CheckReport? Check() => type.Check(Device, new CheckOptions { Volume = VolumeOptions, ReadData = true });

    public override string? Judge()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Device.SaveTo(path);
        return JudgeImage(path);
    }

    public override Volume? OpenUsedOnly(Volume volume) => type.Open(Device.CopyOf(volume.AllocatedRanges()), VolumeOptions);

    /// <summary>Runs a foreign checker, one process, over an image file.</summary>
    /// <returns>What it complains of, or null.</returns>
    protected abstract string? JudgeImage(string path);
}
