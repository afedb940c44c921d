using Platter.Blocks;

namespace Platter.FileSystems.Clusters;

/// <summary>Where a volume's clusters lie, and which are free.</summary>
/// <param name="device">The volume.</param>
/// <param name="offset">Where cluster 2 starts, in bytes.</param>
/// <param name="clusterSize">Bytes.</param>
/// <param name="space">Free clusters; asked for when something is written, so that a volume without a map of them can be read.</param>
internal sealed class ClusterArea(BlockDevice device, long offset, int clusterSize, Func<ClusterSpace> space)
{
    private ClusterSpace? _space;

    public BlockDevice Device => device;
    public int ClusterSize => clusterSize;
    public ClusterSpace Space => _space ??= space();

    /// <summary>Where a cluster starts, in bytes.</summary>
    public long OffsetOf(uint cluster) => offset + (cluster - 2L) * clusterSize;

    /// <summary>How many clusters hold so many bytes.</summary>
    public long ClustersFor(long bytes) => bytes / ClusterSize + (bytes % ClusterSize == 0 ? 0 : 1);

    /// <summary>Bytes in so many clusters; no more than can be counted.</summary>
    public long BytesIn(long clusters) => clusters > long.MaxValue / ClusterSize ? long.MaxValue : clusters * ClusterSize;

    /// <summary>Refuses everything after an edit that failed midway and could not be undone: see <see cref="ClusterSpace.IsTorn"/>.</summary>
    /// <exception cref="IOException">That has happened.</exception>
    public void RequireWhole()
    {
        if (_space is { IsTorn: true })
            throw new IOException("an edit failed midway and could not be undone: roll the volume back to the last commit, or close it and open it again");
    }

    /// <summary>Writes into clusters, past the transaction where nothing committed refers to them.</summary>
    /// <param name="deviceOffset">Bytes from the start of the volume.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="run">The clusters, all of them, that they go to.</param>
    public void Write(long deviceOffset, ReadOnlySpan<byte> data, ClusterRun run)
    {
        if (Space.IsFresh(run))
            device.WriteFresh(deviceOffset, data);
        else
            device.Write(deviceOffset, data);
    }
}
