using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What $Volume says: version, flags, label.</summary>
internal sealed record NtfsVolumeState(byte Major, byte Minor, NtfsVolumeFlags Flags, string? Label)
{
    private const int MaxLabelBytes = 512;

    /// <summary>Reads record 3.</summary>
    /// <exception cref="DiskFormatException">It has no $VOLUME_INFORMATION.</exception>
    public static NtfsVolumeState Of(NtfsFile volume)
    {
        if (!volume.TryFind(NtfsAttributeType.VolumeInformation, "", out var record, out var attribute) || !attribute.IsResident || attribute.Value.Length < NtfsVolumeInformation.Size)
            throw new DiskFormatException("NTFS-0112", volume.Base.Structure, volume.Base.Offset, $"has no resident $VOLUME_INFORMATION of {NtfsVolumeInformation.Size} bytes");
        ref readonly var information = ref OnDisk.View<NtfsVolumeInformation>(attribute.Value);
        string? label = null;
        if (volume.TryFind(NtfsAttributeType.VolumeName, "", out _, out var name) && name is { IsResident: true, Value.Length: > 0 and <= MaxLabelBytes })
            label = NtfsCollation.Units(name.Value).ToString();
        return new NtfsVolumeState(information.MajorVersion, information.MinorVersion, information.Flags.Value, label);
    }
}

/// <summary>What <c>info</c> shows of a volume.</summary>
internal static class NtfsInformation
{
    private static readonly (NtfsVolumeFlags Flag, string Name)[] FlagNames =
    [
        (NtfsVolumeFlags.Dirty, "dirty"), (NtfsVolumeFlags.ResizeLogFile, "resize log"), (NtfsVolumeFlags.UpgradeOnMount, "upgrade on mount"),
        (NtfsVolumeFlags.MountedOnNt4, "mounted on NT4"), (NtfsVolumeFlags.DeleteUsn, "USN journal being deleted"), (NtfsVolumeFlags.RepairObjectIds, "repair object ids"),
        (NtfsVolumeFlags.NoShortNames, "no short names"), (NtfsVolumeFlags.ChkdskUnderway, "chkdsk under way"), (NtfsVolumeFlags.ModifiedByChkdsk, "modified by chkdsk"),
    ];

    public static VolumeInfo Of(NtfsGeometry geometry, NtfsMft mft, NtfsVolumeState state, NtfsLogState log, string? hibernation)
    {
        var isClean = (state.Flags & NtfsVolumeFlags.Dirty) == 0 && log.IsClean && hibernation is null && !mft.IsFromMirror && geometry.BootOffset == 0;
        var details = new List<KeyValuePair<string, string>>
        {
            new("version", $"{state.Major}.{state.Minor}"),
            new("sector size", geometry.SectorSize.ToString()),
            new("record size", geometry.RecordSize.ToString()),
            new("index block size", geometry.IndexBlockSize.ToString()),
            new("records", mft.Count.ToString()),
            new("MFT", $"cluster {geometry.MftCluster}, {mft.Content.Runs.Count} {(mft.Content.Runs.Count == 1 ? "run" : "runs")}; mirror at cluster {geometry.MftMirrorCluster}"),
            new("journal", log.Text),
        };
        var flags = string.Join(", ", FlagNames.Where(f => (state.Flags & f.Flag) != 0).Select(f => f.Name));
        if (flags.Length > 0)
            details.Add(new("flags", flags));
        if (hibernation is not null)
            details.Add(new("hibernation", hibernation));
        if (geometry.BootOffset != 0)
            details.Add(new("boot sector", $"damaged, the copy at byte {geometry.BootOffset} is used"));
        if (mft.IsFromMirror)
            details.Add(new("record 0", "damaged, the copy in $MFTMirr is used"));
        return new VolumeInfo
        {
            Type = "ntfs",
            Label = state.Label,
            Id = geometry.SerialNumber.ToString("X16"),
            BlockSize = geometry.ClusterSize,
            TotalBytes = geometry.ClusterCount << geometry.ClusterShift,
            IsClean = isClean,
            Details = details,
        };
    }
}
