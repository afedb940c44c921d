using System.Numerics;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>How many bits an entry of the file allocation table has.</summary>
internal enum FatWidth
{
    Fat12 = 12,
    Fat16 = 16,
    Fat32 = 32,
}

/// <summary>Where everything lies on a FAT volume, worked out from the boot sector and checked against the device.</summary>
/// <remarks>
/// <code>
///  | reserved: boot, info, backup | FAT 0 | FAT 1 | root (FAT12/16) | cluster 2 | cluster 3 | ...
///  0                              FatOffset(0)    RootOffset        DataOffset
/// </code>
/// All offsets are bytes from the start of the volume.
/// </remarks>
internal sealed class FatGeometry
{
    /// <summary>The first cluster number that stands for content; 0 and 1 are not clusters.</summary>
    public const uint FirstCluster = 2;

    /// <summary>A directory holds at most 65,536 slots of 32 bytes, by the specification and by every driver.</summary>
    public const int MaxDirectoryBytes = 65536 * FatShortSlot.Size;

    private List<Finding>? _remarks;

    public required FatWidth Width { get; init; }
    public required int BytesPerSector { get; init; }
    public required int SectorsPerCluster { get; init; }
    public required int ReservedSectors { get; init; }
    public required int FatCount { get; init; }
    public required long FatSectors { get; init; }

    /// <summary>Slots of the fixed root directory; 0 on FAT32.</summary>
    public required int RootEntries { get; init; }

    public required long TotalSectors { get; init; }

    /// <summary>The clusters that both the volume's length and the FAT have room for; their numbers are 2 to this + 1.</summary>
    public required uint ClusterCount { get; init; }

    public required byte Media { get; init; }
    public required long HiddenSectors { get; init; }

    /// <summary>FAT32: first cluster of the root; otherwise 0.</summary>
    public required uint RootCluster { get; init; }

    /// <summary>Sector of the information sector; 0 when there is none.</summary>
    public required int InfoSector { get; init; }

    /// <summary>Sector of the backup boot sector; 0 when there is none.</summary>
    public required int BackupBootSector { get; init; }

    /// <summary>The only FAT in use, or -1 when all of them are kept equal.</summary>
    public required int OnlyActiveFat { get; init; }

    public required uint? SerialNumber { get; init; }
    public required FatStateFlags State { get; init; }

    /// <summary>The label in the boot sector, 11 bytes; null when it has none.</summary>
    public required byte[]? BootLabel { get; init; }

    /// <summary>What is odd about the boot sector without making it unusable; for the checker.</summary>
    public IReadOnlyList<Finding> Remarks => _remarks ?? [];

    /// <summary>Whether there are any <see cref="Remarks"/>.</summary>
    public bool HasRemarks => _remarks is not null;

    public int ClusterSize => BytesPerSector * SectorsPerCluster;
    public long FatLength => FatSectors * BytesPerSector;
    public long RootOffset => FatOffset(FatCount);
    public int RootLength => RootEntries * FatShortSlot.Size;
    public long DataOffset => RootOffset + RoundUp(RootLength, BytesPerSector);
    public uint LastCluster => ClusterCount + FirstCluster - 1;

    /// <summary>Where the extended boot record (serial, label, state) stands in the boot sector.</summary>
    public int ExtendedRecordOffset => Width == FatWidth.Fat32 ? 0x40 : 0x24;

    /// <summary>Bytes that the volume spans, as its boot sector says.</summary>
    public long Length => TotalSectors * BytesPerSector;

    public long FatOffset(int fat) => (ReservedSectors + fat * FatSectors) * BytesPerSector;

    public long ClusterOffset(uint cluster) => DataOffset + (cluster - FirstCluster) * (long)ClusterSize;

    public bool IsCluster(uint cluster) => cluster >= FirstCluster && cluster <= LastCluster;

    /// <summary>The FAT that is read.</summary>
    public int ActiveFat => Math.Max(OnlyActiveFat, 0);

