using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The file that holds a volume's journal: its inode, or the copy of its map in the superblock when the inode is broken.</summary>
internal sealed class ExtJournalFile
{
    private readonly ExtGeometry _geometry;
    private readonly ExtBlocks _blocks;
    private readonly ExtBlockMap _map;
    private readonly uint _number;
    private ExtRun _run;

    private ExtJournalFile(ExtGeometry geometry, ExtBlocks blocks, ExtInode inode, ExtChecksums checksums)
    {
        _geometry = geometry;
        _blocks = blocks;
        _number = inode.Number;
        if (!inode.IsFile || inode.LinkCount == 0 || inode.Length < 0 || (inode.Flags & (ExtInodeFlags.InlineData | ExtInodeFlags.Encrypt)) != 0)
            throw new DiskFormatException("EXT-0501", $"Inode {inode.Number}", inode.Offset, "should hold the journal and is no file of blocks");
        _map = ExtBlockMap.Of(inode, geometry, blocks, checksums);
        Journal = Jbd.Parse(blocks.Read(Physical(0), "Journal superblock"), geometry, inode.Length >> geometry.LogBlockSize, Physical(0) << geometry.LogBlockSize);
    }

    public Jbd Journal { get; }

    /// <summary>Where the journal's superblock lies, in bytes.</summary>
    public long Offset => Physical(0) << _geometry.LogBlockSize;

    /// <summary>Opens the journal.</summary>
    /// <exception cref="DiskFormatException">Neither the inode nor the superblock's copy of it leads to a journal.</exception>
    public static ExtJournalFile Open(ExtGeometry geometry, ExtBlocks blocks)
    {
        var checksums = new ExtChecksums(geometry);
        try
        {
            var inodes = new ExtInodeTable(geometry, blocks, new ExtGroups(geometry, blocks, checksums), checksums);
            return new ExtJournalFile(geometry, blocks, inodes.Read(geometry.Super.JournalInode), checksums);
        }
        catch (DiskFormatException broken)
        {
            if (Copy(geometry) is not { } copy)
                throw;
            try
            {
                return new ExtJournalFile(geometry, blocks, copy, checksums);
            }
            catch (DiskFormatException)
            {
                throw broken;
            }
        }
    }

    /// <summary>Reads the log.</summary>
    public JbdReplay Read() => JbdReplay.Read(Journal, Physical, _geometry, _blocks);

    /// <summary>Where a block of the journal lies in the volume.</summary>
    /// <exception cref="DiskFormatException">Nowhere.</exception>
    public long Physical(uint block)
    {
        if (block < _run.Logical || block >= _run.End)
            _run = _map.Find(block);
        return _run.HasData ? _run.Physical + (block - _run.Logical)
            : throw new DiskFormatException("EXT-0501", $"Inode {_number}", -1, $"block {block} of the journal is a hole");
    }

    // s_jnl_blocks: the 15 words of the map, the high and the low half of the length.
    private static ExtInode? Copy(ExtGeometry geometry)
    {
        const byte isThere = 1;
        if (geometry.Super.JournalBackupType != isThere)
            return null;
        ReadOnlySpan<U32Le> words = geometry.Super.JournalBlocks;
        var bytes = new byte[geometry.InodeSize];
        ref var record = ref OnDisk.Edit<ExtInodeRecord>(bytes);
        record.Mode = 0x8180;
        record.LinksCount = 1;
        MemoryMarshal.AsBytes(words[..15]).CopyTo(record.Block);
        record.SizeHigh = words[15];
        record.SizeLo = words[16];
        if (OnDisk.View<ExtExtentHeader>(bytes, ExtInodeRecord.BlockOffset).Magic == ExtExtentHeader.MagicValue)
            record.Flags.Raw = (uint)ExtInodeFlags.Extents;
        return new ExtInode(geometry.Super.JournalInode, bytes, geometry.SuperOffset + 0x10C);
    }
}
