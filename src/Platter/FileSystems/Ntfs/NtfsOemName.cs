using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>The name without which no device is taken for NTFS, in the boot sector or in its copy: looked for before anything else of NTFS is prepared.</summary>
internal static class NtfsOemName
{
    public static bool IsAnywhere(BlockDevice device)
    {
        if (BootSectorName.IsAt(device, 0, NtfsBootSector.OemValue))
            return true;
        for (var size = NtfsBootSector.Size; size <= NtfsGeometry.MaxSectorSize; size *= 2)
        {
            if (NtfsGeometry.CopyPlace(device.Length, size) is var copy and > 0 && BootSectorName.IsAt(device, copy, NtfsBootSector.OemValue))
                return true;
        }
        return false;
    }
}
