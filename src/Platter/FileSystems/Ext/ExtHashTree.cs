using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>One index block of a hash tree, its head verified: for reading and for checking alike.</summary>
internal readonly ref struct ExtHashNode
{
    private readonly ReadOnlySpan<byte> _block;

    private ExtHashNode(ReadOnlySpan<byte> block, int entriesOffset, int count, int limit)
    {
        _block = block;
        EntriesOffset = entriesOffset;
        Count = count;
        Limit = limit;
    }

    /// <summary>Where limit and count stand, in bytes.</summary>
    public int EntriesOffset { get; }

    public int Count { get; }
    public int Limit { get; }

    /// <summary>The entries in use. The first one's hash is not stored: it is 0.</summary>
    public ReadOnlySpan<ExtHashEntry> Entries => MemoryMarshal.Cast<byte, ExtHashEntry>(_block.Slice(EntriesOffset, Count * ExtHashEntry.Size));

    /// <summary>The hash from which on an entry counts.</summary>
    public uint Hash(int index) => index == 0 ? 0 : (uint)Entries[index].Hash;

    /// <summary>The directory block that an entry leads to.</summary>
    public uint Block(int index) => (uint)Entries[index].Block & 0x0FFFFFFF;

    /// <summary>The last entry that counts for a hash.</summary>
    public int IndexOf(uint hash)
    {
        int low = 1, high = Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Entries[middle].Hash <= hash)
                low = middle + 1;
            else
                high = middle;
        }
        return low - 1;
    }

    public bool IsRight(uint inodeSeed) =>
        OnDisk.View<ExtHashTail>(_block, EntriesOffset + Limit * ExtHashEntry.Size).Checksum == ExtChecksums.OfHashBlock(inodeSeed, _block, EntriesOffset, Count, Limit);

    /// <summary>Verifies an index block.</summary>
    /// <param name="block">Its bytes.</param>
    /// <param name="entriesOffset">Where limit and count stand.</param>
    /// <param name="hasTail">Whether room for a checksum is left.</param>
    /// <param name="node">The node.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Parse(ReadOnlySpan<byte> block, int entriesOffset, bool hasTail, out ExtHashNode node)
    {
        node = default;
        if (entriesOffset + ExtHashEntry.Size > block.Length)
            return $"the entries start at {entriesOffset}, behind the block's end";
        ref readonly var head = ref OnDisk.View<ExtHashEntry>(block, entriesOffset);
        var room = (block.Length - entriesOffset - (hasTail ? ExtHashTail.Size : 0)) / ExtHashEntry.Size;
        if (head.Limit != room)
            return $"limit: found {head.Limit}, expected {room}";
        if (head.Count == 0 || head.Count > head.Limit)
            return $"count: found {head.Count}, expected 1..{head.Limit}";
        node = new ExtHashNode(block, entriesOffset, head.Count, head.Limit);
        return null;
    }
}

/// <summary>What the root of a hash tree may say: for reading and for checking alike.</summary>
internal readonly struct ExtHashTreeRules(ExtGeometry geometry, ExtChecksums checksums)
{
    /// <summary>Levels of nodes below the root.</summary>
    public int MaxLevels => geometry.Has(ExtIncompat.LargeDir) ? 2 : 1;

    /// <summary>The version, levels and first entry of a tree's root.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? ParseRoot(ReadOnlySpan<byte> block, out ExtHashRootInfo info, out ExtHashNode root)
    {
        info = OnDisk.View<ExtHashRootInfo>(block, ExtHashRootInfo.Offset);
        root = default;
        if (info.InfoLength != ExtHashRootInfo.Size)
            return $"info length: found {info.InfoLength}, expected {ExtHashRootInfo.Size}";
        if (info.HashVersion > (byte)ExtHashVersion.Tea && info.HashVersion != (byte)ExtHashVersion.SipHash)
            return $"hash version: found {info.HashVersion}, expected 0..2 or 6";
        if (info.IndirectLevels > MaxLevels)
            return $"levels: found {info.IndirectLevels}, expected at most {MaxLevels}";
        return ExtHashNode.Parse(block, ExtHashRootInfo.Offset + ExtHashRootInfo.Size, checksums.IsOn, out root);
    }
}

