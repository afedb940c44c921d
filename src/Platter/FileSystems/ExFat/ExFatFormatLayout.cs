using System.Numerics;

namespace Platter.FileSystems.ExFat;

/// <summary>The numbers of a volume to be made: everything that the boot sector says and the length decides.</summary>
/// <remarks>
/// <para>Chosen as mkfs.exfat 1.2 and Windows choose them: clusters of 4 KiB up to 256 MiB, 32 KiB up to 32 GiB, 128 KiB above; FAT and
/// cluster heap at multiples of 1 MiB; bitmap, up-case table and root directory in the first clusters, in this order.</para>
/// <para>Different from mkfs.exfat on purpose (docs/filesystems/exfat.md): volumes below 4 MiB are aligned to 64 KiB, the FAT is not
/// rounded up to clusters larger than the alignment, and clusters grow where 2^32 of them do not suffice.</para>
/// </remarks>
internal sealed record ExFatFormatLayout
{
    private const long Kilo = 1 << 10, Mega = 1 << 20, Giga = 1 << 30;

    // The specification's least volume (section 3.1.5).
    private const long LeastLength = Mega;

    public required int SectorSize { get; init; }
    public required int ClusterSize { get; init; }
    public required long TotalSectors { get; init; }
    public required long FatSector { get; init; }
    public required long FatSectors { get; init; }
    public required long HeapSector { get; init; }

    /// <summary>Clusters; more than a volume can have when the cluster size was given.</summary>
    public required long ClusterCount { get; init; }

    public long BitmapLength => (ClusterCount + 7) / 8;
    public long BitmapClusters => DivideUp(BitmapLength, ClusterSize);
    public long UpcaseClusters => DivideUp(ExFatStandardUpcase.CompressedLength, ClusterSize);
    public uint BitmapCluster => ExFatGeometry.FirstCluster;
    public uint UpcaseCluster => BitmapCluster + (uint)BitmapClusters;
    public uint RootCluster => UpcaseCluster + (uint)UpcaseClusters;

    /// <summary>Clusters in use on the empty volume: bitmap, up-case table, one for the root.</summary>
    public long UsedClusters => BitmapClusters + UpcaseClusters + 1;

    public long HeapOffset => HeapSector * SectorSize;

    /// <exception cref="ArgumentException">No volume fits; the message says why.</exception>
    public static ExFatFormatLayout Choose(long length, ExFatFormatOptions options, long partitionOffset) =>
        TryChoose(length, options, partitionOffset, out var reason) ?? throw new ArgumentException(reason);

    /// <summary>As <see cref="Choose"/>; null with a reason when no volume fits.</summary>
    public static ExFatFormatLayout? TryChoose(long length, ExFatFormatOptions options, long partitionOffset, out string reason)
    {
        reason = "";
        if (length < LeastLength)
        {
            reason = $"{length} bytes are too few for exFAT: a volume has at least {LeastLength}";
            return null;
        }
        var layout = Lay(length, options.ClusterSize ?? DefaultClusterSize(length, options.SectorSize), options, partitionOffset);
        while (layout.ClusterCount > ExFatGeometry.MaxClusterCount && options.ClusterSize is null && layout.ClusterSize < 1 << ExFatGeometry.MaxClusterShift)
            layout = Lay(length, layout.ClusterSize * 2, options, partitionOffset);
        if (layout.ClusterCount > ExFatGeometry.MaxClusterCount)
            reason = $"{length} bytes with clusters of {layout.ClusterSize} would have {layout.ClusterCount} of them, at most {ExFatGeometry.MaxClusterCount} are possible";
        else if (layout.HeapSector > uint.MaxValue)
            reason = $"the cluster heap would start at sector {layout.HeapSector}, at most {uint.MaxValue} is possible: larger clusters or a smaller align make it fit";
        else if (layout.ClusterCount < layout.UsedClusters)
            reason = $"{length} bytes leave {Math.Max(layout.ClusterCount, 0)} clusters of {layout.ClusterSize} bytes behind the FAT, bitmap, up-case table and root take {layout.UsedClusters}: smaller clusters or a smaller align make it fit";
        else
            return layout;
        return null;
    }

    private static int DefaultClusterSize(long length, int sectorSize) =>
        (int)Math.Max(sectorSize, length <= 256 * Mega ? 4 * Kilo : length <= 32 * Giga ? 32 * Kilo : 128 * Kilo);

    private static ExFatFormatLayout Lay(long length, int clusterSize, ExFatFormatOptions options, long partitionOffset)
    {
        long sectorSize = options.SectorSize;
        var total = length / sectorSize;
        var align = options.Align ?? (length < 4 * Mega ? 64 * Kilo : Mega);

        // Places are aligned on the disk, not within the volume: flash has its blocks there.
        var fat = AlignUp(2 * ExFatGeometry.BootRegionSectors * sectorSize);
        var fatUnit = Math.Max(Math.Min(clusterSize, align), sectorSize);
        var fatLength = RoundUp(length / clusterSize * 4, fatUnit);
        var layout = Behind(fatLength);

        // The two entries that stand for no cluster: there is room for them nearly always, since the heap is shorter than the volume.
        return (layout.ClusterCount + 2) * 4 <= fatLength ? layout : Behind(fatLength + fatUnit);

        long AlignUp(long offset) => RoundUp(partitionOffset + offset, align) - partitionOffset;

        ExFatFormatLayout Behind(long fatBytes)
        {
            var heap = AlignUp(fat + fatBytes);
            return new ExFatFormatLayout
            {
                SectorSize = options.SectorSize,
                ClusterSize = clusterSize,
                TotalSectors = total,
                FatSector = fat / sectorSize,
                FatSectors = fatBytes / sectorSize,
                HeapSector = heap / sectorSize,
                ClusterCount = (total * sectorSize - heap) >> BitOperations.Log2((uint)clusterSize),
            };
        }
    }

    private static long RoundUp(long value, long unit) => DivideUp(value, unit) * unit;

    private static long DivideUp(long value, long unit) => (value + unit - 1) / unit;
}
