using System.Buffers;

namespace Platter.Images.Qcow2;

// What changes a disk whose data lies in a file of its own. There each cluster has the place that it has on the disk, as QEMU does it
// (qcow2-cluster.c, do_alloc_cluster_offset) and the raw-external bit demands; so nothing is taken or given back, and no refcount stands for it.
internal sealed partial class Qcow2Disk
{
    private const int FillSize = 1 << 20;
    private const int SmallestHole = 64 << 10;      // bytes that are worth being given back to the host

    private bool IsRawData => (_image.Geometry.Autoclear & AutoclearFeatures.RawExternalData) != 0;

    /// <summary>Looks through all tables for data that lies elsewhere in the data file than on the disk: new data could come to lie over it.</summary>
    /// <exception cref="UnsupportedFeatureException">There is some.</exception>
    internal void CheckDataPlaces()
    {
        for (var offset = 0L; offset < _length; offset += _image.Geometry.TableSpan)
        {
            var table = _map.L2Table(offset);
            if (table == 0)
                continue;
            var end = Math.Min(_length, offset + _image.Geometry.TableSpan);
            for (var cluster = offset; cluster < end; cluster += ClusterSize)
            {
                var entry = _map.ReadEntry(_map.L2EntryOffset(table, cluster));
                if (entry.IsCompressed || (entry.Offset != 0 && entry.Offset != cluster))
                    throw new UnsupportedFeatureException($"the qcow2 image keeps what is at {cluster} of the disk elsewhere in its external data file; such an image can be read but not edited");
            }
        }
    }

    // Into a place that is there.
    private int PutData(long dataOffset, ReadOnlySpan<byte> part, bool fresh)
    {
        part = part[..(int)Math.Min(part.Length, Math.Max(0, _length - dataOffset))];
        if (fresh)
            _data.WriteFresh(dataOffset, part);
        else
            _data.Write(dataOffset, part);
        return part.Length;
    }

    // Into the places of clusters (or subclusters) that were zeros, or the parent's: nothing refers to them. But whoever looks at a raw data file
    // alone must see zeros there until the commit.
    private int PutExternal(long offset, ReadOnlySpan<byte> part)
    {
        var unit = _image.Geometry.UnitSize;
        var table = WritableTable(offset);
        var tableEnd = offset - offset % _image.Geometry.TableSpan + _image.Geometry.TableSpan;
        part = part[..(int)Math.Min(part.Length, tableEnd - offset)];
        var (from, end) = (offset & -unit, (offset + part.Length + unit - 1) & -unit);
        var isFresh = !IsRawData;
        FillExternal(from, offset, isFresh);
        FillExternal(offset + part.Length, Math.Min(end, _length), isFresh);
        _ = PutData(offset, part, isFresh);
        for (var cluster = from & -ClusterSize; cluster < end; cluster += ClusterSize)
            Enter(table, cluster, cluster, (int)Math.Max(0, from - cluster), (int)Math.Min(ClusterSize, end - cluster));
        return part.Length;
    }

    private void FillExternal(long from, long end, bool fresh)
    {
        if (from >= end)
            return;
        var buffer = ArrayPool<byte>.Shared.Rent((int)(end - from));
        try
        {
            var content = buffer.AsSpan(0, (int)(end - from));
            ReadPadded(from, content);
            _ = PutData(from, content, fresh);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // Places stay; what is cleared becomes a hole of the data file.
    private long ClearExternal(long offset, Extent extent, bool zeros)
    {
        if (extent.Kind == ClusterKind.Data)
        {
            // Discarded bytes would go with the commit; zeros are there at once, and stay.
            var length = Math.Min(extent.Length, _length - extent.Offset);
            if (zeros || length >= SmallestHole)
                _data.WriteZeros(extent.Offset, length);
            return extent.Length;
        }
        // The parent's bytes are hidden by zeros of this image's own.
        var step = (int)Math.Min(extent.Length, FillSize);
        Put(offset, new byte[step], fresh: false);
        return step;
    }
}
