using System.Runtime.InteropServices;

namespace Platter.FileSystems.Fat;

/// <summary>The clusters of a file or directory in order, walked as far as was asked for and remembered as runs.</summary>
internal sealed class ClusterChain
{
    private readonly FatTable _table;
    private readonly FatGeometry _geometry;
    private readonly List<Piece> _pieces = [];
    private uint _walked;
    private bool _complete;

    // Brent's cycle detection: compared with each new cluster, moved on at every power of two.
    private uint _checkpoint;
    private uint _checkpointAt = 1;

    /// <param name="table">The allocation table.</param>
    /// <param name="geometry">The volume's layout.</param>
    /// <param name="first">The first cluster; 0 for an empty chain.</param>
    /// <exception cref="DiskFormatException">The first cluster is not one of the volume's.</exception>
    public ClusterChain(FatTable table, FatGeometry geometry, uint first)
    {
        _table = table;
        _geometry = geometry;
        if (first == 0)
            _complete = true;
        else if (!geometry.IsCluster(first))
            throw new DiskFormatException("FAT-0201", "DirectoryEntry.firstCluster", -1, $"found {first}, expected 0 or 2..{geometry.LastCluster}");
        else
            Append(first);
    }

    private readonly record struct Piece(uint Index, ClusterRun Run);

    /// <summary>The first cluster; 0 for an empty chain.</summary>
    public uint First => _pieces.Count == 0 ? 0 : _pieces[0].Run.First;

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
        var pieces = CollectionsMarshal.AsSpan(_pieces);
        int low = 0, high = pieces.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (pieces[middle].Index <= index)
                low = middle;
            else
                high = middle - 1;
        }
        var skip = index - pieces[low].Index;
        run = new ClusterRun(pieces[low].Run.First + skip, pieces[low].Run.Count - skip);
        return true;
    }

    /// <summary>Walks to the end and returns how many clusters there are.</summary>
    public uint CountAll()
    {
        WalkTo(uint.MaxValue);
        return _walked;
    }

    /// <summary>All runs, in order.</summary>
    public List<ClusterRun> Runs()
    {
        CountAll();
        var runs = new List<ClusterRun>(_pieces.Count);
        foreach (var piece in _pieces)
            runs.Add(piece.Run);
        return runs;
    }

    /// <summary>Adds clusters at the end.</summary>
    /// <returns>False when the volume is full; then the chain is as it was.</returns>
    public bool TryExtend(FatSpace space, uint count)
    {
        var before = CountAll();
        while (_walked < before + count)
        {
            var last = _pieces.Count == 0 ? 0 : _pieces[^1].Run.Behind - 1;
            var run = space.Take(before + count - _walked, last);
            if (run.Count == 0)
            {
                Truncate(space, before);
                return false;
            }
            if (last != 0)
                _table[last] = run.First;
            Append(run);
        }
        return true;
    }

    /// <summary>Keeps the first <paramref name="count"/> clusters and gives the others back.</summary>
    public void Truncate(FatSpace space, uint count)
    {
        if (CountAll() <= count)
            return;
        while (_pieces.Count > 0 && _pieces[^1] is var piece && piece.Index + piece.Run.Count > count)
        {
            var keep = piece.Index >= count ? 0 : count - piece.Index;
            space.Release(new ClusterRun(piece.Run.First + keep, piece.Run.Count - keep));
            _pieces.RemoveAt(_pieces.Count - 1);
            if (keep > 0)
                _pieces.Add(new Piece(piece.Index, new ClusterRun(piece.Run.First, keep)));
        }
        _walked = count;
        if (count > 0)
            _table[_pieces[^1].Run.Behind - 1] = FatTable.EndOfChain;
    }

    private bool WalkTo(uint index)
    {
        while (_walked <= index)
        {
            if (_complete)
                return false;
            var last = _pieces[^1].Run.Behind - 1;
            var next = _table[last];
            if (FatTable.IsEnd(next))
            {
                _complete = true;
                return false;
            }
            if (!_table.IsLink(next))
                throw new DiskFormatException("FAT-0202", $"FAT[{last}]", -1, $"found 0x{next:X}, expected the next cluster (2..{_geometry.LastCluster}) or an end mark");
            if (next == _checkpoint || _walked > _geometry.ClusterCount)
                throw new DiskFormatException("FAT-0203", $"FAT[{last}]", -1, $"the chain from cluster {First} leads back into itself at {next}");
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
