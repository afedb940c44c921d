using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>An open stream whose clusters are its bytes: resident, plain or sparse.</summary>
/// <param name="content">What it reads.</param>
/// <param name="length">Bytes to show: more than the content's for the last sector of ciphertext.</param>
internal sealed class NtfsStream(NtfsContent content, long length) : VolumeStream
{
    private bool _closed;

    public override bool CanWrite => false;

    public override long Length
    {
        get
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            return length;
        }
    }

    public override int ReadAt(long offset, Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (offset >= length)
            return 0;
        buffer = buffer[..(int)Math.Min(buffer.Length, length - offset)];
        if (length == content.Length)
            content.Read(offset, buffer);
        else
            content.ReadClusters(offset, buffer);
        return buffer.Length;
    }

    public override IEnumerable<ByteRange> DataRanges()
    {
        var end = Math.Min(content.Initialized, length);
        if (content.IsResident)
            return end == 0 ? [] : [new ByteRange(0, end)];
        return NtfsExtents.Data(content, length == content.Length ? end : length);
    }

    public override IEnumerable<StreamExtent> Extents() => NtfsExtents.Of(content, length);

    internal override HostExtent? FindOnHost(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var there = Math.Min(length, content.Initialized - offset);
        return there > 0 && !content.IsResident ? content.FindOnHost(offset, there) : null;
    }

    protected override void Dispose(bool disposing)
    {
        _closed = true;
        base.Dispose(disposing);
    }
}

/// <summary>Where content lies.</summary>
internal static class NtfsExtents
{
    /// <summary>The parts of the content that are in clusters, up to a length, joined where they touch.</summary>
    public static IEnumerable<ByteRange> Data(NtfsContent content, long length)
    {
        long start = 0, end = 0;
        for (var i = 0; i < content.Runs.Count; i++)
        {
            var run = content.Runs[i];
            var from = run.Vcn << content.ClusterShift;
            if (from >= length)
                break;
            if (run.IsHole)
                continue;
            if (from != end)
            {
                if (end > start)
                    yield return new ByteRange(start, end - start);
                start = from;
            }
            end = Math.Min(run.End > length >> content.ClusterShift ? length : run.End << content.ClusterShift, length);
        }
        if (end > start)
            yield return new ByteRange(start, end - start);
    }

    /// <summary>The runs as extents of the stream, holes as such.</summary>
    public static IEnumerable<StreamExtent> Of(NtfsContent content, long length)
    {
        for (var i = 0; i < content.Runs.Count; i++)
        {
            var run = content.Runs[i];
            var from = run.Vcn << content.ClusterShift;
            if (from >= length)
                yield break;
            var end = run.End > length >> content.ClusterShift ? length : run.End << content.ClusterShift;
            yield return new StreamExtent(from, run.IsHole ? -1 : run.Lcn << content.ClusterShift, end - from);
        }
    }
}
