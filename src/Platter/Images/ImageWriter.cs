namespace Platter.Images;

/// <summary>Writes an image from its start to its end in one pass: what compressed images need, whose blocks can't be replaced in place.</summary>
/// <remarks>Packing (compressing) has no side effects and may run on many threads at once; storing is done by one thread, in ascending order.
/// Blocks that are never stored read as zeros.</remarks>
public abstract class ImageWriter : IDisposable
{
    /// <summary>Bytes of the disk inside.</summary>
    public abstract long Length { get; }

    /// <summary>Bytes in a block; only the disk's last block may be shorter.</summary>
    public abstract int BlockSize { get; }

    /// <summary>Bytes of memory that packing a block takes for itself, so that its caller packs no more at once than there is memory for.</summary>
    public virtual long WorkingMemory => 0;

    /// <summary>The bytes that a block takes in the image. Any thread.</summary>
    /// <param name="offset">Where the block lies on the disk: a multiple of <see cref="BlockSize"/>.</param>
    /// <param name="block">Its content; not referred to after the call.</param>
    public abstract PackedBlock Pack(long offset, ReadOnlySpan<byte> block);

    /// <summary>Adds a packed block. One thread, in ascending order of offsets.</summary>
    /// <exception cref="IOException">The host failed or is full.</exception>
    public abstract void Store(in PackedBlock block);

    /// <summary>Writes what stands at the end (tables, footers), and makes the image durable.</summary>
    public abstract void Complete();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>A block as it goes into an image.</summary>
/// <param name="Offset">Where it lies on the disk, in bytes.</param>
/// <param name="Length">Bytes of the disk that it stands for.</param>
/// <param name="Data">Its bytes in the image; empty for zeros that need none.</param>
/// <param name="IsCompressed">False where packing would have made it longer.</param>
public readonly record struct PackedBlock(long Offset, int Length, ReadOnlyMemory<byte> Data, bool IsCompressed);
