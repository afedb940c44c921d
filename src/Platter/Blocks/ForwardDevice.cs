namespace Platter.Blocks;

/// <summary>A stream as a device that is written in order, and in no other way: a pipe, standard output.</summary>
/// <param name="stream">The stream; stays the caller's.</param>
internal sealed class ForwardDevice(Stream stream) : ResizableDevice
{
    private long _length, _written;

    public override long Length => _length;
    public override bool CanWrite => true;

    public override void Flush() => stream.Flush();

    protected override void ReadCore(long offset, Span<byte> buffer) => throw new NotSupportedException("what went into a stream is not read again");

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        if (offset != _written)
            throw new NotSupportedException("a stream is written in order");
        stream.Write(data);
        _written += data.Length;
    }

    protected override void SetLengthCore(long length) => _length = length;
}
