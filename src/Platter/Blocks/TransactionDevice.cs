using Platter.Primitives;

namespace Platter.Blocks;

/// <summary>How a <see cref="TransactionDevice"/> works.</summary>
public sealed record TransactionOptions
{
    /// <summary>Bytes of changed pages held in memory; what is beyond goes to the journal file, uncommitted.</summary>
    public long MemoryLimit { get; init; } = 32 << 20;

    /// <summary>Bytes of fresh data per transaction that are treated as any other write: cheaper, while it is little, than making the
    /// image durable once more before the commit.</summary>
    public long FreshLimit { get; init; } = 1 << 20;
}

/// <summary>Makes edits of an image atomic, as a database does: <see cref="Flush"/> commits, <see cref="Rollback"/> drops, and after a
/// crash at any instant the image is as it was after the last commit that returned, or the one that was under way.</summary>
/// <remarks>
/// <para>Changed pages are held in memory. A commit makes fresh data durable, writes the pages with their checksums into the redo
/// journal beside the image, makes it durable, writes the pages home, makes them durable, and retires the journal.</para>
/// <para>Discarded ranges are given back to the medium after the commit: until then they belong to the committed state.</para>
/// </remarks>
public sealed partial class TransactionDevice : ResizableDevice
{
    private readonly BlockDevice _home;
    private readonly TransactionOptions _options;
    private readonly JournalWriter _journal;
    private readonly PageOverlay _pages = new();
    private readonly RangeSet _discards = new();
    private readonly RangeSet _unsettled = new();       // pages that are at home, but perhaps not after a power cut: fresh or discarded since the last flush there
    private readonly RangeSet _fresh = new();           // bytes that went to the image as fresh since the last commit
    private readonly NumberMap<int> _sampled = new();    // pages by which the journal will know its image: no fresh data over them
    private readonly bool _ownsHome;
    private long _length;
    private long _committedLength;
    private long _freshBuffered;        // bytes written as fresh, but held as pages
    private bool _freshAtHome;          // fresh data went to the image and is not durable yet
    private string? _broken;

    private TransactionDevice(BlockDevice home, JournalStore store, TransactionOptions? options, bool ownsHome)
    {
        _home = home;
        _options = options ?? new TransactionOptions();
        _journal = new JournalWriter(store);
        _ownsHome = ownsHome;
        _length = _committedLength = home.Length;
    }

    public override long Length => _length;
    public override int SectorSize => _home.SectorSize;
    public override bool CanWrite => true;
    public override bool CanRollback => true;

    /// <summary>Whether anything has been written since the last commit.</summary>
    public bool HasChanges => !_pages.IsEmpty || _length != _committedLength || _freshAtHome;

    /// <summary>Opens an image for editing; a journal that is there is replayed when it is complete and discarded when not.</summary>
    /// <param name="home">The image; nobody else may write to it. A <see cref="ResizableDevice"/> if the image is ever to change its length.</param>
    /// <param name="store">Where the journal lies.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="ownsHome">Whether disposing this disposes <paramref name="home"/>.</param>
    /// <exception cref="DiskFormatException">The journal is that of another image.</exception>
    /// <exception cref="IOException">The medium failed.</exception>
    public static TransactionDevice Open(BlockDevice home, JournalStore store, TransactionOptions? options = null, bool ownsHome = false)
    {
        if (!home.CanWrite)
            throw new UnauthorizedAccessException("the image is open for reading only");
        JournalRecovery.Recover(home, store);
        return new TransactionDevice(home, store, options, ownsHome);
    }

    /// <summary>Commits: everything written since the last commit becomes durable, all at once. Without changes it does nothing.</summary>
    /// <remarks>Until a commit is in the journal, a failure takes nothing away: the pages stay, and a later call may succeed. Once it is, a failure on the way
    /// home makes the device refuse everything but reading: the next one to open the image brings the commit home.</remarks>
    /// <exception cref="IOException">The medium failed or is full. Unless the message says otherwise, nothing is committed, everything is
    /// still there to read, and the caller may try again or <see cref="Rollback"/>.</exception>
    public override void Flush()
    {
        CheckSound();
        if (_pages.IsEmpty && _length == _committedLength)
        {
            if (_freshAtHome)
                FlushHome();
            _freshAtHome = false;
            _fresh.Clear();
            ApplyDiscards();
            return;
        }
        var pages = _pages.SortedPages();
        ReserveHome(pages);
        if (_freshAtHome)
            FlushHome();
        _freshAtHome = false;
        WriteJournal(pages);
        try
        {
            WriteHome(pages);
            FlushHome();
            _journal.Retire();
        }
        catch (Exception e)
        {
            _broken = $"the last commit is safe in {_journal.Name}, but could not be written into the image ({e.Message}): close it and open it again";
            throw;
        }
        Forget();
        _committedLength = _length;
        ApplyDiscards();
    }