    /// <summary>Whether a device starts like a FAT volume: the parameter block is plausible in itself.</summary>
    public static bool Recognise(BlockDevice device)
    {
        if (device.Length < 512)
            return false;
        Span<byte> sector = stackalloc byte[512];
        device.Read(0, sector);
        ref readonly var bpb = ref OnDisk.View<FatBiosParameterBlock>(sector);
        int sectorSize = bpb.BytesPerSector;
        if (sectorSize is < 512 or > 4096 || !BitOperations.IsPow2(sectorSize)
            || !BitOperations.IsPow2((uint)bpb.SectorsPerCluster) || bpb.ReservedSectors == 0
            || bpb.FatCount is 0 or > 4 || bpb.Media is < 0xF0 or (> 0xF0 and < 0xF8)
            || (bpb.TotalSectors16 == 0 && bpb.TotalSectors32 == 0))
        {
            return false;
        }

        // NTFS and exFAT leave the FAT fields empty; a FAT32 has a FAT size and a root cluster at the place FAT32 keeps them.
        if (bpb.FatSectors16 == 0)
            return OnDisk.View<Fat32BootRecord>(sector, 0x24).FatSectors != 0 && OnDisk.View<Fat32BootRecord>(sector, 0x24).RootCluster >= FirstCluster;
        if (bpb.RootEntries == 0)
            return false;

        // Old and Atari floppies have no 55 AA; then the media byte must stand in the FAT as well.
        if (sector[0x1FE] == 0x55 && sector[0x1FF] == 0xAA)
            return true;
        var fat = (long)bpb.ReservedSectors * sectorSize;
        if (fat + 4 > device.Length)
            return false;
        Span<byte> head = stackalloc byte[4];
        device.Read(fat, head);
        return head[0] >= 0xF0 && head[1] == 0xFF;
    }

    /// <summary>Reads and checks a boot sector.</summary>
    /// <param name="device">The volume.</param>
    /// <param name="offset">Where the boot sector stands, in bytes: 0, or the backup.</param>
    /// <exception cref="DiskFormatException">The first rule that is broken.</exception>
    public static FatGeometry Read(BlockDevice device, long offset = 0)
    {
        if (device.Length < offset + 512)
            throw new DiskFormatException("FAT-0001", "BootSector", offset, $"the device ends at {device.Length} bytes, expected a boot sector of 512");
        var sector = new byte[512];
        device.Read(offset, sector);
        return Parse(sector, offset, device.Length);
    }

