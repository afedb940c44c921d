using Platter.Primitives;

namespace Platter.Images.Qcow2;

// The structures of qcow2, as the specification has them ("Qcow2 Image File Format", docs/interop/qcow2.txt of QEMU 7.2). All numbers are
// big-endian; offsets within the file are bytes from its start.

[Flags]
internal enum IncompatibleFeatures : ulong
{
    None = 0,
    Dirty = 1 << 0,             // refcounts may be wrong: whoever writes first repairs them
    Corrupt = 1 << 1,           // somebody found the metadata broken: nobody writes before a repair
    ExternalData = 1 << 2,      // guest data lies in a file of its own
    CompressionType = 1 << 3,   // the compression type field counts, and is not zlib
    ExtendedL2 = 1 << 4,        // L2 entries of 16 bytes, with subclusters
    Known = Dirty | Corrupt | ExternalData | CompressionType | ExtendedL2,
}

[Flags]
internal enum CompatibleFeatures : ulong
{
    None = 0,
    LazyRefcounts = 1 << 0,     // a writer may leave refcounts for later, if it sets Dirty
}

[Flags]
internal enum AutoclearFeatures : ulong
{
    None = 0,
    Bitmaps = 1 << 0,           // the bitmaps extension is up to date
    RawExternalData = 1 << 1,   // the external data file alone is a raw image of the disk
    Known = Bitmaps | RawExternalData,
}

internal enum EncryptionMethod : uint { None = 0, Aes = 1, Luks = 2 }

internal enum Qcow2Compression : byte { Zlib = 0, Zstd = 1 }

/// <summary>The header, as far as it is defined; version 2 ends at 0x48, and so does the reader's trust.</summary>
internal struct Qcow2Header
{
    internal const uint MagicValue = 0x5146_49FB;       // "QFI\xFB"
    internal const int Version2Length = 0x48, Version3Length = 0x68, KnownLength = 0x70;

    public U32Be Magic, Version;                        // 0x00
    public U64Be BackingNameOffset;                     // 0x08  0 = none
    public U32Be BackingNameLength;                     // 0x10  bytes, at most 1023; no terminating zero
    public U32Be ClusterBits;                           // 0x14  9..21
    public U64Be Size;                                  // 0x18  bytes of the disk
    public U32Be Encryption;                            // 0x20
    public U32Be L1Entries;                             // 0x24
    public U64Be L1Offset;                              // 0x28
    public U64Be RefcountTableOffset;                   // 0x30
    public U32Be RefcountTableClusters;                 // 0x38
    public U32Be SnapshotCount;                         // 0x3C
    public U64Be SnapshotsOffset;                       // 0x40
    public U64Be Incompatible, Compatible, Autoclear;   // 0x48  from here on version 3
    public U32Be RefcountOrder;                         // 0x60  a refcount has 1 << this bits, at most 64
    public U32Be HeaderLength;                          // 0x64  a multiple of 8
    public byte CompressionType;                        // 0x68  there when the header is longer than 0x68
    public byte Padding1; public U16Be Padding2; public U32Be Padding3;
}

/// <summary>What stands before each header extension; its data is padded to 8 bytes.</summary>
internal struct ExtensionHead
{
    internal const uint End = 0, BackingFormat = 0xE279_2ACA, FeatureNames = 0x6803_F857, Bitmaps = 0x2385_2875,
        Encryption = 0x0537_BE77, DataFile = 0x4441_5441;

    public U32Be Type;          // 0x00
    public U32Be Length;        // 0x04  bytes of data, without the padding
}

/// <summary>One entry of the feature name table: 48 bytes, a name of 46 padded with zeros.</summary>
internal struct FeatureNameHead
{
    internal const int Length = 48, NameLength = 46;

    public byte Kind;           // 0x00  0 incompatible, 1 compatible, 2 autoclear
    public byte Bit;            // 0x01
}

/// <summary>The fixed start of a snapshot table entry; extra data, id, name and padding to 8 bytes follow.</summary>
internal struct SnapshotHead
{
    public U64Be L1Offset;          // 0x00
    public U32Be L1Entries;         // 0x08
    public U16Be IdLength;          // 0x0C
    public U16Be NameLength;        // 0x0E
    public U32Be Seconds;           // 0x10  since 1970, UTC
    public U32Be Nanoseconds;       // 0x14
    public U64Be VmClock;           // 0x18  nanoseconds the guest had run
    public U32Be VmStateSize;       // 0x20
    public U32Be ExtraLength;       // 0x24
}

/// <summary>What a snapshot's extra data holds, as far as it is long enough; version 3 must have the first two.</summary>
internal struct SnapshotExtra
{
    public U64Be VmStateSize;       // 0x00
    public U64Be DiskSize;          // 0x08  bytes; before it was recorded, the image's own
    public U64Be InstructionCount;  // 0x10
}

/// <summary>The bitmaps extension.</summary>
internal struct BitmapsExtension
{
    public U32Be Count;             // 0x00
    public U32Be Reserved;          // 0x04
    public U64Be DirectorySize;     // 0x08  bytes
    public U64Be DirectoryOffset;   // 0x10
}

[Flags]
internal enum BitmapFlags : uint
{
    None = 0,
    InUse = 1 << 0,             // not saved properly: its bits mean nothing
    Auto = 1 << 1,              // it follows every write to the disk
    ExtraCompatible = 1 << 2,   // extra data that isn't known may be ignored
}

/// <summary>The fixed start of a bitmap directory entry; extra data, name and padding to 8 bytes follow.</summary>
internal struct BitmapHead
{
    public U64Be TableOffset;       // 0x00
    public U32Be TableEntries;      // 0x08
    public U32Be Flags;             // 0x0C
    public byte Type;               // 0x10  1 = dirty tracking
    public byte GranularityBits;    // 0x11  a bit stands for 1 << this bytes, 9..31
    public U16Be NameLength;        // 0x12
    public U32Be ExtraLength;       // 0x14
}
