namespace Platter.FileSystems.Ext;

/// <summary>The quota files of a volume that is being made: hidden inodes that count what the root and lost+found take.</summary>
internal static class ExtNewQuotas
{
    public const uint UserInode = 3, GroupInode = 4;

    /// <param name="volume">The volume.</param>
    /// <param name="types">Which files.</param>
    /// <param name="usage">Whom the inodes belong to, and their units of 512 bytes.</param>
    public static void Write(ExtNewVolume volume, IReadOnlyList<ExtQuotaType> types, IReadOnlyList<(uint User, uint Group, long Sectors)> usage)
    {
        foreach (var type in types)
        {
            var tree = new ExtQuotaTree(type);
            foreach (var owned in usage.GroupBy(u => type switch { ExtQuotaType.User => u.User, ExtQuotaType.Group => u.Group, _ => 0u }).OrderBy(g => g.Key))
                tree.Add(owned.Key, owned.Sum(u => u.Sectors) * 512, owned.Count());
            var number = type switch { ExtQuotaType.User => UserInode, ExtQuotaType.Group => GroupInode, _ => volume.NewInode() };
            WriteFile(volume, number, tree);
            if (type == ExtQuotaType.User)
                volume.Super.UserQuotaInode = number;
            else if (type == ExtQuotaType.Group)
                volume.Super.GroupQuotaInode = number;
            else
                volume.Super.ProjectQuotaInode = number;
        }
    }

    private static void WriteFile(ExtNewVolume volume, uint number, ExtQuotaTree tree)
    {
        var geometry = volume.Geometry;
        var perBlock = geometry.BlockSize / ExtQuotaHeader.BlockSize;
        var places = new long[(tree.Blocks.Count + perBlock - 1) / perBlock];
        var clusters = 0;
        foreach (var logical in tree.Order.Select(n => n / perBlock))
        {
            if (places[logical] != 0)
                continue;
            // A block of the same cluster of the file decides; else the block before is the goal.
            var first = logical & -geometry.ClusterRatio;
            var neighbour = Array.FindIndex(places, first, Math.Min(geometry.ClusterRatio, places.Length - first), p => p != 0);
            if (neighbour < 0)
                clusters++;
            places[logical] = neighbour >= 0 ? places[neighbour] + logical - neighbour
                : volume.Space.Take(logical > 0 ? places[logical - 1] : 0) + (logical - first);
        }
        for (var logical = 0; logical < places.Length; logical++)
        {
            var bytes = new byte[geometry.BlockSize];
            for (var i = 0; i < perBlock && logical * perBlock + i < tree.Blocks.Count; i++)
                tree.Blocks[logical * perBlock + i].CopyTo(bytes, i * ExtQuotaHeader.BlockSize);
            volume.WriteBlock(places[logical], bytes);
        }
        var map = ExtNewMap.For(volume, number);

        // With blocks of 1 KiB the root of the tree comes last, so what was behind it is a piece of its own.
        var apart = perBlock == 1 ? ExtQuotaHeader.RootBlock + 1 : 0;
        map.Place(places.AsSpan(0, apart), 0);
        map.Place(places.AsSpan(apart), clusters);
        var inode = ExtNewInode.Of(volume, map, ExtNewInode.File | 0x180);
        volume.WriteInode(number, inode with { Length = (long)tree.Blocks.Count * ExtQuotaHeader.BlockSize, Flags = inode.Flags | ExtInodeFlags.Immutable });
    }
}
