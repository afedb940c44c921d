using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Trees.Comparing;

/// <summary>Compares the bytes of files, piece by piece, up to the first that differs; what is a hole on both sides is not read.</summary>
internal sealed class ContentComparer(TreeSource first, TreeSource second, CancellationToken cancellation)
{
    private const int PieceLength = 256 << 10;
    private readonly byte[] _one = new byte[PieceLength], _other = new byte[PieceLength];

    /// <summary>Bytes compared so far.</summary>
    public long ComparedBytes { get; private set; }

    /// <summary>The first byte that differs; null when all are the same.</summary>
    public long? Compare(TreeEntry a, TreeEntry b, StreamName stream)
    {
        if (stream == StreamName.Data && a.Length <= PieceLength && a.Length == b.Length)
        {
            var length = (int)a.Length;
            return length == 0 ? null : Difference(first.ReadWhole(a, _one.AsSpan(0, length)), second.ReadWhole(b, _other.AsSpan(0, length)), 0);
        }
        using var one = first.OpenContent(a, stream);
        using var other = second.OpenContent(b, stream);
        if (one.Length is not { } known || other.Length is not { } otherLength)
            return CompareRange(one, other, 0, long.MaxValue);
        var shared = Math.Min(known, otherLength);
        foreach (var range in Union(one.DataRanges(), other.DataRanges(), shared))
        {
            if (CompareRange(one, other, range.Offset, range.End) is { } at)
                return at;
        }
        return known == otherLength ? null : shared;
    }

    // Both up to the end of the range or of a content.
    private long? CompareRange(TreeContent one, TreeContent other, long offset, long end)
    {
        while (offset < end)
        {
            cancellation.ThrowIfCancellationRequested();
            var wanted = (int)Math.Min(PieceLength, end - offset);
            var read = one.ReadFully(offset, _one.AsSpan(0, wanted));
            var otherRead = other.ReadFully(offset, _other.AsSpan(0, wanted));
            if (Difference(read, otherRead, offset) is { } at)
                return at;
            if (read < wanted)
                return null;
            offset += read;
        }
        return null;
    }

    private long? Difference(int read, int otherRead, long offset)
    {
        ComparedBytes += read;
        var same = _one.AsSpan(0, read).CommonPrefixLength(_other.AsSpan(0, otherRead));
        return same == read && same == otherRead ? null : offset + same;
    }

    /// <summary>The ranges in which either has data, in order, up to <paramref name="end"/>.</summary>
    internal static IEnumerable<ByteRange> Union(IEnumerable<ByteRange> one, IEnumerable<ByteRange> other, long end)
    {
        using var a = one.GetEnumerator();
        using var b = other.GetEnumerator();
        var (hasA, hasB) = (a.MoveNext(), b.MoveNext());
        var done = 0L;
        while (hasA || hasB)
        {
            var takeA = hasA && (!hasB || a.Current.Offset <= b.Current.Offset);
            var range = takeA ? a.Current : b.Current;
            if (takeA)
                hasA = a.MoveNext();
            else
                hasB = b.MoveNext();
            var start = Math.Max(done, range.Offset);
            var stop = Math.Min(range.End, end);
            if (stop <= start)
                continue;
            yield return new ByteRange(start, stop - start);
            done = stop;
        }
    }
}
