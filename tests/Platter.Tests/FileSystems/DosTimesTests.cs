using Platter.FileSystems;
using Xunit;

namespace Platter.Tests.FileSystems;

/// <summary>The calendar of FAT and exFAT against the framework's.</summary>
public class DosTimesTests
{
    [Fact]
    public void Every_day_that_can_be_stored_is_the_day_of_the_calendar()
    {
        for (var day = new DateTime(1980, 1, 1, 0, 0, 0, DateTimeKind.Utc); day.Year < 2108; day = day.AddDays(1))
        {
            var time = Timestamp.From(new DateTimeOffset(day.AddSeconds(day.DayOfYear * 235 % 86_400)));
            var (date, clock, tenMs) = DosTimes.Encode(time, TimeSpan.Zero);
            Assert.Equal((day.Year - 1980) << 9 | day.Month << 5 | day.Day, date);
            Assert.Equal(time, DosTimes.Decode(date, clock, tenMs, TimeSpan.Zero));
        }
    }

    [Theory]
    [InlineData(0, 0, 1, 1)]
    [InlineData(2, 31, 2, 29)]
    [InlineData(15, 31, 12, 31)]
    [InlineData(4, 31, 4, 30)]
    public void Impossible_dates_become_the_nearest_there_are(int month, int day, int expectedMonth, int expectedDay) =>
        Assert.Equal(Timestamp.From(new DateTimeOffset(2024, expectedMonth, expectedDay, 0, 0, 0, TimeSpan.Zero)),
            DosTimes.Decode((ushort)(44 << 9 | month << 5 | day), 0, 0, TimeSpan.Zero));

    [Fact]
    public void The_year_2100_has_no_leap_day() => Assert.Equal(
        Timestamp.From(new DateTimeOffset(2100, 2, 28, 23, 59, 59, TimeSpan.Zero).AddMilliseconds(990)),
        DosTimes.Decode(120 << 9 | 2 << 5 | 29, 0xFFFF, 199, TimeSpan.Zero));

    [Fact]
    public void Local_time_is_ahead_of_UTC_by_the_offset()
    {
        var (date, clock, _) = DosTimes.Encode(new Timestamp(1_709_164_800), TimeSpan.FromHours(-5));       // 2024-02-29T00:00:00Z
        Assert.Equal((44 << 9 | 2 << 5 | 28, 19 << 11), (date, clock));
        Assert.Equal(new Timestamp(1_709_164_800), DosTimes.Decode(date, clock, 0, TimeSpan.FromHours(-5)));
    }
}
