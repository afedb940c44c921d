using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Makes a volume longer or shorter. What lies behind the new end moves to free clusters before it.</summary>
/// <remarks>
/// <para>What knows the volume's length: the sectors that the boot sector counts, with the copy of it behind the last of them; $Bitmap and $BadClus (<see cref="NtfsResizedBitmap"/>). All of it
/// is one commit. What moves (<see cref="NtfsRelocation"/>) goes to clusters that were free, past the journal; first all maps are changed, in memory and, where that is too little, in the
/// uncommitted part of the journal, so that whatever is refused is refused before anything is written to the volume.</para>
/// <para>The volume is open with the clusters of the longer of both: a new boot sector is read first, or written last.</para>
/// </remarks>
internal sealed class NtfsResizer
{
    // Either it was refused before, or it is given up.
    private const string UnusableLog = "NTFS-0017";

    private readonly BlockDevice _device;
    private readonly ResizeOptions _options;
    private readonly NtfsChanges _changes;
    private readonly NtfsVolume _before;
    private readonly NtfsGeometry _old;
    private readonly long _sectors, _clusters;      // of the volume as it will be

    private NtfsResizer(BlockDevice device, NtfsChanges changes, ResizeOptions options)
    {
        _device = device;
        _options = options;
        _changes = changes;
        _before = NtfsVolume.Open(_changes, options.Volume);
        NtfsEditRefusals.Check(_before, device, options.Volume);
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

    /// <summary>Makes the volume as long as is wanted, and commits.</summary>
    /// <exception cref="ArgumentException">It does not fit the device; or what is in use does not fit it: the message has the least length.</exception>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">It is not edited as it is; or it is to be shorter, and a check finds errors.</exception>
    /// <exception cref="OperationCanceledException">It was asked to stop, and nothing has changed.</exception>
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
        if (NewLength != _old.Length)
        {
            if (_clusters >= _old.ClusterCount)
                Grow();
            else
                Shrink();
        }
        return new ResizeReport(_old.Length + CopyLength, NewLength + CopyLength);
    }

    private void Grow()
    {
        PutBoot(nameof(NtfsBootSector.TotalSectors), _sectors);
        var state = new NtfsEditState(NtfsVolume.Open(_changes, _options.Volume), _changes, _options.Volume, _old.ClusterCount);
        state.Begin();
        var bitmap = new NtfsResizedBitmap(state, _old.ClusterCount, _clusters);
        if (_clusters > _old.ClusterCount)
            bitmap.Grow();
        GiveLogUp(state);
        state.Store();
        // Everything that can be refused has been.
        if (_clusters > _old.ClusterCount)
            bitmap.FreeNewClusters();
        state.Store();
        state.Keep();
        NtfsEditRefusals.EmptyLog(_before, _changes, state.Space);
        WriteBoot();
        // None of it is fresh: where the volume ended the old one has the copy of its boot sector.
        _changes.WriteBack(static (_, _) => false);
        state.Commit();
    }

    private void Shrink()
    {
        RequireSound();
        // A device that cannot forget is left alone until it is known that all of it fits.
        if (!_device.CanRollback && !Fits(_clusters))
            throw IsTooShort();
        var (state, relocation) = TryPlan() ?? throw IsTooShort();
        relocation.Copy(_options);
        NtfsEditRefusals.EmptyLog(_before, _changes, state.Space);
        PutBoot(nameof(NtfsBootSector.TotalSectors), _sectors);
        PutBoot(nameof(NtfsBootSector.MftCluster), FirstCluster(state, NtfsMft.MftRecord));
        PutBoot(nameof(NtfsBootSector.MftMirrorCluster), FirstCluster(state, NtfsMft.MirrorRecord));
        WriteBoot();
        ClearOldCopy();
        RequireTable(state);
        state.Commit();
    }

    // What moves, and what is cut off, must be what it seems.
    private void RequireSound()
    {
        var options = CheckOptions.Default with { Volume = _options.Volume, Progress = _options.Progress, Cancellation = _options.Cancellation };
        foreach (var finding in NtfsChecker.Check(_device, options).Findings)
        {
            if (finding.Severity >= Severity.Error && finding.Code != UnusableLog)
                throw new UnsupportedFeatureException($"the volume has errors ({finding.Code} {finding.Structure}: {finding.Message}), and is not made shorter before it has been repaired");
        }
    }

    // All that can be refused; null when there is no room for what has to move.
    private (NtfsEditState State, NtfsRelocation Relocation)? TryPlan()
    {
        try
        {
            var state = new NtfsEditState(_before, _changes, _options.Volume);
            state.Begin();
            new NtfsResizedBitmap(state, _old.ClusterCount, _clusters).Shrink();
            GiveLogUp(state);
            state.Store();
            state.Keep();
            var relocation = new NtfsRelocation(state, _clusters);
            relocation.Plan(_options);
            return (state, relocation);
        }
        catch (Exception e) when (e is VolumeFullException or UnsupportedFeatureException)
        {
            return null;
        }
    }

    // Whether so many clusters suffice: planned, and dropped.
    private bool Fits(long clusters)
    {
        _options.Cancellation.ThrowIfCancellationRequested();
        var device = _device.CanRollback ? _device : new NtfsChanges(_device, isTrial: true);
        try
        {
            return clusters > 0 && new NtfsResizer(device, new NtfsChanges(device), _options with { Length = LengthOf(clusters) }).TryPlan() is not null;
        }
        finally
        {
            if (device.CanRollback)
                device.Rollback();
        }
    }

    private long LengthOf(long clusters) => (clusters << _old.ClusterShift) + CopyLength;

    private ArgumentException IsTooShort()
    {
        if (_device.CanRollback)
            _device.Rollback();
        var changes = new NtfsChanges(_device);
        var state = new NtfsEditState(NtfsVolume.Open(changes, _options.Volume), changes, _options.Volume);
        var least = new NtfsLeastLength(state, Fits).Find(_clusters);
        return new ArgumentException($"what is in use does not fit into {NewLength + CopyLength} bytes: the volume can be {LengthOf(least)} bytes long at least");
    }

    private void GiveLogUp(NtfsEditState state)
    {
        if (!_before.LogState.IsClean)
            NtfsEditRefusals.MarkDirty(state);
    }

    private static long FirstCluster(NtfsEditState state, long record) => state.File(new NtfsReference(record, 0)).Open(NtfsAttributeType.Data)!.Runs[0].Lcn;

    // Everything else hangs on it: that the new volume finds it is seen before the old one is given up.
    private void RequireTable(NtfsEditState state)
    {
        var wanted = state.File(new NtfsReference(NtfsMft.MftRecord, 0)).Open(NtfsAttributeType.Data)!;
        var found = NtfsMft.Open(_changes, NtfsGeometry.Read(_changes));
        if (found.IsFromMirror || found.Content.Length != wanted.Length || !found.Content.Runs.Runs.SequenceEqual(wanted.Runs.Runs))
            throw new DiskFormatException("NTFS-0112", "$MFT", found.Record0.Offset, "is not found where it was moved to");
    }

    private void PutBoot(string field, long value)
    {
        var bytes = new byte[sizeof(ulong)];
        OnDisk.Edit<U64Le>(bytes) = (ulong)value;
        _changes.Write(Marshal.OffsetOf<NtfsBootSector>(field), bytes);
    }

    private void WriteBoot()
    {
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
