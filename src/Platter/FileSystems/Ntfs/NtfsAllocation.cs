using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Which clusters are in use, as $Bitmap says, read piece by piece.</summary>
internal sealed class NtfsAllocation(NtfsContent bitmap, NtfsGeometry geometry)
{
    private const int PieceBytes = 64 << 10;

    // Clusters that the bitmap speaks of; the others count as used.
    private long Described => bitmap.Length < geometry.ClusterCount / 8 ? bitmap.Length * 8 : geometry.ClusterCount;

    /// <summary>Clusters that are free.</summary>
    public long CountFree()
    {
        var used = geometry.ClusterCount - Described;
        foreach (var (_, bits) in Pieces())
            used += bits.CountSet();
        return geometry.ClusterCount - used;
    }

    /// <summary>The clusters in use and the copy of the boot sector, in bytes of the device.</summary>
    public IEnumerable<ByteRange> UsedRanges(long deviceLength) => Used().TakeWhile(r => r.Start < deviceLength)
        .Select(r => new ByteRange(r.Start, Math.Min(r.End, deviceLength) - r.Start)).Joined();

    // In bytes, in order; neighbours not yet joined.
    private IEnumerable<LongRange> Used()
    {
        foreach (var (first, bits) in Pieces())
        {
            foreach (var run in bits.Runs(true, 0, bits.Length))
                yield return new LongRange(first + run.Start << geometry.ClusterShift, run.Length << geometry.ClusterShift);
        }
        if (Described < geometry.ClusterCount)
            yield return new LongRange(Described << geometry.ClusterShift, geometry.ClusterCount - Described << geometry.ClusterShift);
        yield return new LongRange(geometry.Length, geometry.SectorSize);
    }

    // The parts of the bitmap that are there; holes are zeros, however long a hostile volume makes them.
    private IEnumerable<(long First, Bitmap Bits)> Pieces()
    {
        var bytes = new byte[PieceBytes];
        var length = Math.Min(bitmap.Initialized, (Described + 7) / 8);
        foreach (var range in bitmap.IsResident ? [new ByteRange(0, length)] : NtfsExtents.Data(bitmap, length))
        {
            for (var at = range.Offset; at < range.End; at += PieceBytes)
            {
                var piece = bytes.AsMemory(0, (int)Math.Min(PieceBytes, range.End - at));
                bitmap.Read(at, piece.Span);
                var bits = new Bitmap(Math.Min(piece.Length * 8L, Described - at * 8));
                bits.Load(0, piece.Span);
                yield return (at * 8, bits);
            }
        }
    }
}
