namespace Platter.FileSystems.Clusters;

/// <summary>What a format notes its free clusters in: the file allocation table itself, or a bitmap.</summary>
internal interface IClusterMap
{
    /// <summary>The first cluster number that stands for content; FAT and exFAT: 2.</summary>
    uint FirstCluster { get; }

    uint LastCluster { get; }

    /// <summary>The first free cluster at or behind <paramref name="from"/>, up to the last; 0 when there is none.</summary>
    uint FindFree(uint from);

    /// <summary>How many clusters are free in a row from this one on, counted up to <paramref name="most"/>; 0 when it is in use.</summary>
    uint CountFreeFrom(uint first, uint most);

    /// <summary>All free clusters; reads the whole map the first time.</summary>
    long CountFree();

    /// <summary>Reads what is noted of these clusters, so that noting something else does not fail.</summary>
    void Touch(ClusterRun run);

    /// <summary>Notes clusters as in use.</summary>
    void Take(ClusterRun run);

    /// <summary>Notes clusters as free.</summary>
    void Release(ClusterRun run);
}
