using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What has an entry for each cluster of a volume whose length changes: $Bitmap, with all bits behind the last cluster set, so that nobody takes what is not there; and
/// $BadClus:$Bad, a hole of all clusters but the bad ones.</summary>
/// <param name="state">The volume, open with the clusters of the longer of both.</param>
/// <param name="before">Clusters that it has.</param>
/// <param name="clusters">Clusters that it shall have.</param>
internal sealed class NtfsResizedBitmap(NtfsEditState state, long before, long clusters)
{
    private const int TailBytes = 1 << 20;

    private readonly NtfsFileEditor _file = state.File(new NtfsReference(NtfsMft.BitmapRecord, 0));

    private NtfsContentEditor? _bitmap;
    private LongRange _own;     // new clusters that are $Bitmap's

    private NtfsGeometry Geometry => state.Geometry;

    /// <summary>Bytes that $Bitmap has for so many clusters.</summary>
    public static long LengthFor(long clusters) => (clusters + 63) / 64 * 8;

    /// <summary>$BadClus:$Bad; null when it is not there, or in its record, on volumes of which nobody keeps what is bad.</summary>
    public static NtfsContentEditor? OpenBad(NtfsEditState state) =>
        state.File(new NtfsReference(NtfsMft.BadClustersRecord, 0)).Open(NtfsAttributeType.Data, "$Bad") is { IsResident: false } bad ? bad : null;

    /// <summary>New clusters come. Those that $Bitmap itself needs are the first of them. All that may still be refused is done here, and nothing is written yet.</summary>
    public void Grow()
    {
        _bitmap = Open();
        // A longer one than is needed stays so.
        var length = Math.Max(_bitmap.Length, LengthFor(clusters));
        _own = new LongRange(before, Math.Max(0, Geometry.ClustersFor(length) - _bitmap.Runs.End));
        if (_own.Length > 0)
            _bitmap.AddClusters(_own.Start, _own.Length);
        _bitmap.SetSizes(length);
        if (OpenBad(state) is { } bad && bad.Runs.End < clusters)
        {
            bad.AddClusters(NtfsRun.Hole, clusters - bad.Runs.End);
            bad.SetLength(clusters << Geometry.ClusterShift);
        }
        RefreshNames();
    }

    /// <summary>The new clusters are free, after <see cref="Grow"/>. What is written here goes to where the copy of the boot sector was, on a device that need not be able to take it back.</summary>
    public void FreeNewClusters()
    {
        SetTail(_bitmap!);
        // Long runs of zeros are told to the device as such: many TiB have hundreds of MiB of bits.
        var first = Math.Min((before + 63) / 64 * 64, clusters);
        var end = Math.Max(clusters / 64 * 64, first);
        if (first < end)
            _bitmap!.Clear(first / 8, end / 8);
        state.Space.Grow(_bitmap!.Runs);
        state.Space.Mark(before, first - before, false);
        state.Space.Mark(end, clusters - end, false);
        if (_own.Length > 0)
            state.Space.Mark(_own.Start, _own.Length, true);
    }

    /// <summary>The last clusters go: nothing is taken there any more. What is still there is to move.</summary>
    public void Shrink()
    {
        var bitmap = Open();
        var length = Math.Min(bitmap.Length, LengthFor(clusters));
        var needless = new List<NtfsRun>();
        for (var at = Geometry.ClustersFor(length); bitmap.Runs.Find(at) is { } run; at = run.End)
            needless.Add(run);
        bitmap.DropClusters(Geometry.ClustersFor(length));
        bitmap.SetSizes(length);
        SetTail(bitmap);
        state.Space.Cut(clusters);
        foreach (var run in needless)
            state.Space.Release(run.Lcn, run.Count);
        OpenBad(state)?.DropClusters(clusters);
        RefreshNames();
    }

    private NtfsContentEditor Open()
    {
        var bitmap = _file.Open(NtfsAttributeType.Data)!;
        if (bitmap.IsCompressed || bitmap.Runs.Allocated != bitmap.Runs.End)
            throw new DiskFormatException("NTFS-0217", "$Bitmap", _file.Base.Offset, "is compressed, or has holes");
        return bitmap;
    }

    private void SetTail(NtfsContentEditor bitmap)
    {
        var first = clusters / 8;
        if (first >= bitmap.Length)
            return;
        var tail = new byte[Math.Min(bitmap.Length - first, TailBytes)];
        bitmap.Read(first, tail.AsSpan(0, 1));
        tail[0] |= (byte)(0xFF << (int)(clusters & 7));
        tail.AsSpan(1).Fill(0xFF);
        bitmap.Write(first, tail);
        tail[0] = 0xFF;
        // Of one that was longer than it had to be.
        for (var at = first + tail.Length; at < bitmap.Length; at += tail.Length)
            bitmap.Write(at, tail.AsSpan(0, (int)Math.Min(tail.Length, bitmap.Length - at)));
    }

    // The root's entry tells the sizes, too.
    private void RefreshNames() => new NtfsNames(state).RefreshStale([_file.Reference]);
}
