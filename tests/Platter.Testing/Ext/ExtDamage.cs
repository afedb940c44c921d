using System.Buffers.Binary;
using Platter.FileSystems.Ext;
using Platter.Primitives;

namespace Platter.Testing.Ext;

/// <summary>A damage for each finding of the ext checker: what it does to a sound volume.</summary>
public static class ExtDamage
{
    /// <summary>By the finding's id and what is damaged.</summary>
    public static IReadOnlyDictionary<string, Func<ExtCase>> All { get; } = new Dictionary<string, Func<ExtCase>>(StringComparer.Ordinal)
    {
        ["EXT-0002 superblock checksum"] = () => Raw(ExtCase.Ext4(), 1024 + 0x3FC, 1),
        ["EXT-0003 block size"] = () => NoCopies(ExtCase.Ext4()).Super((ref ExtSuperblock s) => s.LogBlockSize = 7),
        ["EXT-0004 cluster size"] = () => NoCopies(ExtCase.Bigalloc()).Super((ref ExtSuperblock s) => s.LogClusterSize = 21),
        ["EXT-0005 blocks in a group"] = () => NoCopies(ExtCase.Ext4()).Super((ref ExtSuperblock s) => s.BlocksPerGroup = 8191),
        ["EXT-0006 inode size"] = () => NoCopies(ExtCase.Ext4()).Super((ref ExtSuperblock s) => s.InodeSize = 200),
        ["EXT-0007 inodes in a group"] = () => NoCopies(ExtCase.Ext4()).Super((ref ExtSuperblock s) => s.InodesPerGroup = 0),
        ["EXT-0008 descriptor size"] = () => NoCopies(ExtCase.Ext4()).Super((ref ExtSuperblock s) => s.DescriptorSize = 48),
        ["EXT-0009 first data block"] = () => NoCopies(ExtCase.Ext4()).Super((ref ExtSuperblock s) => s.FirstDataBlock = 5),
        ["EXT-0010 blocks"] = () => NoCopies(ExtCase.Ext4()).Super((ref ExtSuperblock s) => s.BlocksCountLo = 1),
        ["EXT-0011 inodes"] = () => NoCopies(ExtCase.Ext4()).Super((ref ExtSuperblock s) => s.InodesCount = 77),
        ["EXT-0013 first inode"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.FirstInode = 5),
        ["EXT-0014 reserved descriptor blocks"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.ReservedGdtBlocks = 9000),
        ["EXT-0015 first meta group"] = () => ExtCase.Plain().Super((ref ExtSuperblock s) => { s.Incompat.Raw |= (uint)ExtIncompat.MetaBg; s.FirstMetaBlockGroup = 99; }),
        ["EXT-0018 unknown feature"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.Incompat.Raw |= 0x20000000),
        ["EXT-0019 features that exclude each other"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.RoCompat.Raw |= (uint)ExtRoCompat.GdtChecksum),
        ["EXT-0020 extra size wanted"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.WantExtraInodeSize = 3),
        ["EXT-0021 quota inode"] = () => ExtCase.Inline().Super((ref ExtSuperblock s) => s.UserQuotaInode = 0x10000000),
        ["EXT-0024 mount protection"] = () => Mmp(ExtCase.Inline()),
        ["EXT-0025 journal without the feature"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.Compat.Raw &= ~(uint)ExtCompat.HasJournal),
        ["EXT-0030 inode table outside"] = () => NoCopies(ExtCase.Ext4()).Descriptor(1, (ref ExtGroupDescriptor d) => d.InodeTableLo = 999_999),
        ["EXT-0031 descriptor checksum"] = () => ExtCase.Ext4().Descriptor(1, (ref ExtGroupDescriptor d) => d.Checksum ^= 1, fix: false),
        ["EXT-0032 bitmap in another group"] = () => ExtCase.Ext2().Descriptor(1, (ref ExtGroupDescriptor d) => d.BlockBitmapLo = 600),
        ["EXT-0033 bitmap over another"] = () => ExtCase.Ext4().Descriptor(1, (ref ExtGroupDescriptor d) => d.InodeBitmapLo = d.BlockBitmapLo),
        ["EXT-0034 not initialised without the feature"] = () => ExtCase.Plain().Descriptor(1, (ref ExtGroupDescriptor d) => d.Flags.Raw = 1),
        ["EXT-0034 high half of unused inodes"] = () => ExtCase.Plain() is var c ? c.Block(c.Use(v => v.Geometry.DescriptorBlock(0)), b => b[64 + 0x32] = 1) : null!,
        ["EXT-0035 unused inodes"] = () => ExtCase.Ext4().Descriptor(1, (ref ExtGroupDescriptor d) => d.UnusedInodesLo = 60000),
        ["EXT-0101 inode checksum"] = () => ExtCase.Ext4() is var c ? c.InodeBytes(c.Number("/small"), b => b[0x7C] ^= 1, fix: false) : null!,
        ["EXT-0102 mode"] = () => ExtCase.Ext4().Inode("/small", (ref ExtInodeRecord r) => r.Mode = 0x31A4),
        ["EXT-0103 time of deletion"] = () => ExtCase.Ext4().Inode("/small", (ref ExtInodeRecord r) => r.DeleteTime = 1_700_000_000),
        ["EXT-0104 no time of deletion"] = () => ExtCase.Ext4().Inode("/dir/inside", (ref ExtInodeRecord r) => r.LinksCount = 0),
        ["EXT-0105 extra size"] = () => ExtCase.Plain() is var c ? c.InodeBytes(c.Number("/file"), b => b[0x80] = 201) : null!,
        ["EXT-0106 length"] = () => ExtCase.Ext4().Inode("/file", (ref ExtInodeRecord r) => r.SizeLo = 10),
        ["EXT-0106 length of a directory"] = () => ExtCase.Ext4().Inode("/dir", (ref ExtInodeRecord r) => r.SizeLo = 1500),
        ["EXT-0107 inline data"] = () => ExtCase.Inline() is var c ? c.InodeBytes(c.Number("/small"), b => b.AsSpan(0xA0).Clear()) : null!,
        ["EXT-0108 link target"] = () => ExtCase.Ext4().Inode("/short", (ref ExtInodeRecord r) => r.SizeLo = 30),
        ["EXT-0109 count of blocks"] = () => ExtCase.Ext4().Inode("/file", (ref ExtInodeRecord r) => r.BlocksLo += 2),
        ["EXT-0110 flag without the feature"] = () => ExtCase.Ext2().Inode("/small", (ref ExtInodeRecord r) => r.Flags.Raw |= (uint)ExtInodeFlags.Verity),
        ["EXT-0111 device of some length"] = () => ExtCase.Ext4().Inode("/device", (ref ExtInodeRecord r) => r.SizeLo = 5),
        ["EXT-0112 no root"] = () => ExtCase.Ext4().Inode(2, (ref ExtInodeRecord r) => r.Mode = 0x81A4),
        ["EXT-0113 reserved descriptors"] = () => ExtCase.Resizable().Inode(7, (ref ExtInodeRecord r) => r.Block[0] = 9),
        ["EXT-0115 list of orphans"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.LastOrphan = 5),
        ["EXT-0118 orphan file"] = () => ExtCase.Inline() is var c ? c.Inode(c.Geometry.Super.OrphanFileInode, (ref ExtInodeRecord r) => r.Mode = 0x41A4) : null!,
        ["EXT-0119 fragment"] = () => ExtCase.Ext4().Inode("/small", (ref ExtInodeRecord r) => r.FragmentAddress = 1),
        ["EXT-0115 free inode in the orphan file"] = () => ExtCase.Inline().Orphan(900, isPresent: true),
        ["EXT-0120 orphans unsaid"] = () => ExtCase.Inline() is var c ? c.Orphan(c.Number("/small"), isPresent: false) : null!,
        ["EXT-0217 strict name"] = () => ExtCase.Strict().DirectoryBlock("/folded", 0, b => b[34] = 0xFF),
        ["EXT-0404 hash of an attribute with a value elsewhere"] = () => ExtCase.Values() is var c ? c.Inode(c.ValueInode(), (ref ExtInodeRecord r) => r.AccessTime ^= 1) : null!,
        ["EXT-0407 content of a value"] = () => ExtCase.Values() is var c ? c.Block(c.BlockOf(c.ValueInode(), 0), b => b[99] ^= 1) : null!,
        ["EXT-0408 uses of a value"] = () => ExtCase.Values() is var c ? c.Inode(c.ValueInode(), (ref ExtInodeRecord r) => r.VersionLo = 5) : null!,
        ["EXT-0610 links of a value"] = () => ExtCase.Values() is var c ? c.Inode(c.ValueInode(), (ref ExtInodeRecord r) => r.LinksCount = 3) : null!,
        ["EXT-0700 head of a quota file"] = () => ExtCase.Inline() is var c ? c.Block(c.BlockOf(3, 0), b => b[0] ^= 1) : null!,
        ["EXT-0700 tree of a quota file"] = () => ExtCase.Inline() is var c ? c.Block(c.BlockOf(4, 1), b => b[3] = 9) : null!,
        ["EXT-0701 usage"] = () => ExtCase.Values() is var c ? c.Block(c.BlockOf(3, 5), b => b[16 + 0x30 + 1] += 4) : null!,
        ["EXT-0701 id without usage"] = () => ExtCase.Values() is var c ? c.Block(c.BlockOf(4, 5), b => { b[16 + 72] = 77; b[16 + 72 + 0x19] = 1; b[8]++; }) : null!,
        ["EXT-0200 entry chain"] = () => ExtCase.Ext4().DirectoryBlock("/dir", 0, b => b[4] = 13),
        ["EXT-0201 no directory checksum"] = () => ExtCase.Ext4() is var c ? c.Block(c.BlockOf("/dir"), b => b.AsSpan(b.Length - 12, 8).Fill(1)) : null!,
        ["EXT-0202 directory checksum"] = () => ExtCase.Ext4() is var c ? c.Block(c.BlockOf("/dir"), b => b[^1] ^= 1) : null!,
        ["EXT-0203 hole in a directory"] = () => ExtCase.Ext2() is var c ? c.Inode("/many", (ref ExtInodeRecord r) => r.Block[8] = r.Block[9] = 0) : null!,
        ["EXT-0205 dot"] = () => ExtCase.Ext4().DirectoryBlock("/dir", 0, b => b[0]++),
        ["EXT-0206 dot dot"] = () => ExtCase.Ext4().DirectoryBlock("/dir", 0, b => b[20] = (byte)'x'),
        ["EXT-0207 slash in a name"] = () => ExtCase.Ext4().DirectoryBlock("/dir", 0, b => b[32] = (byte)'/'),
        ["EXT-0208 no such inode"] = () => ExtCase.Ext4().DirectoryBlock("/dir", 0, b => b[26] = 9),
        ["EXT-0209 free inode"] = () => ExtCase.Ext4().DirectoryBlock("/dir", 0, b => BinaryPrimitives.WriteUInt32LittleEndian(b.AsSpan(24), 900)),
        ["EXT-0210 file type"] = () => ExtCase.Ext4().DirectoryBlock("/dir", 0, b => b[31] = 5),
        ["EXT-0211 name twice"] = () => ExtCase.Ext4().DirectoryBlock("/dir", 0, b => Twice(b)),
        ["EXT-0212 second name of a directory"] = () => ExtCase.Ext4() is var c && c.Number("/many") is var many ? c.DirectoryBlock("/dir", 0, b => BinaryPrimitives.WriteUInt32LittleEndian(b.AsSpan(24), many)) : null!,
        ["EXT-0214 encrypted name"] = () => ExtCase.Ext4().Inode("/dir", (ref ExtInodeRecord r) => r.Flags.Raw |= (uint)ExtInodeFlags.Encrypt),
        ["EXT-0215 lost directory"] = () => ExtCase.Ext4() is var c && EntryAt(c, "/dir", "below") is var at ? c.DirectoryBlock("/dir", 0, b => b.AsSpan(at, 4).Clear()) : null!,
        ["EXT-0216 parent"] = () => ExtCase.Ext4() is var c && c.Number("/many") is var many ? c.DirectoryBlock("/dir/below", 0, b => BinaryPrimitives.WriteUInt32LittleEndian(b.AsSpan(12), many)) : null!,
        ["EXT-0220 root of the hash tree"] = () => ExtCase.Ext4().DirectoryBlock("/many", 0, b => b[0x1C] = 5),
        ["EXT-0221 node of the hash tree"] = () => ExtCase.Ext4().DirectoryBlock("/many", 0, b => b[0x1E] = 1),
        ["EXT-0222 checksum of the hash tree"] = () => ExtCase.Ext4() is var c ? c.Block(c.BlockOf("/many"), b => b[0x2A] ^= 1) : null!,
        ["EXT-0223 index to nowhere"] = () => ExtCase.Ext4().DirectoryBlock("/many", 0, b => b[0x2C] = 200),
        ["EXT-0224 hash out of range"] = () => ExtCase.Ext4().DirectoryBlock("/many", 2, b => b[8] ^= 1),
        ["EXT-0225 block without an index"] = () => ExtCase.Ext4().DirectoryBlock("/many", 0, b => b[0x22]--),
        ["EXT-0300 block outside"] = () => ExtCase.Ext2().Inode("/file", (ref ExtInodeRecord r) => r.Block[3] = 9),
        ["EXT-0301 indirect block outside"] = () => ExtCase.Ext2().Inode("/file", (ref ExtInodeRecord r) => r.Block[51] = 9),
        ["EXT-0302 block of two files"] = () => ExtCase.Ext2() is var c && c.BlockOf("/small") is var block ? c.Inode("/file", (ref ExtInodeRecord r) => BinaryPrimitives.WriteUInt32LittleEndian(r.Block, (uint)block)) : null!,
        ["EXT-0303 block of a structure"] = () => ExtCase.Ext2().Inode("/file", (ref ExtInodeRecord r) => BinaryPrimitives.WriteUInt32LittleEndian(r.Block, 2)),
        ["EXT-0310 node of an extent tree"] = () => ExtCase.Ext4().ExtentBlock("/holes", b => b[2] = 0),
        ["EXT-0311 extents out of order"] = () => ExtCase.Ext4().ExtentBlock("/holes", b => b[24] = 0),
        ["EXT-0312 checksum of an extent tree"] = () => ExtCase.Ext4() is var c ? c.Block(c.NodeOf("/holes"), b => b[8]++) : null!,
        ["EXT-0313 start of an extent tree's node"] = () => ExtCase.Ext4().Inode("/holes", (ref ExtInodeRecord r) => r.Block[12] = 0),
        ["EXT-0314 unwritten directory"] = () => ExtCase.Ext4().Inode("/dir", (ref ExtInodeRecord r) => r.Block[17] = 0x80),
        ["EXT-0400 attributes"] = () => ExtCase.Ext4() is var c ? c.InodeBytes(c.Number("/small"), b => b[0xA4] = 250) : null!,
        ["EXT-0401 block of attributes"] = () => ExtCase.Ext4().AttributeBlock("/file", b => b[0] = 9),
        ["EXT-0402 checksum of attributes"] = () => ExtCase.Ext4() is var c ? c.Block(c.Use(v => v.Inodes.Read(c.Number("/file")).AttributeBlock), b => b[^1]++) : null!,
        ["EXT-0403 inode of a value"] = () => ExtCase.Ext4().AttributeBlock("/file", b => b[36] = 3),
        ["EXT-0404 hash of an attribute"] = () => ExtCase.Ext4().AttributeBlock("/file", b => b[44]++),
        ["EXT-0405 references of attributes"] = () => ExtCase.Ext4().AttributeBlock("/file", b => b[4] = 7),
        ["EXT-0406 values over each other"] = () => ExtCase.Ext4() is var c ? c.InodeBytes(c.Number("/small"), SameValue) : null!,
        ["EXT-0501 journal's inode"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.JournalBackupType = 0).Inode(8, (ref ExtInodeRecord r) => r.Mode = 0x41A4),
        ["EXT-0502 journal's magic"] = () => ExtCase.Ext4().Journal((ref JbdSuperblock s) => s.Header.Magic = 1),
        ["EXT-0503 journal's checksum"] = () => ExtCase.Dirty() is var c ? c.Block(c.JournalBlock(0), b => b[0xFC] ^= 1) : null!,
        ["EXT-0504 journal's length"] = () => ExtCase.Ext4().Journal((ref JbdSuperblock s) => s.MaxLength = 100_000),
        ["EXT-0505 descriptor of the journal"] = () => ExtCase.Dirty() is var c ? c.Block(c.JournalBlock(1), b => b[^1] ^= 1) : null!,
        ["EXT-0507 logged block"] = () => ExtCase.Dirty() is var c ? c.Block(c.JournalBlock(2), b => b[7] ^= 1) : null!,
        ["EXT-0508 block of the log outside"] = () => ExtCase.Dirty("jo") is var c ? c.Block(c.JournalBlock(1), b => b[12] = 1) : null!,
        ["EXT-0509 revoke block"] = () => ExtCase.Dirty("jo") is var c ? c.Block(c.JournalBlock(RevokeBlock(c)), b => b[12] = 1) : null!,
        ["EXT-0510 users of the journal"] = () => ExtCase.Ext4().Journal((ref JbdSuperblock s) => s.UserCount = 9),
        ["EXT-0511 forgotten journal"] = () => ExtCase.Dirty().Super((ref ExtSuperblock s) => s.Incompat.Raw &= ~(uint)ExtIncompat.Recover),
        ["EXT-0600 block bitmap"] = () => ExtCase.Plain() is var c ? c.Block(Bitmap(c, inodes: false), b => b[40] ^= 0xFF) : null!,
        ["EXT-0601 inode bitmap"] = () => ExtCase.Plain() is var c ? c.Block(Bitmap(c, inodes: true), b => b[2] ^= 0xFF) : null!,
        ["EXT-0602 free blocks of a group"] = () => ExtCase.Ext4().Descriptor(0, (ref ExtGroupDescriptor d) => d.FreeClustersLo += 3),
        ["EXT-0603 free inodes of a group"] = () => ExtCase.Ext4().Descriptor(0, (ref ExtGroupDescriptor d) => d.FreeInodesLo += 3),
        ["EXT-0604 directories of a group"] = () => ExtCase.Ext4().Descriptor(0, (ref ExtGroupDescriptor d) => d.UsedDirsLo += 3),
        ["EXT-0605 free blocks"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.FreeBlocksLo += 3),
        ["EXT-0606 free inodes"] = () => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.FreeInodes += 3),
        ["EXT-0607 checksum of a block bitmap"] = () => ExtCase.Ext4().Descriptor(0, (ref ExtGroupDescriptor d) => d.BlockBitmapChecksumLo ^= 1),
        ["EXT-0608 checksum of an inode bitmap"] = () => ExtCase.Ext4().Descriptor(0, (ref ExtGroupDescriptor d) => d.InodeBitmapChecksumLo ^= 1),
        ["EXT-0609 padding"] = () => ExtCase.Plain() is var c ? c.Block(Bitmap(c, inodes: true), b => b[^1] = 0) : null!,
        ["EXT-0610 links"] = () => ExtCase.Ext4().Inode("/small", (ref ExtInodeRecord r) => r.LinksCount = 5),
        ["EXT-0611 lost file"] = () => ExtCase.Ext4() is var c && EntryAt(c, "/dir", "inside") is var at ? c.DirectoryBlock("/dir", 0, b => b.AsSpan(at, 4).Clear()) : null!,
    };

    private static ExtCase Raw(ExtCase c, long offset, byte flip)
    {
        var one = new byte[1];
        NoCopies(c).Device.Read(offset, one);
        one[0] ^= flip;
        c.Device.Write(offset, one);
        return c;
    }

    // The copy at group 1 would be taken.
    private static ExtCase NoCopies(ExtCase c)
    {
        c.Device.Write(8193 * 1024L, new byte[2048]);
        c.Device.Write(16384 * 1024L - 1024 < c.Device.Length ? 8192 * 1024L : 8193 * 1024L, new byte[1024]);
        return c;
    }

    private static ExtCase Mmp(ExtCase c) => c.Block((long)(ulong)c.Geometry.Super.MmpBlock, b => b[0] = 1);

    private static long Bitmap(ExtCase c, bool inodes) => c.Use(v => inodes ? v.Groups[0].InodeBitmap : v.Groups[0].BlockBitmap);

    private static int EntryAt(ExtCase c, string path, string name) => c.Use(v =>
    {
        var block = new ExtDirectoryBlock(v.Blocks.Read(c.BlockOf(path), path), 1024);
        while (block.MoveNext() && EscapedUtf8.Decode(block.Name) != name)
        {
            // The entry's place is what is looked for.
        }
        return block.Offset;
    });

    // The second entry behind the dots gets the name of the first.
    private static void Twice(byte[] block)
    {
        int first = 24, second = first + BinaryPrimitives.ReadUInt16LittleEndian(block.AsSpan(first + 4));
        block.AsSpan(first + 8, block[first + 6]).CopyTo(block.AsSpan(second + 8));
        block[second + 6] = block[first + 6];
    }

    private static void SameValue(byte[] inode)
    {
        // Two attributes behind the extra fields: the second one's value is where the first one's is.
        var space = ExtInodeRecord.Size + OnDisk.View<ExtInodeExtra>(inode, ExtInodeRecord.Size).ExtraSize + ExtAttributeHeader.InodeSize;
        var second = space + (ExtAttributeEntry.Size + inode[space] + 3 & ~3);
        inode.AsSpan(space + 2, 2).CopyTo(inode.AsSpan(second + 2));
        OnDisk.Edit<ExtAttributeEntry>(inode, space).Hash = 0;
        OnDisk.Edit<ExtAttributeEntry>(inode, second).Hash = 0;
    }

    private static uint RevokeBlock(ExtCase c)
    {
        for (var block = 1u; block < 200; block++)
        {
            var bytes = c.Use(v => v.Blocks.Read(c.JournalBlock(block), "Journal"));
            if (OnDisk.View<JbdHeader>(bytes) is var head && head.Magic == JbdHeader.MagicValue && head.Type == (uint)JbdBlockType.Revoke)
                return block;
        }
        throw new InvalidOperationException("the log has no revoke block");
    }
}
