using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// The records as they are written: their attributes, each with a number of its own, and the attribute list in the base record.
internal sealed partial class NtfsFileLayout
{
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
        next = FreeFrom(record, next);
        return next++;
    }

    // Behind the last number they begin anew.
    private ushort FreeFrom(NtfsRecord record, ushort number)
    {
        while (number == NtfsHeld.NoInstance || IsTaken(record, number))
            number = (ushort)(number == NtfsHeld.NoInstance ? 0 : number + 1);
        return number;
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
            if (held.Type > NtfsAttributeType.AttributeList)
                PutList();
            Put(held.Bytes!, held.Instance);
        }
        // Where everything behind it has moved out.
        PutList();
        ref var head = ref OnDisk.Edit<NtfsRecordHeader>(bytes);
        OnDisk.Edit<U32Le>(bytes, at) = (uint)NtfsAttributeType.End;
        OnDisk.Edit<U32Le>(bytes, at + 4) = NtfsAttributeHeader.EndFiller;
        head.BytesInUse = (uint)(at + NtfsAttributeHeader.EndSize);
        // Others give it away without looking whether it is free.
        head.NextInstance = FreeFrom(record, next);
        head.LinkCount = (ushort)(links ?? head.LinkCount);
        return State.Records.Write(new NtfsRecord(record.Number, bytes, record.Offset));

        void PutList()
        {
            if (list is not null)
                Put(list, FreeNumber(record, ref next));
            list = null;
        }

        void Put(byte[] attribute, ushort instance)
        {
            attribute.CopyTo(bytes, at);
            OnDisk.Edit<NtfsAttributeHeader>(bytes, at).Instance = instance;
            at += attribute.Length;
        }
    }
}
