using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// $Secure: [MS-DTYP] 2.4 for descriptors; "NTFS Documentation" of the Linux-NTFS project, "$Secure" for the rest.
//
//   $SDS   entries one after another, aligned to 16, none across a multiple of 256 KiB; each such block is stored twice, the copy 256 KiB behind
//   $SDH   key: hash and id     -> where in $SDS
//   $SII   key: id              -> where in $SDS

/// <summary>The head of an entry in $SDS, and the data of both indexes: 20 bytes. In $SDS the descriptor follows.</summary>
internal struct NtfsSecurityEntry
{
    public const int Size = 20, Alignment = 16;

    /// <summary>Bytes of a block of $SDS; its copy follows.</summary>
    public const int BlockSize = 256 << 10;

    /// <summary>Ids start here.</summary>
    public const uint FirstId = 0x100;

    public U32Le Hash;                       // 0x00  see NtfsSecurityHash
    public U32Le Id;                         // 0x04
    public U64Le Offset;                     // 0x08  of the entry in $SDS
    public U32Le Length;                     // 0x10  of the entry, this head included
}

/// <summary>A key of $SDH: 8 bytes. Windows puts "II" in UTF-16 behind the data of its entries.</summary>
internal struct NtfsSecurityHashKey
{
    public const int Size = 8;

    public U32Le Hash;                       // 0x00
    public U32Le Id;                         // 0x04
}

/// <summary>A self-relative security descriptor: 20 bytes; offsets count from its start, 0: absent.</summary>
internal struct NtfsSecurityDescriptor
{
    public const int Size = 20;

    public byte Revision;                    // 0x00  1
    public byte ResourceManager;             // 0x01
    public U16Le Control;                    // 0x02
    public U32Le OwnerOffset;                // 0x04
    public U32Le GroupOffset;                // 0x08
    public U32Le SystemAclOffset;            // 0x0C
    public U32Le AclOffset;                  // 0x10
}

/// <summary>Bits of a descriptor's control word.</summary>
[Flags]
internal enum NtfsSecurityControl : ushort
{
    None = 0,
    OwnerDefaulted = 0x0001,
    GroupDefaulted = 0x0002,
    AclPresent = 0x0004,
    AclDefaulted = 0x0008,
    SystemAclPresent = 0x0010,
    SystemAclDefaulted = 0x0020,
    AclAutoInheritRequired = 0x0100,
    SystemAclAutoInheritRequired = 0x0200,
    AclAutoInherited = 0x0400,
    SystemAclAutoInherited = 0x0800,
    AclProtected = 0x1000,
    SystemAclProtected = 0x2000,
    ResourceManagerValid = 0x4000,
    SelfRelative = 0x8000,
}

/// <summary>An access control list: 8 bytes, then its entries.</summary>
internal struct NtfsAcl
{
    public const int Size = 8;

    public byte Revision;                    // 0x00  2; 4 with object entries
    public byte Reserved;                    // 0x01
    public U16Le Length;                     // 0x02  bytes, this head included
    public U16Le Count;                      // 0x04
    public U16Le Reserved2;                  // 0x06
}

/// <summary>The head of an entry of a list: 8 bytes, then (in object entries flags and GUIDs and) a SID.</summary>
internal struct NtfsAce
{
    public const int Size = 8;

    public byte Type;                        // 0x00
    public byte Flags;                       // 0x01  inheritance, audit
    public U16Le Length;                     // 0x02  bytes, a multiple of 4
    public U32Le Mask;                       // 0x04
}

/// <summary>A security identifier: 8 bytes, then up to 15 numbers of 32 bits, little-endian.</summary>
internal struct NtfsSid
{
    public const int Size = 8, MaxSubAuthorities = 15;

    public byte Revision;                    // 0x00  1
    public byte SubAuthorityCount;           // 0x01
    public NtfsSidAuthority Authority;       // 0x02  big-endian
}

[InlineArray(6)]
internal struct NtfsSidAuthority
{
    private byte _first;
}
