using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>Goes once through all of the FAT in large pieces: copies that differ, clusters that nobody owns, how many are free.</summary>
internal sealed class FatCheckerTable(BlockDevice device, FatGeometry geometry, FatCheckerChains chains, CheckReport report, CheckOptions options)
{
    // Whole entries of 16 and 32 bits; a FAT of 12 bits (6 KiB at most) is read in one piece.
    private const int PieceBytes = 1 << 20;

    private readonly long _usedBytes = ((geometry.LastCluster + 1L) * (int)geometry.Width + 7) / 8;

    /// <summary>Clusters whose entry is 0.</summary>
    public long FreeClusters { get; private set; }

    /// <summary>Compares the copies with the one that is read; reports the first difference of each.</summary>
    public void CompareCopies()
    {
        if (geometry.OnlyActiveFat >= 0)
            return;
        var one = new byte[(int)Math.Min(PieceBytes, _usedBytes)];
        var other = new byte[one.Length];
        for (var fat = 1; fat < geometry.FatCount; fat++)
        {
            long differing = 0, first = -1;
            for (var at = 0L; at < _usedBytes; at += one.Length)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                var length = (int)Math.Min(one.Length, _usedBytes - at);
                device.Read(geometry.FatOffset(0) + at, one.AsSpan(0, length));
                device.Read(geometry.FatOffset(fat) + at, other.AsSpan(0, length));
                var same = one.AsSpan(0, length).CommonPrefixLength(other.AsSpan(0, length));
                if (same == length)
                    continue;
                if (first < 0)
                    first = at + same;
                for (var i = same; i < length; i++)
                    differing += one[i] != other[i] ? 1 : 0;
            }
            if (first >= 0)
                report.Add("FAT-0113", Severity.Error, $"Fat {fat}", geometry.FatOffset(fat) + first, $"differs from FAT 0 in {differing} bytes, the first at cluster {first * 8 / (int)geometry.Width}");
        }
    }

    /// <summary>Counts free, bad and lost clusters; call when every directory has been walked.</summary>
    public void FindLost()
    {
        long lost = 0, bad = 0;
        uint firstLost = 0;
        Bitmap? pointedTo = null;
        ForEachUsed((cluster, value) =>
        {
            if (value == FatTable.Bad)
            {
                bad++;
            }
            else if (!chains.IsOwned(cluster))
            {
                lost++;
                firstLost = firstLost == 0 ? cluster : firstLost;
                pointedTo ??= new Bitmap(geometry.LastCluster + 1L);
                if (geometry.IsCluster(value))
                    pointedTo[value] = true;
            }
        });
        if (bad > 0)
            report.Add("FAT-0117", Severity.Note, "Fat", null, $"{bad} clusters are marked bad");
        if (lost == 0)
            return;

        // A chain begins where nobody points to; a ring has no such place and counts as one.
        var heads = 0L;
        ForEachUsed((cluster, value) =>
        {
            if (value != FatTable.Bad && !chains.IsOwned(cluster) && !pointedTo![cluster])
                heads++;
        });
        report.Add("FAT-0129", Severity.Error, "Fat", chains.EntryOffset(firstLost), $"{lost} clusters ({lost * geometry.ClusterSize} bytes) are in use, but belong to nothing: {Math.Max(heads, 1)} chains, the first cluster is {firstLost}");
    }

    private void ForEachUsed(Action<uint, uint> visit)
    {
        FreeClusters = 0;
        var piece = new byte[(int)Math.Min(PieceBytes, _usedBytes)];
        var perPiece = geometry.Width == FatWidth.Fat12 ? uint.MaxValue : (uint)(PieceBytes * 8 / (int)geometry.Width);
        for (var at = 0L; at < _usedBytes; at += PieceBytes)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            var length = (int)Math.Min(PieceBytes, _usedBytes - at);
            var bytes = piece.AsSpan(0, length);
            device.Read(geometry.FatOffset(geometry.ActiveFat) + at, bytes);
            var zero = (uint)(at * 8 / (int)geometry.Width);
            var from = Math.Max(zero, FatGeometry.FirstCluster);
            var last = (uint)Math.Min(zero + (long)perPiece - 1, geometry.LastCluster);
            options.Progress?.Report(new WorkProgress("checking clusters", at, _usedBytes, 0, null, null));
            if (bytes.IndexOfAnyExcept((byte)0) < 0)
            {
                FreeClusters += last - from + 1L;
                continue;
            }
            for (var cluster = from; cluster <= last; cluster++)
            {
                var value = Entry(bytes, cluster - zero);
                if (value == FatTable.Free)
                    FreeClusters++;
                else
                    visit(cluster, value);
            }
        }
    }

    private uint Entry(ReadOnlySpan<byte> bytes, uint index)
    {
        switch (geometry.Width)
        {
            case FatWidth.Fat32:
                return BinaryPrimitives.ReadUInt32LittleEndian(bytes[(int)(index * 4)..]) & 0x0FFFFFFF;
            case FatWidth.Fat16:
                uint wide = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(int)(index * 2)..]);
                return wide >= 0xFFF7 ? wide | 0x0FFF0000 : wide;
            default:
                // The last entry of an even count ends in the middle of a byte, so there is always a second one to read.
                var at = (int)(index + index / 2);
                var pair = bytes[at] | (uint)bytes[at + 1] << 8;
                var value = (index & 1) == 0 ? pair & 0xFFF : pair >> 4;
                return value >= 0xFF7 ? value | 0x0FFFF000 : value;
        }
    }
}
