using System.Diagnostics.CodeAnalysis;

namespace Platter.Primitives;

/// <summary>A bounded cache of things that have numbers (pages, clusters); gives up what was used longest ago. Not for several threads at once.</summary>
/// <param name="capacity">How many entries are kept; at least 1.</param>
/// <param name="evicted">Told of each entry that is given up for room, before it goes (a write-back cache writes it then).</param>
public sealed class LruCache<TValue>(int capacity, Action<long, TValue>? evicted = null)
{
    // The order is a ring through an array of nodes: no allocation per entry. Node 0 is the ring's head.
    private struct Node
    {
        public long Key;
        public TValue Value;
        public int Newer, Older;
    }

    private readonly NumberMap<int> _index = new();
    private readonly int _capacity = capacity >= 1 ? capacity : throw new ArgumentOutOfRangeException(nameof(capacity));
    private Node[] _nodes = new Node[Math.Min(capacity, 15) + 1];
    private int _used = 1;
    private int _free;      // chain of removed nodes through Older; 0 ends it

    public int Count => _index.Count;

    /// <summary>Looks up and, when found, makes the entry the newest.</summary>
    public bool TryGet(long key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!_index.TryGetValue((ulong)key, out var i))
        {
            value = default;
            return false;
        }
        Unlink(i);
        LinkNewest(i);
        value = _nodes[i].Value;
        return true;
    }

    /// <summary>Whether there is such an entry; its age stays.</summary>
    public bool Contains(long key) => _index.ContainsKey((ulong)key);

    /// <summary>Adds or replaces, as the newest entry.</summary>
    public void Set(long key, TValue value)
    {
        if (_index.TryGetValue((ulong)key, out var i))
        {
            _nodes[i].Value = value;
            Unlink(i);
            LinkNewest(i);
            return;
        }
        if (_index.Count == _capacity)
        {
            var oldest = _nodes[0].Newer;
            evicted?.Invoke(_nodes[oldest].Key, _nodes[oldest].Value);
            Release(oldest);
        }
        i = Take();
        _nodes[i].Key = key;
        _nodes[i].Value = value;
        LinkNewest(i);
        _index[(ulong)key] = i;
    }

    /// <summary>Forgets an entry, without telling anybody; false when it isn't there.</summary>
    public bool Remove(long key)
    {
        if (!_index.TryGetValue((ulong)key, out var i))
            return false;
        Release(i);
        return true;
    }

    /// <summary>Forgets everything, without telling anybody.</summary>
    public void Clear()
    {
        _index.Clear();
        Array.Clear(_nodes);
        _used = 1;
        _free = 0;
    }

    /// <summary>What was used longest ago.</summary>
    /// <exception cref="InvalidOperationException">The cache is empty.</exception>
    public TValue Oldest => Count > 0 ? _nodes[_nodes[0].Newer].Value : throw new InvalidOperationException("the cache is empty");

    /// <summary>The values, oldest first.</summary>
    public TValue[] Values()
    {
        var values = new TValue[Count];
        var n = 0;
        for (var i = _nodes[0].Newer; i != 0; i = _nodes[i].Newer)
            values[n++] = _nodes[i].Value;
        return values;
    }

    private int Take()
    {
        if (_free != 0)
        {
            var i = _free;
            _free = _nodes[i].Older;
            return i;
        }
        if (_used == _nodes.Length)
            Array.Resize(ref _nodes, (int)Math.Min(_used * 2L, _capacity + 1L));
        return _used++;
    }

    private void Release(int i)
    {
        _index.Remove((ulong)_nodes[i].Key);
        Unlink(i);
        _nodes[i] = new Node { Value = default!, Older = _free };
        _free = i;
    }

    private void Unlink(int i)
    {
        _nodes[_nodes[i].Newer].Older = _nodes[i].Older;
        _nodes[_nodes[i].Older].Newer = _nodes[i].Newer;
    }

    private void LinkNewest(int i)
    {
        var newest = _nodes[0].Older;
        _nodes[i].Older = newest;
        _nodes[i].Newer = 0;
        _nodes[newest].Newer = i;
        _nodes[0].Older = i;
    }
}
