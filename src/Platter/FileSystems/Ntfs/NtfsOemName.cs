using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>The name without which no device is taken for NTFS, in the boot sector or in its copy: looked for before anything else of NTFS is prepared.</summary>
internal static class NtfsOemName
{
    // "NTFS    "
    private const ulong Value = 0x2020_2020_5346_544E;

    public static bool IsAnywhere(BlockDevice device)
    {
        if (BootSectorName.IsAt(device, 0, Value))
            return true;
        for (var size = NtfsBootSector.Size; size <= NtfsGeometry.MaxSectorSize; size *= 2)
        {
            if (NtfsGeometry.CopyPlace(device.Length, size) is var copy and > 0 && BootSectorName.IsAt(device, copy, Value))
                return true;
        }
        return false;
    }
}
