using System.Numerics;
using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Holds both bitmaps against what was found in use: that of the records, and that of the clusters.</summary>
internal sealed class NtfsCheckerBitmaps(NtfsCheckState state)
{
    /// <summary>Records before this one are never given away, and may be marked whatever their state is.</summary>
    public const long FirstGiven = 24;

    private readonly NtfsGeometry _geometry = state.Geometry;
    private long _lost, _firstLost, _leaked, _firstLeaked;

    public void Check()
    {
        CheckRecords();
        state.Attempt(CheckClusters);
    }

    private void CheckRecords()
    {
        if (state.MftBitmap is not { } bitmap)
            return;
        foreach (var number in state.Facts.With(NtfsFacts.InUse))
        {
            if (!bitmap[number])
                state.Error("NTFS-0136", $"Record {number}", null, "is in use, and free in $MFT:$BITMAP: it will be given to another file");
        }
        long count = 0, first = -1;
        for (var number = bitmap.NextSet(0, bitmap.Length); number >= 0; number = bitmap.NextSet(number + 1, bitmap.Length))
        {
            if (number < FirstGiven || (state.Facts[number].Flags & (NtfsFacts.InUse | NtfsFacts.Broken)) != 0)
                continue;
            first = count++ == 0 ? number : first;
        }
        if (count > 0)
            state.Warning("NTFS-0137", "$MFT:$BITMAP", null, $"{count} records are marked as in use, and are free, the first is {first}");
    }

    private void CheckClusters()
    {
        if (state.Open(NtfsMft.BitmapRecord)?.Open(NtfsAttributeType.Data) is not { } content)
            return;
        var needed = (_geometry.ClusterCount + 7) / 8;
        if (content.Length < needed)
            state.Error("NTFS-0213", "$Bitmap", null, $"has {content.Length} bytes for {_geometry.ClusterCount} clusters");
        if (state.Facts[NtfsMft.BitmapRecord].Is(NtfsFacts.Shares))
            return;
        CheckTail(content);
        const int pieceBytes = (int)(NtfsClusterSet.PieceSize / 8);
        var marked = new ulong[pieceBytes / 8];
        var used = new ulong[pieceBytes / 8];
        var pieces = (state.PresentClusters + NtfsClusterSet.PieceSize - 1) / NtfsClusterSet.PieceSize;
        for (var piece = 0L; piece < pieces; piece++)
        {
            state.Progress("checking the bitmap", piece, pieces);
            var bytes = MemoryMarshal.AsBytes(marked.AsSpan());
            bytes.Clear();
            var there = (int)Math.Clamp(content.Length - piece * pieceBytes, 0, pieceBytes);
            content.Read(piece * pieceBytes, bytes[..there]);
            used.AsSpan().Clear();
            state.Used.Piece(piece)?.Save(0, MemoryMarshal.AsBytes(used.AsSpan()));
            ClearBehind(marked, state.PresentClusters - piece * NtfsClusterSet.PieceSize);
            Compare(piece * NtfsClusterSet.PieceSize, marked, used);
        }
        if (_lost > 0)
            state.Error("NTFS-0211", "$Bitmap", null, $"{_lost} clusters that are in use are marked free, the first is {_firstLost}: they will be written over");
        if (_leaked > 0 && !state.IsIncomplete)
            state.Warning("NTFS-0212", "$Bitmap", null, $"{_leaked} clusters ({_leaked << _geometry.ClusterShift} bytes) are marked as in use, and belong to nothing, the first is {_firstLeaked}");
    }

    // Bits behind the last cluster are set, so that nobody takes them.
    private void CheckTail(NtfsContent content)
    {
        var count = _geometry.ClusterCount;
        var first = count / 8;
        var bytes = new byte[(int)Math.Clamp(content.Length - first, 0, 8)];
        content.Read(first, bytes);
        var clear = 0;
        for (var bit = count; bit < (first + bytes.Length) * 8; bit++)
            clear += (bytes[bit / 8 - first] >> (int)(bit & 7) & 1) ^ 1;
        if (clear > 0)
            state.Warning("NTFS-0214", "$Bitmap", null, $"{clear} bits behind the last cluster are not set");
    }

    private static void ClearBehind(ulong[] words, long count)
    {
        if (count >= words.Length * 64L)
            return;
        var word = (int)(count >> 6);
        words[word] &= (1UL << (int)(count & 63)) - 1;
        words.AsSpan(word + 1).Clear();
    }

    private void Compare(long start, ulong[] marked, ulong[] used)
    {
        for (var i = 0; i < marked.Length; i++)
        {
            if (marked[i] == used[i])
                continue;
            Count(used[i] & ~marked[i], start + 64L * i, ref _lost, ref _firstLost);
            Count(marked[i] & ~used[i], start + 64L * i, ref _leaked, ref _firstLeaked);
        }
    }

    private static void Count(ulong bits, long start, ref long count, ref long first)
    {
        if (bits == 0)
            return;
        if (count == 0)
            first = start + BitOperations.TrailingZeroCount(bits);
        count += BitOperations.PopCount(bits);
    }
}
