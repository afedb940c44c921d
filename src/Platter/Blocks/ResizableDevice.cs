namespace Platter.Blocks;

/// <summary>A device whose length its owner can change: a file, or a transaction over one. Containers that grow stand on it.</summary>
public abstract class ResizableDevice : BlockDevice
{
    /// <summary>Grows (with zeros) or cuts the device; the only way <see cref="BlockDevice.Length"/> ever changes.</summary>
    /// <param name="length">Bytes.</param>
    /// <exception cref="UnauthorizedAccessException">The device is read-only.</exception>
    /// <exception cref="IOException">The medium has no room, or failed.</exception>
    public void SetLength(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (!CanWrite)
            throw new UnauthorizedAccessException("the device is open for reading only");
        if (length != Length)
            SetLengthCore(length);
    }

    /// <summary>Makes sure that a later write to the range can't fail for lack of room, where the medium can promise that.</summary>
    /// <exception cref="IOException">The medium has no room.</exception>
    public virtual void Reserve(long offset, long length) => CheckRange(offset, length);

    protected abstract void SetLengthCore(long length);
}
