using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>Writes an empty FAT volume.</summary>
/// <remarks>Only the boot sectors, the head of each FAT and the label entry are written; the rest of the FATs and the root are zeroed
/// through <see cref="BlockDevice.WriteZeros"/>, which costs nothing on a sparse image, and the data area is discarded.</remarks>
internal static class FatFormatter
{
    private const int InfoSector = 1;
    private const uint RootCluster = FatGeometry.FirstCluster;

    /// <summary>Formats the whole of a device; does not flush.</summary>
    /// <exception cref="ArgumentException">An option is unknown, a value does not fit, or no FAT fits the device.</exception>
    public static void Format(BlockDevice device, FormatOptions options)
    {
        var own = FatFormatOptions.Read(options, device.SectorSize);
        var layout = FatFormatLayout.Choose(device.Length, own);
        var hidden = HiddenSectors(own, options.PartitionOffset);
        var now = options.Clock.GetUtcNow();
        var serial = VolumeSerial.For(options);
        var label = EncodeLabel(options);

        // Everything that can be refused has been; from here on the old content goes.
        var dataOffset = layout.DataSector * layout.SectorSize;
        var rootLength = layout.Width == FatWidth.Fat32 ? layout.ClusterSize : 0;
        device.WriteZeros(0, dataOffset + rootLength);
        device.Discard(dataOffset + rootLength, device.Length - dataOffset - rootLength);

        var boot = BootSector(layout, own, hidden, serial, label);
        device.Write(0, boot);
        if (layout.Width == FatWidth.Fat32)
        {
            var info = InformationSector(layout);
            device.Write((long)InfoSector * layout.SectorSize, info);
            if (layout.BackupSector != 0)
            {
                device.Write((long)layout.BackupSector * layout.SectorSize, boot);
                device.Write((long)(layout.BackupSector + InfoSector) * layout.SectorSize, info);
            }
        }
        for (var fat = 0; fat < layout.FatCount; fat++)
            device.Write((layout.ReservedSectors + fat * layout.FatSectors) * layout.SectorSize, FatHead(layout));
        if (label is not null)
            device.Write(layout.Width == FatWidth.Fat32 ? dataOffset : (layout.DataSector - layout.RootSectors) * layout.SectorSize, LabelSlot(label, options, now));
    }

    // The partition's start on its disk. Beyond 32 bits only GPT can reach, and nothing there reads it.
    private static uint HiddenSectors(FatFormatOptions own, long partitionOffset)
    {
        if (partitionOffset < 0 || partitionOffset % own.SectorSize != 0)
            throw new ArgumentException($"the partition starts at byte {partitionOffset}, expected a multiple of the sectors' {own.SectorSize} bytes");
        var sectors = partitionOffset / own.SectorSize;
        return own.HiddenSectors ?? (sectors <= uint.MaxValue ? (uint)sectors : 0);
    }

    // "NO NAME" is how the boot sector says that there is none, so it can't be one.
    private static byte[]? EncodeLabel(FormatOptions options) =>
        string.IsNullOrEmpty(options.Label) || options.Label.TrimEnd(' ').Equals("NO NAME", StringComparison.OrdinalIgnoreCase)
            ? null
            : FatShortNames.EncodeLabel(options.Label, CodePage.Get(options.Volume.OemCodePage));

    private static byte[] BootSector(FatFormatLayout layout, FatFormatOptions own, uint hidden, uint serial, byte[]? label)
    {
        var sector = new byte[512];
        ref var bpb = ref OnDisk.Edit<FatBiosParameterBlock>(sector);
        own.StoredOemName().CopyTo((Span<byte>)bpb.OemName);
        bpb.BytesPerSector = (ushort)layout.SectorSize;
        bpb.SectorsPerCluster = (byte)layout.SectorsPerCluster;
        bpb.ReservedSectors = (ushort)layout.ReservedSectors;
        bpb.FatCount = (byte)layout.FatCount;
        bpb.RootEntries = (ushort)layout.RootEntries;
        bpb.Media = layout.Media;
        bpb.SectorsPerTrack = (ushort)layout.SectorsPerTrack;
        bpb.Heads = (ushort)layout.Heads;
        bpb.HiddenSectors = hidden;

        // The 16-bit count is for FAT12 and FAT16 only, where it suffices.
        if (layout.Width != FatWidth.Fat32 && layout.TotalSectors <= ushort.MaxValue)
            bpb.TotalSectors16 = (ushort)layout.TotalSectors;
        else
            bpb.TotalSectors32 = (uint)layout.TotalSectors;

        var extendedOffset = 0x24;
        if (layout.Width == FatWidth.Fat32)
        {
            ref var fat32 = ref OnDisk.Edit<Fat32BootRecord>(sector, 0x24);
            fat32.FatSectors = (uint)layout.FatSectors;
            fat32.RootCluster = RootCluster;
            fat32.InfoSector = InfoSector;
            fat32.BackupBootSector = (ushort)layout.BackupSector;
            extendedOffset = 0x40;
        }
        else
        {
            bpb.FatSectors16 = (ushort)layout.FatSectors;
        }
        ref var extended = ref OnDisk.Edit<FatExtendedBootRecord>(sector, extendedOffset);
        extended.DriveNumber = layout.DriveNumber;
        extended.Signature = 0x29;
        extended.SerialNumber = serial;
        (label ?? "NO NAME    "u8).CopyTo((Span<byte>)extended.Label);
        (layout.Width switch { FatWidth.Fat12 => "FAT12   "u8, FatWidth.Fat16 => "FAT16   "u8, _ => "FAT32   "u8 }).CopyTo((Span<byte>)extended.TypeText);
        BootCode.Write(sector, extendedOffset + OnDisk.Bytes(in extended).Length);
        return sector;
    }

    private static byte[] InformationSector(FatFormatLayout layout)
    {
        var sector = new byte[512];
        ref var info = ref OnDisk.Edit<FatInfoSector>(sector);
        info.Lead = FatInfoSector.LeadValue;
        info.Structure = FatInfoSector.StructureValue;
        info.Trail = FatInfoSector.TrailValue;
        info.FreeClusters = (uint)(layout.ClusterCount - 1);
        info.NextFree = RootCluster + 1;
        return sector;
    }

    // Entry 0 repeats the media byte; entry 1 is an end mark with the bits "clean" and "no errors" set; FAT32's root is a chain of one.
    private static byte[] FatHead(FatFormatLayout layout)
    {
        switch (layout.Width)
        {
            case FatWidth.Fat12:
                return [layout.Media, 0xFF, 0xFF];
            case FatWidth.Fat16:
                return [layout.Media, 0xFF, 0xFF, 0xFF];
            default:
                var head = new byte[12];
                BinaryPrimitives.WriteUInt32LittleEndian(head, 0x0FFFFF00u | layout.Media);
                BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(4), FatTable.EndOfChain);
                BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(8), FatTable.EndOfChain);
                return head;
        }
    }

    private static byte[] LabelSlot(byte[] label, FormatOptions options, DateTimeOffset now)
    {
        var bytes = new byte[FatShortSlot.Size];
        ref var slot = ref OnDisk.Edit<FatShortSlot>(bytes);
        label.CopyTo((Span<byte>)slot.Name);
        slot.Attributes = (byte)DosAttributes.VolumeLabel;
        var (date, time, tenMs) = DosTimes.Encode(Timestamp.From(now), options.Volume.UtcOffset);
        slot.CreatedDate = slot.ModifiedDate = slot.AccessedDate = date;
        slot.CreatedTime = slot.ModifiedTime = time;
        slot.CreatedTenMs = tenMs;
        return bytes;
    }
}
