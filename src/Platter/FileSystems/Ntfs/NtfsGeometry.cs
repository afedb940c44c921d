using System.Buffers.Binary;
using System.Numerics;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What the boot sector says, checked: the sizes of everything, and where the MFT starts.</summary>
/// <remarks>
/// Cluster n lies at n * <see cref="ClusterSize"/> from the start of the volume. The boot sector is the first sector and, as a copy, the
/// one behind the last that it counts; the checker and the formatter know both, opening takes the copy when the first is damaged.
/// </remarks>
internal sealed class NtfsGeometry
{
    public const int MinSectorSize = 256, MaxSectorSize = 4096;
    public const int MaxClusterSize = 2 << 20;

    /// <summary>Files are compressed on volumes with clusters up to here.</summary>
    public const int MaxCompressedClusterSize = 4096;

    public const int MinRecordSize = 512, MaxRecordSize = 4096;
    public const int MinIndexBlockSize = 512, MaxIndexBlockSize = 65536;

    /// <summary>Windows counts clusters with 32 bits.</summary>
    public const long MaxClusterCount = uint.MaxValue;

    private List<Finding>? _remarks;

    public required int SectorSize { get; init; }
    public required int ClusterSize
    {
        get;
        init
        {
            field = value;
            ClusterShift = Shift(value);
        }
    }

    /// <summary>Bytes of an MFT record.</summary>
    public required int RecordSize { get; init; }

    /// <summary>Bytes of an index block, for directories; each index says its own.</summary>
    public required int IndexBlockSize { get; init; }

    /// <summary>Sectors, without the one that holds the copy of the boot sector.</summary>
    public required long TotalSectors { get; init; }

    /// <summary>Where record 0 lies.</summary>
    public required long MftCluster { get; init; }

    public required long MftMirrorCluster { get; init; }
    public required ulong SerialNumber { get; init; }

    /// <summary>Sectors before the volume on its disk, as the boot sector says.</summary>
    public required uint HiddenSectors { get; init; }

    /// <summary>Where the boot sector was read: 0, or the copy's place in bytes.</summary>
    public required long BootOffset { get; init; }

    /// <summary>What is odd without making the volume unreadable.</summary>
    public IReadOnlyList<Finding> Remarks => _remarks ?? [];

    /// <summary>The clusters' size as a power of two.</summary>
    public int ClusterShift { get; private init; }

    // Not the framework's logarithm: its instruction is not there on every processor, so that what calls it is compiled at every start.
    private static int Shift(int clusterSize)
    {
        var shift = 0;
        while (1 << shift < clusterSize)
            shift++;
        return shift;
    }

    /// <summary>Bytes that the volume counts; the copy of the boot sector lies there.</summary>
    public long Length => TotalSectors * SectorSize;

    /// <summary>Whole clusters; a rest at the end is never used.</summary>
    public long ClusterCount => Length >> ClusterShift;

    /// <summary>Bytes of the unit in which an index of such blocks counts: a cluster, or 512 bytes where a cluster is larger than a block.</summary>
    public int IndexUnit(int blockSize) => blockSize >= ClusterSize ? ClusterSize : NtfsUpdateSequence.Stride;

    /// <summary>How many records $MFTMirr holds: four, or a cluster of them.</summary>
    public int MirrorRecords => Math.Max(4, ClusterSize / RecordSize);

    public bool IsRange(long cluster, long count) => cluster >= 0 && count >= 0 && cluster <= ClusterCount && count <= ClusterCount - cluster;

    /// <summary>How many clusters so many bytes take.</summary>
    public long ClustersFor(long bytes) => (bytes >> ClusterShift) + ((bytes & ClusterSize - 1) != 0 ? 1 : 0);

    /// <summary>Whether a device starts like an NTFS volume.</summary>
    public static bool Recognise(BlockDevice device)
    {
        if (device.Length < NtfsBootSector.Size)
            return false;
        var sector = new byte[NtfsBootSector.Size];
        device.Read(0, sector);
        if (OnDisk.View<NtfsBootSector>(sector).Oem == NtfsBootSector.OemValue)
            return true;

        // A boot sector that says something else is believed: a copy may be left from what the medium held before.
        return !(sector[0x1FE] == 0x55 && sector[0x1FF] == 0xAA) && FindCopy(device) is not null;
    }