/// <summary>Finds the leaf blocks of an indexed directory that a name can be in.</summary>
internal sealed class ExtHashTree(ExtDirectory directory, ExtGeometry geometry, ExtChecksums checksums)
{
    /// <summary>Behind the head of a node's one empty entry.</summary>
    public const int NodeEntriesOffset = ExtDirectoryEntryHead.Size;

    private readonly ExtHashTreeRules _rules = new(geometry, checksums);

    /// <summary>The leaf blocks, in order; more than one only where equal hashes go on in the next block. Null when the tree cannot be used.</summary>
    public IEnumerable<long>? LeavesOf(ReadOnlySpan<byte> name)
    {
        var block = directory.ReadBlock(0);
        if (_rules.ParseRoot(block, out var info, out var root) is not null || info.HashVersion == (byte)ExtHashVersion.SipHash)
            return null;
        if (checksums.IsOn && !root.IsRight(directory.Seed))
            throw new DiskFormatException("EXT-0222", directory.Structure(0), directory.OffsetOf(0), "the checksum of the hash tree's root is wrong");
        var (hash, _) = ExtNameHash.Compute(name, ExtNameHash.Resolve(info.HashVersion, geometry.Super.Flags.Value), geometry.Super.HashSeed);
        var path = new (long Block, int Index)[info.IndirectLevels + 1];
        path[0] = (0, root.IndexOf(hash));
        var next = root.Block(path[0].Index);
        for (var level = 1; level < path.Length; level++)
        {
            var node = Node(next);
            path[level] = (next, node.IndexOf(hash));
            next = node.Block(path[level].Index);
        }
        return Leaves(path, next, hash);
    }

    private IEnumerable<long> Leaves((long Block, int Index)[] path, long leaf, uint hash)
    {
        // At most as many as the directory has blocks: a broken tree could lead in a circle.
        for (var steps = directory.BlockCount; steps > 0; steps--)
        {
            yield return leaf;
            if (NextLeaf(path, hash) is not { } next)
                yield break;
            leaf = next;
        }
    }

    // The leaf behind the one that the path leads to, if it goes on with the same hash.
    private long? NextLeaf((long Block, int Index)[] path, uint hash)
    {
        var level = path.Length - 1;
        while (path[level].Index + 1 >= NodeAt(path, level).Count)
        {
            if (--level < 0)
                return null;
        }
        path[level].Index++;
        var node = NodeAt(path, level);
        var first = node.Hash(path[level].Index);
        if ((first & 1) == 0 || (first & ~1u) != hash)
            return null;
        long next = node.Block(path[level].Index);
        for (level++; level < path.Length; level++)
        {
            path[level] = (next, 0);
            next = Node(next).Block(0);
        }
        return next;
    }

    private ExtHashNode NodeAt((long Block, int Index)[] path, int level)
    {
        if (level > 0)
            return Node(path[level].Block);
        if (_rules.ParseRoot(directory.ReadBlock(0), out _, out var root) is { } problem)
            throw new DiskFormatException("EXT-0220", directory.Structure(0), directory.OffsetOf(0), problem);
        return root;
    }

    private ExtHashNode Node(long block)
    {
        var bytes = directory.ReadBlock(block);
        if (ExtHashNode.Parse(bytes, NodeEntriesOffset, checksums.IsOn, out var node) is { } problem)
            throw new DiskFormatException("EXT-0221", directory.Structure(block), directory.OffsetOf(block), problem);
        if (checksums.IsOn && !node.IsRight(directory.Seed))
            throw new DiskFormatException("EXT-0222", directory.Structure(block), directory.OffsetOf(block), "the checksum of the hash tree's node is wrong");
        return node;
    }
}
