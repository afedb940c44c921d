using Platter.Blocks;

namespace Platter.FileSystems;

/// <summary>A file's content as all its open streams share it.</summary>
internal abstract class OpenFile(NodeId id)
{
    private bool _invalid;

    public NodeId Id => id;

    /// <summary>Streams that are open.</summary>
    public int OpenCount { get; set; }

    /// <summary>Bytes.</summary>
    public abstract long Length { get; }

    /// <summary>The volume was rolled back below the streams: they must not be used any more.</summary>
    public void Invalidate() => _invalid = true;

    /// <summary>The longest that it can become, in bytes, as far as the format says.</summary>
    protected abstract long MaxLength { get; }

    /// <inheritdoc cref="VolumeStream.ReadAt"/>
    public int ReadAt(long offset, Span<byte> buffer)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return ReadCore(offset, buffer);
    }

    /// <inheritdoc cref="VolumeStream.WriteAt"/>
    public void WriteAt(long offset, ReadOnlySpan<byte> data)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (data.IsEmpty)
            return;
        CheckLength(offset, data.Length);
        WriteCore(offset, data);
    }

    /// <inheritdoc cref="VolumeStream.SetLength"/>
    public void SetLength(long value)
    {
        CheckValid();
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        CheckLength(value, 0);
        if (value != Length)
            SetLengthCore(value);
    }

    /// <inheritdoc cref="VolumeStream.Reserve"/>
    public void Reserve(long length)
    {
        CheckValid();
        CheckLength(length, 0);
        ReserveCore(length);
    }

    /// <inheritdoc cref="VolumeStream.PunchHole"/>
    public virtual void PunchHole(long offset, long length) => HolePuncher.WriteZeros(offset, length, Length, WriteAt);

    /// <inheritdoc cref="VolumeStream.DataRanges"/>
    public virtual IEnumerable<ByteRange> DataRanges() => Length == 0 ? [] : [new ByteRange(0, Length)];

    /// <inheritdoc cref="VolumeStream.Extents"/>
    public abstract IEnumerable<StreamExtent> Extents();

    /// <inheritdoc cref="VolumeStream.FindOnHost"/>
    public virtual HostExtent? FindOnHost(long offset, long length) => null;

    /// <summary>Reads at an offset that isn't negative, which may lie behind the end.</summary>
    protected abstract int ReadCore(long offset, Span<byte> buffer);

    /// <summary>Writes at least a byte, within <see cref="MaxLength"/>.</summary>
    protected abstract void WriteCore(long offset, ReadOnlySpan<byte> data);

    /// <summary>Makes it longer or shorter, within <see cref="MaxLength"/>.</summary>
    protected abstract void SetLengthCore(long value);

    protected abstract void ReserveCore(long length);

    /// <summary>The error for a file that would be longer than it can be.</summary>
    protected abstract UnsupportedFeatureException TooLong(ulong length);

    private void CheckLength(long offset, long count)
    {
        if (offset > MaxLength - count)
            throw TooLong((ulong)offset + (ulong)count);
    }

    protected void CheckValid() => ObjectDisposedException.ThrowIf(_invalid, this);
}
