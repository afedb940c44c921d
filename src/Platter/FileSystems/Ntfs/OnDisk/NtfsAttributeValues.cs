using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// Values of attributes. "NTFS Documentation" of the Linux-NTFS project, one page each; [MS-FSCC] for attributes, EAs and object ids.
// Times are FILETIMEs: 100 ns since 1601-01-01T00:00:00Z.

/// <summary>File attributes beyond those of <see cref="DosAttributes"/>, which have the same values.</summary>
internal static class NtfsFileAttributes
{
    /// <summary>Content is fetched when the file is opened; and what special files of the Windows Subsystem for Linux have.</summary>
    public const uint RecallOnOpen = 0x00040000;

    /// <summary>In $FILE_NAME alone: the file has an index of names, is a directory.</summary>
    public const uint HasNameIndex = 0x10000000;

    /// <summary>In $FILE_NAME alone: the file has another index.</summary>
    public const uint HasViewIndex = 0x20000000;

    /// <summary>What a name says of its file: the attributes of $STANDARD_INFORMATION, where the two bits above mean nothing, and what the record is.</summary>
    public static uint OfName(uint information, NtfsRecordFlags record) => information & ~(HasNameIndex | HasViewIndex)
        | ((record & NtfsRecordFlags.Directory) != 0 ? HasNameIndex : 0) | ((record & NtfsRecordFlags.ViewIndex) != 0 ? HasViewIndex : 0);
}

/// <summary>$STANDARD_INFORMATION: 48 bytes; on volumes since 3.0 <see cref="NtfsStandardInformation3"/> may follow.</summary>
internal struct NtfsStandardInformation
{
    public const int Size = 48;

    /// <summary>In <see cref="Flags"/>: names in this directory differ by case (Windows 10 1803 and later).</summary>
    public const uint CaseSensitive = 1;

    public U64Le Created;                    // 0x00
    public U64Le Modified;                   // 0x08  content
    public U64Le Changed;                    // 0x10  record
    public U64Le Accessed;                   // 0x18
    public U32Le Attributes;                 // 0x20
    public U32Le MaximumVersions;            // 0x24  0
    public U32Le Flags;                      // 0x28  once a version number; bit 0: case-sensitive directory
    public U32Le ClassId;                    // 0x2C  0
}

/// <summary>What stands behind: 24 bytes more, 72 in all.</summary>
internal struct NtfsStandardInformation3
{
    public const int Offset = 48, Size = 24;

    public U32Le OwnerId;                    // 0x30  key of $Quota:$Q; 0: no quotas
    public U32Le SecurityId;                 // 0x34  key of $Secure:$SII; 0: none
    public U64Le QuotaCharged;               // 0x38  bytes
    public U64Le UpdateSequenceNumber;       // 0x40  of the last entry in the USN journal, 0: none
}

/// <summary>The namespaces of names.</summary>
internal enum NtfsNamespace : byte
{
    /// <summary>Any unit but 0 and '/', case counts.</summary>
    Posix = 0,

    Win32 = 1,

    /// <summary>8.3, beside a <see cref="Win32"/> name of the same directory.</summary>
    Dos = 2,

    /// <summary>One name that is both.</summary>
    Win32AndDos = 3,
}

/// <summary>$FILE_NAME: 66 bytes, then the name. Also the key of directory entries. What it says besides parent and name is a copy that
/// drivers keep up to date in the directory's index and, now and then, in the record.</summary>
internal struct NtfsFileName
{
    public const int Size = 66, MaxNameLength = 255;

    public NtfsFileReference Parent;         // 0x00
    public U64Le Created;                    // 0x08
    public U64Le Modified;                   // 0x10
    public U64Le Changed;                    // 0x18
    public U64Le Accessed;                   // 0x20
    public U64Le AllocatedSize;              // 0x28  of the unnamed $DATA
    public U64Le DataSize;                   // 0x30
    public U32Le Attributes;                 // 0x38  with HasNameIndex for directories
    public U32Le ReparseTagOrEaSize;         // 0x3C  of reparse points the tag, else the packed size of EAs (16 bits)
    public byte NameLength;                  // 0x40  UTF-16 units, 1 to 255
    public NtfsNamespace Namespace;          // 0x41
}

