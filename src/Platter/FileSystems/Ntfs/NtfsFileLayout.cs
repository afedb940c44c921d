using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Which attribute of a file goes to which record: all to the base record as long as it has room, then some to further records, with an
/// attribute list in the base record, resident or not.</summary>
/// <remarks>
/// $STANDARD_INFORMATION and the list itself stay in the base record, and of $MFT the first extent of its data. The largest goes first; names and the root
/// of an index only when nothing else is left.
/// </remarks>
internal sealed class NtfsFileLayout
{
    // A value of fewer bytes gains nothing by lying in clusters.
    private const int LeastSpilled = 96;

    // Further records that are looked at for being no longer needed.
    private const int MostGathered = 4;

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

    private int ListLength()
    {
        var length = 0;
        foreach (var held in _file.Held)
            length += NtfsAttributeList.EntryLength(held.Name);
        return length;
    }

    private bool IsListResident(int length) => NtfsAttributeBytes.ResidentLength("", length) <= Geometry.RecordSize / 2;

    // Of one that is not resident the most that its map takes, as long as it has a few runs.
    private int ListAttributeLength() => IsListResident(ListLength()) ? NtfsAttributeBytes.ResidentLength("", ListLength())
        : NtfsAttributeBytes.ExtentHead("", hasTotal: false) + Math.Max(64, _list.EncodedLength(0, _list.End) + 2 * NtfsRunList.MaxRunBytes) + 7 & ~7;

    // What has become small enough for the base record alone goes back there, with room to spare, so that the next change does not drive it out again.
    private void Gather()
    {
        if (_extensions.Count is 0 or > MostGathered || _file.Held.Count > MostGathered * 4 || _file.Number < NtfsMft.FirstFreeRecord)
            return;
        var used = 0;
        foreach (var held in _file.Held)
        {
            if (held.LowestVcn != 0)
                return;
            used += _file.Loaded(held).Bytes!.Length;
        }
        if (used > Room(_file.Number) * 3 / 4)
            return;
        foreach (var held in _file.Held)
        {
            if (held.Record == _file.Number || held.Record == NtfsHeld.Anywhere)
                continue;
            if (held.HasPlace)
                Touch(held.Record);
            (held.Record, held.Instance) = (NtfsHeld.Anywhere, NtfsHeld.NoInstance);
        }
        _isBaseTouched = true;
    }

    // Further records whose attributes have outgrown them, and attributes that are not for the base record.
    private void MakeRoomOutside()
    {
        foreach (var number in _extensions.Keys())
        {
            if (!_extensions[number].IsTouched)
                continue;
            Load((long)number);
            while (Used((long)number) > Room((long)number))
                MoveOut(Largest((long)number));
        }
        foreach (var held in _file.Held)
        {
            if (held.Record == NtfsHeld.Outside)
                MoveOut(held);
        }
    }

    private NtfsHeld Largest(long record)
    {
        NtfsHeld? largest = null;
        foreach (var held in _file.Held)
        {
            if (held.Record == record && (largest is null || held.Bytes!.Length > largest.Bytes!.Length))
                largest = held;
        }
        return largest!;
    }

    // The largest value in the base record that may as well lie in clusters goes there; the volume's own files are left as they are.
    private bool TrySpill()
    {
        NtfsHeld? largest = null;
        foreach (var held in _file.Held)
        {
            if ((held.Record == _file.Number || held.Record == NtfsHeld.Anywhere) && held.IsResident && held.Value.Length > LeastSpilled
                && held.Type is NtfsAttributeType.Data or NtfsAttributeType.Ea or NtfsAttributeType.SecurityDescriptor or NtfsAttributeType.ReparsePoint or NtfsAttributeType.Bitmap
                && (largest is null || held.Value.Length > largest.Value.Length))
                largest = held;
        }
        if (largest is null)
            return false;
        _file.Open(largest.Type, largest.Name)!.Spill();
        return true;
    }

    private NtfsHeld Victim()
    {
        NtfsHeld? victim = null;
        var best = 0;
        foreach (var held in _file.Held)
        {
            if ((held.Record != _file.Number && held.Record != NtfsHeld.Anywhere) || held.Type == NtfsAttributeType.StandardInformation
                || (_file.Number == NtfsMft.MftRecord && held is { Type: NtfsAttributeType.Data, LowestVcn: 0 }))
                continue;
            var worth = held.Bytes!.Length + (held.Type switch
            {
                NtfsAttributeType.IndexRoot => 0,
                NtfsAttributeType.FileName => Geometry.RecordSize,
                _ => 2 * Geometry.RecordSize,
            });
            if (worth > best)
                (victim, best) = (held, worth);
        }
        return victim ?? throw new UnsupportedFeatureException($"record {_file.Number} has more attributes than its list of attributes leaves room for");
    }

    // To the further record made last, if it has room; else to a new one.
    private void MoveOut(NtfsHeld held)
    {
        if (held.HasPlace)
            Touch(held.Record);
        held.Record = NtfsHeld.Outside;
        var last = -1L;
        foreach (var number in _extensions.Keys())
            last = Math.Max(last, (long)number);
        if (last >= 0)
        {
            Load(last);
            if (Used(last) + held.Bytes!.Length <= Room(last))
            {
                Put(held, last);
                return;
            }
        }
        var record = State.Records.Take(_file.Reference, NtfsRecordFlags.InUse);
        _extensions[(ulong)record.Number] = new Extension { Reference = record.Reference, Record = record };
        Put(held, record.Number);
    }

