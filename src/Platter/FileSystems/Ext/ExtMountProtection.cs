using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The block of multiple mount protection, as it is when nobody has the volume.</summary>
internal static class ExtMountProtection
{
    /// <summary>Seconds between two updates.</summary>
    public const int UsualInterval = 5;

    /// <summary>Fills a block of zeros.</summary>
    /// <param name="bytes">The block.</param>
    /// <param name="interval">Seconds between updates.</param>
    /// <param name="time">Seconds since 1970.</param>
    /// <param name="checksums">For its checksum.</param>
    public static void Fill(Span<byte> bytes, int interval, long time, ExtChecksums checksums)
    {
        ref var block = ref OnDisk.Edit<ExtMmpBlock>(bytes);
        block.Magic = ExtMmpBlock.MagicValue;
        block.Sequence = ExtMmpBlock.SequenceClean;
        block.Time = (ulong)time;
        block.CheckInterval = (ushort)Math.Max(interval, UsualInterval);
        if (checksums.IsOn)
            block.Checksum = checksums.OfMmp(bytes);
    }
}
