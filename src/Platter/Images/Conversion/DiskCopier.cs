using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Conversion;

/// <summary>Copies a disk into a device: reading and looking for zeros on many threads, writing on one. Holes are not read, zeros not written.</summary>
/// <param name="source">The disk.</param>
/// <param name="ranges">What of it may hold data; becomes this class's own.</param>
/// <param name="target">As long, or longer.</param>
/// <param name="options">Threads, progress, cancellation.</param>
internal sealed class DiskCopier(BlockDevice source, RangeSet ranges, BlockDevice target, ConvertOptions options)
{
    private const int ChunkSize = 1 << 20;

    /// <summary>What the target reads as before the copy; null for zeros. Only what differs from it is written.</summary>
    internal BlockDevice? Base { get; init; }

    /// <summary>Whether the target may hold something of its own, which is to be replaced: then it is zeroed where the source has zeros,
    /// and written as what it is, committed data.</summary>
    internal bool Replace { get; init; }

    /// <summary>Bytes that are written or left out together.</summary>
    internal int Granule { get; init; } = 4096;

    /// <summary>Called now and then, so that the host can begin to put on its medium what was written.</summary>
    internal Action<long>? Written { get; init; }

    private sealed class Slot(bool compares) : ChunkSlot
    {
        // Outside the small-object heap, and used for the whole copy. What is at a multiple of a page on the disk is so in memory, too: it
        // can go to the medium from here.
        internal readonly Memory<byte> Bytes = PageAligned(ChunkSize);
        internal readonly byte[] Below = compares ? GC.AllocateUninitializedArray<byte>(ChunkSize, pinned: true) : [];
        internal readonly List<LongRange> Runs = [];

        private static unsafe Memory<byte> PageAligned(int length)
        {
            const int Page = 4096;
            var bytes = GC.AllocateUninitializedArray<byte>(length + Page, pinned: true);
            fixed (byte* start = bytes)
                return bytes.AsMemory((int)(-(nint)start & (Page - 1)), length);
        }
    }

    /// <returns>Bytes read, and bytes stored.</returns>
    internal (long Read, long Stored) Run()
    {
        var total = ranges.Total;
        if (Base is not null)
        {
            // Where the base has something and the source a hole, zeros must be stored.
            foreach (var range in Base.AllocatedRanges(0, Math.Min(Base.Length, target.Length)))
                ranges.Add(range.Offset, range.Length);
        }
        var plan = new ChunkPlan(ranges, target.Length, ChunkSize);
        var meter = new WorkMeter(options.Progress, "converting", plan.Total, null);
        var (stored, position) = (0L, 0L);
        new ChunkPipeline<Slot>(ChunkPipeline<Slot>.ThreadsFor(options.Threads), () => new Slot(Base is not null), Prepare, options.Cancellation).Run(plan.Chunks(), slot =>
        {
            if (Replace)
                Zero(position, slot.Chunk.Offset);
            stored += Store(slot);
            position = slot.Chunk.Offset + slot.Chunk.Length;
            meter.Add(slot.Chunk.PieceBytes);
            Written?.Invoke(stored);
        });
        if (Replace)
            Zero(position, target.Length);
        return (total, stored);
    }

    private void Prepare(Slot slot)
    {
        var bytes = slot.Bytes.Span[..slot.Chunk.Length];
        slot.Chunk.Read(source, bytes);
        slot.Runs.Clear();
        if (Base is null)
        {
            ByteBuffers.FindData(bytes, Granule, slot.Runs);
            return;
        }
        slot.Chunk.Read(Base, slot.Below);
        ByteBuffers.FindDifferences(bytes, slot.Below.AsSpan(0, bytes.Length), Granule, slot.Runs);
    }

    private long Store(Slot slot)
    {
        var (stored, end) = (0L, 0L);
        foreach (var run in slot.Runs)
        {
            var bytes = slot.Bytes.Span.Slice((int)run.Start, (int)run.Length);
            var offset = slot.Chunk.Offset + run.Start;
            if (Replace)
            {
                Zero(slot.Chunk.Offset + end, offset);
                target.Write(offset, bytes);
            }
            else if (Base is not null && ByteBuffers.IsZero(bytes))
            {
                target.WriteZeros(offset, bytes.Length);
            }
            else
            {
                target.WriteFresh(offset, bytes);
            }
            end = run.End;
            stored += run.Length;
        }
        if (Replace)
            Zero(slot.Chunk.Offset + end, slot.Chunk.Offset + slot.Chunk.Length);
        return stored;
    }

    // What is a hole in the target stays one.
    private void Zero(long from, long end)
    {
        if (from >= end)
            return;
        foreach (var range in target.AllocatedRanges(from, end - from).ToList())
            target.WriteZeros(range.Offset, range.Length);
    }
}
