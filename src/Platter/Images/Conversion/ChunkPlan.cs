using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Conversion;

/// <summary>Cuts the part of a disk that may hold data into chunks: aligned, in order, each one's holes known.</summary>
internal sealed class ChunkPlan
{
    private readonly RangeSet _ranges;
    private readonly long _length;

    /// <param name="ranges">What may hold data.</param>
    /// <param name="length">Bytes of the disk that the chunks are for; the last chunk ends there.</param>
    /// <param name="chunkSize">Bytes in a chunk, and what each chunk's offset is a multiple of.</param>
    internal ChunkPlan(RangeSet ranges, long length, int chunkSize)
    {
        _ranges = ranges;
        _length = length;
        ChunkSize = chunkSize;
    }

    internal int ChunkSize { get; }

    /// <summary>Bytes that will be read.</summary>
    internal long Total => _ranges.Total;

    /// <summary>What may hold data on a device, up to a length.</summary>
    internal static RangeSet RangesOf(BlockDevice device, long length)
    {
        var ranges = new RangeSet();
        foreach (var range in device.AllocatedRanges(0, Math.Min(length, device.Length)))
            ranges.Add(range.Offset, range.Length);
        return ranges;
    }

    /// <summary>The chunks that have something to read.</summary>
    internal IEnumerable<PlannedChunk> Chunks()
    {
        for (var from = 0L; _ranges.NextRange(from) is { } next;)
        {
            var offset = next.Start / ChunkSize * ChunkSize;
            var length = (int)Math.Min(ChunkSize, _length - offset);
            yield return new PlannedChunk(offset, length, [.. _ranges.Enumerate(offset, length)]);
            from = offset + length;
        }
    }
}

/// <summary>A part of the disk that goes through the pipeline at once.</summary>
/// <param name="Offset">Bytes from the start of the disk.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Pieces">What is to be read of it; the rest is zeros.</param>
internal readonly record struct PlannedChunk(long Offset, int Length, LongRange[] Pieces)
{
    internal long PieceBytes
    {
        get
        {
            var sum = 0L;
            foreach (var piece in Pieces)
                sum += piece.Length;
            return sum;
        }
    }

    /// <summary>Reads the pieces that lie within the device; all else becomes zeros.</summary>
    internal void Read(BlockDevice device, Span<byte> buffer)
    {
        var done = 0;
        foreach (var piece in Pieces)
        {
            var end = Math.Min(piece.End, device.Length);
            if (piece.Start >= end)
                break;
            var at = (int)(piece.Start - Offset);
            buffer[done..at].Clear();
            done = (int)(end - Offset);
            device.Read(piece.Start, buffer[at..done]);
        }
        buffer[done..Length].Clear();
    }
}
