namespace Platter.FileSystems.Ntfs;

// Content compressed with LZNT1: whatever touches a unit of 16 clusters puts the whole unit into new clusters, so that the old ones are as they were
// should the edit fail.
internal sealed partial class NtfsContentEditor
{
    /// <summary>Writes what needs no second step: into the record, or compressed.</summary>
    /// <returns>False: neither holds, and nothing was done.</returns>
    public bool TryWriteAtOnce(long offset, ReadOnlySpan<byte> data)
    {
        RequireOpen();
        if (_value is not null && !FitsRecord(Math.Max(Length, offset + data.Length)))
            Spill();
        if (IsCompressed)
        {
            WriteCompressed(offset, data);
            return true;
        }
        if (!IsResident)
            return false;
        Prepare(offset, offset + data.Length);
        Put(offset, data, isContent: true);
        return true;
    }

    private long WholeUnits(long clusters) => IsCompressed ? (clusters + (1L << CompressionUnit) - 1) >> CompressionUnit << CompressionUnit : clusters;

    // A resident value that is marked so is compressed once it lies in clusters.
    private bool BeginCompressed()
    {
        if ((Flags & NtfsAttributeFlags.CompressionMask) != NtfsAttributeFlags.Compressed || Type != NtfsAttributeType.Data || Geometry.ClusterSize > NtfsCompressionUnit.MaxClusterSize)
            return false;
        CompressionUnit = NtfsCompressionUnit.Shift;
        (Length, Initialized) = (0, 0);
        return true;
    }

    private void ReadCompressed(long offset, Span<byte> buffer)
    {
        using var stream = Unpacked();
        stream.ReadAt(offset, buffer);
    }

    private NtfsCompressedStream Unpacked() => new(NtfsContent.OfMap(State.Changes, Geometry, Structure, Runs, Sizes));

    // Lengthens content that is compressed: all of it counts as written, since ntfs-3g adds to no other.
    private void GrowCompressed(long length)
    {
        var clusters = WholeUnits(Geometry.ClustersFor(length));
        if (clusters > Runs.End)
            TryAddHole(clusters);
        StoreCompressed(length, default, length);
    }

    private void WriteCompressed(long offset, ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
            StoreCompressed(offset, data, offset + data.Length);
    }

    private void StoreCompressed(long offset, ReadOnlySpan<byte> data, long end)
    {
        Changed();
        using var old = Unpacked();
        var unitSize = 1 << CompressionUnit + Geometry.ClusterShift;
        var packer = new NtfsCompressionUnit(unitSize, Geometry.ClusterSize);
        var (oldLength, freed) = (Length, new List<NtfsRun>());
        var length = Math.Max(oldLength, end);
        var unit = new byte[unitSize];

        // What was never written before the new bytes reads as zeros, whatever is in its clusters.
        foreach (var number in UnitsInClusters(Initialized / unitSize, data.IsEmpty ? (length + unitSize - 1) / unitSize : offset / unitSize))
            StoreUnit(number, []);
        for (var number = offset / unitSize; number * unitSize < end && !data.IsEmpty; number++)
            StoreUnit(number, data);
        Length = length;
        Initialized = Math.Max(Initialized, end);
        foreach (var run in freed)
            State.Space.Release(run.Lcn, run.Count);

        void StoreUnit(long number, ReadOnlySpan<byte> bytes)
        {
            var start = number * unitSize;
            var part = unit.AsSpan(0, (int)Math.Min(unitSize, length - start));
            part.Clear();
            if (start < oldLength)
                old.ReadAt(start, part[..(int)Math.Min(part.Length, oldLength - start)]);
            var (from, to) = (Math.Max(start, offset), Math.Min(start + unitSize, end));
            if (!bytes.IsEmpty)
                bytes[(int)(from - offset)..(int)(to - offset)].CopyTo(part[(int)(from - start)..]);
            packer.Pack(part, out var stored);
            PutUnit(number << CompressionUnit, stored, freed);
        }
    }

    private List<long> UnitsInClusters(long from, long behind)
    {
        var units = new List<long>();
        for (var number = from; number < behind && Runs.Find(number << CompressionUnit) is { } run;)
        {
            if (run.IsHole && run.End >= number + 1 << CompressionUnit)
            {
                number = run.End >> CompressionUnit;
                continue;
            }
            units.Add(number++);
        }
        return units;
    }

    private void PutUnit(long first, ReadOnlySpan<byte> stored, List<NtfsRun> freed)
    {
        var behind = first + (1L << CompressionUnit);
        MapChanged(Math.Max(0, Math.Min(first, Runs.End) - 1), behind);
        if (Runs.End < behind)
            Runs.Add(NtfsRun.Hole, behind - Runs.End);
        for (var vcn = first; vcn < behind;)
        {
            var run = Runs.Find(vcn)!.Value;
            var count = Math.Min(run.End, behind) - vcn;
            if (!run.IsHole)
                freed.Add(new NtfsRun(vcn, run.Lcn, count));
            vcn += count;
        }
        Runs.Replace(first, behind - first, NtfsRun.Hole);
        for (var vcn = first; !stored.IsEmpty;)
        {
            var goal = vcn > first ? Runs.Find(vcn - 1)!.Value.Lcn + 1 : -1;
            var taken = State.Space.Take(goal, stored.Length >> Geometry.ClusterShift);
            Runs.Replace(vcn, taken.Length, taken.Start);
            var part = stored[..(int)(taken.Length << Geometry.ClusterShift)];
            State.Changes.WriteContent(taken.Start << Geometry.ClusterShift, part, State.Space.IsFresh(taken.Start, taken.Length));
            stored = stored[part.Length..];
            vcn += taken.Length;
        }
    }
}
