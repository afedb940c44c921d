using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Xunit;

namespace Platter.Testing.Ntfs;

/// <summary>What holds for every index that the editor leaves: order, even depth, no empty block, no block lost or used twice.</summary>
internal static class IndexInvariants
{
    /// <summary>Checks all of it.</summary>
    /// <returns>The entries' keys and what stands with them (the reference, or a view's data), in order; and the levels.</returns>
    public static (List<(byte[] Key, byte[] Value)> Entries, int Levels) Check(MemoryIndexStorage storage)
    {
        Assert.Null(NtfsIndex.ParseRoot(storage.ReadRoot(), out var root));
        ref readonly var head = ref OnDisk.View<NtfsIndexRoot>(root!.Bytes);
        var isView = head.AttributeType == 0U;
        var entries = new List<(byte[] Key, byte[] Value)>();
        var leaves = new HashSet<int>();
        var seen = new HashSet<long>();
        var deepest = 0;
        Walk(root, 1);
        Assert.Single(leaves);
        Assert.Equal(seen.Order(), storage.Blocks.Keys);
        Assert.Equal(root.HasSubNodes, storage.HasBlocks);
        Assert.Equal((uint)root.Bytes.Length - NtfsIndexRoot.Size, (uint)OnDisk.View<NtfsIndexHeader>(root.Bytes, NtfsIndexRoot.Size).IndexLength);
        var rule = (NtfsCollationRule)(uint)head.Collation;
        for (var i = 1; i < entries.Count; i++)
            Assert.True(NtfsCollation.Compare(rule, entries[i - 1].Key, entries[i].Key, MemoryIndexStorage.Upcase) < 0, $"entry {i} is in its place");
        return (entries, deepest);

        void Walk(NtfsIndexNode node, int level)
        {
            deepest = Math.Max(deepest, level);
            Assert.Equal(node[node.Count - 1].HasSubNode, node.HasSubNodes);
            for (var i = 0; i < node.Count; i++)
            {
                var item = node[i];
                Assert.Equal(node.HasSubNodes, item.HasSubNode);
                if (item.HasSubNode)
                {
                    Assert.True(seen.Add(item.SubNode));
                    var block = storage.ReadBlock(item.SubNode);
                    Assert.Null(NtfsIndexNode.Parse(block, NtfsIndexBlock.HeaderOffset, isView, out var below));
                    Assert.True(below!.Count > 1, "no block is without entries");
                    Assert.Equal((uint)(storage.BlockSize - NtfsIndexBlock.HeaderOffset), (uint)OnDisk.View<NtfsIndexHeader>(block, NtfsIndexBlock.HeaderOffset).AllocatedSize);
                    Walk(below, level + 1);
                }
                if (!item.IsEnd)
                    entries.Add((item.Key.ToArray(), isView ? item.Data.ToArray() : BitConverter.GetBytes(item.File.Raw)));
            }
            if (!node.HasSubNodes)
                leaves.Add(level);
        }
    }
}
