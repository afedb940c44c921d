using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Which clusters are in use, as $Bitmap says, read piece by piece.</summary>
internal sealed class NtfsAllocation(NtfsContent bitmap, NtfsGeometry geometry)
{
    private const int PieceBytes = 64 << 10;

    /// <summary>Clusters that are free.</summary>
    public long CountFree()
    {
        var used = 0L;
        foreach (var (_, bits) in Pieces())
            used += bits.CountSet();
        return geometry.ClusterCount - used;
    }

    /// <summary>The clusters in use and the copy of the boot sector, in bytes of the device.</summary>
    public IEnumerable<ByteRange> UsedRanges(long deviceLength)
    {
        long start = 0, end = 0;
        foreach (var range in Used())
        {
            if (range.Start >= deviceLength)
                break;
            if (range.Start != end && end > start)
            {
                yield return new ByteRange(start, end - start);
                start = end;
            }
            if (end == start)
                start = range.Start;
            end = Math.Min(range.End, deviceLength);
        }
        if (end > start)
            yield return new ByteRange(start, end - start);
    }

    // In bytes, in order; neighbours not yet joined.
    private IEnumerable<LongRange> Used()
    {
        foreach (var (first, bits) in Pieces())
        {
            foreach (var run in bits.Runs(true, 0, bits.Length))
                yield return new LongRange(first + run.Start << geometry.ClusterShift, run.Length << geometry.ClusterShift);
        }
        yield return new LongRange(geometry.Length, geometry.SectorSize);
    }

    // What the bitmap is too short for counts as used.
    private IEnumerable<(long First, Bitmap Bits)> Pieces()
    {
        var bytes = new byte[PieceBytes];
        for (var first = 0L; first < geometry.ClusterCount; first += PieceBytes * 8L)
        {
            var bits = new Bitmap(Math.Min(PieceBytes * 8L, geometry.ClusterCount - first));
            var length = (int)Math.Clamp(bitmap.Length - first / 8, 0, (bits.Length + 7) / 8);
            bitmap.Read(first / 8, bytes.AsSpan(0, length));
            bytes.AsSpan(length).Fill(0xFF);
            bits.Load(0, bytes.AsSpan(0, (int)((bits.Length + 7) / 8)));
            yield return (first, bits);
        }
    }
}
