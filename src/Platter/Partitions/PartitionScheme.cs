namespace Platter.Partitions;

/// <summary>The kind of a partition table.</summary>
public enum PartitionScheme
{
    /// <summary>Master boot record: four primary partitions, one of which can be extended and hold logical ones; 32-bit sector numbers.</summary>
    Mbr,

    /// <summary>GUID partition table (UEFI specification, chapter 5): two copies with checksums, 64-bit sector numbers, names and GUIDs.</summary>
    Gpt,

    /// <summary>Apple partition map (Inside Macintosh: Devices, chapter 3): big-endian, describes itself, names types by text.</summary>
    Apm,
}
