using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Makes a volume longer or shorter. Nothing moves: what is cut off must be free.</summary>
/// <remarks>
/// <para>What knows the volume's length: the sectors that the boot sector counts, with the copy of it behind the last of them; $Bitmap, whose bits behind the last
/// cluster are set; and $BadClus:$Bad, a hole of all clusters but the bad ones. All of it is one commit.</para>
/// <para>The volume is open with the clusters of the longer of both: a new boot sector is read first, or written last. New clusters that $Bitmap itself needs
/// are the first of those that come, so that a volume without a free cluster can grow.</para>
/// </remarks>
internal sealed class NtfsResizer
{
    // Either it was refused before, or it is given up.
    private const string UnusableLog = "NTFS-0017";

    private readonly BlockDevice _device;
    private readonly VolumeOptions _options;
    private readonly NtfsChanges _changes;
    private readonly NtfsVolume _before;
    private readonly NtfsGeometry _old;
    private readonly long _sectors, _clusters;      // of the volume as it will be

    private NtfsResizer(BlockDevice device, NtfsChanges changes, ResizeOptions options)
    {
        _device = device;
        _options = options.Volume;
        _changes = changes;
        _before = NtfsVolume.Open(_changes, _options);
        NtfsEditRefusals.Check(_before, device, _options);
        _old = _before.Geometry;
        var length = options.Length ?? device.Length;
        if (length > device.Length)
            throw new ArgumentException($"a volume of {length} bytes does not fit: there are {device.Length} for it");
        _sectors = (length - CopyLength) / _old.SectorSize;
        _clusters = length < CopyLength ? 0 : _sectors * _old.SectorSize >> _old.ClusterShift;
        if (_clusters > NtfsGeometry.MaxClusterCount)
            throw new ArgumentException($"{length} bytes are {_clusters} clusters of {_old.ClusterSize}, at most {NtfsGeometry.MaxClusterCount} are possible");
    }

    // A boot sector has 512 bytes also where sectors have 256.
    private int CopyLength => Math.Max(_old.SectorSize, NtfsBootSector.Size);

    private long NewLength => _sectors * _old.SectorSize;

    /// <summary>Bytes that $Bitmap has for so many clusters.</summary>
    private static long BitmapLength(long clusters) => (clusters + 63) / 64 * 8;

    /// <summary>Makes the volume as long as is wanted, and commits.</summary>
    /// <exception cref="ArgumentException">It does not fit the device; or what is in use does not fit it: the message has the least length.</exception>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">It is not edited as it is; or it is to be shorter, and a check finds errors.</exception>
    public static ResizeReport Resize(BlockDevice device, ResizeOptions options)
    {
        var complete = false;
        try
        {
            var report = new NtfsResizer(device, new NtfsChanges(device), options).Run();
            complete = true;
            return report;
        }
        finally
        {
            if (!complete && device.CanRollback)
                device.Rollback();
        }
    }

    private ResizeReport Run()
    {
        var report = new ResizeReport(_old.Length + CopyLength, NewLength + CopyLength);
        if (NewLength == _old.Length)
            return report;
        var state = _clusters >= _old.ClusterCount ? OpenGrown() : OpenToShrink();
        state.Begin();
        var bitmap = state.File(new NtfsReference(NtfsMft.BitmapRecord, 0));
        if (_clusters > _old.ClusterCount)
            Grow(state, bitmap);
        else if (_clusters < _old.ClusterCount)
            Shrink(state, bitmap);
        if (_clusters != _old.ClusterCount)
            new NtfsNames(state).RefreshStale([bitmap.Reference]);
        // Everything that can be refused has been.
        if (NtfsEditRefusals.EmptyLog(_before, _changes))
            NtfsEditRefusals.MarkDirty(state);
        state.Store();
        state.Keep();
        WriteBoot();
        // None of it is fresh: where the volume ended the old one has the copy of its boot sector.
        _changes.WriteBack(static (_, _) => false);
        state.Commit();
        return report;
    }

    private NtfsEditState OpenGrown()
    {
        PutSectors();
        return new NtfsEditState(NtfsVolume.Open(_changes, _options), _changes, _options, _old.ClusterCount);
    }

    private NtfsEditState OpenToShrink()
    {
        // What is cut off must be free beyond doubt.
        foreach (var finding in NtfsChecker.Check(_device, CheckOptions.Default with { Volume = _options }).Findings)
        {
            if (finding.Severity >= Severity.Error && finding.Code != UnusableLog)
                throw new UnsupportedFeatureException($"the volume has errors ({finding.Code} {finding.Structure}: {finding.Message}), and is not made shorter before it has been repaired");
        }
        return new NtfsEditState(_before, _changes, _options);
    }

