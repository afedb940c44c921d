using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems;

public sealed class MemoryVolumeRandomEditsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Many_random_edits_agree_with_a_model(int seed)
    {
        foreach (var options in new[] { new MemoryVolumeOptions(), MemoryVolumeOptions.LikeFat, MemoryVolumeOptions.LikeExt })
        {
            var outcome = RandomEdits.Run(new MemoryVolumeFixture(options), seed, 600);
            Assert.Equal(600, outcome.Steps);
            Assert.True(outcome.Refusals > 3, $"the volume got full only {outcome.Refusals} times");
        }
    }

    [Fact]
    public void The_same_seed_makes_the_same_edits() =>
        Assert.Equal(RandomEdits.Run(new MemoryVolumeFixture(new MemoryVolumeOptions()), 7, 300), RandomEdits.Run(new MemoryVolumeFixture(new MemoryVolumeOptions()), 7, 300));
}
