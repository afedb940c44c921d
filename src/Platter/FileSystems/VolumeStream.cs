using Platter.Blocks;

namespace Platter.FileSystems;

/// <summary>A byte stream of a node, for random access; also a <see cref="Stream"/>, so that the framework can use it.</summary>
/// <remarks>Writing past the end leaves a gap that reads as zeros. What is written is kept with the volume's next commit;
/// closing the stream commits nothing.</remarks>
public abstract class VolumeStream : Stream
{
    private long _position;

    public override bool CanRead => true;
    public override bool CanSeek => true;

    public sealed override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    /// <summary>Reads up to the end of the stream; returns how many bytes were read, fewer than asked only at the end.</summary>
    /// <param name="offset">Bytes from the start of the stream.</param>
    /// <param name="buffer">Where to put them.</param>
    public abstract int ReadAt(long offset, Span<byte> buffer);

    /// <summary>Writes all of <paramref name="data"/>, growing the stream when it reaches past the end.</summary>
    /// <exception cref="VolumeFullException">No room; the stream is as it was.</exception>
    /// <exception cref="UnsupportedFeatureException">Longer than the filesystem can store; nothing was written.</exception>
    public virtual void WriteAt(long offset, ReadOnlySpan<byte> data) => throw new NotSupportedException("the stream is open for reading only");

    /// <summary>Makes a range read as zeros, and gives back the space that it took where the filesystem can; elsewhere zeros are written. The length stays.</summary>
    /// <param name="offset">Bytes from the start of the stream.</param>
    /// <param name="length">How many; what lies behind the end is left out.</param>
    /// <exception cref="VolumeFullException">No room for what this changes.</exception>
    public virtual void PunchHole(long offset, long length) => HolePuncher.WriteZeros(offset, length, Length, WriteAt);

    /// <summary>The caller is going to write this many bytes in all: refuse now what cannot fit, and allocate in one piece.
    /// The length does not change.</summary>
    /// <exception cref="VolumeFullException">No room for it.</exception>
    /// <exception cref="UnsupportedFeatureException">Longer than the filesystem can store.</exception>
    public virtual void Reserve(long length)
    {
    }

    /// <summary>The parts that may hold other bytes than zeros, in order; everything else is a hole.</summary>
    public virtual IEnumerable<ByteRange> DataRanges() => Length == 0 ? [] : [new ByteRange(0, Length)];

    /// <summary>Where the stream lies on the volume's device, in stream order; empty for what lies inside a structure.
    /// Holes have <see cref="StreamExtent.DeviceOffset"/> -1.</summary>
    public virtual IEnumerable<StreamExtent> Extents() => [];

    /// <summary>Where content lies in a file of the host, from <paramref name="offset"/> on, in one piece and as it is read; may be fewer bytes
    /// than asked for. Null when the first of them don't.</summary>
    internal virtual HostExtent? FindOnHost(long offset, long length) => null;

    public sealed override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public sealed override int Read(Span<byte> buffer)
    {
        var n = ReadAt(_position, buffer);
        _position += n;
        return n;
    }

    public sealed override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public sealed override void Write(ReadOnlySpan<byte> buffer)
    {
        WriteAt(_position, buffer);
        _position += buffer.Length;
    }

    public sealed override long Seek(long offset, SeekOrigin origin)
    {
        Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => Length + offset,
        };
        return _position;
    }

    public override void SetLength(long value) => throw new NotSupportedException("the stream is open for reading only");

    /// <summary>Brings what the stream holds back to the volume's structures (not to the medium: see <see cref="EditableVolume.Commit"/>).</summary>
    public override void Flush()
    {
    }
}

/// <summary>A range made to read as zeros where no clusters or blocks can be given back.</summary>
internal static class HolePuncher
{
    private const int ZeroBytes = 1 << 20;

    public delegate void Write(long offset, ReadOnlySpan<byte> data);

    public static void WriteZeros(long offset, long length, long streamLength, Write write)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var end = length > streamLength - offset ? streamLength : offset + length;
        if (offset >= end)
            return;
        var zeros = new byte[Math.Min(end - offset, ZeroBytes)];
        for (var at = offset; at < end; at += zeros.Length)
            write(at, zeros.AsSpan(0, (int)Math.Min(zeros.Length, end - at)));
    }
}

/// <summary>A piece of a stream on the device.</summary>
/// <param name="StreamOffset">Bytes from the start of the stream.</param>
/// <param name="DeviceOffset">Bytes from the start of the volume's device; -1 for a hole.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct StreamExtent(long StreamOffset, long DeviceOffset, long Length);

/// <summary>The pieces of a stream, one after another.</summary>
internal static class StreamExtents
{
    /// <summary>The parts of the stream that are on the device, joined where they touch.</summary>
    public static IEnumerable<ByteRange> Stored(this IEnumerable<StreamExtent> extents) => Ranges(extents).Joined();

    private static IEnumerable<ByteRange> Ranges(IEnumerable<StreamExtent> extents)
    {
        foreach (var extent in extents)
        {
            if (extent.DeviceOffset >= 0)
                yield return new ByteRange(extent.StreamOffset, extent.Length);
        }
    }
}
