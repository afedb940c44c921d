namespace Platter.FileSystems.Clusters;

/// <summary>Consecutive clusters.</summary>
internal readonly record struct ClusterRun(uint First, uint Count)
{
    /// <summary>The cluster number behind the run.</summary>
    public uint Behind => First + Count;
}
