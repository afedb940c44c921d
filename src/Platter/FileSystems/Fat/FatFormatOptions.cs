using System.Text;

namespace Platter.FileSystems.Fat;

/// <summary>What <c>mkfs -O</c> takes for FAT, checked and turned into numbers; null is "choose it".</summary>
internal sealed record FatFormatOptions
{
    private static readonly string[] Keys =
    [
        "cluster_size", "sector_size", "fat_count", "reserved_sectors", "root_entries", "align", "media", "drive_number",
        "backup_sector", "oem_name", "hidden_sectors", "sectors_per_track", "heads",
    ];

    /// <summary>Null: what suits the length.</summary>
    public FatWidth? Width { get; init; }

    /// <summary>Bytes of a sector.</summary>
    public required int SectorSize { get; init; }

    /// <summary>Bytes of a cluster.</summary>
    public int? ClusterSize { get; init; }

    public int? FatCount { get; init; }

    /// <summary>At least so many; alignment may add some.</summary>
    public int? ReservedSectors { get; init; }

    /// <summary>At least so many; rounded up to whole sectors, and by alignment to whole clusters.</summary>
    public int? RootEntries { get; init; }

    /// <summary>Bytes: where content starts is a multiple of this; 0: FATs and root stand where they fall.</summary>
    public long? Align { get; init; }

    public byte? Media { get; init; }
    public byte? DriveNumber { get; init; }

    /// <summary>0: no backup of the boot sector.</summary>
    public int? BackupSector { get; init; }

    public string? OemName { get; init; }
    public uint? HiddenSectors { get; init; }
    public int? SectorsPerTrack { get; init; }
    public int? Heads { get; init; }

    /// <exception cref="ArgumentException">A key is unknown or a value does not fit.</exception>
    public static FatFormatOptions Read(FormatOptions options, int deviceSectorSize)
    {
        var reader = new FormatOptionReader(options, Keys);
        var sectorSize = (int)(reader.PowerOfTwo("sector_size", 512, 4096) ?? Math.Clamp(deviceSectorSize, 512, 4096));
        if (sectorSize < deviceSectorSize)
            throw new ArgumentException($"a sector_size of {sectorSize} is less than the device's own sectors of {deviceSectorSize} bytes");
        var media = (byte?)reader.Number("media", 0xF0, 0xFF);
        if (media is > 0xF0 and < 0xF8)
            throw new ArgumentException($"the option media={reader.Text("media")} needs 0xF0 (removable) or 0xF8 to 0xFF");
        var name = reader.Text("oem_name");
        if (name is not null && (name.Length > 8 || name.Any(c => c is < ' ' or > '~')))
            throw new ArgumentException($"the option oem_name={name} needs at most 8 ASCII characters");
        return new FatFormatOptions
        {
            Width = options.Type.ToLowerInvariant() switch
            {
                "fat" => null,
                "fat12" => FatWidth.Fat12,
                "fat16" => FatWidth.Fat16,
                "fat32" => FatWidth.Fat32,
                _ => throw new ArgumentException($"'{options.Type}' is not one of fat, fat12, fat16, fat32"),
            },
            SectorSize = sectorSize,
            ClusterSize = (int?)reader.PowerOfTwo("cluster_size", sectorSize, 128L * sectorSize),
            FatCount = (int?)reader.Number("fat_count", 1, 4),
            ReservedSectors = (int?)reader.Number("reserved_sectors", 1, 65535),
            RootEntries = (int?)reader.Number("root_entries", 1, 65535 / (sectorSize / FatShortSlot.Size) * (sectorSize / FatShortSlot.Size)),
            Align = reader.Text("align") is "0" or "none" ? 0 : reader.PowerOfTwo("align", sectorSize, 1 << 26),
            Media = media,
            DriveNumber = (byte?)reader.Number("drive_number", 0, 255),
            BackupSector = (int?)reader.Number("backup_sector", 0, 65534),
            OemName = name,
            HiddenSectors = (uint?)reader.Number("hidden_sectors", 0, uint.MaxValue),
            SectorsPerTrack = (int?)reader.Number("sectors_per_track", 1, 63),
            Heads = (int?)reader.Number("heads", 1, 255),
        };
    }

    /// <summary>The OEM name as stored. The specification recommends MSWIN4.1: old drivers look at it.</summary>
    public byte[] StoredOemName() => Encoding.ASCII.GetBytes((OemName ?? "MSWIN4.1").PadRight(8));
}
