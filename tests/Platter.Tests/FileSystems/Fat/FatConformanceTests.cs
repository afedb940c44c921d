using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>FAT as the conformance suites see it; fsck.vfat judges each case.</summary>
public sealed class FatFixture(string type, int mebibytes, int smallMebibytes) : DeviceFixture(new FatType(), new FormatOptions { Type = type })
{
    public override long Length => (long)mebibytes << 20;
    public override long SmallLength => (long)smallMebibytes << 20;
    public override string ForbiddenCharacters => "\"*:<>?\\|";
    public override bool AllowsTrailingDotOrSpace => false;
    public override bool RefusesDeviceNames => true;
    public override bool ListsLazily => false;
    public override int? RootEntries => type == "fat32" ? null : 512;

    public static FatFixture New(string type) => type switch
    {
        "fat12" => new(type, 4, 1),
        "fat16" => new(type, 16, 9),
        _ => new(type, 40, 34),
    };

    protected override string? JudgeImage(string path)
    {
        var result = Tool.Run("fsck.vfat", "-n", "-v", path);
        return result.ExitCode == 0 ? null : result.All;
    }
}

public sealed class Fat12ConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => FatFixture.New("fat12");
}

public sealed class Fat16ConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => FatFixture.New("fat16");
}

public sealed class Fat32ConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => FatFixture.New("fat32");
}

public sealed class FatRandomEditsTests
{
    [Theory]
    [InlineData("fat12", 1)]
    [InlineData("fat12", 2)]
    [InlineData("fat16", 3)]
    [InlineData("fat32", 4)]
    public void A_thousand_random_edits_agree_with_a_model(string type, int seed) =>
        Assert.Equal(10, RandomEdits.Run(FatFixture.New(type), seed, 1000).Judgements);
}
