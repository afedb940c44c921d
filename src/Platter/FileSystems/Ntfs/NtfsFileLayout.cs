using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Which attribute of a file goes to which record: all to the base record as long as it has room, then some to further records, with an
/// attribute list in the base record, resident or not.</summary>
/// <remarks>
/// $STANDARD_INFORMATION and the list itself stay in the base record, and of $MFT the first extent of its data. The largest goes first; names and the root
/// of an index only when nothing else is left.
/// </remarks>
internal sealed partial class NtfsFileLayout
{
    private readonly NtfsFileEditor _file;
    private readonly NumberMap<Extension> _extensions = new();
    private readonly NtfsRunList _list = new();         // of a list that is not resident
    private bool _hasList, _isBaseTouched;

    /// <summary>A further record of the file.</summary>
    private sealed class Extension
    {
        public required NtfsReference Reference { get; init; }
        public NtfsRecord? Record { get; set; }
        public bool IsTouched { get; set; }
    }

    public NtfsFileLayout(NtfsFileEditor file, NtfsFile source)
    {
        _file = file;
        _hasList = source.HasList;
        foreach (var place in source.Places)
        {
            if (place.Record.Record != source.Base.Number && !_extensions.ContainsKey((ulong)place.Record.Record))
                _extensions[(ulong)place.Record.Record] = new Extension { Reference = place.Record };
        }
        if (source.HasList && source.Base.TryFind(NtfsAttributeType.AttributeList, "", out var list) && !list.IsResident
            && _list.Decode(list.RunBytes, list.EndVcn, Geometry.ClusterCount) is { } problem)
            throw new DiskFormatException("NTFS-0200", source.Structure(NtfsAttributeType.AttributeList, ""), source.Base.Offset, problem);
    }

    private NtfsEditState State => _file.State;
    private NtfsGeometry Geometry => State.Geometry;

    /// <summary>Bytes that an attribute alone in a further record can take.</summary>
    public int MostAlone => Geometry.RecordSize - State.Records.AttributesOffset - NtfsAttributeHeader.EndSize;

    /// <summary>Reads the attributes of a further record.</summary>
    public void Load(long number)
    {
        if (number == _file.Number || !_extensions.TryGetValue((ulong)number, out var extension) || extension.Record is not null)
            return;
        var record = State.Volume.Mft.Read(extension.Reference);
        if (record.Header.BaseRecord.Record != _file.Number)
            throw new DiskFormatException("NTFS-0111", record.Structure, record.Offset, $"is of the file of record {record.Header.BaseRecord.Record}, and the attribute list of record {_file.Number} refers to it");
        var known = 0;
        foreach (var held in _file.Held)
        {
            if (held.Record != number)
                continue;
            foreach (var attribute in record.Attributes)
            {
                if (attribute.Type == held.Type && attribute.Instance == held.Instance && attribute.LowestVcn == held.LowestVcn && attribute.Name.SequenceEqual(held.Name))
                    held.Bytes = attribute.Bytes.ToArray();
            }
            if (held.Bytes is null)
                throw new DiskFormatException("NTFS-0111", record.Structure, record.Offset, $"has no attribute 0x{(uint)held.Type:X} '{held.Name}' number {held.Instance}, and the attribute list of record {_file.Number} refers to it");
            known++;
        }
        foreach (var attribute in record.Attributes)
            known--;
        if (known != 0)
            throw new DiskFormatException("NTFS-0111", record.Structure, record.Offset, $"has attributes that the attribute list of record {_file.Number} does not name");
        extension.Record = record;
    }

    /// <summary>Notes that a record has to be written anew.</summary>
    public void Touch(long number)
    {
        if (number == _file.Number)
            _isBaseTouched = true;
        else if (number >= 0)
            _extensions[(ulong)number].IsTouched = true;
    }

    public bool HasRoom(NtfsHeld? held, int length)
    {
        var record = held is null || !held.HasPlace ? _file.Number : held.Record;
        if (record != _file.Number)
            Load(record);
        var used = record == _file.Number ? UsedInBase() : Used(record);
        return used - (held?.Bytes?.Length ?? 0) + length <= Room(record);
    }

    /// <summary>Has the attribute list written anew, to other clusters, when some of its own lie behind an end.</summary>
    public void LeaveList(long end)
    {
        foreach (var run in _list.Runs)
        {
            if (run.Lcn + run.Count <= end)
                continue;
            ReleaseList();
            _isBaseTouched = true;
            _file.Changed();
            return;
        }
    }

    /// <summary>Gives every attribute its place and writes the records that change.</summary>
    public void Store(int? links)
    {
        Gather();
        MakeRoomOutside();
        while (UsedInBase() > Room(_file.Number))
        {
            if (!TrySpill())
                MoveOut(Victim());
        }
        foreach (var held in _file.Held)
        {
            if (held.HasPlace)
                continue;
            held.Record = _file.Number;
            _isBaseTouched = true;
        }
        DropEmpty();
        var isListChanged = false;
        foreach (var number in _extensions.Keys())
        {
            var extension = _extensions[number];
            if (!extension.IsTouched)
                continue;
            extension.Record = Write(extension.Record!, extension.Record!.Header.NextInstance, null, null);
            extension.IsTouched = false;
            isListChanged = true;
        }
        if (_isBaseTouched || isListChanged || links is not null)
            WriteBase(links);
        _isBaseTouched = false;
    }

    /// <summary>Gives up all records.</summary>
    public void Destroy()
    {
        foreach (var number in _extensions.Keys())
            State.Records.Release(State.Volume.Mft.Read(_extensions[number].Reference));
        ReleaseList();
        State.Records.Release(_file.Base);
    }

    private bool NeedsList
    {
        get
        {
            foreach (var held in _file.Held)
            {
                if (held.Record != _file.Number && held.Record != NtfsHeld.Anywhere)
                    return true;
            }
            return false;
        }
    }

    private int Room(long record) => Geometry.RecordSize - NtfsAttributeHeader.EndSize
        - (record == _file.Number ? _file.Base.Header.AttributesOffset : _extensions[(ulong)record].Record!.Header.AttributesOffset);

    private int Used(long record)
    {
        var used = 0;
        foreach (var held in _file.Held)
            used += held.Record == record ? held.Bytes!.Length : 0;
        return used;
    }

    private int UsedInBase()
    {
        var used = NeedsList ? ListAttributeLength() : 0;
        foreach (var held in _file.Held)
            used += held.Record == _file.Number || held.Record == NtfsHeld.Anywhere ? held.Bytes!.Length : 0;
        return used;
    }
}
