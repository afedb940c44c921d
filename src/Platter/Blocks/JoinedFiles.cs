namespace Platter.Blocks;

/// <summary>The files of one image as one device, so that one transaction (and one journal, beside the main file) holds for all of them.</summary>
/// <remarks>
/// <code>
///   other file 0 | up to its room | other file 1 | ... | main file
/// </code>
/// The main file comes last, since its length is the only one that a transaction changes and takes back. The others have room of a fixed
/// length; what lies behind the end of the file reads as zeros, and the first write there makes the file as long as its room, durably and for good:
/// those zeros mean the same as none.
/// </remarks>
internal sealed class JoinedFiles : ResizableDevice
{
    private readonly List<Part> _parts = [];
    private readonly BlockDevice _main;
    private bool _mainChanged;

    private sealed class Part(BlockDevice file, long start, long room)
    {
        internal readonly BlockDevice File = file;
        internal readonly long Start = start;
        internal readonly long Room = room;
        internal bool Changed;

        internal long End => Start + Room;
    }

    /// <param name="main">The file that the image is known by; disposed with this.</param>
    /// <param name="others">The other files, disposed with this, and how long each may become.</param>
    internal JoinedFiles(BlockDevice main, IReadOnlyList<(BlockDevice File, long Room)> others)
    {
        _main = main;
        foreach (var (file, room) in others)
        {
            _parts.Add(new Part(file, MainStart, room));
            // Pages of a transaction belong to one file each.
            MainStart += (room + Journal.PageSize - 1) / Journal.PageSize * Journal.PageSize;
        }
    }

    /// <summary>Where the main file begins.</summary>
    internal long MainStart { get; }

    public override long Length => MainStart + _main.Length;
    public override bool CanWrite => _main.CanWrite && _parts.TrueForAll(p => p.File.CanWrite);

    /// <summary>Where another file begins, how much room it has, and how long it is.</summary>
    internal (long Start, long Room, long Length) PartAt(int number) => (_parts[number].Start, _parts[number].Room, _parts[number].File.Length);

    public override void Flush()
    {
        foreach (var part in _parts)
        {
            if (part.Changed)
                part.File.Flush();
            part.Changed = false;
        }
        if (_mainChanged)
            _main.Flush();
        _mainChanged = false;
    }

    public override void Reserve(long offset, long length)
    {
        base.Reserve(offset, length);
        foreach (var (part, from, count) in Cut(offset, length))
        {
            if ((part?.File ?? _main) is ResizableDevice file && from < file.Length)
                file.Reserve(from, Math.Min(count, file.Length - from));
        }
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return Ranges(offset, length).Joined();
    }

    private IEnumerable<ByteRange> Ranges(long offset, long length)
    {
        foreach (var (part, from, count) in Cut(offset, length))
        {
            var file = part?.File ?? _main;
            if (from >= file.Length)
                continue;
            foreach (var range in file.AllocatedRanges(from, Math.Min(count, file.Length - from)))
                yield return range with { Offset = range.Offset + (part?.Start ?? MainStart) };
        }
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length)
    {
        var (part, from, count) = Cut(offset, length).First();
        var file = part?.File ?? _main;
        return from < file.Length ? file.FindOnHost(from, Math.Min(count, file.Length - from)) : null;
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        foreach (var (part, from, count) in Cut(offset, buffer.Length))
        {
            var file = part?.File ?? _main;
            var there = (int)Math.Clamp(file.Length - from, 0, count);
            if (there > 0)
                file.Read(from, buffer[..there]);
            buffer[there..(int)count].Clear();
            buffer = buffer[(int)count..];
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        foreach (var (part, from, count) in Cut(offset, data.Length))
        {
            var piece = data[..(int)count];
            data = data[piece.Length..];
            if (part is null)
            {
                _mainChanged = true;
                _main.Write(from, piece);
                continue;
            }
            // A page of the transaction may reach over the end of the room; nothing is there.
            piece = piece[..(int)Math.Clamp(part.Room - from, 0, count)];
            if (piece.IsEmpty)
                continue;
            Grow(part, from + piece.Length);
            part.Changed = true;
            part.File.Write(from, piece);
        }
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        foreach (var (part, from, count) in Cut(offset, length))
        {
            var file = part?.File ?? _main;
            if (part is null)
                _mainChanged = true;
            else
                part.Changed = true;
            if (from < file.Length)
                file.WriteZeros(from, Math.Min(count, file.Length - from));
        }
    }

    protected override void DiscardCore(long offset, long length)
    {
        foreach (var (part, from, count) in Cut(offset, length))
        {
            var file = part?.File ?? _main;
            if (from < file.Length)
                file.Discard(from, Math.Min(count, file.Length - from));
        }
    }

    protected override void SetLengthCore(long length)
    {
        if (length < MainStart)
            throw new ArgumentOutOfRangeException(nameof(length), $"{length} bytes are less than the other files take: {MainStart}");
        _mainChanged = true;
        ((ResizableDevice)_main).SetLength(length - MainStart);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var part in _parts)
                part.File.Dispose();
            _main.Dispose();
        }
        base.Dispose(disposing);
    }

    // A commit must not depend on a length that a power cut takes back.
    private static void Grow(Part part, long needed)
    {
        if (needed <= part.File.Length)
            return;
        ((ResizableDevice)part.File).SetLength(part.Room);
        part.File.Flush();
    }

    // The pieces of a range, file by file; no part stands for the main file. Between a part's room and the next start there may be less than a page.
    private IEnumerable<(Part? Part, long From, long Count)> Cut(long offset, long length)
    {
        var end = offset + length;
        for (var i = 0; i < _parts.Count && offset < end; i++)
        {
            var part = _parts[i];
            var next = i + 1 < _parts.Count ? _parts[i + 1].Start : MainStart;
            if (offset >= next)
                continue;
            var count = Math.Min(end, next) - offset;
            yield return (part, offset - part.Start, count);
            offset += count;
        }
        if (offset < end)
            yield return (null, offset - MainStart, end - offset);
    }
}

/// <summary>The end of a device whose length can change: the main file of several joined ones. Flushing and rolling back concern all of them.</summary>
internal sealed class ResizableWindow(ResizableDevice inner, long start) : ResizableDevice
{
    public override long Length => inner.Length - start;
    public override int SectorSize => inner.SectorSize;
    public override bool CanWrite => inner.CanWrite;
    public override bool CanRollback => inner.CanRollback;

    public override void Flush() => inner.Flush();

    public override void Rollback() => inner.Rollback();

    public override void Reserve(long offset, long length)
    {
        base.Reserve(offset, length);
        inner.Reserve(start + offset, length);
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return inner.AllocatedRanges(start + offset, length).Select(r => r with { Offset = r.Offset - start });
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length) => inner.FindOnHost(start + offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(start + offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => inner.Write(start + offset, data);

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => inner.WriteFresh(start + offset, data);

    protected override void DiscardCore(long offset, long length) => inner.Discard(start + offset, length);

    protected override void WriteZerosCore(long offset, long length) => inner.WriteZeros(start + offset, length);

    protected override void SetLengthCore(long length) => inner.SetLength(start + length);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
