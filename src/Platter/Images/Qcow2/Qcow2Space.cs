using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>Clusters in a row that were taken.</summary>
/// <param name="Offset">Bytes from the start of the file.</param>
/// <param name="Count">Clusters.</param>
/// <param name="IsZero">Whether they read as zeros: the file has just grown by them.</param>
internal readonly record struct ClusterRun(long Offset, long Count, bool IsZero);

/// <summary>Takes clusters of the file and gives them back.</summary>
/// <remarks>
/// <para>Free clusters are looked for once, piece by piece of the refcounts and only as far as they are needed; what is found and not yet taken is
/// remembered. Where nothing is found soon, the file grows.</para>
/// <para>What is given back is not taken again before the commit: until then it belongs to the committed state. So all that is taken may be
/// written before the commit.</para>
/// </remarks>
internal sealed class Qcow2Space
{
    private const int PiecesPerSearch = 64;         // pieces of refcounts looked at before the file grows instead
    private const int MostRanges = 1 << 16;         // free ranges remembered; what is beyond is found when the image is opened again
    private const int MostStrays = 1 << 16;         // refcounts behind the end of the file that are passed by

    private readonly Qcow2Geometry _geometry;
    private readonly Qcow2Tables _tables;
    private readonly Qcow2Refcounts _refcounts;
    private readonly ResizableDevice _host;
    private readonly RangeSet _free = new();        // known to be free, and free at the last commit
    private readonly RangeSet _freed = new();       // given back since the last commit
    private readonly RangeSet _fresh = new();       // taken since the last commit
    private long _searched;                         // all below have been looked at
    private long _end;                              // first cluster behind the file

    internal Qcow2Space(Qcow2Geometry geometry, Qcow2Tables tables, Qcow2Refcounts refcounts, ResizableDevice host)
    {
        (_geometry, _tables, _refcounts, _host) = (geometry, tables, refcounts, host);
        Forget();
    }

    /// <summary>Clusters that must never be taken, whatever the refcounts say: header, L1, refcount table, snapshots.</summary>
    internal RangeSet Fixed { get; } = new();

    private int Bits => _geometry.ClusterBits;

    /// <summary>Whether nothing committed refers to the cluster at this place of the file.</summary>
    internal bool IsFresh(long offset) => _fresh.Contains(offset >> Bits);

    /// <summary>How many of <paramref name="count"/> clusters are, in this respect, as the first one.</summary>
    internal long SameFreshness(long cluster, long count) => _fresh.Contains(cluster)
        ? Math.Min(count, _fresh.NextRange(cluster)!.Value.End - cluster)
        : Math.Min(count, (_fresh.NextRange(cluster)?.Start ?? long.MaxValue) - cluster);

    /// <summary>Takes up to <paramref name="count"/> clusters in a row, at least one; their refcount is 1.</summary>
    /// <exception cref="VolumeFullException">The refcount table can't grow any more.</exception>
    /// <exception cref="IOException">The host has no room.</exception>
    internal ClusterRun Take(long count)
    {
        for (var pieces = 0; _free.IsEmpty && pieces < PiecesPerSearch && _searched < _end; pieces++)
            SearchPiece();
        if (_free.IsEmpty)
            return TakeAtEnd(count);
        var found = _free[0];
        count = Math.Min(count, found.Length);
        _free.Remove(found.Start, count);
        Enter(found.Start, count);
        return new ClusterRun(found.Start << Bits, count, IsZero: false);
    }

    /// <summary>Takes clusters in a row behind the end of the file.</summary>
    internal ClusterRun TakeAtEnd(long count)
    {
        for (var strays = 0; ; strays++)
        {
            EnsureBlock(_end / _geometry.RefcountsPerBlock);
            if (_refcounts.Get(_end) == 0)
                break;
            if (strays == MostStrays)
                throw new DiskFormatException("QCOW-0033", "RefcountBlock", -1, $"found {strays} clusters in use behind the end of the file, expected none");
            _end++;
        }
        count = Math.Min(count, _geometry.RefcountsPerBlock - _end % _geometry.RefcountsPerBlock);
        for (var i = 1L; i < count; i++)
        {
            if (_refcounts.Get(_end + i) != 0)
                count = i;
        }
        var first = _end;
        Extend(count);
        Enter(first, count);
        return new ClusterRun(first << Bits, count, IsZero: true);
    }

