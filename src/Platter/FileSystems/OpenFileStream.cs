using Platter.Blocks;

namespace Platter.FileSystems;

/// <summary>An open stream of a file. All streams of a file see the same content.</summary>
internal sealed class OpenFileStream(OpenFile file, OpenFiles files, bool writable) : VolumeStream
{
    private bool _closed;

    public override bool CanWrite => writable && !_closed;

    public override long Length
    {
        get
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            return file.Length;
        }
    }

    public override int ReadAt(long offset, Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        return file.ReadAt(offset, buffer);
    }

    public override void WriteAt(long offset, ReadOnlySpan<byte> data)
    {
        CheckWritable();
        file.WriteAt(offset, data);
    }

    public override void SetLength(long value)
    {
        CheckWritable();
        file.SetLength(value);
    }

    public override void Reserve(long length)
    {
        CheckWritable();
        file.Reserve(length);
    }

    public override void PunchHole(long offset, long length)
    {
        CheckWritable();
        file.PunchHole(offset, length);
    }

    public override IEnumerable<ByteRange> DataRanges() => file.DataRanges();

    public override IEnumerable<StreamExtent> Extents() => file.Extents();

    internal override HostExtent? FindOnHost(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        return file.FindOnHost(offset, length);
    }

    protected override void Dispose(bool disposing)
    {
        if (!_closed)
        {
            _closed = true;
            files.Close(file);
        }
        base.Dispose(disposing);
    }

    private void CheckWritable()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (!writable)
            throw new NotSupportedException("the stream is open for reading only");
    }
}
