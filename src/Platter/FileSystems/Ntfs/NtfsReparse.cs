using System.Buffers.Binary;
using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What a reparse point makes of a file.</summary>
/// <param name="Tag">Its tag.</param>
/// <param name="Kind">What the file is by it; null where the tag says nothing of it.</param>
/// <param name="Target">Of a link: as a path with '/', from the volume's root when it has a drive.</param>
internal sealed record NtfsReparsePoint(uint Tag, EntryKind? Kind, string? Target)
{
    private const string NtPrefix = @"\??\";

    /// <summary>What a tag alone says; for directory listings.</summary>
    public static EntryKind? KindOf(uint tag) => tag switch
    {
        NtfsReparseTag.SymbolicLink or NtfsReparseTag.MountPoint or NtfsReparseTag.LxSymbolicLink => EntryKind.SymbolicLink,
        NtfsReparseTag.LxFifo => EntryKind.Fifo,
        NtfsReparseTag.LxSocket => EntryKind.Socket,
        NtfsReparseTag.LxCharacterDevice => EntryKind.CharacterDevice,
        NtfsReparseTag.LxBlockDevice => EntryKind.BlockDevice,
        _ => null,
    };

    /// <summary>Takes the value of $REPARSE_POINT apart.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Parse(ReadOnlySpan<byte> value, out NtfsReparsePoint? point)
    {
        point = null;
        if (value.Length < NtfsReparseHeader.Size)
            return $"has {value.Length} bytes, expected at least {NtfsReparseHeader.Size}";
        ref readonly var head = ref OnDisk.View<NtfsReparseHeader>(value);
        uint tag = head.Tag;
        var start = NtfsReparseHeader.Size + (NtfsReparseTag.IsMicrosoft(tag) ? 0 : NtfsReparseHeader.GuidSize);
        if (start + head.DataLength > value.Length)
            return $"has {value.Length} bytes, expected {start + head.DataLength}";
        var data = value.Slice(start, head.DataLength);
        string? target = null;
        var problem = tag switch
        {
            NtfsReparseTag.SymbolicLink => LinkProblem(data, out target),
            NtfsReparseTag.MountPoint => MountPointProblem(data, out target),
            NtfsReparseTag.LxSymbolicLink => LxLinkProblem(data, out target),
            _ => null,
        };
        if (problem is null)
            point = new NtfsReparsePoint(tag, KindOf(tag), target);
        return problem;
    }

    private static string? LinkProblem(ReadOnlySpan<byte> data, out string? target)
    {
        target = null;
        if (data.Length < NtfsSymbolicLink.Size)
            return $"has {data.Length} bytes of a symbolic link, expected at least {NtfsSymbolicLink.Size}";
        ref readonly var link = ref OnDisk.View<NtfsSymbolicLink>(data);
        if (NameProblem(link.Names, data[NtfsSymbolicLink.Size..], out var name) is { } problem)
            return problem;
        target = ToPath(name);
        return null;
    }

    private static string? MountPointProblem(ReadOnlySpan<byte> data, out string? target)
    {
        target = null;
        if (data.Length < NtfsMountPoint.Size)
            return $"has {data.Length} bytes of a mount point, expected at least {NtfsMountPoint.Size}";
        if (NameProblem(OnDisk.View<NtfsMountPoint>(data), data[NtfsMountPoint.Size..], out var name) is { } problem)
            return problem;
        target = ToPath(name);
        return null;
    }

    private static string? LxLinkProblem(ReadOnlySpan<byte> data, out string? target)
    {
        target = null;
        if (data.Length < NtfsLxSymbolicLink.Size)
            return $"has {data.Length} bytes of a WSL link, expected at least {NtfsLxSymbolicLink.Size}";
        target = EscapedUtf8.Decode(data[NtfsLxSymbolicLink.Size..]);
        return null;
    }

