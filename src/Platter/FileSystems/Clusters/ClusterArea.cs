using Platter.Blocks;

namespace Platter.FileSystems.Clusters;

/// <summary>Where a volume's clusters lie, and which are free.</summary>
/// <param name="Device">The volume.</param>
/// <param name="Space">Free clusters.</param>
/// <param name="Offset">Where cluster 2 starts, in bytes.</param>
/// <param name="ClusterSize">Bytes.</param>
internal sealed record ClusterArea(BlockDevice Device, ClusterSpace Space, long Offset, int ClusterSize)
{
    /// <summary>Where a cluster starts, in bytes.</summary>
    public long OffsetOf(uint cluster) => Offset + (cluster - 2L) * ClusterSize;

    /// <summary>How many clusters hold so many bytes.</summary>
    public long ClustersFor(long bytes) => bytes / ClusterSize + (bytes % ClusterSize == 0 ? 0 : 1);

    /// <summary>Bytes in so many clusters; no more than can be counted.</summary>
    public long BytesIn(long clusters) => clusters > long.MaxValue / ClusterSize ? long.MaxValue : clusters * ClusterSize;

    /// <summary>Writes into clusters, past the transaction where nothing committed refers to them.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data, bool fresh)
    {
        if (fresh)
            Device.WriteFresh(offset, data);
        else
            Device.Write(offset, data);
    }
}
