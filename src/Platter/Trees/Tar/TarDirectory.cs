namespace Platter.Trees.Tar;

/// <summary>The entries of one directory of an archive, by name: a table of open addressing with nothing in it but the entries.</summary>
/// <param name="names">Where their names are.</param>
internal sealed class TarDirectory(TarNames names)
{
    private const int SmallestTable = 4;        // a power of two, as every table is

    private TarNode?[] _slots = new TarNode?[SmallestTable];

    public TarNames Names => names;

    public int Count { get; private set; }

    public TarNode? Find(ReadOnlySpan<char> name) => _slots[SlotOf(name)];

    /// <summary>Puts an entry in, in the place of one of its name.</summary>
    public void Add(TarNode entry)
    {
        var name = entry.Name;
        var slot = SlotOf(name);
        if (_slots[slot] is null && ++Count > _slots.Length / 4 * 3)
        {
            var old = _slots;
            _slots = new TarNode?[old.Length * 2];
            foreach (var other in old)
            {
                if (other is not null)
                    _slots[FreeSlot(names.HashOf(other.Place))] = other;
            }
            slot = FreeSlot(TarNames.HashOf(name));
        }
        _slots[slot] = entry;
    }

    /// <summary>Takes the entry of a name out, when there is one.</summary>
    public void Remove(string name)
    {
        var gap = SlotOf(name);
        if (_slots[gap] is null)
            return;
        var mask = _slots.Length - 1;
        for (var next = (gap + 1) & mask; _slots[next] is { } entry; next = (next + 1) & mask)
        {
            // An entry may move into the gap unless its own place lies behind the gap.
            if (((next - names.HashOf(entry.Place)) & mask) >= ((next - gap) & mask))
            {
                _slots[gap] = entry;
                gap = next;
            }
        }
        _slots[gap] = null;
        Count--;
    }

    /// <summary>All entries, by the ordinal order of their names.</summary>
    public TarNode[] Sorted()
    {
        var sorted = new TarNode[Count];
        var count = 0;
        foreach (var entry in _slots)
        {
            if (entry is not null)
                sorted[count++] = entry;
        }
        Array.Sort(sorted, (a, b) => names.Compare(a.Place, b.Place));
        return sorted;
    }

    // Where the entry of a name is, or would go.
    private int SlotOf(ReadOnlySpan<char> name)
    {
        var mask = _slots.Length - 1;
        var slot = TarNames.HashOf(name) & mask;
        while (_slots[slot] is { } entry && !names.IsEqual(entry.Place, name))
            slot = (slot + 1) & mask;
        return slot;
    }

    private int FreeSlot(int hash)
    {
        var mask = _slots.Length - 1;
        var slot = hash & mask;
        while (_slots[slot] is not null)
            slot = (slot + 1) & mask;
        return slot;
    }
}