    /// <summary>Reads the boot sector, or its copy when it is damaged.</summary>
    /// <exception cref="DiskFormatException">Neither can be used: the first rule that the boot sector breaks.</exception>
    public static NtfsGeometry Read(BlockDevice device)
    {
        if (device.Length < NtfsBootSector.Size)
            throw new DiskFormatException("NTFS-0001", "BootSector", 0, $"the device ends at {device.Length} bytes, expected a boot sector");
        return TryRead(device, 0, null) ?? ReadCopy(device);
    }

    private static NtfsGeometry ReadCopy(BlockDevice device)
    {
        var problems = new List<Finding>();
        TryRead(device, 0, problems);
        var first = problems[0];
        if (FindCopy(device) is not { } copy)
            throw new DiskFormatException(first.Code, first.Structure, first.Offset ?? 0, first.Message);
        copy.Remark("NTFS-0009", "BootSector", 0, $"cannot be used ({first.Structure}: {first.Message}); its copy at byte {copy.BootOffset} stands in for it");
        return copy;
    }

    /// <summary>Reads a boot sector and tries every rule.</summary>
    /// <param name="device">The volume.</param>
    /// <param name="offset">Bytes from the start of the device.</param>
    /// <param name="problems">What makes it unusable is added here; null where nobody asks.</param>
    /// <returns>Null when it cannot be used.</returns>
    public static NtfsGeometry? TryRead(BlockDevice device, long offset, List<Finding>? problems)
    {
        var sector = new byte[NtfsBootSector.Size];
        device.Read(offset, sector);
        return TryParse(sector, offset, problems);
    }

    /// <summary>As <see cref="TryRead"/>, of bytes at hand.</summary>
    public static NtfsGeometry? TryParse(ReadOnlySpan<byte> sector, long offset, List<Finding>? problems)
    {
        var isUsable = true;
        ref readonly var boot = ref OnDisk.View<NtfsBootSector>(sector);
        if (boot.Oem != NtfsBootSector.OemValue)
            Problem("NTFS-0002", "oem", 0x03, $"found {BinaryPrimitives.ReverseEndianness(boot.Oem):X16}, expected 'NTFS    '");
        int sectorSize = boot.BytesPerSector;
        if (sectorSize is < MinSectorSize or > MaxSectorSize || !BitOperations.IsPow2(sectorSize))
            Problem("NTFS-0003", "bytesPerSector", 0x0B, $"found {sectorSize}, expected a power of two, {MinSectorSize}..{MaxSectorSize}");
        var perCluster = SectorsPerCluster(boot.SectorsPerCluster);
        var clusterSize = perCluster * sectorSize;
        if (perCluster == 0 || (clusterSize > MaxClusterSize && isUsable))
            Problem("NTFS-0004", "sectorsPerCluster", 0x0D, $"found 0x{boot.SectorsPerCluster:X2}, expected a power of two that makes clusters of at most {MaxClusterSize} bytes");
        if (!isUsable)
            return null;

        var recordSize = StructureSize(boot.ClustersPerRecord, (int)clusterSize);
        if (recordSize is < MinRecordSize or > MaxRecordSize || !BitOperations.IsPow2(recordSize))
            Problem("NTFS-0005", "clustersPerRecord", 0x40, $"found 0x{boot.ClustersPerRecord:X2}, expected records of {MinRecordSize}..{MaxRecordSize} bytes");
        var blockSize = StructureSize(boot.ClustersPerIndexBlock, (int)clusterSize);
        if (blockSize is < MinIndexBlockSize or > MaxIndexBlockSize || !BitOperations.IsPow2(blockSize))
            Problem("NTFS-0006", "clustersPerIndexBlock", 0x44, $"found 0x{boot.ClustersPerIndexBlock:X2}, expected index blocks of {MinIndexBlockSize}..{MaxIndexBlockSize} bytes");
        ulong sectors = boot.TotalSectors;
        var most = (ulong)(long.MaxValue - 2 * MaxClusterSize) / (ulong)sectorSize;
        if (sectors < (ulong)perCluster || sectors > most)
        {
            Problem("NTFS-0007", "totalSectors", 0x28, $"found {sectors}, expected {perCluster}..{most}");
            return null;
        }
        var clusters = sectors / (ulong)perCluster;
        if (boot.MftCluster == 0 || boot.MftCluster >= clusters)
            Problem("NTFS-0008", "mftCluster", 0x30, $"found {boot.MftCluster}, expected 1..{clusters - 1}");
        if (!isUsable)
            return null;

        var geometry = new NtfsGeometry
        {
            SectorSize = sectorSize,
            ClusterSize = (int)clusterSize,
            RecordSize = recordSize,
            IndexBlockSize = blockSize,
            TotalSectors = (long)sectors,
            MftCluster = (long)(ulong)boot.MftCluster,
            MftMirrorCluster = boot.MftMirrorCluster < clusters ? (long)(ulong)boot.MftMirrorCluster : 0,
            SerialNumber = boot.SerialNumber,
            HiddenSectors = boot.HiddenSectors,
            BootOffset = offset,
        };
        if (boot.Signature != NtfsBootSector.SignatureValue)
            geometry.Remark("NTFS-0010", "BootSector.signature", offset + 0x1FE, $"found 0x{(ushort)boot.Signature:X4}, expected 0xAA55");
        if (geometry.MftMirrorCluster == 0)
            geometry.Remark("NTFS-0011", "BootSector.mftMirrorCluster", offset + 0x38, $"found {boot.MftMirrorCluster}, expected 1..{clusters - 1}");
        return geometry;

        void Problem(string code, string field, int at, string message)
        {
            isUsable = false;
            problems?.Add(new Finding(code, Severity.Error, "BootSector." + field, offset + at, message));
        }
    }

