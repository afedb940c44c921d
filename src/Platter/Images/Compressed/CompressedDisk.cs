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
    private const long CacheSize = 48 << 20;
    private const int KeptBehind = 32;              // cells

    private readonly CompressedMap _map;
    private readonly RangeSet _zeros;
    private readonly Func<StreamDecoder> _makeDecoder;
    private readonly LruCache<byte[]> _cells;     // empty: zeros
    private readonly HashSet<long> _underWay = [];
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ConcurrentBag<StreamDecoder> _decoders = [];
    private CompressedCursor? _cursor;

    internal CompressedDisk(CompressedMap map, StreamSurvey survey, Func<StreamDecoder> makeDecoder)
    {
        _map = map;
        _zeros = survey.Zeros;
        _cursor = survey.TakeCursor();
        _makeDecoder = makeDecoder;
        var largest = CellSize;
        foreach (var piece in map.Pieces)
        {
            if (piece.Length <= ShortPiece)
                largest = (int)Math.Max(largest, piece.Length);
        }
        _cells = new LruCache<byte[]>((int)(CacheSize / largest));
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
                var cell = isShort ? Whole(number) : Cell(number, cellStart);
                if (cell.Length == 0)
                    part.Clear();
                else
                    cell.AsSpan((int)(within - cellStart), part.Length).CopyTo(part);
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

    private byte[] Cell(int number, long cellStart)
    {
        if (TryGet(Key(number, cellStart)) is { } there)
            return there;
        _turn.Wait();
        try
        {
            return TryGet(Key(number, cellStart)) ?? UnpackUpTo(number, cellStart);
        }
        finally
        {
            _turn.Release();
        }
    }

    private byte[] UnpackUpTo(int number, long cellStart)
    {
        _cursor ??= new CompressedCursor(_makeDecoder());
        var piece = _map.Pieces[number];
        var at = _cursor.MoveTowards(piece, piece.Offset + cellStart) - piece.Offset;
        var scratch = GC.AllocateUninitializedArray<byte>(CellSize);
        while (true)
        {
            var expected = (int)Math.Min(CellSize, piece.Length - at);
            var count = _cursor.ReadCell(scratch);
            if (count < expected)
                throw CompressedCursor.ShorterThanSaid(piece, at + count);
            if (count > expected)
                throw CompressedCursor.LongerThanSaid(piece);
            if (at + count == piece.Length)
                _cursor.ExpectEnd();
            if (at >= cellStart - (long)KeptBehind * CellSize)
            {
                var cell = scratch.AsSpan(0, count).ContainsAnyExcept((byte)0) ? scratch.AsSpan(0, count).ToArray() : [];
                Keep(Key(number, at), cell);
                if (at == cellStart)
                    return cell;
            }
            at += count;
        }
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