/// <summary>$VOLUME_INFORMATION of $Volume: 12 bytes.</summary>
internal struct NtfsVolumeInformation
{
    public const int Size = 12;

    public U64Le Reserved;                   // 0x00
    public byte MajorVersion;                // 0x08  1.2: Windows NT 4; 3.0: 2000; 3.1: XP and later
    public byte MinorVersion;                // 0x09
    public NtfsVolumeFlagsField Flags;       // 0x0A
}

[Flags]
internal enum NtfsVolumeFlags : ushort
{
    None = 0,
    Dirty = 0x0001,
    ResizeLogFile = 0x0002,
    UpgradeOnMount = 0x0004,
    MountedOnNt4 = 0x0008,
    DeleteUsn = 0x0010,
    RepairObjectIds = 0x0020,

    /// <summary>No short names are made.</summary>
    NoShortNames = 0x0080,

    ChkdskUnderway = 0x4000,
    ModifiedByChkdsk = 0x8000,
}

internal struct NtfsVolumeFlagsField
{
    public U16Le Raw;

    public NtfsVolumeFlags Value
    {
        readonly get => (NtfsVolumeFlags)(ushort)Raw;
        set => Raw = (ushort)value;
    }
}

/// <summary>$OBJECT_ID: 16 bytes, or 64 with where the file came from.</summary>
internal struct NtfsObjectId
{
    public const int Size = 16, FullSize = 64;

    public MixedGuid Id;                     // 0x00
}

/// <summary>What may follow in $OBJECT_ID, and follows the reference in <c>$ObjId:$O</c>.</summary>
internal struct NtfsObjectBirth
{
    public const int Size = 48;

    public MixedGuid VolumeId;               // 0x00
    public MixedGuid ObjectId;               // 0x10
    public MixedGuid DomainId;               // 0x20
}

/// <summary>$EA_INFORMATION: 8 bytes.</summary>
internal struct NtfsEaInformation
{
    public const int Size = 8;

    public U16Le PackedLength;               // 0x00  bytes of all EAs, without padding: 5 + name + value each
    public U16Le NeedCount;                  // 0x02  how many have the flag "need EA"
    public U32Le QueryLength;                // 0x04  bytes of $EA, padding counted
}

/// <summary>One entry of $EA: 8 bytes, the name, a zero byte, the value; padded to 4.</summary>
internal struct NtfsEaEntry
{
    public const int Size = 8, MaxLength = 65536;
    public const byte NeedEa = 0x80;

    public U32Le NextOffset;                 // 0x00  bytes from this entry to the next one
    public byte Flags;                       // 0x04
    public byte NameLength;                  // 0x05  bytes, without the zero
    public U16Le ValueLength;                // 0x06
}

/// <summary>One attribute type of $AttrDef: 160 bytes.</summary>
internal struct NtfsAttributeDefinition
{
    public const int Size = 160;

    public NtfsAttributeDefinitionName Name; // 0x00  UTF-16, zeros behind
    public U32Le Type;                       // 0x80
    public U32Le DisplayRule;                // 0x84
    public U32Le Collation;                  // 0x88  for values that are indexed
    public U32Le Flags;                      // 0x8C  2: indexed; 4: one a record; 8: not empty; 0x40: always resident; 0x80: may be non-resident
    public U64Le MinSize;                    // 0x90  bytes of the value
    public U64Le MaxSize;                    // 0x98  -1: no limit
}

[InlineArray(128)]
internal struct NtfsAttributeDefinitionName
{
    private byte _first;
}

/// <summary>The stream $Info of $UpCase, since Windows 8: 32 bytes.</summary>
internal struct NtfsUpcaseInformation
{
    public const int Size = 32;

    public U32Le Length;                     // 0x00  32
    public U32Le Reserved;                   // 0x04
    public U64Le Checksum;                   // 0x08  of the table
    public U32Le MajorVersion;               // 0x10  of the Windows that made it; mkntfs leaves these 0
    public U32Le MinorVersion;               // 0x14
    public U32Le Build;                      // 0x18
    public U16Le ServicePackMajor;           // 0x1C
    public U16Le ServicePackMinor;           // 0x1E
}
