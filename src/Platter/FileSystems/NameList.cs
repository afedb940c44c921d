using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Platter.FileSystems;

/// <summary>The names of a directory in memory that the next directory's take over: for who goes through very many and keeps none of them. A string for each of
/// 40,000 names costs more than reading them.</summary>
public sealed class NameList
{
    // The framework's sort prepares a dozen types when it is first called, which takes longer than sorting this many.
    private const int Few = 64;

    private char[] _text = new char[1 << 10];
    private int _used;
    private Entry[] _entries = new Entry[32];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>A name: as <see cref="DirectoryEntry.Name"/>, until the list is cleared or gets another one.</summary>
    public ReadOnlySpan<char> Name(int index) => NameOf(in At(index));

    /// <summary>The node that a name leads to.</summary>
    public NodeId Id(int index) => At(index).Id;

    /// <summary>What it is: as <see cref="DirectoryEntry.Kind"/>.</summary>
    public EntryKind Kind(int index) => At(index).Kind;

    /// <summary>Its attributes: as <see cref="DirectoryEntry.Attributes"/>.</summary>
    public DosAttributes? Attributes(int index) => At(index) is { HasAttributes: true } entry ? entry.Attributes : null;

    /// <summary>Adds a name.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(ReadOnlySpan<char> name, NodeId id, EntryKind kind, DosAttributes? attributes = null)
    {
        if (Count == _entries.Length || name.Length > _text.Length - _used)
            Grow(name.Length);
        name.CopyTo(_text.AsSpan(_used));
        ref var entry = ref _entries[Count];
        entry = new Entry { Start = _used, Length = name.Length, Id = id, Kind = kind, HasAttributes = attributes is not null, Attributes = attributes.GetValueOrDefault() };
        _used += name.Length;
        Count++;
    }

    private void Grow(int length)
    {
        if (Count == _entries.Length)
            Array.Resize(ref _entries, 2 * Count);
        if (length > _text.Length - _used)
            Array.Resize(ref _text, checked(Math.Max(2 * _text.Length, _used + length)));
    }

    /// <summary>Forgets all names; their memory is kept.</summary>
    public void Clear() => (Count, _used) = (0, 0);

    /// <summary>Orders them by their units of UTF-16.</summary>
    public void Sort()
    {
        if (IsSorted())
            return;
        if (Count > Few)
        {
            SortMany();
            return;
        }
        for (var i = 1; i < Count; i++)
        {
            for (var k = i; k > 0 && Compare(in _entries[k], in _entries[k - 1]) < 0; k--)
                (_entries[k], _entries[k - 1]) = (_entries[k - 1], _entries[k]);
        }
    }

    private bool IsSorted()
    {
        for (var i = 1; i < Count; i++)
        {
            if (Compare(in _entries[i - 1], in _entries[i]) > 0)
                return false;
        }
        return true;
    }

    private void SortMany() => Array.Sort(_entries, 0, Count, Comparer<Entry>.Create((a, b) => Compare(in a, in b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref readonly Entry At(int index)
    {
        if ((uint)index >= (uint)Count)
            throw new ArgumentOutOfRangeException(nameof(index));
        return ref _entries[index];
    }

    private ReadOnlySpan<char> NameOf(in Entry entry) => _text.AsSpan(entry.Start, entry.Length);

    private int Compare(in Entry a, in Entry b) => Compare(NameOf(in a), NameOf(in b));

    // Neighbours begin alike: by fours, where the framework's vectors would be prepared at every start.
    private static int Compare(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        var left = MemoryMarshal.Cast<char, ulong>(a);
        var right = MemoryMarshal.Cast<char, ulong>(b);
        var at = 0;
        while (at < left.Length && at < right.Length && left[at] == right[at])
            at++;
        if (BitConverter.IsLittleEndian && at < left.Length && at < right.Length)
        {
            // The first unit that differs is the lowest one that does.
            var shift = BitOperations.TrailingZeroCount(left[at] ^ right[at]) & ~15;
            return (ushort)(left[at] >> shift) - (ushort)(right[at] >> shift);
        }
        for (at *= 4; at < a.Length && at < b.Length; at++)
        {
            if (a[at] != b[at])
                return a[at] - b[at];
        }
        return a.Length - b.Length;
    }

    private struct Entry
    {
        public NodeId Id;
        public int Start, Length;       // in units, of the text
        public DosAttributes Attributes;
        public EntryKind Kind;
        public bool HasAttributes;
    }
}
