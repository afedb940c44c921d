using System.Diagnostics.CodeAnalysis;

namespace Platter.FileSystems;

/// <summary>What a volume says of itself; cheap to get: the free space is asked for apart.</summary>
public sealed record VolumeInfo
{
    /// <summary>The type's name as CLI.md has it: <c>fat32</c>, <c>ext4</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Null when there is none or the filesystem has no labels.</summary>
    public string? Label { get; init; }

    /// <summary>The serial number or UUID as the field's tools print it: <c>1A2B-3C4D</c> for FAT.</summary>
    public string? Id { get; init; }

    /// <summary>Bytes in a cluster, block or allocation block.</summary>
    public required int BlockSize { get; init; }

    /// <summary>Bytes that can hold content, free or not.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>Whether the volume was left properly: false means that a check is due.</summary>
    public required bool IsClean { get; init; }

    /// <summary>Feature names and parameters in the format's own words, for people and <c>info --json</c>.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Details { get; init; } = [];
}

/// <summary>How to open a volume.</summary>
public sealed record VolumeOptions
{
    public static VolumeOptions Default { get; } = new();

    /// <summary>The OEM code page of FAT's short names: 437, 850, 852, 866.</summary>
    public int OemCodePage { get; init; } = 437;

    /// <summary>What FAT's local times are ahead of UTC; 0 by default so that builds are reproducible.</summary>
    public TimeSpan UtcOffset { get; init; }

    /// <summary>Where the times of new and changed entries come from: the system's clock, unless another one is set.</summary>
    [AllowNull]
    public TimeProvider Clock { get => field ?? TimeProvider.System; init; }

    /// <summary>Edit even though a foreign journal cannot be replayed; what it holds is lost.</summary>
    public bool DiscardJournal { get; init; }

    /// <summary>Edit even though a hibernated Windows (or one shut down for a fast start) has the volume open; its session is lost.</summary>
    public bool IgnoreHibernation { get; init; }

    /// <summary>Read encrypted files (NTFS with EFS) as they lie on the volume, instead of refusing: ciphertext in whole sectors of 512 bytes, then 2 bytes
    /// (the lowest first) that say how many of the last sector lie behind the end. Their keys are extended attributes, <c>user.ntfs.efsinfo</c>, so that a copy
    /// keeps what it takes to make the file again. Goes before <see cref="EfsKeys"/>.</summary>
    public bool RawEncrypted { get; init; }

    /// <summary>The certificates by which encrypted files (NTFS with EFS) are decrypted as they are read. They stay the caller's.</summary>
    public EfsKeys? EfsKeys { get; init; }

    /// <summary>How NTFS is to hold FIFOs, sockets and devices that are made.</summary>
    public SpecialFileForm SpecialFiles { get; init; }

    /// <summary>How NTFS is to hold symbolic links that are made.</summary>
    public SymbolicLinkForm SymbolicLinks { get; init; }

    /// <summary>Keep POSIX permissions and owners on NTFS, in the extended attributes of the Windows Subsystem for Linux (its mount option
    /// <c>metadata</c>). What a file has is shown in any case.</summary>
    public bool WslMetadata { get; init; }
}

/// <summary>The forms of FIFOs, sockets and devices on NTFS.</summary>
public enum SpecialFileForm
{
    /// <summary>Reparse points of the Windows Subsystem for Linux: known to Windows 10 and later, ntfs-3g from 2021 on, and ntfs3.</summary>
    Wsl,

    /// <summary>System files with a content of 0, 1 or 24 bytes, as Services for UNIX made them: known to ntfs-3g of any age.</summary>
    Interix,
}

/// <summary>The forms of symbolic links on NTFS.</summary>
public enum SymbolicLinkForm
{
    /// <summary>Symbolic links of Windows Vista and later; of WSL where these cannot hold the target.</summary>
    Windows,

    /// <summary>Junctions, as Windows 2000 has them, for absolute targets that are directories of the volume; else as <see cref="Windows"/>.</summary>
    Junction,

    /// <summary>Reparse points of the Windows Subsystem for Linux: any target, and nothing that Windows itself follows.</summary>
    Wsl,

    /// <summary>System files that hold the target, as Services for UNIX and ntfs-3g make them.</summary>
    Interix,
}

/// <summary>How to format a volume. Options that only one type knows go by key, as in <c>mkfs -O key=value</c>.</summary>
public sealed record FormatOptions
{
    /// <summary>The type's name: <c>fat</c> picks the width, <c>fat32</c> asks for it.</summary>
    public required string Type { get; init; }

    public string? Label { get; init; }

    /// <summary>The serial number or UUID in the field's notation; null derives one from <see cref="Clock"/>.</summary>
    public string? Id { get; init; }

    /// <summary>Where the volume starts on its disk, in bytes: boot sectors record it (hidden sectors).</summary>
    public long PartitionOffset { get; init; }

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>How many entries are going to come, when that is known: types that make room for entries once and for all (ext's inodes)
    /// make enough.</summary>
    public long? ExpectedEntries { get; init; }

    /// <summary>The time zone and code page for what the format writes (label entry).</summary>
    public VolumeOptions Volume { get; init; } = VolumeOptions.Default;

    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>How to check a volume.</summary>
public sealed record CheckOptions
{
    public static CheckOptions Default { get; } = new();

    public VolumeOptions Volume { get; init; } = VolumeOptions.Default;
    public IProgress<WorkProgress>? Progress { get; init; }
    public CancellationToken Cancellation { get; init; }

    /// <summary>Read every file's content too, so that a failing medium is found.</summary>
    public bool ReadData { get; init; }
}
