using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Adds what a file must have and what follows from the rest of it; takes away what cannot be used.</summary>
internal sealed class NtfsRepairMissing(NtfsRepairState repair, NtfsRepairEdit edit)
{
    private readonly NtfsCheckState _check = repair.Check!;

    public void Run()
    {
        if (!repair.HasAny("NTFS-0112", "NTFS-0126", "NTFS-0143", "NTFS-0145", "NTFS-0402", "NTFS-0502", "NTFS-0021"))
            return;
        foreach (var number in _check.Facts.With(NtfsFacts.InUse | NtfsFacts.Base).ToList())
        {
            _check.Progress("repairing files", number, _check.Facts.Count);
            if ((_check.Facts[number].Flags & (NtfsFacts.Broken | NtfsFacts.Partial)) != 0 || _check.Open(number) is not { } file)
                continue;
            var done = new List<(string Code, string Message)>();
            if (edit.TryDo(state => Mend(state, file, done)))
            {
                foreach (var (code, message) in done)
                    repair.Add(code, file.Base.Structure, message);
            }
        }
    }

    private void Mend(NtfsEditState state, NtfsFile file, List<(string Code, string Message)> done)
    {
        // Not by an editor before something is to be done: there may be a million files.
        if (file.Base.Number == NtfsMft.VolumeRecord)
            MendLabel(state, file, done);
        if (file.Base.Number == NtfsMft.AttributeDefinitionRecord && repair.Has("NTFS-0402"))
            MendDefinitions(state, file, done);
        if (file.Base.Number < NtfsRecords.FirstOfFiles)
            return;
        MendStandardInformation(state, file, done);
        MendSums(state, file, done);
        MendObjectId(state, file, done);
        if (file.Base.IsDirectory || file.Has(NtfsAttributeType.Data) || HasIndex(file))
            return;
        state.File(file.Reference).Add(NtfsAttributeType.Data, "", 0, NtfsAttributeBytes.Resident(NtfsAttributeType.Data, "", default));
        done.Add(("NTFS-0145", "has data, of no length"));
    }

    private static bool HasIndex(NtfsFile file)
    {
        foreach (var place in file.Places)
        {
            if (place.Type is NtfsAttributeType.IndexRoot or NtfsAttributeType.IndexAllocation)
                return true;
        }
        return false;
    }

    private static void MendLabel(NtfsEditState state, NtfsFile file, List<(string Code, string Message)> done)
    {
        if (!file.TryFind(NtfsAttributeType.VolumeName, "", out _, out var name) || !name.IsResident || (name.Value.Length & 1) == 0)
            return;
        state.File(file.Reference).SetResident(NtfsAttributeType.VolumeName, "", name.Value[..^1].ToArray());
        done.Add(("NTFS-0021", "the label ends with a whole unit"));
    }

    // Every volume since 3.0 has the same, and drivers go by their own.
    private static void MendDefinitions(NtfsEditState state, NtfsFile file, List<(string Code, string Message)> done)
    {
        if (state.File(file.Reference).Open(NtfsAttributeType.Data) is not { } data)
            return;
        data.Replace(NtfsAttributeDefinitions.Table());
        done.Add(("NTFS-0402", "$AttrDef is the table that every volume has"));
    }

    // As its name has it, where there is none; or with the bytes that are behind it.
    private void MendStandardInformation(NtfsEditState state, NtfsFile file, List<(string Code, string Message)> done)
    {
        const int full = NtfsStandardInformation3.Offset + NtfsStandardInformation3.Size;
        if (file.TryFind(NtfsAttributeType.StandardInformation, "", out _, out var standard))
        {
            if (!standard.IsResident || standard.Value.Length is NtfsStandardInformation.Size or full)
                return;
            var there = standard.Bytes[(int)(ushort)OnDisk.View<NtfsResidentHeader>(standard.Bytes).ValueOffset..];
            if (there.Length < NtfsStandardInformation.Size)
                return;
            state.File(file.Reference).SetResident(NtfsAttributeType.StandardInformation, "", there[..(there.Length >= full ? full : NtfsStandardInformation.Size)].ToArray());
            done.Add(("NTFS-0126", "$STANDARD_INFORMATION has its length"));
            return;
        }
        if (NtfsRepairNames.Of(_check, file.Base.Number) is not [var name, ..])
            return;
        var value = new byte[full];
        ref readonly var copy = ref OnDisk.View<NtfsFileName>(name);
        ref var information = ref OnDisk.Edit<NtfsStandardInformation>(value);
        (information.Created, information.Modified, information.Changed, information.Accessed) = (copy.Created, copy.Modified, copy.Changed, copy.Accessed);
        information.Attributes = copy.Attributes & NtfsCheckerFiles.CopiedAttributes;
        var editor = state.File(file.Reference);
        editor.SetResident(NtfsAttributeType.StandardInformation, "", value);
        if (!editor.Has(NtfsAttributeType.SecurityDescriptor))
            state.Descriptors.Inherit(editor, state.File(copy.Parent.Value), file.Base.IsDirectory);
        done.Add(("NTFS-0112", "has $STANDARD_INFORMATION again, as its name has it; the descriptor is inherited"));
    }

    // One of $EA and $EA_INFORMATION alone: sums of what there is, or none of nothing.
    private static void MendSums(NtfsEditState state, NtfsFile file, List<(string Code, string Message)> done)
    {
        bool hasSums = file.Has(NtfsAttributeType.EaInformation), hasList = file.Has(NtfsAttributeType.Ea);
        if (hasSums == hasList)
            return;
        if (hasSums)
        {
            state.File(file.Reference).Delete(NtfsAttributeType.EaInformation, "");
            done.Add(("NTFS-0143", "$EA_INFORMATION is gone: there are no EAs"));
            return;
        }
        var (packed, needed) = NtfsExtendedAttributes.Sums(NtfsVolume.ReadExtendedAttributes(file));
        var value = new byte[NtfsEaInformation.Size];
        ref var sums = ref OnDisk.Edit<NtfsEaInformation>(value);
        (sums.PackedLength, sums.NeedCount, sums.QueryLength) = ((ushort)packed, (ushort)needed, (uint)file.Open(NtfsAttributeType.Ea)!.Length);
        state.File(file.Reference).SetResident(NtfsAttributeType.EaInformation, "", value);
        done.Add(("NTFS-0143", "$EA_INFORMATION made anew from $EA"));
    }

    private static void MendObjectId(NtfsEditState state, NtfsFile file, List<(string Code, string Message)> done)
    {
        if (!file.TryFind(NtfsAttributeType.ObjectId, "", out _, out var id) || !id.IsResident || id.Value.Length is NtfsObjectId.Size or NtfsObjectId.FullSize)
            return;
        if (id.Value.Length < NtfsObjectId.Size)
            state.File(file.Reference).Delete(NtfsAttributeType.ObjectId, "");
        else
            state.File(file.Reference).SetResident(NtfsAttributeType.ObjectId, "", id.Value[..NtfsObjectId.Size].ToArray());
        done.Add(("NTFS-0502", id.Value.Length < NtfsObjectId.Size ? "the object id, which was none, is gone" : "the object id has its length"));
    }
}
