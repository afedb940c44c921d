namespace Platter.FileSystems.Ntfs;

// The attributes that are made of what has changed, at the end of an edit: a value, or extents in as many records as their map needs.
internal sealed partial class NtfsContentEditor
{
    /// <summary>Makes attributes of what has changed.</summary>
    public void Seal()
    {
        if (!_isChanged)
            return;
        _isChanged = false;
        var held = _file.Extents(Type, Name);
        if (_value is not null)
        {
            _file.Replace(held[0], NtfsAttributeBytes.Resident(Type, Name, _value, Flags));
            for (var i = 1; i < held.Count; i++)
                _file.Remove(held[i]);
        }
        else
        {
            SealRuns(held);
        }
        (_changedFrom, _changedTo) = (long.MaxValue, 0);
    }

    private void SealRuns(List<NtfsHeld> held)
    {
        var sizes = Sizes;
        var first = _file.Loaded(held[0]);
        if (first.IsResident || HasTotal(first) != sizes.HasTotal)
            _changedFrom = 0;
        _changedTo = Math.Max(_changedTo, _changedFrom == 0 ? 1 : 0);
        for (var i = 0; i < held.Count; i++)
        {
            var (from, next) = (held[i].LowestVcn, i + 1 < held.Count ? held[i + 1].LowestVcn : long.MaxValue);
            if (_changedFrom >= next || _changedTo <= from)
                continue;
            if (from >= Runs.End && i > 0)
            {
                _file.Remove(held[i]);
                continue;
            }
            // An extent ends where it did, unless it has grown out of its record: then others follow.
            var to = Math.Min(next, Runs.End);
            _file.Replace(held[i], NtfsAttributeBytes.Extent(Type, Name, Runs, from, to, sizes, Most(from), out var reached));
            while (reached < to)
            {
                var start = reached;
                _file.Add(Type, Name, start, NtfsAttributeBytes.Extent(Type, Name, Runs, start, to, sizes, Most(start), out reached), isOutside: true);
            }
        }
        var bytes = first.Bytes!.ToArray();
        NtfsAttributeBytes.WriteSizes(bytes, sizes);
        if (!bytes.AsSpan().SequenceEqual(first.Bytes))
            _file.Replace(first, bytes);
    }

    // The MFT's own first extent shares record 0 with what else has to be there.
    private int Most(long from) => _file.Number == NtfsMft.MftRecord && from == 0 && Type == NtfsAttributeType.Data ? Geometry.RecordSize * 3 / 8 : _file.Layout.MostAlone;

    private static bool HasTotal(NtfsHeld first)
    {
        Parse(first.Bytes!, out var attribute);
        return attribute.HasTotalAllocated;
    }

    private void MapChanged(long from, long to)
    {
        _changedFrom = Math.Min(_changedFrom, from);
        _changedTo = Math.Max(_changedTo, to);
    }
}
