using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>An open stream of a file that is edited: the main data, or a named one.</summary>
internal sealed class NtfsOpenFile(NodeId id, string name, NtfsEditState state, NtfsEditor editor) : OpenFile(id)
{
    private const int ZeroBytes = 1 << 20;

    private long _reserved;         // bytes that are going to be written in all

    public override long Length
    {
        get
        {
            var content = Content;
            return content.IsEncrypted && !content.IsResident && state.Volume.IsRawEncrypted ? NtfsRawStream.LengthOf(content.Length) : content.Length;
        }
    }

    private NtfsReference Reference => new(Id.Value);

    private NtfsContentEditor Content => state.File(Reference).Open(NtfsAttributeType.Data, name)
        ?? throw new FileNotFoundException($"record {Reference.Record} has no stream '{name}' any more");

    protected override long MaxLength => state.Volume.Capabilities.MaxFileLength;

    protected override int ReadCore(long offset, Span<byte> buffer)
    {
        var content = Content;
        if (content.IsCompressed || content.IsEncrypted || state.IsOverlaid(Reference, name))
        {
            using var stream = Snapshot();
            return stream.ReadAt(offset, buffer);
        }
        if (offset >= content.Length)
            return 0;
        buffer = buffer[..(int)Math.Min(buffer.Length, content.Length - offset)];
        content.Read(offset, buffer);
        return buffer.Length;
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        var complete = false;
        state.Begin();
        try
        {
            var file = editor.Own(Id, allowRoot: true);
            RequireOwnContent(file, long.MaxValue);
            var content = Content;
            if (_reserved > offset && content.Runs.Count == 0 && _reserved > state.Geometry.ClusterSize)
                content.Goal = state.Space.SeekRoom(state.Geometry.ClustersFor(_reserved));
            // In the record, or compressed into new clusters, it must be there before the file is stored; in clusters the old bytes stay until all else has succeeded.
            var isDone = content.TryWriteAtOnce(offset, data);
            if (!isDone)
                content.Prepare(offset, offset + data.Length);
            editor.SetWritten(file);
            state.Store();
            if (!isDone)
                content.Put(offset, data, isContent: true);
            complete = true;
        }
        finally
        {
            End(complete);
        }
    }

    protected override void SetLengthCore(long value)
    {
        var complete = false;
        state.Begin();
        try
        {
            var file = editor.Own(Id, allowRoot: true);
            RequireOwnContent(file, value);
            Content.SetLength(value);
            editor.SetWritten(file);
            state.Store();
            complete = true;
        }
        finally
        {
            End(complete);
        }
    }

    public override void PunchHole(long offset, long length)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var end = length > Length - offset ? Length : offset + length;
        if (offset >= end)
            return;
        var complete = false;
        state.Begin();
        try
        {
            var file = editor.Own(Id, allowRoot: true);
            RequireOwnContent(file, long.MaxValue);
            var content = Content;
            var isPunched = content.TryPunch(offset, end);
            if (!isPunched)
            {
                var zeros = new byte[Math.Min(end - offset, ZeroBytes)];
                for (var at = offset; at < end; at += zeros.Length)
                    content.TryWriteAtOnce(at, zeros.AsSpan(0, (int)Math.Min(zeros.Length, end - at)));
            }
            editor.SetWritten(file);
            state.Store();
            // What lies beside whole clusters: content, which goes when nothing else can fail.
            if (isPunched)
                content.Clear(offset, end);
            complete = true;
        }
        finally
        {
            End(complete);
        }
    }

    protected override void ReserveCore(long length)
    {
        var needed = length <= state.Geometry.RecordSize / 2 ? 0 : state.Geometry.ClustersFor(length) - Content.Runs.Allocated;
        if (needed > 0 && !state.Space.HasRoom(needed))
            throw state.Space.Full(needed);
        _reserved = length;
    }

    public override IEnumerable<ByteRange> DataRanges()
    {
        CheckValid();
        using var stream = Snapshot();
        return [.. stream.DataRanges()];
    }

    public override IEnumerable<StreamExtent> Extents()
    {
        CheckValid();
        using var stream = Snapshot();
        return [.. stream.Extents()];
    }

    private VolumeStream Snapshot() => state.Volume.OpenRead(Id, name.Length == 0 ? StreamName.Data : StreamName.Named(name));

    // Of what is going to be cut off nothing need be unpacked.
    private void RequireOwnContent(NtfsFileEditor file, long kept)
    {
        if (state.IsOverlaid(Reference, name) && !NtfsOverlay.TryUnpack(file, kept))
            throw new UnsupportedFeatureException($"record {Reference.Record} has its data elsewhere (deduplicated, in a cloud, in a WIM image): Platter does not change such content");
    }

    protected override UnsupportedFeatureException TooLong(ulong length) =>
        new($"ntfs with clusters of {state.Geometry.ClusterSize} bytes holds files of at most {MaxLength} bytes, {length} were asked for");

    private void End(bool complete)
    {
        if (complete)
            state.Keep();
        else
            state.Undo();
    }
}
