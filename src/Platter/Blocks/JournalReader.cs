using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.Blocks;

/// <summary>A journal as it was found: complete (to be replayed), or not (its transaction never happened).</summary>
internal sealed class JournalReader
{
    private readonly string _name;
    private readonly ResizableDevice _journal;
    private PageSample[] _samples = [];
    private PageEntry[] _pages = [];
    private ZeroEntry[] _zeros = [];

    private JournalReader(string name, ResizableDevice journal)
    {
        _name = name;
        _journal = journal;
    }

    /// <summary>Whether the transaction was committed; its pages may or may not be home.</summary>
    internal bool IsComplete { get; private set; }

    /// <summary>How long the image was before the transaction; -1 when an unfinished transaction didn't change that.</summary>
    internal long LengthBefore { get; private set; } = -1;

    /// <summary>How long the image is after the transaction, when it is complete.</summary>
    internal long LengthAfter { get; private set; }

    /// <exception cref="UnsupportedFeatureException">A later version of the format.</exception>
    internal static JournalReader Read(string name, ResizableDevice journal)
    {
        var reader = new JournalReader(name, journal);
        if (journal.Length < Journal.SlotsOffset)
            return reader;
        var head = new byte[Journal.SlotsOffset];
        journal.Read(0, head);
        reader.IsComplete = reader.ReadCommit(head.AsSpan(Journal.PageSize));
        if (!reader.IsComplete)
            reader.ReadIntent(head.AsSpan(0, Journal.PageSize));
        return reader;
    }

    /// <summary>Makes sure that this journal was written for this image.</summary>
    /// <exception cref="DiskFormatException">It wasn't (<c>IMG-0002</c>).</exception>
    internal void CheckBelongsTo(BlockDevice image)
    {
        if (!IsComplete && (LengthBefore < 0 || image.Length <= LengthBefore))
            return;     // nothing will be done with it
        var shortest = IsComplete ? Math.Min(LengthBefore, LengthAfter) : LengthBefore;
        var longest = IsComplete ? Math.Max(LengthBefore, LengthAfter) : long.MaxValue;
        if (image.Length < shortest || image.Length > longest)
            throw Foreign(-1, $"the image has {image.Length} bytes, the journal is for one of {(shortest == longest ? $"{shortest}" : $"{shortest} to {longest}")}");
        var content = new byte[Journal.PageSize];
        var next = new byte[Journal.PageSize];
        int strange = 0, firstStrange = -1;
        for (var i = 0; i < _samples.Length; i++)
        {
            var page = (long)(ulong)_samples[i].Page;
            if (page < 0 || page >= LengthBefore / Journal.PageSize || page >= image.Length / Journal.PageSize)
                continue;
            image.Read(page * Journal.PageSize, content);
            if (IsKnown(_samples[i], content, IsComplete && TryReadPage(page, next) ? next : null))
                continue;
            strange++;
            if (firstStrange < 0)
                firstStrange = i;
        }
        // A committed page is old or new, sector by sector. Before a commit, fresh data may have overwritten free space that was sampled,
        // but not most of it, and not the very start.
        if (IsComplete ? strange > 0 : firstStrange == 0 || strange > _samples.Length / 2)
            throw Foreign((long)(ulong)_samples[firstStrange].Page * Journal.PageSize, "the image holds neither what the journal replaced nor what it puts there");
    }

    /// <summary>Writes everything home. Doing it again, or on top of a half-done replay, gives the same.</summary>
    internal void Replay(BlockDevice image)
    {
        if (image.Length != LengthAfter)
            ((ResizableDevice)image).SetLength(LengthAfter);
        foreach (ref readonly var zero in _zeros.AsSpan())
        {
            var from = (long)(ulong)zero.FirstPage * Journal.PageSize;
            image.WriteZeros(from, Math.Min((long)(ulong)zero.PageCount * Journal.PageSize, LengthAfter - from));
        }
        var content = new byte[Journal.PageSize];
        foreach (ref readonly var entry in _pages.AsSpan())
        {
            var from = (long)(ulong)entry.Page * Journal.PageSize;
            _journal.Read(Journal.OffsetOfSlot(entry.Slot), content);
            image.Write(from, content.AsSpan(0, (int)Math.Min(Journal.PageSize, LengthAfter - from)));
        }
        image.Flush();
    }

    /// <summary>Shows the transaction's outcome over the image as it is.</summary>
    internal PageOverlay Overlay()
    {
        var overlay = new PageOverlay { Journal = _journal };
        foreach (ref readonly var zero in _zeros.AsSpan())
            overlay.Zeros.Add((long)(ulong)zero.FirstPage, (long)(ulong)zero.PageCount);
        foreach (ref readonly var entry in _pages.AsSpan())
            overlay.MoveToSlot((long)(ulong)entry.Page, (int)(uint)entry.Slot);
        return overlay;
    }

    private static bool IsKnown(in PageSample sample, ReadOnlySpan<byte> content, ReadOnlySpan<byte> next)
    {
        for (var sector = 0; sector < Journal.SectorsPerPage; sector++)
        {
            var found = Journal.SectorChecksum(content, sector);
            if (found != sample.Sectors[sector] && (next.IsEmpty || found != Journal.SectorChecksum(next, sector)))
                return false;
        }
        return true;
    }

