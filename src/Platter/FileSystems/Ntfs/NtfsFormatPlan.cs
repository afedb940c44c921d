using System.Numerics;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Where everything of a volume to be made lies, and how large it is.</summary>
/// <remarks>
/// <para>As mkntfs 2022.10.3 has it:</para>
/// <code>
///   | $Boot | MFT bitmap | to 16 KiB | $MFT | the MFT's zone ... | root, $AttrDef, $Bitmap, $SDS, $UpCase | ... | $MFTMirr | $LogFile | ... |copy|
///   0                                         1/8 of the volume                                          half
/// </code>
/// <para>The pieces behind the zone take what is free, in several runs where the log is in their way, and then half of the zone.</para>
/// <para>Different on purpose (docs/filesystems/ntfs.md): clusters grow past 64 KiB where 2^32 of them do not suffice, and a volume may be 1 MiB with
/// the copy of its boot sector.</para>
/// </remarks>
internal sealed record NtfsFormatPlan
{
    /// <summary>Bytes of the smallest $LogFile: with less Windows crashes.</summary>
    public const long LeastLogSize = 256 << 10;

    /// <summary>Records that a new volume has at least: up to $Reparse.</summary>
    public const int SystemRecords = 27;

    /// <summary>Bytes that $Boot is long.</summary>
    public const int BootLength = 8192;

    private const long Mega = 1 << 20, LeastLength = Mega;

    // The MFT starts here at the earliest.
    private const int LeastMftOffset = 16 << 10;

    // The attributes of $AttrDef besides its table, in a record.
    private const int AttributeDefinitionRest = 512;

    public required NtfsFormatOptions Options { get; init; }
    public required int ClusterSize { get; init; }

    /// <summary>Sectors without the one that holds the copy of the boot sector.</summary>
    public required long TotalSectors { get; init; }

    public required long ClusterCount { get; init; }
    public required NtfsRunList Boot { get; init; }
    public required NtfsRunList MftBitmap { get; init; }
    public required NtfsRunList Mft { get; init; }
    public required NtfsRunList Mirror { get; init; }
    public required NtfsRunList Log { get; init; }
    public required NtfsRunList RootSecurity { get; init; }
    public required NtfsRunList RootIndex { get; init; }

    /// <summary>Null: the table is resident.</summary>
    public required NtfsRunList? AttributeDefinitions { get; init; }

    public required NtfsRunList Bitmap { get; init; }
    public required NtfsRunList SecurityStream { get; init; }
    public required NtfsRunList Upcase { get; init; }

    /// <summary>Clusters in use.</summary>
    public required RangeSet Used { get; init; }

    public int RecordSize => Options.RecordSize;

    /// <summary>Records of the MFT: 27, or a cluster of them.</summary>
    public int RecordCount => RecordCountOf(RecordSize, ClusterSize);

    /// <summary>Bytes of the MFT's bitmap.</summary>
    public int MftBitmapLength => (RecordCount + 63) / 64 * 8;

    /// <summary>Records that $MFTMirr holds.</summary>
    public int MirrorRecords => (int)(Mirror.End * ClusterSize / RecordSize);

    /// <summary>Bytes of $Bitmap; the bits behind the last cluster are set.</summary>
    public long BitmapLength => (ClusterCount + 63) / 64 * 8;

    public long Offset(long cluster) => cluster * ClusterSize;

    /// <exception cref="ArgumentException">No volume fits; the message says why.</exception>
    public static NtfsFormatPlan Choose(long length, NtfsFormatOptions options) =>
        TryChoose(length, options, out var reason) ?? throw new ArgumentException(reason);

    /// <summary>As <see cref="Choose"/>; null with a reason when no volume fits.</summary>
    public static NtfsFormatPlan? TryChoose(long length, NtfsFormatOptions options, out string reason)
    {
        reason = "";
        if (length < LeastLength)
        {
            reason = $"{length} bytes are too few for NTFS: a volume has at least {LeastLength}";
            return null;
        }
        var sectors = length / options.SectorSize - 1;
        var volume = sectors * options.SectorSize;
        var clusterSize = options.ClusterSize ?? DefaultClusterSize(volume, options.SectorSize);
        var clusters = volume / clusterSize;
        if (clusters > NtfsGeometry.MaxClusterCount)
        {
            reason = $"{length} bytes with clusters of {clusterSize} would have {clusters} of them, at most {NtfsGeometry.MaxClusterCount} are possible: "
                + (options.ClusterSize is null ? "this is too long for NTFS" : "larger clusters make it fit");
            return null;
        }
        if (options.IsCompressed && clusterSize > NtfsGeometry.MaxCompressedClusterSize)
        {
            reason = $"compression=on needs clusters of at most {NtfsGeometry.MaxCompressedClusterSize} bytes, a volume of {length} has them of {clusterSize}";
            return null;
        }
        return Lay(sectors, clusterSize, clusters, options, out reason);
    }

