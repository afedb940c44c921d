using Microsoft.Win32.SafeHandles;

namespace Platter.Blocks;

/// <summary>A disk of the host that is open: what every system has for it, and what each does in its own way.</summary>
/// <param name="handle">The open disk; disposed with this.</param>
/// <param name="path">By which it was opened.</param>
/// <param name="length">Bytes.</param>
/// <param name="sectorSize">Bytes in a logical sector.</param>
internal abstract class HostDiskMedium(SafeFileHandle handle, string path, long length, int sectorSize) : IDisposable
{
    internal long Length => length;

    /// <summary>Bytes in a logical sector.</summary>
    internal int SectorSize => sectorSize;

    /// <summary>What offset and length of a transfer must be multiples of; 1 when the system does without.</summary>
    internal virtual int Alignment => sectorSize;

    protected SafeFileHandle Handle => handle;

    protected string Path => path;

    /// <summary>Reads all of the bytes; a disk is not supposed to end before its length.</summary>
    internal void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var read = RandomAccess.Read(handle, buffer, offset);
            if (read <= 0)
                throw new EndOfStreamException($"{path} ends at byte {offset}: the medium is gone or smaller than the system says");
            buffer = buffer[read..];
            offset += read;
        }
    }

    internal void Write(long offset, ReadOnlySpan<byte> data) => RandomAccess.Write(handle, data, offset);

    internal virtual void Flush() => RandomAccess.FlushToDisk(handle);

    /// <summary>Zeros whole sectors by a command of the disk; false when there is none that is certain.</summary>
    internal virtual bool TryWriteZeros(long offset, long length) => false;

    public virtual void Dispose() => handle.Dispose();
}
