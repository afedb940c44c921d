using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// $LogFile: fs/ntfs3/lfs.h and fslog.c; logfile.h of ntfs-3g.
//
//   | restart page | restart page | buffer page | buffer page | record pages ... |       pages of 4 KiB, protected like MFT records
//
// An empty log is all FF: ntfs-3g and mkntfs leave it so, and Windows starts a new one.

/// <summary>The head of a restart page: 30 bytes.</summary>
internal struct NtfsRestartPage
{
    public const int Size = 30;

    public NtfsProtectedHeader Protection;   // 0x00  "RSTR"; "CHKD" after chkdsk
    public U64Le ChkdskLsn;                  // 0x08
    public U32Le SystemPageSize;             // 0x10  4096
    public U32Le LogPageSize;                // 0x14  4096
    public U16Le RestartAreaOffset;          // 0x18  from the start of the page, a multiple of 8
    public U16Le MinorVersion;               // 0x1A  1
    public U16Le MajorVersion;               // 0x1C  1, or 2 since Windows 8

    public const uint MagicValue = 0x5254_5352;     // "RSTR"
    public const uint ChkdskMagicValue = 0x444B_4843;     // "CHKD"
}

/// <summary>The restart area: 48 bytes, then records of clients.</summary>
internal struct NtfsRestartArea
{
    public const int Size = 48;
    public const ushort NoClient = 0xFFFF;

    /// <summary>In <see cref="Flags"/>: the volume was unmounted properly.</summary>
    public const ushort CleanUnmount = 2;

    public U64Le CurrentLsn;                 // 0x00
    public U16Le ClientCount;                // 0x08
    public U16Le FreeClients;                // 0x0A  first of a chain; 0xFFFF: none
    public U16Le UsedClients;                // 0x0C  likewise: none when the log was closed
    public U16Le Flags;                      // 0x0E
    public U32Le SequenceNumberBits;         // 0x10
    public U16Le AreaLength;                 // 0x14
    public U16Le ClientsOffset;              // 0x16  from the start of the area
    public U64Le FileSize;                   // 0x18
    public U32Le LastLsnDataLength;          // 0x20
    public U16Le RecordHeaderLength;         // 0x24
    public U16Le PageDataOffset;             // 0x26
    public U32Le OpenCount;                  // 0x28
    public U32Le Reserved;                   // 0x2C
}

/// <summary>A client of the log: 160 bytes. There is one: "NTFS".</summary>
internal struct NtfsLogClient
{
    public const int Size = 160;

    public U64Le OldestLsn;                  // 0x00
    public U64Le RestartLsn;                 // 0x08
    public U16Le Previous;                   // 0x10
    public U16Le Next;                       // 0x12
    public U16Le SequenceNumber;             // 0x14
    public NtfsReserved6 Reserved;           // 0x16
    public U32Le NameLength;                 // 0x1C  bytes
    public NtfsLogClientName Name;           // 0x20  UTF-16
}

/// <summary>The head of a page of records: 40 bytes.</summary>
internal struct NtfsLogPage
{
    public const int Size = 40;

    public NtfsProtectedHeader Protection;   // 0x00  "RCRD"
    public U64Le LastLsn;                    // 0x08  in a copy: the offset of the page it is of
    public U32Le Flags;                      // 0x10  1: a record ends here
    public U16Le PageCount;                  // 0x14
    public U16Le PagePosition;               // 0x16
    public U16Le NextRecordOffset;           // 0x18
    public NtfsReserved6 Reserved;           // 0x1A
    public U64Le LastEndLsn;                 // 0x20

    public const uint MagicValue = 0x4452_4352;     // "RCRD"
}

[InlineArray(6)]
internal struct NtfsReserved6
{
    private byte _first;
}

[InlineArray(128)]
internal struct NtfsLogClientName
{
    private byte _first;
}
