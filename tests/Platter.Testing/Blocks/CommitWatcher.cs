using Platter.Blocks;

namespace Platter.Testing.Blocks;

/// <summary>Tells of every commit that returns.</summary>
public sealed class CommitWatcher(BlockDevice inner, Action committed) : ResizableDevice
{
    public override long Length => inner.Length;
    public override int SectorSize => inner.SectorSize;
    public override bool CanWrite => inner.CanWrite;
    public override bool CanRollback => inner.CanRollback;

    public override void Flush()
    {
        inner.Flush();
        committed();
    }

    public override void Rollback() => inner.Rollback();

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => inner.AllocatedRanges(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => inner.Write(offset, data);

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => inner.WriteFresh(offset, data);

    protected override void DiscardCore(long offset, long length) => inner.Discard(offset, length);

    protected override void WriteZerosCore(long offset, long length) => inner.WriteZeros(offset, length);

    protected override void SetLengthCore(long length) => ((ResizableDevice)inner).SetLength(length);
}
