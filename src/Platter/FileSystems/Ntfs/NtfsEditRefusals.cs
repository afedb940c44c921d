using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Whether a volume may be edited: not while Windows still has it open in its own memory or journal, unless that is given up.</summary>
internal static class NtfsEditRefusals
{
    private const int EmptyBytes = 1 << 18;

    /// <exception cref="UnsupportedFeatureException">It was not left properly, or is of another version.</exception>
    /// <exception cref="DiskFormatException">Boot sector or record 0 cannot be used as they are.</exception>
    public static void Check(NtfsVolume volume, BlockDevice device, VolumeOptions options)
    {
        var geometry = volume.Geometry;
        if (geometry.BootOffset != 0)
            throw new DiskFormatException("NTFS-0009", "BootSector", 0, "cannot be used, and the volume not be edited by its copy: have it repaired");
        if (volume.Mft.IsFromMirror)
            throw new DiskFormatException("NTFS-0102", "Record 0", geometry.MftCluster << geometry.ClusterShift, "cannot be used, and the volume not be edited by its copy: have it repaired");
        if (geometry.ClusterCount << geometry.ClusterShift > device.Length)
            throw new DiskFormatException("NTFS-0202", "BootSector", 0, $"counts {geometry.ClusterCount} clusters, past the device's {device.Length} bytes: the image is cut short");
        var state = volume.State;
        if (state is not { Major: 3, Minor: 0 or 1 })
            throw new UnsupportedFeatureException($"NTFS of version {state.Major}.{state.Minor} is read, not edited: versions 3.0 and 3.1 are");
        if (volume.Hibernation() is { } hibernation && !options.IgnoreHibernation)
            throw new UnsupportedFeatureException($"{hibernation}: it has the volume open and would write over every edit. Shut Windows down fully, or give its session up (--ignore-hibernation)");
        RequireBitmap(volume);
        if (options.DiscardJournal)
        {
            RequireLog(volume);
            return;
        }
        if (!volume.LogState.IsClean)
            throw new UnsupportedFeatureException($"$LogFile is {volume.LogState.Text}: Windows (or ntfs3) has to finish what it holds, or it is given up (--discard-journal)");
        if ((state.Flags & (NtfsVolumeFlags.Dirty | NtfsVolumeFlags.ChkdskUnderway)) != 0)
            throw new UnsupportedFeatureException("the volume is marked dirty: chkdsk has to look at it first, or the mark is ignored (--discard-journal)");
    }

    /// <summary>For edits that repair, too: what takes clusters writes bits into the content of record 6.</summary>
    /// <exception cref="DiskFormatException">It is another file's.</exception>
    public static void RequireBitmap(NtfsVolume volume) => Own(volume, NtfsMft.BitmapRecord);

    // What is given up is written over: it must be a log.
    private static void RequireLog(NtfsVolume volume)
    {
        if (volume.LogState.IsClean)
            return;
        var file = Own(volume, NtfsMft.LogFileRecord);
        if (file.Open(NtfsAttributeType.Data) is not { IsResident: false } log)
            return;
        if (!NtfsLogState.IsLog(log))
            throw new DiskFormatException("NTFS-0017", "$LogFile", file.Base.Offset, "what lies in its clusters is no log, and is not emptied; have the volume repaired");
    }

    // A record that is another file's leads to that one's content: bits of clusters, or an empty log, would be written over it.
    private static NtfsFile Own(NtfsVolume volume, long number)
    {
        var file = volume.OpenSystemFile(number);
        return NtfsCheckerFiles.IsAnothers(file.Base, volume.State.Major) ? throw Anothers(file.Base) : file;
    }

    private static DiskFormatException Anothers(NtfsRecord record) =>
        new("NTFS-0142", record.Structure, record.Offset, $"is another file's, expected {NtfsCheckerFiles.OwnName(record.Number, 3)}, which edits write to: have the volume repaired");

    /// <summary>Fills a log that was given up with FF, which is how a new one looks; one that was closed stays as it is.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="changes">What it is read through.</param>
    /// <param name="space">Knows whether the log has just moved to clusters that were free; null when it has not.</param>
    /// <returns>Whether something may be lost with it, so that Windows should check the volume.</returns>
    public static bool EmptyLog(NtfsVolume volume, NtfsChanges changes, NtfsSpace? space = null)
    {
        if (volume.LogState.IsClean || volume.OpenSystemFile(NtfsMft.LogFileRecord).Open(NtfsAttributeType.Data) is not { IsResident: false } log)
            return false;
        var empty = new byte[EmptyBytes];
        empty.AsSpan().Fill(0xFF);
        foreach (var run in log.Runs.Runs)
        {
            var (offset, length) = (run.Lcn << volume.Geometry.ClusterShift, run.Count << volume.Geometry.ClusterShift);
            for (var done = 0L; done < length && !run.IsHole; done += empty.Length)
                changes.WriteContent(offset + done, empty.AsSpan(0, (int)Math.Min(empty.Length, length - done)), space?.IsFresh(run.Lcn, run.Count) == true);
        }
        return true;
    }

    /// <summary>Marks the volume so that Windows checks it.</summary>
    public static void MarkDirty(NtfsEditState state)
    {
        var volume = state.File(new NtfsReference(NtfsMft.VolumeRecord, 0));
        if (volume.Find(NtfsAttributeType.VolumeInformation) is not { IsResident: true } held)
            return;
        var value = held.Value.ToArray();
        OnDisk.Edit<NtfsVolumeInformation>(value).Flags.Value |= NtfsVolumeFlags.Dirty;
        volume.SetResident(NtfsAttributeType.VolumeInformation, "", value);
    }
}
