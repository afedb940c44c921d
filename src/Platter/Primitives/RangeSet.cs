using System.Collections;

namespace Platter.Primitives;

/// <summary>A run of numbers (bytes, clusters, blocks: the owner says which); neither field is negative.</summary>
public readonly record struct LongRange(long Start, long Length)
{
    /// <summary>The first number behind the run.</summary>
    public long End => Start + Length;
}

/// <summary>A sorted set of numbers kept as ranges that neither overlap nor touch.</summary>
/// <remarks>
/// <para>Two parallel arrays, searched by bisection: a search is O(log n), an insertion in the middle moves what lies behind it (one
/// memory move; a million ranges cost a quarter of a millisecond), and growing or shrinking a range in place, which is what sequential
/// work does, costs the search alone.</para>
/// <para>Reading changes nothing, so concurrent readers are fine while nobody writes.</para>
/// </remarks>
public sealed class RangeSet : IEnumerable<LongRange>
{
    private long[] _starts = new long[8];
    private long[] _ends = new long[8];
    private int _count;
    private int _last;      // where the last change happened; sequential additions land there again

    /// <summary>How many ranges there are.</summary>
    public int Count => _count;

    public bool IsEmpty => _count == 0;

    /// <summary>How many numbers are in the set.</summary>
    public long Total { get; private set; }

    public LongRange this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_count, nameof(index));
            return new LongRange(_starts[index], _ends[index] - _starts[index]);
        }
    }

    public void Clear()
    {
        _count = 0;
        _last = 0;
        Total = 0;
    }

    /// <summary>Adds a range; what is there already stays.</summary>
    public void Add(long start, long length)
    {
        CheckArguments(start, length);
        if (length == 0)
            return;
        var end = start + length;
        var first = FirstEndingAtOrBehind(start);       // touching counts: [0,4) and [4,8) become [0,8)
        if (first == _count || _starts[first] > end)
        {
            Insert(first, start, end);
            Total += length;
            _last = first;
            return;
        }
        var behind = first + 1;
        while (behind < _count && _starts[behind] <= end)
            behind++;
        for (var i = first; i < behind; i++)
            Total -= _ends[i] - _starts[i];
        _starts[first] = Math.Min(start, _starts[first]);
        _ends[first] = Math.Max(end, _ends[behind - 1]);
        Total += _ends[first] - _starts[first];
        RemoveEntries(first + 1, behind);
        _last = first;
    }

    /// <summary>Removes a range; what is not there is no error.</summary>
    public void Remove(long start, long length)
    {
        CheckArguments(start, length);
        if (length == 0)
            return;
        var end = start + length;
        var first = FirstEndingBehind(start);
        if (first == _count || _starts[first] >= end)
            return;
        _last = first;
        if (_starts[first] < start && _ends[first] > end)
        {
            Total -= length;
            var tail = _ends[first];
            _ends[first] = start;
            Insert(first + 1, end, tail);
            return;
        }
        if (_starts[first] < start)
        {
            Total -= _ends[first] - start;
            _ends[first] = start;
            first++;
        }
        var behind = first;
        while (behind < _count && _ends[behind] <= end)
        {
            Total -= _ends[behind] - _starts[behind];
            behind++;
        }
        if (behind < _count && _starts[behind] < end)
        {
            Total -= end - _starts[behind];
            _starts[behind] = end;
        }
        RemoveEntries(first, behind);
        _last = Math.Min(first, Math.Max(0, _count - 1));
    }

    public bool Contains(long value)
    {
        var i = FirstEndingBehind(value);
        return i < _count && _starts[i] <= value;
    }

    /// <summary>Whether every number of the range is in the set; true for an empty range.</summary>
    public bool Contains(long start, long length)
    {
        CheckArguments(start, length);
        if (length == 0)
            return true;
        var i = FirstEndingBehind(start);
        return i < _count && _starts[i] <= start && _ends[i] >= start + length;
    }

    /// <summary>Whether any number of the range is in the set.</summary>
    public bool Overlaps(long start, long length)
    {
        CheckArguments(start, length);
        if (length == 0)
            return false;
        var i = FirstEndingBehind(start);
        return i < _count && _starts[i] < start + length;
    }

    /// <summary>The first range that reaches past <paramref name="from"/>, cut to start no earlier than it; null when there is none.</summary>
    public LongRange? NextRange(long from)
    {
        var i = FirstEndingBehind(from);
        if (i == _count)
            return null;
        var start = Math.Max(from, _starts[i]);
        return new LongRange(start, _ends[i] - start);
    }

    /// <summary>The first run of numbers not in the set, from <paramref name="from"/> and below <paramref name="limit"/>, that is at least
    /// <paramref name="minimum"/> long; it reaches to the next range or to the limit. Null when there is none.</summary>
    public LongRange? NextGap(long from, long limit, long minimum = 1)
    {
        for (var i = FirstEndingBehind(from); from < limit; i++)
        {
            var end = i < _count ? Math.Min(_starts[i], limit) : limit;
            if (end > from && end - from >= minimum)
                return new LongRange(from, end - from);
            if (i >= _count)
                break;
            from = Math.Max(from, _ends[i]);
        }
        return null;
    }

    /// <summary>The ranges in order.</summary>
    public IEnumerable<LongRange> Enumerate() => Enumerate(0, long.MaxValue);

    /// <summary>The parts of the ranges that lie within the given one, in order.</summary>
    public IEnumerable<LongRange> Enumerate(long start, long length)
    {
        CheckArguments(start, length);
        var end = start + length;
        for (var i = FirstEndingBehind(start); i < _count && _starts[i] < end; i++)
        {
            var from = Math.Max(start, _starts[i]);
            yield return new LongRange(from, Math.Min(end, _ends[i]) - from);
        }
    }

    public IEnumerator<LongRange> GetEnumerator() => Enumerate().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static void CheckArguments(long start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue - start);
    }

    private int FirstEndingBehind(long value) => value == long.MaxValue ? _count : FirstEndingAtOrBehind(value + 1);

    // The first range whose end (the first number behind it) is not below the value.
    private int FirstEndingAtOrBehind(long value)
    {
        var last = _last;
        if (last < _count && _ends[last] >= value && (last == 0 || _ends[last - 1] < value))
            return last;
        if (_count == 0 || _ends[_count - 1] < value)
            return _count;
        int low = 0, high = _count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_ends[middle] < value)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private void Insert(int index, long start, long end)
    {
        if (_count == _starts.Length)
        {
            Array.Resize(ref _starts, _count * 2);
            Array.Resize(ref _ends, _count * 2);
        }
        Array.Copy(_starts, index, _starts, index + 1, _count - index);
        Array.Copy(_ends, index, _ends, index + 1, _count - index);
        _starts[index] = start;
        _ends[index] = end;
        _count++;
    }

    private void RemoveEntries(int from, int to)
    {
        if (from >= to)
            return;
        Array.Copy(_starts, to, _starts, from, _count - to);
        Array.Copy(_ends, to, _ends, from, _count - to);
        _count -= to - from;
    }
}
