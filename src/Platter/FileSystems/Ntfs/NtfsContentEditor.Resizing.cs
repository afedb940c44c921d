namespace Platter.FileSystems.Ntfs;

// Content that goes with the volume's length: $Bitmap, and the hole that $BadClus:$Bad is.
internal sealed partial class NtfsContentEditor
{
    /// <summary>Takes clusters over, behind its own, that are marked by the caller; or adds a hole.</summary>
    public void AddClusters(long lcn, long count)
    {
        Changed();
        MapChanged(Math.Max(0, Runs.End - 1), Runs.End + count);
        Runs.Add(lcn, count);
    }

    /// <summary>Cuts the content off at a cluster. Those behind it are not given back: the volume has them no more.</summary>
    public void DropClusters(long end)
    {
        if (end >= Runs.End)
            return;
        Changed();
        MapChanged(Math.Max(0, end - 1), long.MaxValue);
        Runs.Truncate(end);
        Length = Math.Min(Length, end << Geometry.ClusterShift);
        Initialized = Math.Min(Initialized, Length);
    }

    /// <summary>Takes another map of the same length. What is in the clusters, and the old ones, are the caller's care.</summary>
    /// <param name="runs">The map; not to be changed any more.</param>
    /// <param name="from">The first cluster that has moved.</param>
    /// <param name="to">Behind the last one.</param>
    public void MoveTo(NtfsRunList runs, long from, long to)
    {
        Changed();
        MapChanged(from, to);
        Runs = runs;
    }
}
