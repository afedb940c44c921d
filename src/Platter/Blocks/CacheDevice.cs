using Platter.Primitives;

namespace Platter.Blocks;

/// <summary>Keeps what was read lately from a device whose reads are dear: a host disk without a page cache, a compressed container.</summary>
/// <remarks>Writes go through at once. Reads longer than a few pages pass by, so that a copy doesn't sweep the cache out.</remarks>
public sealed class CacheDevice : BlockDevice
{
    private const int LongRead = 4;     // pages

    private readonly BlockDevice _inner;
    private readonly int _pageSize;
    private readonly bool _ownsInner;
    private readonly LruCache<byte[]> _pages;
    private readonly Lock _lock = new();

    /// <param name="inner">The device below.</param>
    /// <param name="pageSize">Bytes that are read at a time; a power of two.</param>
    /// <param name="pageCount">Pages kept: the memory taken is as much as these.</param>
    /// <param name="ownsInner">Whether disposing this disposes <paramref name="inner"/>.</param>
    public CacheDevice(BlockDevice inner, int pageSize = 16 << 10, int pageCount = 256, bool ownsInner = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageSize, 512);
        if (!int.IsPow2(pageSize))
            throw new ArgumentOutOfRangeException(nameof(pageSize), $"a page of {pageSize} bytes is no power of two");
        _inner = inner;
        _pageSize = pageSize;
        _ownsInner = ownsInner;
        _pages = new LruCache<byte[]>(pageCount);
    }

    public override long Length => _inner.Length;
    public override int SectorSize => _inner.SectorSize;
    public override bool CanWrite => _inner.CanWrite;
    public override bool CanRollback => _inner.CanRollback;

    public override void Flush() => _inner.Flush();

    public override void Rollback()
    {
        _inner.Rollback();
        _pages.Clear();
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => _inner.AllocatedRanges(offset, length);

    private protected override HostExtent? FindOnHostCore(long offset, long length) => _inner.FindOnHost(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        if (buffer.Length >= LongRead * _pageSize)
        {
            _inner.Read(offset, buffer);
            return;
        }
        while (!buffer.IsEmpty)
        {
            var from = (int)(offset % _pageSize);
            var part = buffer[..Math.Min(buffer.Length, _pageSize - from)];
            Page(offset / _pageSize).AsSpan(from, part.Length).CopyTo(part);
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        _inner.Write(offset, data);
        Forget(offset, data.Length);
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        _inner.WriteFresh(offset, data);
        Forget(offset, data.Length);
    }

    protected override void DiscardCore(long offset, long length)
    {
        _inner.Discard(offset, length);
        Forget(offset, length);
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        _inner.WriteZeros(offset, length);
        Forget(offset, length);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsInner)
            _inner.Dispose();
        base.Dispose(disposing);
    }

    private byte[] Page(long number)
    {
        lock (_lock)
        {
            if (_pages.TryGet(number, out var there))
                return there;
        }
        // Outside the lock: two readers may read the same page, which is only time; none waits for another's disk.
        var start = number * _pageSize;
        var page = new byte[Math.Min(_pageSize, _inner.Length - start)];
        _inner.Read(start, page);
        lock (_lock)
        {
            _pages.Set(number, page);
        }
        return page;
    }

    private void Forget(long offset, long length)
    {
        var last = (offset + length - 1) / _pageSize;
        if (last - offset / _pageSize > _pages.Count)
        {
            _pages.Clear();
            return;
        }
        for (var page = offset / _pageSize; page <= last; page++)
            _pages.Remove(page);
    }
}
