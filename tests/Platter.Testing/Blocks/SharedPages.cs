using Platter.Blocks;

namespace Platter.Testing.Blocks;

/// <summary>A file in memory whose copies share what they have in common, so that thousands of variants of an image cost little.</summary>
public sealed class SharedPages : ResizableDevice
{
    private const int PageSize = 4096;

    private readonly byte[] _origin;
    private readonly Dictionary<long, byte[]> _pages;
    private readonly HashSet<long> _own = [];       // pages that no copy shares
    private long _length;
    private long _originLength;                     // below this, what isn't in a page comes from the origin

    /// <param name="origin">The content to start with; never changed.</param>
    public SharedPages(byte[] origin) : this(origin, [], origin.Length, origin.Length) { }

    private SharedPages(byte[] origin, Dictionary<long, byte[]> pages, long length, long originLength)
    {
        _origin = origin;
        _pages = pages;
        _length = length;
        _originLength = originLength;
    }

    public override long Length => _length;
    public override bool CanWrite => true;

    public SharedPages Copy()
    {
        _own.Clear();
        return new SharedPages(_origin, new Dictionary<long, byte[]>(_pages), _length, _originLength);
    }

    public byte[] ToArray()
    {
        var all = new byte[_length];
        Read(0, all);
        return all;
    }

    public override void Flush()
    {
        // Durability is simulated by whoever makes the copies.
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var from = (int)(offset % PageSize);
            var part = buffer[..Math.Min(buffer.Length, PageSize - from)];
            if (_pages.TryGetValue(offset / PageSize, out var page))
                page.AsSpan(from, part.Length).CopyTo(part);
            else
                ReadOrigin(offset, part);
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var from = (int)(offset % PageSize);
            var part = data[..Math.Min(data.Length, PageSize - from)];
            part.CopyTo(OwnPage(offset / PageSize).AsSpan(from));
            offset += part.Length;
            data = data[part.Length..];
        }
    }

    protected override void SetLengthCore(long length)
    {
        if (length < _length)
        {
            foreach (var page in _pages.Keys.Where(p => p * PageSize >= length).ToList())
            {
                _pages.Remove(page);
                _own.Remove(page);
            }
            _originLength = Math.Min(_originLength, length);
            if (length % PageSize != 0 && _pages.ContainsKey(length / PageSize))
                OwnPage(length / PageSize).AsSpan((int)(length % PageSize)).Clear();
        }
        _length = length;
    }

    private void ReadOrigin(long offset, Span<byte> buffer)
    {
        var there = (int)Math.Clamp(_originLength - offset, 0, buffer.Length);
        _origin.AsSpan((int)Math.Min(offset, _origin.Length), there).CopyTo(buffer);
        buffer[there..].Clear();
    }

    private byte[] OwnPage(long number)
    {
        if (_own.Contains(number))
            return _pages[number];
        var page = new byte[PageSize];
        if (_pages.TryGetValue(number, out var shared))
            shared.CopyTo(page, 0);
        else
            ReadOrigin(number * PageSize, page);
        _pages[number] = page;
        _own.Add(number);
        return page;
    }
}
