using System.Diagnostics.CodeAnalysis;

namespace Platter.Primitives;

/// <summary>A table from whole numbers (page, cluster, block, node numbers) to values.</summary>
/// <remarks>The framework's dictionary finds out by reflection how to compare a number when it is first asked, and compiles that at every
/// start of the command: some 3 ms of 25. This one is compiled ahead of time with everything it calls. Open addressing with linear
/// probing; removal closes the gap, so no probe is ever longer than the run of entries it stands in. Not for several threads at once,
/// except for readers while nobody writes.</remarks>
public sealed class NumberMap<TValue>
{
    private struct Slot
    {
        public ulong Key;
        public TValue Value;
        public bool IsUsed;
    }

    private const int SmallestTable = 16;       // a power of two, as every table is

    private Slot[]? _slots;
    private int _shift = 64 - 4 + 1;        // 64 less the logarithm of the table's length; the first table makes it 60

    /// <summary>Entries in the table.</summary>
    public int Count { get; private set; }

    /// <summary>The value of a key; setting adds or replaces.</summary>
    /// <exception cref="KeyNotFoundException">Reading a key that isn't there.</exception>
    public TValue this[ulong key]
    {
        get => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"there is no entry {key}");
        set
        {
            if (Find(key, out var at))
            {
                _slots![at].Value = value;
                return;
            }
            // Three quarters full at most: linear probing slows down beyond.
            if (_slots is null || (Count + 1) * 4L > _slots.Length * 3L)
            {
                Grow();
                Find(key, out at);
            }
            _slots![at] = new Slot { Key = key, Value = value, IsUsed = true };
            Count++;
        }
    }

    public bool TryGetValue(ulong key, [MaybeNullWhen(false)] out TValue value)
    {
        if (Find(key, out var at))
        {
            value = _slots![at].Value;
            return true;
        }
        value = default;
        return false;
    }

    public bool ContainsKey(ulong key) => Find(key, out _);

    /// <summary>Takes an entry out; false when it isn't there.</summary>
    public bool Remove(ulong key) => Remove(key, out _);

    /// <inheritdoc cref="Remove(ulong)"/>
    public bool Remove(ulong key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!Find(key, out var gap))
        {
            value = default;
            return false;
        }
        value = _slots![gap].Value;
        var mask = _slots.Length - 1;
        for (var next = (gap + 1) & mask; _slots[next].IsUsed; next = (next + 1) & mask)
        {
            // An entry may move into the gap unless its own place lies behind the gap.
            if (((next - Home(_slots[next].Key)) & mask) >= ((next - gap) & mask))
            {
                _slots[gap] = _slots[next];
                gap = next;
            }
        }
        _slots[gap] = default;
        Count--;
        return true;
    }

    /// <summary>Forgets everything; the room stays for what comes.</summary>
    public void Clear()
    {
        if (Count == 0)
            return;
        Array.Clear(_slots!);
        Count = 0;
    }

    /// <summary>Copies the keys, in no order.</summary>
    public ulong[] Keys()
    {
        var keys = new ulong[Count];
        var count = 0;
        for (var i = 0; i < _slots?.Length; i++)
        {
            if (_slots[i].IsUsed)
                keys[count++] = _slots[i].Key;
        }
        return keys;
    }

    /// <summary>Copies the keys, in ascending order.</summary>
    public ulong[] SortedKeys()
    {
        // The framework's sort of such numbers is compiled when it is first asked for: a part of a millisecond that a small edit need not wait for.
        const int few = 64;
        var keys = Keys();
        if (keys.Length > few)
        {
            Array.Sort(keys);
            return keys;
        }
        for (var i = 1; i < keys.Length; i++)
        {
            for (var k = i; k > 0 && keys[k] < keys[k - 1]; k--)
                (keys[k], keys[k - 1]) = (keys[k - 1], keys[k]);
        }
        return keys;
    }

    /// <summary>Copies the values, in the order of <see cref="Keys"/>.</summary>
    public TValue[] Values()
    {
        var values = new TValue[Count];
        var count = 0;
        for (var i = 0; i < _slots?.Length; i++)
        {
            if (_slots[i].IsUsed)
                values[count++] = _slots[i].Value;
        }
        return values;
    }

    // Where the key is, or the free slot where it would go; -1 in the empty table.
    private bool Find(ulong key, out int at)
    {
        if (_slots is null)
        {
            at = -1;
            return false;
        }
        var mask = _slots.Length - 1;
        for (at = Home(key); _slots[at].IsUsed; at = (at + 1) & mask)
        {
            if (_slots[at].Key == key)
                return true;
        }
        return false;
    }

    // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): neighbouring numbers are spread over the table.
    private int Home(ulong key) => (int)((key * 0x9E37_79B9_7F4A_7C15) >> _shift);

    private void Grow()
    {
        var old = _slots;
        _slots = new Slot[old is null ? SmallestTable : old.Length * 2];
        _shift--;
        for (var i = 0; i < old?.Length; i++)
        {
            if (!old[i].IsUsed)
                continue;
            Find(old[i].Key, out var at);
            _slots[at] = old[i];
        }
    }
}
