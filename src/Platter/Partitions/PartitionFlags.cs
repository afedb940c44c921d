using System.Globalization;
using System.Numerics;

namespace Platter.Partitions;

/// <summary>What a partition's entry says besides its place and type.</summary>
/// <remarks>The values are those of a GPT entry's 64-bit attribute field (UEFI 2.10, table 5.6), so a bit without a name here is kept as well.
/// An MBR entry has <see cref="Bootable"/> alone (its status byte 0x80); an Apple one too (its status bit 3).</remarks>
[Flags]
public enum PartitionFlags : ulong
{
    None = 0,

    /// <summary>Bit 0: the platform needs the partition; tools must not delete it.</summary>
    Required = 1,

    /// <summary>Bit 1: firmware does not offer block I/O for it.</summary>
    NoBlockIo = 1 << 1,

    /// <summary>GPT bit 2, "legacy BIOS bootable"; MBR: the active partition; APM: bootable.</summary>
    Bootable = 1 << 2,

    /// <summary>Bit 59, on systemd's types: the file system may be grown when it is mounted (Discoverable Partitions Specification).</summary>
    GrowFileSystem = 1UL << 59,

    /// <summary>Bit 60, on Microsoft's and systemd's types.</summary>
    ReadOnly = 1UL << 60,

    /// <summary>Bit 61, on Microsoft basic data: a shadow copy of another partition.</summary>
    ShadowCopy = 1UL << 61,

    /// <summary>Bit 62, on Microsoft basic data.</summary>
    Hidden = 1UL << 62,

    /// <summary>Bit 63, on Microsoft's (no drive letter) and systemd's types.</summary>
    NoAutomount = 1UL << 63,
}

/// <summary>The names of partition flags, as the command line and specs write them.</summary>
public static class PartitionFlagNames
{
    private static readonly (PartitionFlags Flag, string Name)[] Names =
    [
        (PartitionFlags.Required, "required"), (PartitionFlags.NoBlockIo, "no-block-io"), (PartitionFlags.Bootable, "bootable"),
        (PartitionFlags.GrowFileSystem, "grow-file-system"), (PartitionFlags.ReadOnly, "read-only"), (PartitionFlags.ShadowCopy, "shadow-copy"),
        (PartitionFlags.Hidden, "hidden"), (PartitionFlags.NoAutomount, "no-automount"),
        (PartitionFlags.Bootable, "legacy-bios-bootable"), (PartitionFlags.Bootable, "active"), (PartitionFlags.NoAutomount, "no-drive-letter"),
    ];

    /// <summary>One name for each bit that is set, lowest first; <c>bit48</c> for a bit without a name.</summary>
    public static IReadOnlyList<string> Format(PartitionFlags flags)
    {
        var names = new List<string>();
        for (var rest = (ulong)flags; rest != 0; rest &= rest - 1)
        {
            var bit = BitOperations.TrailingZeroCount(rest);
            var known = Array.Find(Names, n => (ulong)n.Flag == 1UL << bit);
            names.Add(known.Name ?? string.Create(CultureInfo.InvariantCulture, $"bit{bit}"));
        }
        return names;
    }

    /// <summary>The flag of a name (<c>bootable</c>, <c>legacy-bios-bootable</c>, <c>no-automount</c>, <c>bit48</c>, ...).</summary>
    /// <exception cref="FormatException">There is no such flag; the message lists those there are.</exception>
    public static PartitionFlags Parse(string name)
    {
        foreach (var (flag, known) in Names)
        {
            if (known.Equals(name, StringComparison.OrdinalIgnoreCase))
                return flag;
        }
        if (name.StartsWith("bit", StringComparison.OrdinalIgnoreCase)
            && int.TryParse(name.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var bit) && bit < 64)
            return (PartitionFlags)(1UL << bit);
        throw new FormatException($"no partition flag is called '{name}'; there are {string.Join(", ", Names.Select(n => n.Name))}, and bit0..bit63");
    }
}
