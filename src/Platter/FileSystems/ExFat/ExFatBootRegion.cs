using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>One of the two boot regions: its bytes, and every rule that they break.</summary>
/// <remarks>Microsoft "exFAT file system specification", section 3. Opening throws the first problem, the checker lists them all.</remarks>
internal sealed class ExFatBootRegion
{
    private const int ChecksumSector = 11, ExtendedSectors = 8;

    // A volume should have at least 1 MiB (section 3.1.5; mkfs.exfat makes smaller ones, and every driver takes them), and its boot regions take the first 24 sectors (section 3.1.6).
    private const long LeastLength = 1 << 20;
    private const uint LeastFatSector = 24;

    private readonly List<Finding> _problems = [];
    private readonly long _deviceLength;

    private ExFatBootRegion(byte[] bytes, long offset, long deviceLength)
    {
        Bytes = bytes;
        Offset = offset;
        _deviceLength = deviceLength;
    }

    /// <summary>"EXFAT   ", at <see cref="BootSectorName.Offset"/>.</summary>
    public static ReadOnlySpan<byte> NameValue => "EXFAT   "u8;

    /// <summary>EB 76 90: a jump over the fields.</summary>
    public static ReadOnlySpan<byte> JumpValue => [0xEB, 0x76, 0x90];

    /// <summary>Where the region starts, in bytes.</summary>
    public long Offset { get; }

    /// <summary>All twelve sectors; the boot sector alone when the size of a sector cannot be known; shorter when the device ends.</summary>
    public byte[] Bytes { get; private set; }

    /// <summary>What makes the region unusable.</summary>
    public IReadOnlyList<Finding> Problems => _problems;

    /// <summary>What the region says; null when it cannot be used.</summary>
    public ExFatGeometry? Geometry { get; private set; }

    /// <summary>Reads a region and tries every rule.</summary>
    /// <exception cref="UnsupportedFeatureException">It is sound, but of another major revision.</exception>
    public static ExFatBootRegion Read(BlockDevice device, long offset)
    {
        var bytes = new byte[Math.Clamp(device.Length - offset, 0, 512)];
        device.Read(offset, bytes);
        var region = new ExFatBootRegion(bytes, offset, device.Length);
        if (bytes.Length < 512)
        {
            region.Problem("EXF-0001", "", 0, $"the device ends at {device.Length} bytes, expected a boot region of 12 sectors");
            return region;
        }
        region.CheckIdentity();
        int shift = OnDisk.View<ExFatBootSector>(bytes).BytesPerSectorShift;
        if (shift is < ExFatGeometry.MinSectorShift or > ExFatGeometry.MaxSectorShift)
        {
            region.Problem("EXF-0005", ".bytesPerSectorShift", 0x6C, $"found {shift}, expected 9..12");
            return region;
        }
        var length = ExFatGeometry.BootRegionSectors << shift;
        if (device.Length - offset < length)
        {
            region.Problem("EXF-0001", "", 0, $"the device ends at {device.Length} bytes, expected a boot region of 12 sectors");
            return region;
        }
        region.Bytes = new byte[length];
        device.Read(offset, region.Bytes);
        region.CheckFields(shift);
        return region;
    }

    /// <summary>The backup region, when one is there and usable: it is looked for at each sector size, since the main one cannot tell.</summary>
    public static ExFatBootRegion? FindBackup(BlockDevice device)
    {
        Span<byte> name = stackalloc byte[NameValue.Length];
        for (var shift = ExFatGeometry.MinSectorShift; shift <= ExFatGeometry.MaxSectorShift; shift++)
        {
            var offset = (long)ExFatGeometry.BootRegionSectors << shift;
            if (device.Length < 2 * offset)
                return null;
            // Most devices that are asked have none: the name alone says so.
            device.Read(offset + BootSectorName.Offset, name);
            if (name.SequenceEqual(NameValue) && TryRead(device, offset) is { Geometry: { } geometry } region && geometry.SectorShift == shift)
                return region;
        }
        return null;
    }

    // Of another revision it is none that could stand in.
    private static ExFatBootRegion? TryRead(BlockDevice device, long offset)
    {
        try
        {
            return Read(device, offset);
        }
        catch (UnsupportedFeatureException)
        {
            return null;
        }
    }

