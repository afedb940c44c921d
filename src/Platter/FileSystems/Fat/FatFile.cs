using Platter.Blocks;

namespace Platter.FileSystems.Fat;

/// <summary>A file's content as all its open streams share it: the chain and the length.</summary>
internal sealed class FatFile(FatVolume volume, NodeId id, uint firstCluster, uint length)
{
    private const int ZeroBytes = 1 << 18;

    private readonly ClusterChain _chain = new(volume.Table, volume.Geometry, firstCluster);
    private bool _invalid;

    public NodeId Id => id;
    public int OpenCount { get; set; }

    /// <summary>Bytes.</summary>
    public long Length { get; private set; } = length;

    public FatVolume Volume => volume;

    private int ClusterSize => volume.Geometry.ClusterSize;

    /// <summary>The volume was rolled back below this stream: it must not be used any more.</summary>
    public void Invalidate() => _invalid = true;

    public int ReadAt(long offset, Span<byte> buffer)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var wanted = (int)Math.Min(buffer.Length, Math.Max(Length - offset, 0));
        for (var done = 0; done < wanted;)
        {
            var (deviceOffset, contiguous, _) = Locate(offset + done);
            var part = (int)Math.Min(contiguous, wanted - done);
            if (deviceOffset + part > volume.Device.Length)
                throw new DiskFormatException("FAT-0205", "Cluster", deviceOffset, $"lies behind the end of the device ({volume.Device.Length} bytes): the image is cut short");
            volume.Device.Read(deviceOffset, buffer.Slice(done, part));
            done += part;
        }
        return wanted;
    }

    public void WriteAt(long offset, ReadOnlySpan<byte> data)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (data.IsEmpty)
            return;
        CheckLength(offset, data.Length);
        var end = Math.Max(Length, offset + data.Length);
        var before = Grow(end);
        var complete = false;
        try
        {
            if (offset > Length)
                FillZeros(Length, offset);
            Put(offset, data);
            complete = true;
        }
        finally
        {
            if (!complete)
                _chain.Truncate(volume.Space, before);
        }
        Update(end);
    }

    public void SetLength(long value)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        CheckLength(value, 0);
        if (value == Length)
            return;
        if (value < Length)
        {
            _chain.Truncate(volume.Space, ClustersFor(value));
        }
        else
        {
            var before = Grow(value);
            var complete = false;
            try
            {
                FillZeros(Length, value);
                complete = true;
            }
            finally
            {
                if (!complete)
                    _chain.Truncate(volume.Space, before);
            }
        }
        Update(value);
    }

    public void Reserve(long length)
    {
        CheckValid();
        CheckLength(length, 0);
        var has = _chain.CountAll();
        var needs = ClustersFor(length);
        if (needs <= has)
            return;
        var space = volume.Space;
        if (space.FreeClusters < needs - has && volume.Table.CountFree() is var free && free < needs - has)
            throw new VolumeFullException("bytes", (needs - has) * (long)ClusterSize, free * ClusterSize);
        if (has == 0)
            space.SeekRoom(needs);
    }

    public IEnumerable<StreamExtent> Extents()
    {
        for (var at = 0L; at < Length;)
        {
            var (deviceOffset, contiguous, _) = Locate(at);
            var part = Math.Min(contiguous, Length - at);
            yield return new StreamExtent(at, deviceOffset, part);
            at += part;
        }
    }

    /// <summary>All clusters, walked and checked, so that they can be given back.</summary>
    public static void Release(FatVolume volume, uint firstCluster)
    {
        var chain = new ClusterChain(volume.Table, volume.Geometry, firstCluster);
        chain.CountAll();
        chain.Truncate(volume.Space, 0);
    }

    private uint ClustersFor(long bytes) => (uint)((bytes + ClusterSize - 1) / ClusterSize);

    private (long DeviceOffset, long Contiguous, bool Fresh) Locate(long position)
    {
        var index = (uint)(position / ClusterSize);
        if (!_chain.TryLocate(index, out var run))
            throw new DiskFormatException("FAT-0207", "ClusterChain", -1, $"the chain from cluster {_chain.First} ends after {_chain.CountAll()} clusters, the size of {Length} bytes needs {ClustersFor(Length)}");
        var within = position % ClusterSize;
        return (volume.Geometry.ClusterOffset(run.First) + within, run.Count * (long)ClusterSize - within, volume.Space.IsFresh(run));
    }

    // Makes the chain long enough; returns how long it was before.
    private uint Grow(long newLength)
    {
        var has = _chain.CountAll();
        if (Length > 0 && has < ClustersFor(Length))
            Locate(Length - 1);
        var needs = ClustersFor(newLength);
        if (needs > has && !_chain.TryExtend(volume.Space, needs - has))
            throw new VolumeFullException("bytes", (needs - has) * (long)ClusterSize, volume.Space.FreeClusters * ClusterSize);
        return has;
    }

    private void Put(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var (deviceOffset, contiguous, fresh) = Locate(offset);
            var part = (int)Math.Min(contiguous, data.Length);
            if (fresh)
                volume.Device.WriteFresh(deviceOffset, data[..part]);
            else
                volume.Device.Write(deviceOffset, data[..part]);
            data = data[part..];
            offset += part;
        }
    }

    private void FillZeros(long from, long to)
    {
        var zeros = new byte[(int)Math.Min(to - from, ZeroBytes)];
        for (var at = from; at < to; at += zeros.Length)
            Put(at, zeros.AsSpan(0, (int)Math.Min(zeros.Length, to - at)));
    }

    // The directory entry follows at once, so that the volume is consistent after every call.
    private void Update(long newLength)
    {
        Length = newLength;
        var (directory, slotIndex) = volume.Resolve(id);
        volume.SetFirstCluster(directory, slotIndex, _chain.First);
        ref var slot = ref directory.EditSlot(slotIndex);
        slot.Length = (uint)newLength;
        slot.Attributes |= (byte)DosAttributes.Archive;
        var (date, time, _) = FatTimes.Encode(volume.Now, volume.UtcOffset);
        slot.ModifiedDate = date;
        slot.ModifiedTime = time;
        slot.AccessedDate = date;
    }

    private void CheckLength(long offset, long count)
    {
        if (offset > uint.MaxValue - count)
            throw new UnsupportedFeatureException($"FAT holds files of at most {uint.MaxValue} bytes, {(ulong)offset + (ulong)count} were asked for");
    }

    private void CheckValid() => ObjectDisposedException.ThrowIf(_invalid, this);
}
