using Platter.Primitives;

namespace Platter.FileSystems.Clusters;

/// <summary>Knows which nodes still are. (An interface, where a function of another type would be prepared at every start.)</summary>
internal interface INodeLives
{
    bool IsAlive(NodeId id);
}

/// <summary>Whose the clusters of the opened directories are. Entries that lead to the same slots would multiply them: a few MiB of image
/// could list for hours.</summary>
internal sealed class DirectoryOwners
{
    private readonly NumberMap<ulong> _owners = new();      // the ids' values

    /// <summary>Notes a directory's clusters as its own.</summary>
    /// <param name="id">The directory.</param>
    /// <param name="chain">Its clusters.</param>
    /// <param name="nodes">Knows whether another owner still exists; what was deleted since owns nothing.</param>
    /// <returns>The first cluster that is another directory's as well; 0 when there is none.</returns>
    public uint Claim(NodeId id, ClusterChain chain, INodeLives nodes)
    {
        if (chain.First == 0 || (_owners.TryGetValue(chain.First, out var owner) && owner == id.Value))
            return 0;
        var runs = chain.Runs();
        foreach (var run in runs)
        {
            for (var cluster = run.First; cluster < run.Behind; cluster++)
            {
                if (_owners.TryGetValue(cluster, out owner) && owner != id.Value && nodes.IsAlive(new NodeId(owner)))
                    return cluster;
            }
        }
        foreach (var run in runs)
        {
            for (var cluster = run.First; cluster < run.Behind; cluster++)
                _owners[cluster] = id.Value;
        }
        return 0;
    }

    public void Clear() => _owners.Clear();
}
