using Platter.Blocks;

namespace Platter.Testing.Blocks;

/// <summary>One thing that was done to a device.</summary>
public enum RecordedKind { Write, WriteFresh, WriteZeros, Discard, SetLength, Flush, Rollback }

/// <summary>What was done, where, with which bytes.</summary>
public sealed record Recorded(RecordedKind Kind, long Offset, long Length, byte[]? Data);

/// <summary>Passes everything on and keeps a list of all that changes anything.</summary>
public sealed class RecordingDevice(BlockDevice inner) : ResizableDevice
{
    public List<Recorded> Operations { get; } = [];

    public override long Length => inner.Length;
    public override int SectorSize => inner.SectorSize;
    public override bool CanWrite => inner.CanWrite;
    public override bool CanRollback => inner.CanRollback;

    public override void Flush()
    {
        inner.Flush();
        Operations.Add(new(RecordedKind.Flush, 0, 0, null));
    }

    public override void Rollback()
    {
        inner.Rollback();
        Operations.Add(new(RecordedKind.Rollback, 0, 0, null));
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => inner.AllocatedRanges(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        inner.Write(offset, data);
        Operations.Add(new(RecordedKind.Write, offset, data.Length, data.ToArray()));
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        inner.WriteFresh(offset, data);
        Operations.Add(new(RecordedKind.WriteFresh, offset, data.Length, data.ToArray()));
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        inner.WriteZeros(offset, length);
        Operations.Add(new(RecordedKind.WriteZeros, offset, length, null));
    }

    protected override void DiscardCore(long offset, long length)
    {
        inner.Discard(offset, length);
        Operations.Add(new(RecordedKind.Discard, offset, length, null));
    }

    protected override void SetLengthCore(long length)
    {
        ((ResizableDevice)inner).SetLength(length);
        Operations.Add(new(RecordedKind.SetLength, length, 0, null));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
