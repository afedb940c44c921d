using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// What a change of the volume's length needs: bits that come and go, and the free runs by their places.
internal sealed partial class NtfsSpace
{
    /// <summary>Free clusters that somebody is going to take: what could do with fewer leaves them.</summary>
    public long Promised { get; set; }

    /// <summary>$Bitmap has followed the volume's length, and lies here.</summary>
    public void Grow(NtfsRunList runs)
    {
        _bitmap.Attach(runs, _geometry.ClusterCount);
        Forget();
    }

    /// <summary>Clusters from this one on leave the volume: none of them is taken any more, and those that are given back are forgotten.</summary>
    public void Cut(long end)
    {
        _bitmap.Shorten(end);
        _next = _next < end ? _next : 0;
        _nextIndex = -1;
        Forget();
    }

    /// <summary>Marks clusters that come to the volume as free or as in use, whatever they were.</summary>
    public void Mark(long cluster, long count, bool isUsed)
    {
        _bitmap.Set(cluster, count, isUsed);
        Forget();
    }

    /// <summary>How many clusters from one on can be taken, and were free at the last commit.</summary>
    /// <param name="start">The first one.</param>
    /// <param name="most">Behind so many it is not looked any further.</param>
    public long FreeLength(long start, long most)
    {
        var at = start;
        while (at < start + most && at < _bitmap.Count)
        {
            var run = _uncommitted.FreeAt(Page(at / PageBits), at % PageBits, start + most - at);
            at += run.Length;
            if (run.Length == 0 || at % PageBits != 0)
                break;
        }
        return at - start;
    }

    /// <summary>The runs of clusters that can be taken, and were free at the last commit, in order.</summary>
    public IEnumerable<LongRange> FreeRuns(long from, long to)
    {
        to = Math.Min(to, _bitmap.Count);
        while (from < to)
        {
            var page = from / PageBits * PageBits;
            var free = BitWords.Next(_bitmap.Words(page / PageBits), from - page, Math.Min(PageBits, to - page), 0);
            if (free < 0)
            {
                from = page + PageBits;
                continue;
            }
            from = page + free;
            var length = FreeLength(from, to - from);
            if (length > 0)
                yield return new LongRange(from, length);
            from = length > 0 ? from + length : _uncommitted.Freed.NextRange(from)!.Value.End;
        }
    }

    /// <summary>Takes clusters of which <see cref="FreeLength"/> has said that they can be taken.</summary>
    public LongRange TakeAt(long start, long count)
    {
        var run = new LongRange(start, count);
        _bitmap.Set(start, count, true);
        _free -= count;
        _uncommitted.Take(run, isFresh: true);
        return run;
    }
}
