namespace Platter.Images.Compressed;

/// <summary>A part of a compressed image that can be unpacked without what stands before it: a member, a frame, a block.</summary>
/// <param name="Source">Where it starts in the file: bytes, but bits in bzip2, whose blocks start anywhere.</param>
/// <param name="SourceEnd">What is behind it, in the same unit.</param>
/// <param name="Offset">Where its content lies on the disk, in bytes.</param>
/// <param name="Length">Bytes of content.</param>
/// <param name="Tag">What the format needs to know of it.</param>
internal readonly record struct CompressedPiece(long Source, long SourceEnd, long Offset, long Length, int Tag = 0)
{
    internal long End => Offset + Length;
}

/// <summary>The way through a compressed image: its pieces in order, without gaps.</summary>
internal sealed class CompressedMap
{
    private readonly List<CompressedPiece> _pieces = [];

    internal IReadOnlyList<CompressedPiece> Pieces => _pieces;

    /// <summary>Bytes of the disk.</summary>
    internal long Length => _pieces.Count == 0 ? 0 : _pieces[^1].End;

    /// <summary>Where what follows the last stream begins, and doesn't belong to it; null when nothing does.</summary>
    internal long? Trailing { get; set; }

    /// <summary>Adds the next piece; of no content it is left out.</summary>
    /// <exception cref="DiskFormatException">The disk would be longer than 2^63 bytes.</exception>
    internal void Add(long source, long sourceEnd, long length, int tag = 0)
    {
        if (length == 0)
            return;
        if (length < 0 || length > long.MaxValue - Length)
            throw new DiskFormatException("CMP-0003", "index.length", source, $"found {(ulong)length} bytes of content, more than a disk can have");
        _pieces.Add(new CompressedPiece(source, sourceEnd, Length, length, tag));
    }

    /// <summary>The number of the piece that holds this byte of the disk.</summary>
    internal int Find(long offset)
    {
        int low = 0, high = _pieces.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            if (_pieces[middle].Offset <= offset)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
