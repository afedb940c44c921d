using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The inodes that were deleted (or cut) while in use, when the volume was left: a list through the inodes, or a file of their numbers.</summary>
internal sealed class ExtOrphans(ExtCheckState state)
{
    private readonly ExtGeometry _geometry = state.Geometry;

    /// <summary>The numbers found.</summary>
    public HashSet<uint> Numbers { get; } = [];

    /// <summary>Collects both kinds; what is broken is reported.</summary>
    public void Collect()
    {
        CollectList();
        if (_geometry.Has(ExtCompat.OrphanFile))
            CollectFile();
        if (Numbers.Count > 0)
            state.Report.Add("EXT-0114", Severity.Note, "Orphans", null, $"{Numbers.Count} inodes were deleted or cut while in use and wait to be dealt with");
    }

    /// <summary>Reports those that are no inodes in use, once all inodes have been seen.</summary>
    public void CheckFound(ExtCheckerGroups groups)
    {
        foreach (var number in Numbers.Order())
        {
            if (groups.CanScan((number - 1) / _geometry.InodesPerGroup) && !state.Facts.IsUsed(number))
                state.Error("EXT-0115", $"Inode {number}", null, "is named as an orphan and is not in use");
        }
    }

    private void CollectList()
    {
        uint next = _geometry.Super.LastOrphan;
        var from = "Superblock.last_orphan";
        while (next != 0)
        {
            if (next < _geometry.FirstInode || next > _geometry.InodesCount || !Numbers.Add(next))
            {
                state.Error("EXT-0115", from, null, $"the list of orphans leads to inode {next}, expected {_geometry.FirstInode}..{_geometry.InodesCount}, each once");
                return;
            }
            try
            {
                var inode = state.Inodes.ReadUnchecked(next);
                if (inode.Kind is null || (inode.LinkCount > 0 && !inode.IsFile && !inode.IsDirectory && !inode.IsSymbolicLink))
                {
                    state.Error("EXT-0115", $"Inode {next}", inode.Offset, "is on the list of orphans and cannot be one");
                    Numbers.Remove(next);
                    return;
                }
                from = $"Inode {next}";
                next = inode.Record.DeleteTime;
            }
            catch (DiskFormatException e)
            {
                state.Error(e);
                return;
            }
        }
    }

    private void CollectFile()
    {
        uint number = _geometry.Super.OrphanFileInode;
        if (number < _geometry.FirstInode || number > _geometry.InodesCount)
        {
            state.Error("EXT-0118", "Superblock.orphan_file_inum", _geometry.SuperOffset + 0x280, $"found {number}, expected {_geometry.FirstInode}..{_geometry.InodesCount}");
            return;
        }
        try
        {
            var inode = state.Inodes.Read(number);
            if (!inode.IsFile || inode.LinkCount == 0 || inode.Length < 0 || inode.Length >> _geometry.LogBlockSize > 4096 || (inode.Flags & ExtInodeFlags.InlineData) != 0)
            {
                state.Error("EXT-0118", $"Inode {number}", inode.Offset, "should hold the orphan file");
                return;
            }
            var map = ExtBlockMap.Of(inode, _geometry, state.Blocks, state.Checksums);
            for (var logical = 0L; logical < inode.Length >> _geometry.LogBlockSize; logical++)
                CollectBlock(inode, logical, map.Find(logical));
        }
        catch (DiskFormatException e)
        {
            state.Error(e);
        }
    }

    private void CollectBlock(ExtInode file, long logical, in ExtRun run)
    {
        if (!run.HasData)
        {
            state.Error("EXT-0118", $"Inode {file.Number}", file.Offset, $"block {logical} of the orphan file is a hole");
            return;
        }
        var block = state.Blocks.Read(run.Physical, "Orphan file");
        var offset = run.Physical << _geometry.LogBlockSize;
        ref readonly var tail = ref OnDisk.View<ExtOrphanTail>(block, block.Length - ExtOrphanTail.Size);
        var seed = state.Checksums.InodeSeed(file.Number, file.Generation);
        if (tail.Magic != ExtOrphanTail.MagicValue)
            state.Error("EXT-0118", $"Orphan file, block {logical}", offset, $"magic: found 0x{(uint)tail.Magic:X8}, expected 0x0B10CA04");
        else if (state.Checksums.IsOn && tail.Checksum != ExtChecksums.OfOrphanBlock(seed, run.Physical, block))
            state.Error("EXT-0118", $"Orphan file, block {logical}", offset, "the checksum is wrong");
        foreach (uint number in MemoryMarshal.Cast<byte, U32Le>(block.AsSpan(0, block.Length - ExtOrphanTail.Size)))
        {
            if (number == 0)
                continue;
            if (!_geometry.Has(ExtRoCompat.OrphanPresent))
            {
                state.Error("EXT-0120", $"Orphan file, block {logical}", offset, $"names inode {number}, but the volume says that there are none (orphan_present)");
                return;
            }
            if (number < _geometry.FirstInode || number > _geometry.InodesCount || !Numbers.Add(number))
                state.Error("EXT-0115", $"Orphan file, block {logical}", offset, $"names inode {number}, expected {_geometry.FirstInode}..{_geometry.InodesCount}, each once");
        }
    }
}
