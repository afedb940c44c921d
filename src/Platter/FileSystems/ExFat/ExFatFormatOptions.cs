namespace Platter.FileSystems.ExFat;

/// <summary>What <c>mkfs -t exfat -O</c> takes, checked and turned into numbers; null is "choose it".</summary>
internal sealed record ExFatFormatOptions
{
    private static readonly string[] Keys = ["cluster_size", "sector_size", "align", "drive_number", "partition_offset"];

    /// <summary>Bytes of a sector.</summary>
    public required int SectorSize { get; init; }

    /// <summary>Bytes of a cluster.</summary>
    public int? ClusterSize { get; init; }

    /// <summary>Bytes: FAT and cluster heap start at multiples of this on the disk.</summary>
    public long? Align { get; init; }

    public byte? DriveNumber { get; init; }

    /// <summary>Sectors before the volume on its disk, instead of what is known of the partition.</summary>
    public long? PartitionSector { get; init; }

    /// <exception cref="ArgumentException">A key is unknown or a value does not fit.</exception>
    public static ExFatFormatOptions Read(FormatOptions options, int deviceSectorSize)
    {
        if (!options.Type.Equals("exfat", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"'{options.Type}' is not exfat");
        var reader = new FormatOptionReader(options, Keys);
        var sectorSize = (int)(reader.PowerOfTwo("sector_size", 512, 4096) ?? Math.Clamp(deviceSectorSize, 512, 4096));
        if (sectorSize < deviceSectorSize)
            throw new ArgumentException($"a sector_size of {sectorSize} is less than the device's own sectors of {deviceSectorSize} bytes");
        return new ExFatFormatOptions
        {
            SectorSize = sectorSize,
            ClusterSize = (int?)reader.PowerOfTwo("cluster_size", sectorSize, 1 << ExFatGeometry.MaxClusterShift),
            Align = reader.Text("align") is "0" or "none" ? sectorSize : reader.PowerOfTwo("align", sectorSize, 1 << 30),
            DriveNumber = (byte?)reader.Number("drive_number", 0, 255),
            PartitionSector = reader.Number("partition_offset", 0, long.MaxValue / 4096),
        };
    }
}
