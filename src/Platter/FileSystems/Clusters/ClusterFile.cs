using Platter.Blocks;

namespace Platter.FileSystems.Clusters;

/// <summary>A file whose content lies in a chain of clusters.</summary>
/// <remarks>Up to <see cref="ValidLength"/> the clusters hold content; what the file has beyond reads as zeros, whatever the clusters
/// hold. For formats that store no such length (FAT) it is always the whole length: zeros are written.</remarks>
internal abstract class ClusterFile(NodeId id, ClusterArea area, ClusterChain chain, long length, long validLength) : OpenFile(id)
{
    private const int ZeroBytes = 1 << 18;

    private long _length = length;

    public override long Length => _length;

    /// <summary>Bytes that the clusters hold; not above the length.</summary>
    public long ValidLength { get; private set; } = validLength;

    protected ClusterChain Chain => chain;

    /// <summary>Whether the format stores <see cref="ValidLength"/>.</summary>
    protected abstract bool StoresValidLength { get; }

    protected override int ReadCore(long offset, Span<byte> buffer)
    {
        area.RequireWhole();
        var wanted = (int)Math.Min(buffer.Length, Math.Max(Length - offset, 0));
        var stored = (int)Math.Min(wanted, Math.Max(ValidLength - offset, 0));

        // The chain is walked to the last byte first, so that it is known what lies in one piece.
        if (stored > 0)
            Locate(offset + stored - 1, out _, out _);
        for (var done = 0; done < stored;)
        {
            var deviceOffset = Locate(offset + done, out var contiguous, out _);
            var part = (int)Math.Min(contiguous, stored - done);
            if (deviceOffset + part > area.Device.Length)
                throw CutShort(deviceOffset);
            area.Device.Read(deviceOffset, buffer.Slice(done, part));
            done += part;
        }
        buffer[stored..wanted].Clear();
        return wanted;
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        area.RequireWhole();
        CheckWritable();
        var end = offset + data.Length;
        var before = Grow(Math.Max(Length, end));
        var space = area.Space;
        var complete = false;
        space.BeginChange();
        try
        {
            if (offset > ValidLength)
                FillZeros(ValidLength, offset);
            Put(offset, data);
            complete = true;
        }
        finally
        {
            if (!complete)
                TakeBack(space, before);
        }
        Become(Math.Max(Length, end), Math.Max(ValidLength, end));
        space.EndChange();
    }

    protected override void SetLengthCore(long value)
    {
        area.RequireWhole();
        CheckWritable();
        var space = area.Space;
        if (value < Length)
        {
            var keep = (uint)Math.Min(area.ClustersFor(value), uint.MaxValue);
            chain.PrepareTruncate(space, keep);
            space.BeginChange();
            chain.Truncate(space, keep);
        }
        else
        {
            var before = Grow(value);
            var complete = StoresValidLength;
            space.BeginChange();
            try
            {
                if (!complete)
                    FillZeros(Length, value);
                complete = true;
            }
            finally
            {
                if (!complete)
                    TakeBack(space, before);
            }
        }
        Become(value, StoresValidLength ? Math.Min(ValidLength, value) : value);
        space.EndChange();
    }

    protected override void ReserveCore(long length)
    {
        area.RequireWhole();
        var has = chain.CountAll();
        var needs = area.ClustersFor(length);
        if (needs <= has)
            return;
        if (area.Space.FreeClusters < needs - has && area.Space.Recount() is var free && free < needs - has)
            throw new VolumeFullException("bytes", area.BytesIn(needs - has), area.BytesIn(free));
        if (has == 0)
            area.Space.SeekRoom((uint)needs);
    }

    public override IEnumerable<ByteRange> DataRanges() => ValidLength == 0 ? [] : [new ByteRange(0, ValidLength)];

    public override IEnumerable<StreamExtent> Extents()
    {
        chain.CountAll();
        for (var at = 0L; at < ValidLength;)
        {
            var deviceOffset = Locate(at, out var contiguous, out _);
            var part = Math.Min(contiguous, ValidLength - at);
            yield return new StreamExtent(at, deviceOffset, part);
            at += part;
        }
        if (ValidLength < Length)
            yield return new StreamExtent(ValidLength, -1, Length - ValidLength);
    }

    public override HostExtent? FindOnHost(long offset, long length)
    {
        CheckValid();
        var stored = Math.Min(length, ValidLength - offset);
        if (stored <= 0)
            return null;
        Locate(offset + stored - 1, out _, out _);
        var deviceOffset = Locate(offset, out var contiguous, out _);
        return area.Device.FindOnHostWithin(deviceOffset, Math.Min(contiguous, stored));
    }

    /// <summary>What to throw when a cluster lies behind the end of the device.</summary>
    protected abstract DiskFormatException CutShort(long deviceOffset);

    /// <summary>What to throw when the chain has too few clusters for the length.</summary>
    protected abstract DiskFormatException ChainTooShort(uint clusters);

    /// <summary>Refuses a change before it begins, when <see cref="Update"/> could not end it; reads what that changes.</summary>
    protected abstract void CheckWritable();

    /// <summary>Brings lengths, chain and times to the directory entry, so that the volume is consistent after every call.</summary>
    protected abstract void Update();

    // Where a byte of the file lies on the device, how many bytes follow there in one piece, and the clusters from its own on.
    private long Locate(long position, out long contiguous, out ClusterRun run)
    {
        var index = position / area.ClusterSize;
        if (index >= uint.MaxValue || !chain.TryLocate((uint)index, out run))
            throw ChainTooShort(chain.CountAll());
        var within = position % area.ClusterSize;
        contiguous = run.Count * (long)area.ClusterSize - within;
        return area.OffsetOf(run.First) + within;
    }

    // Makes the chain long enough; returns how long it was before.
    private uint Grow(long newLength)
    {
        var has = chain.CountAll();
        if (has < area.ClustersFor(Length))
            throw ChainTooShort(has);
        var needs = area.ClustersFor(newLength);
        if (needs > has && (needs > uint.MaxValue || !chain.TryExtend(area.Space, (uint)(needs - has))))
            throw new VolumeFullException("bytes", area.BytesIn(needs - has), area.BytesIn(area.Space.FreeClusters));
        return has;
    }

    private void TakeBack(ClusterSpace space, uint clusters)
    {
        chain.Truncate(space, clusters);
        space.EndChange();
    }

    private void Put(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var deviceOffset = Locate(offset, out var contiguous, out var run);
            var part = (int)Math.Min(contiguous, data.Length);
            area.Write(deviceOffset, data[..part], run);
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

    private void Become(long length, long validLength)
    {
        (_length, ValidLength) = (length, validLength);
        Update();
    }
}
