namespace Platter.FileSystems.Fat;

/// <summary>The numbers of a volume to be made: everything that the boot sector says and the length decides.</summary>
/// <remarks>
/// <para>Chosen as mkfs.fat 4.2 chooses them, and by the same table as Windows: FAT32 from 512 MiB on with clusters of 4 KiB, doubled above
/// 8, 16 and 32 GiB; below, clusters from 2 KiB on, doubled until the count fits FAT12 or FAT16. Where volumes have more than
/// 8,192 sectors, boot sectors, FATs and root are whole clusters each, so that clusters lie on multiples of their size.</para>
/// <para>Different from mkfs.fat on purpose (docs/filesystems/fat.md): the last track is not cut off; cluster sizes go by bytes with
/// large sectors too; FAT32 with fewer than 65,525 clusters is refused; the floppies of 160K to 640K get their own format.</para>
/// </remarks>
internal sealed record FatFormatLayout
{
    // The specification draws the line at 4085 and 65525; a driver that is off by one or two must not see another width.
    private const long MostClusters12 = 4084, LeastClusters16 = 4087, MostClusters16 = 65524, LeastClusters32 = 65525, MostClusters32 = 0x0FFFFFF4;

    // Volumes up to this are not aligned: they'd lose too much of what they have.
    private const long SmallSectors = 8192;

    private const long Mega = 1 << 20, Giga = 1 << 30;

    public required FatWidth Width { get; init; }
    public required int SectorSize { get; init; }
    public required int SectorsPerCluster { get; init; }
    public required int ReservedSectors { get; init; }
    public required int FatCount { get; init; }
    public required long FatSectors { get; init; }

    /// <summary>0 on FAT32.</summary>
    public required int RootEntries { get; init; }

    public required long TotalSectors { get; init; }
    public required byte Media { get; init; }
    public required int SectorsPerTrack { get; init; }
    public required int Heads { get; init; }
    public required byte DriveNumber { get; init; }

    /// <summary>0: none.</summary>
    public required int BackupSector { get; init; }

    public int ClusterSize => SectorSize * SectorsPerCluster;
    public long RootSectors => DivideUp((long)RootEntries * FatShortSlot.Size, SectorSize);
    public long DataSector => ReservedSectors + FatCount * FatSectors + RootSectors;
    public long ClusterCount => Math.Max((TotalSectors - DataSector) / SectorsPerCluster, 0);

    /// <summary>Lays out a volume that fills a length.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="options">What is already decided.</param>
    /// <exception cref="ArgumentException">Nothing fits; the message says which cluster counts or sizes would.</exception>
    public static FatFormatLayout Choose(long length, FatFormatOptions options) =>
        TryChoose(length, options, out var reason) ?? throw new ArgumentException(reason);

    /// <summary>As <see cref="Choose"/>; null, and why, when nothing fits.</summary>
    public static FatFormatLayout? TryChoose(long length, FatFormatOptions options, out string reason)
    {
        reason = "";

        // The count of sectors has 32 bits, so of 2 TiB one sector stays unused.
        var total = length / options.SectorSize;
        if (total == 1L << 32)
            total--;
        if (total > uint.MaxValue)
        {
            reason = $"{length} bytes are too many for FAT: {uint.MaxValue} sectors of {options.SectorSize} bytes at most{(options.SectorSize < 4096 ? " (sector_size=4096 takes 16 TiB)" : "")}";
            return null;
        }

        var floppy = Floppies.FirstOrDefault(f => f.Sectors == total);
        if (floppy is not null && options is { SectorSize: 512, Width: null or FatWidth.Fat12, ClusterSize: null })
            return Lay(FatWidth.Fat12, total, floppy.SectorsPerCluster, options, floppy);

        var width = options.Width ?? (length >= 512 * Mega && options.ClusterSize is null ? FatWidth.Fat32 : null);
        var start = (options.ClusterSize ?? StartClusterSize(width, length)) / options.SectorSize;
        FatWidth[] widths = width is { } one ? [one]
            : options.ClusterSize is null ? [FatWidth.Fat12, FatWidth.Fat16]
            : length >= 512 * Mega ? [FatWidth.Fat32, FatWidth.Fat16, FatWidth.Fat12]
            : [FatWidth.Fat12, FatWidth.Fat16, FatWidth.Fat32];
        foreach (var perCluster in options.ClusterSize is null ? Candidates(Math.Max(start, 1)) : [start])
        {
            foreach (var candidate in widths)
            {
                if (TryLay(candidate, total, perCluster, options) is { } layout)
                    return layout;
            }
        }
        reason = Reason(length, total, Math.Max(start, 1), widths, options);
        return null;
    }

