using Platter.Blocks;

namespace Platter.FileSystems.Ext;

/// <summary>Looks at every structure of an ext volume, changing nothing. A volume whose journal is to be replayed is checked as it is after the replay.</summary>
/// <remarks>The order is that of e2fsck's passes: superblock and journal; descriptors; inodes with their maps and attributes; directories; connections and
/// link counts; bitmaps and counts. Memory: a bit for each cluster and 16 bytes for each inode of the groups that are in use. Each code stands in docs/findings.md.</remarks>
internal static class ExtChecker
{
    /// <summary>Checks a volume.</summary>
    /// <exception cref="IOException">The medium failed.</exception>
    public static CheckReport Check(BlockDevice device, CheckOptions options)
    {
        var report = new CheckReport();
        if (ExtCheckerSuper.Open(device, options, report) is not { } state)
            return report;
        new ExtCheckerSuper(state).Check();
        var groups = new ExtCheckerGroups(state);
        groups.Check();
        var attributes = new ExtCheckerAttributes(state);
        var maps = new ExtCheckerMaps(state);
        var quota = new ExtCheckerQuota(state);
        var inodes = new ExtCheckerInodes(state, groups, maps, attributes, quota);
        inodes.Check();
        inodes.FindShared();
        attributes.CheckReferences();
        new ExtCheckerDirectories(state).Check();
        new ExtCheckerLinks(state).Check();
        new ExtCheckerCounts(state, groups).Check();
        quota.Check();
        new ExtCheckerCopies(state).Check();
        return report;
    }
}
