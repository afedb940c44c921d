using Platter.Primitives;

namespace Platter.Images;

/// <summary>Where a container puts new blocks: gaps of the file that belonged to nothing at the last commit, or else its end.</summary>
/// <remarks>All offsets are bytes of the host. What is released is not taken again before the commit, since the committed state still refers to it.</remarks>
/// <param name="end">Where the last structure ends.</param>
/// <param name="committedLength">The host's length at the last commit; nothing committed lies behind it.</param>
internal sealed class BlockSpace(long end, long committedLength)
{
    private readonly RangeSet _free = new();
    private readonly RangeSet _released = new();
    private readonly RangeSet _reused = new();
    private long _committedLength = committedLength;

    /// <summary>Where the next appended block may start.</summary>
    internal long End { get; private set; } = end;

    /// <summary>Notes a gap.</summary>
    internal void AddFree(long offset, long length) => _free.Add(offset, length);

    /// <summary>Notes space that a block has just given up.</summary>
    internal void Release(long offset, long length)
    {
        if (IsFresh(offset))
        {
            // Nothing committed knows it, but what lies in it is no longer zeros: a gap from the next commit on, as the others.
            _reused.Remove(offset, length);
        }
        _released.Add(offset, length);
    }

    /// <summary>Takes room for a block.</summary>
    /// <param name="lead">Bytes in front of the data that belong to the block.</param>
    /// <param name="length">Bytes of data.</param>
    /// <param name="alignment">What the data's offset is to be a multiple of.</param>
    /// <returns>Where the data goes, and whether that is space that was used before and may hold anything.</returns>
    internal (long Data, bool Reused) Take(long lead, long length, long alignment)
    {
        foreach (var gap in _free)
        {
            var data = Align(gap.Start + lead, alignment);
            if (data + length > gap.End)
                data = gap.Start + lead;
            if (data + length > gap.End || (lead == 0 && data % alignment != 0))
                continue;
            _free.Remove(data - lead, lead + length);
            _reused.Add(data - lead, lead + length);
            return (data, true);
        }
        var appended = Align(End + lead, alignment);
        End = appended + length;
        return (appended, false);
    }

    /// <summary>Whether nothing committed refers to this place.</summary>
    internal bool IsFresh(long offset) => offset >= _committedLength || (!_reused.IsEmpty && _reused.Contains(offset));

    /// <summary>Everything is committed, in a host of this length: what was released can be taken, what was taken is old.</summary>
    internal void Commit(long length)
    {
        foreach (var range in _released)
            _free.Add(range.Start, range.Length);
        _released.Clear();
        _reused.Clear();
        _committedLength = length;
    }

    private static long Align(long offset, long alignment) => (offset + alignment - 1) / alignment * alignment;
}
