using System.Numerics;

namespace Platter.FileSystems.ExFat;

/// <summary>Which names of a directory have which hash: slots found without reading the names of all the others.</summary>
/// <remarks>The hash is one of 32 bits of the up-cased name, not the stored one of 16: a million names would share 65,536 of those, and a
/// wrong stored hash must not hide a file. Sixteen bytes a name.</remarks>
internal sealed class ExFatNameIndex
{
    private const int End = -1;

    private Item[] _items = new Item[64];
    private int[] _heads = NewHeads(64);
    private int _used;
    private int _free = End;

    private struct Item
    {
        public uint Hash;
        public int Slot;
        public int Next;
    }

    /// <summary>Bytes it takes in memory.</summary>
    public long Bytes => _items.Length * 12L + _heads.Length * 4L;

    public static uint HashOf(ReadOnlySpan<char> name, ExFatUpcase upcase)
    {
        var hash = 2166136261u;     // FNV-1a
        foreach (var unit in name)
            hash = (hash ^ upcase.Up(unit)) * 16777619;
        return hash ^ hash >> 15;
    }

    public void Add(uint hash, int slot)
    {
        int item;
        if (_free != End)
        {
            item = _free;
            _free = _items[item].Next;
        }
        else
        {
            if (_used == _items.Length)
                Enlarge();
            item = _used++;
        }
        ref var head = ref _heads[hash & (uint)(_heads.Length - 1)];
        _items[item] = new Item { Hash = hash, Slot = slot, Next = head };
        head = item;
    }

    public void Remove(uint hash, int slot)
    {
        ref var link = ref _heads[hash & (uint)(_heads.Length - 1)];
        while (link != End)
        {
            ref var item = ref _items[link];
            if (item.Slot == slot)
            {
                var gone = link;
                link = item.Next;
                item = new Item { Slot = End, Next = _free };
                _free = gone;
                return;
            }
            link = ref item.Next;
        }
    }

    /// <summary>The next slot whose name has this hash.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="position">0 to begin with.</param>
    /// <param name="slot">The slot.</param>
    public bool TryNext(uint hash, ref int position, out int slot)
    {
        var item = position == 0 ? _heads[hash & (uint)(_heads.Length - 1)] : _items[position - 1].Next;
        while (item != End && _items[item].Hash != hash)
            item = _items[item].Next;
        position = item + 1;
        slot = item == End ? End : _items[item].Slot;
        return item != End;
    }

    private static int[] NewHeads(int count)
    {
        var heads = new int[count];
        Array.Fill(heads, End);
        return heads;
    }

    private void Enlarge()
    {
        Array.Resize(ref _items, _items.Length * 2);
        _heads = NewHeads((int)BitOperations.RoundUpToPowerOf2((uint)_items.Length));
        for (var i = 0; i < _used; i++)
        {
            ref var head = ref _heads[_items[i].Hash & (uint)(_heads.Length - 1)];
            _items[i].Next = head;
            head = i;
        }
    }
}
