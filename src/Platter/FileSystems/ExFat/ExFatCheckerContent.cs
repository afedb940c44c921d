using Platter.Blocks;

namespace Platter.FileSystems.ExFat;

/// <summary>Clusters that the checker has claimed for something: their bytes, in pieces, in the order of the chain.</summary>
/// <param name="FirstCluster">Where it starts.</param>
/// <param name="Clusters">How many clusters were claimed; 0 means that FirstCluster is none.</param>
/// <param name="IsContiguous">NoFatChain.</param>
internal readonly record struct ExFatClaimed(uint FirstCluster, uint Clusters, bool IsContiguous);

/// <inheritdoc cref="ExFatClaimed"/>
internal sealed class ExFatCheckerContent(BlockDevice device, ExFatGeometry geometry, ExFatCheckerChains chains)
{
    // Whole sectors, and whole directory entries.
    private const int MostBytes = 1 << 16;

    private readonly byte[] _piece = new byte[Math.Min(geometry.ClusterSize, MostBytes)];

    /// <summary>What a piece is given to; false when no more is wanted.</summary>
    public delegate bool Visit(ReadOnlySpan<byte> piece, long offset);

    /// <summary>Reads pieces of at most 64 KiB, none of which crosses into another cluster.</summary>
    public void ForEachPiece(ExFatClaimed content, Visit visit)
    {
        var cluster = content.FirstCluster;
        for (var i = 0u; i < content.Clusters; i++)
        {
            var offset = geometry.ClusterOffset(cluster);
            for (var at = 0; at < geometry.ClusterSize; at += _piece.Length)
            {
                // The last cluster of an image that was cut short: what is missing reads as nothing.
                var there = (int)Math.Clamp(device.Length - offset - at, 0, _piece.Length);
                if (there > 0)
                    device.Read(offset + at, _piece.AsSpan(0, there));
                _piece.AsSpan(there).Clear();
                if (!visit(_piece, offset + at))
                    return;
            }
            if (i + 1 < content.Clusters)
                cluster = chains.Next(cluster, content.IsContiguous);
        }
    }
}
