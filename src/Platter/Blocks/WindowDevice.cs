namespace Platter.Blocks;

/// <summary>A part of another device, such as a partition. Flushing and rolling back concern the whole device below.</summary>
public sealed class WindowDevice : BlockDevice
{
    private readonly BlockDevice _inner;
    private readonly bool _ownsInner;

    /// <param name="inner">The device below.</param>
    /// <param name="offset">Bytes from the start of <paramref name="inner"/>.</param>
    /// <param name="length">Bytes; the window must lie within <paramref name="inner"/>.</param>
    /// <param name="ownsInner">Whether disposing this disposes <paramref name="inner"/>.</param>
    public WindowDevice(BlockDevice inner, long offset, long length, bool ownsInner = false)
    {
        if (offset < 0 || length < 0 || offset > inner.Length || length > inner.Length - offset)
            throw new ArgumentOutOfRangeException(nameof(offset), $"a window of {length} bytes at {offset} is not within the device's {inner.Length} bytes");
        _inner = inner;
        _ownsInner = ownsInner;
        Offset = offset;
        Length = length;
    }

    /// <summary>Where the window starts on the device below, in bytes.</summary>
    public long Offset { get; }

    public override long Length { get; }
    public override int SectorSize => _inner.SectorSize;
    public override bool CanWrite => _inner.CanWrite;
    public override bool CanRollback => _inner.CanRollback;

    public override void Flush() => _inner.Flush();

    public override void Rollback() => _inner.Rollback();

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return _inner.AllocatedRanges(Offset + offset, length).Select(r => r with { Offset = r.Offset - Offset });
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length) => _inner.FindOnHost(Offset + offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => _inner.Read(Offset + offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => _inner.Write(Offset + offset, data);

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => _inner.WriteFresh(Offset + offset, data);

    protected override void DiscardCore(long offset, long length) => _inner.Discard(Offset + offset, length);

    protected override void WriteZerosCore(long offset, long length) => _inner.WriteZeros(Offset + offset, length);

    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsInner)
            _inner.Dispose();
        base.Dispose(disposing);
    }
}
