using Platter.FileSystems.Clusters;

namespace Platter.FileSystems.ExFat;

/// <summary>Numbers for directories, given when they are first opened; with the slot of an entry they make the location that node ids stand for.</summary>
/// <remarks>A directory's first cluster would not do: a directory of length 0 has none, and where one lies, only its parent's entry tells.</remarks>
internal sealed class ExFatDirectoryNumbers
{
    public const uint Root = 0;

    // A directory has 2^23 slots at most. The slot + 2 stands in the low bits; 1 is the root itself.
    private const int SlotBits = 24;

    private readonly Dictionary<NodeId, uint> _numbers = [];
    private readonly List<NodeId> _nodes = [RootNode];

    public static NodeId RootNode { get; } = new(1);

    public EntryNodeMap Nodes { get; } = new();

    public static ulong Location(uint directory, int slot) => (ulong)directory << SlotBits | (uint)(slot + 2);

    /// <summary>The id of what lies in a slot.</summary>
    public NodeId IdOf(uint directory, int slot) => Nodes.IdOf(Location(directory, slot));

    /// <summary>Where a node other than the root lies.</summary>
    /// <returns>False when it was deleted, or there never was one.</returns>
    public bool TryLocate(NodeId id, out uint directory, out int slot)
    {
        var found = Nodes.TryLocate(id, out var location);
        directory = (uint)(location >> SlotBits);
        slot = (int)(location & ((1 << SlotBits) - 1)) - 2;
        return found && slot >= 0 && directory < _nodes.Count;
    }

    /// <summary>A directory's number, given now if it has none.</summary>
    public uint NumberOf(NodeId directory)
    {
        if (directory == RootNode)
            return Root;
        if (!_numbers.TryGetValue(directory, out var number))
        {
            _numbers.Add(directory, number = (uint)_nodes.Count);
            _nodes.Add(directory);
        }
        return number;
    }

    /// <returns>False when it was never opened as a directory.</returns>
    public bool TryGetNumber(NodeId node, out uint number) => _numbers.TryGetValue(node, out number);

    public NodeId NodeOf(uint number) => _nodes[(int)number];

    /// <summary>The directory above.</summary>
    /// <exception cref="FileNotFoundException">The directory was deleted.</exception>
    public uint ParentOf(uint number) =>
        TryLocate(NodeOf(number), out var parent, out _) ? parent : throw new FileNotFoundException("the directory is no more: it was deleted since");

    public void Clear()
    {
        Nodes.Clear();
        _numbers.Clear();
        _nodes.Clear();
        _nodes.Add(RootNode);
    }
}