    /// <summary>Fills the checksum sector (the last of twelve) from the eleven before it.</summary>
    public static void Seal(Span<byte> region)
    {
        var sectorSize = region.Length / ExFatGeometry.BootRegionSectors;
        Span<byte> sum = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(sum, ExFatChecksums.BootRegion(region[..(ChecksumSector * sectorSize)]));
        for (var i = ChecksumSector * sectorSize; i < region.Length; i += 4)
            sum.CopyTo(region[i..]);
    }

    // What makes it an exFAT boot sector at all.
    private void CheckIdentity()
    {
        ref readonly var boot = ref OnDisk.View<ExFatBootSector>(Bytes);
        if (!NameValue.SequenceEqual(boot.FileSystemName))
            Problem("EXF-0002", ".fileSystemName", 0x03, $"found {Convert.ToHexString(boot.FileSystemName)}, expected 'EXFAT   '");
        var filled = ((ReadOnlySpan<byte>)boot.MustBeZero).IndexOfAnyExcept((byte)0);
        if (filled >= 0)
            Problem("EXF-0003", ".mustBeZero", 0x0B + filled, $"found {boot.MustBeZero[filled]:X2}, expected 53 zeros where FAT has its parameters");
        if (boot.BootSignature != ExFatBootSector.SignatureValue)
            Problem("EXF-0004", ".bootSignature", 0x1FE, $"found {(ushort)boot.BootSignature:X4}, expected AA55");
    }

    private void CheckFields(int shift)
    {
        ref readonly var boot = ref OnDisk.View<ExFatBootSector>(Bytes);
        var perCluster = boot.SectorsPerClusterShift;
        if (perCluster > ExFatGeometry.MaxClusterShift - shift)
            Problem("EXF-0006", ".sectorsPerClusterShift", 0x6D, $"found {perCluster}, expected 0..{ExFatGeometry.MaxClusterShift - shift}: clusters of 32 MiB at most");
        if (boot.NumberOfFats is not (1 or 2))
            Problem("EXF-0007", ".numberOfFats", 0x6E, $"found {boot.NumberOfFats}, expected 1 or 2");
        ulong length = boot.VolumeLength;
        if (length == 0 || length > (ulong)long.MaxValue >> shift)
            Problem("EXF-0008", ".volumeLength", 0x48, $"found {length} sectors, expected {LeastLength >> shift}..{long.MaxValue >> shift}");
        if (_problems.Count == 0)
            CheckPlaces(shift, perCluster);
        CheckChecksum(shift);
        if (_problems.Count > 0)
            return;
        if (boot.Revision >> 8 != 1)
            throw new UnsupportedFeatureException($"exFAT of revision {boot.Revision >> 8}.{boot.Revision & 0xFF:D2}: only 1.xx is known");
        Geometry = new ExFatGeometry
        {
            SectorShift = shift,
            ClusterShift = shift + perCluster,
            PartitionOffset = boot.PartitionOffset,
            TotalSectors = (long)length,
            FatSector = boot.FatOffset,
            FatSectors = boot.FatLength,
            HeapSector = boot.ClusterHeapOffset,
            ClusterCount = boot.ClusterCount,
            RootCluster = boot.RootCluster,
            SerialNumber = boot.SerialNumber,
            Revision = boot.Revision,
            Flags = boot.VolumeFlags.Flags,
            FatCount = boot.NumberOfFats,
            DriveSelect = boot.DriveSelect,
            PercentInUse = boot.PercentInUse,
        };
        AddRemarks(Geometry, perCluster);
    }