    private void Grow(NtfsEditState state, NtfsFileEditor file)
    {
        var bitmap = OpenBitmap(file);
        // A longer one than is needed stays so.
        var length = Math.Max(bitmap.Length, BitmapLength(_clusters));
        var own = new LongRange(_old.ClusterCount, Math.Max(0, _old.ClustersFor(length) - bitmap.Runs.End));
        if (own.Length > 0)
            bitmap.AddClusters(own.Start, own.Length);
        bitmap.SetSizes(length);
        state.Space.Grow(bitmap.Runs);
        state.Space.Mark(_old.ClusterCount, _clusters - _old.ClusterCount, false);
        if (own.Length > 0)
            state.Space.Mark(own.Start, own.Length, true);
        SetTail(bitmap);
        if (OpenBad(state) is { } bad && bad.Runs.End < _clusters)
        {
            bad.AddClusters(NtfsRun.Hole, _clusters - bad.Runs.End);
            bad.SetLength(_clusters << _old.ClusterShift);
        }
    }

    private void Shrink(NtfsEditState state, NtfsFileEditor file)
    {
        var (bitmap, bad) = (OpenBitmap(file), OpenBad(state));
        var length = Math.Min(bitmap.Length, BitmapLength(_clusters));
        Shorten(bitmap, length, state.Space);
        var least = LeastClusters(state.Space, bad);
        if (_clusters < least)
        {
            var bytes = (least << _old.ClusterShift) + CopyLength;
            throw new ArgumentException($"cluster {least - 1} is in use: nothing is moved, and the volume can be {bytes} bytes long at least as it is");
        }
        // Nothing may be taken from there any more.
        state.Space.Mark(_clusters, _old.ClusterCount - _clusters, true);
        SetTail(bitmap);
        bad?.DropClusters(_clusters);
    }

    // The clusters of $Bitmap that it needs no more are often the last ones of what a volume grew by.
    private void Shorten(NtfsContentEditor bitmap, long length, NtfsSpace space)
    {
        var end = _old.ClustersFor(length);
        while (bitmap.Runs.Find(end) is { } run)
        {
            var kept = Math.Clamp(_clusters - run.Lcn, 0, run.Count);
            if (kept > 0)
                space.Release(run.Lcn, kept);
            if (kept < run.Count)
                space.Mark(run.Lcn + kept, run.Count - kept, false);
            end = run.End;
        }
        bitmap.DropClusters(_old.ClustersFor(length));
        bitmap.SetSizes(length);
    }

    private static NtfsContentEditor OpenBitmap(NtfsFileEditor file)
    {
        var bitmap = file.Open(NtfsAttributeType.Data)!;
        if (bitmap.IsCompressed || bitmap.Runs.Allocated != bitmap.Runs.End)
            throw new DiskFormatException("NTFS-0217", "$Bitmap", file.Base.Offset, "is compressed, or has holes");
        return bitmap;
    }

    // Not there, or in its record, on volumes of which nobody keeps what is bad.
    private static NtfsContentEditor? OpenBad(NtfsEditState state) =>
        state.File(new NtfsReference(NtfsMft.BadClustersRecord, 0)).Open(NtfsAttributeType.Data, "$Bad") is { IsResident: false } bad ? bad : null;

    // Up to the last cluster in use; bad ones are cut off like free ones.
    private static long LeastClusters(NtfsSpace space, NtfsContentEditor? bad)
    {
        var end = space.EndOfUse(long.MaxValue);
        for (var i = (bad?.Runs.Count ?? 0) - 1; i >= 0; i--)
        {
            // They stand in the order of the volume: cluster n of $Bad is cluster n.
            var run = bad!.Runs[i];
            if (!run.IsHole && run.Lcn + run.Count == end)
                end = space.EndOfUse(run.Lcn);
        }
        return end;
    }

    // All bits behind the last cluster, so that nobody takes what is not there.
    private void SetTail(NtfsContentEditor bitmap)
    {
        var first = _clusters / 8;
        if (first >= bitmap.Length)
            return;
        var tail = new byte[bitmap.Length - first];
        bitmap.Read(first, tail.AsSpan(0, 1));
        tail[0] |= (byte)(0xFF << (int)(_clusters & 7));
        tail.AsSpan(1).Fill(0xFF);
        bitmap.Write(first, tail);
    }

    private void PutSectors()
    {
        var field = new byte[sizeof(ulong)];
        OnDisk.Edit<U64Le>(field) = (ulong)_sectors;
        _changes.Write(System.Runtime.InteropServices.Marshal.OffsetOf<NtfsBootSector>(nameof(NtfsBootSector.TotalSectors)), field);
    }

    private void WriteBoot()
    {
        PutSectors();
        if (NewLength < _old.Length)
            ClearOldCopy();
        var sector = new byte[CopyLength];
        _changes.Read(0, sector);
        _changes.Write(NewLength, sector);
    }

    // Left at the end of the device it would be found there when the boot sector is lost, and bring the old length back.
    private void ClearOldCopy()
    {
        if (_old.Length + CopyLength > _device.Length)
            return;
        var copy = new byte[CopyLength];
        _changes.Read(_old.Length, copy);
        if (OnDisk.View<NtfsBootSector>(copy).Oem == NtfsBootSector.OemValue)
            _changes.Write(_old.Length, new byte[CopyLength]);
    }
}
