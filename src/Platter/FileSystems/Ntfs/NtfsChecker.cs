using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at every structure of an NTFS volume, changing nothing. Each code stands in docs/findings.md.</summary>
/// <remarks>
/// <para>The order is that of chkdsk's stages: boot sectors and the volume's own files; records with their attributes and clusters; indexes, and names in both
/// directions; security descriptors and the other indexes of the volume; bitmaps. Rules that reading knows are told by the parsers that reading uses.</para>
/// <para>Names are compared without being kept: of each file there is the sum of the hashes of its names, from which the names that directories hold for it are taken
/// away. Where something is left, directories are gone through once more, by name. Memory: a bit for each cluster in use, 24 bytes for each record.</para>
/// <para>$LogFile is not replayed: what is checked is what is on the disk.</para>
/// </remarks>
internal static class NtfsChecker
{
    /// <summary>Checks a volume.</summary>
    /// <exception cref="IOException">The medium failed.</exception>
    public static CheckReport Check(BlockDevice device, CheckOptions options) => Run(device, options).Report;

    /// <summary>As <see cref="Check"/>, with what was found in use; nothing when there was no beginning.</summary>
    public static (CheckReport Report, NtfsCheckState? State) Run(BlockDevice device, CheckOptions options)
    {
        var report = new CheckReport();
        if (NtfsCheckerBoot.Check(device, report) is not { } geometry)
            return (report, null);
        NtfsMft mft;
        try
        {
            mft = NtfsMft.Open(device, geometry);
        }
        catch (DiskFormatException e)
        {
            report.Add(e.Code, Severity.Error, e.Structure, e.Offset < 0 ? null : e.Offset, e.Problem);
            return (report, null);
        }
        var state = new NtfsCheckState(device, geometry, mft, report, options);
        var system = new NtfsCheckerSystem(state);
        system.Prepare();
        var contents = new NtfsCheckerContents(state);
        new NtfsCheckerRecords(state, contents).Check();
        contents.FindOwnersOfShared();
        system.Check();
        new NtfsCheckerDirectories(state).Check();
        new NtfsCheckerSecure(state).Check();
        state.Attempt(new NtfsCheckerViews(state).Check);
        new NtfsCheckerBitmaps(state).Check();
        return (report, state);
    }
}
