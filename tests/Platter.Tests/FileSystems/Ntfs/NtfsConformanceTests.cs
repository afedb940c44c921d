using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>The layouts that the suites run on.</summary>
internal static class NtfsLayouts
{
    public static NtfsFixture Of(int clusterSize) => new() { Arguments = $"-c {clusterSize}", ClusterSize = clusterSize };

    /// <summary>As Platter formats it.</summary>
    public static NtfsFixture Of(int sector, int cluster, int record) => new() { Sizes = new NtfsSizesOfVolume(sector, cluster, record), ClusterSize = cluster };
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

/// <summary>The largest clusters there are, and the largest records: a structure of one cluster is larger than most files.</summary>
public sealed class NtfsLargestClustersConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(512, 2 << 20, 4096);
}

/// <summary>Disks whose sectors have 4096 bytes: records, clusters and index blocks of one sector, fixups in steps of 512 bytes all the same.</summary>
public sealed class NtfsLargeSectorsConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(4096, 4096, 4096);
}

/// <summary>Clusters of one sector, and records that are as long as eight of them.</summary>
public sealed class NtfsSmallClustersLargeRecordsConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(512, 512, 4096);
}

/// <summary>Records and index blocks of one cluster, as on disks with large sectors, on one with small ones.</summary>
public sealed class NtfsLargeRecordsConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(512, 4096, 4096);
}

/// <summary>Sixteen large records in a cluster, all of them in $MFTMirr.</summary>
public sealed class NtfsLargeClustersLargeRecordsConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(512, 65536, 4096);
}

/// <summary>The largest clusters with the records that most volumes have: 2,048 in a cluster.</summary>
public sealed class NtfsLargestClustersSmallRecordsConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(512, 2 << 20, 1024);
}

/// <summary>Large clusters on large sectors.</summary>
public sealed class NtfsLargeSectorsLargeClustersConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(4096, 65536, 4096);
}

/// <summary>The largest clusters on large sectors.</summary>
public sealed class NtfsLargeSectorsLargestClustersConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => NtfsLayouts.Of(4096, 2 << 20, 4096);
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

    [Theory]
    [InlineData(512, 2 << 20, 1024, 4)]
    [InlineData(4096, 4096, 4096, 5)]
    [InlineData(4096, 65536, 4096, 6)]
    public void Random_edits_leave_what_the_model_says_on_large_sectors_records_and_clusters(int sector, int cluster, int record, int seed)
    {
        var outcome = RandomEdits.Run(NtfsLayouts.Of(sector, cluster, record), seed, 600, TimeSpan.FromSeconds(5));
        output.WriteLine($"sectors of {sector}, clusters of {cluster}, records of {record} bytes: {outcome}");
        Assert.True(outcome.Steps > 10);
    }
}
