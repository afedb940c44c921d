using Platter.FileSystems.Ntfs;

namespace Platter.Testing.Ntfs;

/// <summary>A stream in memory.</summary>
internal sealed class MemoryStreamStorage : NtfsStreamStorage
{
    private long _length;

    /// <summary>Its bytes; more than its length, perhaps.</summary>
    public byte[] Bytes { get; private set; } = [];

    public override long Length => _length;

    public override void Read(long offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + buffer.Length, _length);
        Bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
    }

    public override void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        _length = Math.Max(_length, offset + bytes.Length);
        if (_length > Bytes.Length)
        {
            var grown = new byte[_length * 2];
            Bytes.CopyTo(grown, 0);
            Bytes = grown;
        }
        bytes.CopyTo(Bytes.AsSpan((int)offset));
    }
}
