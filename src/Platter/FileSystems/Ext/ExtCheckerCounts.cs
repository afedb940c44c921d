using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Compares the bitmaps and the counts with what was found in use.</summary>
internal sealed class ExtCheckerCounts(ExtCheckState state, ExtCheckerGroups groups)
{
    private readonly ExtGeometry _geometry = state.Geometry;
    private long _freeClusters, _freeInodes;

    public void Check()
    {
        var bitmaps = new ExtBitmaps(_geometry, state.Blocks, state.Groups, state.Checksums);
        for (var group = 0L; group < state.GroupCount; group++)
        {
            state.Progress("comparing bitmaps", group, state.GroupCount);
            if (!groups.IsKnown(group))
                continue;
            try
            {
                var descriptor = state.Groups[group];
                CheckBlocks(group, descriptor, bitmaps);
                if (groups.CanScan(group))
                    CheckInodes(group, descriptor, bitmaps);
                else
                    _freeInodes += descriptor.FreeInodes;
            }
            catch (DiskFormatException e)
            {
                state.Error(e);
            }
        }
        CheckTotals();
    }

    private void CheckBlocks(long group, in ExtGroup descriptor, ExtBitmaps bitmaps)
    {
        var structure = $"Block bitmap {group}";
        var count = _geometry.ClustersIn(group);
        var offset = descriptor.BlockBitmap << _geometry.LogBlockSize;
        Bitmap stored;
        if ((descriptor.Flags & ExtGroupFlags.BlockUninit) != 0)
        {
            stored = bitmaps.Initial(group, descriptor);
        }
        else
        {
            var bytes = state.Blocks.Read(descriptor.BlockBitmap, structure);
            if (!bitmaps.IsRight(bytes, _geometry.ClustersPerGroup, descriptor.BlockBitmapChecksum))
                state.Error("EXT-0607", structure, offset, "the checksum is wrong");
            CheckPadding(structure, offset, bytes, count, _geometry.ClustersPerGroup);
            stored = new Bitmap(count);
            stored.Load(0, bytes.AsSpan(0, (count + 7) / 8));
        }
        var used = state.Used.Of(group);
        Compare("EXT-0600", structure, offset, stored, used, _geometry.GroupStart(group), _geometry.ClusterRatio);
        var free = count - stored.CountSet();
        _freeClusters += free;
        if (descriptor.FreeClusters != free)
            state.Error("EXT-0602", $"GroupDescriptor {group}", state.Groups.Offset(group) + 0x0C, $"free clusters: found {descriptor.FreeClusters}, counted {free}");
    }

    private void CheckInodes(long group, in ExtGroup descriptor, ExtBitmaps bitmaps)
    {
        var structure = $"Inode bitmap {group}";
        var count = _geometry.InodesPerGroup;
        var offset = descriptor.InodeBitmap << _geometry.LogBlockSize;
        var stored = new Bitmap(count);
        if ((descriptor.Flags & ExtGroupFlags.InodeUninit) == 0)
        {
            var bytes = state.Blocks.Read(descriptor.InodeBitmap, structure);
            if (!bitmaps.IsRight(bytes, count, descriptor.InodeBitmapChecksum))
                state.Error("EXT-0608", structure, offset, "the checksum is wrong");
            CheckPadding(structure, offset, bytes, count, 8 * _geometry.BlockSize);
            stored.Load(0, bytes.AsSpan(0, (count + 7) / 8));
        }
        var used = new Bitmap(count);
        var directories = 0u;
        if (state.Facts.Of(group) is { } facts)
        {
            for (var i = 0; i < count; i++)
            {
                if (!facts[i].IsUsed)
                    continue;
                used[i] = true;
                directories += facts[i].IsDirectory ? 1u : 0;
            }
        }
        var first = group * count + 1;
        for (var i = 0; i < count && first + i < _geometry.FirstInode; i++)
            used[i] = true;
        Compare("EXT-0601", structure, offset, stored, used, first, 1);
        var free = (uint)(count - stored.CountSet());
        _freeInodes += free;
        if (descriptor.FreeInodes != free)
            state.Error("EXT-0603", $"GroupDescriptor {group}", state.Groups.Offset(group) + 0x0E, $"free inodes: found {descriptor.FreeInodes}, counted {free}");
        if (descriptor.UsedDirectories != directories)
            state.Error("EXT-0604", $"GroupDescriptor {group}", state.Groups.Offset(group) + 0x10, $"directories: found {descriptor.UsedDirectories}, counted {directories}");
    }

    // What is in use and marked free is damage waiting to happen. What is marked and not in use is lost, unless something was overlooked.
    private void Compare(string code, string structure, long offset, Bitmap stored, Bitmap used, long first, int unit)
    {
        long missing = 0, lost = 0, firstMissing = -1, firstLost = -1;
        foreach (var run in used.Runs(true, 0, used.Length))
        {
            for (var at = stored.NextClear(run.Start, run.End); at >= 0 && at < run.End; at = at + 1 < run.End ? stored.NextClear(at + 1, run.End) : -1)
            {
                missing++;
                firstMissing = firstMissing < 0 ? at : firstMissing;
            }
        }
        foreach (var run in stored.Runs(true, 0, stored.Length))
        {
            for (var at = used.NextClear(run.Start, run.End); at >= 0 && at < run.End; at = at + 1 < run.End ? used.NextClear(at + 1, run.End) : -1)
            {
                lost++;
                firstLost = firstLost < 0 ? at : firstLost;
            }
        }
        if (missing > 0)
            state.Error(code, structure, offset, $"{missing} are in use and marked as free, the first is {first + firstMissing * unit}");
        if (lost > 0 && !state.IsIncomplete)
            state.Error(code, structure, offset, $"{lost} are marked as in use and nobody has them, the first is {first + firstLost * unit}");
    }

    // Bits behind the last cluster or inode must be set.
    private void CheckPadding(string structure, long offset, ReadOnlySpan<byte> bytes, int from, int end)
    {
        for (var bit = from; bit < Math.Min(end, bytes.Length * 8); bit++)
        {
            if ((bytes[bit / 8] & 1 << bit % 8) != 0)
                continue;
            state.Error("EXT-0609", structure, offset + bit / 8, $"bit {bit} is behind the last one in use and not set");
            return;
        }
    }

    private void CheckTotals()
    {
        if (state.GroupCount != _geometry.GroupCount || state.IsIncomplete)
            return;
        ref readonly var s = ref _geometry.Super;
        var free = (_geometry.Has(ExtIncompat.Bit64) ? (long)(uint)s.FreeBlocksHi << 32 : 0) | (uint)s.FreeBlocksLo;
        // Drivers bring these up to date when they leave: after a replay they are old, and that is usual.
        var severity = state.WasReplayed || (s.State.Value & ExtState.Valid) == 0 ? Severity.Note : Severity.Error;
        if (free != _freeClusters * _geometry.ClusterRatio)
            state.Report.Add("EXT-0605", severity, "Superblock.free_blocks_count", _geometry.SuperOffset + 0x0C, $"found {free}, counted {_freeClusters * _geometry.ClusterRatio}");
        if (s.FreeInodes != _freeInodes)
            state.Report.Add("EXT-0606", severity, "Superblock.free_inodes_count", _geometry.SuperOffset + 0x10, $"found {s.FreeInodes}, counted {_freeInodes}");
    }
}
