using Platter.Primitives;

namespace Platter.FileSystems.Clusters;

/// <summary>Which node is where, for formats without numbers of their own for nodes: a node's id is the location of its entry (the
/// directory and the slot in it), but for the few that were moved, and what came to lie where another node has been.</summary>
internal sealed class EntryNodeMap
{
    /// <summary>Ids from here on are no location; locations stay below.</summary>
    public const ulong FirstAlias = 1UL << 56;

    private readonly NumberMap<ulong> _locations = new();
    private readonly NumberMap<ulong> _ids = new();         // the ids' values
    private readonly NumberMap<ulong> _spent = new();       // the keys alone count
    private ulong _nextAlias = FirstAlias;

    /// <summary>The id of what lies at a location now.</summary>
    public NodeId IdOf(ulong location)
    {
        if (_ids.TryGetValue(location, out var known))
            return new NodeId(known);
        if (_spent.Count == 0 || !_spent.ContainsKey(location))
            return new NodeId(location);

        // The location's own id belongs to a node that was there before.
        var id = new NodeId(_nextAlias++);
        _ids[location] = id.Value;
        _locations[id.Value] = location;
        return id;
    }

    /// <returns>False when the node has been deleted.</returns>
    public bool TryLocate(NodeId id, out ulong location)
    {
        if (_locations.Count > 0 && _locations.TryGetValue(id.Value, out location))
            return true;
        location = id.Value;
        return id.Value < FirstAlias && (_spent.Count == 0 || !_spent.ContainsKey(id.Value));
    }

    public void Move(ulong from, ulong to)
    {
        var id = IdOf(from);
        Leave(from, id);
        if (id.Value == to)
        {
            // Back home.
            _spent.Remove(to);
            return;
        }
        _ids[to] = id.Value;
        _locations[id.Value] = to;
    }

    public void Delete(ulong location) => Leave(location, IdOf(location));

    public void Clear()
    {
        _locations.Clear();
        _ids.Clear();
        _spent.Clear();
    }

    private void Leave(ulong location, NodeId id)
    {
        _ids.Remove(location);
        _locations.Remove(id.Value);
        _spent[location] = 0;
    }
}
