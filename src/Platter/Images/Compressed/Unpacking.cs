using System.Collections.Concurrent;
using Platter.Blocks;

namespace Platter.Images.Compressed;

/// <summary>Takes unpacked bytes; the offset is that in the content.</summary>
internal delegate void UnpackedBytes(long offset, ReadOnlySpan<byte> bytes);

/// <summary>Unpacks a compressed file in one pass, for those who want all of it: on all cores where its parts stand for themselves.</summary>
internal static class Unpacking
{
    private const int CellSize = 256 << 10;
    private const long LongestParallel = 32 << 20;      // bytes of content in a piece
    private const long ParallelMemory = 128 << 20;

    /// <summary>The compression of a file, by its content; null for none that Platter knows.</summary>
    public static CompressedFormat? Recognise(BlockDevice file)
    {
        var probe = new ContainerProbe(file);
        foreach (var format in ContainerFormat.All)
        {
            if (format is CompressedFormat compressed && compressed.Recognises(probe))
                return compressed;
        }
        return null;
    }

    /// <summary>Unpacks the first bytes of the content.</summary>
    /// <returns>How many there are; fewer than asked for when there are no more.</returns>
    /// <exception cref="DiskFormatException">The file is damaged or cut.</exception>
    public static int ReadStart(CompressedFormat format, BlockDevice file, Span<byte> start)
    {
        if (format.FirstPiece(file) is not { } piece)
            return 0;
        using var decoder = format.MakeDecoder(file);
        decoder.Begin(piece);
        return decoder.Read(start);
    }

    /// <summary>Unpacks all of the content.</summary>
    /// <param name="format">Its compression.</param>
    /// <param name="file">The file.</param>
    /// <param name="take">Gets the bytes, on the caller's thread; mostly in order.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="DiskFormatException">The file is damaged or cut; what came before has been taken.</exception>
    public static void Unpack(CompressedFormat format, BlockDevice file, UnpackedBytes take, CancellationToken cancellation)
    {
        using var survey = new StreamSurvey(() => format.MakeDecoder(file)) { Take = take, Cancellation = cancellation };
        var pieces = format.PiecesToUnpack(file, survey);
        var longest = pieces.Count == 0 ? 0 : pieces.Max(p => p.Length);
        if (longest is > LongestParallel and < long.MaxValue)
            OneByOne(format, file, pieces, take, cancellation);
        else
            InParallel(format, file, pieces, longest < long.MaxValue ? longest : 1 << 20, take, cancellation);
    }

    private static void OneByOne(CompressedFormat format, BlockDevice file, IReadOnlyList<CompressedPiece> pieces, UnpackedBytes take, CancellationToken cancellation)
    {
        using var decoder = format.MakeDecoder(file);
        var cell = GC.AllocateUninitializedArray<byte>(CellSize, pinned: true);
        foreach (var piece in pieces)
        {
            decoder.Begin(piece);
            var done = 0L;
            for (int count; (count = decoder.Read(cell)) > 0; done += count)
            {
                cancellation.ThrowIfCancellationRequested();
                if (done + count > piece.Length)
                    throw CompressedCursor.LongerThanSaid(piece);
                take(piece.Offset + done, cell.AsSpan(0, count));
            }
            if (done < piece.Length)
                throw CompressedCursor.ShorterThanSaid(piece, done);
        }
    }

    private static void InParallel(CompressedFormat format, BlockDevice file, IReadOnlyList<CompressedPiece> pieces, long usual, UnpackedBytes take, CancellationToken cancellation)
    {
        var decoders = new ConcurrentBag<StreamDecoder>();
        var atOnce = (int)Math.Clamp(ParallelMemory / Math.Max(1, usual), 1, Math.Clamp(Environment.ProcessorCount, 1, 8) * 2);
        var underWay = new Queue<Task<ArraySegment<byte>>>();
        try
        {
            var at = 0L;
            for (int next = 0, taken = 0; taken < pieces.Count; taken++)
            {
                cancellation.ThrowIfCancellationRequested();
                while (underWay.Count < atOnce && next < pieces.Count)
                {
                    var piece = pieces[next++];
                    underWay.Enqueue(Task.Run(() => Unpack(format, file, piece, decoders), CancellationToken.None));
                }
                var bytes = underWay.Dequeue().GetAwaiter().GetResult();
                // Where no length is known the pieces follow each other.
                if (pieces[taken].Length < long.MaxValue)
                    at = pieces[taken].Offset;
                take(at, bytes);
                at += bytes.Count;
            }
        }
        finally
        {
            foreach (var task in underWay)
                ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
            foreach (var decoder in decoders)
                decoder.Dispose();
        }
    }

    private static ArraySegment<byte> Unpack(CompressedFormat format, BlockDevice file, in CompressedPiece piece, ConcurrentBag<StreamDecoder> decoders)
    {
        if (!decoders.TryTake(out var decoder))
            decoder = format.MakeDecoder(file);
        try
        {
            decoder.Begin(piece);
            var isKnown = piece.Length < long.MaxValue;
            var bytes = GC.AllocateUninitializedArray<byte>(isKnown ? (int)piece.Length : 1 << 20);
            var count = 0;
            while (true)
            {
                count += decoder.Read(bytes.AsSpan(count));
                if (count < bytes.Length || decoder.IsAtEnd)
                    break;
                if (isKnown)
                {
                    if (decoder.Read(new byte[1]) > 0)
                        throw CompressedCursor.LongerThanSaid(piece);
                    break;
                }
                Array.Resize(ref bytes, checked(bytes.Length * 2));
            }
            if (isKnown && count < piece.Length)
                throw CompressedCursor.ShorterThanSaid(piece, count);
            return new ArraySegment<byte>(bytes, 0, count);
        }
        finally
        {
            decoders.Add(decoder);
        }
    }
}
