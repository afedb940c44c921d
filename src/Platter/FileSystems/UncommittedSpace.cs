using Platter.Primitives;

namespace Platter.FileSystems;

/// <summary>What became of a volume's clusters since the last commit: those that no committed structure refers to (fresh), and those that were freed; with the way
/// back to where an edit began.</summary>
/// <remarks>Between two commits a cluster that the committed state refers to is written through the transaction only. So clusters freed since the last commit are taken
/// again only when nothing else is left, and then they are not fresh.</remarks>
internal sealed class UncommittedSpace
{
    // Runs looked at in one page before the longest one has to do.
    private const int MaxProbes = 64;

    private readonly RangeSet _fresh = new(), _freed = new();
    private readonly GrowingArray<Change> _undo = new();

    /// <summary>What was freed and not taken again; for looking.</summary>
    public RangeSet Freed => _freed;

    /// <summary>Whether no committed structure refers to any of these clusters.</summary>
    public bool IsFresh(long first, long count) => !_fresh.IsEmpty && _fresh.Contains(first, count);

    /// <summary>Clusters were taken.</summary>
    /// <param name="run">Which.</param>
    /// <param name="isFresh">Whether they were free at the last commit; else they were freed since.</param>
    public void Take(LongRange run, bool isFresh)
    {
        if (isFresh)
            Add(_fresh, run.Start, run.Length);
        else
            Remove(_freed, run.Start, run.Length);
    }

    /// <summary>Clusters were freed. What was fresh never was in a committed state: it can be fresh again.</summary>
    public void Free(long first, long end)
    {
        for (var at = first; at < end;)
        {
            var fresh = _fresh.NextRange(at);
            var until = Math.Min(fresh is { } range ? range.Start : long.MaxValue, end);
            if (until > at)
                Add(_freed, at, until - at);
            at = until;
            if (at < end)
            {
                var count = Math.Min(fresh!.Value.End, end) - at;
                Remove(_fresh, at, count);
                at += count;
            }
        }
    }

    /// <summary>Clusters that are free are to be taken last.</summary>
    public void KeepFree(LongRange run)
    {
        if (!_freed.Contains(run.Start, run.Length))
            Add(_freed, run.Start, run.Length);
    }

    /// <summary>Looks in a page of a bitmap for clusters that can be taken: free ones that were free at the last commit, too.</summary>
    /// <param name="page">The page.</param>
    /// <param name="from">The first bit to look at.</param>
    /// <param name="end">Behind the last at which a run may start.</param>
    /// <param name="wanted">How many clusters.</param>
    /// <param name="found">The longest run so far; becomes the first one that is long enough, else the longest of the next few.</param>
    public void Find(in BitmapPage page, long from, long end, long wanted, ref LongRange found)
    {
        for (var probe = 0; probe < MaxProbes || found.Length == 0; probe++)
        {
            from = BitWords.Next(page.Words, from, end, 0);
            if (from < 0)
                break;
            var run = FreeAt(page, from, wanted);
            if (run.Length == 0)
            {
                // Freed since the commit: behind the whole range.
                from = _freed.NextRange(page.Start + from)!.Value.End - page.Start;
                if (from >= end)
                    break;
                continue;
            }
            if (run.Length > found.Length)
                found = run;
            if (found.Length >= wanted)
                break;
            from += run.Length;
        }
    }

    /// <summary>The clusters from a bit on that can be taken.</summary>
    public LongRange FreeAt(in BitmapPage page, long from, long most)
    {
        var limit = Math.Min(from + most, page.Count);
        var used = BitWords.Next(page.Words, from, limit, ulong.MaxValue);
        var start = page.Start + from;
        var end = page.Start + (used < 0 ? Math.Max(limit, from) : used);
        if (!_freed.IsEmpty && end > start && _freed.NextRange(start) is { } freed)
            end = Math.Min(end, Math.Max(start, freed.Start));
        return end > start ? new LongRange(start, end - start) : default;
    }

    /// <summary>The edit is whole.</summary>
    public void Keep() => _undo.Clear();

    /// <summary>The edit failed.</summary>
    public void Undo()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            ref readonly var change = ref _undo[i];
            if (change.Added)
                change.Set.Remove(change.Start, change.Count);
            else
                change.Set.Add(change.Start, change.Count);
        }
        _undo.Clear();
    }

    /// <summary>Everything is durable, or the volume went back to the last commit: what was freed may be used like anything else, what was fresh no longer is.</summary>
    public void Clear()
    {
        _undo.Clear();
        _fresh.Clear();
        _freed.Clear();
    }

    private void Add(RangeSet set, long start, long count)
    {
        set.Add(start, count);
        _undo.Add(new Change(set, true, start, count));
    }

    private void Remove(RangeSet set, long start, long count)
    {
        set.Remove(start, count);
        _undo.Add(new Change(set, false, start, count));
    }

    /// <summary>What an edit did to one of the sets.</summary>
    private readonly struct Change(RangeSet set, bool added, long start, long count)
    {
        public readonly RangeSet Set = set;
        public readonly bool Added = added;
        public readonly long Start = start, Count = count;
    }
}

/// <summary>A piece of a bitmap of clusters.</summary>
/// <param name="words">Its bits, 1 for what is in use.</param>
/// <param name="start">The cluster that its first bit stands for.</param>
/// <param name="count">How many of the bits count.</param>
internal readonly ref struct BitmapPage(ReadOnlySpan<ulong> words, long start, long count)
{
    public readonly ReadOnlySpan<ulong> Words = words;
    public readonly long Start = start, Count = count;
}
