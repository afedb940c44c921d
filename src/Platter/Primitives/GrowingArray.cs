using System.Diagnostics.CodeAnalysis;

namespace Platter.Primitives;

/// <summary>An array that grows at its end, for what every start of the command comes by.</summary>
/// <remarks>A <see cref="List{T}"/> of another type brings the collection interfaces of that type with it: the runtime prepares eight types,
/// a tenth of a millisecond, at each start. This one brings two.</remarks>
internal sealed class GrowingArray<T>
{
    private T[] _items = new T[4];

    public int Count { get; private set; }

    /// <summary>Valid until the next <see cref="Add"/>.</summary>
    public ref T this[int index]
    {
        get
        {
            if ((uint)index >= (uint)Count)
                throw OutOfRange();
            return ref _items[index];
        }
    }

    /// <summary>What is in it; valid until the next <see cref="Add"/>.</summary>
    public ReadOnlySpan<T> Items => new(_items, 0, Count);

    public void Add(T item)
    {
        if (Count == _items.Length)
            Grow();
        _items[Count++] = item;
    }

    public void RemoveLast()
    {
        this[Count - 1] = default!;
        Count--;
    }

    /// <summary>Takes the last one off; false when there is none.</summary>
    public bool TryPop([MaybeNullWhen(false)] out T last)
    {
        if (!TryPeek(out last))
            return false;
        RemoveLast();
        return true;
    }

    /// <summary>The last one; false when there is none.</summary>
    public bool TryPeek([MaybeNullWhen(false)] out T last)
    {
        last = Count > 0 ? _items[Count - 1] : default;
        return Count > 0;
    }

    /// <summary>Keeps the first <paramref name="count"/>.</summary>
    public void Shorten(int count)
    {
        while (Count > count)
            RemoveLast();
    }

    /// <summary>Forgets everything; keeps the room.</summary>
    public void Clear()
    {
        Array.Clear(_items, 0, Count);
        Count = 0;
    }

    public T[] ToArray()
    {
        var all = new T[Count];
        Array.Copy(_items, all, Count);
        return all;
    }

    // Not Array.Resize, which is prepared anew for each type.
    private void Grow()
    {
        var larger = new T[_items.Length * 2];
        Array.Copy(_items, larger, Count);
        _items = larger;
    }

    private static ArgumentOutOfRangeException OutOfRange() => new("index");
}
