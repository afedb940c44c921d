using Platter.Primitives;

namespace Platter.Blocks;

/// <summary>Pages and runs of zeros that lie over a device: the uncommitted part of a transaction, or a journal that is not home yet.</summary>
/// <remarks>A page is in memory or in a slot of the journal; a page wins over a run of zeros. Reading changes nothing here,
/// so readers may run side by side while nobody writes.</remarks>
internal sealed class PageOverlay
{
    private const int PagesPerSlab = 64;

    private readonly NumberMap<int> _pages = new();     // page number -> place in memory, or ~slot in the journal
    private readonly GrowingArray<byte[]> _slabs = new();
    private readonly GrowingArray<int> _freePlaces = new();
    private int _usedPlaces;

    /// <summary>Runs of page numbers that read as zeros where no page lies over them.</summary>
    internal RangeSet Zeros { get; } = new();

    /// <summary>Where slots are read from; set while any page is in one.</summary>
    internal BlockDevice? Journal { get; set; }

    internal int Count => _pages.Count;
    internal int CountInMemory => _usedPlaces - _freePlaces.Count;
    internal bool IsEmpty => _pages.Count == 0 && Zeros.IsEmpty;

    /// <summary>Whether the page is not what the device below has.</summary>
    internal bool Covers(long page) => _pages.ContainsKey((ulong)page) || Zeros.Contains(page);

    internal long[] SortedPages()
    {
        var keys = _pages.SortedKeys();
        var pages = new long[keys.Length];
        for (var i = 0; i < pages.Length; i++)
            pages[i] = (long)keys[i];
        return pages;
    }

    /// <summary>Copies a page that is there; false when it isn't.</summary>
    internal bool TryRead(long page, int from, Span<byte> buffer)
    {
        if (!_pages.TryGetValue((ulong)page, out var place))
            return false;
        if (place >= 0)
            Place(place).Slice(from, buffer.Length).CopyTo(buffer);
        else
            Journal!.Read(Blocks.Journal.OffsetOfSlot(~place) + from, buffer);
        return true;
    }

    /// <summary>The page's bytes when they are in memory; empty when not.</summary>
    internal Span<byte> InMemory(long page) => _pages.TryGetValue((ulong)page, out var place) && place >= 0 ? Place(place) : default;

    /// <summary>The journal slot of a page that is in one; -1 when it is in memory or not there.</summary>
    internal int SlotOf(long page) => _pages.TryGetValue((ulong)page, out var place) && place < 0 ? ~place : -1;

    /// <summary>Makes room in memory for a page and returns it, with whatever bytes are there; a slot it was in is given up.</summary>
    internal Span<byte> TakeToMemory(long page)
    {
        var place = _freePlaces.TryPop(out var free) ? free : _usedPlaces++;
        if (place / PagesPerSlab == _slabs.Count)
            _slabs.Add(new byte[PagesPerSlab * Blocks.Journal.PageSize]);
        _pages[(ulong)page] = place;
        return Place(place);
    }

    /// <summary>Notes that a page's content is in a slot now; its memory is free again.</summary>
    internal void MoveToSlot(long page, int slot)
    {
        if (_pages.TryGetValue((ulong)page, out var place) && place >= 0)
            _freePlaces.Add(place);
        _pages[(ulong)page] = ~slot;
    }

    internal void Remove(long page)
    {
        if (_pages.Remove((ulong)page, out var place) && place >= 0)
            _freePlaces.Add(place);
    }

    /// <summary>The pages there are within a range of numbers; a copy, so that they can be removed one by one.</summary>
    internal List<long> PagesWithin(long firstPage, long count)
    {
        var found = new List<long>();
        if (count > _pages.Count)
        {
            found.AddRange(SortedPages().Where(p => p >= firstPage && p - firstPage < count));
            return found;
        }
        for (var page = firstPage; page < firstPage + count; page++)
        {
            if (_pages.ContainsKey((ulong)page))
                found.Add(page);
        }
        return found;
    }

    /// <summary>Forgets everything; a slab stays for the next transaction.</summary>
    internal void Clear()
    {
        _pages.Clear();
        _freePlaces.Clear();
        _usedPlaces = 0;
        Zeros.Clear();
        _slabs.Shorten(1);
    }

    /// <summary>Reads through the overlay: what it doesn't cover comes from <paramref name="below"/>, what lies behind its end is zeros.</summary>
    internal void Read(BlockDevice below, long offset, Span<byte> buffer)
    {
        if (IsEmpty)
        {
            ReadBelow(below, offset, buffer);
            return;
        }
        var clean = 0;      // bytes at the start of `buffer` that come from below; read in one go
        var position = 0;
        while (position < buffer.Length)
        {
            var page = (offset + position) / Blocks.Journal.PageSize;
            var from = (int)((offset + position) % Blocks.Journal.PageSize);
            var count = Math.Min(Blocks.Journal.PageSize - from, buffer.Length - position);
            var target = buffer.Slice(position, count);
            var covered = TryRead(page, from, target);
            if (!covered && Zeros.Contains(page))
            {
                target.Clear();
                covered = true;
            }
            if (covered)
            {
                ReadBelow(below, offset + position - clean, buffer.Slice(position - clean, clean));
                clean = 0;
            }
            else
            {
                clean += count;
            }
            position += count;
        }
        ReadBelow(below, offset + position - clean, buffer.Slice(position - clean, clean));
    }

    /// <summary>The ranges of the overlaid device that may hold data: those below, those of the pages, joined and in order.</summary>
    internal IEnumerable<ByteRange> AllocatedRanges(BlockDevice below, long offset, long length)
    {
        var end = offset + length;
        var ranges = new RangeSet();
        var belowEnd = Math.Min(end, below.Length);
        if (offset < belowEnd)
        {
            foreach (var range in below.AllocatedRanges(offset, belowEnd - offset))
                ranges.Add(range.Offset, range.Length);
        }
        foreach (var zero in Zeros)
            ranges.Remove(zero.Start * Blocks.Journal.PageSize, zero.Length * Blocks.Journal.PageSize);
        foreach (var page in SortedPages())
            ranges.Add(page * Blocks.Journal.PageSize, Blocks.Journal.PageSize);
        foreach (var range in ranges.Enumerate(offset, length))
            yield return new ByteRange(range.Start, range.Length);
    }

    internal static void ReadBelow(BlockDevice below, long offset, Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return;
        var there = (int)Math.Clamp(below.Length - offset, 0, buffer.Length);
        below.Read(Math.Min(offset, below.Length), buffer[..there]);
        buffer[there..].Clear();
    }

    private Span<byte> Place(int place) =>
        _slabs[place / PagesPerSlab].AsSpan(place % PagesPerSlab * Blocks.Journal.PageSize, Blocks.Journal.PageSize);
}
