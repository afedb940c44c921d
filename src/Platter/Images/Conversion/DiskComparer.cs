using Platter.Blocks;

namespace Platter.Images.Conversion;

/// <summary>Compares a disk with what was made of it, on many threads; what is a hole in both is not read.</summary>
internal sealed class DiskComparer(BlockDevice source, BlockDevice written, ConvertOptions options)
{
    private const int ChunkSize = 512 << 10;

    private sealed class Slot : ChunkSlot
    {
        internal readonly byte[] Expected = new byte[ChunkSize], Found = new byte[ChunkSize];
    }

    /// <exception cref="IOException">They differ; says where first.</exception>
    internal void Run(string name)
    {
        if (written.Length < source.Length)
            throw new IOException($"verifying failed: {name} has {written.Length} bytes, expected {source.Length}");
        var ranges = ChunkPlan.RangesOf(source, source.Length);
        foreach (var range in written.AllocatedRanges())
            ranges.Add(range.Offset, range.Length);
        var plan = new ChunkPlan(ranges, written.Length, ChunkSize);
        var meter = new WorkMeter(options.Progress, "verifying", plan.Total, null);
        new ChunkPipeline<Slot>(ChunkPipeline<Slot>.ThreadsFor(options.Threads), () => new Slot(), slot =>
        {
            slot.Chunk.Read(source, slot.Expected);
            slot.Chunk.Read(written, slot.Found);
            var count = slot.Chunk.Length;
            var same = slot.Expected.AsSpan(0, count).CommonPrefixLength(slot.Found.AsSpan(0, count));
            if (same < count)
                throw new IOException($"verifying failed: {name} differs from the source at byte {slot.Chunk.Offset + same} of the disk: found 0x{slot.Found[same]:X2}, expected 0x{slot.Expected[same]:X2}");
        }, options.Cancellation).Run(plan.Chunks(), slot => meter.Add(slot.Chunk.PieceBytes));
    }
}