    // Each place against what encloses it. No sum or product here leaves 64 bits: sectors are at most 2^54.
    private void CheckPlaces(int shift, int perCluster)
    {
        ref readonly var boot = ref OnDisk.View<ExFatBootSector>(Bytes);
        ulong length = boot.VolumeLength;
        uint fat = boot.FatOffset, heap = boot.ClusterHeapOffset, clusters = boot.ClusterCount, root = boot.RootCluster;
        var fats = boot.NumberOfFats * (ulong)boot.FatLength;
        if (fat < LeastFatSector || fat + fats > heap)
            Problem("EXF-0009", ".fatOffset", 0x50, $"found {fat}, expected {LeastFatSector} or more, and {fats} sectors of FAT before the cluster heap at {heap}");
        var heapEnd = heap + ((ulong)clusters << perCluster);
        if (heap > length || clusters == 0 || clusters > ExFatGeometry.MaxClusterCount || heapEnd > length)
            Problem("EXF-0012", ".clusterCount", 0x5C, $"found {clusters} clusters of {1L << perCluster} sectors behind sector {heap}, the volume has {length} sectors");
        if (((ulong)heap << shift) + (1UL << (shift + perCluster)) > (ulong)_deviceLength)
            Problem("EXF-0011", ".clusterHeapOffset", 0x58, $"the first cluster would start at byte {(ulong)heap << shift}, the device has {_deviceLength}");
        var fatLeast = ((clusters + 2UL) * 4 + (1UL << shift) - 1) >> shift;
        if (boot.FatLength < fatLeast)
            Problem("EXF-0010", ".fatLength", 0x54, $"found {(uint)boot.FatLength} sectors, expected {fatLeast} or more for {clusters} clusters");
        if (root < ExFatGeometry.FirstCluster || root - ExFatGeometry.FirstCluster >= clusters)
            Problem("EXF-0013", ".rootCluster", 0x60, $"found {root}, expected 2..{clusters + 1UL}");
    }

    private void CheckChecksum(int shift)
    {
        var start = ChecksumSector << shift;
        var expected = ExFatChecksums.BootRegion(Bytes.AsSpan(0, start));
        var stored = MemoryMarshal.Cast<byte, U32Le>(Bytes.AsSpan(start));
        for (var i = 0; i < stored.Length; i++)
        {
            if (stored[i] == expected)
                continue;
            Problem("EXF-0015", ".checksum", start + 4 * i, $"found {(uint)stored[i]:X8}, expected {expected:X8}");
            return;
        }
    }

    private void AddRemarks(ExFatGeometry geometry, int perCluster)
    {
        ref readonly var boot = ref OnDisk.View<ExFatBootSector>(Bytes);
        if (!JumpValue.SequenceEqual(boot.Jump))
            geometry.Remark("EXF-0016", Severity.Warning, Structure(".jumpBoot"), Offset, $"found {Convert.ToHexString(boot.Jump)}, expected EB7690");
        for (var sector = 1; sector <= ExtendedSectors; sector++)
        {
            var at = ((sector + 1) << geometry.SectorShift) - 4;
            var found = OnDisk.View<U32Le>(Bytes, at);
            if (found != ExFatBootSector.ExtendedSignatureValue)
                geometry.Remark("EXF-0017", Severity.Warning, Structure($".extendedBootSector[{sector - 1}]"), Offset + at, $"found {(uint)found:X8}, expected {ExFatBootSector.ExtendedSignatureValue:X8}");
        }
        if (geometry.Length < LeastLength)
            geometry.Remark("EXF-0014", Severity.Note, Structure(".volumeLength"), Offset + 0x48, $"the volume has {geometry.Length} bytes, expected {LeastLength} or more");
        if (geometry.Length > _deviceLength)
            geometry.Remark("EXF-0018", Severity.Error, Structure(".volumeLength"), Offset + 0x48, $"the volume has {geometry.Length} bytes, the device {_deviceLength}");
        if (boot.PercentInUse is > 100 and not 0xFF)
            geometry.Remark("EXF-0019", Severity.Warning, Structure(".percentInUse"), Offset + 0x70, $"found {boot.PercentInUse}, expected 0..100 or 255");
        var room = Math.Min((ulong)(geometry.TotalSectors - geometry.HeapSector) >> perCluster, ExFatGeometry.MaxClusterCount);
        if (geometry.ClusterCount < room)
            geometry.Remark("EXF-0020", Severity.Note, Structure(".clusterCount"), Offset + 0x5C, $"found {geometry.ClusterCount}, the volume has room for {room}");
        if (geometry.FatCount == 1 && geometry.Flags.HasFlag(ExFatVolumeFlags.ActiveFat))
            geometry.Remark("EXF-0021", Severity.Warning, Structure(".volumeFlags"), Offset + 0x6A, "the second FAT is said to be active, but there is one alone");
    }

    private void Problem(string code, string field, int at, string message) =>
        _problems.Add(new Finding(code, Severity.Error, Structure(field), Offset + at, message));

    private string Structure(string field) => (Offset == 0 ? "BootRegion" : "BackupBootRegion") + field;
}
