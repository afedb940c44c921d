using Platter.Blocks;

namespace Platter.Fuzz;

/// <summary>A sound image that all cases start from: its pages are shared and never written, those of zeros are not there.</summary>
internal sealed class PagedImage
{
    public const int PageSize = 4096;

    private readonly byte[]?[] _pages;

    public PagedImage(ReadOnlySpan<byte> bytes, int sectorSize = 512)
    {
        Length = bytes.Length;
        SectorSize = sectorSize;
        _pages = new byte[]?[(bytes.Length + PageSize - 1) / PageSize];
        for (var i = 0; i < _pages.Length; i++)
        {
            var part = bytes[(i * PageSize)..Math.Min((i + 1) * PageSize, bytes.Length)];
            if (!part.ContainsAnyExcept((byte)0))
                continue;
            var page = new byte[PageSize];
            part.CopyTo(page);
            _pages[i] = page;
        }
    }

    public int Length { get; }
    public int SectorSize { get; }

    public ReadOnlySpan<byte> Page(int number) => number < _pages.Length ? _pages[number] : default;
}

/// <summary>An image of its own for one case: what it writes is copied, page by page; the rest stays the base's.</summary>
internal sealed class OverlayDevice(PagedImage image) : ResizableDevice
{
    private const int MostGrowth = 64 << 20;        // what a case may add to its image: a host that is full some day

    private readonly Dictionary<int, byte[]> _changed = [];
    private int _length = image.Length;

    public override long Length => _length;
    public override int SectorSize => image.SectorSize;
    public override bool CanWrite => true;

    /// <summary>Cuts the image, before anybody opens it.</summary>
    public void Cut(int length) => _length = Math.Min(length, _length);

    public override void Flush()
    {
        // Memory has no medium behind it.
    }

    /// <summary>Little-endian, 1 to 8 bytes; 0 for what lies behind the end.</summary>
    public ulong Get(long offset, int width)
    {
        if (offset < 0 || offset + width > _length)
            return 0;
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Read(offset, bytes[..width]);
        return BitConverter.ToUInt64(bytes);
    }

    /// <summary>Puts a little-endian field; nothing happens when it lies behind the end.</summary>
    public void Put(long offset, int width, ulong value)
    {
        if (offset >= 0 && offset + width <= _length)
            Write(offset, BitConverter.GetBytes(value).AsSpan(0, width));
    }

    protected override void SetLengthCore(long length)
    {
        if (length > image.Length + (long)MostGrowth)
            throw new IOException($"{length} bytes are more than this medium has");
        var cut = _length;
        _length = (int)length;
        if (length >= cut)
            return;
        // What is cut off is zeros should the file grow again.
        for (var at = _length; at < cut;)
        {
            var count = Math.Min(cut - at, PagedImage.PageSize - at % PagedImage.PageSize);
            WriteCore(at, new byte[count]);
            at += count;
        }
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var number = (int)(offset / PagedImage.PageSize);
            var at = (int)(offset % PagedImage.PageSize);
            var part = buffer[..Math.Min(buffer.Length, PagedImage.PageSize - at)];
            var page = _changed.Count > 0 && _changed.TryGetValue(number, out var own) ? own : image.Page(number);
            if (page.IsEmpty)
                part.Clear();
            else
                page.Slice(at, part.Length).CopyTo(part);
            buffer = buffer[part.Length..];
            offset += part.Length;
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var number = (int)(offset / PagedImage.PageSize);
            var at = (int)(offset % PagedImage.PageSize);
            var part = data[..Math.Min(data.Length, PagedImage.PageSize - at)];
            if (!_changed.TryGetValue(number, out var page))
            {
                _changed[number] = page = new byte[PagedImage.PageSize];
                image.Page(number).CopyTo(page);
            }
            part.CopyTo(page.AsSpan(at));
            data = data[part.Length..];
            offset += part.Length;
        }
    }
}
