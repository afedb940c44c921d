using Platter.Primitives;

namespace Platter.Blocks;

// The pages of a transaction, and their way home.
public sealed partial class TransactionDevice
{
    private const int LargestWrite = 1 << 20;       // bytes that go home in one call

    private Span<byte> PageForWriting(long page, bool whole)
    {
        var there = _pages.InMemory(page);
        if (!there.IsEmpty)
            return there;
        if (_pages.CountInMemory * (long)Journal.PageSize >= _options.MemoryLimit)
            _journal.Spill(_pages);
        Span<byte> content = stackalloc byte[whole ? 0 : Journal.PageSize];
        if (!whole)
            _pages.Read(_home, page * Journal.PageSize, content);
        var slot = _pages.SlotOf(page);
        var target = _pages.TakeToMemory(page);
        if (!whole)
            content.CopyTo(target);
        if (slot >= 0)
            _journal.Release(slot);
        return target;
    }

    private void DropPages(long firstPage, long count)
    {
        foreach (var page in _pages.PagesWithin(firstPage, count))
        {
            if (_pages.SlotOf(page) is >= 0 and var slot)
                _journal.Release(slot);
            _pages.Remove(page);
        }
    }

    private void WriteFreshHome(long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
            return;
        _journal.MakePastDurable();
        _freshAtHome = true;
        _fresh.Add(offset, data.Length);
        _home.Write(offset, data);
        Unsettle(offset, data.Length);
    }

    /// <summary>Discards at once what was fresh, which no committed state refers to. On a host that ran full this is the room that whatever comes next needs.</summary>
    private void GiveBackFresh(long offset, long length)
    {
        for (var end = offset + length; _fresh.NextRange(offset) is { } range && range.Start < end;)
        {
            var from = Math.Max(range.Start, offset);
            var count = Math.Min(range.End, end) - from;
            _fresh.Remove(from, count);
            _home.Discard(from, count);
            Unsettle(from, count);
        }
    }

    private void KeepFromDiscard(long offset, long length)
    {
        if (!_discards.IsEmpty)
            _discards.Remove(offset, length);
    }

    // The commit is done by now, and must not be reported as failed: what could not be given back is tried again after the next one.
    private void ApplyDiscards()
    {
        if (_discards.IsEmpty)
            return;
        try
        {
            _journal.MakePastDurable();
            foreach (var range in _discards)
            {
                Unsettle(range.Start, range.Length);
                _home.Discard(range.Start, range.Length);
            }
        }
        catch (IOException)
        {
            return;
        }
        _discards.Clear();
    }

    private void FlushHome()
    {
        _home.Flush();
        _unsettled.Clear();
    }

    private void Unsettle(long offset, long length)
    {
        var first = offset / Journal.PageSize;
        _unsettled.Add(first, (offset + length - 1) / Journal.PageSize - first + 1);
    }

    // A sparse image on a full host must fail before the commit, not half-way home.
    private void ReserveHome(long[] pages)
    {
        if (_home is not ResizableDevice home)
            return;
        for (var i = 0; i < pages.Length;)
        {
            var count = RunLength(pages, i, int.MaxValue);
            var from = pages[i] * Journal.PageSize;
            if (from < home.Length)
                home.Reserve(from, Math.Min(home.Length - from, (long)count * Journal.PageSize));
            i += count;
        }
    }

    private void WriteJournal(long[] pages)
    {
        try
        {
            _journal.Commit(_pages, pages, _committedLength, _length, SampleOf(pages));
        }
        catch
        {
            try
            {
                _journal.Withdraw();
            }
            catch (IOException e)
            {
                _broken = $"the commit failed, and so did taking it back ({e.Message}): whether it happened shows when the image is opened again";
            }
            throw;
        }
    }

    private void WriteHome(long[] pages)
    {
        if (_home.Length != _length)
            ((ResizableDevice)_home).SetLength(_length);
        for (var next = _pages.Zeros.NextRange(0); next is { } zeros; next = _pages.Zeros.NextRange(zeros.End))
        {
            var from = zeros.Start * Journal.PageSize;
            _home.WriteZeros(from, Math.Min(zeros.Length * Journal.PageSize, _length - from));
        }
        var buffer = new byte[Math.Min(LargestWrite, Math.Max(1, pages.Length) * Journal.PageSize)];
        for (var i = 0; i < pages.Length;)
        {
            var count = RunLength(pages, i, buffer.Length / Journal.PageSize);
            for (var k = 0; k < count; k++)
                _pages.TryRead(pages[i + k], 0, buffer.AsSpan(k * Journal.PageSize, Journal.PageSize));
            var from = pages[i] * Journal.PageSize;
            _home.Write(from, buffer.AsSpan(0, (int)Math.Min((long)count * Journal.PageSize, _length - from)));
            i += count;
        }
    }

    private static int RunLength(long[] pages, int first, int limit)
    {
        var count = 1;
        while (count < limit && first + count < pages.Length && pages[first + count] == pages[first] + count)
            count++;
        return count;
    }

    // How the journal will know its image again: what some of the pages it replaces hold now.
    private PageSample[] SampleOf(long[] pages)
    {
        var count = Math.Min(pages.Length, Journal.MaxSamples);
        var chosen = new long[count];
        for (var i = 0; i < count; i++)
            chosen[i] = pages[(long)i * pages.Length / count];
        return Sample(chosen);
    }

    // The same before anything is known of what will be replaced: places all over the image, its start first.
    private PageSample[] SampleEvenly()
    {
        const int Count = 16;
        var pages = _committedLength / Journal.PageSize;
        var samples = Sample([.. Enumerable.Range(0, (int)Math.Min(Count, pages)).Select(i => i * pages / Math.Min(Count, pages))]);
        foreach (var sample in samples)
            _sampled[sample.Page] = 1;
        return samples;
    }

    private PageSample[] Sample(long[] pages)
    {
        var content = new byte[Journal.PageSize];
        var samples = new GrowingArray<PageSample>();
        foreach (var page in pages)
        {
            // What a power cut may still take back is no mark to know an image by.
            if (page >= Math.Min(_committedLength, _home.Length) / Journal.PageSize || _unsettled.Contains(page))
                continue;
            _home.Read(page * Journal.PageSize, content);
            samples.Add(Journal.Sample(page, content));
        }
        return samples.ToArray();
    }

    private void Forget()
    {
        _pages.Clear();
        _sampled.Clear();
        _fresh.Clear();
        _freshBuffered = 0;
        _freshAtHome = false;
    }

    private void CheckSound()
    {
        if (_broken is not null)
            throw new IOException(_broken);
    }
}
