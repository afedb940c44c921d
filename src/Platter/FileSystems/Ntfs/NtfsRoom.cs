using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Where clusters that move go: right behind those before them, else into the shortest free run that takes all of them, else into the longest ones.</summary>
/// <remarks>A bounded number of free runs is known, the longest; when they are used up the bitmap is gone through again. What others take in the meantime is noticed.</remarks>
internal sealed class NtfsRoom(NtfsSpace space)
{
    private const int MostRuns = 1 << 16;

    private static readonly Comparer<LongRange> ByLength = Comparer<LongRange>.Create(
        static (a, b) => a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.Start.CompareTo(b.Start));

    private readonly SortedSet<LongRange> _runs = new(ByLength);
    private bool _isUsedUp;

    /// <summary>Takes clusters in one piece.</summary>
    /// <param name="behind">The cluster at which they would go on from those before them; below 0 when there are none.</param>
    /// <param name="wanted">How many; at least 1.</param>
    /// <param name="whole">Clusters that should stay together: a piece has a multiple of so many, where it is long enough.</param>
    /// <param name="least">Clusters that a piece has to have.</param>
    /// <returns>All of them, or a part.</returns>
    /// <exception cref="VolumeFullException">There are none.</exception>
    public LongRange Take(long behind, long wanted, long whole, long least)
    {
        if (behind >= 0 && space.FreeLength(behind, wanted) == wanted)
            return space.TakeAt(behind, wanted);
        while (Best(wanted) is { } run)
        {
            var count = Math.Min(wanted, run.Length);
            if (count < wanted && count > whole)
                count -= count % whole;
            if (count < least)
                throw space.Full(wanted);
            _runs.Remove(run);
            if (space.FreeLength(run.Start, count) < count)
            {
                // Somebody else has taken a part of it.
                foreach (var left in space.FreeRuns(run.Start, run.End))
                    Add(left);
                continue;
            }
            if (count < run.Length)
                Add(new LongRange(run.Start + count, run.Length - count));
            return space.TakeAt(run.Start, count);
        }
        // What was freed since the commit may be left.
        return least <= 1 ? space.Take(-1, wanted) : throw space.Full(wanted);
    }

    private LongRange? Best(long wanted)
    {
        if (_runs.Count == 0 && !_isUsedUp)
        {
            foreach (var run in space.FreeRuns(0, long.MaxValue))
                Add(run);
            _isUsedUp = _runs.Count == 0;
        }
        if (_runs.Count == 0)
            return null;
        return _runs.Max.Length <= wanted ? _runs.Max : _runs.GetViewBetween(new LongRange(0, wanted), new LongRange(long.MaxValue, long.MaxValue)).Min;
    }

    private void Add(LongRange run)
    {
        _runs.Add(run);
        if (_runs.Count > MostRuns)
            _runs.Remove(_runs.Min);
    }
}
