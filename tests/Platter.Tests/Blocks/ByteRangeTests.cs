using Platter.Blocks;
using Xunit;

namespace Platter.Tests.Blocks;

public class ByteRangeTests
{
    [Fact]
    public void Ranges_that_touch_or_overlap_are_joined_and_empty_ones_left_out()
    {
        ByteRange[] ranges = [new(0, 0), new(4, 4), new(8, 2), new(9, 0), new(9, 6), new(10, 2), new(16, 1), new(20, 0)];
        Assert.Equal([new ByteRange(4, 11), new ByteRange(16, 1)], ranges.Joined());
        Assert.Empty(new ByteRange[] { new(0, 0), new(7, 0) }.Joined());
    }
}
