namespace Platter.FileSystems.Ntfs;

// The clusters that content has: taken where there are none, filled and cleared, given back; and where a byte lies on the volume.
internal sealed partial class NtfsContentEditor
{
    /// <summary>Clusters of a gap that becomes a hole rather than zeros.</summary>
    private const int LeastHole = 16;

    // Bytes of zeros from which on they are not worth writing one by one; and those that are written together with what is before them.
    private const int MostZeros = 1 << 16, MostPadding = 1 << 12;

    /// <summary>Where the first clusters should lie; below 0 where that does not matter.</summary>
    public long Goal { get; set; } = -1;

    /// <summary>Takes clusters for a range where there are none; what of them is not written now is cleared.</summary>
    /// <param name="first">The first cluster; at most the first that is not mapped.</param>
    /// <param name="behind">The first one behind.</param>
    /// <param name="offset">Where the bytes start that will be written.</param>
    /// <param name="end">Where they end.</param>
    public void Allocate(long first, long behind, long offset, long end)
    {
        for (var vcn = first; vcn < behind;)
        {
            var run = Runs.Find(vcn);
            if (run is { IsHole: false })
            {
                vcn = run.Value.End;
                continue;
            }
            var wanted = Math.Min(behind, run?.End ?? long.MaxValue) - vcn;
            var goal = vcn > 0 && Runs.Find(vcn - 1) is { IsHole: false } before ? before.Lcn + 1 : Goal;
            var taken = Type == NtfsAttributeType.IndexAllocation ? State.Space.TakeForIndex(goal, wanted) : State.Space.Take(goal, wanted);
            if (run is null)
                Runs.Add(taken.Start, taken.Length);
            else
                Runs.Replace(vcn, taken.Length, taken.Start);
            MapChanged(Math.Max(0, vcn - 1), vcn + taken.Length);
            long from = vcn << Geometry.ClusterShift, to = vcn + taken.Length << Geometry.ClusterShift;
            Zero(from, Math.Min(to, offset));
            Zero(Math.Max(from, end), to);
            vcn += taken.Length;
        }
    }

    // Only data has holes, and only where they are worth while.
    private bool TryAddHole(long end)
    {
        if (Type != NtfsAttributeType.Data || _file.Number < NtfsMft.FirstFreeRecord || (!IsSparse && !IsCompressed && end - Runs.End < LeastHole))
            return false;
        MapChanged(Math.Max(0, Runs.End - 1), end);
        Runs.Add(NtfsRun.Hole, end - Runs.End);
        if (!IsSparse && !IsCompressed)
        {
            Flags |= NtfsAttributeFlags.Sparse;
            NtfsStandard.Edit(_file, static (ref NtfsStandardInformation information) => information.Attributes |= (uint)DosAttributes.Sparse);
        }
        return true;
    }

    /// <summary>Takes all of the content of a new file: into its record or compressed at once, else room is made for it.</summary>
    /// <returns>This, when the content is still to be put: see <see cref="PutWhole"/>.</returns>
    public NtfsContentEditor? TryPrepareWhole(ReadOnlySpan<byte> content)
    {
        if (TryWriteAtOnce(0, content))
            return null;
        // The last cluster is filled up with zeros when the content is put.
        var clusters = Geometry.ClustersFor(content.Length);
        Allocate(0, clusters, 0, clusters << Geometry.ClusterShift);
        Length = Initialized = content.Length;
        return this;
    }

    /// <summary>Puts the content that <see cref="TryPrepareWhole"/> made room for, and zeros to the end of its last cluster.</summary>
    public void PutWhole(ReadOnlySpan<byte> content)
    {
        foreach (var run in Runs.Runs)
        {
            var from = run.Vcn << Geometry.ClusterShift;
            var (place, length) = (run.Lcn << Geometry.ClusterShift, run.Count << Geometry.ClusterShift);
            var isFresh = State.Space.IsFresh(run.Lcn, run.Count);
            var part = content[(int)from..(int)Math.Min(content.Length, from + length)];
            if (length - part.Length is > 0 and <= MostPadding)
            {
                var padded = new byte[length];
                part.CopyTo(padded);
                State.Changes.WriteContent(place, padded, isFresh);
                continue;
            }
            State.Changes.WriteContent(place, part, isFresh);
            Zero(from + part.Length, from + length);
        }
    }

    private void Cut(long end)
    {
        for (var i = Runs.IndexOf(end); i >= 0 && i < Runs.Count; i++)
        {
            var run = Runs[i];
            var kept = Math.Max(0, end - run.Vcn);
            if (!run.IsHole)
                State.Space.Release(run.Lcn + kept, run.Count - kept);
        }
        if (end < Runs.End)
            MapChanged(Math.Max(0, end - 1), long.MaxValue);
        Runs.Truncate(end);
    }

    // Holes stay.
    private void Zero(long from, long end)
    {
        while (from < end)
        {
            var (place, count) = Place(from, (int)Math.Min(end - from, int.MaxValue));
            if (place >= 0 && count > MostZeros)
                State.Changes.WriteZeroContent(place, count);
            else if (place >= 0)
                State.Changes.WriteContent(place, new byte[count], State.Space.IsFreshRange(place, count));
            from += count;
        }
    }

    // Where a part of the content is on the volume, and how much of it lies there in one piece.
    private (long Place, int Count) Place(long offset, int length)
    {
        var run = Runs.Find(offset >> Geometry.ClusterShift)
            ?? throw new DiskFormatException("NTFS-0201", Structure, -1, $"cluster {offset >> Geometry.ClusterShift} is not mapped, expected below {Runs.End}");
        var within = offset - (run.Vcn << Geometry.ClusterShift);
        var count = (int)Math.Min(length, (run.Count << Geometry.ClusterShift) - within);
        var place = run.IsHole ? -1 : (run.Lcn << Geometry.ClusterShift) + within;
        return place + count <= State.Changes.Length ? (place, count)
            : throw new DiskFormatException("NTFS-0202", Structure, place, $"is behind the end of the device at {State.Changes.Length} bytes");
    }
}
