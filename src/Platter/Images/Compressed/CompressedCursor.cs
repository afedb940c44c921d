using Platter.Primitives;

namespace Platter.Images.Compressed;

/// <summary>A decoder in the middle of a long piece, and the states it can go back to: reading backwards costs the way from the nearest
/// one, not from the start.</summary>
internal sealed class CompressedCursor(StreamDecoder decoder) : IDisposable
{
    /// <summary>What is unpacked at a time.</summary>
    internal const int CellSize = 256 << 10;

    // A window of 128 MiB leaves little for states to go back to: with what else a process needs it stays below 200 MB.
    private const long MemoryBudget = 132 << 20;    // bytes of the decoder's own memory and of saved states
    private const long LargestMarks = 64 << 20, LeastForMarks = 4 << 20;
    private const long LargeWindow = 32 << 20;      // bytes; states must not hold more than one such at once
    private const long ClosestMarks = 4 << 20;      // bytes of the disk between two

    private readonly SortedList<long, StreamDecoder.Mark> _marks = [];      // by offset on the disk
    private long _spacing = ClosestMarks;
    private long _marked;
    private CompressedPiece? _piece;

    /// <summary>Where the decoder stands on the disk; always at a cell's start, unless it is at a piece's end.</summary>
    private long At => _piece!.Value.Offset + decoder.Position;

    /// <summary>How many bytes have to be unpacked to get to an offset within a piece.</summary>
    internal long DistanceTo(in CompressedPiece piece, long offset) => offset - Math.Max(StandsIn(piece, offset) ? At : piece.Offset, NearestMark(piece, offset)?.Key ?? 0);

    /// <summary>Goes to a cell as near before the one asked for as can be.</summary>
    /// <returns>Where on the disk it is.</returns>
    internal long MoveTowards(in CompressedPiece piece, long offset)
    {
        var mark = NearestMark(piece, offset);
        if (StandsIn(piece, offset) && (mark is null || mark.Value.Key <= At))
            return At;
        _piece = piece;
        if (mark is { } nearest)
        {
            decoder.Restore(nearest.Value);
            return At;
        }
        // States pin the memory they are of; another piece may need a window of another size.
        if (decoder.WorkingMemory > LargeWindow)
            DropOthers(piece);
        decoder.Begin(piece);
        return At;
    }

    /// <summary>Unpacks the next cell of the piece.</summary>
    /// <returns>Bytes; fewer than a cell at the piece's end.</returns>
    internal int ReadCell(Span<byte> cell)
    {
        MarkIfDue();
        return decoder.Read(cell[..CellSize]);
    }

    /// <summary>Whether the piece's content ends here; its checksum is looked at then.</summary>
    /// <exception cref="DiskFormatException">There is more than the index says.</exception>
    internal void ExpectEnd()
    {
        Span<byte> one = stackalloc byte[1];
        if (!decoder.IsAtEnd && decoder.Read(one) > 0)
            throw LongerThanSaid(_piece!.Value);
    }

    internal static DiskFormatException LongerThanSaid(in CompressedPiece piece) =>
        new("CMP-0003", "index.length", piece.Source, $"found more than {piece.Length} bytes of content in the part that begins at disk offset {piece.Offset}, expected as many as the index says");

    internal static DiskFormatException ShorterThanSaid(in CompressedPiece piece, long found) =>
        new("CMP-0003", "index.length", piece.Source, $"found {found} bytes of content in the part that begins at disk offset {piece.Offset}, expected {piece.Length}");

    /// <summary>Where in the file the decoder has come to.</summary>
    internal long SourcePosition => decoder.SourcePosition;

    public void Dispose() => decoder.Dispose();

    private bool StandsIn(in CompressedPiece piece, long offset) => _piece is { } at && at.Source == piece.Source && !decoder.IsAtEnd && At <= offset;

    private KeyValuePair<long, StreamDecoder.Mark>? NearestMark(in CompressedPiece piece, long offset)
    {
        var index = Before(offset);
        return index >= 0 && _marks.GetKeyAtIndex(index) > piece.Offset && _marks.GetValueAtIndex(index).Piece.Source == piece.Source
            ? new(_marks.GetKeyAtIndex(index), _marks.GetValueAtIndex(index)) : null;
    }

    // The last mark at or before an offset; -1 when there is none.
    private int Before(long offset)
    {
        int low = 0, high = _marks.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_marks.GetKeyAtIndex(middle) <= offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low - 1;
    }

