using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Xunit;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;
using static Platter.Testing.Ntfs.NtfsDamageKinds;
using static Platter.Testing.Ntfs.NtfsSoundVolume;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Damage of content, clusters, indexes and what $Secure and $Extend keep.</summary>
public class NtfsCheckIndexTests : NtfsCheckBase
{
    public static TheoryData<string> Names => NamesOf(NtfsIndexDamage.Kinds);

    [Theory, MemberData(nameof(Names))]
    public void Damage_is_found(string what) => Expect(NtfsIndexDamage.Kinds, what);

    [Fact]
    public void Clusters_behind_the_end_of_the_device_are_told()
    {
        var whole = Sound(Rich).Bytes;
        Assert.Contains("NTFS-0202", new NtfsDamage(whole[..(whole.Length * 6 / 10)].ToArray()).Findings());
    }

    [Fact]
    public void A_check_can_be_stopped_and_tells_how_far_it_is()
    {
        using var stop = new CancellationTokenSource();
        var steps = new List<string>();
        new NtfsType().Check(Sound(Rich).Device, new CheckOptions { Progress = new Steps(steps) });
        Assert.Contains("checking records", steps);
        Assert.Contains("checking directories", steps);
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => new NtfsType().Check(Sound(Rich).Device, new CheckOptions { Cancellation = stop.Token }));
    }

    private sealed class Steps(List<string> seen) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => seen.Add(value.Stage);
    }
}
