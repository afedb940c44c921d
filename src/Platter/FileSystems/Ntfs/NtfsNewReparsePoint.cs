using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Lays down values of $REPARSE_POINT. Each needs its key in <c>$Extend\$Reparse:$R</c>, and its attribute in the file and its names.</summary>
internal static class NtfsNewReparsePoint
{
    private const string NtPrefix = @"\??\";

    // What no name has on Windows; a colon would be that of a stream or a drive.
    private static readonly System.Buffers.SearchValues<char> Forbidden = System.Buffers.SearchValues.Create("\0\\:*?\"<>|");

    // 2^14 less the heads, for two names of UTF-16: what Windows takes.
    private const int MaxTarget = 4090;

    /// <summary>Whether a target, as a path with '/', can stand in a link of Windows and come back.</summary>
    public static bool IsWindowsTarget(string target) =>
        target.Length is > 0 and <= MaxTarget && !target.AsSpan().ContainsAny(Forbidden)
        && !target.StartsWith("//", StringComparison.Ordinal) && (target.Length == 1 || target[^1] != '/');

    /// <summary>A symbolic link. Windows follows those that lead to a directory only where the link's record is a directory.</summary>
    /// <param name="target">A path with '/'. One from the root on is one of this volume; with a drive (<c>C:/...</c>) it is one of that drive.</param>
    /// <exception cref="ArgumentException">It is empty or too long.</exception>
    public static byte[] SymbolicLink(string target)
    {
        RequireTarget(target);
        var shown = target.Replace('/', '\\');
        var isRelative = !HasDrive(target) && !shown.StartsWith(@"\\", StringComparison.Ordinal);
        var substitute = isRelative ? shown : NtName(shown);
        var data = new byte[NtfsSymbolicLink.Size + 2 * (substitute.Length + shown.Length)];
        ref var link = ref OnDisk.Edit<NtfsSymbolicLink>(data);
        link.Names = Names(substitute, shown, terminator: 0);
        link.Flags = isRelative ? NtfsSymbolicLink.Relative : 0;
        Put(data.AsSpan(NtfsSymbolicLink.Size), substitute, shown, terminator: 0);
        return Build(NtfsReparseTag.SymbolicLink, data);
    }

    /// <summary>A junction, for directories; always absolute.</summary>
    /// <param name="target">A path with '/', with a drive or from the root on.</param>
    /// <param name="drive">The drive that Windows gives this volume, for a target without one.</param>
    /// <exception cref="ArgumentException">It is relative, empty or too long.</exception>
    public static byte[] Junction(string target, char drive = 'C')
    {
        RequireTarget(target);
        if (!HasDrive(target) && target[0] != '/')
            throw new ArgumentException($"a junction leads to an absolute path, and '{target}' is relative", nameof(target));
        var shown = (HasDrive(target) ? target : $"{drive}:{target}").Replace('/', '\\');
        var substitute = NtPrefix + shown;
        var data = new byte[NtfsMountPoint.Size + 2 * (substitute.Length + shown.Length + 2)];
        OnDisk.Edit<NtfsMountPoint>(data) = Names(substitute, shown, terminator: 1);
        Put(data.AsSpan(NtfsMountPoint.Size), substitute, shown, terminator: 1);
        return Build(NtfsReparseTag.MountPoint, data);
    }

    /// <summary>A link of the Windows Subsystem for Linux: any target, which Windows itself does not follow.</summary>
    public static byte[] LxSymbolicLink(string target)
    {
        var bytes = EscapedUtf8.Encode(target);
        if (bytes.Length is 0 or > MaxTarget)
            throw new ArgumentException($"a link's target has 1 to {MaxTarget} bytes, this one {bytes.Length}", nameof(target));
        var data = new byte[NtfsLxSymbolicLink.Size + bytes.Length];
        OnDisk.Edit<NtfsLxSymbolicLink>(data).Version = NtfsLxSymbolicLink.CurrentVersion;
        bytes.CopyTo(data, NtfsLxSymbolicLink.Size);
        return Build(NtfsReparseTag.LxSymbolicLink, data);
    }

