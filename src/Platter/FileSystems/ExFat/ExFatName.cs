using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.FileSystems.ExFat;

/// <summary>The name without which no device is taken for exFAT, in the boot sector or in its backup: looked for before anything else of exFAT is prepared.</summary>
internal static class ExFatName
{
    // "EXFAT   ": as a number, since the runtime prepares all constants of bytes with the first of them.
    private const ulong Value = 0x2020_2054_4146_5845;

    public static bool IsAnywhere(BlockDevice device)
    {
        if (IsAt(device, 0))
            return true;
        for (var shift = ExFatGeometry.MinSectorShift; shift <= ExFatGeometry.MaxSectorShift; shift++)
        {
            if (IsAt(device, (long)ExFatGeometry.BootRegionSectors << shift))
                return true;
        }
        return false;
    }

    private static bool IsAt(BlockDevice device, long sector)
    {
        Span<byte> name = stackalloc byte[sizeof(ulong)];
        if (sector + ExFatBootRegion.NameOffset + name.Length > device.Length)
            return false;
        device.Read(sector + ExFatBootRegion.NameOffset, name);
        return BinaryPrimitives.ReadUInt64LittleEndian(name) == Value;
    }
}
