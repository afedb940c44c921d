using Platter.Blocks;

namespace Platter.FileSystems.ExFat;

/// <summary>The name without which no device is taken for exFAT, in the boot sector or in its backup: looked for before anything else of exFAT is prepared.</summary>
internal static class ExFatName
{
    // "EXFAT   "
    private const ulong Value = 0x2020_2054_4146_5845;

    public static bool IsAnywhere(BlockDevice device)
    {
        if (BootSectorName.IsAt(device, 0, Value))
            return true;
        for (var shift = ExFatGeometry.MinSectorShift; shift <= ExFatGeometry.MaxSectorShift; shift++)
        {
            if (BootSectorName.IsAt(device, (long)ExFatGeometry.BootRegionSectors << shift, Value))
                return true;
        }
        return false;
    }
}
