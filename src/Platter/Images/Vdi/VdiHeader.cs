using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.Images.Vdi;

/// <summary>Kinds of VDI; VirtualBox, VDICore.h.</summary>
internal enum VdiType : uint { Dynamic = 1, Fixed = 2, Undo = 3, Differencing = 4 }

/// <summary>The first sector of a VDI of version 1.1; VirtualBox, VDICore.h (VDIPREHEADER and VDIHEADER1PLUS).</summary>
internal struct VdiHeader                               // 512 bytes, little-endian
{
    internal const int Size = 512;
    internal const uint SignatureValue = 0xBEDA107F;
    internal const uint Version11 = 0x0001_0001;        // major in the upper half

    public Text64 Text;                                 // 0x00  which program made it
    public U32Le Signature, Version;                    // 0x40, 0x44
    public U32Le HeaderSize;                            // 0x48  from here on: 0x180 and up
    public U32Le Type, Flags;                           // 0x4C, 0x50
    public Text256 Comment;                             // 0x54
    public U32Le MapOffset, DataOffset;                 // 0x154, 0x158  bytes
    public U32Le Cylinders, Heads, SectorsPerTrack;     // 0x15C
    public U32Le SectorSize;                            // 0x168  512
    public U32Le Unused;                                // 0x16C
    public U64Le DiskSize;                              // 0x170  bytes
    public U32Le BlockSize;                             // 0x178  bytes; a power of two, 1 MiB
    public U32Le BlockExtra;                            // 0x17C  bytes before each block's data; 0
    public U32Le BlockCount, AllocatedBlocks;           // 0x180, 0x184
    public Uuid UniqueId;                               // 0x188
    public Uuid ModificationId;                         // 0x198  changes when the disk does, so that a difference notices
    public Uuid ParentId, ParentModificationId;         // 0x1A8, 0x1B8
    public Rest1C8 Rest;                                // 0x1C8  a second geometry, then nothing

    [InlineArray(64)]
    internal struct Text64
    {
        private byte _first;
    }

    [InlineArray(256)]
    internal struct Text256
    {
        private byte _first;
    }

    [InlineArray(16)]
    internal struct Uuid        // fields of a GUID, little-endian
    {
        private byte _first;
    }

    [InlineArray(56)]
    internal struct Rest1C8
    {
        private byte _first;
    }

    internal readonly VdiType Kind => (VdiType)(uint)Type;
}
