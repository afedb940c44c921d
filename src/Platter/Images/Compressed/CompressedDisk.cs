using System.Collections.Concurrent;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Compressed;

/// <summary>The disk in a compressed image: read only, at any offset, with memory that doesn't grow with the image.</summary>
/// <remarks>Short pieces are unpacked whole, on as many threads as read. Long ones go through a cursor, cell by cell; what was passed
/// shortly before the cell that was wanted is kept too, since readers on several threads come a little out of order.</remarks>
internal sealed class CompressedDisk : BlockDevice
{
    private const int CellSize = CompressedCursor.CellSize;
    private const int ShortPiece = 4 << 20;         // bytes of content
    private const long CacheSize = 48 << 20;        // of short pieces, which stand for all of the memory that is needed

    // Cells. Each of the threads that copy reads a chunk of four, all of them at once; beside the window of a decoder there is room for little more.
    private static readonly int KeptBehind = 4 * Math.Clamp(Environment.ProcessorCount, 2, 8) + 8;
    private static readonly int KeptCells = KeptBehind + 8;


    private readonly CompressedMap _map;
    private readonly RangeSet _zeros;
    private readonly Func<StreamDecoder> _makeDecoder;
    private readonly LruCache<byte[]> _cells;     // empty: zeros
    private readonly Stack<byte[]> _idle = [];      // cells that were given up, to be used again: as garbage they would double the memory of a window
    private readonly HashSet<long> _underWay = [];
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ConcurrentBag<StreamDecoder> _decoders = [];
    private readonly byte[] _passed = new byte[CellSize];       // what is unpacked on the way to a cell and not kept; used within the turn
    private CompressedCursor? _cursor;

    internal CompressedDisk(CompressedMap map, StreamSurvey survey, Func<StreamDecoder> makeDecoder)
    {
        _map = map;
        _zeros = survey.Zeros;
        _cursor = survey.TakeCursor();
        _makeDecoder = makeDecoder;
        var (largest, hasShort) = (CellSize, false);
        foreach (var piece in map.Pieces)
        {
            if (piece.Length > ShortPiece)
                continue;
            hasShort = true;
            largest = (int)Math.Max(largest, piece.Length);
        }
        _cells = new LruCache<byte[]>(hasShort ? (int)(CacheSize / largest) : KeptCells, (key, cell) =>
        {
            // Short pieces may still be read by somebody.
            if (cell.Length == CellSize && _map.Pieces[(int)(key >> 32)].Length > ShortPiece)
                _idle.Push(cell);
        });
    }

    public override long Length => _map.Length;
    public override bool CanWrite => false;

    public override void Flush()
    {
        // Nothing is ever written.
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        for (var from = offset; _zeros.NextGap(from, offset + length) is { } gap; from = gap.End)
            yield return new ByteRange(gap.Start, gap.Length);
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        for (var number = _map.Find(offset); !buffer.IsEmpty; number++)
        {
            var piece = _map.Pieces[number];
            while (!buffer.IsEmpty && offset < piece.End)
            {
                var within = offset - piece.Offset;
                var isShort = piece.Length <= ShortPiece;
                var cellStart = isShort ? 0 : within / CellSize * CellSize;
                var cellLength = isShort ? piece.Length : Math.Min(CellSize, piece.Length - cellStart);
                var part = buffer[..(int)Math.Min(buffer.Length, cellStart + cellLength - within)];
                if (isShort)
                    Copy(Whole(number), (int)within, part);
                else
                    ReadCell(number, cellStart, (int)(within - cellStart), part);
                buffer = buffer[part.Length..];
                offset += part.Length;
            }
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException("compressed images are read only");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _cursor?.Dispose();
            foreach (var decoder in _decoders)
                decoder.Dispose();
            _turn.Dispose();
        }
        base.Dispose(disposing);
    }

    private static long Key(int piece, long cellStart) => (long)piece << 32 | cellStart / CellSize;

