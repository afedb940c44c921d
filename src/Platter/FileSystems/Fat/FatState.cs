using System.Runtime.CompilerServices;
using Platter.Blocks;
using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>What a volume says of its own state: the clean-shutdown bits and the information sector.</summary>
internal static class FatState
{
    // FAT[1]: set means good. "FAT: General Overview of On-Disk Format" 1.03, "FAT Volume Initialization".
    private const uint CleanShutdown16 = 0x8000, NoErrors16 = 0x4000, CleanShutdown32 = 0x08000000, NoErrors32 = 0x04000000;

    /// <summary>Whether it was unmounted properly and no driver met an error.</summary>
    public static bool IsClean(FatGeometry geometry, FatTable table)
    {
        if ((geometry.State & FatStateFlags.Dirty) != 0)
            return false;
        var bits = table[1];
        return geometry.Width switch
        {
            FatWidth.Fat32 => (bits & (CleanShutdown32 | NoErrors32)) == (CleanShutdown32 | NoErrors32),
            FatWidth.Fat16 => (bits & (CleanShutdown16 | NoErrors16)) == (CleanShutdown16 | NoErrors16),
            _ => true,
        };
    }

    /// <summary>The free count and the next free cluster as FAT32's information sector has them; -1 and 0 when it doesn't know.</summary>
    public static long ReadInfo(BlockDevice device, FatGeometry geometry, out uint next)
    {
        next = 0;
        if (!TryRead(device, geometry, out var bytes))
            return -1;
        ref readonly var info = ref OnDisk.View<FatInfoSector>(bytes);
        uint free = info.FreeClusters;
        if (geometry.IsCluster(info.NextFree))
            next = info.NextFree;
        return free <= geometry.ClusterCount ? free : -1;
    }

    /// <summary>Brings the information sector up to date. A count that is not known is not made up.</summary>
    public static void WriteInfo(BlockDevice device, FatGeometry geometry, ClusterSpace space)
    {
        if (!TryRead(device, geometry, out var bytes))
            return;
        ref var info = ref OnDisk.Edit<FatInfoSector>(bytes);
        info.FreeClusters = space.KnownFreeClusters >= 0 ? (uint)space.KnownFreeClusters : FatInfoSector.Unknown;
        info.NextFree = space.NextHint;
        device.Write((long)geometry.InfoSector * geometry.BytesPerSector, bytes);
    }

    private static bool TryRead(BlockDevice device, FatGeometry geometry, out byte[] bytes)
    {
        bytes = [];
        if (geometry.InfoSector == 0)
            return false;
        bytes = new byte[Unsafe.SizeOf<FatInfoSector>()];
        device.Read((long)geometry.InfoSector * geometry.BytesPerSector, bytes);
        ref readonly var info = ref OnDisk.View<FatInfoSector>(bytes);
        return info.Lead == FatInfoSector.LeadValue && info.Structure == FatInfoSector.StructureValue && info.Trail == FatInfoSector.TrailValue;
    }
}
