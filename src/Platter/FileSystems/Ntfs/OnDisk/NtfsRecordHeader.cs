using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// "NTFS Documentation" of the Linux-NTFS project, "File Record"; fs/ntfs3/ntfs.h.
//
//   | header | update sequence array | attribute | attribute | ... | FFFFFFFF | unused
//   0        UpdateSequenceOffset    AttributesOffset                         BytesInUse  BytesAllocated
//
// Everything is aligned to 8 bytes.

/// <summary>What every structure that is protected against torn writes starts with: MFT records, index blocks, pages of the log.</summary>
internal struct NtfsProtectedHeader
{
    public const int Size = 8;

    public U32Le Magic;                      // 0x00  "FILE", "INDX", "RSTR", "RCRD"; "BAAD" after a torn write, "CHKD" after chkdsk
    public U16Le UpdateSequenceOffset;       // 0x04  bytes from the start of the structure
    public U16Le UpdateSequenceCount;        // 0x06  words: the number itself, and one for each 512 bytes
}

/// <summary>The head of an MFT record: 48 bytes; 42 on volumes before version 3.1.</summary>
internal struct NtfsRecordHeader
{
    public const int Size = 48, OldSize = 42;

    public NtfsProtectedHeader Protection;   // 0x00  "FILE"
    public U64Le LogSequenceNumber;          // 0x08  of the last change, in $LogFile
    public U16Le SequenceNumber;             // 0x10  times that the record was given to a file; never 0 once used
    public U16Le LinkCount;                  // 0x12  $FILE_NAMEs, short ones included
    public U16Le AttributesOffset;           // 0x14
    public NtfsRecordFlagsField Flags;       // 0x16
    public U32Le BytesInUse;                 // 0x18  up to and with the end mark, a multiple of 8
    public U32Le BytesAllocated;             // 0x1C  the record's size
    public NtfsFileReference BaseRecord;     // 0x20  0 in a base record
    public U16Le NextInstance;               // 0x28  for the next attribute that is added
    public U16Le Reserved;                   // 0x2A  from here on in 3.1 alone: before, the update sequence starts here
    public U32Le RecordNumber;               // 0x2C  its own, the low 32 bits

    public const uint MagicValue = 0x454C_4946;     // "FILE"

    /// <summary>What a driver writes over the magic of a record that it found torn.</summary>
    public const uint TornMagicValue = 0x4441_4142;     // "BAAD"
}

[Flags]
internal enum NtfsRecordFlags : ushort
{
    None = 0,
    InUse = 1,

    /// <summary>Has an index of names: a directory.</summary>
    Directory = 2,

    /// <summary>A file of $Extend.</summary>
    Extend = 4,

    /// <summary>Has an index of something else: $Secure, $ObjId, $Quota, $Reparse.</summary>
    ViewIndex = 8,
}

internal struct NtfsRecordFlagsField
{
    public U16Le Raw;

    public NtfsRecordFlags Value
    {
        readonly get => (NtfsRecordFlags)(ushort)Raw;
        set => Raw = (ushort)value;
    }
}

/// <summary>Which file: the record's number and, so that a stale reference is noticed, its sequence number.</summary>
internal struct NtfsFileReference
{
    public U64Le Raw;

    public readonly long Record => (long)((ulong)Raw & NtfsReference.RecordMask);
    public readonly ushort Sequence => (ushort)((ulong)Raw >> 48);
    public readonly NtfsReference Value => new(Raw);

    public static implicit operator NtfsFileReference(NtfsReference reference) => new() { Raw = reference.Raw };
}

/// <summary>A file reference in memory: 48 bits of record number, 16 of sequence number.</summary>
internal readonly record struct NtfsReference(ulong Raw)
{
    public const ulong RecordMask = (1UL << 48) - 1;

    public NtfsReference(long record, ushort sequence) : this((ulong)record & RecordMask | (ulong)sequence << 48)
    {
    }

    public long Record => (long)(Raw & RecordMask);

    /// <summary>0: any.</summary>
    public ushort Sequence => (ushort)(Raw >> 48);

    // Written out for the reason given at NodeId.
    public bool Equals(NtfsReference other) => Raw == other.Raw;

    public override int GetHashCode() => (int)(Raw ^ Raw >> 32);

    /// <summary>As people write it: <c>64-2</c>, record and sequence number.</summary>
    public override string ToString() => $"{Record}-{Sequence}";
}