    /// <summary>One reference less to each cluster that the range touches.</summary>
    internal void Release(long offset, long length)
    {
        for (var cluster = offset >> Bits; cluster <= (offset + length - 1) >> Bits; cluster++)
        {
            var count = CountInUse(cluster);
            _refcounts.Set(cluster, count - 1);
            if (count > 1)
                continue;
            if (_fresh.Contains(cluster))
            {
                _fresh.Remove(cluster, 1);
                _free.Add(cluster, 1);
            }
            else
            {
                _freed.Add(cluster, 1);
            }
            var start = cluster << Bits;
            if (start < _host.Length)
                _host.Discard(start, Math.Min(_geometry.ClusterSize, _host.Length - start));
        }
    }

    /// <summary>The refcount of a cluster that something refers to.</summary>
    /// <exception cref="DiskFormatException">It is 0 (<c>QCOW-0032</c>).</exception>
    internal ulong CountInUse(long cluster) => _refcounts.Get(cluster) is not 0 and var count ? count : throw new DiskFormatException(
        "QCOW-0032", "RefcountBlock", cluster << Bits, "found refcount 0 for this cluster, which is in use: the image must be repaired before it is edited");

    /// <summary>Everything is committed: what was given back may be taken.</summary>
    internal void Committed()
    {
        foreach (var range in _freed)
        {
            if (range.Start < _searched && _free.Count < MostRanges)
                _free.Add(range.Start, Math.Min(range.Length, _searched - range.Start));
        }
        _freed.Clear();
        _fresh.Clear();
    }

    /// <summary>Back to what the file says.</summary>
    internal void Forget()
    {
        _free.Clear();
        _freed.Clear();
        _fresh.Clear();
        _searched = 0;
        _end = (_host.Length + _geometry.ClusterSize - 1) >> Bits;
    }

    private void SearchPiece()
    {
        var from = _searched;
        _searched = _refcounts.FindFree(from, _end, _free);
        foreach (var kept in _freed.Enumerate(from, _searched - from))
            _free.Remove(kept.Start, kept.Length);
    }

    private void Enter(long first, long count)
    {
        if (Fixed.Overlaps(first, count))
        {
            throw new DiskFormatException("QCOW-0032", "RefcountBlock", first << Bits,
                "found refcount 0 for clusters of the header or of a table: the image must be repaired before it is edited");
        }
        for (var i = 0L; i < count; i++)
            _refcounts.Set(first + i, 1);
        _fresh.Add(first, count);
    }

    private void Extend(long count)
    {
        _host.SetLength(Math.Max(_host.Length, (_end + count) << Bits));
        _end += count;
    }

    /// <summary>Makes the refcount block with this number, unless it is there. It goes to the end of the file, where its own refcount, too,
    /// is in it or in the next new one.</summary>
    internal void EnsureBlock(long index)
    {
        if (index >= _refcounts.TableEntries)
            GrowTable();
        if (_refcounts.Block(index) != 0)
            return;
        var cluster = _end;
        Extend(1);
        _fresh.Add(cluster, 1);
        _refcounts.SetBlock(index, cluster << Bits);
        EnsureBlock(cluster / _geometry.RefcountsPerBlock);
        _refcounts.Set(cluster, 1);
    }

    // Twice as long, or as long as needed; with room for the blocks that the new table's own clusters need.
    private void GrowTable()
    {
        var entries = Math.Max(2 * _refcounts.TableEntries, _end / _geometry.RefcountsPerBlock + 1);
        entries += entries / 32 + 64;
        var largest = Math.Max(Qcow2Geometry.LargestRefcountTable, _geometry.ClusterSize) >> Bits;
        var clusters = Math.Min(largest, (entries * 8 + _geometry.ClusterSize - 1) >> Bits);
        if (clusters <= _refcounts.TableClusters)
            throw new VolumeFullException("clusters of the image file", 1, 0);
        var (oldOffset, oldClusters, first) = (_refcounts.TableOffset, _refcounts.TableClusters, _end);
        Extend(clusters);
        _fresh.Add(first, clusters);
        _tables.Copy(oldOffset, first << Bits, (long)oldClusters << Bits);
        _refcounts.MoveTable(first << Bits, (int)clusters);
        for (var i = 0L; i < clusters; i++)
        {
            EnsureBlock((first + i) / _geometry.RefcountsPerBlock);
            _refcounts.Set(first + i, 1);
        }
        Fixed.Remove(oldOffset >> Bits, oldClusters);
        Fixed.Add(first, clusters);
        _tables.Drop(oldOffset, (long)oldClusters << Bits);
        Release(oldOffset, (long)oldClusters << Bits);
    }
}
