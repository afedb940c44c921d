using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Linux kernel, Documentation/filesystems/ext4, "Extended Attributes".
//
//   in the inode, behind the extra fields:  magic | entries... 0 ......... values     value offsets count from the first entry
//   in a block:                             header (32) | entries... 0 ... values     value offsets count from the block's start

/// <summary>The head of a block of attributes: 32 bytes. In an inode only <see cref="Magic"/> stands.</summary>
internal struct ExtAttributeHeader
{
    public const int Size = 32, InodeSize = 4;
    public const uint MagicValue = 0xEA020000;
    public const uint MaxReferences = 1024;

    public U32Le Magic;                  // 0x00  0xEA020000
    public U32Le ReferenceCount;         // 0x04  inodes that share the block
    public U32Le Blocks;                 // 0x08  1
    public U32Le Hash;                   // 0x0C  of all entries; 0: do not share
    public U32Le Checksum;               // 0x10
    public U32Le Reserved1, Reserved2, Reserved3; // 0x14, 0x18, 0x1C
}

/// <summary>The head of an attribute, 16 bytes; the name follows, padded to 4. Four zero bytes end the list.</summary>
internal struct ExtAttributeEntry
{
    public const int Size = 16;

    public byte NameLength;              // 0x00
    public byte NameIndex;               // 0x01  which prefix
    public U16Le ValueOffset;            // 0x02
    public U32Le ValueInode;             // 0x04  with ea_inode: the inode that holds the value; 0: here
    public U32Le ValueSize;              // 0x08
    public U32Le Hash;                   // 0x0C  of name and value; 0 in inodes
}

/// <summary>A POSIX ACL as ext stores it: a version, then entries of 4 (no id) or 8 bytes.</summary>
internal struct ExtAclEntry
{
    public const uint StoredVersion = 1;
    public const ushort UserTag = 0x02, GroupTag = 0x08;

    public U16Le Tag;                    // 0x00
    public U16Le Permissions;            // 0x02
    public U32Le Id;                     // 0x04  only with the tags of named users and groups
}
