using System.Globalization;

namespace Platter.FileSystems;

/// <summary>A point in time, UTC, to the nanosecond: finer than any filesystem here stores.</summary>
/// <param name="UnixSeconds">Whole seconds since 1970-01-01T00:00:00Z; negative before.</param>
/// <param name="Nanoseconds">0 to 999,999,999; counted forwards from the second, also before 1970.</param>
public readonly record struct Timestamp(long UnixSeconds, int Nanoseconds = 0) : IComparable<Timestamp>
{
    private const long TicksPerSecond = TimeSpan.TicksPerSecond;

    public static Timestamp From(DateTimeOffset time)
    {
        var ticks = time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        var seconds = Math.DivRem(ticks, TicksPerSecond, out var rest);
        if (rest < 0)
        {
            seconds--;
            rest += TicksPerSecond;
        }
        return new Timestamp(seconds, (int)rest * 100);
    }

    /// <summary>As a <see cref="DateTimeOffset"/> (100 ns), pulled to its range (years 1 to 9999) when outside.</summary>
    public DateTimeOffset ToDateTimeOffset()
    {
        const long first = -62_135_596_800, last = 253_402_300_799;
        return UnixSeconds < first ? DateTimeOffset.MinValue
            : UnixSeconds > last ? DateTimeOffset.MaxValue
            : DateTimeOffset.FromUnixTimeSeconds(UnixSeconds).AddTicks(Nanoseconds / 100);
    }

    // Written out for the reason given at NodeId.
    public bool Equals(Timestamp other) => UnixSeconds == other.UnixSeconds && Nanoseconds == other.Nanoseconds;

    public override int GetHashCode() => (int)(UnixSeconds ^ UnixSeconds >> 32) ^ Nanoseconds;

    public int CompareTo(Timestamp other) =>
        UnixSeconds != other.UnixSeconds ? UnixSeconds.CompareTo(other.UnixSeconds) : Nanoseconds.CompareTo(other.Nanoseconds);

    public static bool operator <(Timestamp left, Timestamp right) => left.CompareTo(right) < 0;
    public static bool operator >(Timestamp left, Timestamp right) => left.CompareTo(right) > 0;
    public static bool operator <=(Timestamp left, Timestamp right) => left.CompareTo(right) <= 0;
    public static bool operator >=(Timestamp left, Timestamp right) => left.CompareTo(right) >= 0;

    /// <summary>ISO 8601 in UTC with as many digits as are not zero: <c>2024-02-29T12:00:00.5Z</c>.</summary>
    public override string ToString()
    {
        var text = DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(UnixSeconds, -62_135_596_800, 253_402_300_799))
            .ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);
        return Nanoseconds == 0 ? text + "Z" : text + "." + Nanoseconds.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0') + "Z";
    }
}
