using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>Where everything lies on an exFAT volume, taken from the boot region that can be trusted.</summary>
/// <remarks>
/// <code>
///  | main boot region | backup | gap | FAT 0 | FAT 1 (TexFAT) | gap | cluster 2 | cluster 3 | ...
///  0                  sector 12      FatOffset(0)                   HeapOffset
/// </code>
/// All offsets are bytes from the start of the volume. Volumes reach to 128 PiB (2^57 bytes), so every product is a long.
/// </remarks>
internal sealed class ExFatGeometry
{
    /// <summary>The first cluster number that stands for content; 0 and 1 are not clusters.</summary>
    public const uint FirstCluster = 2;

    /// <summary>The most clusters a volume has: 2^32 - 11.</summary>
    public const uint MaxClusterCount = uint.MaxValue - 10;

    /// <summary>A directory's entries take at most 256 MiB, by the specification (section 6).</summary>
    public const long MaxDirectoryBytes = 256L << 20;

    public const int MinSectorShift = 9, MaxSectorShift = 12, MaxClusterShift = 25;

    /// <summary>Sectors in a boot region; the backup starts behind the main one.</summary>
    public const int BootRegionSectors = 12;

    private readonly List<Finding> _remarks = [];

    public required int SectorShift { get; init; }

    /// <summary>Shift from bytes to clusters: 9 to 25.</summary>
    public required int ClusterShift { get; init; }

    /// <summary>Sectors before the volume on its disk, as the boot sector says.</summary>
    public required ulong PartitionOffset { get; init; }

    public required long TotalSectors { get; init; }
    public required long FatSector { get; init; }
    public required long FatSectors { get; init; }
    public required long HeapSector { get; init; }

    /// <summary>Cluster numbers are 2 to this + 1.</summary>
    public required uint ClusterCount { get; init; }

    public required uint RootCluster { get; init; }
    public required uint SerialNumber { get; init; }

    /// <summary>High byte major, low byte minor; 0x0100.</summary>
    public required ushort Revision { get; init; }

    public required ExFatVolumeFlags Flags { get; init; }

    /// <summary>1; 2 on TexFAT.</summary>
    public required int FatCount { get; init; }

    public required byte DriveSelect { get; init; }

    /// <summary>0 to 100, or 0xFF: not known.</summary>
    public required byte PercentInUse { get; init; }

    /// <summary>Whether the main boot region could not be used, and this is the backup's word.</summary>
    public bool IsFromBackup { get; private set; }

    /// <summary>What is odd, or damaged without making the volume unusable: an unusable main boot region too. For the checker, and for
    /// editing, which is refused when one is an error.</summary>
    public IReadOnlyList<Finding> Remarks => _remarks;

    public int SectorSize => 1 << SectorShift;
    public int ClusterSize => 1 << ClusterShift;
    public int SectorsPerCluster => 1 << (ClusterShift - SectorShift);
    public long FatLength => FatSectors << SectorShift;
    public long HeapOffset => HeapSector << SectorShift;
    public uint LastCluster => ClusterCount + FirstCluster - 1;

    /// <summary>Bytes that the volume spans, as its boot sector says.</summary>
    public long Length => TotalSectors << SectorShift;

    /// <summary>Bytes of an allocation bitmap.</summary>
    public long BitmapLength => (ClusterCount + 7L) / 8;

    /// <summary>The FAT (and bitmap) that is in use: 0, or 1 when TexFAT switched to its second one.</summary>
    public int ActiveFat => FatCount == 2 && Flags.HasFlag(ExFatVolumeFlags.ActiveFat) ? 1 : 0;

    public long FatOffset(int fat) => FatSector + fat * FatSectors << SectorShift;

    public long ClusterOffset(uint cluster) => HeapOffset + ((long)(cluster - FirstCluster) << ClusterShift);

    public bool IsCluster(uint cluster) => cluster >= FirstCluster && cluster <= LastCluster;

    /// <summary>How many clusters so many bytes take.</summary>
    public long ClustersFor(ulong bytes) => (long)(bytes >> ClusterShift) + ((bytes & (uint)(ClusterSize - 1)) != 0 ? 1 : 0);

    /// <summary>Where a boot region (0: main, 1: backup) starts.</summary>
    public long BootRegionOffset(int region) => (long)region * BootRegionSectors << SectorShift;

    /// <summary>Whether a device starts like an exFAT volume: by its name, or by a whole backup behind a boot sector that is none.</summary>
    public static bool Recognise(BlockDevice device)
    {
        if (device.Length < 512)
            return false;
        Span<byte> sector = stackalloc byte[512];
        device.Read(0, sector);
        if (ExFatBootRegion.NameValue.SequenceEqual(sector.Slice(BootSectorName.Offset, ExFatBootRegion.NameValue.Length)))
            return true;

        // A boot sector that says something else is believed: a backup may be left from what the medium held before.
        return !(sector[0x1FE] == 0x55 && sector[0x1FF] == 0xAA) && ExFatBootRegion.FindBackup(device) is not null;
    }

    /// <summary>Reads the main boot region, or the backup when the main one cannot be used.</summary>
    /// <exception cref="DiskFormatException">Neither can be used: the first rule that the main one breaks.</exception>
    /// <exception cref="UnsupportedFeatureException">The volume has another major revision.</exception>
    public static ExFatGeometry Read(BlockDevice device)
    {
        var main = ExFatBootRegion.Read(device, 0);
        if (main.Geometry is { } geometry)
            return geometry;
        var broken = main.Problems[0];
        if (ExFatBootRegion.FindBackup(device)?.Geometry is not { } backup)
            throw new DiskFormatException(broken.Code, broken.Structure, broken.Offset ?? 0, broken.Message);
        backup.IsFromBackup = true;
        backup.Remark("EXF-0022", Severity.Error, "BootRegion", 0, $"the main boot region cannot be used ({broken.Structure}: {broken.Message}); its backup is whole and stands in for it");
        return backup;
    }

    internal void Remark(string code, Severity severity, string structure, long offset, string message) =>
        _remarks.Add(new Finding(code, severity, structure, offset, message));
}
