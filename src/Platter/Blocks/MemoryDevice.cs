namespace Platter.Blocks;

/// <summary>A device in memory; for tests and for small images on the way to somewhere else.</summary>
public sealed class MemoryDevice(byte[] bytes, int sectorSize = 512, bool canWrite = true) : BlockDevice
{
    public MemoryDevice(long length, int sectorSize = 512) : this(new byte[length], sectorSize) { }

    /// <summary>The content itself, not a copy.</summary>
    public byte[] Bytes => bytes;

    public override long Length => bytes.LongLength;
    public override int SectorSize => sectorSize;
    public override bool CanWrite => canWrite;

    public override void Flush()
    {
        // Memory has no medium behind it.
    }

    protected override void ReadCore(long offset, Span<byte> buffer) => bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => data.CopyTo(bytes.AsSpan((int)offset));

    protected override void WriteZerosCore(long offset, long length) => bytes.AsSpan((int)offset, (int)length).Clear();
}
