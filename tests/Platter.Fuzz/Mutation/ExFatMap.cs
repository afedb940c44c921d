namespace Platter.Fuzz.Mutation;

/// <summary>Where the fields of a sound exFAT volume lie: found by a reading of its own, so that a mistake of the library's isn't repeated here.</summary>
internal sealed class ExFatMap
{
    private const int MostSlots = 20_000;

    public ExFatMap(OverlayDevice volume)
    {
        var sectorShift = (int)Math.Clamp(volume.Get(0x6C, 1), 9, 12);
        SectorSize = 1 << sectorShift;
        ClusterSize = SectorSize << (int)Math.Min(volume.Get(0x6D, 1), 25 - (ulong)sectorShift);
        FatOffset = (long)volume.Get(0x50, 4) << sectorShift;
        FatLength = (long)volume.Get(0x54, 4) << sectorShift;
        HeapOffset = (long)volume.Get(0x58, 4) << sectorShift;
        ClusterCount = (long)volume.Get(0x5C, 4);
        RootCluster = (long)volume.Get(0x60, 4);
        var left = new Stack<(long Cluster, long Count)>();
        var seen = new HashSet<long>();
        left.Push((RootCluster, -1));
        while (left.TryPop(out var directory) && Slots.Count < MostSlots)
        {
            var slots = new List<long>();
            Directories.Add(slots);
            Walk(volume, directory.Cluster, directory.Count, seen, slots);
            foreach (var slot in slots)
            {
                var type = volume.Get(slot, 1);
                if (type == 0x81 && BitmapOffset == 0)
                    BitmapOffset = OffsetOf((long)volume.Get(slot + 0x14, 4));
                if (type == 0x82 && UpcaseEntry == 0)
                    UpcaseEntry = slot;
                if (type == 0x85)
                    Sets.Add(slot);
            }
            for (var i = 0; i + 1 < slots.Count; i++)
            {
                var (file, stream) = (slots[i], slots[i + 1]);
                if (volume.Get(file, 1) == 0x85 && volume.Get(stream, 1) == 0xC0 && (volume.Get(file + 4, 1) & 0x10) != 0)
                    left.Push(((long)volume.Get(stream + 0x14, 4), (volume.Get(stream + 1, 1) & 2) != 0 ? (long)volume.Get(stream + 0x18, 8) / ClusterSize : -1));
            }
            Slots.AddRange(slots);
        }
        Directories.RemoveAll(d => d.Count == 0);
    }

    public int SectorSize { get; }
    public int ClusterSize { get; }
    public long FatOffset { get; }
    public long FatLength { get; }
    public long HeapOffset { get; }
    public long ClusterCount { get; }
    public long RootCluster { get; }

    /// <summary>Where the bitmap starts; 0 when there is none.</summary>
    public long BitmapOffset { get; }

    /// <summary>The root's entry of the up-case table; 0 when there is none.</summary>
    public long UpcaseEntry { get; }

    /// <summary>Offsets of all entries, unused ones at the end of a directory included.</summary>
    public List<long> Slots { get; } = [];

    /// <summary>The same by directory; the root first.</summary>
    public List<List<long>> Directories { get; } = [];

    /// <summary>Offsets of the file entries.</summary>
    public List<long> Sets { get; } = [];

    public long OffsetOf(long cluster) => HeapOffset + (cluster - 2) * ClusterSize;

    /// <summary>The entries from a file entry on, across the clusters of its directory.</summary>
    public List<long> SetOf(OverlayDevice volume, long file)
    {
        var directory = Directories.First(d => d.Contains(file));
        var first = directory.IndexOf(file);
        return directory.GetRange(first, Math.Min(1 + (int)volume.Get(file + 1, 1), directory.Count - first));
    }

    private void Walk(OverlayDevice volume, long cluster, long count, HashSet<long> seen, List<long> slots)
    {
        for (; cluster >= 2 && cluster < ClusterCount + 2 && seen.Add(cluster) && count != 0 && slots.Count < MostSlots; count--)
        {
            var start = OffsetOf(cluster);
            for (var at = 0; at < ClusterSize && start + at + 32 <= volume.Length; at += 32)
                slots.Add(start + at);
            cluster = count > 0 ? cluster + 1 : (long)volume.Get(FatOffset + 4 * cluster, 4);
        }
    }
}
