using Platter.Blocks;

namespace Platter.Trees;

/// <summary>Finds the holes of a content by its bytes alone: a block of <see cref="BlockLength"/>, counted from the start, is a hole when all of
/// it is zeros. So the same content has the same holes, whether its source is sparse, was copied, or is an archive.</summary>
/// <param name="keepsHoles">Whether the target can leave holes; else there are none, whatever the source has.</param>
internal sealed class HoleFinder(bool keepsHoles)
{
    /// <summary>Bytes. A multiple of every cluster in common use, so that holes can be left out as they are.</summary>
    public const int BlockLength = 64 << 10;

    /// <summary>Bytes of the shortest file that is looked through: shorter ones are written as they are.</summary>
    public const long SmallestFile = 4 * BlockLength;

    private readonly byte[] _block = keepsHoles ? new byte[BlockLength] : [];

    /// <summary>Whether a file of this length is looked through.</summary>
    public bool LooksInto(long length) => keepsHoles && length >= SmallestFile;

    /// <summary>The content with its ranges as they are found; disposing it disposes the content.</summary>
    public TreeContent In(TreeContent content) =>
        content.Length is not { } length ? content : LooksInto(length) ? new Found(this, content) : new Dense(content);

    private bool IsZeros(TreeContent content, long offset, int length) =>
        !_block.AsSpan(0, content.ReadFully(offset, _block.AsSpan(0, length))).ContainsAnyExcept((byte)0);

    /// <summary>All of it is data.</summary>
    private sealed class Dense(TreeContent inner) : TreeContent
    {
        public override long? Length => inner.Length;

        public override int ReadAt(long offset, Span<byte> buffer) => inner.ReadAt(offset, buffer);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }

    /// <summary>Looks one block ahead of what is read: a source that only goes forwards is never asked to go back more than within that block,
    /// which is kept.</summary>
    private sealed class Found(HoleFinder finder, TreeContent inner) : TreeContent
    {
        private long _kept = -1;

        public override long? Length => inner.Length;

        public override int ReadAt(long offset, Span<byte> buffer)
        {
            // The block that was looked at last is still there.
            if (_kept >= 0 && offset >= _kept && offset < Math.Min(_kept + BlockLength, inner.Length!.Value))
            {
                var at = (int)(offset - _kept);
                var length = (int)Math.Min(buffer.Length, Math.Min(_kept + BlockLength, inner.Length.Value) - offset);
                finder._block.AsSpan(at, length).CopyTo(buffer);
                return length;
            }
            return inner.ReadAt(offset, buffer);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }

        public override IEnumerable<ByteRange> DataRanges()
        {
            var total = inner.Length!.Value;
            using var ranges = inner.DataRanges().GetEnumerator();
            var more = ranges.MoveNext();
            for (var block = 0L; block < total;)
            {
                while (more && ranges.Current.End <= block)
                    more = ranges.MoveNext();
                if (!more)
                    break;
                // What the source knows to be a hole needs no look.
                if (ranges.Current.Offset >= block + BlockLength)
                {
                    block = ranges.Current.Offset / BlockLength * BlockLength;
                    continue;
                }
                var length = (int)Math.Min(BlockLength, total - block);
                _kept = -1;
                if (!finder.IsZeros(inner, block, length))
                {
                    _kept = block;
                    yield return new ByteRange(block, length);
                }
                block += length;
            }
        }
    }
}
