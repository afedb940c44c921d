using Platter.Primitives;

namespace Platter.FileSystems;

/// <summary>A structure that may be too large to be held whole (a file allocation table, an allocation bitmap, a directory): read in pages
/// as it is touched, changed in memory, written back by whole sectors.</summary>
/// <remarks>What was used longest ago goes first when there are too many pages. So a page, or a reference into one, must not be kept while
/// others are asked for.</remarks>
internal abstract class PagedStructure
{
    /// <summary>Bytes of a page: whole sectors of every legal size. The last one may be shorter.</summary>
    public const int PageBytes = 16384;

    // The framework's sort prepares a dozen types when it is first called, which takes longer than sorting this many.
    private const int FewPages = 32;

    private readonly LruCache<Page> _pages;
    private readonly int _maxPages;
    private readonly int _sectorSize;
    private Page? _last;

    /// <param name="sectorSize">Bytes that are written at least.</param>
    /// <param name="maxPages">How many pages are held.</param>
    protected PagedStructure(int sectorSize, int maxPages)
    {
        _sectorSize = sectorSize;
        _maxPages = maxPages;
        _pages = new LruCache<Page>(maxPages);
    }

    /// <summary>Bytes of changed pages that wait for <see cref="WriteBack"/>.</summary>
    public long DirtyBytes { get; private set; }

    /// <summary>Bytes held.</summary>
    public long CachedBytes => _pages.Count * (long)PageBytes;

    /// <summary>Bytes of the whole structure, a multiple of the sector size.</summary>
    protected abstract long PagedLength { get; }

    /// <summary>Reads a part.</summary>
    protected abstract void Load(long offset, Span<byte> target);

    /// <summary>Writes a part: whole sectors.</summary>
    protected abstract void Store(long offset, ReadOnlySpan<byte> data);

    /// <summary>Writes every changed page, in order.</summary>
    public void WriteBack()
    {
        if (DirtyBytes == 0)
            return;
        // Plain loops: LINQ over the dictionary would be compiled anew at every start of the command, for 3 ms.
        var pages = _pages.Values();
        if (pages.Length > 1)
            SortByNumber(pages);
        foreach (var page in pages)
        {
            if (page.IsDirty)
                Write(page);
        }
    }

    /// <summary>A page, read now if it is not held.</summary>
    protected Page GetPage(int number)
    {
        if (_last is { } last && last.Number == number)
            return last;
        return _last = _pages.TryGet(number, out var page) ? page : Read(number);
    }

    /// <summary>Reads the pages of a part, if they are not held: changing them does not fail then.</summary>
    protected void Touch(long firstByte, long lastByte)
    {
        for (var number = (int)(firstByte / PageBytes); number <= (int)(lastByte / PageBytes); number++)
            GetPage(number);
    }

    /// <summary>Notes that a part of a page was changed.</summary>
    protected void MarkDirty(Page page, int from, int length)
    {
        if (!page.IsDirty)
        {
            DirtyBytes += page.Data.Length;
            page.DirtyFrom = from;
        }
        page.DirtyFrom = Math.Min(page.DirtyFrom, from);
        page.DirtyTo = Math.Max(page.DirtyTo, from + length);
    }

    /// <summary>The structure became longer. Its last page, if it is held and short, grows with it, by zeros that are changes.</summary>
    /// <param name="oldLength">Bytes it had.</param>
    protected void Lengthened(long oldLength)
    {
        var number = (int)(oldLength / PageBytes);
        var within = (int)(oldLength % PageBytes);
        if (within == 0 || !_pages.TryGet(number, out var page))
            return;
        var wasDirty = page.IsDirty;
        var data = page.Data;
        Array.Resize(ref data, PageLength(number));
        if (wasDirty)
            DirtyBytes += data.Length - page.Data.Length;
        page.Data = data;
    }

    /// <summary>Gives up pages, changes included: somebody has written that part of the structure past them.</summary>
    protected void Forget(int firstPage)
    {
        foreach (var page in _pages.Values())
        {
            if (page.Number < firstPage)
                continue;
            if (page.IsDirty)
                DirtyBytes -= page.Data.Length;
            _pages.Remove(page.Number);
        }
        _last = null;
    }

    private static void SortByNumber(Page[] pages)
    {
        if (pages.Length > FewPages)
        {
            SortMany(pages);
            return;
        }
        for (var i = 1; i < pages.Length; i++)
        {
            for (var k = i; k > 0 && pages[k].Number < pages[k - 1].Number; k--)
                (pages[k], pages[k - 1]) = (pages[k - 1], pages[k]);
        }
    }

    private static void SortMany(Page[] pages) => Array.Sort(pages, static (a, b) => a.Number - b.Number);

    private int PageLength(int number) => (int)Math.Min(PageBytes, PagedLength - (long)number * PageBytes);

    private Page Read(int number)
    {
        byte[]? data = null;
        var length = PageLength(number);
        if (_pages.Count == _maxPages)
        {
            var oldest = _pages.Oldest;
            if (oldest.IsDirty)
                Write(oldest);
            _pages.Remove(oldest.Number);
            if (oldest.Data.Length == length)
                data = oldest.Data;
        }
        data ??= new byte[length];
        Load((long)number * PageBytes, data);
        var page = new Page(number, data);
        _pages.Set(number, page);
        return page;
    }

    private void Write(Page page)
    {
        var from = page.DirtyFrom / _sectorSize * _sectorSize;
        var to = Math.Min((page.DirtyTo + _sectorSize - 1) / _sectorSize * _sectorSize, page.Data.Length);
        Store((long)page.Number * PageBytes + from, page.Data.AsSpan(from, to - from));
        page.DirtyFrom = page.DirtyTo = 0;
        DirtyBytes -= page.Data.Length;
    }

    /// <summary>A page in memory.</summary>
    protected sealed class Page(int number, byte[] data)
    {
        public int Number => number;
        public byte[] Data { get; set; } = data;

        // Bytes within Data; equal when nothing has changed.
        public int DirtyFrom { get; set; }
        public int DirtyTo { get; set; }
        public bool IsDirty => DirtyTo > DirtyFrom;
    }
}