    private void MarkIfDue()
    {
        var at = At;
        var index = Before(at);
        var last = index >= 0 ? Math.Max(_marks.GetKeyAtIndex(index), _piece!.Value.Offset) : _piece!.Value.Offset;
        if (at - last < _spacing || decoder.IsAtEnd || (index + 1 < _marks.Count && _marks.GetKeyAtIndex(index + 1) - at < _spacing))
            return;
        var budget = Math.Clamp(MemoryBudget - decoder.WorkingMemory, LeastForMarks, LargestMarks);
        if (decoder.Save(budget / 2) is not { } mark)
        {
            // Trying costs time, too.
            _spacing *= 4;
            return;
        }
        _marks.Add(at, mark);
        _marked += mark.Size;
        while (_marked > budget && _marks.Count > 0)
            Thin();
    }

    private void DropOthers(in CompressedPiece piece)
    {
        for (var i = _marks.Count - 1; i >= 0; i--)
        {
            if (_marks.GetValueAtIndex(i).Piece.Source != piece.Source)
                Drop(i);
        }
        if (_marks.Count == 0)
            _spacing = ClosestMarks;
    }

    private void Drop(int index)
    {
        var mark = _marks.GetValueAtIndex(index);
        _marked -= mark.Size;
        decoder.Drop(mark);
        _marks.RemoveAt(index);
    }

    private void Thin()
    {
        _spacing *= 2;
        for (var i = _marks.Count - 1; i >= 0; i -= 2)
            Drop(i);
    }
}

/// <summary>Unpacks what has to be unpacked to know how long it is, and remembers which of it is zeros.</summary>
internal sealed class StreamSurvey(Func<StreamDecoder> makeDecoder) : IDisposable
{
    private readonly byte[] _cell = GC.AllocateUninitializedArray<byte>(CompressedCursor.CellSize, pinned: true);

    /// <summary>The decoder that was used, with its saved states; null when none was needed.</summary>
    internal CompressedCursor? Cursor { get; private set; }

    /// <summary>Gets what is unpacked, where somebody wants all of it anyway; null when only the length is asked for.</summary>
    internal UnpackedBytes? Take { get; init; }

    internal CancellationToken Cancellation { get; init; }

    private readonly HashSet<long> _taken = [];     // pieces, by where they start in the file
    private StreamDecoder? _taker;

    /// <summary>Whether the content of a piece has gone to <see cref="Take"/>.</summary>
    internal bool HasTaken(in CompressedPiece piece) => _taken.Contains(piece.Source);

    /// <summary>What of the disk has been seen to be zeros.</summary>
    internal RangeSet Zeros { get; } = new();

    /// <summary>Unpacks a piece from its start to its end.</summary>
    /// <returns>Bytes of content, and where in the file it ends.</returns>
    internal (long Length, long SourceEnd) Measure(in CompressedPiece piece)
    {
        if (Take is not null)
            return TakeAll(piece);
        Cursor ??= new CompressedCursor(makeDecoder());
        var length = 0L;
        var at = Cursor.MoveTowards(piece, piece.Offset);
        for (int count; (count = Cursor.ReadCell(_cell)) > 0; at += count)
        {
            length += count;
            if (!_cell.AsSpan(0, count).ContainsAnyExcept((byte)0))
                Zeros.Add(at, count);
        }
        return (length, Cursor.SourcePosition);
    }

    /// <summary>Hands the cursor over.</summary>
    internal CompressedCursor? TakeCursor()
    {
        var cursor = Cursor;
        Cursor = null;
        return cursor;
    }

    public void Dispose()
    {
        Cursor?.Dispose();
        _taker?.Dispose();
    }

    private (long Length, long SourceEnd) TakeAll(in CompressedPiece piece)
    {
        _taker ??= makeDecoder();
        _taker.Begin(piece);
        var length = 0L;
        try
        {
            for (int count; (count = _taker.Read(_cell)) > 0; length += count)
            {
                Cancellation.ThrowIfCancellationRequested();
                Take!(piece.Offset + length, _cell.AsSpan(0, count));
            }
        }
        catch (DiskFormatException)
        {
            // What came out before the damage.
            Take!(piece.Offset + length, _cell.AsSpan(0, (int)(_taker.Position - length)));
            throw;
        }
        _taken.Add(piece.Source);
        return (length, _taker.SourcePosition);
    }
}
