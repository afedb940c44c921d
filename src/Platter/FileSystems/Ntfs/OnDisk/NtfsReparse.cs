using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// [MS-FSCC] 2.1.2 for reparse points; wofapi.h of the Windows SDK for files that the overlay filter has compressed.

/// <summary>What a reparse point is.</summary>
internal static class NtfsReparseTag
{
    public const uint MountPoint = 0xA0000003;
    public const uint SymbolicLink = 0xA000000C;
    public const uint Wof = 0x80000017;

    // The Windows Subsystem for Linux.
    public const uint LxSymbolicLink = 0xA000001D;
    public const uint LxSocket = 0x80000023;        // AF_UNIX
    public const uint LxFifo = 0x80000024;
    public const uint LxCharacterDevice = 0x80000025;
    public const uint LxBlockDevice = 0x80000026;

    // Content that is kept elsewhere, and may leave nothing here but a hole of its length.
    private const uint Deduplicated = 0x80000013, SingleInstance = 0x80000007, Hsm = 0xC0000004, Hsm2 = 0x80000006, ProjectedFileSystem = 0x9000001C,
        OneDrive = 0x80000021, StorageSync = 0x8000001E, Cloud = 0x9000001A, CloudMask = 0xFFFF0FFF;

    /// <summary>Whether files with the tag may have their content somewhere else.</summary>
    public static bool MayBeElsewhere(uint tag) => tag is Deduplicated or SingleInstance or Hsm or Hsm2 or ProjectedFileSystem or OneDrive or StorageSync
        || (tag & CloudMask) == Cloud;

    /// <summary>The attribute that special files of WSL have besides that of all reparse points; ntfs-3g knows them by it.</summary>
    public static uint AttributesOf(ReadOnlySpan<byte> value) => value.Length >= NtfsReparseHeader.Size
        && (uint)OnDisk.View<NtfsReparseHeader>(value).Tag is LxSocket or LxFifo or LxCharacterDevice or LxBlockDevice ? NtfsFileAttributes.RecallOnOpen : 0;

    /// <summary>Whether the tag is Microsoft's; others are followed by a GUID.</summary>
    public static bool IsMicrosoft(uint tag) => (tag & 0x80000000) != 0;
}

/// <summary>The head of $REPARSE_POINT: 8 bytes, with foreign tags a GUID of 16, then the data.</summary>
internal struct NtfsReparseHeader
{
    public const int Size = 8, GuidSize = 16;

    /// <summary>The longest value.</summary>
    public const int MaxLength = 16384;

    public U32Le Tag;                        // 0x00
    public U16Le DataLength;                 // 0x04  bytes behind the head (and the GUID)
    public U16Le Reserved;                   // 0x06
}

/// <summary>The data of a junction or mount point: 8 bytes, then both names. Offsets count from behind this, lengths are bytes.</summary>
internal struct NtfsMountPoint
{
    public const int Size = 8;

    public U16Le SubstituteOffset;           // 0x00  \??\C:\...
    public U16Le SubstituteLength;           // 0x02
    public U16Le PrintOffset;                // 0x04  as people see it
    public U16Le PrintLength;                // 0x06
}

/// <summary>The data of a symbolic link: 12 bytes, then both names.</summary>
internal struct NtfsSymbolicLink
{
    public const int Size = 12;
    public const uint Relative = 1;

    public NtfsMountPoint Names;             // 0x00  offsets count from behind the flags
    public U32Le Flags;                      // 0x08
}

/// <summary>The data of a WSL link: 4 bytes, then the target in UTF-8.</summary>
internal struct NtfsLxSymbolicLink
{
    public const int Size = 4;
    public const uint CurrentVersion = 2;

    public U32Le Version;                    // 0x00
}

/// <summary>The data of a file that the overlay filter provides: 16 bytes.</summary>
internal struct NtfsWof
{
    public const int Size = 16;
    public const uint CurrentVersion = 1, FileProvider = 2;

    public U32Le Version;                    // 0x00  1
    public U32Le Provider;                   // 0x04  1: a WIM image, 2: a stream of the file itself
    public U32Le ProviderVersion;            // 0x08  1
    public NtfsWofAlgorithmField Algorithm;  // 0x0C  of provider 2
}

/// <summary>How the stream WofCompressedData is compressed.</summary>
internal enum NtfsWofAlgorithm : uint
{
    Xpress4K = 0,
    Lzx = 1,
    Xpress8K = 2,
    Xpress16K = 3,
}

internal struct NtfsWofAlgorithmField
{
    public U32Le Raw;
    public readonly NtfsWofAlgorithm Value => (NtfsWofAlgorithm)(uint)Raw;
}
