using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An attribute, or an extent of it, where it was found.</summary>
internal readonly record struct NtfsFoundAttribute(NtfsAttributeType Type, string Name, long LowestVcn, NtfsRecord Record, int Offset)
{
    public NtfsAttribute Attribute => Record.At(Offset);

    /// <summary>Bytes from the start of the volume.</summary>
    public long Place => Record.Offset < 0 ? -1 : Record.Offset + Offset;
}

/// <summary>A file with all attributes that were found, sorted by type, name and cluster.</summary>
internal sealed class NtfsCheckedFile(NtfsRecord record, List<NtfsFoundAttribute> attributes)
{
    private string? _structure;

    public NtfsRecord Base { get; } = record;
    public List<NtfsFoundAttribute> Attributes { get; } = attributes;

    /// <summary>What messages call it: by a name, where there is one.</summary>
    public string Structure => _structure ??= Base.Structure + (FirstName() is { Length: > 0 } name ? $" '{name}'" : "");

    /// <summary>The first attribute of a type and name; an extent of cluster 0, that is.</summary>
    public NtfsFoundAttribute? Find(NtfsAttributeType type, string name = "")
    {
        foreach (var attribute in Attributes)
        {
            if (attribute.Type == type && attribute.LowestVcn == 0 && attribute.Name == name)
                return attribute;
        }
        return null;
    }

    private string FirstName()
    {
        foreach (var attribute in Attributes)
        {
            if (attribute.Type == NtfsAttributeType.FileName && attribute.Attribute is { IsResident: true } name)
                return NtfsCollation.NameOf(name.Value).ToString();
        }
        return "";
    }
}

/// <summary>Finds the attributes of files, and holds attribute lists against the records that they name, both ways.</summary>
internal sealed class NtfsCheckerLists(NtfsCheckState state)
{
    private readonly List<NtfsPlace> _places = [];

    /// <summary>All attributes of a file but its attribute list.</summary>
    public NtfsCheckedFile Gather(NtfsRecord record, NtfsCheckerContents contents)
    {
        var file = new NtfsCheckedFile(record, []);
        Collect(record, file.Attributes);
        if (record.TryFind(NtfsAttributeType.AttributeList, "", out _))
        {
            _places.Clear();
            if (!ReadList(file, contents))
            {
                SetPartial(record);
            }
            else
            {
                CheckOrder(file);
                Follow(file);
            }
        }
        file.Attributes.RemoveAll(a => a.Type == NtfsAttributeType.AttributeList);
        file.Attributes.Sort(Compare);
        return file;
    }

    private static void Collect(NtfsRecord record, List<NtfsFoundAttribute> found)
    {
        foreach (var attribute in record.Attributes)
            found.Add(new NtfsFoundAttribute(attribute.Type, attribute.Name.IsEmpty ? "" : attribute.Name.ToString(), attribute.LowestVcn, record, attribute.Offset));
    }

    // Ties are left in stored order: names have neither name nor cluster.
    private static int Compare(NtfsFoundAttribute a, NtfsFoundAttribute b)
    {
        var order = a.Type.CompareTo(b.Type);
        if (order == 0)
            order = string.CompareOrdinal(a.Name, b.Name);
        if (order == 0)
            order = a.LowestVcn.CompareTo(b.LowestVcn);
        if (order == 0)
            order = a.Record.Number.CompareTo(b.Record.Number);
        return order != 0 ? order : a.Offset.CompareTo(b.Offset);
    }

    private void Error(NtfsCheckedFile file, string code, string structure, long? offset, string message)
    {
        state.MarkWrongList(file.Base.Number);
        state.Error(code, structure, offset, message);
    }

    private void SetPartial(NtfsRecord record)
    {
        state.MarkWrongList(record.Number);
        state.Facts[record.Number].Flags |= NtfsFacts.Partial;
        state.IsIncomplete = true;
    }

    private bool ReadList(NtfsCheckedFile file, NtfsCheckerContents contents)
    {
        var list = file.Find(NtfsAttributeType.AttributeList);
        if (list is null)
        {
            Error(file, "NTFS-0120", $"{file.Structure}, $ATTRIBUTE_LIST", file.Base.Offset, "does not start at cluster 0");
            return false;
        }
        byte[]? bytes;
        if (list.Value.Attribute.IsResident)
        {
            bytes = list.Value.Attribute.Value.ToArray();
        }
        else
        {
            bytes = contents.ReadList(file, list.Value);
            if (bytes is null)
                return false;
        }
        if (NtfsAttributeList.Parse(bytes, _places) is { } problem)
        {
            Error(file, "NTFS-0110", $"{file.Structure}, $ATTRIBUTE_LIST", list.Value.Place, problem);
            return false;
        }
        for (var at = 0; at < bytes.Length;)
        {
            ref readonly var entry = ref OnDisk.View<NtfsAttributeListEntry>(bytes, at);
            if (entry.NameOffset != NtfsAttributeListEntry.NameStart)
            {
                Error(file, "NTFS-0121", $"{file.Structure}, $ATTRIBUTE_LIST", list.Value.Place, $"the entry at {at} has its name at {entry.NameOffset}, expected {NtfsAttributeListEntry.NameStart}");
                break;
            }
            at += entry.Length;
        }
        return true;
    }

