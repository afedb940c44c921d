namespace Platter.FileSystems.Ext;

/// <summary>Which blocks of an indexed directory are nodes of its hash tree.</summary>
internal static class ExtIndexBlocks
{
    /// <summary>Where limit and count stand in the root.</summary>
    public const int RootEntriesOffset = ExtHashRootInfo.Offset + ExtHashRootInfo.Size;

    /// <summary>The logical numbers of root and nodes; none where there is no tree.</summary>
    /// <param name="inode">The directory.</param>
    /// <param name="map">Where its blocks are.</param>
    /// <param name="blocks">How many.</param>
    /// <param name="state">Reads them.</param>
    /// <param name="checksums">Say whether nodes have room for one.</param>
    /// <exception cref="DiskFormatException">The tree is broken.</exception>
    public static HashSet<long> Of(ExtInode inode, ExtBlockMap map, long blocks, ExtEditState state, ExtChecksums checksums)
    {
        var nodes = new HashSet<long>();
        if ((inode.Flags & ExtInodeFlags.Index) == 0 || blocks < 2)
            return nodes;
        var rules = new ExtHashTreeRules(state.Geometry, checksums);
        var bytes = Read(0);
        if (rules.ParseRoot(bytes, out var info, out var root) is { } problem)
            throw Broken("EXT-0220", 0, problem);
        nodes.Add(0);
        var level = new List<long>();
        for (var i = 0; i < root.Count && info.IndirectLevels > 0; i++)
            level.Add(root.Block(i));
        for (int levels = info.IndirectLevels; levels > 0; levels--)
        {
            var below = new List<long>();
            foreach (var block in level)
            {
                if (block >= blocks || !nodes.Add(block))
                    throw Broken("EXT-0223", block, "the hash tree leads here, and must not");
                if (ExtHashNode.Parse(Read(block), ExtHashTree.NodeEntriesOffset, checksums.IsOn, out var node) is { } wrong)
                    throw Broken("EXT-0221", block, wrong);
                for (var i = 0; i < node.Count && levels > 1; i++)
                    below.Add(node.Block(i));
            }
            level = below;
        }
        return nodes;

        byte[] Read(long block)
        {
            var run = map.Find(block);
            return run.HasData ? state.Blocks.Read(run.Physical, $"Directory {inode.Number}, block {block}") : throw Broken("EXT-0203", block, "is a hole");
        }

        DiskFormatException Broken(string code, long block, string problem) => new(code, $"Directory {inode.Number}, block {block}", inode.Offset, problem);
    }

    /// <summary>Makes a directory with a hash tree one that is a list: its nodes become blocks of entries that are free.</summary>
    /// <remarks>A node looks like a block of free entries already, as long as nothing is checked by checksums; a tail for one has to be cut off.</remarks>
    public static void Flatten(ExtInode inode, ExtEditState state)
    {
        var geometry = state.Geometry;
        var map = ExtBlockMap.Of(inode, geometry, state.Blocks, state.Checksums);
        var seed = state.Checksums.InodeSeed(inode.Number, inode.Generation);
        foreach (var node in Of(inode, map, inode.Length >> geometry.LogBlockSize, state, state.Checksums))
        {
            var bytes = state.Edit(map.Find(node).Physical, $"Directory {inode.Number}, block {node}");
            // The root: "." of 12 bytes, ".." over all that is left. A node: one free entry.
            var last = node == 0 ? ExtHashRootInfo.Offset / 2 : 0;
            var end = bytes.Length - (state.Checksums.IsOn ? ExtDirectoryTail.Size : 0);
            bytes.AsSpan(node == 0 ? ExtHashRootInfo.Offset : ExtDirectoryEntryHead.Size).Clear();
            Primitives.OnDisk.Edit<ExtDirectoryEntryHead>(bytes, last).RecordLength = ExtDirectoryWriter.EncodeLength(end - last, bytes.Length);
            if (state.Checksums.IsOn)
            {
                ExtDirectoryWriter.AddTail(bytes);
                ExtDirectoryWriter.Seal(bytes, seed);
            }
        }
        inode.SetFlag(ExtInodeFlags.Index, false);
        state.Inodes.Write(inode);
    }
}
