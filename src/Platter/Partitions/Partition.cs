using Platter.Blocks;

namespace Platter.Partitions;

/// <summary>One partition of a disk, as its table describes it.</summary>
public sealed record Partition
{
    /// <summary>The number that Linux and sfdisk give it. GPT, APM: the entry's index in the table, plus 1. MBR: 1 to 4 for the
    /// primary ones, by entry; from 5 for the logical ones, in the order of their chain.</summary>
    public required int Number { get; init; }

    /// <summary>Bytes from the start of the disk.</summary>
    public required long Start { get; init; }

    /// <summary>Bytes, as the table says; see <see cref="ReachesPastEnd"/>.</summary>
    public required long Length { get; init; }

    /// <summary>The first byte behind the partition, counted from the start of the disk.</summary>
    public long End => Start + Length;

    public required PartitionType Type { get; init; }

    /// <summary>The well-known name of the type, such as <c>esp</c>; null when there is none.</summary>
    public string? TypeName => Type.Name;

    /// <summary>The name in a GPT (up to 36 UTF-16 units) or APM (up to 32 bytes) entry; empty for MBR.</summary>
    public string Name { get; init; } = "";

    /// <summary>Flags; a GPT entry's whole attribute field.</summary>
    public PartitionFlags Flags { get; init; }

    /// <summary>GPT: the entry's unique GUID (Linux' PARTUUID); null for other tables.</summary>
    public Guid? UniqueId { get; init; }

    /// <summary>Whether this is an MBR extended partition, which holds the logical ones and no file system.</summary>
    public bool IsExtended => Type.IsExtended && !IsLogical;

    /// <summary>Whether this is an MBR logical partition.</summary>
    public bool IsLogical { get; init; }

    /// <summary>Whether the table puts the partition's end behind the end of the device: the image was cut, or the table lies.</summary>
    public bool ReachesPastEnd => Disk is not null && (Start > Disk.Length || Length > Disk.Length - Start);

    /// <summary>The device that the table was read from.</summary>
    internal BlockDevice? Disk { get; init; }

    /// <summary>The partition's bytes, as a window over the disk; disposing it leaves the disk open.</summary>
    /// <exception cref="DiskFormatException">The partition reaches past the end of the device.</exception>
    public BlockDevice OpenDevice()
    {
        if (Disk is null)
            throw new InvalidOperationException("this partition is not on a disk");
        if (ReachesPastEnd)
        {
            var code = Type.Scheme switch { PartitionScheme.Mbr => "MBR-0004", PartitionScheme.Gpt => "GPT-0014", _ => "APM-0005" };
            throw new DiskFormatException(code, $"partition {Number}", Start, $"found bytes {Start}..{End}, expected the end within the device's {Disk.Length} bytes");
        }
        return new WindowDevice(Disk, Start, Length);
    }
}