    private void Put(NtfsHeld held, long record)
    {
        held.Record = record;
        held.Instance = NtfsHeld.NoInstance;
        Touch(record);
    }

    // Further records in which nothing is left.
    private void DropEmpty()
    {
        foreach (var number in _extensions.Keys())
        {
            var extension = _extensions[number];
            if (!extension.IsTouched || Used((long)number) > 0)
                continue;
            State.Records.Release(extension.Record!);
            _extensions.Remove(number);
            _isBaseTouched = true;
        }
    }

    private void WriteBase(int? links)
    {
        byte[]? list = null;
        ushort next = _file.Base.Header.NextInstance;
        if (NeedsList)
        {
            // Instance numbers go into the list: those of the base record must be known first.
            next = Number(_file.Base, next);
            list = ListAttribute();
            _hasList = true;
        }
        else if (_hasList)
        {
            ReleaseList();
            _hasList = false;
        }
        _file.Base = Write(_file.Base, next, list, links);
    }

    private byte[] ListAttribute()
    {
        var value = new byte[ListLength()];
        if (value.Length > NtfsAttributeListEntry.MaxListLength)
            throw new UnsupportedFeatureException($"record {_file.Number} would need an attribute list of {value.Length} bytes: NTFS has at most {NtfsAttributeListEntry.MaxListLength}");
        var at = 0;
        foreach (var held in _file.Held)
        {
            var reference = held.Record == _file.Number ? _file.Reference : _extensions[(ulong)held.Record].Reference;
            at += NtfsAttributeList.Write(value.AsSpan(at), new NtfsPlace(held.Type, held.Name, held.LowestVcn, reference, held.Instance));
        }
        if (IsListResident(value.Length))
        {
            ReleaseList();
            return NtfsAttributeBytes.Resident(NtfsAttributeType.AttributeList, "", value);
        }
        while (_list.End << Geometry.ClusterShift < value.Length)
        {
            // With room for what is to come: the list's own map must not get long.
            var missing = Geometry.ClustersFor(value.Length + value.Length / 2) - _list.End;
            var run = State.Space.Take(_list.Count == 0 ? -1 : _list[_list.Count - 1].Lcn + _list[_list.Count - 1].Count, missing);
            _list.Add(run.Start, run.Length);
        }
        for (var done = 0; done < value.Length;)
        {
            var run = _list.Find((long)done >> Geometry.ClusterShift)!.Value;
            var within = done - (run.Vcn << Geometry.ClusterShift);
            var part = (int)Math.Min(value.Length - done, (run.Count << Geometry.ClusterShift) - within);
            State.Changes.Write((run.Lcn << Geometry.ClusterShift) + within, value.AsSpan(done, part));
            done += part;
        }
        var sizes = new NtfsSizes(NtfsAttributeFlags.None, 0, _list.End << Geometry.ClusterShift, value.Length, value.Length, 0);
        var bytes = NtfsAttributeBytes.Extent(NtfsAttributeType.AttributeList, "", _list, 0, _list.End, sizes, Geometry.RecordSize, out var reached);
        return reached == _list.End ? bytes : throw new UnsupportedFeatureException($"record {_file.Number} has an attribute list in too many pieces");
    }

    private void ReleaseList()
    {
        foreach (var run in _list.Runs)
            State.Space.Release(run.Lcn, run.Count);
        _list.Truncate(0);
    }

    // Attributes of a record that have no number yet get one that no other of them has.
    private ushort Number(NtfsRecord record, ushort next)
    {
        foreach (var held in _file.Held)
        {
            if (held.Record == record.Number && held.Instance == NtfsHeld.NoInstance)
                held.Instance = FreeNumber(record, ref next);
        }
        return next;
    }

    private ushort FreeNumber(NtfsRecord record, ref ushort next)
    {
        while (next == NtfsHeld.NoInstance || IsTaken(record, next))
            next = (ushort)(next == NtfsHeld.NoInstance ? 0 : next + 1);
        return next++;
    }

    private bool IsTaken(NtfsRecord record, ushort number)
    {
        foreach (var held in _file.Held)
        {
            if (held.Record == record.Number && held.Instance == number)
                return true;
        }
        return false;
    }

    private NtfsRecord Write(NtfsRecord record, ushort next, byte[]? list, int? links)
    {
        var bytes = new byte[Geometry.RecordSize];
        int at = record.Header.AttributesOffset;
        record.Bytes.AsSpan(0, at).CopyTo(bytes);
        next = Number(record, next);
        foreach (var held in _file.Held)
        {
            if (held.Record != record.Number)
                continue;
            if (list is not null && held.Type > NtfsAttributeType.AttributeList)
            {
                Put(list, FreeNumber(record, ref next));
                list = null;
            }
            Put(held.Bytes!, held.Instance);
        }
        ref var head = ref OnDisk.Edit<NtfsRecordHeader>(bytes);
        OnDisk.Edit<U32Le>(bytes, at) = (uint)NtfsAttributeType.End;
        OnDisk.Edit<U32Le>(bytes, at + 4) = NtfsAttributeHeader.EndFiller;
        head.BytesInUse = (uint)(at + NtfsAttributeHeader.EndSize);
        head.NextInstance = next;
        head.LinkCount = (ushort)(links ?? head.LinkCount);
        return State.Records.Write(new NtfsRecord(record.Number, bytes, record.Offset));

        void Put(byte[] attribute, ushort instance)
        {
            attribute.CopyTo(bytes, at);
            OnDisk.Edit<NtfsAttributeHeader>(bytes, at).Instance = instance;
            at += attribute.Length;
        }
    }
}
