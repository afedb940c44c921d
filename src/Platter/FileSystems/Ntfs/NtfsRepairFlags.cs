using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Takes the dirty flag off a volume on which nothing else is wrong any more.</summary>
internal static class NtfsRepairFlags
{
    private const string Code = "NTFS-0015";

    public static void Run(NtfsRepairState repair)
    {
        if (repair.Repairs.Count > 0)
            repair.LookAgain();
        if (repair.Check is null || !repair.Has(Code) || repair.Report.Findings.Any(f => f.Code != Code && f.Severity > Severity.Note))
            return;
        try
        {
            var edit = new NtfsRepairEdit(repair);
            if (!edit.TryDo(state =>
            {
                var volume = state.File(new NtfsReference(NtfsMft.VolumeRecord, 0));
                if (volume.Find(NtfsAttributeType.VolumeInformation) is not { IsResident: true } held || held.Value.Length < NtfsVolumeInformation.Size)
                    throw new DiskFormatException("NTFS-0112", "$Volume", volume.Base.Offset, "has no $VOLUME_INFORMATION");
                var value = held.Value.ToArray();
                OnDisk.Edit<NtfsVolumeInformation>(value).Flags.Value &= ~NtfsVolumeFlags.Dirty;
                volume.SetResident(NtfsAttributeType.VolumeInformation, "", value);
            }))
                return;
            edit.Write();
            repair.Add(Code, "$Volume", "the dirty flag is taken off: nothing else is wrong");
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            // A volume that cannot be edited keeps its flag.
        }
    }
}
