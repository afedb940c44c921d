namespace Platter.FileSystems.Clusters;

/// <summary>A file allocation table as chains see it: for each cluster the next one.</summary>
internal interface IClusterLinks
{
    uint FirstCluster { get; }
    uint LastCluster { get; }

    /// <summary>Whether a file in one piece can do without links (exFAT's NoFatChain).</summary>
    bool AllowsContiguous { get; }

    /// <summary>The cluster that follows; 0 at the end of the chain.</summary>
    /// <exception cref="DiskFormatException">The entry is neither a cluster of the volume nor an end mark.</exception>
    uint Next(uint cluster);

    /// <summary>Makes a run that was just taken the end of a chain.</summary>
    /// <param name="last">The chain's last cluster so far; 0 when it has none.</param>
    /// <param name="run">Its clusters become linked to each other; the last one ends the chain.</param>
    void Join(uint last, ClusterRun run);

    /// <summary>Ends a chain with this cluster.</summary>
    void End(uint cluster);

    /// <summary>What to throw when a chain does not start with clusters of the volume.</summary>
    DiskFormatException StartsOutside(uint first, uint count);

    /// <summary>What to throw when a chain leads back into itself.</summary>
    /// <param name="first">Its first cluster.</param>
    /// <param name="at">Whose entry closes the circle.</param>
    /// <param name="next">Where that entry leads.</param>
    DiskFormatException Circle(uint first, uint at, uint next);
}
