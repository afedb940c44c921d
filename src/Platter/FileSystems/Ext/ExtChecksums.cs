using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The checksums of structures: crc32c with the volume's seed (metadata_csum), or crc16 over descriptors alone (gdt_csum).</summary>
/// <remarks>Linux kernel, Documentation/filesystems/ext4, "Checksums". All are bare registers: started from all ones (or a seed), never inverted.
/// The bytes of a checksum field itself count as zeros, or are left out, as said at each.</remarks>
internal sealed class ExtChecksums
{
    private readonly ExtGeometry _geometry;
    private readonly byte[] _uuid;

    public ExtChecksums(ExtGeometry geometry)
    {
        _geometry = geometry;
        _uuid = geometry.SuperBytes.Slice(ExtSuperblock.UuidOffset, ExtSuperblock.UuidLength).ToArray();
        IsOn = geometry.Has(ExtRoCompat.MetadataChecksum);
        Seed = geometry.Has(ExtIncompat.ChecksumSeed) ? geometry.Super.ChecksumSeed : Crc32C.AppendRaw(uint.MaxValue, _uuid);
    }

    /// <summary>Whether all structures have checksums.</summary>
    public bool IsOn { get; }

    /// <summary>Whether group descriptors have one.</summary>
    public bool IsOnForDescriptors => IsOn || _geometry.Has(ExtRoCompat.GdtChecksum);

    /// <summary>What all but the superblock's start from.</summary>
    public uint Seed { get; }

    /// <summary>Of a superblock: the 1020 bytes before the field.</summary>
    public static uint OfSuper(ReadOnlySpan<byte> super) => Crc32C.AppendRaw(uint.MaxValue, super[..0x3FC]);