    private bool TryReadPage(long page, Span<byte> content)
    {
        int low = 0, high = _pages.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var found = (long)(ulong)_pages[middle].Page;
            if (found == page)
            {
                _journal.Read(Journal.OffsetOfSlot(_pages[middle].Slot), content);
                return true;
            }
            if (found < page)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return false;
    }

    private void ReadIntent(ReadOnlySpan<byte> bytes)
    {
        var copy = bytes.ToArray();
        ref var intent = ref OnDisk.Edit<JournalIntent>(copy);
        if (intent.Magic != Journal.IntentMagic || intent.SampleCount > Journal.MaxSamples)
            return;
        CheckVersion(intent.Version, intent.PageSize);
        uint checksum = intent.Checksum;
        intent.Checksum = 0;
        var head = Unsafe.SizeOf<JournalIntent>();
        var samples = (int)(uint)intent.SampleCount * Unsafe.SizeOf<PageSample>();
        if (Journal.RecordChecksum(intent.Salt, copy.AsSpan(0, head + samples)) != checksum || (long)(ulong)intent.LengthBefore < 0)
            return;
        LengthBefore = (long)(ulong)intent.LengthBefore;
        _samples = MemoryMarshal.Cast<byte, PageSample>(copy.AsSpan(head, samples)).ToArray();
    }

    private bool ReadCommit(Span<byte> bytes)
    {
        ref var commit = ref OnDisk.Edit<JournalCommit>(bytes);
        if (commit.Magic != Journal.CommitMagic)
            return false;
        uint checksum = commit.Checksum;
        commit.Checksum = 0;
        if (Journal.RecordChecksum(commit.Salt, OnDisk.Bytes(ref commit)) != checksum)
            return false;
        CheckVersion(commit.Version, commit.PageSize);
        return ReadIndex(commit) && PagesAreWhole(commit.Salt);
    }

    // Lengths are compared with the file before anything is allocated: a checksum is no proof against a hand that can compute it.
    private bool ReadIndex(in JournalCommit commit)
    {
        ulong slots = (ulong)(_journal.Length - Journal.SlotsOffset) / Journal.PageSize, length = (ulong)_journal.Length;
        ulong offset = commit.IndexOffset, bytes = commit.IndexLength, pages = commit.PageCount, zeros = commit.ZeroCount;
        if (offset > length || bytes > length - offset || bytes > int.MaxValue || pages > slots || zeros > bytes / 16 || commit.SampleCount > Journal.MaxSamples
            || bytes != pages * 16 + zeros * 16 + (ulong)commit.SampleCount * 40 || (long)(ulong)commit.LengthBefore < 0 || (long)(ulong)commit.LengthAfter < 0)
        {
            return false;
        }
        var index = new byte[bytes];
        _journal.Read((long)offset, index);
        if (Journal.RecordChecksum(commit.Salt, index) != commit.IndexChecksum)
            return false;
        _pages = MemoryMarshal.Cast<byte, PageEntry>(index.AsSpan(0, (int)pages * 16)).ToArray();
        _zeros = MemoryMarshal.Cast<byte, ZeroEntry>(index.AsSpan((int)pages * 16, (int)zeros * 16)).ToArray();
        _samples = MemoryMarshal.Cast<byte, PageSample>(index.AsSpan((int)(pages + zeros) * 16)).ToArray();
        LengthBefore = (long)(ulong)commit.LengthBefore;
        LengthAfter = (long)(ulong)commit.LengthAfter;
        var imagePages = ((ulong)LengthAfter + Journal.PageSize - 1) / Journal.PageSize;
        foreach (ref readonly var zero in _zeros.AsSpan())
        {
            if (zero.FirstPage > imagePages || zero.PageCount > imagePages - zero.FirstPage)
                return false;
        }
        foreach (ref readonly var entry in _pages.AsSpan())
        {
            if (entry.Page >= imagePages || entry.Slot >= slots)
                return false;
        }
        return true;
    }

    private bool PagesAreWhole(ulong salt)
    {
        var content = new byte[Journal.PageSize];
        foreach (ref readonly var entry in _pages.AsSpan())
        {
            _journal.Read(Journal.OffsetOfSlot(entry.Slot), content);
            if (Journal.PageChecksum(salt, (long)(ulong)entry.Page, content) != entry.Checksum)
                return false;
        }
        return true;
    }

    private void CheckVersion(uint version, uint pageSize)
    {
        if (version != Journal.Version || pageSize != Journal.PageSize)
            throw new UnsupportedFeatureException($"{_name} is a journal of version {version} with pages of {pageSize} bytes: open the image with the Platter that wrote it");
    }

    private DiskFormatException Foreign(long offset, string problem) => new("IMG-0002", "Journal", offset,
        $"{_name} is the journal of another image, or this one was changed by other means since: {problem}. Bring back the image it belongs to, or delete the journal to keep this one as it is");
}
