using System.Globalization;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>An exFAT of one layout on a device in memory, judged by Platter's own checker and by fsck.exfat.</summary>
internal sealed class ExFatFixture() : DeviceFixture(new ExFatType())
{

    public int SectorSize { get; init; } = 512;
    public int ClusterSize { get; init; } = 4096;

    // Large clusters make large volumes: those are sparse, and never filled.
    public override long Length => Math.Max(4 << 20, 1000L * ClusterSize);

    // Small ones have few clusters, and still some to fragment.
    public override long SmallLength => Math.Max(2 << 20, 110L * ClusterSize);

    public override string ForbiddenCharacters => "\"*:<>?\\|";
    public override bool AllowsTrailingDotOrSpace => false;
    public override bool RefusesDeviceNames => true;

    // Directories do not shrink.
    public override long FreeBytesSlack => ClusterSize;

    protected override ScratchDevice Make(long length)
    {
        var options = new Dictionary<string, string> { ["cluster_size"] = ClusterSize.ToString(CultureInfo.InvariantCulture) };
        return Format(length, SectorSize, new FormatOptions { Type = "exfat", Options = options });
    }

    public override string? Judge() => MkfsExFat.Complaint(Device);

}

public sealed class ExFatConformance512Tests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new ExFatFixture { ClusterSize = 512 };
}

public sealed class ExFatConformance4KTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new ExFatFixture { ClusterSize = 4096 };
}

public sealed class ExFatConformance128KTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new ExFatFixture { ClusterSize = 128 << 10 };
}

public sealed class ExFatConformance4KSectorTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new ExFatFixture { SectorSize = 4096, ClusterSize = 8192 };
}

/// <summary>Random edits beside a model, both checkers every hundred edits.</summary>
public sealed class ExFatConformanceRandomTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(512, 512, 1)]
    [InlineData(512, 1024, 2)]
    [InlineData(512, 4096, 3)]
    [InlineData(512, 131072, 4)]
    [InlineData(4096, 4096, 5)]
    [InlineData(2048, 16384, 6)]
    public void Random_edits_leave_what_the_model_says(int sectorSize, int clusterSize, int seed)
    {
        var outcome = RandomEdits.Run(new ExFatFixture { SectorSize = sectorSize, ClusterSize = clusterSize }, seed, 1500, TimeSpan.FromSeconds(8));
        output.WriteLine($"sectors of {sectorSize}, clusters of {clusterSize}: {outcome}");
        Assert.True(outcome.Steps > 100);
    }

    /// <summary>The long run: many seeds on every layout.</summary>
    [Theory(Explicit = true)]
    [InlineData(512, 512)]
    [InlineData(512, 4096)]
    [InlineData(1024, 2048)]
    [InlineData(512, 32768)]
    [InlineData(4096, 4096)]
    [InlineData(4096, 65536)]
    public void Random_edits_of_many_seeds_leave_what_the_model_says(int sectorSize, int clusterSize)
    {
        var (steps, judgements) = (0, 0);
        for (var seed = 100; seed < 104; seed++)
        {
            var outcome = RandomEdits.Run(new ExFatFixture { SectorSize = sectorSize, ClusterSize = clusterSize }, seed, 3000, TimeSpan.FromSeconds(12));
            steps += outcome.Steps;
            judgements += outcome.Judgements;
        }
        output.WriteLine($"sectors of {sectorSize}, clusters of {clusterSize}: {steps} edits, {judgements} judgements");
    }
}
