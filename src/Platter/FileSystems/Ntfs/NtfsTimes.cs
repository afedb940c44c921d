namespace Platter.FileSystems.Ntfs;

/// <summary>FILETIMEs: 100 ns since 1601-01-01T00:00:00Z, to the year 60056.</summary>
internal static class NtfsTimes
{
    private const long TicksPerSecond = 10_000_000, UnixEpoch = 11_644_473_600;     // seconds from 1601 to 1970

    /// <summary>What can be stored; Windows takes the sign bit for none.</summary>
    public static TimeCapability Capability { get; } = new(100, new Timestamp(-UnixEpoch), Decode(long.MaxValue));

    public static Timestamp Decode(ulong time)
    {
        var (seconds, rest) = Math.DivRem(time, (ulong)TicksPerSecond);
        return new Timestamp((long)seconds - UnixEpoch, (int)rest * 100);
    }

    /// <summary>The time as it is stored, pulled into the range.</summary>
    public static ulong Encode(Timestamp time)
    {
        time = Capability.Round(time);
        return (ulong)(time.UnixSeconds + UnixEpoch) * TicksPerSecond + (ulong)time.Nanoseconds / 100;
    }
}