    /// <summary>A FIFO, socket or device of the Windows Subsystem for Linux; a device's numbers are in the extended attribute $LXDEV.</summary>
    public static byte[] LxSpecial(EntryKind kind) => Build(kind switch
    {
        EntryKind.Fifo => NtfsReparseTag.LxFifo,
        EntryKind.Socket => NtfsReparseTag.LxSocket,
        EntryKind.CharacterDevice => NtfsReparseTag.LxCharacterDevice,
        EntryKind.BlockDevice => NtfsReparseTag.LxBlockDevice,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "is no special file"),
    }, []);

    /// <summary>Any reparse point of Microsoft's tags.</summary>
    /// <param name="tag">Its tag.</param>
    /// <param name="data">What follows the head.</param>
    public static byte[] Build(uint tag, ReadOnlySpan<byte> data)
    {
        if (!NtfsReparseTag.IsMicrosoft(tag) || data.Length > NtfsReparseHeader.MaxLength - NtfsReparseHeader.Size)
            throw new ArgumentException($"a reparse point has a tag of Microsoft's and at most {NtfsReparseHeader.MaxLength - NtfsReparseHeader.Size} bytes, not 0x{tag:X8} and {data.Length}", nameof(tag));
        var value = new byte[NtfsReparseHeader.Size + data.Length];
        ref var head = ref OnDisk.Edit<NtfsReparseHeader>(value);
        head.Tag = tag;
        head.DataLength = (ushort)data.Length;
        data.CopyTo(value.AsSpan(NtfsReparseHeader.Size));
        return value;
    }

    private static bool HasDrive(string target) => target.Length >= 2 && target[1] == ':' && char.IsAsciiLetter(target[0]);

    private static string NtName(string shown) => shown.StartsWith(@"\\", StringComparison.Ordinal) ? NtPrefix + @"UNC\" + shown[2..] : NtPrefix + shown;

    private static void RequireTarget(string target)
    {
        if (target.Length is 0 or > MaxTarget - 8)
            throw new ArgumentException($"a link's target has 1 to {MaxTarget - 8} UTF-16 units, this one {target.Length}", nameof(target));
    }

    private static NtfsMountPoint Names(string substitute, string shown, int terminator) => new()
    {
        SubstituteOffset = 0,
        SubstituteLength = (ushort)(2 * substitute.Length),
        PrintOffset = (ushort)(2 * (substitute.Length + terminator)),
        PrintLength = (ushort)(2 * shown.Length),
    };

    private static void Put(Span<byte> target, string substitute, string shown, int terminator)
    {
        PutUnits(target, substitute);
        PutUnits(target[(2 * (substitute.Length + terminator))..], shown);
    }

    private static void PutUnits(Span<byte> target, string text)
    {
        for (var i = 0; i < text.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(target[(2 * i)..], text[i]);
    }
}

/// <summary>The content of special files as Services for UNIX (Interix) and ntfs-3g make them; the file has the system attribute.</summary>
internal static class NtfsNewInterix
{
    /// <summary>The content of a FIFO, socket or device.</summary>
    public static byte[] Special(EntryKind kind, DeviceNumber? device)
    {
        if (kind is EntryKind.Fifo or EntryKind.Socket)
            return new byte[kind == EntryKind.Fifo ? 0 : 1];
        if (kind is not (EntryKind.CharacterDevice or EntryKind.BlockDevice) || device is not { } numbers)
            throw new ArgumentOutOfRangeException(nameof(kind), kind, "is no special file, or has no device number");
        var content = new byte[NtfsInterix.DeviceLength];
        (kind == EntryKind.CharacterDevice ? NtfsInterix.CharacterMagic : NtfsInterix.BlockMagic).CopyTo(content);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(8), numbers.Major);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(16), numbers.Minor);
        return content;
    }

    /// <summary>The content of a symbolic link, which other systems than Windows follow.</summary>
    public static byte[] Link(string target) => [.. NtfsInterix.LinkMagic, .. MemoryMarshal.AsBytes(target.AsSpan())];
}