    private static int StartClusterSize(FatWidth? width, long length) => width != FatWidth.Fat32 ? 2048 : length switch
    {
        <= 260 * Mega => 512,
        <= 8 * Giga => 4096,
        <= 16 * Giga => 8192,
        <= 32 * Giga => 16384,
        _ => 32768,
    };

    // Larger clusters first: smaller ones are for a width that is asked for on a volume small for it.
    private static IEnumerable<int> Candidates(int start)
    {
        for (var perCluster = start; perCluster <= 128; perCluster *= 2)
            yield return perCluster;
        for (var perCluster = start / 2; perCluster >= 1; perCluster /= 2)
            yield return perCluster;
    }

    private static FatFormatLayout? TryLay(FatWidth width, long total, int perCluster, FatFormatOptions options)
    {
        var layout = Lay(width, total, perCluster, options, null);
        var (least, most) = Limits(width);
        return layout.ReservedSectors <= ushort.MaxValue && (width == FatWidth.Fat32 || layout.FatSectors <= ushort.MaxValue) && layout.RootEntries <= ushort.MaxValue
            && layout.ClusterCount >= least && layout.ClusterCount <= most ? layout : null;
    }

    private static (long Least, long Most) Limits(FatWidth width) => width switch
    {
        FatWidth.Fat12 => (1, MostClusters12),
        FatWidth.Fat16 => (LeastClusters16, MostClusters16),
        _ => (LeastClusters32, MostClusters32),
    };

    private static FatFormatLayout Lay(FatWidth width, long total, int perCluster, FatFormatOptions options, Floppy? floppy)
    {
        var sectorSize = options.SectorSize;
        var align = options.Align ?? (floppy is null && total > SmallSectors ? (long)perCluster * sectorSize : 0);
        var unit = align > 0 ? perCluster : 1;
        var isFat32 = width == FatWidth.Fat32;
        var fats = options.FatCount ?? 2;
        var reserved = RoundUp(options.ReservedSectors ?? (isFat32 ? 32 : 1), unit);
        if (isFat32)
            reserved = Math.Max(reserved, 2);
        var rootEntries = isFat32 ? 0L : options.RootEntries ?? floppy?.RootEntries ?? 512;
        var rootSectors = RoundUp(DivideUp(rootEntries * FatShortSlot.Size, sectorSize), unit);
        rootEntries = rootSectors * (sectorSize / FatShortSlot.Size);

        // How many clusters there would be if each brought its own bits of FAT along; then whole sectors (and units) for them.
        // Rounding makes the FAT a little too large at times, never too small.
        var dataBytes = Math.Max(total - reserved - rootSectors, 0) * sectorSize;
        var bits = (int)width;
        var clusters = (dataBytes * 8 + fats * 2L * bits) / ((long)perCluster * sectorSize * 8 + (long)fats * bits);
        var fatSectors = Math.Max(RoundUp(DivideUp(DivideUp((clusters + 2) * bits, 8), sectorSize), unit), 1);

        if (align > 0)
        {
            var data = reserved + fats * fatSectors + rootSectors;
            reserved += RoundUp(data, Math.Max(align / sectorSize, 1)) - data;
        }
        var media = options.Media ?? floppy?.Media ?? 0xF8;
        var (perTrack, heads) = floppy is null ? DiskGeometry(total) : (floppy.SectorsPerTrack, floppy.Heads);
        return new FatFormatLayout
        {
            Width = width,
            SectorSize = sectorSize,
            SectorsPerCluster = perCluster,
            ReservedSectors = (int)reserved,
            FatCount = fats,
            FatSectors = fatSectors,
            RootEntries = (int)rootEntries,
            TotalSectors = total,
            Media = media,
            SectorsPerTrack = options.SectorsPerTrack ?? perTrack,
            Heads = options.Heads ?? heads,
            DriveNumber = options.DriveNumber ?? (media == 0xF8 ? (byte)0x80 : (byte)0),
            BackupSector = isFat32 ? Backup(options, reserved) : 0,
        };
    }

