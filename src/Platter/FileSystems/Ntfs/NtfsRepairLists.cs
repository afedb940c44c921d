using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Makes attribute lists anew from the records that say they belong to the file.</summary>
/// <remarks>Only where these hold all of it: extents without a gap, as long as the first one says, and nothing that the old list names in a record that cannot be read.</remarks>
internal sealed class NtfsRepairLists(NtfsRepairState repair, NtfsRepairEdit edit)
{
    private readonly NtfsCheckState _check = repair.Check!;

    public void Run()
    {
        if (_check.WrongLists.Count == 0)
            return;
        var extensions = new Dictionary<long, List<long>>();
        foreach (var number in _check.Facts.With(NtfsFacts.InUse))
        {
            ref readonly var fact = ref _check.Facts[number];
            if ((fact.Flags & (NtfsFacts.Base | NtfsFacts.Broken)) != 0)
                continue;
            if (!extensions.TryGetValue(fact.Link, out var own))
                extensions[fact.Link] = own = [];
            own.Add(number);
        }
        foreach (var number in _check.WrongLists.Order())
        {
            if (number != NtfsMft.MftRecord && extensions.TryGetValue(number, out var own) && _check.Facts[number].Is(NtfsFacts.InUse | NtfsFacts.Base) && !_check.Facts[number].Is(NtfsFacts.Broken))
                Mend(number, own);
        }
    }

    private void Mend(long number, List<long> extensions)
    {
        var record = _check.Mft.Load(number, out var problem, out _);
        if (problem is not null || !record.TryFind(NtfsAttributeType.AttributeList, "", out var list))
            return;
        var file = new NtfsFile(_check.Device, _check.Geometry, _check.Mft, record);
        var found = new List<(NtfsPlace Place, Shape Shape)>();
        Collect(record, found);
        foreach (var extension in extensions)
        {
            var other = _check.Mft.Load(extension, out problem, out _);
            if (problem is null && (other.Header.BaseRecord.Sequence == record.Header.SequenceNumber || _check.Facts[extension].Is(NtfsFacts.Owned)))
                Collect(other, found);
        }
        found.Sort((a, b) => Compare(a.Place, b.Place));
        if (!IsWhole(found) || !IsAllReadable(file))
            return;
        var value = new byte[found.Sum(f => NtfsAttributeList.EntryLength(f.Place.Name))];
        if (value.Length > NtfsAttributeListEntry.MaxListLength)
            return;
        var at = 0;
        foreach (var (place, _) in found)
            at += NtfsAttributeList.Write(value.AsSpan(at), place);
        var isChanged = list.IsResident ? ReplaceValue(record, list, value) : Rewrite(file, record, list, value);
        if (isChanged)
            repair.Add(repair.Has("NTFS-0111") ? "NTFS-0111" : repair.Has("NTFS-0110") ? "NTFS-0110" : repair.Has("NTFS-0121") ? "NTFS-0121" : "NTFS-0119",
                $"{record.Structure}, $ATTRIBUTE_LIST", $"made anew from the records: {found.Count} attributes");
    }

    private static void Collect(NtfsRecord record, List<(NtfsPlace Place, Shape Shape)> found)
    {
        foreach (var attribute in record.Attributes)
        {
            if (attribute.Type == NtfsAttributeType.AttributeList)
                continue;
            var place = new NtfsPlace(attribute.Type, attribute.Name.ToString(), attribute.LowestVcn, record.Reference, attribute.Instance);
            found.Add((place, attribute.IsResident ? default : new Shape(true, attribute.EndVcn, attribute.LowestVcn == 0 ? (long)(ulong)attribute.NonResident.AllocatedSize : 0)));
        }
    }

    private int Compare(NtfsPlace a, NtfsPlace b)
    {
        var order = a.Type.CompareTo(b.Type);
        if (order == 0)
            order = _check.Upcase?.Compare(a.Name, b.Name) ?? string.CompareOrdinal(a.Name, b.Name);
        if (order == 0)
            order = a.LowestVcn.CompareTo(b.LowestVcn);
        if (order == 0)
            order = a.Record.Record.CompareTo(b.Record.Record);
        return order != 0 ? order : a.Instance.CompareTo(b.Instance);
    }

