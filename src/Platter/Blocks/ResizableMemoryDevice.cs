namespace Platter.Blocks;

/// <summary>A device in memory that can grow: stands in for a file.</summary>
public sealed class ResizableMemoryDevice : ResizableDevice
{
    private byte[] _bytes;
    private int _length;

    public ResizableMemoryDevice(long length) : this(new byte[length]) { }

    /// <param name="bytes">The content; taken over, not copied.</param>
    public ResizableMemoryDevice(byte[] bytes)
    {
        _bytes = bytes;
        _length = bytes.Length;
    }

    /// <summary>The content itself, not a copy; valid until the length changes.</summary>
    public Span<byte> Bytes => _bytes.AsSpan(0, _length);

    public override long Length => _length;
    public override bool CanWrite => true;

    public override void Flush()
    {
        // Memory has no medium behind it.
    }

    protected override void ReadCore(long offset, Span<byte> buffer) => _bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => data.CopyTo(_bytes.AsSpan((int)offset));

    protected override void WriteZerosCore(long offset, long length) => _bytes.AsSpan((int)offset, (int)length).Clear();

    protected override void SetLengthCore(long length)
    {
        if (length > Array.MaxLength)
            throw new IOException($"a device in memory can't hold {length} bytes");
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(length, _bytes.Length * 2L)));
        if (length < _length)
            _bytes.AsSpan((int)length, _length - (int)length).Clear();
        _length = (int)length;
    }
}
