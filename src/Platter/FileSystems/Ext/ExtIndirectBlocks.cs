using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The block map of ext2 and ext3: 12 direct blocks, then a single, a double and a triple indirect block.</summary>
/// <remarks>Linux kernel, Documentation/filesystems/ext4, "Direct/Indirect Block Addressing". Block numbers have 32 bits; 0 is a hole, at any level.</remarks>
internal sealed class ExtIndirectBlocks(ExtInode inode, ExtGeometry geometry, ExtBlocks blocks) : ExtBlockMap
{
    public const int DirectBlocks = 12, Levels = 3;

    private readonly int _pointerBits = geometry.LogBlockSize - 2;      // log2 of the block numbers in a block
    private readonly byte[] _root = inode.Block.ToArray();

    public override long MaxBlocks => DirectBlocks + (1L << _pointerBits) + (1L << 2 * _pointerBits) + (1L << 3 * _pointerBits);

    public override ExtRun Find(long logical)
    {
        if (logical < DirectBlocks)
            return Run(logical, logical, Numbers(_root)[..DirectBlocks]);

        // Within the area of which level, and how much of the file one entry of each level covers.
        var within = logical - DirectBlocks;
        var level = 1;
        for (; level < Levels && within >= 1L << level * _pointerBits; level++)
            within -= 1L << level * _pointerBits;
        var block = (uint)Numbers(_root)[DirectBlocks + level - 1];
        var covered = 1L << level * _pointerBits;
        for (; block != 0; level--)
        {
            var numbers = Numbers(blocks.Read(Checked(block), Structure));
            covered >>= _pointerBits;
            var index = within / covered;
            within %= covered;
            if (level == 1)
                return Run(logical, index, numbers);
            block = numbers[(int)index];
        }
        return new ExtRun(logical, 0, covered - within, false);
    }

    private string Structure => $"Inode {inode.Number}, indirect block";

    // Numbers that go on by one, or stay 0, make one run.
    private ExtRun Run(long logical, long index, ReadOnlySpan<U32Le> numbers)
    {
        uint first = numbers[(int)index];
        var count = 1;
        for (var i = (int)index + 1; i < numbers.Length && numbers[i] == (first == 0 ? 0 : first + (uint)count); i++)
            count++;
        if (first != 0 && !geometry.IsRange(first, count))
            throw new DiskFormatException("EXT-0300", $"Inode {inode.Number}, block {logical}", inode.Offset, $"found {first}..{first + (long)count - 1}, expected {geometry.FirstDataBlock}..{geometry.BlocksCount - 1}");
        return new ExtRun(logical, first, count, false);
    }

    private long Checked(uint block) => geometry.IsBlock(block) ? block
        : throw new DiskFormatException("EXT-0301", Structure, inode.Offset, $"found {block}, expected {geometry.FirstDataBlock}..{geometry.BlocksCount - 1}");

    private static ReadOnlySpan<U32Le> Numbers(ReadOnlySpan<byte> bytes) => MemoryMarshal.Cast<byte, U32Le>(bytes);
}