    /// <summary>Drops everything since the last commit. The room that fresh data took in the image goes back to the host.</summary>
    public override void Rollback()
    {
        CheckSound();
        _discards.Clear();
        GiveBackFresh(0, Math.Min(_committedLength, _home.Length));
        Forget();
        _length = _committedLength;
        if (_home.Length != _committedLength)
        {
            // Durable before the journal goes: its record of the old length is what would cut the image after a power cut.
            ((ResizableDevice)_home).SetLength(_committedLength);
            FlushHome();
        }
        _journal.Retire();
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return _pages.IsEmpty && _home.Length == _length
            ? _home.AllocatedRanges(offset, length)
            : _pages.AllocatedRanges(_home, offset, length);
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length)
    {
        // Next to pages that are held back nobody copies much.
        var there = Math.Min(length, _home.Length - offset);
        return _pages.IsEmpty && there > 0 ? _home.FindOnHost(offset, there) : null;
    }

    protected override void ReadCore(long offset, Span<byte> buffer) => _pages.Read(_home, offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        CheckSound();
        KeepFromDiscard(offset, data.Length);
        while (!data.IsEmpty)
        {
            var page = offset / Journal.PageSize;
            var from = (int)(offset % Journal.PageSize);
            var part = data[..Math.Min(data.Length, Journal.PageSize - from)];
            part.CopyTo(PageForWriting(page, whole: part.Length == Journal.PageSize)[from..]);
            offset += part.Length;
            data = data[part.Length..];
        }
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        if (!_freshAtHome && _freshBuffered + data.Length <= _options.FreshLimit)
        {
            _freshBuffered += data.Length;
            WriteCore(offset, data);
            return;
        }
        CheckSound();
        KeepFromDiscard(offset, data.Length);
        if (_pages.IsEmpty && _sampled.Count == 0)
        {
            WriteFreshHome(offset, data);
            return;
        }
        var clean = 0;      // bytes before `position` that no page covers; written in one go
        var position = 0;
        while (position < data.Length)
        {
            var page = (offset + position) / Journal.PageSize;
            var count = (int)Math.Min(Journal.PageSize - (offset + position) % Journal.PageSize, data.Length - position);
            if (_pages.Covers(page) || _sampled.ContainsKey((ulong)page))
            {
                WriteFreshHome(offset + position - clean, data.Slice(position - clean, clean));
                clean = 0;
                WriteCore(offset + position, data.Slice(position, count));
            }
            else
            {
                clean += count;
            }
            position += count;
        }
        WriteFreshHome(offset + position - clean, data.Slice(position - clean, clean));
    }

    protected override void DiscardCore(long offset, long length)
    {
        CheckSound();
        GiveBackFresh(offset, length);
        _discards.Add(offset, length);
    }

    // Whole pages of a long run become an entry of the journal instead of pages full of zeros.
    protected override void WriteZerosCore(long offset, long length)
    {
        CheckSound();
        KeepFromDiscard(offset, length);
        var end = offset + length;
        var firstPage = (offset + Journal.PageSize - 1) / Journal.PageSize;
        var endPage = end == _length ? (end + Journal.PageSize - 1) / Journal.PageSize : end / Journal.PageSize;
        if (endPage - firstPage < 16)
        {
            base.WriteZerosCore(offset, length);
            return;
        }
        if (firstPage * Journal.PageSize > offset)
            base.WriteZerosCore(offset, firstPage * Journal.PageSize - offset);
        if (endPage * Journal.PageSize < end)
            base.WriteZerosCore(endPage * Journal.PageSize, end - endPage * Journal.PageSize);
        DropPages(firstPage, endPage - firstPage);
        _pages.Zeros.Add(firstPage, endPage - firstPage);
    }

    protected override void SetLengthCore(long length)
    {
        CheckSound();
        if (_home is not ResizableDevice home)
            throw new NotSupportedException("the medium has a fixed length");
        if (length < _length)
        {
            var pages = (length + Journal.PageSize - 1) / Journal.PageSize;
            var count = (_length + Journal.PageSize - 1) / Journal.PageSize - pages;
            DropPages(pages, count);
            _pages.Zeros.Remove(pages, count);
            _discards.Remove(length, _length - length);
            if (length % Journal.PageSize is var used and not 0)
                PageForWriting(length / Journal.PageSize, whole: false)[(int)used..].Clear();
            _length = length;
            return;
        }
        var oldLength = _length;
        if (length > home.Length)
        {
            if (!_journal.HasIntent)
                _journal.WriteIntent(_committedLength, SampleEvenly());
            home.SetLength(length);
        }
        _length = length;
        // What was cut off earlier in this transaction is still there below, and must not come back.
        if (oldLength < _committedLength)
            WriteZerosCore(oldLength, Math.Min(length, _committedLength) - oldLength);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (_broken is not null)
            {
                _journal.Leave();
            }
            else
            {
                if (HasChanges || _home.Length != _committedLength)
                    Rollback();
                _journal.Dispose();
            }
            if (_ownsHome)
                _home.Dispose();
        }
        base.Dispose(disposing);
    }
}
