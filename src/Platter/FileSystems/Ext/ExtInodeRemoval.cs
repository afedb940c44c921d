namespace Platter.FileSystems.Ext;

/// <summary>Frees an inode that nothing names any more, and all that it has.</summary>
internal static class ExtInodeRemoval
{
    /// <summary>Frees blocks, attributes and the inode itself, which becomes zeros but for its generation.</summary>
    /// <exception cref="DiskFormatException">Its map is broken, or something of it is free already.</exception>
    public static void Remove(ExtInode inode, ExtEditState state)
    {
        var isDirectory = inode.IsDirectory;
        if (HasMap(inode, state.Geometry))
        {
            var map = ExtMapEditor.Of(inode, state);
            if (isDirectory)
                ForgetBlocks(inode, map, state);
            map.Truncate(0);
        }
        if (!inode.AttributeSpace.IsEmpty || inode.AttributeBlock != 0)
            new ExtAttributeEditor(inode, state).ReleaseAll();
        var generation = inode.Generation;
        inode.EditBytes.Clear();
        inode.Edit.Generation = generation;
        if (inode.Bytes.Length > ExtInodeRecord.Size)
            inode.EditExtra.ExtraSize = (ushort)inode.ExtraSize;
        state.Inodes.Write(inode);
        state.InodeSpace.Release(inode.Number, isDirectory);
    }

    /// <summary>Whether an inode has blocks: not inline data, a fast link or a device.</summary>
    public static bool HasMap(ExtInode inode, ExtGeometry geometry) =>
        (inode.IsFile || inode.IsDirectory || (inode.IsSymbolicLink && !inode.IsFastLink(geometry))) && (inode.Flags & ExtInodeFlags.InlineData) == 0;

    // What was changed in a directory's blocks must not be written over what they become.
    private static void ForgetBlocks(ExtInode inode, ExtMapEditor map, ExtEditState state)
    {
        var end = Math.Min(inode.Length >> state.Geometry.LogBlockSize, map.MaxBlocks);
        for (var at = 0L; at < end;)
        {
            var run = map.Find(at);
            for (var i = 0L; !run.IsHole && i < Math.Min(run.Count, end - at); i++)
            {
                state.Changes.Drop(run.Physical + i);
                state.Volume.ReleaseDirectoryBlock(run.Physical + i);
            }
            at = run.End;
        }
    }
}
