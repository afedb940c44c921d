using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>One node of an extent tree, its head and the order of its entries verified: for reading and for checking alike.</summary>
internal readonly ref struct ExtExtentNode
{
    private readonly ReadOnlySpan<byte> _bytes;

    private ExtExtentNode(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        ref readonly var header = ref OnDisk.View<ExtExtentHeader>(bytes);
        Count = header.Entries;
        Depth = header.Depth;
    }

    public int Count { get; }

    /// <summary>Levels below: 0 when the entries are extents.</summary>
    public int Depth { get; }

    public ReadOnlySpan<ExtExtent> Extents => MemoryMarshal.Cast<byte, ExtExtent>(_bytes.Slice(ExtExtentHeader.Size, Count * ExtExtent.Size));
    public ReadOnlySpan<ExtExtentIndex> Indexes => MemoryMarshal.Cast<byte, ExtExtentIndex>(_bytes.Slice(ExtExtentHeader.Size, Count * ExtExtent.Size));

    /// <summary>The last entry that starts at or before a logical block; -1 when all start behind it.</summary>
    public int IndexBefore(long logical)
    {
        // Extents and indexes both begin with their first logical block.
        var entries = Extents;
        int low = 0, high = entries.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (entries[middle].Block <= logical)
                low = middle + 1;
            else
                high = middle;
        }
        return low - 1;
    }

    /// <summary>A node that has been verified before.</summary>
    public static ExtExtentNode Verified(ReadOnlySpan<byte> bytes) => new(bytes);

    /// <summary>Verifies a node.</summary>
    /// <param name="bytes">The 60 bytes of the root, or a block.</param>
    /// <param name="depth">What it must have; -1 for the root: up to <see cref="ExtExtentHeader.MaxDepth"/>.</param>
    /// <param name="geometry">Where extents must lie.</param>
    /// <param name="node">The node.</param>
    /// <param name="code">The finding's id.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Parse(ReadOnlySpan<byte> bytes, int depth, ExtGeometry geometry, out ExtExtentNode node, out string code)
    {
        node = default;
        code = "EXT-0310";
        ref readonly var header = ref OnDisk.View<ExtExtentHeader>(bytes);
        if (header.Magic != ExtExtentHeader.MagicValue)
            return $"magic: found 0x{(ushort)header.Magic:X4}, expected 0xF30A";
        var room = (bytes.Length - ExtExtentHeader.Size) / ExtExtent.Size;
        if (header.Max > room || header.Max == 0)
            return $"max: found {header.Max}, expected 1..{room}";
        if (header.Entries > header.Max)
            return $"entries: found {header.Entries}, expected at most {header.Max}";
        if (depth < 0 ? header.Depth > ExtExtentHeader.MaxDepth : header.Depth != depth)
            return $"depth: found {header.Depth}, expected {(depth < 0 ? $"at most {ExtExtentHeader.MaxDepth}" : depth)}";
        if (header.Entries == 0 && depth >= 0)
            return "entries: found none, expected at least one below the root";
        node = new ExtExtentNode(bytes);
        code = "EXT-0311";
        return node.Depth == 0 ? node.ExtentProblem(geometry) : node.IndexProblem(geometry);
    }

    private string? ExtentProblem(ExtGeometry geometry)
    {
        var end = 0L;
        foreach (ref readonly var extent in Extents)
        {
            if (extent.Count == 0)
                return $"extent of logical block {extent.Block} has no blocks";
            if (extent.Block < end)
                return $"extent of logical block {extent.Block} overlaps or comes before the one that ends at {end}";
            if (!geometry.IsRange(extent.Start, extent.Count))
                return $"extent of logical block {extent.Block} lies at {extent.Start}..{extent.Start + extent.Count - 1}, expected {geometry.FirstDataBlock}..{geometry.BlocksCount - 1}";
            end = (long)(uint)extent.Block + extent.Count;
            if (end > 1L << 32)
                return $"extent of logical block {extent.Block} ends at {end}, expected at most {1L << 32}";
        }
        return null;
    }

    private string? IndexProblem(ExtGeometry geometry)
    {
        var last = -1L;
        foreach (ref readonly var index in Indexes)
        {
            if (index.Block <= last)
                return $"index of logical block {index.Block} does not come after {last}";
            if (!geometry.IsBlock(index.Leaf))
                return $"index of logical block {index.Block} leads to block {index.Leaf}, expected {geometry.FirstDataBlock}..{geometry.BlocksCount - 1}";
            last = index.Block;
        }
        return null;
    }
}
