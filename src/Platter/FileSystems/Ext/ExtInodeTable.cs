namespace Platter.FileSystems.Ext;

/// <summary>Finds inodes: in their group's table, by number from 1 on.</summary>
internal sealed class ExtInodeTable(ExtGeometry geometry, ExtBlocks blocks, ExtGroups groups, ExtChecksums checksums)
{
    /// <summary>What counts the usage of users, groups and projects along; null where nothing does.</summary>
    public ExtQuotas? Quotas { get; set; }

    /// <summary>An inode, its checksum verified.</summary>
    /// <exception cref="DiskFormatException">There is no such inode, or its checksum is wrong.</exception>
    public ExtInode Read(uint number)
    {
        var inode = ReadUnchecked(number);
        if (checksums.IsOn && !checksums.IsInodeRight(number, inode.Bytes, out var found, out var expected))
            throw new DiskFormatException("EXT-0101", $"Inode {number}", inode.Offset, $"checksum: found 0x{found:X8}, expected 0x{expected:X8}");
        return inode;
    }

    /// <summary>An inode as it stands.</summary>
    /// <exception cref="DiskFormatException">There is no such inode.</exception>
    public ExtInode ReadUnchecked(uint number)
    {
        if (number == 0 || number > geometry.InodesCount)
            throw new DiskFormatException("EXT-0100", $"Inode {number}", -1, $"expected 1..{geometry.InodesCount}");
        var index = (int)((number - 1) % geometry.InodesPerGroup);
        var table = groups[(number - 1) / geometry.InodesPerGroup].InodeTable;
        var block = table + index / geometry.InodesPerBlock;
        var at = index % geometry.InodesPerBlock * geometry.InodeSize;
        var bytes = blocks.Read(block, new ExtStructure("Inode", number)).AsSpan(at, geometry.InodeSize).ToArray();
        return new ExtInode(number, bytes, (block << geometry.LogBlockSize) + at);
    }

    /// <summary>Brings a changed inode back to its table, with its checksum.</summary>
    public void Write(ExtInode inode)
    {
        var changes = blocks.Changes ?? throw new InvalidOperationException("the volume is open for reading only");
        if (checksums.IsOn)
        {
            var crc = ExtChecksums.OfInode(checksums.InodeSeed(inode.Number, inode.Generation), inode.Bytes);
            inode.Edit.ChecksumLo = (ushort)crc;
            if (inode.HasExtra(4))
                inode.EditExtra.ChecksumHi = (ushort)(crc >> 16);
        }
        var block = inode.Offset >> geometry.LogBlockSize;
        var at = (int)(inode.Offset & geometry.BlockSize - 1);
        Quotas?.Follow(new ExtInode(inode.Number, blocks.Read(block, "Inode table").AsSpan(at, geometry.InodeSize).ToArray(), inode.Offset), inode);
        inode.Bytes.CopyTo(changes.EditPart(blocks, block, at, geometry.InodeSize, "Inode table").AsSpan(at));
    }
}
