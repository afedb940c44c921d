using System.Numerics;
using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>Looks at every structure of an exFAT volume, changing nothing. Two bits of memory per cluster, pieces of the FAT, and sixteen bytes
/// for each name of the directory at hand.</summary>
/// <remarks>The order: boot regions, head of the FAT, the root's own entries (bitmap, up-case table, label), directories from the root down with
/// everything that has clusters, then the bitmap once more for clusters that nobody owns. Each code stands in docs/findings.md.</remarks>
internal static class ExFatChecker
{
    // Bytes of the two bitmaps that are compared at once.
    private const int Piece = 1 << 16;

    /// <summary>Checks a volume.</summary>
    /// <exception cref="IOException">The medium failed.</exception>
    public static CheckReport Check(BlockDevice device, CheckOptions options)
    {
        var report = new CheckReport();
        if (ExFatCheckerBoot.ReadGeometry(device, report) is not { } geometry)
            return report;
        var fat = new ExFatTable(device, geometry);
        ExFatCheckerBoot.Check(device, geometry, fat, report);
        ExFatCheckerBoot.CompareFats(device, geometry, report, options);

        var chains = new ExFatCheckerChains(geometry, fat, device.Length, report);
        var content = new ExFatCheckerContent(device, geometry, chains);
        var rootClusters = chains.Claim(new ExFatAllocation(geometry.RootCluster, null, false, 0x60), () => "Directory /");
        var root = new ExFatClaimed(geometry.RootCluster, rootClusters, false);
        var own = new ExFatCheckerRoot(geometry, chains, content, report);
        own.Check(root);
        new ExFatCheckerDirectories(geometry, chains, content, own.Upcase, report, options).Walk(root);
        if (chains.Marked is { } marked)
        {
            FindLost(geometry, chains, marked, fat, report, options);
            ExFatCheckerBoot.CheckPercent(geometry, marked, report);
        }
        if (options.ReadData)
            ReadClusters(device, geometry, chains, report, options);
        return report;
    }

    // Marked in the bitmap, but nobody's. A cluster that is marked bad in the FAT is marked there too, so that nobody takes it.
    private static void FindLost(ExFatGeometry geometry, ExFatCheckerChains chains, Bitmap marked, ExFatTable fat, CheckReport report, CheckOptions options)
    {
        var markedPiece = new ulong[Piece / 8];
        var ownedPiece = new ulong[Piece / 8];
        long lost = 0, bad = 0, runs = 0, previous = -2;
        var first = 0L;
        for (var at = 0L; at < marked.Length; at += Piece * 8)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            options.Progress?.Report(new WorkProgress("checking clusters", at / 8, marked.Length / 8, 0, null, null));
            marked.Save(at, MemoryMarshal.AsBytes(markedPiece.AsSpan()));
            chains.Owned.Save(at, MemoryMarshal.AsBytes(ownedPiece.AsSpan()));
            for (var i = 0; i < markedPiece.Length; i++)
            {
                for (var bits = markedPiece[i] & ~ownedPiece[i]; bits != 0; bits &= bits - 1)
                {
                    var cluster = (uint)(at + 64L * i + BitOperations.TrailingZeroCount(bits)) + ExFatGeometry.FirstCluster;
                    if (fat[cluster] == ExFatTable.Bad)
                    {
                        bad++;
                        continue;
                    }
                    first = lost++ == 0 ? cluster : first;
                    runs += cluster == previous + 1 ? 0 : 1;
                    previous = cluster;
                }
            }
        }
        if (bad > 0)
            report.Add("EXF-0073", Severity.Note, "Fat", null, $"{bad} clusters are marked bad");
        if (lost > 0)
            report.Add("EXF-0071", Severity.Error, "Bitmap", null, $"{lost} clusters ({lost << geometry.ClusterShift} bytes) are marked as in use, but belong to nothing: {runs} runs, the first cluster is {first}");
    }

    // Content in the order in which it lies on the medium; what fails is reported by cluster.
    private static void ReadClusters(BlockDevice device, ExFatGeometry geometry, ExFatCheckerChains chains, CheckReport report, CheckOptions options)
    {
        const int most = 1 << 20;
        var buffer = new byte[Math.Min(geometry.ClusterSize, most)];
        foreach (var run in chains.Owned.Runs(true, 0, chains.Owned.Length))
        {
            for (var cluster = (uint)run.Start + ExFatGeometry.FirstCluster; cluster < run.End + ExFatGeometry.FirstCluster; cluster++)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                var start = geometry.ClusterOffset(cluster);
                options.Progress?.Report(new WorkProgress("reading content", start, geometry.Length, 0, null, null));
                ReadCluster(device, start, Math.Min(start + geometry.ClusterSize, device.Length), buffer, cluster, report);
            }
        }
    }

    private static void ReadCluster(BlockDevice device, long start, long end, byte[] buffer, uint cluster, CheckReport report)
    {
        for (var offset = start; offset < end; offset += buffer.Length)
        {
            try
            {
                device.Read(offset, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - offset)));
            }
            catch (IOException e) when (e is not DiskFormatException)
            {
                report.Add("EXF-0120", Severity.Error, $"Cluster {cluster}", offset, $"cannot be read: {e.Message}");
                return;
            }
        }
    }
}
