using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Inodes that are made for a name.
internal sealed partial class ExtEditor
{
    private ExtInode NewInode(uint number, ExtInode parent, EntryKind kind)
    {
        // What stood there says where it stands, and how often it has been used.
        var old = state.Inodes.ReadUnchecked(number);
        var bytes = new byte[_geometry.InodeSize];
        if (bytes.Length > ExtInodeRecord.Size)
            OnDisk.Edit<ExtInodeExtra>(bytes, ExtInodeRecord.Size).ExtraSize = ExtraSize();
        var inode = new ExtInode(number, bytes, old.Offset);
        ref var record = ref inode.Edit;
        record.Mode = (ushort)(kind switch
        {
            EntryKind.Directory => 0x4000 | 0x1ED,
            EntryKind.SymbolicLink => 0xA000 | 0x1FF,
            EntryKind.CharacterDevice => 0x2000 | 0x1A4,
            EntryKind.BlockDevice => 0x6000 | 0x1A4,
            EntryKind.Fifo => 0x1000 | 0x1A4,
            EntryKind.Socket => 0xC000 | 0x1A4,
            _ => 0x8000 | 0x1A4,
        });
        record.LinksCount = (ushort)(kind == EntryKind.Directory ? 2 : 1);
        record.Generation = old.Generation != 0 ? old.Generation + 1 : FirstGeneration(number);
        var flags = parent.Flags & Inherited;
        record.Flags.Raw = (uint)(kind == EntryKind.Directory ? flags : kind == EntryKind.File ? flags & ~OfDirectoriesOnly : flags & OfOthers);
        if ((parent.Flags & ExtInodeFlags.ProjectInherit) != 0 && inode.HasExtra(ExtInodeExtra.Size))
            inode.EditExtra.ProjectId = parent.ProjectId;
        if (kind is EntryKind.File or EntryKind.Directory)
            inode.ClearMap(_geometry.Has(ExtIncompat.Extents));
        inode.SetTimes(state.Now);
        return inode;
    }

    private ushort ExtraSize()
    {
        int wanted = ExtInodeExtra.Size;
        if (_geometry.Has(ExtRoCompat.ExtraIsize))
            wanted = Math.Max(wanted, Math.Max((ushort)_geometry.Super.WantExtraInodeSize, (ushort)_geometry.Super.MinExtraInodeSize));
        return (ushort)(Math.Min(wanted, _geometry.InodeSize - ExtInodeRecord.Size) & ~3);
    }

    // Any number will do that differs from inode to inode and is the same in every build, but no CRC-32C of the inode's number: of a number with its own CRC behind it the CRC is
    // always the same, and every inode's checksums would start from that, so that no block would tell whose it is.
    private uint FirstGeneration(uint number) => number * 2654435761 ^ state.Checksums.Seed;

    private void SetTarget(ExtInode inode, byte[] target)
    {
        inode.SetLength(target.Length);
        if (target.Length < ExtInodeRecord.BlockLength)
        {
            target.CopyTo(inode.EditBlock);
            return;
        }
        inode.ClearMap(_geometry.Has(ExtIncompat.Extents));
        var map = ExtMapEditor.Of(inode, state);
        var made = new GrowingArray<ExtRun>();
        map.Fill(0, 1, 0, made);
        var block = new byte[_geometry.BlockSize];
        target.CopyTo(block, 0);
        var offset = made[0].Physical << _geometry.LogBlockSize;
        if (state.Space.IsFresh(made[0].Physical, 1))
            state.Device.WriteFresh(offset, block);
        else
            state.Device.Write(offset, block);
    }
}
