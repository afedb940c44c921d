using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.FileSystems;

/// <summary>Names what a volume holds that Platter does not open: told as what it is, it is neither taken for nothing nor overwritten by mistake.</summary>
internal static class ForeignContent
{
    // Offset, magic, what it is. Each magic stands where its own documentation (or its driver's header) puts it; the strictest first.
    private static readonly (int Offset, byte[] Magic, string Name)[] Magics =
    [
        (0x10040, "_BHRfS_M"u8.ToArray(), "a btrfs filesystem"),
        (0x1018, [0xC6, 0x85, 0x73, 0xF6, 0x66, 0xCE, 0x90, 0xA9], "a bcachefs filesystem"),
        (0, [0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE], "a LUKS volume"),
        (3, "-FVE-FS-"u8.ToArray(), "a BitLocker volume"),
        (3, "ReFS\0\0\0\0"u8.ToArray(), "a ReFS filesystem"),
        (0x218, "LVM2 001"u8.ToArray(), "a physical volume of LVM"),
        (0x1000, [0xFC, 0x4E, 0x2B, 0xA9], "a part of a Linux RAID"),
        (0, [0xFC, 0x4E, 0x2B, 0xA9], "a part of a Linux RAID"),
        (0, "XFSB"u8.ToArray(), "an XFS filesystem"),
        (0x20, "NXSB"u8.ToArray(), "an APFS container"),
        (0x8000, "JFS1"u8.ToArray(), "a JFS filesystem"),
        (0x10034, "ReIsEr"u8.ToArray(), "a ReiserFS filesystem"),
        (0x400, [0x10, 0x20, 0xF5, 0xF2], "an F2FS filesystem"),
        (0x400, [0xE2, 0xE1, 0xF5, 0xE0], "an EROFS filesystem"),
        (0, "hsqs"u8.ToArray(), "a squashfs filesystem"),
        (0, "-rom1fs-"u8.ToArray(), "a romfs filesystem"),
        (0, [0x45, 0x3D, 0xCD, 0x28], "a cramfs filesystem"),
        (0, "UBI#"u8.ToArray(), "a UBI volume"),
        (0x8001, "CD001"u8.ToArray(), "an ISO 9660 filesystem"),
        (0x8001, "BEA01"u8.ToArray(), "a UDF filesystem"),
        (0x101, "ustar"u8.ToArray(), "a tar archive"),
        (0, "Rar!\x1A\x07"u8.ToArray(), "a RAR archive"),
        (0, "%PDF-"u8.ToArray(), "a PDF document"),
        (0, [0x7F, (byte)'E', (byte)'L', (byte)'F'], "a program"),
    ];

    /// <summary>What the device starts like, with its article; null when that is nothing known.</summary>
    internal static string? Find(BlockDevice device)
    {
        foreach (var (offset, magic, name) in Magics)
        {
            if (Has(device, offset, magic))
                return name;
        }
        return Apple(device);
    }

    // Inside Macintosh: Files, "Master Directory Block"; TN1150, "Volume Header". Two letters are few: what must hold beside them is asked for too.
    private static string? Apple(BlockDevice device)
    {
        const int header = 0x400;
        if (device.Length < header + 0x200)
            return null;
        Span<byte> bytes = stackalloc byte[0x30];
        device.Read(header, bytes);
        var version = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if (bytes.StartsWith("H+"u8) && version == 4)
            return "an HFS+ filesystem";
        if (bytes.StartsWith("HX"u8) && version == 5)
            return "an HFSX filesystem";
        // drAlBlkSiz: a multiple of 512; drNmAlBlks: not 0
        var isHfs = bytes.StartsWith("BD"u8) && BinaryPrimitives.ReadUInt32BigEndian(bytes[0x14..]) is > 0 and var size && size % 512 == 0
            && BinaryPrimitives.ReadUInt16BigEndian(bytes[0x12..]) > 0;
        return isHfs ? "an HFS filesystem" : null;
    }

    private static bool Has(BlockDevice device, int offset, byte[] magic)
    {
        if (device.Length < offset + magic.Length)
            return false;
        Span<byte> bytes = stackalloc byte[8];
        bytes = bytes[..magic.Length];
        device.Read(offset, bytes);
        return bytes.SequenceEqual(magic);
    }
}
