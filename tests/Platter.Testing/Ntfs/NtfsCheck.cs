using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Xunit;

namespace Platter.Testing.Ntfs;

/// <summary>Checks of NTFS volumes, as tests judge by them.</summary>
public static class NtfsCheck
{
    /// <summary>Asserts that a check finds nothing above a note.</summary>
    /// <param name="device">The volume.</param>
    /// <param name="notes">The codes of notes that there may be.</param>
    public static void AssertClean(BlockDevice device, params string[] notes)
    {
        var report = new NtfsType().Check(device, CheckOptions.Default);
        Assert.True(report.IsClean && report.Findings.All(f => notes.Contains(f.Code)), string.Join('\n', report.Findings.Take(30)));
    }
}
