using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>Keeps pages of a container's tables and bitmaps, within bounds, and holds changes to them back until they are written at once.</summary>
/// <remarks>
/// <para>Only changed sectors are ever written: in a VHD the same page may hold table and data.</para>
/// <para>As with devices: reads may run side by side, a change runs alone.</para>
/// </remarks>
internal sealed class MetadataCache(BlockDevice host)
{
    private const int PageSize = 4096, SectorSize = 512;
    private const int CleanPages = 1024;        // 4 MiB
    private const int DirtyPages = 4096;        // 16 MiB; what is beyond goes to the host before the end of the transaction
    private const int LongRead = 16;            // pages; longer reads go past the pages, so that a scan doesn't sweep them out

    private readonly LruCache<byte[]> _clean = new(CleanPages);
    private readonly Dictionary<long, DirtyPage> _dirty = [];
    private readonly Lock _lock = new();

    /// <summary>A changed page; bit n of <paramref name="Sectors"/> stands for its sector n.</summary>
    private readonly record struct DirtyPage(byte[] Bytes, byte Sectors);

    /// <summary>Fills a buffer from the host, as it will be once everything is written; what lies behind the host's end is zeros.</summary>
    internal void Read(long offset, Span<byte> buffer)
    {
        if (buffer.Length >= LongRead * PageSize)
        {
            ReadPast(offset, buffer);
            return;
        }
        while (!buffer.IsEmpty)
        {
            var from = (int)(offset % PageSize);
            var part = buffer[..Math.Min(buffer.Length, PageSize - from)];
            Page(offset / PageSize).AsSpan(from, part.Length).CopyTo(part);
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    /// <summary>Changes bytes; they reach the host with <see cref="WriteBack"/>, or earlier when there are very many.</summary>
    internal void Write(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var number = offset / PageSize;
            var from = (int)(offset % PageSize);
            var part = data[..Math.Min(data.Length, PageSize - from)];
            if (!_dirty.TryGetValue(number, out var page))
            {
                if (_dirty.Count >= DirtyPages)
                    WriteBack();
                page = new DirtyPage(Page(number), 0);
                _clean.Remove(number);
            }
            part.CopyTo(page.Bytes.AsSpan(from));
            int first = from / SectorSize, last = (from + part.Length - 1) / SectorSize;
            _dirty[number] = page with { Sectors = (byte)(page.Sectors | (0xFF << first & 0xFF >> (7 - last))) };
            offset += part.Length;
            data = data[part.Length..];
        }
    }

    /// <summary>Writes all changes to the host.</summary>
    internal void WriteBack()
    {
        var numbers = new long[_dirty.Count];
        _dirty.Keys.CopyTo(numbers, 0);
        Array.Sort(numbers);
        foreach (var number in numbers)
        {
            var page = _dirty[number];
            for (var sector = 0; sector < PageSize / SectorSize; sector++)
            {
                var first = sector;
                while (sector < PageSize / SectorSize && (page.Sectors >> sector & 1) != 0)
                    sector++;
                if (sector > first)
                    host.Write(number * PageSize + first * SectorSize, page.Bytes.AsSpan(first * SectorSize, (sector - first) * SectorSize));
            }
        }
        foreach (var number in numbers)
            _clean.Set(number, _dirty[number].Bytes);
        _dirty.Clear();
    }

    /// <summary>Drops changes and pages alike: the host has gone back to its last commit.</summary>
    internal void Forget()
    {
        _dirty.Clear();
        _clean.Clear();
    }

    /// <summary>The ranges of a table that may hold anything but zeros.</summary>
    internal RangeSet NonZero(long offset, long length)
    {
        var ranges = new RangeSet();
        length = Math.Min(length, Math.Max(0, host.Length - offset));
        foreach (var range in host.AllocatedRanges(offset, length))
            ranges.Add(range.Offset, range.Length);
        foreach (var number in _dirty.Keys)
        {
            var start = Math.Max(offset, number * PageSize);
            var end = Math.Min(offset + length, (number + 1) * PageSize);
            if (start < end)
                ranges.Add(start, end - start);
        }
        return ranges;
    }

    private void ReadPast(long offset, Span<byte> buffer)
    {
        PageOverlay.ReadBelow(host, offset, buffer);
        if (_dirty.Count == 0)
            return;
        var last = (offset + buffer.Length - 1) / PageSize;
        for (var number = offset / PageSize; number <= last; number++)
        {
            if (!_dirty.TryGetValue(number, out var page))
                continue;
            for (var sector = 0; sector < PageSize / SectorSize; sector++)
            {
                var start = Math.Max(offset, number * PageSize + sector * SectorSize);
                var end = Math.Min(offset + buffer.Length, number * PageSize + (sector + 1) * SectorSize);
                if ((page.Sectors >> sector & 1) != 0 && start < end)
                    page.Bytes.AsSpan((int)(start - number * PageSize), (int)(end - start)).CopyTo(buffer[(int)(start - offset)..]);
            }
        }
    }

    private byte[] Page(long number)
    {
        if (_dirty.TryGetValue(number, out var changed))
            return changed.Bytes;
        lock (_lock)
        {
            if (_clean.TryGet(number, out var there))
                return there;
        }
        // Outside the lock, so that no reader waits for another's disk; two may read the same page, which is only time.
        var page = new byte[PageSize];
        PageOverlay.ReadBelow(host, number * PageSize, page);
        lock (_lock)
        {
            _clean.Set(number, page);
        }
        return page;
    }
}
