using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Does once more what fast commits say was done: they record changes of inodes, maps and names, not blocks.</summary>
/// <remarks>
/// <para>Linux kernel, fs/ext4/fast_commit.c. A record says what is to be, so it is done whether or not part of it is there already. Bitmaps, counts, trees of
/// extents and blocks of directories follow from that, as they do with any edit.</para>
/// <para>Blocks that the records name are kept from being taken for anything else before they are mapped.</para>
/// </remarks>
internal sealed class ExtFastReplay
{
    private readonly ExtEditState _state;
    private readonly ExtGeometry _geometry;
    private readonly HashSet<uint> _gone = [];

    private ExtFastReplay(ExtEditState state)
    {
        _state = state;
        _geometry = state.Geometry;
    }

    /// <summary>Replays records.</summary>
    /// <param name="volume">The volume as it is after the replay of the log.</param>
    /// <param name="device">Its device.</param>
    /// <param name="records">What the fast commits say.</param>
    /// <param name="options">For the clock.</param>
    /// <exception cref="DiskFormatException">A record does not fit the volume.</exception>
    /// <exception cref="UnsupportedFeatureException">The volume has features that editing would leave wrong.</exception>
    public static void Run(ExtVolume volume, BlockDevice device, IReadOnlyList<JbdFastRecord> records, VolumeOptions options)
    {
        ExtFeatures.RequireEditable(volume.Geometry);
        if (volume.Geometry.ClusterRatio > 1)
            throw new UnsupportedFeatureException("fast commits to be replayed on a volume with bigalloc: mount the volume once, or have e2fsck replay them");
        var state = new ExtEditState(volume, device, options);
        var replay = new ExtFastReplay(state);
        foreach (var record in records)
        {
            if (record is { Tag: JbdFastTagKind.AddRange, Value.Length: >= JbdFastAddRange.Size })
                replay.KeepFree(OnDisk.View<JbdFastAddRange>(record.Value));
        }
        foreach (var record in records)
        {
            // Each is an edit of its own only for the memory: when one fails, the volume is not opened.
            state.Begin();
            replay.Do(record);
            state.Keep();
        }
        state.WriteBack();
        state.Super.Write();
    }

    private void Do(in JbdFastRecord record)
    {
        var value = record.Value;
        switch (record.Tag)
        {
            case JbdFastTagKind.AddRange when value.Length >= JbdFastAddRange.Size:
                AddRange(OnDisk.View<JbdFastAddRange>(value));
                break;
            case JbdFastTagKind.DeleteRange when value.Length >= JbdFastDeleteRange.Size:
                DeleteRange(OnDisk.View<JbdFastDeleteRange>(value));
                break;
            case JbdFastTagKind.Create or JbdFastTagKind.Link or JbdFastTagKind.Unlink when value.Length > JbdFastName.Size:
                ref readonly var name = ref OnDisk.View<JbdFastName>(value);
                SetName(record.Tag, name.Parent, name.Inode, value.AsSpan(JbdFastName.Size));
                break;
            case JbdFastTagKind.Inode when value.Length >= 4 + ExtInodeRecord.Size:
                SetInode(OnDisk.View<U32Le>(value), value.AsSpan(4));
                break;
            default:
                throw Broken($"a record of kind {(ushort)record.Tag} has {value.Length} bytes");
        }
    }

    private void KeepFree(in JbdFastAddRange range)
    {
        var (start, count) = (range.Extent.Start, range.Extent.Count);
        if (!_geometry.IsRange(start, count))
            throw Broken($"blocks {start}..{start + count - 1} of inode {range.Inode} are outside of the volume");
        _state.Space.KeepFree(start, count);
    }

    private void AddRange(in JbdFastAddRange range)
    {
        if (Find(range.Inode) is not { } inode)
            return;
        var map = MapOf(inode);
        var isUnwritten = range.Extent.IsUnwritten;
        var (end, shift) = ((uint)range.Extent.Block + (long)range.Extent.Count, range.Extent.Start - (uint)range.Extent.Block);
        for (long at = (uint)range.Extent.Block; at < end;)
        {
            var run = map.Find(at);
            var count = Math.Min(run.End, end) - at;
            var wanted = new ExtRun(at, at + shift, count, isUnwritten);
            if (run.IsHole || run.Physical != wanted.Physical)
            {
                map.Punch(at, at + count, release: true);
                _state.Space.Claim(wanted.Physical, count);
                map.Map(wanted);
                inode.AddClusters(count, _geometry);
            }
            else if (run.IsUnwritten != isUnwritten)
            {
                map.Punch(at, at + count, release: false);
                map.Map(wanted);
            }
            at += count;
        }
        _state.Inodes.Write(inode);
    }

    private void DeleteRange(in JbdFastDeleteRange range)
    {
        if (Find(range.Inode) is not { } inode)
            return;
        var map = MapOf(inode);
        map.Punch(range.Block, Math.Min(range.Block + (long)(uint)range.Count, map.MaxBlocks), release: true);
        _state.Inodes.Write(inode);
    }

