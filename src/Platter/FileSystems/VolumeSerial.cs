using System.Globalization;

namespace Platter.FileSystems;

/// <summary>The serial number of 32 bits that FAT and exFAT volumes have.</summary>
internal static class VolumeSerial
{
    /// <summary>As tools print it: <c>1A2B-3C4D</c>.</summary>
    public static string ToText(uint serial) => $"{serial >> 16:X4}-{serial & 0xFFFF:X4}";

    /// <summary>A serial number as tools print it.</summary>
    /// <exception cref="ArgumentException">Anything else.</exception>
    public static uint Parse(string id)
    {
        var digits = id.Length == 9 && id[4] == '-' ? id.Remove(4, 1) : id;
        return digits.Length == 8 && uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var serial)
            ? serial
            : throw new ArgumentException($"the id '{id}' is no serial number: eight hex digits, 1A2B-3C4D");
    }

    /// <summary>DOS's way to make a serial number of a date and time, so a fixed clock gives the same volume every time.</summary>
    public static uint FromTime(DateTime time)
    {
        var low = (time.Month << 8 | time.Day) + (time.Second << 8 | time.Millisecond / 10);
        var high = (time.Hour << 8 | time.Minute) + time.Year;
        return (uint)(high & 0xFFFF) << 16 | (uint)(low & 0xFFFF);
    }

    /// <summary>The serial number of a volume to be made: the one asked for, or one of the time.</summary>
    /// <exception cref="ArgumentException">The one asked for is none.</exception>
    public static uint For(FormatOptions options) =>
        options.Id is { } id ? Parse(id) : FromTime((options.Clock.GetUtcNow() + options.Volume.UtcOffset).UtcDateTime);
}
