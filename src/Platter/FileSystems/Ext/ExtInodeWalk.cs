namespace Platter.FileSystems.Ext;

/// <summary>Goes through the inodes of all tables, as they stand.</summary>
internal static class ExtInodeWalk
{
    /// <summary>Every inode that is not all zeros, in the order of numbers. Inodes may be written meanwhile.</summary>
    /// <exception cref="DiskFormatException">A descriptor is broken.</exception>
    public static IEnumerable<ExtInode> All(ExtEditState state)
    {
        var geometry = state.Geometry;
        for (var group = 0L; group < geometry.GroupCount; group++)
        {
            var descriptor = state.Volume.Groups[group];
            if ((descriptor.Flags & ExtGroupFlags.InodeUninit) != 0)
                continue;
            var count = geometry.InodesPerGroup - (int)Math.Min(descriptor.UnusedInodes, (uint)geometry.InodesPerGroup);
            for (var index = 0; index < count; index++)
            {
                if (index % geometry.InodesPerBlock == 0 && !state.Blocks.Read(descriptor.InodeTable + index / geometry.InodesPerBlock, "Inode table").AsSpan().ContainsAnyExcept((byte)0))
                {
                    index += geometry.InodesPerBlock - 1;
                    continue;
                }
                var inode = state.Inodes.ReadUnchecked((uint)(group * geometry.InodesPerGroup + index + 1));
                if (inode.Bytes.ContainsAnyExcept((byte)0))
                    yield return inode;
            }
        }
    }
}