    // Every attribute once, its extents one behind the other, up to the length that the first one tells.
    private bool IsWhole(List<(NtfsPlace Place, Shape Shape)> found)
    {
        for (int first = 0, end; first < found.Count; first = end)
        {
            var (place, shape) = found[first];
            var mapped = shape.EndVcn;
            for (end = first + 1; end < found.Count && found[end].Place.Type == place.Type && found[end].Place.Name == place.Name; end++)
            {
                if (place.Type == NtfsAttributeType.FileName)
                    continue;
                if (!shape.IsExtent || !found[end].Shape.IsExtent || found[end].Place.LowestVcn != mapped)
                    return false;
                mapped = found[end].Shape.EndVcn;
            }
            if (shape.IsExtent && (place.LowestVcn != 0 || mapped > long.MaxValue >> _check.Geometry.ClusterShift || mapped << _check.Geometry.ClusterShift != shape.Allocated))
                return false;
        }
        return true;
    }

    // Where the old list cannot be read, any record that cannot may be one of its.
    private bool IsAllReadable(NtfsFile file)
    {
        try
        {
            foreach (var place in file.Places)
            {
                if (_check.Facts.Has(place.Record.Record) && _check.Facts[place.Record.Record].Is(NtfsFacts.Broken))
                    return false;
            }
            return true;
        }
        catch (DiskFormatException)
        {
            return !_check.Facts.With(NtfsFacts.Broken).Any();
        }
    }

    private bool ReplaceValue(NtfsRecord record, in NtfsAttribute list, byte[] value)
    {
        if (list.Value.SequenceEqual(value))
            return false;
        var attribute = NtfsAttributeBytes.Resident(NtfsAttributeType.AttributeList, "", value);
        OnDisk.Edit<NtfsAttributeHeader>(attribute).Instance = list.Instance;
        var (start, behind, end) = (list.Offset, list.Offset + list.Length, (int)(uint)record.Header.BytesInUse);
        if (end + attribute.Length - list.Length > record.Bytes.Length)
            return false;
        var bytes = new byte[record.Bytes.Length];
        record.Bytes.AsSpan(0, start).CopyTo(bytes);
        attribute.CopyTo(bytes, start);
        record.Bytes.AsSpan(behind, end - behind).CopyTo(bytes.AsSpan(start + attribute.Length));
        OnDisk.Edit<NtfsRecordHeader>(bytes).BytesInUse = (uint)(end + attribute.Length - list.Length);
        return edit.TryDo(state => state.Records.Write(new NtfsRecord(record.Number, bytes, record.Offset)));
    }

    // Into the clusters that it has.
    private bool Rewrite(NtfsFile file, NtfsRecord record, in NtfsAttribute list, byte[] value)
    {
        var runs = new NtfsRunList();
        if (list.LowestVcn != 0 || runs.Decode(list.RunBytes, list.EndVcn, _check.Geometry.ClusterCount) is not null || runs.End << _check.Geometry.ClusterShift < value.Length
            || runs.Allocated != runs.End || (ulong)value.Length == list.NonResident.DataSize && IsStored(file, list, runs, value))
            return false;
        var bytes = record.Bytes.ToArray();
        ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(bytes, list.Offset);
        head.DataSize = head.InitializedSize = (ulong)value.Length;
        return edit.TryDo(state =>
        {
            var shift = _check.Geometry.ClusterShift;
            for (var done = 0; done < value.Length;)
            {
                var run = runs.Find((long)done >> shift)!.Value;
                var within = done - (run.Vcn << shift);
                var part = (int)Math.Min(value.Length - done, (run.Count << shift) - within);
                state.Changes.Write((run.Lcn << shift) + within, value.AsSpan(done, part));
                done += part;
            }
            state.Records.Write(new NtfsRecord(record.Number, bytes, record.Offset));
        });
    }

    private bool IsStored(NtfsFile file, in NtfsAttribute list, NtfsRunList runs, byte[] value)
    {
        try
        {
            var old = NtfsContent.OfRuns(_check.Device, _check.Geometry, file.Structure(NtfsAttributeType.AttributeList, ""), list, runs).ReadAll(NtfsAttributeListEntry.MaxListLength, "NTFS-0110");
            return old.AsSpan().SequenceEqual(value);
        }
        catch (DiskFormatException)
        {
            return false;
        }
    }

    /// <summary>What of an attribute tells whether all of it is there.</summary>
    private readonly record struct Shape(bool IsExtent, long EndVcn, long Allocated);
}
