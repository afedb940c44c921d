using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The blocks that are kept behind the descriptor table, and behind each copy of it, so that it can grow where it is (resize_inode).</summary>
/// <remarks>
/// <para>Inode 7 names them. Each block kept in group 0 is an indirect block of it, which names those kept at the same place behind the copies; an entry of
/// the double indirect block stands at the number of the block of descriptors that is to come there, from the start again behind the last entry:</para>
/// <code>
///   inode 7 -> double indirect block -> [ n, n + 1, ... ]         n blocks of descriptors there are
///                                         |
///                    block n behind the superblock of group 0 -> [ block n of group 1, of group 3, of group 5 ... ]
/// </code>
/// <para>Linux kernel, fs/ext4/resize.c.</para>
/// </remarks>
internal static class ExtReservedDescriptors
{
    private const int DoubleIndirect = (ExtIndirectBlocks.DirectBlocks + 1) * 4;

    /// <summary>The double indirect block.</summary>
    /// <param name="geometry">The volume.</param>
    /// <param name="descriptors">Blocks of the table.</param>
    /// <param name="kept">Blocks kept behind it.</param>
    public static byte[] Top(ExtGeometry geometry, long descriptors, int kept)
    {
        var bytes = new byte[geometry.BlockSize];
        var entries = MemoryMarshal.Cast<byte, U32Le>(bytes.AsSpan());
        for (var i = 0; i < kept; i++)
            entries[(int)((descriptors + i) % entries.Length)] = (uint)(geometry.SuperBlockNumber + 1 + descriptors + i);
        return bytes;
    }

    /// <summary>The indirect block that a block kept in group 0 is.</summary>
    public static byte[] Copies(ExtGeometry geometry, long block)
    {
        var bytes = new byte[geometry.BlockSize];
        var entries = MemoryMarshal.Cast<byte, U32Le>(bytes.AsSpan());
        var count = 0;
        foreach (var group in ExtCopies.Groups(geometry).Take(entries.Length))
            entries[count++] = (uint)(block + group * geometry.BlocksPerGroup);
        return bytes;
    }

    /// <summary>Blocks of inode 7 for so many that are kept, without the double indirect block.</summary>
    public static long Count(ExtGeometry geometry, int kept) => kept * (1L + ExtCopies.Groups(geometry).Count());

    /// <summary>Frees all that is kept, and the inode's own block.</summary>
    /// <exception cref="DiskFormatException">The inode names other blocks, or they are not its own.</exception>
    /// <exception cref="UnsupportedFeatureException">They share clusters with others.</exception>
    public static void Remove(ExtEditState state)
    {
        var geometry = state.Geometry;
        if (geometry.ClusterRatio > 1)
            throw new UnsupportedFeatureException("taking resize_inode from a volume with bigalloc: what is kept shares clusters with other structures");
        if (geometry.Has(ExtIncompat.MetaBg))
            throw new UnsupportedFeatureException("taking resize_inode from a volume with meta_bg: the two exclude each other, and what is kept for which table is not known");
        int kept = geometry.Super.ReservedGdtBlocks;
        var inode = Read(state, kept);
        Free(state, geometry.DescriptorBlocks, kept);
        state.Space.Release(OnDisk.View<U32Le>(inode.Block, DoubleIndirect), 1);
        state.Inodes.Write(new ExtInode(inode.Number, new byte[geometry.InodeSize], inode.Offset));
        geometry.EditSuper.ReservedGdtBlocks = 0;
    }

    /// <summary>Gives a table of another length its room. One that grows takes what is kept; behind one that shrinks as much is kept as before, and the last
    /// blocks are freed. The table itself, and what becomes an indirect block in its place, is the caller's to write.</summary>
    /// <exception cref="DiskFormatException">The inode names other blocks, or they are not its own.</exception>
    /// <exception cref="UnsupportedFeatureException">There is not enough room.</exception>
    public static void Fit(ExtEditState state, long descriptors)
    {
        var geometry = state.Geometry;
        var more = descriptors - geometry.DescriptorBlocks;
        if (more == 0)
            return;
        int kept = geometry.Super.ReservedGdtBlocks;
        if (kept > 0 && !geometry.Has(ExtCompat.ResizeInode))
            throw new DiskFormatException("EXT-0019", "Superblock.reserved_gdt_blocks", ExtSuperblock.Offset + 0xCE, $"found {kept}, expected 0 without resize_inode");
        if (more > kept)
            throw new UnsupportedFeatureException($"adding 64bit: {more} blocks more are needed behind the group descriptors, and {kept} are kept there (resize_inode)");
        if (more < 0 && geometry.ClusterRatio > 1)
            throw new UnsupportedFeatureException("taking 64bit from a volume with bigalloc: blocks that its descriptors leave share clusters with other structures");
        var left = (int)(kept - Math.Max(0, more));
        if (geometry.Has(ExtCompat.ResizeInode))
        {
            var inode = Read(state, kept);
            Top(geometry, descriptors, left).CopyTo(state.Edit(OnDisk.View<U32Le>(inode.Block, DoubleIndirect), "Inode 7, double indirect block"), 0);
            inode.AddClusters(Count(geometry, left) - Count(geometry, kept), geometry);
            state.Inodes.Write(inode);
        }
        if (more < 0)
            Free(state, descriptors + kept, -more);
        geometry.EditSuper.ReservedGdtBlocks = (ushort)left;
    }

    private static ExtInode Read(ExtEditState state, int kept)
    {
        var geometry = state.Geometry;
        var inode = state.Inodes.Read(ExtGeometry.ResizeInode);
        uint block = OnDisk.View<U32Le>(inode.Block, DoubleIndirect);
        if (!inode.IsFile || inode.LinkCount == 0 || !geometry.IsBlock(block) || inode.Block[..DoubleIndirect].ContainsAnyExcept((byte)0))
            throw Broken("should keep room for descriptors below its double indirect block");
        if (!state.Blocks.Read(block, "Inode 7, double indirect block").AsSpan().SequenceEqual(Top(geometry, geometry.DescriptorBlocks, kept)))
            throw Broken($"names other blocks than the {kept} behind the group descriptors");
        return inode;

        DiskFormatException Broken(string problem) => new("EXT-0113", $"Inode {inode.Number}", inode.Offset + 0x28, problem);
    }

    // Blocks behind the superblock of group 0 and behind its copies, counted from the first descriptors on.
    private static void Free(ExtEditState state, long first, long count)
    {
        var geometry = state.Geometry;
        var freed = new RangeSet();
        foreach (var group in ExtCopies.Groups(geometry).Prepend(0))
        {
            var start = geometry.DescriptorBlock(first, group);
            var length = Math.Min(count, geometry.GroupStart(group) + geometry.BlocksIn(group) - start);
            if (length > 0)
                freed.Add(start, length);
        }

        // On a damaged volume other structures may lie there, and they are in use.
        for (var group = 0L; group < geometry.GroupCount; group++)
        {
            var found = state.Volume.Groups[group];
            if (freed.Overlaps(found.BlockBitmap, 1) || freed.Overlaps(found.InodeBitmap, 1) || freed.Overlaps(found.InodeTable, geometry.InodeTableBlocks))
                throw new DiskFormatException("EXT-0033", $"GroupDescriptor {group}", state.Volume.Groups.Offset(group), "a bitmap or the inode table lies in the room for descriptors");
        }
        foreach (var run in freed)
        {
            state.Space.Release(run.Start, run.Length);
            state.Super.AddOverhead(-run.Length);
        }
    }
}
