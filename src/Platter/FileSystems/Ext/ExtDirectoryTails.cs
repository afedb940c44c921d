using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Room for checksums in directories: a tail of 12 bytes behind the entries of a block, one entry less in a node of a hash tree.</summary>
/// <remarks>The tail looks like a free entry to who knows nothing of it. Entries move together within their block where that makes room for it. A directory with a
/// block that is too full is made anew, as are its hash trees; e2fsck would do the same for tune2fs, with -D.</remarks>
internal static class ExtDirectoryTails
{
    private readonly record struct Kept(byte[] Name, uint Inode, byte FileType);

    /// <summary>Makes the directories anew in which a block has no room. The others stay as they are.</summary>
    /// <exception cref="UnsupportedFeatureException">Such a directory is encrypted, or has names whose hashes are not known here.</exception>
    /// <exception cref="VolumeFullException">No room for its blocks.</exception>
    public static void MakeRoom(ExtEditState state)
    {
        foreach (var inode in ExtInodeWalk.All(state))
        {
            if (inode.LinkCount == 0 || !inode.IsDirectory || (inode.Flags & ExtInodeFlags.InlineData) != 0)
                continue;
            if ((inode.Flags & (ExtInodeFlags.Casefold | ExtInodeFlags.Encrypt)) == (ExtInodeFlags.Casefold | ExtInodeFlags.Encrypt))
                throw new UnsupportedFeatureException($"metadata_csum where directories are encrypted and ignore case: inode {inode.Number}");
            if (!Fits(inode, state))
                MakeAnew(state.Inodes.Read(inode.Number), state);
        }
    }

    /// <summary>Gives a block of entries its tail, unless it has one; false when there is no room.</summary>
    /// <param name="block">The block.</param>
    /// <param name="problem">What is wrong with its entries, or null.</param>
    public static bool TryAdd(byte[] block, out string? problem)
    {
        problem = null;
        if (ExtDirectoryBlock.HasTail(block))
            return true;
        var offsets = new List<int>();
        var (size, last, slack) = (0, 0, 0);
        var chain = new ExtDirectoryBlock(block, block.Length);
        while (chain.MoveNext())
        {
            var used = chain.Inode == 0 ? ExtDirectoryEntryHead.Size : ExtDirectoryWriter.SizeOf(chain.Name.Length);
            (last, slack) = (chain.Offset, chain.RecordLength - used);
            if (chain.Inode == 0)
                continue;
            offsets.Add(chain.Offset);
            size += used;
        }
        problem = chain.Problem;
        if (problem is not null)
            return false;
        if (slack >= ExtDirectoryTail.Size)
        {
            OnDisk.Edit<ExtDirectoryEntryHead>(block, last).RecordLength = ExtDirectoryWriter.EncodeLength(block.Length - last - ExtDirectoryTail.Size, block.Length);
            ExtDirectoryWriter.AddTail(block);
            return true;
        }
        if (size > block.Length - ExtDirectoryTail.Size)
            return false;
        ExtDirectoryWriter.Fill(block.AsSpan(0, block.Length - ExtDirectoryTail.Size), block.Length, (byte[])block.Clone(), offsets.ToArray());
        ExtDirectoryWriter.AddTail(block);
        return true;
    }

    /// <summary>Takes the tail from a block of entries: the last of them reaches to the block's end again.</summary>
    /// <returns>What is wrong with the entries, or null.</returns>
    public static string? Remove(byte[] block)
    {
        var chain = new ExtDirectoryBlock(block.AsSpan(0, block.Length - ExtDirectoryTail.Size), block.Length);
        var last = 0;
        while (chain.MoveNext())
            last = chain.Offset;
        if (chain.Problem is { } problem)
            return problem;
        OnDisk.Edit<ExtDirectoryEntryHead>(block, last).RecordLength = ExtDirectoryWriter.EncodeLength(block.Length - last, block.Length);
        block.AsSpan(block.Length - ExtDirectoryTail.Size).Clear();
        return null;
    }

    /// <summary>How many entries there is room for in a node of a hash tree.</summary>
    /// <param name="blockSize">Bytes.</param>
    /// <param name="entriesOffset">Where limit and count stand.</param>
    /// <param name="hasTail">Whether a checksum follows.</param>
    public static int NodeLimit(int blockSize, int entriesOffset, bool hasTail) => (blockSize - entriesOffset - (hasTail ? ExtHashTail.Size : 0)) / ExtHashEntry.Size;

    private static bool Fits(ExtInode inode, ExtEditState state)
    {
        var fits = true;
        Walk(inode, state,
            (block, bytes) => fits = fits && TryAdd((byte[])bytes.Clone(), out _),
            (bytes, at) => fits = fits && OnDisk.View<ExtHashEntry>(bytes, at).Count <= NodeLimit(bytes.Length, at, hasTail: true));
        return fits;
    }

    private static void MakeAnew(ExtInode inode, ExtEditState state)
    {
        var kept = new List<Kept>();
        Walk(inode, state, (block, bytes) =>
        {
            var chain = new ExtDirectoryBlock(bytes, bytes.Length);
            for (var i = 0; chain.MoveNext(); i++)
            {
                if (chain.Inode != 0 && (block > 0 || i >= 2))
                    kept.Add(new Kept(chain.Name.ToArray(), chain.Inode, chain.FileType));
            }
        }, (_, _) => { });
        var parent = new ExtDirectoryEditor(inode, state).Parent;
        ExtMapEditor.Of(inode, state).Truncate(0);
        inode.SetLength(0);
        inode.SetFlag(ExtInodeFlags.Index, false);
        var directory = new ExtDirectoryEditor(inode, state, hasTails: true);
        var first = directory.Append();
        directory.WriteDots(directory.Edit(first), parent, []);
        directory.SealLeaf(first);
        foreach (var entry in kept)
            directory.Insert(new ExtNewEntry(entry.Name, entry.Inode, entry.FileType));
        state.Inodes.Write(inode);
    }

    private static void Walk(ExtInode inode, ExtEditState state, Action<long, byte[]> leaf, Action<byte[], int> node)
    {
        var map = ExtBlockMap.Of(inode, state.Geometry, state.Blocks, state.Checksums);
        var blocks = Math.Min(inode.Length >> state.Geometry.LogBlockSize, map.MaxBlocks);
        var nodes = ExtIndexBlocks.Of(inode, map, blocks, state, state.Checksums);
        for (var block = 0L; block < blocks; block++)
        {
            var (structure, run) = ($"Directory {inode.Number}, block {block}", map.Find(block));
            if (!run.HasData)
                throw new DiskFormatException("EXT-0203", structure, inode.Offset, "is a hole");
            var bytes = state.Blocks.Read(run.Physical, structure);
            if (nodes.Contains(block))
            {
                node(bytes, block == 0 ? ExtIndexBlocks.RootEntriesOffset : ExtHashTree.NodeEntriesOffset);
                continue;
            }
            var chain = new ExtDirectoryBlock(bytes, bytes.Length);
            while (chain.MoveNext())
            {
                // To its end, for what may be wrong.
            }
            if (chain.Problem is { } problem)
                throw new DiskFormatException("EXT-0200", structure, run.Physical << state.Geometry.LogBlockSize, problem);
            leaf(block, bytes);
        }
    }
}
