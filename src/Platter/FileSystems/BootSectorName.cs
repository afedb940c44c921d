using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.FileSystems;

/// <summary>The eight characters behind the jump of a PC boot sector, by which NTFS and exFAT are told from everything else before more of them is prepared.</summary>
internal static class BootSectorName
{
    /// <summary>Bytes from the start of the sector.</summary>
    public const int Offset = 3;

    /// <param name="device">What may hold a volume.</param>
    /// <param name="sector">Where the boot sector or its copy would be, in bytes; beyond the end there is no name.</param>
    /// <param name="name">The characters as a little-endian number, since the runtime prepares all constants of bytes with the first of them.</param>
    public static bool IsAt(BlockDevice device, long sector, ulong name)
    {
        Span<byte> found = stackalloc byte[sizeof(ulong)];
        if (sector + Offset + found.Length > device.Length)
            return false;
        device.Read(sector + Offset, found);
        return BinaryPrimitives.ReadUInt64LittleEndian(found) == name;
    }
}
