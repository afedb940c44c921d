namespace Platter.FileSystems;

/// <summary>A stream that is open for reading only, whose length does not change while it is.</summary>
/// <param name="length">Bytes.</param>
internal abstract class ReadingStream(long length) : VolumeStream
{
    private bool _closed;

    public sealed override bool CanWrite => false;

    public sealed override long Length
    {
        get
        {
            CheckOpen();
            return length;
        }
    }

    public sealed override int ReadAt(long offset, Span<byte> buffer)
    {
        CheckOpen();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (offset >= length)
            return 0;
        buffer = buffer[..(int)Math.Min(buffer.Length, length - offset)];
        Fill(offset, buffer);
        return buffer.Length;
    }

    /// <summary>Reads all of <paramref name="buffer"/>, which lies within the stream.</summary>
    protected abstract void Fill(long offset, Span<byte> buffer);

    protected void CheckOpen() => ObjectDisposedException.ThrowIf(_closed, this);

    protected override void Dispose(bool disposing)
    {
        _closed = true;
        base.Dispose(disposing);
    }
}
