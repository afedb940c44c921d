namespace Platter.FileSystems.Ntfs;

// Which attribute goes where, when records have outgrown themselves or have become empty.
internal sealed partial class NtfsFileLayout
{
    // A value of fewer bytes gains nothing by lying in clusters.
    private const int LeastSpilled = 96;

    // Further records that are looked at for being no longer needed.
    private const int MostGathered = 4;

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
}