    // The backup is two sectors, boot and information; Windows looks for it at 6 when the first is unreadable.
    private static int Backup(FatFormatOptions options, long reserved)
    {
        if (options.BackupSector is not { } asked)
            return reserved >= 8 ? 6 : 0;
        if (asked != 0 && (asked < 2 || asked + 2 > reserved))
            throw new ArgumentException($"backup_sector={asked} does not fit: the backup takes two of the {reserved} reserved sectors, behind the first two (or 0 for none)");
        return asked;
    }

    private static string Reason(long length, long total, int start, FatWidth[] widths, FatFormatOptions options)
    {
        if (widths is [var width])
        {
            var (least, most) = Limits(width);
            var sizes = options.ClusterSize is { } fixedSize ? $"clusters of {fixedSize} bytes" : $"clusters of {options.SectorSize} to {128 * options.SectorSize} bytes";
            var count = Lay(width, total, options.ClusterSize is null && total / start < least ? 1 : options.ClusterSize is null ? 128 : start, options, null).ClusterCount;
            return $"{length} bytes don't make a {width.ToString().ToLowerInvariant()} volume with {sizes}: there would be {count} of them, {least} to {most} are possible";
        }
        var small = Lay(FatWidth.Fat12, total, start, options, null);
        return small.ClusterCount == 0
            ? $"{length} bytes are too few for FAT: boot sectors, FATs and root directory alone take {small.DataSector * small.SectorSize}"
            : $"{length} bytes with clusters of {small.ClusterSize} bytes fit no FAT: there would be {small.ClusterCount} clusters; FAT12 has up to {MostClusters12}, FAT16 {LeastClusters16} to {MostClusters16}, FAT32 {LeastClusters32} or more";
    }

    // What a BIOS makes of a disk of this size ("LBA assist"; below 256 MiB the SD Association's table). For INT 13h only.
    private static (int SectorsPerTrack, int Heads) DiskGeometry(long sectors) => sectors switch
    {
        <= 2 * 2048 => (16, 2),
        <= 16 * 2048 => (32, 2),
        <= 32 * 2048 => (32, 4),
        <= 128 * 2048 => (32, 8),
        <= 256 * 2048 => (32, 16),
        <= 16 * 63 * 1024 => (63, 16),
        <= 32 * 63 * 1024 => (63, 32),
        <= 64 * 63 * 1024 => (63, 64),
        <= 128 * 63 * 1024 => (63, 128),
        _ => (63, 255),
    };

    private static long RoundUp(long value, long unit) => DivideUp(value, unit) * unit;

    private static long DivideUp(long value, long unit) => (value + unit - 1) / unit;

    // The floppies of the PC, ECMA-107 and the DOS manuals; sectors of 512 bytes.
    private sealed record Floppy(int Sectors, int SectorsPerTrack, int Heads, byte Media, int SectorsPerCluster, int RootEntries);

    private static readonly Floppy[] Floppies =
    [
        new(320, 8, 1, 0xFE, 1, 64),     // 160K
        new(360, 9, 1, 0xFC, 1, 64),     // 180K
        new(640, 8, 2, 0xFF, 2, 112),    // 320K
        new(720, 9, 2, 0xFD, 2, 112),    // 360K
        new(1280, 8, 2, 0xFB, 2, 112),   // 640K
        new(1440, 9, 2, 0xF9, 2, 112),   // 720K
        new(2400, 15, 2, 0xF9, 1, 224),  // 1.2M
        new(2880, 18, 2, 0xF0, 1, 224),  // 1.44M
        new(5760, 36, 2, 0xF0, 2, 240),  // 2.88M
    ];
}
