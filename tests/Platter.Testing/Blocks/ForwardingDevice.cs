using Platter.Blocks;

namespace Platter.Testing.Blocks;

/// <summary>Passes everything on. What a test wants to see, or to be otherwise, it overrides.</summary>
/// <remarks>The device below stays its owner's: disposing of this one leaves it open.</remarks>
public abstract class ForwardingDevice(BlockDevice inner) : ResizableDevice
{
    public override long Length => Inner.Length;
    public override int SectorSize => Inner.SectorSize;
    public override bool CanWrite => Inner.CanWrite;
    public override bool CanRollback => Inner.CanRollback;

    protected BlockDevice Inner { get; } = inner;

    public override void Flush() => Inner.Flush();

    public override void Rollback() => Inner.Rollback();

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => Inner.AllocatedRanges(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => Inner.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => Inner.Write(offset, data);

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => Inner.WriteFresh(offset, data);

    protected override void DiscardCore(long offset, long length) => Inner.Discard(offset, length);

    protected override void WriteZerosCore(long offset, long length) => Inner.WriteZeros(offset, length);

    protected override void SetLengthCore(long length) => ((ResizableDevice)Inner).SetLength(length);
}
