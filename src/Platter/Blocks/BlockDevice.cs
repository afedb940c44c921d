namespace Platter.Blocks;

/// <summary>A random-access array of bytes of fixed length: the one abstraction that everything stands on.</summary>
/// <remarks>
/// <para>Reads and writes are exact: all bytes or an exception. Reads may run concurrently; there is one writer, and no read
/// runs beside a write. Offsets and lengths are bytes and need no alignment.</para>
/// <para>Durability: what was written survives a power cut once <see cref="Flush"/> has returned. Where a
/// <c>TransactionDevice</c> lies below, <see cref="Flush"/> is its commit: everything since the last flush becomes durable
/// at once or not at all, except what went through <see cref="WriteFresh"/>, which may arrive earlier.</para>
/// </remarks>
public abstract class BlockDevice : IDisposable
{
    /// <summary>Bytes in all; does not change while the device is open.</summary>
    public abstract long Length { get; }

    /// <summary>Bytes in a logical sector: what the formats on the device count in. A power of two, 512 to 4096.</summary>
    public virtual int SectorSize => 512;

    /// <summary>Whether <see cref="Write"/> is allowed.</summary>
    public abstract bool CanWrite { get; }

    /// <summary>Whether <see cref="Rollback"/> can drop what was written since the last <see cref="Flush"/>.</summary>
    public virtual bool CanRollback => false;

    /// <summary>Fills <paramref name="buffer"/> from <paramref name="offset"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the device.</exception>
    /// <exception cref="IOException">The medium failed.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        if (!buffer.IsEmpty)
            ReadCore(offset, buffer);
    }

    /// <summary>Writes all of <paramref name="data"/> at <paramref name="offset"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the device.</exception>
    /// <exception cref="UnauthorizedAccessException">The device is read-only.</exception>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        CheckWritable(offset, data.Length);
        if (!data.IsEmpty)
            WriteCore(offset, data);
    }

    /// <summary>As <see cref="Write"/>, with the caller's promise that no committed structure refers to this range
    /// (newly allocated space), so it may reach the medium before the commit.</summary>
    public void WriteFresh(long offset, ReadOnlySpan<byte> data)
    {
        CheckWritable(offset, data.Length);
        if (!data.IsEmpty)
            WriteFreshCore(offset, data);
    }

    /// <summary>The range's content no longer matters. What is read from it afterwards is undefined: the old bytes or zeros.</summary>
    public void Discard(long offset, long length)
    {
        CheckWritable(offset, length);
        if (length > 0)
            DiscardCore(offset, length);
    }

    /// <summary>Makes a range read as zeros; by unallocating it where that is certain to work, else by writing.</summary>
    public void WriteZeros(long offset, long length)
    {
        CheckWritable(offset, length);
        if (length > 0)
            WriteZerosCore(offset, length);
    }

    /// <summary>The ranges that may hold non-zero bytes: in order, not touching, within the device. Everything else reads as zeros.</summary>
    public IEnumerable<ByteRange> AllocatedRanges() => AllocatedRanges(0, Length);

    /// <summary>As <see cref="AllocatedRanges()"/>, for a part of the device.</summary>
    public virtual IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return length == 0 ? [] : [new ByteRange(offset, length)];
    }

    /// <summary>Where bytes lie in a file of the host, from <paramref name="offset"/> on, in one piece and unchanged; may be fewer than asked for.
    /// Null when the first of them don't: compressed, in memory, zeros that nothing stands for.</summary>
    /// <remarks>Holds until the device is written to. What a program must see (to verify, to look for zeros) it has to read all the same.</remarks>
    internal HostExtent? FindOnHost(long offset, long length)
    {
        CheckRange(offset, length);
        return length == 0 ? null : FindOnHostCore(offset, length);
    }

    /// <summary>Everything written so far survives a power cut when this returns; atomically above a transaction device.</summary>
    public abstract void Flush();

    /// <summary>Drops everything written since the last <see cref="Flush"/>, as if it had not been; what went through
    /// <see cref="WriteFresh"/> may stay.</summary>
    /// <exception cref="NotSupportedException">No transaction device lies below: see <see cref="CanRollback"/>.</exception>
    public virtual void Rollback() => throw new NotSupportedException("this device writes at once and keeps nothing to go back to");

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>As <see cref="FindOnHost"/>, for a range that a damaged structure names: null when it reaches out of the device.</summary>
    internal HostExtent? FindOnHostWithin(long offset, long length) =>
        offset >= 0 && length > 0 && offset <= Length - length ? FindOnHostCore(offset, length) : null;

    private protected virtual HostExtent? FindOnHostCore(long offset, long length) => null;

    protected abstract void ReadCore(long offset, Span<byte> buffer);

    protected abstract void WriteCore(long offset, ReadOnlySpan<byte> data);

    protected virtual void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => WriteCore(offset, data);

    protected virtual void DiscardCore(long offset, long length)
    {
        // Nothing is the cheapest way to keep the promise; devices that can unallocate do better.
    }

    protected virtual void WriteZerosCore(long offset, long length)
    {
        var zeros = new byte[(int)Math.Min(length, 1 << 20)];
        for (var done = 0L; done < length; done += zeros.Length)
            WriteCore(offset + done, zeros.AsSpan(0, (int)Math.Min(zeros.Length, length - done)));
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    protected void CheckRange(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Length || length > Length - offset)
            throw OutOfRange(offset, length);
    }

    // Like the others that make exceptions in functions of their own: what a message needs is prepared when it is needed, not at every start.
    private ArgumentOutOfRangeException OutOfRange(long offset, long length) =>
        new(nameof(offset), $"bytes {offset}..{offset + length} are not within the device's {Length} bytes");

    private void CheckWritable(long offset, long length)
    {
        if (!CanWrite)
            throw new UnauthorizedAccessException("the device is open for reading only");
        CheckRange(offset, length);
    }
}