    // All of an inode but its map, and what that takes: those follow from the ranges.
    private void SetInode(uint number, ReadOnlySpan<byte> bytes)
    {
        RequireNumber(number);
        var links = OnDisk.View<ExtInodeRecord>(bytes).LinksCount;
        var wasUsed = _state.InodeSpace.IsUsed(number);
        if (links == 0 && !wasUsed)
            return;         // deleted while it was open, and removed here with its last name
        if (bytes.Length > _geometry.InodeSize)
            throw Broken($"inode {number} has {bytes.Length} bytes, expected at most {_geometry.InodeSize}");
        var old = _state.Inodes.ReadUnchecked(number);
        var next = new byte[_geometry.InodeSize];
        if (wasUsed)
            old.Bytes.CopyTo(next);
        bytes.CopyTo(next);
        var inode = new ExtInode(number, next, old.Offset);
        if (!wasUsed)
        {
            _state.InodeSpace.Claim(number, inode.IsDirectory);
            _gone.Remove(number);
        }
        ref var record = ref inode.Edit;
        ref readonly var before = ref old.Record;
        (record.BlocksLo, record.BlocksHigh) = wasUsed ? (before.BlocksLo, before.BlocksHigh) : ((U32Le)0u, (U16Le)(ushort)0);
        inode.SetFlag(ExtInodeFlags.HugeFile, wasUsed && (old.Flags & ExtInodeFlags.HugeFile) != 0);
        if ((inode.Flags & ExtInodeFlags.Extents) != 0)
        {
            if (wasUsed && (old.Flags & ExtInodeFlags.Extents) != 0)
                old.Block.CopyTo(inode.EditBlock);
            else
                inode.ClearMap(extents: true);
            if ((inode.IsFile || inode.IsSymbolicLink) && inode.Length >= 0)
                MapOf(inode).Truncate(inode.Length + _geometry.BlockSize - 1 >> _geometry.LogBlockSize);
        }
        else if ((inode.IsFile || inode.IsDirectory) && (inode.Flags & ExtInodeFlags.InlineData) == 0)
        {
            MapOf(inode);
        }
        _state.Inodes.Write(inode);
    }

    private void SetName(JbdFastTagKind tag, uint parent, uint number, ReadOnlySpan<byte> name)
    {
        RequireNumber(parent);
        RequireNumber(number);
        if (name.Length > ExtDirectoryEntryHead.MaxNameLength || ExtDirectoryBlock.IsDot(name))
            throw Broken($"a name of {name.Length} bytes in directory {parent}");
        if (Find(parent) is not { } holder)
            return;
        if (!holder.IsDirectory)
            throw Broken($"inode {parent} should hold a name and is no directory");
        var directory = new ExtDirectoryEditor(holder, _state);
        var isThere = directory.TryFind(name, out var place);
        if (tag == JbdFastTagKind.Unlink)
        {
            if (isThere && place.Inode == number && Find(number) is { } removed)
                Unlink(directory, place, removed);
            return;
        }
        if (Find(number) is not { } inode)
            throw Broken($"inode {number} gets a name and is not in use");
        if (inode.IsDirectory && tag == JbdFastTagKind.Link)
            throw Broken($"the directory {number} gets a second name");
        if (isThere && place.Inode == number)
            return;
        if (isThere)
            throw Broken($"a name of inode {number} in directory {parent} leads to inode {place.Inode}");
        if (inode.IsDirectory)
            MakeDirectory(directory, inode);
        else
            inode.Edit.LinksCount = (ushort)(tag == JbdFastTagKind.Create ? 1 : inode.LinkCount + 1);
        _state.Inodes.Write(inode);
        directory.Insert(new ExtNewEntry(name.ToArray(), number, ExtEditor.TypeOf(inode, _geometry)));
        _state.Inodes.Write(directory.Inode);
    }

    private void MakeDirectory(ExtDirectoryEditor parent, ExtInode inode)
    {
        if ((inode.Flags & ExtInodeFlags.InlineData) == 0)
        {
            if (MapOf(inode).Find(0).IsHole)
            {
                inode.SetLength(0);
                ExtDirectoryEditor.Create(inode, parent.Inode.Number, _state);
            }
        }
        inode.Edit.LinksCount = 2;
        if (parent.Inode.LinkCount > 1)
            parent.Inode.Edit.LinksCount = (ushort)(parent.Inode.LinkCount + 1);
    }

    private void Unlink(ExtDirectoryEditor directory, in ExtPlace place, ExtInode inode)
    {
        directory.Remove(place);
        if (inode.IsDirectory && directory.Inode.LinkCount > 2)
            directory.Inode.Edit.LinksCount = (ushort)(directory.Inode.LinkCount - 1);
        _state.Inodes.Write(directory.Inode);
        if (inode.IsDirectory || inode.LinkCount <= 1)
        {
            ExtInodeRemoval.Remove(inode, _state);
            _gone.Add(inode.Number);
            return;
        }
        inode.Edit.LinksCount = (ushort)(inode.LinkCount - 1);
        _state.Inodes.Write(inode);
    }

    // Null: it went with its last name.
    private ExtInode? Find(uint number)
    {
        RequireNumber(number);
        if (_gone.Contains(number) || !_state.InodeSpace.IsUsed(number))
            return null;
        return _state.Inodes.Read(number);
    }

    private ExtExtentEditor MapOf(ExtInode inode)
    {
        if ((inode.Flags & ExtInodeFlags.Extents) == 0)
            throw new UnsupportedFeatureException($"fast commits to be replayed for inode {inode.Number}, which has no extents: mount the volume once, or have e2fsck replay them");
        return new ExtExtentEditor(inode, _state);
    }

    private void RequireNumber(uint number)
    {
        if ((number < _geometry.FirstInode && number != ExtGeometry.RootInode) || number > _geometry.InodesCount)
            throw Broken($"found inode {number}, expected {_geometry.FirstInode}..{_geometry.InodesCount}");
    }

    private static DiskFormatException Broken(string problem) => new("EXT-0514", "Journal, fast commits", -1, problem);
}
