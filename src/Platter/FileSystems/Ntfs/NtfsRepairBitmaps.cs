using System.Numerics;
using System.Runtime.InteropServices;

namespace Platter.FileSystems.Ntfs;

/// <summary>Makes both bitmaps say what was found in use, that of the clusters and that of the records.</summary>
/// <remarks>Bits are set without condition: what is in use must not be given away. They are cleared only when nothing else is wrong.</remarks>
internal sealed class NtfsRepairBitmaps(NtfsRepairState repair)
{
    private readonly NtfsCheckState _state = repair.Check!;

    public void Run()
    {
        RepairClusters();
        RepairRecords();
    }

    private void RepairClusters()
    {
        var mustSet = repair.HasAny("NTFS-0211", "NTFS-0214");
        var mayClear = repair.Has("NTFS-0212") && repair.IsOtherwiseSound;
        if ((!mustSet && !mayClear) || repair.Content(NtfsMft.BitmapRecord, NtfsAttributeType.Data) is not { } content || content.Initialized < content.Length
            || content.Runs.End < _state.Geometry.ClustersFor(content.Length))
            return;
        var words = new ulong[NtfsClusterSet.PieceSize / 64];
        var used = new ulong[words.Length];
        var pieceBytes = words.Length * 8;
        long set = 0, cleared = 0;
        for (var piece = 0L; piece * pieceBytes < content.Length; piece++)
        {
            var bytes = MemoryMarshal.AsBytes(words.AsSpan())[..(int)Math.Min(pieceBytes, content.Length - piece * pieceBytes)];
            words.AsSpan().Clear();
            content.Read(piece * pieceBytes, bytes);
            used.AsSpan().Clear();
            _state.Used.Piece(piece)?.Save(0, MemoryMarshal.AsBytes(used.AsSpan()));
            var before = words.ToArray();
            // Bits behind the last cluster are set; those of clusters behind a cut image's end stay.
            for (var bit = Math.Max(0, _state.Geometry.ClusterCount - piece * NtfsClusterSet.PieceSize); bit < NtfsClusterSet.PieceSize; bit++)
                used[bit >> 6] |= 1UL << (int)(bit & 63);
            for (var i = 0; i < words.Length; i++)
            {
                words[i] |= used[i];
                if (mayClear)
                    words[i] &= used[i] | Beyond(piece * NtfsClusterSet.PieceSize + 64L * i);
                set += BitOperations.PopCount(words[i] & ~before[i]);
                cleared += BitOperations.PopCount(before[i] & ~words[i]);
            }
            if (!words.AsSpan().SequenceEqual(before))
                repair.Write(content, piece * pieceBytes, bytes);
        }
        if (mustSet && set > 0)
            repair.Add(repair.Has("NTFS-0211") ? "NTFS-0211" : "NTFS-0214", "$Bitmap", "bits set that must be");
        if (mayClear && cleared > 0)
            repair.Add("NTFS-0212", "$Bitmap", $"{cleared} clusters set free");
    }

    // Of a word of clusters, those behind the end of a device that was cut.
    private ulong Beyond(long first)
    {
        var there = Math.Clamp(_state.PresentClusters - first, 0, 64);
        return there == 64 ? 0 : ulong.MaxValue << (int)there;
    }

    private void RepairRecords()
    {
        var mustSet = repair.Has("NTFS-0136");
        var mayClear = repair.Has("NTFS-0137") && repair.IsOtherwiseSound;
        if ((!mustSet && !mayClear) || repair.Content(NtfsMft.MftRecord, NtfsAttributeType.Bitmap) is not { } content || content.Initialized < content.Length)
            return;
        var changed = 0L;
        var one = new byte[1];
        for (var at = 0L; at < Math.Min(content.Length, (_state.Facts.Count + 7) / 8); at++)
        {
            content.Read(at, one);
            var bits = one[0];
            for (var number = at * 8; number < Math.Min(at * 8 + 8, _state.Facts.Count); number++)
            {
                var flags = _state.Facts[number].Flags;
                if ((flags & NtfsFacts.InUse) != 0)
                    bits |= (byte)(1 << (int)(number & 7));
                else if (mayClear && number >= NtfsCheckerBitmaps.FirstGiven && (flags & NtfsFacts.Broken) == 0)
                    bits &= (byte)~(1 << (int)(number & 7));
            }
            if (bits == one[0])
                continue;
            changed++;
            one[0] = bits;
            repair.Write(content, at, one);
        }
        if (changed > 0)
            repair.Add(mustSet ? "NTFS-0136" : "NTFS-0137", "$MFT:$BITMAP", mustSet ? "records in use marked so" : "free records set free");
    }
}
