using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Mends records by what they hold: numbers, flags, counts, the order and the sizes of attributes.</summary>
/// <remarks>Nothing of the content is changed, and what two places say differently only where one of them follows from the rest.</remarks>
internal sealed class NtfsRepairRecords(NtfsRepairState repair, NtfsRepairEdit edit)
{
    private static readonly string[] Codes =
    [
        "NTFS-0104", "NTFS-0112", "NTFS-0114", "NTFS-0115", "NTFS-0116", "NTFS-0117", "NTFS-0122", "NTFS-0125", "NTFS-0126", "NTFS-0127", "NTFS-0128", "NTFS-0133", "NTFS-0143", "NTFS-0144",
        "NTFS-0205", "NTFS-0206", "NTFS-0207",
    ];

    private readonly NtfsCheckState _check = repair.Check!;

    public void Run()
    {
        if (!repair.HasAny(Codes))
            return;
        for (var number = 0L; number < _check.Facts.Count; number++)
        {
            _check.Progress("repairing records", number, _check.Facts.Count);
            var fact = _check.Facts[number];
            if (fact.Is(NtfsFacts.Broken) || (!fact.Is(NtfsFacts.InUse) && !_check.Freed.Contains(number)))
                continue;
            var record = _check.Mft.Load(number, out var problem, out _);
            if (problem is not null)
                continue;
            var mender = new NtfsRecordMender(record, _check.Upcase);
            Mend(mender, record, fact);
            if (mender.Done.Count == 0 || !edit.TryDo(state => state.Records.Write(record)))
                continue;
            foreach (var (code, message) in mender.Done)
                repair.Add(code, record.Structure, message);
        }
    }

    private void Mend(NtfsRecordMender mender, NtfsRecord record, NtfsRecordFact fact)
    {
        if (!record.IsInUse)
        {
            mender.SetInUse();
            return;
        }
        if (_check.Estranged.Contains(record.Number) && record.TryFind(NtfsAttributeType.StandardInformation, "", out _) && record.TryFind(NtfsAttributeType.FileName, "", out _))
        {
            mender.SetOwn();
            return;
        }
        mender.MendHead(_check.LostSequences.GetValueOrDefault(record.Number, (ushort)1));
        mender.MendOrder();
        if (!record.IsBase)
        {
            var hasBase = _check.Facts.Has(fact.Link) && _check.Facts[fact.Link].Is(NtfsFacts.InUse | NtfsFacts.Base);
            if (hasBase)
            {
                mender.MendNames(_check.Facts[fact.Link].Is(NtfsFacts.Directory));
                if (fact.Is(NtfsFacts.Owned))
                    mender.MendBase(new NtfsReference(fact.Link, _check.Facts[fact.Link].Sequence));
                MendSizes(mender, record, fact.Link);
            }
            return;
        }
        if (!record.TryFind(NtfsAttributeType.AttributeList, "", out _))
            mender.MendInstances();
        if (!fact.Is(NtfsFacts.Partial))
            MendFile(mender, record);
        mender.MendNames(record.IsDirectory);
        MendSizes(mender, record, record.Number);
    }

    // What all attributes of a file say together.
    private void MendFile(NtfsRecordMender mender, NtfsRecord record)
    {
        var file = new NtfsFile(_check.Device, _check.Geometry, _check.Mft, record);
        try
        {
            var (names, hasNames, hasView, hasDirectoryName) = (0, false, false, false);
            var flags = NtfsAttributeFlags.None;
            var (hasData, hasReparse, hasKeys, hasBlocks) = (false, false, false, false);
            foreach (var place in file.Places)
            {
                var attribute = file.Resolve(place, out _);
                names += place.Type == NtfsAttributeType.FileName && attribute.IsResident ? 1 : 0;
                hasDirectoryName |= place.Type == NtfsAttributeType.FileName && attribute is { IsResident: true, Value.Length: >= NtfsFileName.Size }
                    && (OnDisk.View<NtfsFileName>(attribute.Value).Attributes & NtfsFileAttributes.HasNameIndex) != 0;
                hasNames |= place.Type == NtfsAttributeType.IndexRoot && place.Name == NtfsDirectory.IndexName;
                hasView |= place.Type == NtfsAttributeType.IndexRoot && place.Name != NtfsDirectory.IndexName;
                hasBlocks |= place.Type == NtfsAttributeType.IndexAllocation;
                hasReparse |= place.Type == NtfsAttributeType.ReparsePoint;
                hasKeys |= place is { Type: NtfsAttributeType.LoggedUtilityStream, Name: "$EFS" };
                if (place is not { Type: NtfsAttributeType.Data, Name: "", LowestVcn: 0 })
                    continue;
                hasData = true;
                flags = attribute.Flags;
            }
            // A file without a name gets one with what is lost.
            if (names > 0)
                mender.MendLinks(names);
            if (hasNames)
                mender.MendFlag(NtfsRecordFlags.Directory, true, "marked as a directory, by its index of names");
            else if (record.IsDirectory && hasData && !hasBlocks && !hasDirectoryName)
                mender.MendFlag(NtfsRecordFlags.Directory, false, "no longer marked as a directory: it has data, no index, and its names say so");
            mender.MendFlag(NtfsRecordFlags.ViewIndex, hasView, hasView ? "marked to have a view index, by its index" : "no longer marked to have a view index: there is none");
            mender.MendAttributes(flags, hasReparse, hasKeys);
            MendSums(mender, file);
        }
        catch (DiskFormatException)
        {
            // What cannot be gathered was told by the check, and is not known whole.
        }
    }

    private void MendSums(NtfsRecordMender mender, NtfsFile file)
    {
        if (!repair.Has("NTFS-0143") || !file.Has(NtfsAttributeType.Ea) || !file.Base.TryFind(NtfsAttributeType.EaInformation, "", out _))
            return;
        var (packed, needed) = NtfsExtendedAttributes.Sums(NtfsVolume.ReadExtendedAttributes(file));
        mender.MendSums(packed, needed, file.Open(NtfsAttributeType.Ea)!.Length);
    }

    // Of the attributes whose first extent is here; their clusters may be anywhere.
    private void MendSizes(NtfsRecordMender mender, NtfsRecord record, long number)
    {
        if (!repair.HasAny("NTFS-0205", "NTFS-0206", "NTFS-0207") || _check.Facts[number].Is(NtfsFacts.Partial) || number == NtfsMft.MftRecord || _check.Open(number) is not { } file)
            return;
        var found = new List<(int Offset, NtfsAttributeType Type, string Name)>();
        foreach (var attribute in record.Attributes)
        {
            if (!attribute.IsResident && attribute.LowestVcn == 0 && attribute.Type != NtfsAttributeType.AttributeList)
                found.Add((attribute.Offset, attribute.Type, attribute.Name.ToString()));
        }
        foreach (var (offset, type, name) in found)
        {
            try
            {
                if (file.Open(type, name) is { IsResident: false } content && _check.Geometry.ClustersFor(content.Length) <= content.Runs.End)
                    mender.MendSizes(offset, content.Runs.End << _check.Geometry.ClusterShift, content.Runs.Allocated << _check.Geometry.ClusterShift);
            }
            catch (DiskFormatException)
            {
                // Its map was told, and stays.
            }
        }
    }
}