    // Two readers of one piece: the second waits for the first.
    private byte[] Whole(int number)
    {
        var key = Key(number, 0);
        lock (_underWay)
        {
            while (true)
            {
                if (TryGet(key) is { } there)
                    return there;
                if (_underWay.Add(key))
                    break;
                Monitor.Wait(_underWay);
            }
        }
        try
        {
            var cell = Unpack(_map.Pieces[number]);
            Keep(key, cell);
            return cell;
        }
        finally
        {
            lock (_underWay)
            {
                _underWay.Remove(key);
                Monitor.PulseAll(_underWay);
            }
        }
    }

    private byte[] Unpack(in CompressedPiece piece)
    {
        if (!_decoders.TryTake(out var decoder))
            decoder = _makeDecoder();
        try
        {
            var content = GC.AllocateUninitializedArray<byte>((int)piece.Length);
            decoder.Begin(piece);
            var count = decoder.Read(content);
            if (count < content.Length)
                throw CompressedCursor.ShorterThanSaid(piece, count);
            if (!decoder.IsAtEnd && decoder.Read(new byte[1]) > 0)
                throw CompressedCursor.LongerThanSaid(piece);
            return content.AsSpan().ContainsAnyExcept((byte)0) ? content : [];
        }
        finally
        {
            _decoders.Add(decoder);
        }
    }

    private static void Copy(byte[] cell, int from, Span<byte> part)
    {
        if (cell.Length == 0)
            part.Clear();
        else
            cell.AsSpan(from, part.Length).CopyTo(part);
    }

    private void ReadCell(int number, long cellStart, int from, Span<byte> part)
    {
        if (TryCopy(Key(number, cellStart), from, part))
            return;
        _turn.Wait();
        try
        {
            // Nobody else takes cells while it is this thread's turn.
            if (!TryCopy(Key(number, cellStart), from, part))
                Copy(UnpackUpTo(number, cellStart), from, part);
        }
        finally
        {
            _turn.Release();
        }
    }

    private bool TryCopy(long key, int from, Span<byte> part)
    {
        lock (_gate)
        {
            if (!_cells.TryGet(key, out var cell))
                return false;
            Copy(cell, from, part);
            return true;
        }
    }

    private byte[] UnpackUpTo(int number, long cellStart)
    {
        _cursor ??= new CompressedCursor(_makeDecoder());
        var piece = _map.Pieces[number];
        var at = _cursor.MoveTowards(piece, piece.Offset + cellStart) - piece.Offset;
        while (true)
        {
            var expected = (int)Math.Min(CellSize, piece.Length - at);
            var isKept = at >= cellStart - (long)KeptBehind * CellSize;
            var content = isKept ? TakeIdle() : _passed;
            var count = _cursor.ReadCell(content);
            if (count < expected)
                throw CompressedCursor.ShorterThanSaid(piece, at + count);
            if (count > expected)
                throw CompressedCursor.LongerThanSaid(piece);
            if (at + count == piece.Length)
                _cursor.ExpectEnd();
            if (isKept)
            {
                var cell = Keep(Key(number, at), content, count);
                if (at == cellStart)
                    return cell;
            }
            at += count;
        }
    }

    private byte[] TakeIdle()
    {
        lock (_gate)
        {
            if (_idle.TryPop(out var cell))
                return cell;
        }
        return GC.AllocateUninitializedArray<byte>(CellSize);
    }

    private byte[] Keep(long key, byte[] content, int count)
    {
        var hasData = content.AsSpan(0, count).ContainsAnyExcept((byte)0);
        lock (_gate)
        {
            if (!hasData)
                _idle.Push(content);
            _cells.Set(key, hasData ? content : []);
        }
        return hasData ? content : [];
    }

    private byte[]? TryGet(long key)
    {
        lock (_gate)
        {
            return _cells.TryGet(key, out var cell) ? cell : null;
        }
    }

    private void Keep(long key, byte[] cell)
    {
        lock (_gate)
        {
            _cells.Set(key, cell);
        }
    }
}
