using System.Buffers.Binary;
using System.Numerics;
using Platter.Partitions.OnDisk;
using Platter.Primitives;

namespace Platter.Partitions;

/// <summary>What the first 512 bytes of a disk are.</summary>
internal enum BootSectorKind
{
    /// <summary>No boot signature, or one over bytes that cannot be a table.</summary>
    Other,

    /// <summary>The boot sector of a FAT, exFAT, NTFS or ReFS volume that fills the disk.</summary>
    FileSystem,

    /// <summary>A boot signature and four unused entries: a table without partitions, unless something else is found.</summary>
    EmptyMbr,

    /// <summary>A table with at least one partition.</summary>
    Mbr,

    /// <summary>A table with an entry of type 0xEE: a GPT follows.</summary>
    ProtectiveMbr,
}

/// <summary>Tells an MBR from the boot sector of a volume: both end in 55 AA, and where one has partition entries the other has code, text or zeros.</summary>
/// <remarks>Some disks are both: USB sticks carry a BIOS parameter block in front of a real table. So a boot sector of a file system counts as an
/// MBR only when its entries are perfect: all within the device, none overlapping. Without a file system's marks a table may be damaged
/// and still be seen, but one entry at least must be sensible.</remarks>
internal static class BootSector
{
    public static BootSectorKind Classify(ReadOnlySpan<byte> sector, long deviceSectors)
    {
        ref readonly var mbr = ref Primitives.OnDisk.View<MbrSector>(sector);
        if (mbr.Signature != MbrSector.ValidSignature)
            return BootSectorKind.Other;

        int used = 0, sensible = 0, withinDevice = 0, wrongStatus = 0;
        var isProtective = false;
        for (var i = 0; i < 4; i++)
        {
            ref readonly var entry = ref mbr.Entries[i];
            if (IsZero(sector.Slice(MbrSector.EntriesOffset + (i * MbrEntry.Size), MbrEntry.Size)))
                continue;
            used++;
            if ((entry.Status & 0x7F) != 0)
                wrongStatus++;
            else if (entry.Type != 0 && entry.StartSector != 0 && entry.SectorCount != 0)
            {
                sensible++;
                isProtective |= entry.Type == MbrEntry.Protective;
                if (entry.EndSector <= deviceSectors)
                    withinDevice++;
            }
        }

        if (IsFileSystem(sector) && (used == 0 || withinDevice != used || AnyOverlap(mbr.Entries)))
            return BootSectorKind.FileSystem;
        if (used == 0)
            return BootSectorKind.EmptyMbr;
        if (sensible == 0 || (wrongStatus > 0 && withinDevice == 0))
            return BootSectorKind.Other;
        return isProtective ? BootSectorKind.ProtectiveMbr : BootSectorKind.Mbr;
    }

    private static bool AnyOverlap(in MbrEntries entries)
    {
        for (var i = 0; i < 4; i++)
        {
            for (var j = i + 1; j < 4; j++)
            {
                if (entries[i].SectorCount != 0 && entries[j].SectorCount != 0
                    && entries[i].StartSector < entries[j].EndSector && entries[j].StartSector < entries[i].EndSector)
                    return true;
            }
        }
        return false;
    }

    private static bool IsFileSystem(ReadOnlySpan<byte> sector)
    {
        var oemName = sector.Slice(3, 8);
        if (oemName.SequenceEqual("NTFS    "u8) || oemName.SequenceEqual("EXFAT   "u8) || oemName.SequenceEqual("-FVE-FS-"u8) || oemName.SequenceEqual("ReFS\0\0\0\0"u8))
            return true;

        // The BIOS parameter block of FAT, by the rules that the Linux and the Windows driver agree on (fatgen103, "Boot Sector and BPB").
        var bytesPerSector = BinaryPrimitives.ReadUInt16LittleEndian(sector[0x0B..]);
        var sectorsPerCluster = sector[0x0D];
        var reservedSectors = BinaryPrimitives.ReadUInt16LittleEndian(sector[0x0E..]);
        var fats = sector[0x10];
        var media = sector[0x15];
        var sectors16 = BinaryPrimitives.ReadUInt16LittleEndian(sector[0x13..]);
        var sectors32 = BinaryPrimitives.ReadUInt32LittleEndian(sector[0x20..]);
        return bytesPerSector is >= 512 and <= 4096 && BitOperations.IsPow2(bytesPerSector)
            && sectorsPerCluster != 0 && BitOperations.IsPow2(sectorsPerCluster)
            && reservedSectors != 0 && fats is >= 1 and <= 4 && media is 0xF0 or >= 0xF8 && (sectors16 != 0 || sectors32 != 0);
    }

    private static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0);
}
