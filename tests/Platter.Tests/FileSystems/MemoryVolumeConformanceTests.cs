using Platter.Testing.Volumes;

namespace Platter.Tests.FileSystems;

public sealed class MemoryVolumeConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new MemoryVolumeFixture(new MemoryVolumeOptions());
}

public sealed class MemoryVolumeLikeFatConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new MemoryVolumeFixture(MemoryVolumeOptions.LikeFat);
}

public sealed class MemoryVolumeLikeExtConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new MemoryVolumeFixture(MemoryVolumeOptions.LikeExt);
}