    private void CheckOrder(NtfsCheckedFile file)
    {
        for (var i = 1; i < _places.Count; i++)
        {
            NtfsPlace before = _places[i - 1], place = _places[i];
            var order = before.Type.CompareTo(place.Type);
            if (order == 0)
                order = state.Upcase?.Compare(before.Name, place.Name) ?? 0;
            if (order == 0 && before.Name == place.Name)
                order = before.LowestVcn.CompareTo(place.LowestVcn);
            if (order <= 0)
                continue;
            Error(file, "NTFS-0121", $"{file.Structure}, $ATTRIBUTE_LIST", file.Base.Offset,
                $"{NtfsAttributeNames.Of(place.Type)} '{place.Name}' of cluster {place.LowestVcn} stands behind {NtfsAttributeNames.Of(before.Type)} '{before.Name}' of cluster {before.LowestVcn}");
            return;
        }
    }

    // Record by record: what the list says is there, and what is there.
    private void Follow(NtfsCheckedFile file)
    {
        _places.Sort((a, b) => a.Record.Record.CompareTo(b.Record.Record));
        var isBaseSeen = false;
        for (int first = 0, end; first < _places.Count; first = end)
        {
            for (end = first + 1; end < _places.Count && _places[end].Record.Record == _places[first].Record.Record; end++)
            {
            }
            var record = _places[first].Record.Record == file.Base.Number ? file.Base : Extension(file, _places[first].Record);
            isBaseSeen |= record == file.Base;
            if (record is null)
                continue;
            if (record != file.Base)
                Collect(record, file.Attributes);
            CheckSequences(file, record, first, end);
            Match(file, record, first, end);
        }
        if (!isBaseSeen)
            Error(file, "NTFS-0119", file.Structure, file.Base.Offset, "has an attribute list that does not name the record's own attributes");
    }

    private NtfsRecord? Extension(NtfsCheckedFile file, NtfsReference reference)
    {
        var structure = $"{file.Structure}, $ATTRIBUTE_LIST";
        SetOwned(reference.Record);
        if (!state.Facts.Has(reference.Record))
        {
            Error(file, "NTFS-0100", structure, file.Base.Offset, $"leads to record {reference.Record}, expected 0..{state.Facts.Count - 1}");
            SetPartial(file.Base);
            return null;
        }
        var record = state.Mft.Load(reference.Record, out var problem, out _);
        if (problem is not null)
        {
            // Told when the record itself is looked at, if it is in use.
            if (state.MftBitmap?[reference.Record] == false)
                Error(file, "NTFS-0111", structure, file.Base.Offset, $"leads to record {reference.Record}, which is free");
            SetPartial(file.Base);
            return null;
        }
        if (!record.IsInUse || record.Header.BaseRecord.Record != file.Base.Number)
        {
            Error(file, "NTFS-0111", structure, file.Base.Offset,
                $"leads to record {reference.Record}, which {(!record.IsInUse ? "is free" : record.IsBase ? "is a file of its own" : $"is of the file of record {record.Header.BaseRecord.Record}")}");
            SetPartial(file.Base);
            return null;
        }
        if (record.Header.BaseRecord.Sequence != file.Base.Header.SequenceNumber)
            state.Error("NTFS-0122", record.Structure, record.Offset + 0x20, $"is of the file {record.Header.BaseRecord.Value}, expected {file.Base.Reference}");
        return record;
    }

    private void SetOwned(long number)
    {
        if (state.Facts.Has(number))
            state.Facts[number].Flags |= NtfsFacts.Owned;
    }

    private void CheckSequences(NtfsCheckedFile file, NtfsRecord record, int first, int end)
    {
        for (var i = first; i < end; i++)
        {
            if (_places[i].Record == record.Reference)
                continue;
            Error(file, "NTFS-0104", $"{file.Structure}, $ATTRIBUTE_LIST", file.Base.Offset, $"leads to {_places[i].Record}, the record's sequence number is {record.Header.SequenceNumber}");
            return;
        }
    }

    private void Match(NtfsCheckedFile file, NtfsRecord record, int first, int end)
    {
        var named = new bool[end - first];
        foreach (var attribute in record.Attributes)
        {
            if (attribute.Type == NtfsAttributeType.AttributeList && record == file.Base)
                continue;
            var isNamed = false;
            for (var i = first; i < end && !isNamed; i++)
            {
                var place = _places[i];
                isNamed = !named[i - first] && place.Type == attribute.Type && place.Instance == attribute.Instance && place.LowestVcn == attribute.LowestVcn
                    && attribute.Name.SequenceEqual(place.Name);
                named[i - first] |= isNamed;
            }
            if (!isNamed)
                Error(file, "NTFS-0119", file.Structure, record.Offset + attribute.Offset, $"{NtfsAttributeNames.Of(attribute.Type)} '{attribute.Name}' in record {record.Number} is not in the attribute list");
        }
        for (var i = first; i < end; i++)
        {
            if (named[i - first])
                continue;
            var place = _places[i];
            SetPartial(file.Base);
            Error(file, "NTFS-0111", $"{file.Structure}, $ATTRIBUTE_LIST", file.Base.Offset, $"names {NtfsAttributeNames.Of(place.Type)} '{place.Name}' of cluster {place.LowestVcn} in record {record.Number}, where it is not");
        }
    }
}
