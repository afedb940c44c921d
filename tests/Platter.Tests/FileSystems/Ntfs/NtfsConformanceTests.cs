using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>The layouts that the suites run on.</summary>
internal static class NtfsLayouts
{
    public static NtfsFixture Of(int clusterSize) => new() { Arguments = $"-c {clusterSize}", ClusterSize = clusterSize };
}

/// <summary>What mkntfs makes when it is not asked for anything.</summary>
public sealed class NtfsConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(4096);
}

/// <summary>Records and index blocks of several clusters.</summary>
public sealed class NtfsSmallClustersConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(512);
}

/// <summary>Several index blocks in a cluster.</summary>
public sealed class NtfsLargeClustersConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(65536);
}

/// <summary>Random edits beside a model, judged every hundred edits.</summary>
public sealed class NtfsConformanceRandomTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(512, 1)]
    [InlineData(4096, 2)]
    [InlineData(65536, 3)]
    public void Random_edits_leave_what_the_model_says(int clusterSize, int seed)
    {
        var outcome = RandomEdits.Run(NtfsLayouts.Of(clusterSize), seed, 1500, TimeSpan.FromSeconds(8));
        output.WriteLine($"clusters of {clusterSize} bytes: {outcome}");
        Assert.True(outcome.Steps > 100);
    }
}
