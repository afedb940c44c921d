namespace Platter.FileSystems;

/// <summary>The local times of DOS, as FAT and exFAT store them: a date and a time word of two-second steps, and for some times a byte of
/// 10 ms steps.</summary>
/// <remarks>"FAT: General Overview of On-Disk Format" 1.03, "Date and Time Formats". Impossible dates in the wild (month 0, day 31 of
/// February) are pulled to the nearest possible one; a date word of 0 means that there is none.</remarks>
internal static class DosTimes
{
    private const long FirstSecond = 315_532_800, LastSecond = 4_354_819_198;       // 1980-01-01T00:00:00 and 2107-12-31T23:59:58, since 1970
    private const int FirstDay = 722_814;                                           // 1980-01-01 as DateOnly counts
    private const int SecondsPerDay = 86_400;

    /// <summary>What can be stored, for a volume whose local time is this much ahead of UTC.</summary>
    /// <param name="resolution">Nanoseconds: 2 s, 10 ms or a day.</param>
    /// <param name="utcOffset">What local time is ahead of UTC.</param>
    public static TimeCapability Capability(long resolution, TimeSpan utcOffset)
    {
        var first = new Timestamp(FirstSecond - (long)utcOffset.TotalSeconds);
        var last = new Timestamp(LastSecond - (long)utcOffset.TotalSeconds);
        return new TimeCapability(resolution, first, last);
    }

    /// <summary>A stored time as UTC, or null for a date of 0.</summary>
    public static Timestamp? Decode(ushort date, ushort time, byte tenMs, TimeSpan utcOffset)
    {
        if (date == 0)
            return null;
        var year = 1980 + (date >> 9);
        var month = Math.Clamp((date >> 5) & 15, 1, 12);
        var day = Math.Clamp(date & 31, 1, DateTime.DaysInMonth(year, month));
        var local = new DateTime(year, month, day, Math.Min(time >> 11, 23), Math.Min((time >> 5) & 63, 59), Math.Min((time & 31) * 2, 58), DateTimeKind.Unspecified);
        return Timestamp.From(new DateTimeOffset(local.AddMilliseconds(Math.Min((int)tenMs, 199) * 10), TimeSpan.Zero) - utcOffset);
    }

    /// <summary>A time as it is stored: cut to the step and pulled into the years 1980 to 2107.</summary>
    public static (ushort Date, ushort Time, byte TenMs) Encode(Timestamp time, TimeSpan utcOffset)
    {
        var rounded = Capability(10_000_000, utcOffset).Round(time);
        var since = Math.Max(rounded.UnixSeconds + (long)utcOffset.TotalSeconds - FirstSecond, 0);
        var (year, month, day) = DateOnly.FromDayNumber(FirstDay + (int)(since / SecondsPerDay));
        var second = (int)(since % SecondsPerDay);
        var date = (ushort)((year - 1980) << 9 | month << 5 | day);
        var clock = (ushort)(second / 3600 << 11 | second / 60 % 60 << 5 | second % 60 / 2);
        return (date, clock, (byte)(second % 2 * 100 + rounded.Nanoseconds / 10_000_000));
    }
}
