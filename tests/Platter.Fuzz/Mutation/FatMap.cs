namespace Platter.Fuzz.Mutation;

/// <summary>Where the fields of a sound FAT volume lie: found by a reading of its own, so that a mistake of the library's isn't repeated here.</summary>
internal sealed class FatMap
{
    private const int MostSlots = 20_000;

    public FatMap(OverlayDevice volume)
    {
        SectorSize = (int)volume.Get(0x0B, 2);
        ClusterSize = SectorSize * (int)volume.Get(0x0D, 1);
        var reserved = (int)volume.Get(0x0E, 2);
        FatCount = (int)volume.Get(0x10, 1);
        var rootLength = (int)volume.Get(0x11, 2) * 32;
        var sectors = volume.Get(0x13, 2) is not 0 and var small ? (long)small : (long)volume.Get(0x20, 4);
        var fatSectors = volume.Get(0x16, 2) is not 0 and var smallFat ? (long)smallFat : (long)volume.Get(0x24, 4);
        var is32 = volume.Get(0x16, 2) == 0;
        FatOffset = (long)reserved * SectorSize;
        FatLength = fatSectors * SectorSize;
        RootOffset = FatOffset + FatCount * FatLength;
        DataOffset = RootOffset + (rootLength + SectorSize - 1) / Math.Max(SectorSize, 1) * SectorSize;
        ClusterCount = ClusterSize == 0 ? 0 : (sectors * SectorSize - DataOffset) / ClusterSize;
        Width = is32 ? 32 : ClusterCount < 4085 ? 12 : 16;
        RootCluster = is32 ? (long)volume.Get(0x2C, 4) : 0;
        InfoOffset = is32 ? (long)volume.Get(0x30, 2) * SectorSize : 0;
        if (ClusterSize == 0 || volume.Length < 512)
            return;
        for (var cluster = 2L; cluster < ClusterCount + 2 && UsedClusters.Count < MostSlots; cluster++)
        {
            if (Entry(volume, cluster) != 0)
                UsedClusters.Add(cluster);
        }
        var left = new Stack<(long Cluster, List<long> Slots)>();
        var seen = new HashSet<long>();
        left.Push((RootCluster, NewDirectory()));
        while (left.TryPop(out var directory) && Slots.Count < MostSlots)
        {
            foreach (var slot in SlotsOf(volume, directory.Cluster, rootLength, seen))
            {
                Slots.Add(slot);
                directory.Slots.Add(slot);
                if ((volume.Get(slot + 0x0B, 1) & 0x18) == 0x10 && volume.Get(slot, 1) is not (0 or 0xE5 or '.'))
                    left.Push((ClusterOf(volume, slot), NewDirectory()));
            }
        }
        Directories.RemoveAll(d => d.Count == 0);
    }

    public int SectorSize { get; }
    public int ClusterSize { get; }
    public int FatCount { get; }
    public long FatOffset { get; }
    public long FatLength { get; }
    public long RootOffset { get; }
    public long DataOffset { get; }
    public long ClusterCount { get; }
    public int Width { get; }
    public long RootCluster { get; }

    /// <summary>0 when there is none.</summary>
    public long InfoOffset { get; }

    /// <summary>Clusters whose entry is not "free".</summary>
    public List<long> UsedClusters { get; } = [];

    /// <summary>Offsets of all slots, free ones at the end of a directory included.</summary>
    public List<long> Slots { get; } = [];

    /// <summary>The same by directory; the root first.</summary>
    public List<List<long>> Directories { get; } = [];

    public long Entry(OverlayDevice volume, long cluster) => Width switch
    {
        32 => (long)volume.Get(FatOffset + cluster * 4, 4) & 0x0FFFFFFF,
        16 => (long)volume.Get(FatOffset + cluster * 2, 2),
        _ => (long)volume.Get(FatOffset + cluster + cluster / 2, 2) >> (int)(cluster % 2 * 4) & 0xFFF,
    };

    public void SetEntry(OverlayDevice volume, int fat, long cluster, long value)
    {
        var at = FatOffset + fat * FatLength;
        switch (Width)
        {
            case 32:
                volume.Put(at + cluster * 4, 4, (ulong)value);
                break;
            case 16:
                volume.Put(at + cluster * 2, 2, (ulong)value);
                break;
            default:
                at += cluster + cluster / 2;
                var pair = (long)volume.Get(at, 2);
                volume.Put(at, 2, (ulong)(cluster % 2 == 0 ? (pair & 0xF000) | (value & 0xFFF) : (pair & 0x000F) | (value & 0xFFF) << 4));
                break;
        }
    }

    public long ClusterOf(OverlayDevice volume, long slot) =>
        (long)(volume.Get(slot + 0x1A, 2) | (Width == 32 ? volume.Get(slot + 0x14, 2) << 16 : 0));

    public void SetCluster(OverlayDevice volume, long slot, long cluster)
    {
        volume.Put(slot + 0x1A, 2, (ulong)cluster);
        if (Width == 32)
            volume.Put(slot + 0x14, 2, (ulong)cluster >> 16);
    }

    private List<long> NewDirectory()
    {
        var slots = new List<long>();
        Directories.Add(slots);
        return slots;
    }

    private IEnumerable<long> SlotsOf(OverlayDevice volume, long cluster, int rootLength, HashSet<long> seen)
    {
        if (cluster == 0)
        {
            for (var at = 0; at < rootLength; at += 32)
                yield return RootOffset + at;
        }
        for (; cluster >= 2 && cluster < ClusterCount + 2 && seen.Add(cluster); cluster = Entry(volume, cluster))
        {
            var start = DataOffset + (cluster - 2) * ClusterSize;
            for (var at = 0; at < ClusterSize; at += 32)
                yield return start + at;
        }
    }
}
