namespace Platter.FileSystems.ExFat;

/// <summary>exFAT's times: DOS's date and time words, 10 ms steps for two of the three, and what local time was ahead of UTC.</summary>
/// <remarks>Microsoft "exFAT file system specification", sections 7.4.5 to 7.4.10.</remarks>
internal static class ExFatTimes
{
    // The offset byte: bit 7 says that it means something; bits 0-6 are signed quarters of an hour.
    private const int ValidBit = 0x80;
    private const int MinutesPerUnit = 15;

    /// <summary>What is ahead of UTC as new times note it: whole quarters of an hour, -16:00 to +15:45.</summary>
    public static TimeSpan StoredOffset(TimeSpan utcOffset) => TimeSpan.FromMinutes(Units(utcOffset) * MinutesPerUnit);

    /// <summary>A stored time as UTC; null for a date of 0.</summary>
    /// <param name="stored">Date in the high half, time in the low one.</param>
    /// <param name="tenMs">0 to 199.</param>
    /// <param name="offset">The offset byte.</param>
    /// <param name="assumed">What local time is ahead of UTC where the byte does not tell.</param>
    public static Timestamp? Decode(uint stored, byte tenMs, byte offset, TimeSpan assumed)
    {
        var ahead = (offset & ValidBit) == 0 ? assumed : TimeSpan.FromMinutes(((sbyte)(offset << 1) >> 1) * MinutesPerUnit);
        return DosTimes.Decode((ushort)(stored >> 16), (ushort)stored, tenMs, ahead);
    }

    /// <summary>A time as it is stored.</summary>
    public static (uint Stored, byte TenMs, byte Offset) Encode(Timestamp time, TimeSpan utcOffset)
    {
        var (date, clock, tenMs) = DosTimes.Encode(time, StoredOffset(utcOffset));
        return ((uint)date << 16 | clock, tenMs, (byte)(ValidBit | (Units(utcOffset) & 0x7F)));
    }

    private static int Units(TimeSpan utcOffset) => Math.Clamp((int)Math.Round(utcOffset.TotalMinutes / MinutesPerUnit), -64, 63);
}