    private static string? NameProblem(in NtfsMountPoint names, ReadOnlySpan<byte> buffer, out string name)
    {
        name = "";
        if (names.SubstituteOffset + names.SubstituteLength > buffer.Length || (names.SubstituteLength & 1) != 0)
            return $"has a target at {names.SubstituteOffset} of {names.SubstituteLength} bytes, past its {buffer.Length}";
        name = NtfsCollation.Units(buffer.Slice(names.SubstituteOffset, names.SubstituteLength)).ToString();
        return null;
    }

    /// <summary>A target as Windows keeps it, as a path: '\' becomes '/', and a drive or volume is taken for this one.</summary>
    public static string ToPath(string target)
    {
        if (target.StartsWith(NtPrefix, StringComparison.Ordinal))
        {
            target = target[NtPrefix.Length..];
            if (target.StartsWith("UNC\\", StringComparison.OrdinalIgnoreCase))
                target = @"\\" + target[4..];
            else if (target.StartsWith("Volume{", StringComparison.OrdinalIgnoreCase) && target.IndexOf('}', StringComparison.Ordinal) is var end and > 0)
                target = target[(end + 1)..];
        }
        if (target.Length >= 2 && target[1] == ':' && char.IsAsciiLetter(target[0]))
            target = target[2..];
        var path = target.Replace('\\', '/');
        return path.Length > 1 && !path.StartsWith("//", StringComparison.Ordinal) ? path.TrimEnd('/') is { Length: > 0 } trimmed ? trimmed : "/" : path;
    }
}

/// <summary>Special files as Services for UNIX (Interix) makes them: system files whose content says what they are.</summary>
/// <remarks>dir.c of ntfs-3g. A hidden file is none: Windows has empty ones of its own.</remarks>
internal static class NtfsInterix
{
    /// <summary>Bytes of a device: a name of 8 and two numbers.</summary>
    public const int DeviceLength = 24;

    /// <summary>UTF-16 units of a link's target.</summary>
    public const int MaxTarget = 4096;

    private const int MaxLinkLength = 8 + 2 * MaxTarget;

    internal static ReadOnlySpan<byte> CharacterMagic => "IntxCHR\0"u8;

    internal static ReadOnlySpan<byte> BlockMagic => "IntxBLK\0"u8;

    internal static ReadOnlySpan<byte> LinkMagic => "IntxLNK\x01"u8;

    /// <summary>Whether a file with such attributes and length may be one.</summary>
    public static bool IsCandidate(uint attributes, long length)
    {
        const DosAttributes asked = DosAttributes.System | DosAttributes.Hidden | DosAttributes.ReparsePoint | DosAttributes.Encrypted | DosAttributes.Compressed;
        return ((DosAttributes)attributes & asked) == DosAttributes.System && length is >= 0 and <= MaxLinkLength;
    }

    /// <summary>What a candidate is by its content; null: a file like any other.</summary>
    public static (EntryKind Kind, DeviceNumber? Device, string? Target)? Parse(ReadOnlySpan<byte> content)
    {
        if (content.IsEmpty)
            return (EntryKind.Fifo, null, null);
        if (content.Length == 1)
            return (EntryKind.Socket, null, null);
        if (content.Length == DeviceLength && (content.StartsWith(CharacterMagic) || content.StartsWith(BlockMagic)))
        {
            var device = new DeviceNumber((uint)BinaryPrimitives.ReadUInt64LittleEndian(content[8..]), (uint)BinaryPrimitives.ReadUInt64LittleEndian(content[16..]));
            return (content.StartsWith(CharacterMagic) ? EntryKind.CharacterDevice : EntryKind.BlockDevice, device, null);
        }
        if (content.Length > 8 && content.Length % 2 == 0 && content.StartsWith(LinkMagic))
            return (EntryKind.SymbolicLink, null, Encoding.Unicode.GetString(content[8..]).TrimEnd('\0'));
        return null;
    }
}