    private static FatGeometry Parse(byte[] sector, long at, long deviceLength)
    {
        ref readonly var bpb = ref OnDisk.View<FatBiosParameterBlock>(sector);
        int sectorSize = bpb.BytesPerSector;
        if (sectorSize is < 512 or > 4096 || !BitOperations.IsPow2(sectorSize))
            throw Broken("FAT-0002", "bytesPerSector", 0x0B, $"found {sectorSize}, expected 512, 1024, 2048 or 4096");
        int perCluster = bpb.SectorsPerCluster;
        if (!BitOperations.IsPow2((uint)perCluster))
            throw Broken("FAT-0003", "sectorsPerCluster", 0x0D, $"found {perCluster}, expected a power of two, 1 to 128");
        if (bpb.ReservedSectors == 0)
            throw Broken("FAT-0004", "reservedSectors", 0x0E, "found 0, expected at least the boot sector itself");
        if (bpb.FatCount is 0 or > 4)
            throw Broken("FAT-0005", "fatCount", 0x10, $"found {bpb.FatCount}, expected 1 or 2");

        ref readonly var fat32 = ref OnDisk.View<Fat32BootRecord>(sector, 0x24);
        var isFat32 = bpb.FatSectors16 == 0;
        long fatSectors = isFat32 ? fat32.FatSectors : bpb.FatSectors16;
        if (fatSectors == 0)
            throw Broken("FAT-0006", "fatSectors", isFat32 ? 0x24 : 0x16, "found 0, expected the size of a FAT");
        if (!isFat32 && bpb.RootEntries == 0)
            throw Broken("FAT-0007", "rootEntries", 0x11, "found 0, expected the slots of the root directory");

        long total = bpb.TotalSectors16 != 0 ? bpb.TotalSectors16 : (long)(uint)bpb.TotalSectors32;
        int rootEntries = isFat32 ? 0 : bpb.RootEntries;
        var rootSectors = RoundUp(rootEntries * FatShortSlot.Size, sectorSize) / sectorSize;
        var meta = bpb.ReservedSectors + bpb.FatCount * fatSectors + rootSectors;
        if (total <= meta)
            throw Broken("FAT-0008", "totalSectors", bpb.TotalSectors16 != 0 ? 0x13 : 0x20, $"found {total}, expected more than the {meta} of boot sectors, FATs and root");
        if (meta * sectorSize >= deviceLength)
            throw Broken("FAT-0009", "totalSectors", bpb.TotalSectors16 != 0 ? 0x13 : 0x20, $"boot sectors, FATs and root take {meta * sectorSize} bytes, the device has {deviceLength}");

        var dataClusters = (total - meta) / perCluster;
        var width = isFat32 ? FatWidth.Fat32 : dataClusters < 4085 ? FatWidth.Fat12 : FatWidth.Fat16;
        var fatEntries = fatSectors * sectorSize * 8 / (int)width;
        var maxClusters = width switch { FatWidth.Fat12 => 4084, FatWidth.Fat16 => 65524, _ => 0x0FFFFFF5 };
        var clusters = (uint)Math.Min(Math.Min(dataClusters, fatEntries - FirstCluster), maxClusters);
        if (fatEntries <= FirstCluster || clusters == 0)
            throw Broken("FAT-0010", "fatSectors", isFat32 ? 0x24 : 0x16, $"{fatSectors} sectors of FAT and {total - meta} of {total} sectors behind it leave no room for a cluster of {perCluster} sectors");

        uint rootCluster = isFat32 ? (uint)fat32.RootCluster & 0x0FFFFFFF : 0;
        if (isFat32 && (rootCluster < FirstCluster || rootCluster > clusters + 1))
            throw Broken("FAT-0011", "rootCluster", 0x2C, $"found {rootCluster}, expected 2..{clusters + 1}");
        if (isFat32 && fat32.Version != 0)
            throw new UnsupportedFeatureException($"FAT32 of version {fat32.Version >> 8}.{fat32.Version & 0xFF}: only 0.0 is known");

        int extFlags = isFat32 ? fat32.ExtFlags : 0;
        var active = (extFlags & 0x80) != 0 ? extFlags & 0x0F : -1;
        if (active >= bpb.FatCount)
            throw Broken("FAT-0012", "extFlags", 0x28, $"the active FAT is {active}, expected 0..{bpb.FatCount - 1}");

        ref readonly var extended = ref OnDisk.View<FatExtendedBootRecord>(sector, isFat32 ? 0x40 : 0x24);
        var geometry = new FatGeometry
        {
            Width = width,
            BytesPerSector = sectorSize,
            SectorsPerCluster = perCluster,
            ReservedSectors = bpb.ReservedSectors,
            FatCount = bpb.FatCount,
            FatSectors = fatSectors,
            RootEntries = rootEntries,
            TotalSectors = total,
            ClusterCount = clusters,
            Media = bpb.Media,
            HiddenSectors = bpb.HiddenSectors,
            RootCluster = rootCluster,
            InfoSector = isFat32 ? ReservedSector(fat32.InfoSector, bpb.ReservedSectors) : 0,
            BackupBootSector = isFat32 ? ReservedSector(fat32.BackupBootSector, bpb.ReservedSectors) : 0,
            OnlyActiveFat = active,
            SerialNumber = extended.Signature is 0x28 or 0x29 ? extended.SerialNumber : null,
            State = extended.Signature is 0x28 or 0x29 ? extended.State : FatStateFlags.None,
            BootLabel = extended.Signature == 0x29 ? OnDisk.Bytes(in extended.Label).ToArray() : null,
        };

        if (sector[0x1FE] != 0x55 || sector[0x1FF] != 0xAA)
            geometry.Remark("FAT-0013", Severity.Note, "BootSector.signature", at + 0x1FE, $"found {sector[0x1FE]:X2} {sector[0x1FF]:X2}, expected 55 AA");
        if (dataClusters > clusters)
            geometry.Remark("FAT-0014", Severity.Warning, "BootSector.fatSectors", at + (isFat32 ? 0x24 : 0x16), $"the FAT has room for {clusters} clusters, the volume for {dataClusters}");
        if (total * sectorSize > deviceLength)
            geometry.Remark("FAT-0015", Severity.Error, "BootSector.totalSectors", at + (bpb.TotalSectors16 != 0 ? 0x13 : 0x20), $"the volume has {total * sectorSize} bytes, the device {deviceLength}");
        if (bpb.Media is not (0xF0 or >= 0xF8))
            geometry.Remark("FAT-0016", Severity.Warning, "BootSector.media", at + 0x15, $"found 0x{bpb.Media:X2}, expected 0xF0 or 0xF8..0xFF");
        if (rootEntries * FatShortSlot.Size % sectorSize != 0)
            geometry.Remark("FAT-0017", Severity.Warning, "BootSector.rootEntries", at + 0x11, $"found {rootEntries}, expected a multiple of {sectorSize / FatShortSlot.Size}: whole sectors");
        return geometry;

        DiskFormatException Broken(string code, string field, int fieldOffset, string problem) =>
            new(code, "BootSector." + field, at + fieldOffset, problem);
    }

    private void Remark(string code, Severity severity, string structure, long offset, string message) =>
        (_remarks ??= []).Add(new Finding(code, severity, structure, offset, message));

    // 0 and 0xFFFF mean "none"; a number outside the reserved sectors can only be garbage and is treated the same.
    private static int ReservedSector(ushort sector, ushort reserved) => sector == 0 || sector >= reserved ? 0 : sector;

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;
}
