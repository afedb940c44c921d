using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Gives every structure a new checksum, when what checksums start from has changed (the UUID), or its first one, or takes it away, when metadata_csum comes or
/// goes. What does not match its old one is damaged, and ends it.</summary>
/// <remarks>Descriptors come last (<see cref="ExtNewDescriptors"/>). Where there were no checksums, <see cref="ExtDirectoryTails"/> has made room for them; a field for a checksum that is not there any more is zero.</remarks>
internal sealed class ExtResealing(ExtEditState state, ExtChecksums next)
{
    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly ExtInodeTable _inodes = new(state.Geometry, state.Blocks, state.Volume.Groups, next);
    private readonly HashSet<long> _sharedAttributes = [];

    // Those of the two that are on.
    private readonly ExtChecksums _sealed = state.Checksums.IsOn ? state.Checksums : next;

    /// <summary>Seals inodes and all that belongs to them, and the mount protection.</summary>
    /// <exception cref="DiskFormatException">A checksum is wrong already.</exception>
    public void Run()
    {
        foreach (var inode in ExtInodeWalk.All(state))
        {
            if (state.Checksums.IsOn && !state.Checksums.IsInodeRight(inode.Number, inode.Bytes, out var found, out var expected))
            {
                // What is not in use may hold anything.
                if (inode.LinkCount == 0)
                    continue;
                throw new DiskFormatException("EXT-0101", $"Inode {inode.Number}", inode.Offset, $"checksum: found 0x{found:X8}, expected 0x{expected:X8}");
            }
            if (inode.LinkCount > 0)
                SealContent(inode);
            if (!next.IsOn)
                Clear(inode);
            _inodes.Write(inode);
            state.WriteBackLargeChanges();
        }
        if ((state.Geometry.EditSuper.Incompat.Value & ExtIncompat.Mmp) != 0)
            SealMountProtection((long)(ulong)_geometry.Super.MmpBlock);
    }

    private static void Clear(ExtInode inode)
    {
        inode.Edit.ChecksumLo = 0;
        if (inode.HasExtra(4))
            inode.EditExtra.ChecksumHi = 0;
    }

    private void SealContent(ExtInode inode)
    {
        if (inode.AttributeBlock != 0)
            SealAttributes(inode.AttributeBlock);
        if (!ExtInodeRemoval.HasMap(inode, _geometry))
            return;
        var (old, seed) = (state.Checksums.InodeSeed(inode.Number, inode.Generation), next.InodeSeed(inode.Number, inode.Generation));
        if (inode.IsDirectory)
            SealDirectory(inode, old, seed);
        else if (inode.Number == _geometry.Super.OrphanFileInode && (_geometry.EditSuper.Compat.Value & ExtCompat.OrphanFile) != 0)
            SealOrphanFile(inode, old, seed);
        if ((inode.Flags & ExtInodeFlags.Extents) != 0)
            SealNodes(inode, inode.Block.ToArray(), -1, old, seed);
    }

    private void SealDirectory(ExtInode inode, uint old, uint seed)
    {
        var map = ExtBlockMap.Of(inode, _geometry, state.Blocks, state.Checksums);
        var blocks = Math.Min(inode.Length >> _geometry.LogBlockSize, map.MaxBlocks);
        var nodes = ExtIndexBlocks.Of(inode, map, blocks, state, HasTails(inode, map) ? _sealed : state.Checksums);
        for (var block = 0L; block < blocks; block++)
        {
            var run = map.Find(block);
            if (!run.HasData)
                throw new DiskFormatException("EXT-0203", Structure(block), inode.Offset, "is a hole");
            var bytes = state.Edit(run.Physical, Structure(block));
            if (nodes.Contains(block))
            {
                var at = block == 0 ? ExtIndexBlocks.RootEntriesOffset : ExtHashTree.NodeEntriesOffset;
                if (state.Checksums.IsOn && (ExtHashNode.Parse(bytes, at, hasTail: true, out var node) is not null || !node.IsRight(old)))
                    throw new DiskFormatException("EXT-0222", Structure(block), run.Physical << _geometry.LogBlockSize, "the checksum of the hash tree's node is wrong");
                SealNode(bytes, at, seed);
                continue;
            }
            ref var tail = ref OnDisk.Edit<ExtDirectoryTail>(bytes, bytes.Length - ExtDirectoryTail.Size);
            if (state.Checksums.IsOn && (!ExtDirectoryBlock.HasTail(bytes) || tail.Checksum != ExtChecksums.OfDirectoryBlock(old, bytes)))
                throw new DiskFormatException("EXT-0202", Structure(block), run.Physical << _geometry.LogBlockSize, "the checksum is missing or wrong");
            var problem = default(string);
            if (next.IsOn ? !ExtDirectoryTails.TryAdd(bytes, out problem) : (problem = ExtDirectoryTails.Remove(bytes)) is not null)
                throw new DiskFormatException("EXT-0200", Structure(block), run.Physical << _geometry.LogBlockSize, problem ?? "has no room for a checksum");
            if (next.IsOn)
                tail.Checksum = ExtChecksums.OfDirectoryBlock(seed, bytes);
        }

        string Structure(long block) => $"Directory {inode.Number}, block {block}";
    }

