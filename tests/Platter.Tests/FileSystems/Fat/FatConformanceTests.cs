using System.Globalization;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>A FAT of one layout on a device in memory, judged by Platter's own checker and by fsck.vfat.</summary>
internal sealed class FatFixture() : DeviceFixture(new FatType())
{
    private const int FixedRootEntries = 512;


    public required int Width { get; init; }
    public int SectorSize { get; init; } = 512;
    public int ClusterSize { get; init; } = 1024;
    public int FatCount { get; init; } = 2;
    public int CodePage { get; init; } = 437;

    // Large clusters make large volumes: those are sparse, and never filled.
    public override long Length => Math.Max(4 << 20, Clusters * (long)ClusterSize + (Width == 32 ? 1 << 20 : 1 << 17));

    // Small ones have clusters of one sector.
    public override long SmallLength => Clusters * (long)SectorSize + (Width == 32 ? 1 << 20 : 1 << 17);

    public override string ForbiddenCharacters => "\"*:<>?\\|";
    public override bool AllowsTrailingDotOrSpace => false;
    public override bool RefusesDeviceNames => true;

    // The formatter may add some, to fill a sector or a cluster.
    public override int? RootEntries => Width == 32 ? null : HasDevice ? FatGeometry.Read(Device).RootEntries : FixedRootEntries;

    // A directory has 2 MiB at most and is read whole.
    public override bool ListsLazily => false;

    // Directories do not shrink.
    public override long FreeBytesSlack => ClusterSize;

    private int Clusters => Width switch { 12 => 800, 16 => 5000, _ => 66_000 };

    protected override VolumeOptions VolumeOptions => new() { Clock = Clock, OemCodePage = CodePage };

    protected override ScratchDevice Make(long length)
    {
        var options = new Dictionary<string, string>
        {
            ["cluster_size"] = (length == SmallLength ? SectorSize : ClusterSize).ToString(CultureInfo.InvariantCulture),
            ["fat_count"] = FatCount.ToString(CultureInfo.InvariantCulture),
        };
        if (Width != 32)
            options["root_entries"] = FixedRootEntries.ToString(CultureInfo.InvariantCulture);
        return Format(length, SectorSize, new FormatOptions { Type = "fat" + Width, Options = options });
    }

    public override string? Judge() => MkfsFat.Complaint(Device);

}

public sealed class FatConformance12Tests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new FatFixture { Width = 12 };
}

public sealed class FatConformance12SingleTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new FatFixture { Width = 12, SectorSize = 4096, ClusterSize = 65536, FatCount = 1 };
}

public sealed class FatConformance16Tests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new FatFixture { Width = 16, ClusterSize = 2048, CodePage = 850 };
}

public sealed class FatConformance16LargeTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new FatFixture { Width = 16, SectorSize = 2048, ClusterSize = 16384, CodePage = 932 };
}

public sealed class FatConformance32Tests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new FatFixture { Width = 32 };
}

/// <summary>Random edits beside a model, both checkers every hundred edits.</summary>
public sealed class FatConformanceRandomTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(12, 512, 2, 1)]
    [InlineData(12, 4096, 1, 2)]
    [InlineData(12, 1024, 2, 3)]
    [InlineData(16, 512, 2, 4)]
    [InlineData(16, 512, 1, 5)]
    [InlineData(32, 512, 2, 6)]
    public void Random_edits_leave_what_the_model_says(int width, int sectorSize, int fats, int seed)
    {
        var outcome = RandomEdits.Run(new FatFixture { Width = width, SectorSize = sectorSize, FatCount = fats, ClusterSize = sectorSize }, seed, 1500, TimeSpan.FromSeconds(12));
        output.WriteLine($"FAT{width}, sectors of {sectorSize}: {outcome}");
        Assert.True(outcome.Steps > 200);
    }
}
