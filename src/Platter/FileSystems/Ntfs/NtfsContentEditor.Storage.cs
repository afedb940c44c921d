using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

// Content that is stored in another form: compressed, plain, with holes or without.
internal sealed partial class NtfsContentEditor
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Compresses what there is, or unpacks it, into other clusters; what is written later is in the same form.</summary>
    public void SetCompressed(bool value)
    {
        if (((Flags & NtfsAttributeFlags.CompressionMask) != 0) == value)
            return;
        RequireOpen();
        Changed();
        if (IsResident)
            Flags = Flags & ~NtfsAttributeFlags.CompressionMask | (value ? NtfsAttributeFlags.Compressed : NtfsAttributeFlags.None);
        else if (value)
            Pack();
        else
            Unpack();
    }

    /// <summary>Lets it have holes, or fills those that it has.</summary>
    public void SetSparse(bool value)
    {
        if (IsSparse == value)
            return;
        RequireOpen();
        Changed();
        if (value)
        {
            // The attribute is one of clusters.
            Spill();
            Flags |= NtfsAttributeFlags.Sparse;
        }
        else
        {
            if (!IsResident && !IsCompressed)
                Fill();
            Flags &= ~NtfsAttributeFlags.Sparse;
        }
        Changed();
        MapChanged(0, 1);
    }

    /// <summary>Gives back the clusters that lie wholly within a range, which is a hole from then on. The rest of it is for <see cref="Clear"/>.</summary>
    /// <param name="offset">Where it starts, in bytes.</param>
    /// <param name="end">The first byte behind it; at most the length.</param>
    /// <returns>False: nothing was done, and zeros are to be written.</returns>
    public bool TryPunch(long offset, long end)
    {
        RequireOpen();
        if (IsResident || IsCompressed)
            return false;
        var first = Geometry.ClustersFor(offset);
        var behind = end == Length ? Geometry.ClustersFor(end) : end >> Geometry.ClusterShift;
        if (first >= behind)
            return true;
        Changed();
        for (var vcn = first; vcn < behind;)
        {
            var run = Runs.Find(vcn)!.Value;
            var count = Math.Min(run.End, behind) - vcn;
            if (!run.IsHole)
                State.Space.Release(run.Lcn, count);
            vcn += count;
        }
        Runs.Replace(first, behind - first, NtfsRun.Hole);
        MapChanged(Math.Max(0, first - 1), behind + 1);
        if (!IsSparse)
        {
            Flags |= NtfsAttributeFlags.Sparse;
            NtfsStandard.Edit(_file, static (ref NtfsStandardInformation information) => information.Attributes |= (uint)DosAttributes.Sparse);
        }
        return true;
    }

    /// <summary>Zeros what of a range lies in clusters and was ever written.</summary>
    public void Clear(long offset, long end) => Zero(offset, Math.Min(end, Initialized));

    // Unit by unit: each is read in its old form before it gets new clusters.
    private void Pack()
    {
        if (Geometry.ClusterSize > NtfsCompressionUnit.MaxClusterSize)
            throw new UnsupportedFeatureException($"{Structure}: Windows compresses on clusters of at most {NtfsCompressionUnit.MaxClusterSize} bytes, not {Geometry.ClusterSize}");
        using var old = new NtfsStream(NtfsContent.OfMap(State.Changes, Geometry, Structure, Runs, Sizes), Length);
        var unitSize = 1 << NtfsCompressionUnit.Shift + Geometry.ClusterShift;
        Cut(Geometry.ClustersFor(Length));
        Flags |= NtfsAttributeFlags.Compressed;
        CompressionUnit = NtfsCompressionUnit.Shift;
        var packer = new NtfsCompressionUnit(unitSize, Geometry.ClusterSize);
        var (unit, freed) = (new byte[unitSize], new List<NtfsRun>());
        foreach (var number in UnitsInClusters(0, (Length + unitSize - 1) / unitSize))
        {
            var part = unit.AsSpan(0, old.ReadAt(number * unitSize, unit));
            packer.Pack(part, out var stored);
            PutUnit(number << CompressionUnit, stored, freed);
        }
        if (WholeUnits(Geometry.ClustersFor(Length)) is var clusters && clusters > Runs.End)
            TryAddHole(clusters);
        Initialized = Length;
        foreach (var run in freed)
            State.Space.Release(run.Lcn, run.Count);
        MapChanged(0, long.MaxValue);
    }

    private void Unpack()
    {
        var runs = new NtfsRunList();
        foreach (var run in Runs.Runs)
            runs.Add(run.Lcn, run.Count);
        using var old = new NtfsCompressedStream(NtfsContent.OfMap(State.Changes, Geometry, Structure, runs, Sizes));
        var length = Length;
        if (!IsSparse && !State.Space.HasRoom(Geometry.ClustersFor(length)))
            throw State.Space.Full(Geometry.ClustersFor(length));
        Runs.Truncate(0);
        Flags &= ~NtfsAttributeFlags.CompressionMask;
        (CompressionUnit, Length, Initialized) = (0, 0, 0);
        MapChanged(0, long.MaxValue);
        var chunk = new byte[Math.Max(ChunkBytes, Geometry.ClusterSize)];
        foreach (var range in IsSparse ? old.DataRanges() : [new ByteRange(0, length)])
        {
            for (var offset = range.Offset; offset < range.End; offset += chunk.Length)
            {
                var part = chunk.AsSpan(0, old.ReadAt(offset, chunk.AsSpan(0, (int)Math.Min(chunk.Length, range.End - offset))));
                Prepare(offset, offset + part.Length);
                Put(offset, part, isContent: true);
            }
        }
        if (length > Length)
            SetLength(length);
        foreach (var run in runs.Runs)
        {
            if (!run.IsHole)
                State.Space.Release(run.Lcn, run.Count);
        }
    }

    private void Fill()
    {
        var missing = Runs.End - Runs.Allocated;
        if (!State.Space.HasRoom(missing))
            throw State.Space.Full(missing);
        Allocate(0, Runs.End, 0, 0);
    }
}
