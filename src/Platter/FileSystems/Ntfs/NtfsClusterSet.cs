using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>A set of clusters, a bit each; pieces of the volume that hold none, or nothing but members, take no room.</summary>
internal sealed class NtfsClusterSet
{
    /// <summary>Clusters in a piece: 8 KiB of bits.</summary>
    public const long PieceSize = 1 << 16;

    private static readonly Bitmap Full = MakeFull();

    private readonly Dictionary<long, Bitmap> _pieces = [];

    /// <summary>The clusters that were added more than once.</summary>
    public RangeSet Shared { get; } = new();

    /// <summary>Adds clusters; those that were there before count as shared.</summary>
    /// <returns>False when some of them were there before.</returns>
    public bool Add(long start, long count)
    {
        var isNew = true;
        for (var end = start + count; start < end;)
        {
            var (piece, at) = Math.DivRem(start, PieceSize);
            var part = Math.Min(end - start, PieceSize - at);
            isNew &= AddWithin(piece, at, part);
            start += part;
        }
        return isNew;
    }

    /// <summary>The members of a piece, to be read; null when it has none.</summary>
    public Bitmap? Piece(long number) => _pieces.GetValueOrDefault(number);

    private bool AddWithin(long piece, long at, long count)
    {
        if (!_pieces.TryGetValue(piece, out var bits))
        {
            _pieces[piece] = count == PieceSize ? Full : bits = new Bitmap(PieceSize);
            bits?.Fill(at, count, true);
            return true;
        }
        var isNew = true;
        for (var next = at; next < at + count && (next = bits.NextSet(next, at + count)) >= 0;)
        {
            isNew = false;
            var clear = bits.NextClear(next, at + count);
            var end = clear < 0 ? at + count : clear;
            Shared.Add(piece * PieceSize + next, end - next);
            next = end;
        }
        if (bits != Full)
            bits.Fill(at, count, true);
        return isNew;
    }

    private static Bitmap MakeFull()
    {
        var bits = new Bitmap(PieceSize);
        bits.Fill(0, PieceSize, true);
        return bits;
    }
}
