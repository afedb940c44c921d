using Platter.Blocks;

namespace Platter.Testing.Blocks;

/// <summary>One thing that was done to a device.</summary>
public enum RecordedKind { Write, WriteFresh, WriteZeros, Discard, SetLength, Flush, Rollback }

/// <summary>What was done, where, with which bytes.</summary>
public sealed record Recorded(RecordedKind Kind, long Offset, long Length, byte[]? Data);

/// <summary>Passes everything on and keeps a list of all that changes anything. Owns the device below.</summary>
public sealed class RecordingDevice(BlockDevice inner) : ForwardingDevice(inner)
{
    public List<Recorded> Operations { get; } = [];

    public override void Flush()
    {
        base.Flush();
        Operations.Add(new(RecordedKind.Flush, 0, 0, null));
    }

    public override void Rollback()
    {
        base.Rollback();
        Operations.Add(new(RecordedKind.Rollback, 0, 0, null));
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        base.WriteCore(offset, data);
        Operations.Add(new(RecordedKind.Write, offset, data.Length, data.ToArray()));
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        base.WriteFreshCore(offset, data);
        Operations.Add(new(RecordedKind.WriteFresh, offset, data.Length, data.ToArray()));
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        base.WriteZerosCore(offset, length);
        Operations.Add(new(RecordedKind.WriteZeros, offset, length, null));
    }

    protected override void DiscardCore(long offset, long length)
    {
        base.DiscardCore(offset, length);
        Operations.Add(new(RecordedKind.Discard, offset, length, null));
    }

    protected override void SetLengthCore(long length)
    {
        base.SetLengthCore(length);
        Operations.Add(new(RecordedKind.SetLength, length, 0, null));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Inner.Dispose();
        base.Dispose(disposing);
    }
}