    private void Remark(string code, string structure, long offset, string message) => (_remarks ??= []).Add(new Finding(code, Severity.Error, structure, offset, message));

    /// <summary>Where a device of this length has the copy of its boot sector: in its last sector.</summary>
    /// <returns>Bytes from its start; 0 or less when it has no room for one.</returns>
    public static long CopyPlace(long deviceLength, int sectorSize) => deviceLength / sectorSize * sectorSize - sectorSize;

    /// <summary>The copy of the boot sector at the end of the device, when there is a usable one that says it belongs there.</summary>
    public static NtfsGeometry? FindCopy(BlockDevice device)
    {
        var sector = new byte[NtfsBootSector.Size];
        for (var size = NtfsBootSector.Size; size <= MaxSectorSize; size *= 2)
        {
            var offset = CopyPlace(device.Length, size);
            if (offset <= 0)
                continue;
            // Most devices that are asked have none: the name alone says so.
            device.Read(offset, sector);
            if (OnDisk.View<NtfsBootSector>(sector).Oem == NtfsBootSector.OemValue && TryParse(sector, offset, null) is { } copy && copy.SectorSize == size && copy.Length == offset)
                return copy;
        }
        return null;
    }

    /// <summary>The field SectorsPerCluster: a count, or from 0x81 on the negative of a power.</summary>
    /// <returns>0 for values that stand for nothing.</returns>
    public static long SectorsPerCluster(byte field) =>
        field <= 0x80 ? BitOperations.IsPow2(field) ? field : 0 : field >= 0xE0 ? 1L << 256 - field : 0;

    /// <summary>The reverse: how a count of sectors stands in the boot sector.</summary>
    public static byte EncodeSectorsPerCluster(long count) => (byte)(count <= 0x80 ? count : 256 - BitOperations.Log2((ulong)count));

    /// <summary>The fields ClustersPerRecord and ClustersPerIndexBlock, in bytes.</summary>
    /// <returns>0 for values that stand for nothing.</returns>
    public static int StructureSize(byte field, int clusterSize)
    {
        var clusters = (sbyte)field;
        return clusters >= 0 ? clusters * clusterSize : clusters >= -30 ? 1 << -clusters : 0;
    }

    /// <summary>The reverse: whole clusters, as long as the sign is not reached, or the negative of a power.</summary>
    public static byte EncodeStructureSize(int size, int clusterSize) =>
        size >= clusterSize && size / clusterSize <= sbyte.MaxValue ? (byte)(size / clusterSize) : (byte)-BitOperations.Log2((uint)size);
}
