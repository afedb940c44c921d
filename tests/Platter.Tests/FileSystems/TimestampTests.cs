using Platter.FileSystems;
using Xunit;

namespace Platter.Tests.FileSystems;

public sealed class TimestampTests
{
    [Theory]
    [InlineData("1970-01-01T00:00:00Z", 0, 0)]
    [InlineData("2024-02-29T12:00:00.5Z", 1_709_208_000, 500_000_000)]
    [InlineData("1969-12-31T23:59:59.9999999Z", -1, 999_999_900)]
    [InlineData("1601-01-01T00:00:00Z", -11_644_473_600, 0)]
    [InlineData("0001-01-01T00:00:00Z", -62_135_596_800, 0)]
    [InlineData("9999-12-31T23:59:59.9999999Z", 253_402_300_799, 999_999_900)]
    public void A_time_goes_to_seconds_and_nanoseconds_and_back(string text, long seconds, int nanoseconds)
    {
        var time = DateTimeOffset.Parse(text, null);
        Assert.Equal(new Timestamp(seconds, nanoseconds), Timestamp.From(time));
        Assert.Equal(time, new Timestamp(seconds, nanoseconds).ToDateTimeOffset());
        Assert.Equal(text, new Timestamp(seconds, nanoseconds).ToString());
    }

    [Fact]
    public void The_offset_of_a_local_time_is_taken_off() =>
        Assert.Equal(new Timestamp(-7200), Timestamp.From(new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.FromHours(2))));

    [Theory]
    [InlineData(long.MinValue, "0001-01-01T00:00:00Z")]
    [InlineData(long.MaxValue, "9999-12-31T23:59:59Z")]
    public void A_time_beyond_the_calendar_is_shown_at_its_edge(long seconds, string text)
    {
        Assert.Equal(text, new Timestamp(seconds).ToString());
        Assert.Equal(seconds < 0 ? DateTimeOffset.MinValue : DateTimeOffset.MaxValue, new Timestamp(seconds).ToDateTimeOffset());
    }

    [Fact]
    public void Times_are_ordered()
    {
        Timestamp[] times = [new(-5, 999_999_999), new(-4), new(0), new(0, 1), new(1)];
        Assert.Equal(times, times.Reverse().Order());
        Assert.True(times[0] < times[1] && times[4] > times[3] && times[2] <= new Timestamp(0) && times[2] >= new Timestamp(0));
    }

    [Theory]
    [InlineData(1_000_000_001, 999_999_999, 1_000_000_000, 0)]
    [InlineData(1_000_000_000, 0, 1_000_000_000, 0)]
    [InlineData(0, 0, 315_532_800, 0)]
    [InlineData(4_354_819_199, 999_999_999, 4_354_819_198, 0)]
    [InlineData(long.MaxValue, 0, 4_354_819_198, 0)]
    [InlineData(long.MinValue, 0, 315_532_800, 0)]
    public void The_two_seconds_of_FAT_cut_and_clamp(long seconds, int nanoseconds, long storedSeconds, int storedNanoseconds) =>
        Assert.Equal(new Timestamp(storedSeconds, storedNanoseconds),
            new TimeCapability(2_000_000_000, new Timestamp(315_532_800), new Timestamp(4_354_819_198)).Round(new Timestamp(seconds, nanoseconds)));

    [Fact]
    public void A_time_before_1970_is_cut_towards_the_past()
    {
        var mac = new TimeCapability(1_000_000_000, new Timestamp(-2_082_844_800), new Timestamp(2_212_122_495));
        Assert.Equal(new Timestamp(-100), mac.Round(new Timestamp(-100, 999_999_999)));
        var fileTime = new TimeCapability(100, new Timestamp(-11_644_473_600), new Timestamp(253_402_300_799, 999_999_900));
        Assert.Equal(new Timestamp(-100, 123_456_700), fileTime.Round(new Timestamp(-100, 123_456_789)));
    }

    [Fact]
    public void Days_are_those_of_the_volumes_time_zone()
    {
        // Midnight at UTC+2 is 22:00 UTC of the day before.
        var first = new Timestamp(315_532_800 - 7200);
        var days = new TimeCapability(86_400_000_000_000, first, new Timestamp(4_354_819_199 - 7200));
        Assert.Equal(first with { UnixSeconds = first.UnixSeconds + 86_400 }, days.Round(first with { UnixSeconds = first.UnixSeconds + 86_400 + 80_000 }));
        Assert.Equal(0, (days.Round(new Timestamp(long.MaxValue)).UnixSeconds - first.UnixSeconds) % 86_400);
    }
}
