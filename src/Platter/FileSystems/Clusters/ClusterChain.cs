using Platter.Primitives;

namespace Platter.FileSystems.Clusters;

/// <summary>The clusters of a file or directory in order, walked as far as was asked for and remembered as runs.</summary>
/// <remarks>A chain without links (exFAT's NoFatChain) is one run that is known beforehand; it gets links when it can no longer grow in
/// one piece.</remarks>
internal sealed class ClusterChain
{
    private readonly IClusterLinks _links;
    private readonly GrowingArray<Piece> _pieces = new();
    private uint _walked;
    private bool _complete;

    // Brent's cycle detection: compared with each new cluster, moved on at every power of two.
    private uint _checkpoint;
    private uint _checkpointAt = 1;

    /// <summary>A linked chain.</summary>
    /// <param name="links">The file allocation table.</param>
    /// <param name="first">The first cluster; 0 for an empty chain.</param>
    /// <exception cref="DiskFormatException">The first cluster is not one of the volume's.</exception>
    public ClusterChain(IClusterLinks links, uint first)
    {
        _links = links;
        if (first == 0)
        {
            _complete = true;
            IsContiguous = links.AllowsContiguous;
        }
        else if (first < links.FirstCluster || first > links.LastCluster)
        {
            throw links.StartsOutside(first, 1);
        }
        else
        {
            Append(first);
        }
    }

    /// <summary>Clusters in one piece, without links.</summary>
    /// <exception cref="DiskFormatException">They are not all within the volume.</exception>
    public ClusterChain(IClusterLinks links, ClusterRun run) : this(links, 0)
    {
        if (run.Count == 0)
            return;
        if (run.First < links.FirstCluster || run.First > links.LastCluster || run.Count - 1 > links.LastCluster - run.First)
            throw links.StartsOutside(run.First, run.Count);
        Append(run);
    }

    private readonly record struct Piece(uint Index, ClusterRun Run);

    /// <summary>The first cluster; 0 for an empty chain.</summary>
    public uint First => _pieces.Count == 0 ? 0 : _pieces[0].Run.First;

    /// <summary>Whether there are no links: the table says nothing of these clusters.</summary>
    public bool IsContiguous { get; private set; }

    /// <summary>The run that holds the cluster with this index in the chain, from that cluster on.</summary>
    /// <returns>False when the chain is shorter.</returns>
    /// <exception cref="DiskFormatException">The chain leads to a place that is no cluster, or back into itself.</exception>
    public bool TryLocate(uint index, out ClusterRun run)
    {
        if (!WalkTo(index))
        {
            run = default;
            return false;
        }
        int low = 0, high = _pieces.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_pieces[middle].Index <= index)
                low = middle;
            else
                high = middle - 1;
        }
        var piece = _pieces[low];
        var skip = index - piece.Index;
        run = new ClusterRun(piece.Run.First + skip, piece.Run.Count - skip);
        return true;
    }

    /// <summary>Walks to the end and returns how many clusters there are.</summary>
    public uint CountAll()
    {
        WalkTo(uint.MaxValue);
        return _walked;
    }

    /// <summary>All runs, in order.</summary>
    public ClusterRun[] Runs()
    {
        CountAll();
        var runs = new ClusterRun[_pieces.Count];
        for (var i = 0; i < runs.Length; i++)
            runs[i] = _pieces[i].Run;
        return runs;
    }

    /// <summary>Adds clusters at the end.</summary>
    /// <returns>False when the volume is full; then the same clusters belong to the chain as before. So they do when reading fails.</returns>
    public bool TryExtend(ClusterSpace space, uint count)
    {
        var before = CountAll();
        if (before == 0 && count > 1 && IsContiguous)
            space.SeekRoom(count);
        var taken = default(ClusterRun);     // but not part of the chain yet
        var complete = false;
        space.BeginChange();
        try
        {
            while (_walked < before + count)
            {
                var last = _pieces.Count == 0 ? 0 : _pieces[^1].Run.Behind - 1;
                taken = space.Take(before + count - _walked, last);
                if (taken.Count == 0)
                    break;
                if (IsContiguous && last != 0 && taken.First != last + 1)
                {
                    _links.Join(0, _pieces[0].Run);
                    IsContiguous = false;
                }
                if (!IsContiguous)
                    _links.Join(last, taken);
                Append(taken);
                taken = default;
            }
            complete = _walked == before + count;
        }
        finally
        {
            if (!complete)
            {
                if (taken.Count > 0)
                    space.Release(taken);
                Truncate(space, before);
            }
            space.EndChange();
        }
        return complete;
    }

    /// <summary>Reads all that <see cref="Truncate"/> changes: where that fails, nothing has changed yet.</summary>
    /// <param name="space">Where the clusters go.</param>
    /// <param name="count">Clusters that stay.</param>
    /// <exception cref="DiskFormatException">The chain is broken.</exception>
    public void PrepareTruncate(ClusterSpace space, uint count)
    {
        if (CountAll() <= count)
            return;
        for (var i = _pieces.Count - 1; i >= 0 && _pieces[i].Index + _pieces[i].Run.Count > count; i--)
            space.Touch(_pieces[i].Run);
        if (count > 0 && !IsContiguous && TryLocate(count - 1, out var last))
            _links.Next(last.First);
    }

    /// <summary>Keeps the first <paramref name="count"/> clusters and gives the others back.</summary>
    public void Truncate(ClusterSpace space, uint count)
    {
        if (CountAll() <= count)
            return;
        PrepareTruncate(space, count);
        space.BeginChange();
        while (_pieces.Count > 0 && _pieces[^1] is var piece && piece.Index + piece.Run.Count > count)
        {
            var keep = piece.Index >= count ? 0 : count - piece.Index;
            space.Release(new ClusterRun(piece.Run.First + keep, piece.Run.Count - keep));
            _pieces.RemoveLast();
            if (keep > 0)
                _pieces.Add(new Piece(piece.Index, new ClusterRun(piece.Run.First, keep)));
        }
        _walked = count;
        if (count == 0)
            IsContiguous = _links.AllowsContiguous;
        else if (!IsContiguous)
            _links.End(_pieces[^1].Run.Behind - 1);
        space.EndChange();
    }

    private bool WalkTo(uint index)
    {
        while (_walked <= index)
        {
            if (_complete || IsContiguous)
                return false;
            var last = _pieces[^1].Run.Behind - 1;
            var next = _links.Next(last);
            if (next == 0)
            {
                _complete = true;
                return false;
            }
            if (next == _checkpoint || _walked > _links.LastCluster - _links.FirstCluster)
                throw _links.Circle(First, last, next);
            Append(next);
            if (_walked >= _checkpointAt)
            {
                _checkpoint = next;
                _checkpointAt *= 2;
            }
        }
        return true;
    }

    private void Append(uint cluster)
    {
        if (_pieces.Count > 0 && _pieces[^1].Run.Behind == cluster)
        {
            var piece = _pieces[^1];
            _pieces[^1] = piece with { Run = piece.Run with { Count = piece.Run.Count + 1 } };
            _walked++;
        }
        else
        {
            Append(new ClusterRun(cluster, 1));
        }
    }

    private void Append(ClusterRun run)
    {
        if (_pieces.Count > 0 && _pieces[^1].Run.Behind == run.First)
            _pieces[^1] = _pieces[^1] with { Run = _pieces[^1].Run with { Count = _pieces[^1].Run.Count + run.Count } };
        else
            _pieces.Add(new Piece(_walked, run));
        _walked += run.Count;
    }
}
