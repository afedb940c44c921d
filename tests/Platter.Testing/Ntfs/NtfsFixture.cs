using System.Globalization;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Volumes;

namespace Platter.Testing.Ntfs;

/// <summary>Sizes of a volume, in bytes.</summary>
public readonly record struct NtfsSizesOfVolume(int Sector, int Cluster, int Record)
{
    /// <summary>As options of the formatter.</summary>
    public Dictionary<string, string> Options => new(StringComparer.Ordinal)
    {
        ["sector_size"] = Sector.ToString(CultureInfo.InvariantCulture),
        ["cluster_size"] = Cluster.ToString(CultureInfo.InvariantCulture),
        ["record_size"] = Record.ToString(CultureInfo.InvariantCulture),
    };
}

/// <summary>An empty volume of mkntfs, or of Platter's formatter, on a device in memory, judged by the tools of ntfs-3g.</summary>
public sealed class NtfsFixture() : DeviceFixture(new NtfsType())
{
    private static readonly Dictionary<(string, long), ScratchDevice> Made = [];
    private static readonly Dictionary<(NtfsSizesOfVolume, long), ScratchDevice> Formatted = [];

    private static readonly string[] SystemNames =
        ["$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase", "$Extend"];


    /// <summary>As for mkntfs: <c>-c 4096</c>.</summary>
    public string Arguments { get; init; } = "";

    /// <summary>Sizes that mkntfs does not make, which Platter's formatter is to make; null for mkntfs.</summary>
    public NtfsSizesOfVolume? Sizes { get; init; }

    public required int ClusterSize { get; init; }

    // With the largest clusters some cases take a while as it is; records of 4 KiB fill four times the room.
    public override long Length => ClusterSize > 65536 ? 160L * ClusterSize : Math.Max(Sizes is { Record: > 1024 } ? 32L << 20 : 8L << 20, 500L * ClusterSize);

    // The volume's own files take some 20 clusters, and full volumes are made of the rest: large clusters must not be many.
    public override long SmallLength => Math.Max(2L << 20, (ClusterSize > 65536 ? 80L : 200L) * ClusterSize);
    public override string ForbiddenCharacters => "\"*:<>?\\|";
    public override bool AllowsTrailingDotOrSpace => false;
    public override bool RefusesDeviceNames => true;

    // Index blocks stay with their directories, records with the MFT.
    public override long FreeBytesSlack => Math.Max(512L * (Sizes?.Record ?? 1024), 8L * ClusterSize);

    public override int MostClusters => ClusterSize > 65536 ? 3 : int.MaxValue;

    public override long SparseFileSlack => Math.Max(100_000, 2L * ClusterSize);

    public override DosAttributes AttributesWithMeaning => DosAttributes.System;

    public override int MaxAttributeLength => 60_000;

    /// <summary>How volumes are opened; the clock is the fixture's.</summary>
    public VolumeOptions Options { get; init; } = VolumeOptions.Default;

    protected override VolumeOptions VolumeOptions => Options with { Clock = Clock };

    public override bool IsNameAllowed(string name, Capabilities capabilities) =>
        base.IsNameAllowed(name, capabilities) && !SystemNames.Contains(name, StringComparer.OrdinalIgnoreCase);

    protected override ScratchDevice Make(long length) => Sizes is { } sizes ? Empty(sizes, length) : Empty(Arguments, length);

    /// <summary>Who judges what was committed, by the device; ntfsfix and ntfsls, unless others are named.</summary>
    public Func<ScratchDevice, string?> JudgedBy { get; init; } = Complaint;

    public override string? Judge() => JudgedBy(Device);

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

    /// <summary>A volume of Platter's formatter, without files.</summary>
    public static ScratchDevice Empty(NtfsSizesOfVolume sizes, long length)
    {
        lock (Formatted)
        {
            if (!Formatted.TryGetValue((sizes, length), out var made))
            {
                made = new ScratchDevice(length);
                NtfsFormatter.Format(made, new FormatOptions { Type = "ntfs", Options = sizes.Options, Clock = new SettableClock() });
                made.Flush();
                Formatted[(sizes, length)] = made;
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
