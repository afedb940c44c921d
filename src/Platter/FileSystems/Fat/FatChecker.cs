using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>Looks at every structure of a FAT volume, changing nothing. Two bits of memory per cluster at most, and pieces of the FAT.</summary>
/// <remarks>The order: boot sectors, head and copies of the FAT, directories from the root down with every chain, then the FAT once more for
/// clusters that nobody owns, the information sector, the label. Each code stands in docs/findings.md.</remarks>
internal static class FatChecker
{
    private static ReadOnlySpan<byte> NoName => "NO NAME    "u8;

    /// <summary>Checks a volume.</summary>
    /// <exception cref="IOException">The medium failed.</exception>
    public static CheckReport Check(BlockDevice device, CheckOptions options)
    {
        var report = new CheckReport();
        if (FatCheckerBoot.ReadGeometry(device, report) is not { } geometry)
            return report;
        var table = new FatTable(device, geometry);
        FatCheckerBoot.Check(device, geometry, table, report);

        var chains = new FatCheckerChains(geometry, table, report);
        var fat = new FatCheckerTable(device, geometry, chains, report, options);
        fat.CompareCopies();
        var directories = new FatCheckerDirectories(device, geometry, table, chains, report, options);
        directories.Walk();
        fat.FindLost();
        FatCheckerBoot.CheckInformation(device, geometry, fat.FreeClusters, report);
        CheckLabel(geometry, directories, report, CodePage.Get(options.Volume.OemCodePage));
        if (options.ReadData)
            ReadClusters(device, geometry, chains, report, options);
        return report;
    }

    private static void CheckLabel(FatGeometry geometry, FatCheckerDirectories directories, CheckReport report, CodePage codePage)
    {
        var (root, count, offset) = directories.RootLabel;
        var bootOffset = geometry.ExtendedRecordOffset + 7;
        if (count > 1)
            report.Add("FAT-0181", Severity.Warning, "Label", offset, $"the root has {count} label entries, expected one");
        if (root is not null && !IsValid(root))
            report.Add("FAT-0185", Severity.Warning, "Label", offset, $"'{FatShortNames.DecodeLabel(root, codePage)}' is no valid label");
        if (geometry.BootLabel is not { } boot)
            return;
        var none = boot.AsSpan().SequenceEqual(NoName);
        if (boot.AsSpan().IndexOfAnyExcept((byte)' ', (byte)0) < 0)
        {
            report.Add("FAT-0187", Severity.Note, "BootSector.label", bootOffset, "is blank, expected NO NAME when there is none");
            none = true;
        }
        if (root is not null && root.AsSpan().SequenceEqual(boot))
            return;
        if (!none && !IsValid(boot))
            report.Add("FAT-0185", Severity.Warning, "BootSector.label", bootOffset, $"'{FatShortNames.DecodeLabel(boot, codePage)}' is no valid label; none is written NO NAME");
        else if (root is null && !none)
            report.Add("FAT-0183", Severity.Warning, "BootSector.label", bootOffset, $"'{FatShortNames.DecodeLabel(boot, codePage)}', but the root has no label entry");
        else if (root is not null && none)
            report.Add("FAT-0184", Severity.Warning, "BootSector.label", bootOffset, $"none, but the root has the label '{FatShortNames.DecodeLabel(root, codePage)}'");
        else if (root is not null)
            report.Add("FAT-0182", Severity.Warning, "BootSector.label", bootOffset, $"'{FatShortNames.DecodeLabel(boot, codePage)}', but the root has '{FatShortNames.DecodeLabel(root, codePage)}'");
    }

    private static bool IsValid(ReadOnlySpan<byte> label)
    {
        if (label[0] == (byte)' ')
            return false;
        for (var i = 0; i < label.Length; i++)
        {
            if ((label[i] < 0x20 && !(i == 0 && label[0] == FatShortSlot.KanjiE5)) || label[i] == 0x7F || "\"*+,./:;<=>?[\\]|"u8.Contains(label[i]))
                return false;
        }
        return true;
    }

    // Content in the order in which it lies on the medium; what fails is reported by cluster.
    private static void ReadClusters(BlockDevice device, FatGeometry geometry, FatCheckerChains chains, CheckReport report, CheckOptions options)
    {
        var buffer = new byte[geometry.ClusterSize];
        for (var cluster = FatGeometry.FirstCluster; cluster <= geometry.LastCluster; cluster++)
        {
            var offset = geometry.ClusterOffset(cluster);
            if (!chains.IsOwned(cluster) || offset + buffer.Length > device.Length)
                continue;
            options.Cancellation.ThrowIfCancellationRequested();
            if ((cluster & 0x3FF) == 0)
                options.Progress?.Report(new WorkProgress("reading content", offset, geometry.Length, cluster, geometry.ClusterCount, null));
            try
            {
                device.Read(offset, buffer);
            }
            catch (IOException e) when (e is not DiskFormatException)
            {
                report.Add("FAT-0190", Severity.Error, $"Cluster {cluster}", offset, $"cannot be read: {e.Message}");
            }
        }
    }
}
