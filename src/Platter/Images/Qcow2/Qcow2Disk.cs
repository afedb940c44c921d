using System.Buffers;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>The disk in a qcow2 image, or what one of its snapshots has kept of it: reading. What changes it is in the other half.</summary>
internal sealed partial class Qcow2Disk : BlockDevice
{
    // A run at least this long is worth asking the host whether it has holes.
    private const long LongRun = 1 << 20;

    private const int CachedBytes = 4 << 20;

    private readonly Qcow2Image _image;
    private readonly Qcow2Map _map;
    private readonly BlockDevice _data;
    private readonly long _length;
    private readonly bool _isSnapshot;
    private readonly LruCache<byte[]> _unpacked;      // decompressed clusters by their descriptor
    private readonly Lock _unpackedLock = new();

    /// <param name="image">Whose disk it is.</param>
    /// <param name="l1Offset">The L1 table.</param>
    /// <param name="l1Entries">Its length.</param>
    /// <param name="length">Bytes of the disk.</param>
    /// <param name="isSnapshot">Nothing changes it.</param>
    internal Qcow2Disk(Qcow2Image image, long l1Offset, int l1Entries, long length, bool isSnapshot)
    {
        _image = image;
        _data = image.DataFile ?? image.Host;
        _map = new Qcow2Map(image.Geometry, image.Tables, () => _data.Length, l1Offset, l1Entries);
        _length = length;
        _isSnapshot = isSnapshot;
        _unpacked = new LruCache<byte[]>(Math.Max(2, CachedBytes / image.Geometry.ClusterSize));
    }

    public override long Length => _length;
    public override bool CanWrite => !_isSnapshot && _image.CanEdit;
    public override bool CanRollback => CanWrite && _image.Host.CanRollback;

    internal Qcow2Map Map => _map;

    private int ClusterSize => _image.Geometry.ClusterSize;

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return Pieces(offset, length).Joined();
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length)
    {
        var extent = _map.Find(offset, length);
        var (file, from) = extent.Kind switch
        {
            ClusterKind.Data => (_data, extent.Offset),
            ClusterKind.Unallocated => (_image.Parent?.Disk, offset),
            _ => (null, 0L),
        };
        return file is not null && from < file.Length ? file.FindOnHost(from, Math.Min(extent.Length, file.Length - from)) : null;
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var extent = _map.Find(offset, buffer.Length);
            var part = buffer[..(int)extent.Length];
            switch (extent.Kind)
            {
                case ClusterKind.Data:
                    ReadData(extent.Offset, part);
                    break;
                case ClusterKind.Compressed:
                    ReadCompressed(extent.Entry, (int)(offset & (ClusterSize - 1)), part);
                    break;
                case ClusterKind.Unallocated:
                    ReadParent(offset, part);
                    break;
                default:
                    part.Clear();
                    break;
            }
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    private IEnumerable<ByteRange> Pieces(long offset, long length)
    {
        for (var end = offset + length; offset < end;)
        {
            var extent = _map.Find(offset, end - offset);
            switch (extent.Kind)
            {
                case ClusterKind.Data when extent.Length >= LongRun:
                    var within = Math.Min(extent.Length, Math.Max(0, _data.Length - extent.Offset));
                    foreach (var range in _data.AllocatedRanges(extent.Offset, within))
                        yield return range with { Offset = range.Offset - extent.Offset + offset };
                    break;
                case ClusterKind.Data or ClusterKind.Compressed:
                    yield return new ByteRange(offset, extent.Length);
                    break;
                case ClusterKind.Unallocated when _image.Parent is { } parent && offset < parent.Disk.Length:
                    foreach (var range in parent.Disk.AllocatedRanges(offset, Math.Min(extent.Length, parent.Disk.Length - offset)))
                        yield return range;
                    break;
                default:
                    break;
            }
            offset += extent.Length;
        }
    }

    // The last cluster of the file need not be there to its end.
    private void ReadData(long offset, Span<byte> buffer)
    {
        var there = (int)Math.Clamp(_data.Length - offset, 0, buffer.Length);
        _data.Read(Math.Min(offset, _data.Length), buffer[..there]);
        buffer[there..].Clear();
    }

    private void ReadParent(long offset, Span<byte> buffer)
    {
        var there = 0;
        if (_image.Parent is { } parent)
        {
            there = (int)Math.Clamp(parent.Disk.Length - offset, 0, buffer.Length);
            if (there > 0)
                parent.Disk.Read(offset, buffer[..there]);
        }
        buffer[there..].Clear();
    }

    private void ReadCompressed(L2Entry entry, int from, Span<byte> part)
    {
        // A copy reads whole clusters, each once: it has no use for the cache, and would sweep it out.
        if (part.Length == ClusterSize)
        {
            Unpack(entry, part);
            return;
        }
        byte[]? cluster;
        lock (_unpackedLock)
            _unpacked.TryGet((long)entry.Descriptor, out cluster);
        if (cluster is null)
        {
            cluster = new byte[ClusterSize];
            Unpack(entry, cluster);
            lock (_unpackedLock)
                _unpacked.Set((long)entry.Descriptor, cluster);
        }
        cluster.AsSpan(from, part.Length).CopyTo(part);
    }

    private void Unpack(L2Entry entry, Span<byte> cluster)
    {
        var (offset, length) = entry.CompressedRange(_image.Geometry.ClusterBits);
        length = (int)Math.Min(length, _image.Host.Length - offset);
        var packed = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            _image.Host.Read(offset, packed.AsSpan(0, length));
            _image.Codec.Decompress(packed.AsSpan(0, length), cluster);
        }
        catch (InvalidDataException e)
        {
            throw new DiskFormatException("QCOW-0025", "CompressedCluster", offset, $"found {length} bytes that are no compressed cluster: {e.Message}");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }
}
