using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Adds quota files to a volume, and takes them away.</summary>
internal static class ExtQuotaTuning
{
    /// <summary>Makes and removes files until there are those that are wanted.</summary>
    /// <param name="state">The volume; files that stay go on being right.</param>
    /// <param name="wanted">Which there shall be.</param>
    /// <exception cref="DiskFormatException">An inode in use is broken, so that nobody knows what it takes.</exception>
    /// <exception cref="VolumeFullException">No room for a file.</exception>
    public static void Apply(ExtEditState state, IReadOnlyList<ExtQuotaType> wanted)
    {
        var present = Present(state.Geometry);
        var missing = wanted.Except(present).ToList();

        // From here on no inode that counts is written.
        state.Inodes.Quotas = null;
        foreach (var type in present.Except(wanted))
            Remove(state, type);
        if (missing.Count == 0)
            return;
        var usage = new SortedDictionary<uint, (long Space, long Inodes)>[] { [], [], [] };
        foreach (var inode in ExtInodeWalk.All(state))
        {
            if (ExtQuotas.UsageOf(inode, state.Geometry) is not { IsCounted: true } own)
                continue;
            var inodes = 1 + ExtQuotas.ValuesOf(state.Inodes.Read(inode.Number), state);
            foreach (var type in missing)
            {
                var (space, count) = usage[(int)type].GetValueOrDefault(own.Of(type));
                usage[(int)type][own.Of(type)] = (space + own.Space, count + inodes);
            }
        }
        foreach (var type in missing)
            Add(state, type, usage[(int)type]);
    }

    /// <summary>The quotas that a volume keeps.</summary>
    public static IReadOnlyList<ExtQuotaType> Present(ExtGeometry geometry) =>
        [.. new[] { ExtQuotaType.User, ExtQuotaType.Group, ExtQuotaType.Project }.Where(t => geometry.Has(ExtRoCompat.Quota) && InodeOf(geometry, t) != 0)];

    private static uint InodeOf(ExtGeometry geometry, ExtQuotaType type) => type switch
    {
        ExtQuotaType.User => geometry.Super.UserQuotaInode,
        ExtQuotaType.Group => geometry.Super.GroupQuotaInode,
        _ => geometry.Super.ProjectQuotaInode,
    };

    private static void SetInode(ExtGeometry geometry, ExtQuotaType type, uint number)
    {
        if (type == ExtQuotaType.User)
            geometry.EditSuper.UserQuotaInode = number;
        else if (type == ExtQuotaType.Group)
            geometry.EditSuper.GroupQuotaInode = number;
        else
            geometry.EditSuper.ProjectQuotaInode = number;
    }

    private static void Add(ExtEditState state, ExtQuotaType type, SortedDictionary<uint, (long Space, long Inodes)> usage)
    {
        var tree = new ExtQuotaTree(type);
        foreach (var (id, (space, inodes)) in usage)
            tree.Add(id, space, inodes);
        var geometry = state.Geometry;
        var number = type switch
        {
            ExtQuotaType.User => ExtNewQuotas.UserInode,
            ExtQuotaType.Group => ExtNewQuotas.GroupInode,
            _ => state.InodeSpace.Take(ExtGeometry.RootInode, isDirectory: false),
        };
        SetInode(geometry, type, number);
        var file = ExtUnnamedFile.New(state, number);
        file.SetFlag(ExtInodeFlags.Immutable, true);
        var perBlock = geometry.BlockSize / ExtQuotaHeader.BlockSize;
        var made = new GrowingArray<ExtRun>();
        ExtMapEditor.Of(file, state).Fill(0, (tree.Blocks.Count + perBlock - 1) / perBlock, 0, made);
        foreach (var run in made.Items)
        {
            for (var i = 0L; i < run.Count; i++)
            {
                var bytes = state.Changes.New(run.Physical + i).AsSpan();
                var first = (int)(run.Logical + i) * perBlock;
                for (var at = 0; at < perBlock && first + at < tree.Blocks.Count; at++)
                    tree.Blocks[first + at].CopyTo(bytes[(at * ExtQuotaHeader.BlockSize)..]);
            }
        }
        file.SetLength((long)tree.Blocks.Count * ExtQuotaHeader.BlockSize);
        state.Inodes.Write(file);
    }

    private static void Remove(ExtEditState state, ExtQuotaType type)
    {
        var number = InodeOf(state.Geometry, type);
        var file = state.Inodes.Read(number);
        if (type == ExtQuotaType.Project)
        {
            ExtInodeRemoval.Remove(file, state);
        }
        else
        {
            // The reserved inodes stay in use, and empty.
            ExtMapEditor.Of(file, state).Truncate(0);
            state.Inodes.Write(new ExtInode(number, new byte[state.Geometry.InodeSize], file.Offset));
        }
        SetInode(state.Geometry, type, 0);
    }
}
