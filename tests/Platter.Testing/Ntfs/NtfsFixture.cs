using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Volumes;

namespace Platter.Testing.Ntfs;

/// <summary>An empty volume of mkntfs on a device in memory, judged by the tools of ntfs-3g.</summary>
public sealed class NtfsFixture : VolumeFixture
{
    private static readonly Dictionary<(string, long), ScratchDevice> Made = [];

    private static readonly string[] SystemNames =
        ["$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase", "$Extend"];

    private readonly NtfsType _type = new();
    private ScratchDevice? _device;

    /// <summary>As for mkntfs: <c>-c 4096</c>.</summary>
    public required string Arguments { get; init; }

    public required int ClusterSize { get; init; }

    public override long Length => Math.Max(8L << 20, 500L * ClusterSize);
    public override long SmallLength => Math.Max(2L << 20, 200L * ClusterSize);
    public override string ForbiddenCharacters => "\"*:<>?\\|";
    public override bool AllowsTrailingDotOrSpace => false;
    public override bool RefusesDeviceNames => true;

    // Index blocks stay with their directories, records with the MFT.
    public override long FreeBytesSlack => Math.Max(512L << 10, 8L * ClusterSize);

    public override DosAttributes AttributesWithMeaning => DosAttributes.System;

    public override int MaxAttributeLength => 60_000;

    public override ScratchDevice Device => _device ?? throw new InvalidOperationException("no volume has been made yet");

    /// <summary>How volumes are opened; the clock is the fixture's.</summary>
    public VolumeOptions Options { get; init; } = VolumeOptions.Default;

    private VolumeOptions Opening => Options with { Clock = Clock };

    public override bool IsNameAllowed(string name, Capabilities capabilities) =>
        base.IsNameAllowed(name, capabilities) && !SystemNames.Contains(name, StringComparer.OrdinalIgnoreCase);

    public override EditableVolume Create(long length)
    {
        _device = Empty(Arguments, length);
        return Reopen();
    }

    public override EditableVolume Reopen()
    {
        if (Device.IsDirty)
            Device.Rollback();
        return _type.OpenForEditing(Device, Opening);
    }

    public override CheckReport? Check() => _type.Check(Device, new CheckOptions { Volume = Opening, ReadData = true });

    public override string? Judge() => Complaint(Device);

    public override Volume OpenUsedOnly(Volume volume) => _type.Open(Device.CopyOf(volume.AllocatedRanges()), Opening);

    /// <summary>A volume without files: made once, given out as copies.</summary>
    public static ScratchDevice Empty(string arguments, long length)
    {
        lock (Made)
        {
            if (!Made.TryGetValue((arguments, length), out var made))
            {
                using var folder = new TempFolder();
                var path = folder.File("volume.img");
                Ntfs3g.Make(path, length, arguments);
                Made[(arguments, length)] = made = ScratchDevice.Load(path);
            }
            return made.Copy();
        }
    }

    /// <summary>What ntfsfix and ntfsls complain of, or null.</summary>
    public static string? Complaint(ScratchDevice device)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        device.SaveTo(path);
        var fix = Tool.Run("ntfsfix", "-n", path);
        if (fix.ExitCode != 0)
            return fix.All;
        var list = Tool.Run("ntfsls", "-R", "-a", "-l", path);
        return list.ExitCode != 0 || list.Error.Length > 0 ? list.Error : null;
    }
}
