using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>An open stream of a file that is edited: the main data, or a named one.</summary>
internal sealed class NtfsOpenFile(NodeId id, string name, NtfsEditState state, NtfsEditor editor) : OpenFile(id)
{
    private long _reserved;         // bytes that are going to be written in all

    public override long Length => Content.Length;

    private NtfsReference Reference => new(Id.Value);

    private NtfsContentEditor Content => state.File(Reference).Open(NtfsAttributeType.Data, name)
        ?? throw new FileNotFoundException($"record {Reference.Record} has no stream '{name}' any more");

    public override int ReadAt(long offset, Span<byte> buffer)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var content = Content;
        if (content.IsCompressed || (content.Flags & NtfsAttributeFlags.Encrypted) != 0 || state.IsOverlaid(Reference, name))
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

    public override void WriteAt(long offset, ReadOnlySpan<byte> data)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (data.IsEmpty)
            return;
        CheckLength(offset, data.Length);
        var complete = false;
        state.Begin();
        try
        {
            var file = editor.Own(Id, allowRoot: true);
            RequireOwnContent();
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

    public override void SetLength(long value)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        CheckLength(value, 0);
        if (value == Length)
            return;
        var complete = false;
        state.Begin();
        try
        {
            var file = editor.Own(Id, allowRoot: true);
            RequireOwnContent();
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

    public override void Reserve(long length)
    {
        CheckValid();
        CheckLength(length, 0);
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

    private void RequireOwnContent()
    {
        if (state.IsOverlaid(Reference, name))
            throw new UnsupportedFeatureException($"record {Reference.Record} has its data compressed by Windows' overlay filter, or elsewhere: Platter does not change such content yet");
    }

    private void CheckLength(long offset, long count)
    {
        var most = state.Volume.Capabilities.MaxFileLength;
        if (offset > most - count)
            throw new UnsupportedFeatureException($"ntfs with clusters of {state.Geometry.ClusterSize} bytes holds files of at most {most} bytes, {(Int128)offset + count} were asked for");
    }

    private void End(bool complete)
    {
        if (complete)
            state.Keep();
        else
            state.Undo();
    }
}
