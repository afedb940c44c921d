using Platter.Blocks;

namespace Platter.Images.Conversion;

/// <summary>Copies a disk into a compressed image: reading and compressing on many threads, storing in order on one.</summary>
internal sealed class DiskPacker(BlockDevice source, ImageWriter writer, ConvertOptions options)
{
    private const int SmallestChunk = 1 << 20;
    private const long MemoryLimit = 112 << 20;     // for the compressors; chunks and what is around them take the rest of 200 MB

    private sealed class Slot(int size) : ChunkSlot
    {
        internal readonly byte[] Bytes = GC.AllocateUninitializedArray<byte>(size, pinned: true);
        internal readonly List<PackedBlock> Blocks = [];
    }

    /// <returns>Bytes read, and bytes stored (before compression).</returns>
    internal (long Read, long Stored) Run()
    {
        var blockSize = writer.BlockSize;
        var plan = new ChunkPlan(ChunkPlan.RangesOf(source, source.Length), writer.Length, Math.Max(blockSize, SmallestChunk / blockSize * blockSize));
        var meter = new WorkMeter(options.Progress, "converting", plan.Total, null);
        var stored = 0L;
        var threads = (int)Math.Clamp(MemoryLimit / Math.Max(1, writer.WorkingMemory), 1, ChunkPipeline<Slot>.ThreadsFor(options.Threads));
        new ChunkPipeline<Slot>(threads, () => new Slot(plan.ChunkSize), Prepare, options.Cancellation).Run(plan.Chunks(), slot =>
        {
            foreach (var block in slot.Blocks)
            {
                writer.Store(block);
                stored += block.Length;
            }
            slot.Blocks.Clear();
            meter.Add(slot.Chunk.PieceBytes);
        });
        return (plan.Total, stored);
    }

    private void Prepare(Slot slot)
    {
        var bytes = slot.Bytes.AsSpan(0, slot.Chunk.Length);
        slot.Chunk.Read(source, bytes);
        for (var at = 0; at < bytes.Length; at += writer.BlockSize)
        {
            var block = bytes[at..Math.Min(bytes.Length, at + writer.BlockSize)];
            if (!ByteBuffers.IsZero(block))
                slot.Blocks.Add(writer.Pack(slot.Chunk.Offset + at, block));
        }
    }
}