    // One that was made anew before checksums came has them in its tree already.
    private bool HasTails(ExtInode inode, ExtBlockMap map)
    {
        if (state.Checksums.IsOn || (inode.Flags & ExtInodeFlags.Index) == 0 || !map.Find(0).HasData)
            return state.Checksums.IsOn;
        var root = state.Blocks.Read(map.Find(0).Physical, $"Directory {inode.Number}, block 0");
        return OnDisk.View<ExtHashEntry>(root, ExtIndexBlocks.RootEntriesOffset).Limit == ExtDirectoryTails.NodeLimit(root.Length, ExtIndexBlocks.RootEntriesOffset, hasTail: true);
    }

    // With as much room as checksums leave, or as they left.
    private void SealNode(byte[] bytes, int at, uint seed)
    {
        ref var head = ref OnDisk.Edit<ExtHashEntry>(bytes, at);
        int count = head.Count, limit = ExtDirectoryTails.NodeLimit(bytes.Length, at, next.IsOn);
        head.Hash = (uint)limit | (uint)count << 16;
        ref var tail = ref OnDisk.Edit<ExtHashTail>(bytes, at + ExtDirectoryTails.NodeLimit(bytes.Length, at, hasTail: true) * ExtHashEntry.Size);
        tail = default;
        if (next.IsOn)
            tail.Checksum = ExtChecksums.OfHashBlock(seed, bytes, at, count, limit);
    }

    private void SealOrphanFile(ExtInode inode, uint old, uint seed)
    {
        var map = ExtBlockMap.Of(inode, _geometry, state.Blocks, state.Checksums);
        foreach (var run in map.Runs(0, inode.Length >> _geometry.LogBlockSize))
        {
            for (var block = run.Physical; run.HasData && block < run.Physical + run.Count; block++)
            {
                var bytes = state.Edit(block, "Orphan file");
                ref var tail = ref OnDisk.Edit<ExtOrphanTail>(bytes, bytes.Length - ExtOrphanTail.Size);
                if (tail.Magic != ExtOrphanTail.MagicValue || (state.Checksums.IsOn && tail.Checksum != ExtChecksums.OfOrphanBlock(old, block, bytes)))
                    throw new DiskFormatException("EXT-0118", "Orphan file", block << _geometry.LogBlockSize, "the checksum is wrong");
                tail.Checksum = next.IsOn ? ExtChecksums.OfOrphanBlock(seed, block, bytes) : 0;
            }
        }
    }

    private void SealNodes(ExtInode inode, byte[] bytes, int depth, uint old, uint seed)
    {
        if (ExtExtentNode.Parse(bytes, depth, _geometry, out var node, out var code) is { } problem)
            throw new DiskFormatException(code, $"Inode {inode.Number}, extent tree", -1, problem);
        for (var i = 0; node.Depth > 0 && i < node.Count; i++)
        {
            var leaf = node.Indexes[i].Leaf;
            var below = state.Edit(leaf, $"Inode {inode.Number}, extent tree");
            if (state.Checksums.IsOn && !ExtExtentTree.IsRight(below, old))
                throw new DiskFormatException("EXT-0312", $"Inode {inode.Number}, extent tree", leaf << _geometry.LogBlockSize, "the checksum is wrong");
            // First what is below: with that, this node is known to be one, and where its checksum goes.
            SealNodes(inode, below, node.Depth - 1, old, seed);
            var tail = ExtExtentHeader.Size + OnDisk.View<ExtExtentHeader>(below).Max * ExtExtent.Size;
            OnDisk.Edit<U32Le>(below, tail) = next.IsOn ? ExtChecksums.OfExtentBlock(seed, below, tail) : 0;
        }
    }

    private void SealAttributes(long number)
    {
        ref readonly var header = ref OnDisk.View<ExtAttributeHeader>(state.Blocks.Read(number, "Attribute block"));
        if (header.ReferenceCount > 1 && !_sharedAttributes.Add(number))
            return;
        var block = state.Edit(number, "Attribute block");
        if (header.Magic != ExtAttributeHeader.MagicValue || (state.Checksums.IsOn && header.Checksum != state.Checksums.OfAttributeBlock(number, block)))
            throw new DiskFormatException("EXT-0402", $"Attribute block {number}", number << _geometry.LogBlockSize, "the checksum is wrong");
        OnDisk.Edit<ExtAttributeHeader>(block).Checksum = next.IsOn ? next.OfAttributeBlock(number, block) : 0;
    }

    private void SealMountProtection(long number)
    {
        var block = state.Edit(number, "Multiple mount protection");
        ref var protection = ref OnDisk.Edit<ExtMmpBlock>(block);
        if (protection.Magic != ExtMmpBlock.MagicValue || (state.Checksums.IsOn && protection.Checksum != state.Checksums.OfMmp(block)))
            throw new DiskFormatException("EXT-0024", "Multiple mount protection", number << _geometry.LogBlockSize, "the checksum is wrong");
        protection.Checksum = next.IsOn ? next.OfMmp(block) : 0;
    }
}