    private static NtfsFormatPlan? Lay(long sectors, int clusterSize, long clusters, NtfsFormatOptions options, out string reason)
    {
        reason = "";
        var space = new NtfsNewSpace(clusters);
        var boot = space.Take(0, ClustersOf(BootLength));
        var mftBitmap = space.Take(ClustersOf(BootLength), 1);
        var mftStart = Math.Max(ClustersOf(BootLength) + 1, ClustersOf(LeastMftOffset));
        var mft = space.Take(mftStart, ClustersOf((long)RecordCountOf(options.RecordSize, clusterSize) * options.RecordSize));
        var mirrorStart = (sectors * options.SectorSize >> 1) / clusterSize;
        var mirrorClusters = ClustersOf(4L * options.RecordSize);
        var mirror = space.Take(mirrorStart, mirrorClusters);
        var logSize = LogSize(clusters, clusterSize, mirrorStart + mirrorClusters, options.LogSize);
        if (boot is null || mftBitmap is null || mft is null || mirror is null || logSize < LeastLogSize)
        {
            reason = TooFew();
            return null;
        }
        var log = space.Take(mirrorStart + mirrorClusters, logSize / clusterSize);

        // What the volume keeps for the MFT, so that it can grow in one piece.
        space.ZoneEnd = mftStart + (options.MftZone switch { 4 => clusters >> 1, 3 => clusters * 3 >> 3, 2 => clusters >> 2, _ => clusters >> 3 });
        var rootSecurity = space.TakeScattered(ClustersOf(NtfsSystemSecurity.Root().Length));
        var rootIndex = space.TakeScattered(ClustersOf(options.IndexBlockSize));
        var definitions = IsDefinitionResident(options) ? null : space.TakeScattered(ClustersOf(NtfsAttributeDefinitions.Length));
        var bitmap = space.TakeScattered(ClustersOf((clusters + 63) / 64 * 8));
        var stream = space.TakeScattered(ClustersOf(NtfsSystemSecurity.StreamLength));
        var upcase = space.TakeScattered(ClustersOf(NtfsUpcase.Length));
        if (log is null || rootSecurity is null || rootIndex is null || (definitions is null && !IsDefinitionResident(options)) || bitmap is null || stream is null || upcase is null)
        {
            reason = TooFew();
            return null;
        }
        return new NtfsFormatPlan
        {
            Options = options, ClusterSize = clusterSize, TotalSectors = sectors, ClusterCount = clusters, Boot = boot, MftBitmap = mftBitmap, Mft = mft,
            Mirror = mirror, Log = log, RootSecurity = rootSecurity, RootIndex = rootIndex, AttributeDefinitions = definitions, Bitmap = bitmap,
            SecurityStream = stream, Upcase = upcase, Used = space.Used,
        };

        long ClustersOf(long bytes) => (bytes + clusterSize - 1) / clusterSize;

        string TooFew() => $"{clusters} clusters of {clusterSize} bytes are too few for the volume's own files"
            + (options.LogSize is not null ? ": a smaller log_size makes them fit" : options.ClusterSize > 4096 ? ": smaller clusters make them fit" : "");
    }

    /// <summary>Bytes of $LogFile: mkntfs's rule, and Windows' for large volumes. Halved until it fits behind the mirror.</summary>
    private static long LogSize(long clusters, int clusterSize, long start, long? asked)
    {
        var volume = clusters * clusterSize;
        var size = asked ?? (volume < 2 * Mega ? 256 << 10
            : volume < 4_000_000 ? 512 << 10
            : volume <= 200 * Mega ? 2 * Mega
            : volume >= 12L << 30 ? 64 * Mega
            : Math.Max(volume / 200 / clusterSize, 1) * clusterSize);
        while (asked is null && start + size / clusterSize >= clusters && size > 0)
            size >>= 1;
        return (size + clusterSize - 1) / clusterSize * clusterSize;
    }

    // Windows makes clusters of 4 KiB whatever the volume's length, as long as 2^32 of them suffice.
    private static int DefaultClusterSize(long volume, int sectorSize)
    {
        var size = Math.Max(4096, sectorSize);
        while (size < NtfsGeometry.MaxClusterSize && volume >> BitOperations.Log2((uint)size) > NtfsGeometry.MaxClusterCount)
            size *= 2;
        return size;
    }

    private static int RecordCountOf(int recordSize, int clusterSize) => Math.Max(SystemRecords, clusterSize / recordSize);

    private static bool IsDefinitionResident(NtfsFormatOptions options) => options.RecordSize >= NtfsAttributeDefinitions.Length + AttributeDefinitionRest;
}