    /// <summary>Of a group descriptor with its number.</summary>
    public ushort OfDescriptor(long group, ReadOnlySpan<byte> descriptor)
    {
        const int field = 0x1E;
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, (uint)group);
        if (IsOn)
        {
            var crc = Crc32C.AppendRaw(Seed, number);
            crc = Crc32C.AppendRaw(crc, descriptor[..field]);
            crc = Crc32C.AppendRaw(crc, [0, 0]);
            return (ushort)Crc32C.AppendRaw(crc, descriptor[(field + 2)..]);
        }
        var crc16 = Crc16(ushort.MaxValue, _uuid);
        crc16 = Crc16(crc16, number);
        crc16 = Crc16(crc16, descriptor[..field]);
        return Crc16(crc16, descriptor[(field + 2)..]);
    }

    /// <summary>Of a bitmap: the bytes that hold all of a whole group's bits.</summary>
    public uint OfBitmap(ReadOnlySpan<byte> bitmap, int bits) => Crc32C.AppendRaw(Seed, bitmap[..(bits / 8)]);

    /// <summary>What the checksums of everything that belongs to an inode start from.</summary>
    public uint InodeSeed(uint inode, uint generation)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, inode);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], generation);
        return Crc32C.AppendRaw(Seed, bytes);
    }

    /// <summary>Of an inode, with its own seed; only the low half counts when the extra part is too short for the high one.</summary>
    public static uint OfInode(uint inodeSeed, ReadOnlySpan<byte> inode)
    {
        const int low = 0x7C, high = 0x82;
        var crc = Crc32C.AppendRaw(inodeSeed, inode[..low]);
        crc = Crc32C.AppendRaw(crc, [0, 0]);
        crc = Crc32C.AppendRaw(crc, inode[(low + 2)..ExtInodeRecord.Size]);
        if (inode.Length == ExtInodeRecord.Size)
            return crc;
        if (!HasHighHalf(inode))
            return Crc32C.AppendRaw(crc, inode[ExtInodeRecord.Size..]);
        crc = Crc32C.AppendRaw(crc, inode[ExtInodeRecord.Size..high]);
        crc = Crc32C.AppendRaw(crc, [0, 0]);
        return Crc32C.AppendRaw(crc, inode[(high + 2)..]);
    }

    /// <summary>Whether an inode's stored checksum is right.</summary>
    public bool IsInodeRight(uint number, ReadOnlySpan<byte> inode, out uint found, out uint expected)
    {
        ref readonly var record = ref OnDisk.View<ExtInodeRecord>(inode);
        expected = OfInode(InodeSeed(number, record.Generation), inode);
        found = record.ChecksumLo;
        if (HasHighHalf(inode))
            found |= (uint)(ushort)OnDisk.View<ExtInodeExtra>(inode, ExtInodeRecord.Size).ChecksumHi << 16;
        else
            expected &= 0xFFFF;
        return found == expected;
    }

    /// <summary>Of a directory block: all before the tail.</summary>
    public static uint OfDirectoryBlock(uint inodeSeed, ReadOnlySpan<byte> block) => Crc32C.AppendRaw(inodeSeed, block[..^ExtDirectoryTail.Size]);

    /// <summary>Of a block of a hash tree: the entries in use, then the tail with zeros for the field.</summary>
    /// <param name="inodeSeed">The directory's.</param>
    /// <param name="block">The block.</param>
    /// <param name="entriesOffset">Where limit and count stand.</param>
    /// <param name="count">Entries in use.</param>
    /// <param name="limit">Room.</param>
    public static uint OfHashBlock(uint inodeSeed, ReadOnlySpan<byte> block, int entriesOffset, int count, int limit)
    {
        var crc = Crc32C.AppendRaw(inodeSeed, block[..(entriesOffset + count * ExtHashEntry.Size)]);
        crc = Crc32C.AppendRaw(crc, block.Slice(entriesOffset + limit * ExtHashEntry.Size, 4));
        return Crc32C.AppendRaw(crc, [0, 0, 0, 0]);
    }

    /// <summary>Of a block of an extent tree: all before the tail.</summary>
    public static uint OfExtentBlock(uint inodeSeed, ReadOnlySpan<byte> block, int tailOffset) => Crc32C.AppendRaw(inodeSeed, block[..tailOffset]);

    /// <summary>Of a block of extended attributes, with its number.</summary>
    public uint OfAttributeBlock(long blockNumber, ReadOnlySpan<byte> block)
    {
        const int field = 0x10;
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, blockNumber);
        var crc = Crc32C.AppendRaw(Seed, number);
        crc = Crc32C.AppendRaw(crc, block[..field]);
        crc = Crc32C.AppendRaw(crc, [0, 0, 0, 0]);
        return Crc32C.AppendRaw(crc, block[(field + 4)..]);
    }

    /// <summary>Of a block of the orphan file, with its number and the file's seed: all before the tail.</summary>
    public static uint OfOrphanBlock(uint inodeSeed, long blockNumber, ReadOnlySpan<byte> block)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, blockNumber);
        return Crc32C.AppendRaw(Crc32C.AppendRaw(inodeSeed, number), block[..^ExtOrphanTail.Size]);
    }

    /// <summary>Of the multiple mount protection block: all before the field.</summary>
    public uint OfMmp(ReadOnlySpan<byte> block) => Crc32C.AppendRaw(Seed, block[..0x3FC]);

    /// <summary>crc16 as ext4 uses it: polynomial 0x8005 reflected, not inverted.</summary>
    internal static ushort Crc16(ushort crc, ReadOnlySpan<byte> data)
    {
        foreach (var b in data)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (ushort)((crc & 1) != 0 ? crc >> 1 ^ 0xA001 : crc >> 1);
        }
        return crc;
    }

    private static bool HasHighHalf(ReadOnlySpan<byte> inode) =>
        inode.Length > ExtInodeRecord.Size && OnDisk.View<ExtInodeExtra>(inode, ExtInodeRecord.Size).ExtraSize >= 4;
}
