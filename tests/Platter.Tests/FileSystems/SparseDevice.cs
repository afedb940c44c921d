using Platter.Blocks;

namespace Platter.Tests.FileSystems;

/// <summary>A device of any length in memory: only the 4 KiB pages that were written to exist.</summary>
internal sealed class SparseDevice(long length, int sectorSize = 512) : BlockDevice
{
    private const int PageSize = 4096;
    private readonly Dictionary<long, byte[]> _pages = [];

    /// <summary>Bytes given to Write; zeros not counted.</summary>
    public long Written { get; private set; }

    public override long Length => length;
    public override int SectorSize => sectorSize;
    public override bool CanWrite => true;

    public override void Flush()
    {
        // Memory has no medium behind it.
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var within = (int)(offset % PageSize);
            var part = buffer[..Math.Min(buffer.Length, PageSize - within)];
            if (_pages.TryGetValue(offset / PageSize, out var page))
                page.AsSpan(within, part.Length).CopyTo(part);
            else
                part.Clear();
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        Written += data.Length;
        while (!data.IsEmpty)
        {
            var within = (int)(offset % PageSize);
            var part = data[..Math.Min(data.Length, PageSize - within)];
            if (!_pages.TryGetValue(offset / PageSize, out var page))
                _pages.Add(offset / PageSize, page = new byte[PageSize]);
            part.CopyTo(page.AsSpan(within));
            offset += part.Length;
            data = data[part.Length..];
        }
    }

    protected override void WriteZerosCore(long offset, long count)
    {
        foreach (var number in _pages.Keys.Where(n => (n + 1) * PageSize > offset && n * PageSize < offset + count).ToList())
        {
            var from = Math.Max(offset - number * PageSize, 0);
            _pages[number].AsSpan((int)from, (int)(Math.Min(offset + count - number * PageSize, PageSize) - from)).Clear();
        }
    }
}
