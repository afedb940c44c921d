using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The copies of superblock and descriptors, brought up to date.</summary>
internal static class ExtCopies
{
    /// <summary>Writes the superblock over its copies. They say that they are not the state of the volume.</summary>
    public static void WriteSupers(ExtEditState state)
    {
        var geometry = state.Geometry;
        var super = geometry.SuperBytes.ToArray();
        ref var copy = ref OnDisk.Edit<ExtSuperblock>(super);
        copy.State.Value = (ushort)(copy.State.Value & ~ExtState.Valid);
        foreach (var group in Groups(geometry))
        {
            OnDisk.Edit<ExtSuperblock>(super).BlockGroup = (ushort)Math.Min(group, ushort.MaxValue);
            if ((copy.RoCompat.Value & ExtRoCompat.MetadataChecksum) != 0)
                OnDisk.Edit<ExtSuperblock>(super).Checksum = ExtChecksums.OfSuper(super);
            super.CopyTo(state.Edit(geometry.GroupStart(group), "Copy of the superblock").AsSpan());
        }
    }

    /// <summary>Writes the descriptors over their copies.</summary>
    /// <param name="state">The volume.</param>
    /// <param name="geometry">What it is now: descriptors may have another size than before.</param>
    public static void WriteDescriptors(ExtEditState state, ExtGeometry geometry)
    {
        for (var index = 0L; index < geometry.DescriptorBlocks; index++)
        {
            var block = state.Blocks.Read(geometry.DescriptorBlock(index), "Group descriptors").ToArray();
            foreach (var place in Places(geometry, index))
                block.CopyTo(state.Edit(place, "Copy of the group descriptors"), 0);
            state.WriteBackLargeChanges();
        }
    }

    // With meta_bg: the second and the last group of those that the block describes.
    private static IEnumerable<long> Places(ExtGeometry geometry, long index)
    {
        if (!geometry.Has(ExtIncompat.MetaBg) || index < geometry.Super.FirstMetaBlockGroup)
        {
            foreach (var group in Groups(geometry))
                yield return geometry.DescriptorBlock(index, group);
            yield break;
        }
        var first = index * geometry.DescriptorsPerBlock;
        foreach (var group in (long[])[first + 1, first + geometry.DescriptorsPerBlock - 1])
        {
            if (group < geometry.GroupCount)
                yield return geometry.GroupStart(group) + (geometry.HasSuper(group) ? 1 : 0);
        }
    }

    /// <summary>The groups that start with a copy.</summary>
    public static IEnumerable<long> Groups(ExtGeometry geometry)
    {
        for (var group = 1L; group < geometry.GroupCount; group++)
        {
            if (geometry.HasSuper(group))
                yield return group;
        }
    }
}
