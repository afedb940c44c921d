namespace Platter.FileSystems.ExFat;

/// <summary>exFAT's checksums: rotate right by one, add the next byte.</summary>
/// <remarks>Microsoft "exFAT file system specification", figures in sections 3.4, 6.3.3, 7.2.2 and 7.6.4.</remarks>
internal static class ExFatChecksums
{
    // Bytes of the boot sector that change while the volume is mounted: VolumeFlags and PercentInUse.
    private const int VolumeFlagsOffset = 106, PercentInUseOffset = 112;

    // The checksum's own place in the first entry of a set.
    private const int SetChecksumOffset = 2;

    /// <summary>Of sectors 0 to 10 of a boot region, without VolumeFlags and PercentInUse.</summary>
    public static uint BootRegion(ReadOnlySpan<byte> elevenSectors)
    {
        var sum = Table(elevenSectors[..VolumeFlagsOffset]);
        sum = Table(elevenSectors[(VolumeFlagsOffset + 2)..PercentInUseOffset], sum);
        return Table(elevenSectors[(PercentInUseOffset + 1)..], sum);
    }

    /// <summary>Of the up-case table; also of a piece of it that follows one with the checksum <paramref name="sum"/>.</summary>
    public static uint Table(ReadOnlySpan<byte> bytes, uint sum = 0)
    {
        foreach (var b in bytes)
            sum = (sum << 31 | sum >> 1) + b;
        return sum;
    }

    /// <summary>Of an entry and its secondary ones, without the field itself.</summary>
    /// <param name="entries">32 bytes each, the primary one first.</param>
    public static ushort EntrySet(ReadOnlySpan<byte> entries)
    {
        var sum = Add(0, entries[..SetChecksumOffset]);
        return Add(sum, entries[(SetChecksumOffset + 2)..]);
    }

    /// <summary>Of an up-cased name: two bytes a unit, the low one first.</summary>
    public static ushort AddUnit(ushort hash, char unit)
    {
        hash = (ushort)((hash << 15 | hash >> 1) + (byte)unit);
        return (ushort)((hash << 15 | hash >> 1) + (unit >> 8));
    }

    private static ushort Add(ushort sum, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
            sum = (ushort)((sum << 15 | sum >> 1) + b);
        return sum;
    }
}
