using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Reads what is left of an index: the entries of its root and of every block that can be read, in no order, whether the tree leads there or $BITMAP has it in use.</summary>
internal static class NtfsIndexSalvage
{
    /// <summary>The entries; some of them may be there twice, or no longer count.</summary>
    public static IEnumerable<NtfsIndexItem> Entries(NtfsCheckState check, NtfsFile file, string name)
    {
        foreach (var node in Nodes(check, file, name))
        {
            for (var i = 0; i < node.Count; i++)
            {
                if (!node[i].IsEnd)
                    yield return node[i];
            }
        }
    }

    private static IEnumerable<NtfsIndexNode> Nodes(NtfsCheckState check, NtfsFile file, string name)
    {
        var root = Root(file, name);
        if (root is not null)
            yield return root;
        var blockSize = root is null ? check.Geometry.IndexBlockSize : (int)(uint)OnDisk.View<NtfsIndexRoot>(root.Bytes).BlockSize;
        if (Open(file, NtfsAttributeType.IndexAllocation, name) is not { } allocation)
            yield break;
        var bitmap = Open(file, NtfsAttributeType.Bitmap, name);
        var isView = root is not null && OnDisk.View<NtfsIndexRoot>(root.Bytes).AttributeType == 0U;
        var unit = check.Geometry.IndexUnit(blockSize);
        var perBlock = blockSize / unit;
        var blocks = Math.Min(allocation.Length, allocation.Runs.End << check.Geometry.ClusterShift) / blockSize;
        // A block that was given up is neither marked nor led to: one of the two is enough, for the other may be what is broken.
        var seen = new HashSet<long>();
        var pending = new Stack<long>();
        AddSubNodes(root, perBlock, pending);
        for (var next = 0L; next < blocks || pending.Count > 0;)
        {
            if (!pending.TryPop(out var block))
            {
                block = next;
                next = Next(allocation, block, blockSize);
                if (!IsMarked(bitmap, block))
                    continue;
            }
            if (block < 0 || block >= blocks || seen.Contains(block) || Block(allocation, block, blockSize, block * perBlock, isView) is not { } node)
                continue;
            seen.Add(block);
            yield return node;
            AddSubNodes(node, perBlock, pending);
        }
    }

    // The block behind one, or behind the hole that it lies in: holes may be as long as any number says.
    private static long Next(NtfsContent allocation, long block, int blockSize) =>
        allocation.Runs.Find(block * blockSize >> allocation.ClusterShift) is { IsHole: true } hole ? Math.Max(block + 1, (hole.End << allocation.ClusterShift) / blockSize) : block + 1;

    private static void AddSubNodes(NtfsIndexNode? node, long perBlock, Stack<long> pending)
    {
        for (var i = 0; i < node?.Count; i++)
        {
            if (node[i].HasSubNode && node[i].SubNode % perBlock == 0)
                pending.Push(node[i].SubNode / perBlock);
        }
    }

    private static NtfsIndexNode? Root(NtfsFile file, string name)
    {
        try
        {
            return file.TryFind(NtfsAttributeType.IndexRoot, name, out _, out var attribute) && attribute.IsResident
                && NtfsIndex.ParseRoot(attribute.Value.ToArray(), out var root) is null ? root : null;
        }
        catch (DiskFormatException)
        {
            return null;
        }
    }

    private static NtfsContent? Open(NtfsFile file, NtfsAttributeType type, string name)
    {
        try
        {
            return file.Open(type, name);
        }
        catch (DiskFormatException)
        {
            // Told by the check.
            return null;
        }
    }

    // A bitmap that cannot be read leaves none out.
    private static bool IsMarked(NtfsContent? bitmap, long block)
    {
        if (bitmap is null || block / 8 >= bitmap.Length)
            return true;
        Span<byte> bits = stackalloc byte[1];
        try
        {
            bitmap.Read(block / 8, bits);
        }
        catch (DiskFormatException)
        {
            return true;
        }
        return (bits[0] >> (int)(block & 7) & 1) != 0;
    }

    private static NtfsIndexNode? Block(NtfsContent allocation, long block, int blockSize, long vcn, bool isView)
    {
        var bytes = new byte[blockSize];
        try
        {
            allocation.Read(block * blockSize, bytes);
        }
        catch (DiskFormatException)
        {
            return null;
        }
        return NtfsIndex.ParseBlock(bytes, vcn, isView, out var node, out _) is null ? node : null;
    }
}
