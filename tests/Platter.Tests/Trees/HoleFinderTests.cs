using Platter.Blocks;
using Platter.FileSystems;
using Platter.Trees;
using Xunit;

namespace Platter.Tests.Trees;

/// <summary>Holes by content: the same, however the source is sparse.</summary>
public sealed class HoleFinderTests
{
    private const int Block = HoleFinder.BlockLength;

    private static TreeContent Content(byte[] bytes, params ByteRange[] ranges) => new Ranged(bytes, ranges.Length == 0 ? [new ByteRange(0, bytes.Length)] : ranges);

    private static string Ranges(TreeContent content) => string.Join(' ', content.DataRanges().Select(r => $"{r.Offset / (double)Block}+{r.Length / (double)Block}"));

    private static byte[] Sample()
    {
        var bytes = new byte[(6 * Block) + 100];
        bytes[0] = bytes[Block - 1] = bytes[(2 * Block) + 7] = bytes[^1] = 1;
        return bytes;
    }

    [Fact]
    public void A_block_of_zeros_is_a_hole_whatever_the_source_says()
    {
        var bytes = Sample();
        var finder = new HoleFinder(keepsHoles: true);
        const string expected = "0+1 2+1 6+0.00152587890625";
        Assert.Equal(expected, Ranges(finder.In(Content(bytes))));
        Assert.Equal(expected, Ranges(finder.In(Content(bytes, new ByteRange(0, Block), new ByteRange((2 * Block) + 7, 1), new ByteRange(bytes.Length - 1, 1)))));
        Assert.Equal(expected, Ranges(finder.In(Content(bytes, new ByteRange(0, 1), new ByteRange(Block - 1, Block + 9), new ByteRange(5 * Block, Block + 100)))));
    }

    [Fact]
    public void Bytes_are_those_of_the_content_read_in_pieces_of_any_size()
    {
        var bytes = Sample();
        new Random(1).NextBytes(bytes.AsSpan(3 * Block, 100_000));
        var content = new HoleFinder(keepsHoles: true).In(Content(bytes));
        var read = new byte[bytes.Length];
        foreach (var range in content.DataRanges())
        {
            for (var at = range.Offset; at < range.End; at += 10_007)
            {
                var piece = read.AsSpan((int)at, (int)Math.Min(10_007, range.End - at));
                Assert.Equal(piece.Length, content.ReadFully(at, piece));
            }
        }
        Assert.Equal(bytes, read);
    }

    [Fact]
    public void A_target_without_holes_gets_all_as_data()
    {
        var bytes = Sample();
        var finder = new HoleFinder(keepsHoles: false);
        Assert.False(finder.LooksInto(bytes.Length));
        Assert.Equal($"0+{bytes.Length / (double)Block}", Ranges(finder.In(Content(bytes, new ByteRange(0, 1)))));
    }

    private sealed class Ranged(byte[] bytes, ByteRange[] ranges) : TreeContent
    {
        public override long? Length => bytes.Length;

        public override int ReadAt(long offset, Span<byte> buffer)
        {
            var n = (int)Math.Min(buffer.Length, bytes.Length - offset);
            bytes.AsSpan((int)offset, n).CopyTo(buffer);
            return n;
        }

        public override IEnumerable<ByteRange> DataRanges() => ranges;
    }
}
