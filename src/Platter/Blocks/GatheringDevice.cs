namespace Platter.Blocks;

/// <summary>Gathers writes that follow each other into long ones, for a device that is being filled and that nobody else looks at meanwhile.</summary>
/// <remarks>
/// <para><see cref="Flush"/> hands on what was gathered and no more: what is not complete need not survive anything, and whoever completes it flushes
/// the device below.</para>
/// <para>Reads and writes come from one thread.</para>
/// </remarks>
/// <param name="inner">The device below.</param>
/// <param name="written">Told how many bytes have been handed on so far; null for nobody.</param>
internal sealed class GatheringDevice(BlockDevice inner, Action<long>? written = null) : BlockDevice
{
    private const int Room = 512 << 10, LongWrite = 64 << 10;

    // Made when it is needed: a single file is gone in one write.
    private byte[] _bytes = [];
    private long _start;
    private int _count;
    private long _written;

    public override long Length => inner.Length;
    public override int SectorSize => inner.SectorSize;
    public override bool CanWrite => inner.CanWrite;

    public override void Flush() => HandOn();

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        HandOn();
        return inner.AllocatedRanges(offset, length);
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        if (Overlaps(offset, buffer.Length))
            HandOn();
        inner.Read(offset, buffer);
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        if (_count > 0 && offset >= _start && offset + data.Length <= _start + _count)
        {
            data.CopyTo(_bytes.AsSpan((int)(offset - _start)));
            return;
        }
        if (_count > 0 && (offset != _start + _count || data.Length > Room - _count))
            HandOn();
        if (data.Length >= LongWrite)
        {
            HandOn();
            HandOn(offset, data);
            return;
        }
        if (_bytes.Length == 0)
            _bytes = GC.AllocateUninitializedArray<byte>(Room);
        if (_count == 0)
            _start = offset;
        data.CopyTo(_bytes.AsSpan(_count));
        _count += data.Length;
    }

    protected override void DiscardCore(long offset, long length)
    {
        HandOn();
        inner.Discard(offset, length);
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        HandOn();
        inner.WriteZeros(offset, length);
    }

    private bool Overlaps(long offset, long length) => _count > 0 && offset < _start + _count && _start < offset + length;

    private void HandOn()
    {
        if (_count == 0)
            return;
        HandOn(_start, _bytes.AsSpan(0, _count));
        _count = 0;
    }

    private void HandOn(long offset, ReadOnlySpan<byte> data)
    {
        inner.Write(offset, data);
        _written += data.Length;
        written?.Invoke(_written);
    }
}
