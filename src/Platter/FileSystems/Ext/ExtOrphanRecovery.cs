using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Deals with the inodes that were deleted or cut while in use when the volume was left: without names they go, others lose what is behind their end.</summary>
internal sealed class ExtOrphanRecovery(ExtEditState state)
{
    private const int MaxFileBlocks = 4096;

    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly HashSet<uint> _done = [];

    /// <summary>Whether there are any.</summary>
    public static bool IsNeeded(ExtGeometry geometry) =>
        geometry.Super.LastOrphan != 0 || (geometry.Has(ExtCompat.OrphanFile) && geometry.Has(ExtRoCompat.OrphanPresent));

    /// <summary>Processes the list and the file, and commits.</summary>
    /// <exception cref="DiskFormatException">They lead to what cannot be an orphan.</exception>
    public void Run()
    {
        var complete = false;
        state.Begin();
        try
        {
            for (uint next = state.Geometry.Super.LastOrphan; next != 0;)
                next = Process(next, "Superblock.last_orphan");
            _geometry.EditSuper.LastOrphan = 0;
            if (_geometry.Has(ExtCompat.OrphanFile))
                EmptyFile();
            _geometry.EditSuper.RoCompat.Raw = (uint)(_geometry.RoCompat & ~ExtRoCompat.OrphanPresent);
            complete = true;
        }
        finally
        {
            if (complete)
                state.Keep();
            else
                state.Undo();
        }
        state.Commit();
    }

    // Returns the next of the list.
    private uint Process(uint number, string from)
    {
        if (number < _geometry.FirstInode || number > _geometry.InodesCount || !_done.Add(number))
            throw new DiskFormatException("EXT-0115", from, -1, $"the list of orphans leads to inode {number}, expected {_geometry.FirstInode}..{_geometry.InodesCount}, each once");
        var inode = state.Inodes.Read(number);
        uint next = inode.Record.DeleteTime;
        if (inode.Kind is null)
            throw new DiskFormatException("EXT-0115", $"Inode {number}", inode.Offset, "is on the list of orphans and cannot be one");
        if (inode.LinkCount == 0)
        {
            state.Inodes.Quotas?.ReleaseOrphan(inode);
            ExtInodeRemoval.Remove(inode, state);
            return next;
        }
        if (ExtInodeRemoval.HasMap(inode, _geometry) && inode.Length >= 0)
            ExtMapEditor.Of(inode, state).Truncate((inode.Length + _geometry.BlockSize - 1) >> _geometry.LogBlockSize);
        inode.Edit.DeleteTime = 0;
        state.Inodes.Write(inode);
        return next;
    }

    private void EmptyFile()
    {
        uint number = _geometry.Super.OrphanFileInode;
        var file = state.Inodes.Read(number);
        if (!file.IsFile || file.Length < 0 || file.Length >> _geometry.LogBlockSize > MaxFileBlocks || (file.Flags & ExtInodeFlags.InlineData) != 0)
            throw new DiskFormatException("EXT-0118", $"Inode {number}", file.Offset, "should hold the orphan file");
        var seed = state.Checksums.InodeSeed(number, file.Generation);
        var map = ExtMapEditor.Of(file, state);
        for (var logical = 0L; logical < file.Length >> _geometry.LogBlockSize; logical++)
        {
            var run = map.Find(logical);
            if (!run.HasData)
                throw new DiskFormatException("EXT-0118", $"Inode {number}", file.Offset, $"block {logical} of the orphan file is a hole");
            var found = MemoryMarshal.Cast<byte, U32Le>(state.Blocks.Read(run.Physical, "Orphan file")).ToArray();
            var entries = found.AsSpan(0, found.Length - ExtOrphanTail.Size / 4);
            var hasAny = false;
            foreach (uint orphan in entries)
            {
                if (orphan == 0)
                    continue;
                hasAny = true;
                Process(orphan, $"Orphan file, block {logical}");
            }
            if (!hasAny)
                continue;
            var block = state.Edit(run.Physical, "Orphan file");
            block.AsSpan(0, block.Length - ExtOrphanTail.Size).Clear();
            if (state.Checksums.IsOn)
                OnDisk.Edit<ExtOrphanTail>(block, block.Length - ExtOrphanTail.Size).Checksum = ExtChecksums.OfOrphanBlock(seed, run.Physical, block);
        }
    }
}
