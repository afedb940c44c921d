namespace Platter.FileSystems.Ntfs;

/// <summary>The bytes of a stream of the volume's own, for reading and changing.</summary>
internal abstract class NtfsStreamStorage
{
    public abstract long Length { get; }

    /// <summary>Reads all of <paramref name="buffer"/>, which lies within the stream.</summary>
    public abstract void Read(long offset, Span<byte> buffer);

    /// <summary>Writes. A write that reaches past the end makes the stream longer; zeros are read between the old end and <paramref name="offset"/>.</summary>
    /// <exception cref="VolumeFullException">There is no room for it, and nothing was changed.</exception>
    public abstract void Write(long offset, ReadOnlySpan<byte> bytes);
}
