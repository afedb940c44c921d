using System.Globalization;

namespace Platter.Trees.Toml;

/// <summary>What a <see cref="TomlDateTime"/> holds.</summary>
public enum TomlDateTimeKind
{
    /// <summary>An instant: date, time and offset from UTC.</summary>
    OffsetDateTime,

    /// <summary>Date and time of an unnamed zone.</summary>
    LocalDateTime,

    /// <summary>A date alone.</summary>
    LocalDate,

    /// <summary>A time of day alone.</summary>
    LocalTime,
}

/// <summary>A date, a time or both, as RFC 3339 writes them. What the kind lacks is 0.</summary>
public sealed class TomlDateTime : TomlValue
{
    internal TomlDateTime(TomlDateTimeKind kind, TextPlace place)
        : base(place) => DateTimeKind = kind;

    public TomlDateTimeKind DateTimeKind { get; }

    /// <summary>0 to 9999.</summary>
    public int Year { get; internal init; }

    /// <summary>1 to 12.</summary>
    public int Month { get; internal init; }

    /// <summary>1 to the length of the month (Gregorian, also before 1582).</summary>
    public int Day { get; internal init; }

    /// <summary>0 to 23.</summary>
    public int Hour { get; internal init; }

    /// <summary>0 to 59.</summary>
    public int Minute { get; internal init; }

    /// <summary>0 to 60; 60 is a leap second.</summary>
    public int Second { get; internal init; }

    /// <summary>0 to 999,999,999; further digits are cut off, as TOML has it.</summary>
    public int Nanosecond { get; internal init; }

    /// <summary>Minutes east of UTC, -1439 to 1439; 0 for <c>Z</c> and for the local kinds.</summary>
    public int OffsetMinutes { get; internal init; }

    public override string Kind => DateTimeKind switch
    {
        TomlDateTimeKind.OffsetDateTime => "a date-time with an offset",
        TomlDateTimeKind.LocalDateTime => "a local date-time",
        TomlDateTimeKind.LocalDate => "a local date",
        _ => "a local time",
    };

    /// <summary>The instant in UTC, to 100 ns; a local date-time is taken as UTC, a local date as its midnight.</summary>
    /// <returns>False for a local time, and outside the years 1 to 9999.</returns>
    public bool TryGetInstant(out DateTimeOffset instant)
    {
        instant = default;
        if (DateTimeKind == TomlDateTimeKind.LocalTime || Year == 0)
            return false;
        var ticks = new DateTime(Year, Month, Day, Hour, Minute, 0, System.DateTimeKind.Utc).Ticks
            + Second * TimeSpan.TicksPerSecond + Nanosecond / TimeSpan.NanosecondsPerTick - OffsetMinutes * TimeSpan.TicksPerMinute;
        if (ticks < DateTime.MinValue.Ticks || ticks > DateTime.MaxValue.Ticks)
            return false;
        instant = new DateTimeOffset(ticks, TimeSpan.Zero);
        return true;
    }

    /// <summary>As RFC 3339 writes it, with as many digits of the second as it has.</summary>
    public override string ToString()
    {
        var date = string.Create(CultureInfo.InvariantCulture, $"{Year:D4}-{Month:D2}-{Day:D2}");
        var fraction = Nanosecond == 0 ? "" : "." + Nanosecond.ToString("D9").TrimEnd('0');
        var time = string.Create(CultureInfo.InvariantCulture, $"{Hour:D2}:{Minute:D2}:{Second:D2}{fraction}");
        var minutes = Math.Abs(OffsetMinutes);
        return DateTimeKind switch
        {
            TomlDateTimeKind.LocalDate => date,
            TomlDateTimeKind.LocalTime => time,
            TomlDateTimeKind.LocalDateTime => $"{date}T{time}",
            _ when OffsetMinutes == 0 => $"{date}T{time}Z",
            _ => string.Create(CultureInfo.InvariantCulture, $"{date}T{time}{(OffsetMinutes < 0 ? '-' : '+')}{minutes / 60:D2}:{minutes % 60:D2}"),
        };
    }
}
