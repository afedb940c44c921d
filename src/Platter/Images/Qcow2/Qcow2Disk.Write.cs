using System.Buffers;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

// What changes the disk. Data goes to its place when this image alone refers to it; else to clusters taken anew, which nothing committed refers
// to, so it is written at once. The tables change in memory, and go home with the commit.
internal sealed partial class Qcow2Disk
{
    private Qcow2Space Space => _image.Space!;

    public override void Flush()
    {
        if (CanWrite)
            _image.Commit();
    }

    public override void Rollback()
    {
        if (!CanRollback)
            base.Rollback();
        _image.Rollback();
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => Put(offset, data, fresh: false);

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => Put(offset, data, fresh: true);

    protected override void WriteZerosCore(long offset, long length) => Clear(offset, length, zeros: true);

    protected override void DiscardCore(long offset, long length) => Clear(offset, length, zeros: false);

    /// <summary>Gives every cluster of an empty disk its place, without writing anything to it. Over a base there have to be subclusters, none of which is
    /// allocated then.</summary>
    internal void Preallocate()
    {
        _image.BeginEdit(0, 1);
        var subclusters = _image.Geometry.HasExtendedL2 && _image.Parent is null ? L2Entry.AllAllocated : 0;
        for (var offset = 0L; offset < _length;)
        {
            var table = WritableTable(offset);
            var clusters = (Math.Min(_length, offset - offset % _image.Geometry.TableSpan + _image.Geometry.TableSpan) - offset + ClusterSize - 1) / ClusterSize;
            var run = Space.TakeAtEnd(clusters);
            for (var i = 0L; i < run.Count; i++)
                _map.WriteEntry(_map.L2EntryOffset(table, offset + i * ClusterSize), L2Entry.Standard(run.Offset + i * ClusterSize, subclusters));
            offset += run.Count * ClusterSize;
        }
    }

    /// <summary>Enters a compressed cluster that lies in the file already.</summary>
    internal void EnterCompressed(long offset, L2Entry entry)
    {
        var table = WritableTable(offset);
        _map.WriteEntry(_map.L2EntryOffset(table, offset), entry);
    }

    private void Put(long offset, ReadOnlySpan<byte> data, bool fresh)
    {
        _image.BeginEdit(offset, data.Length);
        while (!data.IsEmpty)
        {
            var extent = _map.Find(offset, data.Length);
            var part = data[..(int)extent.Length];
            var done = extent.Kind switch
            {
                ClusterKind.Data when _image.DataFile is not null => PutData(extent.Offset, part, fresh),
                _ when ReadsAsZeros(extent, offset) && part.IndexOfAnyExcept((byte)0) < 0 => part.Length,
                _ when _image.DataFile is not null => PutExternal(offset, part),
                ClusterKind.Data when extent.IsCopied => PutInPlace(extent.Offset, part, fresh),
                ClusterKind.Data or ClusterKind.Compressed => 0,
                _ => PutAnew(offset, part),
            };
            if (done == 0)
                done = PutCluster(offset, part, fresh);
            offset += done;
            data = data[done..];
        }
    }

    // Into clusters that are there; 0 when the first of them has other owners.
    private int PutInPlace(long hostOffset, ReadOnlySpan<byte> part, bool fresh)
    {
        var first = hostOffset >> _image.Geometry.ClusterBits;
        var inCluster = hostOffset & (ClusterSize - 1);
        var clusters = Space.SameFreshness(first, (inCluster + part.Length + ClusterSize - 1) / ClusterSize);
        var count = 0L;
        while (count < clusters && Space.CountInUse(first + count) == 1)
            count++;
        if (count == 0)
            return 0;
        part = part[..(int)Math.Min(part.Length, count * ClusterSize - inCluster)];
        WriteHost(hostOffset, part, fresh || Space.IsFresh(hostOffset));
        return part.Length;
    }

    // Into new clusters, for clusters that are nowhere yet; 0 when the first of them has a place, though it may not count.
    private int PutAnew(long offset, ReadOnlySpan<byte> part)
    {
        var (unit, start) = (_image.Geometry.UnitSize, offset & -ClusterSize);
        var table = WritableTable(offset);
        var tableEnd = offset - offset % _image.Geometry.TableSpan + _image.Geometry.TableSpan;
        var wanted = (Math.Min(offset + part.Length, tableEnd) - start + ClusterSize - 1) / ClusterSize;
        var clusters = 0L;
        while (clusters < wanted && _map.ReadEntry(_map.L2EntryOffset(table, start + clusters * ClusterSize)) is { Offset: 0, IsCompressed: false })
            clusters++;
        if (clusters == 0)
            return 0;
        var run = Space.Take(clusters);
        try
        {
            part = part[..(int)Math.Min(part.Length, start + run.Count * ClusterSize - offset)];
            var (from, end) = (offset & -unit, (offset + part.Length + unit - 1) & -unit);
            Fill(from, (int)(offset - from), run.Offset + (from - start), run.IsZero);
            WriteHost(run.Offset + (offset - start), part, fresh: true);
            Fill(offset + part.Length, (int)(end - offset - part.Length), run.Offset + (offset + part.Length - start), run.IsZero);
            for (var i = 0L; i < run.Count; i++)
            {
                var cluster = start + i * ClusterSize;
                Enter(table, cluster, run.Offset + i * ClusterSize, (int)Math.Max(0, from - cluster), (int)Math.Min(ClusterSize, end - cluster));
            }
        }
        catch
        {
            Space.Release(run.Offset, run.Count * ClusterSize);
            throw;
        }
        return part.Length;
    }

    // Notes that the bytes from..end of a cluster are at a place of the file now.
    private void Enter(long table, long cluster, long hostOffset, int from, int end)
    {
        var at = _map.L2EntryOffset(table, cluster);
        var bits = 0UL;
        if (_image.Geometry.HasExtendedL2)
        {
            var unit = _image.Geometry.UnitSize;
            var mask = L2Entry.SubclusterMask(from / unit, (end - 1) / unit);
            bits = _map.ReadEntry(at).Subclusters & ~(mask << 32) | mask;
        }
        _map.WriteEntry(at, L2Entry.Standard(hostOffset, bits));
    }

    // Any single cluster, whatever it is now.
    private int PutCluster(long offset, ReadOnlySpan<byte> part, bool fresh)
    {
        var (start, inCluster) = (offset & -ClusterSize, (int)(offset & (ClusterSize - 1)));
        part = part[..Math.Min(part.Length, ClusterSize - inCluster)];
        var table = WritableTable(offset);
        var old = _map.ReadEntry(_map.L2EntryOffset(table, offset));
        var isOwn = !old.IsCompressed && old.Offset != 0 && Space.CountInUse(old.Offset >> _image.Geometry.ClusterBits) == 1;
        if (isOwn && _image.Geometry.HasExtendedL2)
            return PutUnits(table, old, offset, part, fresh);
        if (isOwn && !old.HasZeroFlag)
        {
            _map.WriteEntry(_map.L2EntryOffset(table, offset), old with { Descriptor = old.Descriptor | L2Entry.CopiedFlag });
            WriteHost(old.Offset + inCluster, part, fresh || Space.IsFresh(old.Offset));
            return part.Length;
        }
        var content = ArrayPool<byte>.Shared.Rent(ClusterSize);
        try
        {
            var cluster = content.AsSpan(0, ClusterSize);
            ReadPadded(start, cluster);
            part.CopyTo(cluster[inCluster..]);
            var run = Space.Take(1);
            WriteHost(run.Offset, cluster, fresh: true);
            _map.WriteEntry(_map.L2EntryOffset(table, offset), L2Entry.Standard(run.Offset, _image.Geometry.HasExtendedL2 ? L2Entry.AllAllocated : 0));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(content);
        }
        Release(old);
        return part.Length;
    }

    // Subclusters of a cluster that is this image's own: those that are there in place, the others filled up and added.
    private int PutUnits(long table, L2Entry old, long offset, ReadOnlySpan<byte> part, bool fresh)
    {
        var unit = _image.Geometry.UnitSize;
        var (start, inCluster) = (offset & -ClusterSize, (int)(offset & (ClusterSize - 1)));
        var (kind, count) = old.SubclusterRun(inCluster / unit);
        part = part[..Math.Min(part.Length, (inCluster / unit + count) * unit - inCluster)];
        if (kind == ClusterKind.Data)
        {
            WriteHost(old.Offset + inCluster, part, fresh || Space.IsFresh(old.Offset));
            _map.WriteEntry(_map.L2EntryOffset(table, offset), old with { Descriptor = old.Descriptor | L2Entry.CopiedFlag });
            return part.Length;
        }
        var (from, end) = (inCluster & -unit, (inCluster + part.Length + unit - 1) & -unit);
        Fill(start + from, inCluster - from, old.Offset + from, isZero: false);
        WriteHost(old.Offset + inCluster, part, fresh: true);
        Fill(offset + part.Length, end - inCluster - part.Length, old.Offset + inCluster + part.Length, isZero: false);
        Enter(table, start, old.Offset, from, end);
        return part.Length;
    }

    private void Clear(long offset, long length, bool zeros)
    {
        _image.BeginEdit(offset, length);
        for (var end = offset + length; offset < end;)
        {
            var extent = _map.Find(offset, end - offset);
            var inCluster = offset & (ClusterSize - 1);
            var step = Math.Min(ClusterSize - inCluster, end - offset);
            if (ReadsAsZeros(extent, offset) || (!zeros && extent.Kind == ClusterKind.Unallocated))
                step = extent.Length;
            else if (_image.DataFile is not null)
                step = ClearExternal(offset, extent, zeros);
            else if (inCluster == 0 && (step == ClusterSize || offset + step == _length))
                ClearCluster(offset, (int)step, zeros);
            else if (zeros)
                Put(offset, new byte[step], fresh: false);
            offset += step;
        }
    }

    private void ClearCluster(long offset, int length, bool zeros)
    {
        var hasParent = _image.Parent is { } parent && offset < parent.Disk.Length;
        if (hasParent && _image.Geometry.Version < 3)
        {
            if (zeros)
                Put(offset, new byte[length], fresh: false);
            return;
        }
        var at = _map.L2EntryOffset(WritableTable(offset), offset);
        var old = _map.ReadEntry(at);
        _map.WriteEntry(at, !hasParent ? default : _image.Geometry.HasExtendedL2 ? new L2Entry(0, L2Entry.AllZero) : new L2Entry(L2Entry.ZeroFlag, 0));
        Release(old);
    }

    // The L2 table for a place of the disk, to be changed: new, or a copy of one that others use, where it has to be.
    private long WritableTable(long offset)
    {
        var table = _map.L2Table(offset);
        var isShared = table != 0 && Space.CountInUse(table >> _image.Geometry.ClusterBits) > 1;
        if (table != 0 && !isShared)
        {
            if ((_map.L1Entry(offset) & L2Entry.CopiedFlag) == 0)
                _image.Tables.Write(_map.L1EntryOffset(offset), (ulong)table | L2Entry.CopiedFlag);
            return table;
        }
        var run = Space.Take(1);
        if (isShared)
            _image.Tables.Copy(table, run.Offset, ClusterSize);
        else if (!run.IsZero)
            _image.Tables.Clear(run.Offset, ClusterSize);
        _image.Tables.Write(_map.L1EntryOffset(offset), (ulong)run.Offset | L2Entry.CopiedFlag);
        if (isShared)
            Space.Release(table, ClusterSize);
        return run.Offset;
    }

    private void Release(L2Entry old)
    {
        if (old.IsCompressed)
        {
            var (offset, length) = old.CompressedRange(_image.Geometry.ClusterBits);
            Space.Release(offset, length);
        }
        else if (old.Offset != 0)
        {
            Space.Release(old.Offset, ClusterSize);
        }
    }

    // Writes to a new place what the disk has at another: what a write leaves over of a cluster.
    private void Fill(long offset, int count, long hostOffset, bool isZero)
    {
        if (count == 0)
            return;
        var extent = _map.Find(offset, count);
        if (isZero && extent.Length == count && ReadsAsZeros(extent, offset))
            return;
        var buffer = ArrayPool<byte>.Shared.Rent(count);
        try
        {
            var content = buffer.AsSpan(0, count);
            ReadPadded(offset, content);
            if (!isZero || content.IndexOfAnyExcept((byte)0) >= 0)
                WriteHost(hostOffset, content, fresh: true);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void ReadPadded(long offset, Span<byte> buffer)
    {
        var there = (int)Math.Clamp(_length - offset, 0, buffer.Length);
        if (there > 0)
            ReadCore(offset, buffer[..there]);
        buffer[there..].Clear();
    }

    private void WriteHost(long offset, ReadOnlySpan<byte> data, bool fresh)
    {
        if (offset + data.Length > _image.Host.Length)
            ((Blocks.ResizableDevice)_image.Host).SetLength(offset + data.Length);
        if (fresh)
            _image.Host.WriteFresh(offset, data);
        else
            _image.Host.Write(offset, data);
    }

    private bool ReadsAsZeros(Extent extent, long offset) =>
        extent.Kind == ClusterKind.Zero || (extent.Kind == ClusterKind.Unallocated && (_image.Parent is not { } parent || offset >= parent.Disk.Length));
}
