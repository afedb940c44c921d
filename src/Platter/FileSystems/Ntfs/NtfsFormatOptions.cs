using System.Globalization;

namespace Platter.FileSystems.Ntfs;

/// <summary>What <c>mkfs -t ntfs -O</c> takes, checked and turned into numbers; null is "choose it".</summary>
internal sealed record NtfsFormatOptions
{
    /// <summary>The largest label, in UTF-16 units; Windows itself makes labels of 32.</summary>
    public const int MaxLabelLength = 128;

    private static readonly string[] Keys =
    [
        "cluster_size", "sector_size", "record_size", "index_block_size", "log_size", "mft_zone", "hidden_sectors", "sectors_per_track", "heads",
        "drive_number", "boot_code", "compression", "content_indexing", "upcase_info", "fast",
    ];

    // Blocks of an index in which all names of the root have room.
    private const int LeastIndexBlock = 2048;

    /// <summary>Bytes of a sector.</summary>
    public required int SectorSize { get; init; }

    /// <summary>Bytes of a cluster.</summary>
    public int? ClusterSize { get; init; }

    /// <summary>Bytes of an MFT record.</summary>
    public required int RecordSize { get; init; }

    /// <summary>Bytes of an index block.</summary>
    public required int IndexBlockSize { get; init; }

    /// <summary>Bytes of $LogFile.</summary>
    public long? LogSize { get; init; }

    /// <summary>How much of the volume is kept for the MFT: 1 an eighth, 2 a quarter, 3 three eighths, 4 half.</summary>
    public int MftZone { get; init; } = 1;

    /// <summary>Sectors before the volume on its disk, instead of what is known of the partition.</summary>
    public uint? HiddenSectors { get; init; }

    public ushort SectorsPerTrack { get; init; } = 63;
    public ushort Heads { get; init; } = 255;
    public byte DriveNumber { get; init; } = 0x80;

    /// <summary>Whether the boot sector has a program, which says that there is no system.</summary>
    public bool HasBootCode { get; init; } = true;

    /// <summary>Whether new files and directories are to be compressed: the attribute of the root.</summary>
    public bool IsCompressed { get; init; }

    /// <summary>Whether Windows' search may read the files.</summary>
    public bool IsContentIndexed { get; init; } = true;

    /// <summary>Whether $UpCase has the stream $Info, as since Windows 8.</summary>
    public bool HasUpcaseInformation { get; init; } = true;

    /// <summary>False: all clusters are filled with zeros.</summary>
    public bool IsFast { get; init; } = true;

    public string Label { get; init; } = "";
    public required ulong Serial { get; init; }

    /// <summary>The time of everything.</summary>
    public required Timestamp Time { get; init; }

    /// <exception cref="ArgumentException">A key is unknown or a value does not fit.</exception>
    public static NtfsFormatOptions Read(FormatOptions options, int deviceSectorSize)
    {
        if (!options.Type.Equals("ntfs", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"'{options.Type}' is not ntfs");
        var reader = new FormatOptionReader(options, Keys);
        var sectorSize = (int)(reader.PowerOfTwo("sector_size", 512, NtfsGeometry.MaxSectorSize) ?? Math.Clamp(deviceSectorSize, 512, NtfsGeometry.MaxSectorSize));
        if (sectorSize < deviceSectorSize)
            throw new ArgumentException($"a sector_size of {sectorSize} is less than the device's own sectors of {deviceSectorSize} bytes");
        var clusterSize = (int?)reader.PowerOfTwo("cluster_size", sectorSize, NtfsGeometry.MaxClusterSize);
        var isCompressed = Switch(reader, "compression", false);
        if (isCompressed && clusterSize > NtfsGeometry.MaxCompressedClusterSize)
            throw new ArgumentException($"compression=on needs clusters of at most {NtfsGeometry.MaxCompressedClusterSize} bytes, {clusterSize} were asked for");
        return new NtfsFormatOptions
        {
            SectorSize = sectorSize,
            ClusterSize = clusterSize,
            RecordSize = (int)(reader.PowerOfTwo("record_size", Math.Max(1024, sectorSize), NtfsGeometry.MaxRecordSize) ?? Math.Max(1024, sectorSize)),
            IndexBlockSize = (int)(reader.PowerOfTwo("index_block_size", Math.Max(LeastIndexBlock, sectorSize), NtfsGeometry.MaxIndexBlockSize) ?? 4096),
            LogSize = reader.Size("log_size", NtfsFormatPlan.LeastLogSize, 4L << 30),
            MftZone = (int)(reader.Number("mft_zone", 1, 4) ?? 1),
            HiddenSectors = (uint?)reader.Number("hidden_sectors", 0, uint.MaxValue),
            SectorsPerTrack = (ushort)(reader.Number("sectors_per_track", 0, ushort.MaxValue) ?? 63),
            Heads = (ushort)(reader.Number("heads", 0, ushort.MaxValue) ?? 255),
            DriveNumber = (byte)(reader.Number("drive_number", 0, 255) ?? 0x80),
            HasBootCode = Switch(reader, "boot_code", true),
            IsCompressed = isCompressed,
            IsContentIndexed = Switch(reader, "content_indexing", true),
            HasUpcaseInformation = Switch(reader, "upcase_info", true),
            IsFast = Switch(reader, "fast", true),
            Label = ReadLabel(options.Label ?? ""),
            Serial = options.Id is { } id ? ReadSerial(id) : SerialOf(options),
            Time = Timestamp.From(options.Clock.GetUtcNow()),
        };
    }

    private static bool Switch(FormatOptionReader reader, string key, bool otherwise) => reader.Text(key) switch
    {
        null => otherwise,
        "on" or "true" or "1" => true,
        "off" or "false" or "0" => false,
        var text => throw new ArgumentException($"the option {key}={text} needs on or off"),
    };

    private static string ReadLabel(string label)
    {
        if (label.Length > MaxLabelLength)
            throw new ArgumentException($"the label '{label}' has {label.Length} UTF-16 units, at most {MaxLabelLength} are possible");
        return label.Contains('\0') ? throw new ArgumentException("the label has a character 0") : label;
    }

    private static ulong ReadSerial(string id) =>
        id.Length == 16 && ulong.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var serial)
            ? serial
            : throw new ArgumentException($"the id '{id}' is no serial number of NTFS: sixteen hex digits, 1A2B3C4D5E6F7081; Windows shows the last eight");

    // Of the time and where the volume is: the factor spreads neighbouring times over all 64 bits.
    private static ulong SerialOf(FormatOptions options)
    {
        var time = NtfsTimes.Encode(Timestamp.From(options.Clock.GetUtcNow()));
        var serial = (time + (ulong)options.PartitionOffset) * 0x9E3779B97F4A7C15;
        return serial ^ serial >> 32;
    }
}
