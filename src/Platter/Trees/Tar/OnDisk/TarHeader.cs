using System.Runtime.CompilerServices;

namespace Platter.Trees.Tar;

[InlineArray(4)]
internal struct TarBytes4 { private byte _first; }

[InlineArray(6)]
internal struct TarBytes6 { private byte _first; }

[InlineArray(8)]
internal struct TarBytes8 { private byte _first; }

[InlineArray(12)]
internal struct TarBytes12 { private byte _first; }

[InlineArray(32)]
internal struct TarBytes32 { private byte _first; }

[InlineArray(100)]
internal struct TarBytes100 { private byte _first; }

[InlineArray(131)]
internal struct TarBytes131 { private byte _first; }

[InlineArray(155)]
internal struct TarBytes155 { private byte _first; }

/// <summary>A header block: POSIX.1-2024, pax, "ustar Interchange Format"; 512 bytes. The seventh edition's ends with the link name.</summary>
internal struct TarHeader
{
    public TarBytes100 Name;                        // 0     NUL-terminated unless full
    public TarBytes8 Mode, UserId, GroupId;         // 100, 108, 116   octal, or GNU's base 256
    public TarBytes12 Size, Modified;               // 124, 136   bytes; seconds since 1970
    public TarBytes8 Checksum;                      // 148   the sum of all bytes, these counted as spaces
    public byte Type;                               // 156
    public TarBytes100 LinkName;                    // 157
    public TarBytes8 Magic;                         // 257   "ustar" NUL "00"; GNU: "ustar  " NUL
    public TarBytes32 UserName, GroupName;          // 265, 297
    public TarBytes8 DeviceMajor, DeviceMinor;      // 329, 337
    public TarBytes155 Prefix;                      // 345   what stands before Name and a slash
    public TarBytes12 Padding;                      // 500
}

/// <summary>What GNU has in the place of the prefix: "GNU tar manual", appendix "Basic Tar Format", <c>struct oldgnu_header</c>.</summary>
internal struct TarGnuTail
{
    public TarBytes12 Accessed, Changed, Offset;    // 345, 357, 369   the last for a file in several volumes
    public TarBytes4 LongNames;                     // 381
    public byte Unused;                             // 385
    public TarSparseEntries4 Map;                   // 386
    public byte IsExtended;                         // 482   a TarSparseBlock follows
    public TarBytes12 RealSize;                     // 483   bytes of the file with its holes
}

/// <summary>What star has there ("xstar"): known by <see cref="Magic"/> and by times that are numbers.</summary>
internal struct TarStarTail
{
    public TarBytes131 Prefix;                      // 345
    public TarBytes12 Accessed, Changed;            // 476, 488
    public TarBytes8 Padding;                       // 500
    public TarBytes4 Magic;                         // 508   "tar" NUL
}

/// <summary>A part of a sparse file that is in the archive; octal or base 256.</summary>
internal struct TarSparseEntry
{
    public TarBytes12 Offset, Length;
}

[InlineArray(4)]
internal struct TarSparseEntries4 { private TarSparseEntry _first; }

[InlineArray(21)]
internal struct TarSparseEntries21 { private TarSparseEntry _first; }

/// <summary>A further block of GNU's map of a sparse file: <c>struct sparse_header</c>; 512 bytes with what is unused.</summary>
internal struct TarSparseBlock
{
    public TarSparseEntries21 Map;                  // 0
    public byte IsExtended;                         // 504   one more follows
}

/// <summary>Kinds of members, by <see cref="TarHeader.Type"/>.</summary>
internal static class TarType
{
    public const byte OldFile = 0, File = (byte)'0', HardLink = (byte)'1', SymbolicLink = (byte)'2', CharacterDevice = (byte)'3', BlockDevice = (byte)'4',
        Directory = (byte)'5', Fifo = (byte)'6', Contiguous = (byte)'7';

    /// <summary>pax records for the next member, and for all that follow.</summary>
    public const byte Extended = (byte)'x', Global = (byte)'g';

    /// <summary>Solaris: pax records before there was pax; an ACL; attributes as files.</summary>
    public const byte SolarisExtended = (byte)'X', SolarisAcl = (byte)'A', SolarisAttributes = (byte)'E';

    /// <summary>GNU: the next member's name, and its link's target; a sparse file; a directory with its listing; the rest of a file from
    /// another volume; the archive's label; names of before 1990.</summary>
    public const byte LongName = (byte)'L', LongLink = (byte)'K', Sparse = (byte)'S', DumpDirectory = (byte)'D', Continued = (byte)'M', Label = (byte)'V', OldNames = (byte)'N';
}
