namespace Platter.FileSystems;

/// <summary>The local times of DOS, as FAT and exFAT store them: a date and a time word of two-second steps, and for some times a byte of
/// 10 ms steps.</summary>
/// <remarks>"FAT: General Overview of On-Disk Format" 1.03, "Date and Time Formats". Impossible dates in the wild (month 0, day 31 of
/// February) are pulled to the nearest possible one; a date word of 0 means that there is none.</remarks>
internal static class DosTimes
{
    private const long FirstSecond = 315_532_800, LastSecond = 4_354_819_198;       // 1980-01-01T00:00:00 and 2107-12-31T23:59:58, since 1970
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
        var day = Math.Clamp(date & 31, 1, DaysIn(month, year));
        var clock = Math.Min(time >> 11, 23) * 3600 + Math.Min((time >> 5) & 63, 59) * 60 + Math.Min((time & 31) * 2, 58);
        var ms = Math.Min((int)tenMs, 199) * 10;
        var since = (long)(DaysBefore(year) + DaysBefore(month, year) + day - 1) * SecondsPerDay + clock + ms / 1000;
        return new Timestamp(FirstSecond + since - (long)utcOffset.TotalSeconds, ms % 1000 * 1_000_000);
    }

    /// <summary>A time as it is stored: cut to the step and pulled into the years 1980 to 2107.</summary>
    public static DosTime Encode(Timestamp time, TimeSpan utcOffset)
    {
        var rounded = Capability(10_000_000, utcOffset).Round(time);
        var since = Math.Max(rounded.UnixSeconds + (long)utcOffset.TotalSeconds - FirstSecond, 0);
        var day = (int)(since / SecondsPerDay);
        var year = 1980 + day / 366;
        while (DaysBefore(year + 1) <= day)
            year++;
        day -= DaysBefore(year);
        var month = 12;
        while (DaysBefore(month, year) > day)
            month--;
        day -= DaysBefore(month, year) - 1;
        var second = (int)(since % SecondsPerDay);
        var date = (ushort)((year - 1980) << 9 | month << 5 | day);
        var clock = (ushort)(second / 3600 << 11 | second / 60 % 60 << 5 | second % 60 / 2);
        return new DosTime(date, clock, (byte)(second % 2 * 100 + rounded.Nanoseconds / 10_000_000));
    }

    // The calendar from 1980 to 2107: every fourth year is a leap year, but for 2100. The framework's own takes longer to get ready than a file to copy.
    private static bool IsLeap(int year) => year % 4 == 0 && year != 2100;

    /// <summary>Days from 1980-01-01 to the start of a year.</summary>
    private static int DaysBefore(int year) => (year - 1980) * 365 + (year - 1977) / 4 - (year > 2100 ? 1 : 0);

    /// <summary>Days from the start of a year to the start of a month: 31 and 30 by turns, five months at a time from March on.</summary>
    private static int DaysBefore(int month, int year) =>
        month <= 2 ? (month - 1) * 31 : (153 * (month - 3) + 2) / 5 + 59 + (IsLeap(year) ? 1 : 0);

    private static int DaysIn(int month, int year) => (month == 12 ? 365 + (IsLeap(year) ? 1 : 0) : DaysBefore(month + 1, year)) - DaysBefore(month, year);
}

/// <summary>A time as it is stored. No tuple: those of such small numbers are nobody else's, and would be prepared at every start.</summary>
internal readonly struct DosTime(ushort date, ushort time, byte tenMs)
{
    public ushort Date { get; } = date;
    public ushort Time { get; } = time;

    /// <summary>Steps of 10 ms, 0 to 199.</summary>
    public byte TenMs { get; } = tenMs;

    public void Deconstruct(out ushort date, out ushort time, out byte tenMs) => (date, time, tenMs) = (Date, Time, TenMs);
}
