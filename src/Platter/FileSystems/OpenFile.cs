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

    /// <inheritdoc cref="VolumeStream.ReadAt"/>
    public abstract int ReadAt(long offset, Span<byte> buffer);

    /// <inheritdoc cref="VolumeStream.WriteAt"/>
    public abstract void WriteAt(long offset, ReadOnlySpan<byte> data);

    /// <inheritdoc cref="VolumeStream.SetLength"/>
    public abstract void SetLength(long value);

    /// <inheritdoc cref="VolumeStream.Reserve"/>
    public abstract void Reserve(long length);

    /// <inheritdoc cref="VolumeStream.PunchHole"/>
    public virtual void PunchHole(long offset, long length) => HolePuncher.WriteZeros(offset, length, Length, WriteAt);

    /// <inheritdoc cref="VolumeStream.DataRanges"/>
    public virtual IEnumerable<ByteRange> DataRanges() => Length == 0 ? [] : [new ByteRange(0, Length)];

    /// <inheritdoc cref="VolumeStream.Extents"/>
    public abstract IEnumerable<StreamExtent> Extents();

    /// <inheritdoc cref="VolumeStream.FindOnHost"/>
    public virtual HostExtent? FindOnHost(long offset, long length) => null;

    protected void CheckValid() => ObjectDisposedException.ThrowIf(_invalid, this);
}
