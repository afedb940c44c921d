using Platter.FileSystems;

namespace Platter.Trees.Tar;

/// <summary>One member of an archive, put together from its header and those in front of it. Used again for the next one.</summary>
internal sealed class TarMember
{
    /// <summary>Where its first header stands, extended ones included.</summary>
    public long Start { get; set; }

    /// <summary>Where its own header stands.</summary>
    public long HeaderOffset { get; set; }

    /// <summary>Where its data starts, and how much of it there is in the archive. A map in front of the data counts.</summary>
    public long DataOffset { get; set; }

    /// <inheritdoc cref="DataOffset"/>
    public long Stored { get; set; }

    /// <summary>Behind its data.</summary>
    public long Next => DataOffset + (Stored + TarReader.BlockSize - 1) / TarReader.BlockSize * TarReader.BlockSize;

    /// <summary>One of <see cref="TarType"/>.</summary>
    public byte Type { get; set; }

    public string Path { get; set; } = "";
    public string LinkName { get; set; } = "";

    /// <summary>Bytes of the file, with its holes.</summary>
    public long Length { get; set; }

    /// <summary>Permission bits.</summary>
    public int Mode { get; set; }

    public uint UserId { get; set; }
    public uint GroupId { get; set; }
    public string? UserName { get; set; }
    public string? GroupName { get; set; }
    public Timestamp Modified { get; set; }
    public DeviceNumber Device { get; set; }

    /// <summary>Whether there are extended attributes or ACLs.</summary>
    public bool HasAttributes { get; set; }

    /// <summary>Whether pax records stood in front of it.</summary>
    public bool IsExtended { get; set; }

    /// <summary>Where its data is in the file; null when all of the file is there.</summary>
    public TarSparseMap? Map { get; set; }
}
