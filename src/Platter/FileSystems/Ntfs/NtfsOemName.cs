using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>The name without which no device is taken for NTFS, in the boot sector or in its copy: looked for before anything else of NTFS is prepared.</summary>
internal static class NtfsOemName
{
    // "NTFS    ": as a number, since the runtime prepares all constants of bytes with the first of them.
    private const ulong Value = 0x2020_2020_5346_544E;

    public static bool IsAnywhere(BlockDevice device)
    {
        if (IsAt(device, 0))
            return true;
        for (var size = NtfsBootSector.Size; size <= NtfsGeometry.MaxSectorSize; size *= 2)
        {
            // The last sector, as NtfsGeometry.FindCopy has it.
            if (device.Length / size * size - size is var last and > 0 && IsAt(device, last))
                return true;
        }
        return false;
    }

    private static bool IsAt(BlockDevice device, long sector)
    {
        Span<byte> name = stackalloc byte[sizeof(ulong)];
        if (sector + NtfsBootSector.OemOffset + name.Length > device.Length)
            return false;
        device.Read(sector + NtfsBootSector.OemOffset, name);
        return BinaryPrimitives.ReadUInt64LittleEndian(name) == Value;
    }
}
