using System.Numerics;
using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>Writes an empty exFAT volume.</summary>
/// <remarks>Only the boot regions, the head of the FAT, the set bits of the bitmap, the up-case table and the root's first entries are written; the
/// rest of FAT, bitmap and root is zeroed through <see cref="BlockDevice.WriteZeros"/>, which costs nothing on a sparse image, and the other
/// clusters are discarded.</remarks>
internal static class ExFatFormatter
{
    // Media type "fixed disk", the only one that exFAT knows (section 4.1).
    private const uint FatMedia = 0xFFFFFFF8, FatReserved = 0xFFFFFFFF, EndOfChain = 0xFFFFFFFF;

    private const ushort Revision = 0x0100;

    // Offset of the boot code: where the jump EB 76 90 leads.
    private const int BootCodeOffset = 0x78;

    // Entries of the FAT that are written at once.
    private const int FatPiece = 1 << 16;

    /// <summary>Formats the whole of a device; does not flush.</summary>
    /// <exception cref="ArgumentException">An option is unknown, a value does not fit, or no volume fits the device.</exception>
    public static void Format(BlockDevice device, FormatOptions options)
    {
        var own = ExFatFormatOptions.Read(options, device.SectorSize);
        var partitionSector = PartitionSector(own, options.PartitionOffset);
        var layout = ExFatFormatLayout.Choose(device.Length, own, partitionSector * own.SectorSize);
        var serial = VolumeSerial.For(options);
        var label = ExFatNameRules.EncodeLabel(options.Label);

        // Everything that can be refused has been; from here on the old content goes.
        var used = layout.HeapOffset + layout.UsedClusters * layout.ClusterSize;
        device.WriteZeros(0, used);
        device.Discard(used, device.Length - used);
        WriteFat(device, layout);
        WriteBitmap(device, layout);
        device.Write(ClusterOffset(layout, layout.UpcaseCluster), ExFatUpcase.StandardOnDisk());
        device.Write(ClusterOffset(layout, layout.RootCluster), RootEntries(layout, label));
        var region = BootRegion(layout, (ulong)partitionSector, serial, own.DriveNumber ?? 0x80);
        device.Write(0, region);
        device.Write(region.Length, region);
    }

    private static long PartitionSector(ExFatFormatOptions own, long partitionOffset)
    {
        if (partitionOffset < 0 || partitionOffset % own.SectorSize != 0)
            throw new ArgumentException($"the partition starts at byte {partitionOffset}, expected a multiple of the sectors' {own.SectorSize} bytes");
        return own.PartitionSector ?? partitionOffset / own.SectorSize;
    }

    private static byte[] BootRegion(ExFatFormatLayout layout, ulong partitionSector, uint serial, byte drive)
    {
        var region = new byte[ExFatGeometry.BootRegionSectors * layout.SectorSize];
        ref var boot = ref OnDisk.Edit<ExFatBootSector>(region);
        BootCode.Write(region.AsSpan(0, 512), BootCodeOffset);
        ExFatBootRegion.NameValue.CopyTo(boot.FileSystemName);
        boot.PartitionOffset = partitionSector;
        boot.VolumeLength = (ulong)layout.TotalSectors;
        boot.FatOffset = (uint)layout.FatSector;
        boot.FatLength = (uint)layout.FatSectors;
        boot.ClusterHeapOffset = (uint)layout.HeapSector;
        boot.ClusterCount = (uint)layout.ClusterCount;
        boot.RootCluster = layout.RootCluster;
        boot.SerialNumber = serial;
        boot.Revision = Revision;
        boot.BytesPerSectorShift = (byte)BitOperations.Log2((uint)layout.SectorSize);
        boot.SectorsPerClusterShift = (byte)BitOperations.Log2((uint)(layout.ClusterSize / layout.SectorSize));
        boot.NumberOfFats = 1;
        boot.DriveSelect = drive;
        boot.PercentInUse = (byte)(layout.UsedClusters * 100 / layout.ClusterCount);
        for (var sector = 1; sector <= 8; sector++)
            OnDisk.Edit<U32Le>(region, (sector + 1) * layout.SectorSize - 4) = ExFatBootSector.ExtendedSignatureValue;
        ExFatBootRegion.Seal(region);
        return region;
    }

    // Three chains one after another. A bitmap of a large volume with small clusters has a long one.
    private static void WriteFat(BlockDevice device, ExFatFormatLayout layout)
    {
        var count = layout.UsedClusters + ExFatGeometry.FirstCluster;
        var offset = layout.FatSector * layout.SectorSize;
        for (var first = 0L; first < count; first += FatPiece)
        {
            var piece = new U32Le[Math.Min(FatPiece, count - first)];
            for (var i = 0; i < piece.Length; i++)
                piece[i] = FatEntry(layout, (uint)(first + i));
            device.Write(offset + 4 * first, MemoryMarshal.AsBytes<U32Le>(piece));
        }
    }

    private static uint FatEntry(ExFatFormatLayout layout, uint cluster) => cluster switch
    {
        0 => FatMedia,
        1 => FatReserved,
        _ when cluster + 1 == layout.UpcaseCluster || cluster + 1 == layout.RootCluster || cluster == layout.RootCluster => EndOfChain,
        _ => cluster + 1,
    };

    private static void WriteBitmap(BlockDevice device, ExFatFormatLayout layout)
    {
        var bits = new Bitmap(layout.UsedClusters);
        bits.Fill(0, layout.UsedClusters, true);
        var bytes = new byte[(layout.UsedClusters + 7) / 8];
        bits.Save(0, bytes);
        device.Write(ClusterOffset(layout, layout.BitmapCluster), bytes);
    }

    // Label (empty when there is none), bitmap, up-case table: the order of mkfs.exfat and Windows.
    private static byte[] RootEntries(ExFatFormatLayout layout, byte[] label)
    {
        var entries = new byte[3 * ExFatEntryType.Size];
        label.CopyTo(entries, 0);
        ref var bitmap = ref OnDisk.Edit<ExFatBitmapEntry>(entries, ExFatEntryType.Size);
        bitmap.Type = ExFatEntryType.Bitmap;
        bitmap.FirstCluster = layout.BitmapCluster;
        bitmap.DataLength = (ulong)layout.BitmapLength;
        ref var upcase = ref OnDisk.Edit<ExFatUpcaseEntry>(entries, 2 * ExFatEntryType.Size);
        upcase.Type = ExFatEntryType.Upcase;
        upcase.TableChecksum = ExFatStandardUpcase.Checksum;
        upcase.FirstCluster = layout.UpcaseCluster;
        upcase.DataLength = ExFatStandardUpcase.CompressedLength;
        return entries;
    }

    private static long ClusterOffset(ExFatFormatLayout layout, uint cluster) =>
        layout.HeapOffset + (long)(cluster - ExFatGeometry.FirstCluster) * layout.ClusterSize;
}
