using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Looks at every inode of the tables: fields, flags, map, attributes.</summary>
internal sealed class ExtCheckerInodes(ExtCheckState state, ExtCheckerGroups groups, ExtCheckerMaps maps, ExtCheckerAttributes attributes, ExtCheckerQuota quota)
{
    /// <summary>Looking for the first owners of shared blocks ends after so many runs: the others have been named.</summary>
    private const int MostRuns = 500_000;

    private const uint BadBlocksInode = 1, BootInode = 5, JournalInode = 8;
    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly ExtOrphans _orphans = new(state);
    private readonly List<(uint Number, string What)> _sharing = [];

    public void Check()
    {
        _orphans.Collect();
        for (var group = 0L; group < state.GroupCount; group++)
        {
            state.Progress("checking inodes", group, state.GroupCount);
            try
            {
                if (groups.CanScan(group))
                    CheckGroup(group, state.Groups[group]);
                else
                    state.IsIncomplete = true;
            }
            catch (DiskFormatException e)
            {
                state.Error(e);
            }
        }
        _orphans.CheckFound(groups);
        ref readonly var root = ref state.Facts[ExtGeometry.RootInode];
        if (!root.IsUsed || !root.IsDirectory)
            state.Error("EXT-0112", $"Inode {ExtGeometry.RootInode}", null, "should be the root directory, and is none");
    }

    /// <summary>Names every inode that shares blocks, once all claims are known.</summary>
    public void FindShared()
    {
        if (_geometry.Has(ExtRoCompat.SharedBlocks))
            return;
        foreach (var (number, what) in _sharing)
            state.Error("EXT-0302", $"Inode {number}", null, what);
        if (state.Used.Shared.IsEmpty)
            return;
        foreach (var range in state.Used.Shared)
        {
            if (groups.Metadata.Contains(range.Start) || groups.Metadata.Contains(range.End - 1))
                state.Error("EXT-0303", "Metadata", range.Start << _geometry.LogBlockSize, $"blocks {range.Start}..{range.End - 1} hold structures of the volume and are used by something else, too");
        }
        FindFirstOwners();
    }

    // Those who claimed first, when nothing was known yet.
    private void FindFirstOwners()
    {
        var known = new HashSet<uint>();
        foreach (var (number, _) in _sharing)
            known.Add(number);
        var budget = MostRuns;
        for (var group = 0L; group < state.GroupCount && budget > 0; group++)
        {
            var facts = state.Facts.Of(group);
            for (var i = 0; facts is not null && i < facts.Length && budget > 0; i++)
            {
                var number = (uint)(group * _geometry.InodesPerGroup + i + 1);
                if (facts[i].IsUsed && (facts[i].Mode >> 12) is 4 or 8 or 10 && !known.Contains(number) && IsAmongShared(number, ref budget))
                    state.Error("EXT-0302", $"Inode {number}", null, "uses blocks that something else uses, too");
            }
        }
    }

    private bool IsAmongShared(uint number, ref int budget)
    {
        try
        {
            var inode = state.Inodes.ReadUnchecked(number);
            if (inode.IsFastLink(_geometry) || (inode.Flags & ExtInodeFlags.InlineData) != 0 || inode.Length < 0)
                return false;
            var map = ExtBlockMap.Of(inode, _geometry, state.Blocks, state.Checksums);
            foreach (var run in map.Runs(0, Math.Min(inode.Length + _geometry.BlockSize - 1 >> _geometry.LogBlockSize, map.MaxBlocks)))
            {
                if (--budget <= 0 || (!run.IsHole && state.Used.Shared.Overlaps(run.Physical, run.Count)))
                    return budget > 0;
            }
        }
        catch (DiskFormatException)
        {
            // Reported when it was checked.
        }
        return false;
    }

    private void CheckGroup(long group, in ExtGroup descriptor)
    {
        if ((descriptor.Flags & ExtGroupFlags.InodeUninit) != 0)
            return;
        var first = (uint)(group * _geometry.InodesPerGroup);
        var count = _geometry.InodesPerGroup - (int)Math.Min(descriptor.UnusedInodes, (uint)_geometry.InodesPerGroup);
        for (var index = 1u; index <= count; index++)
        {
            // A block of the table at a time: most of it is zeros.
            if ((index - 1) % _geometry.InodesPerBlock == 0 && IsEmpty(descriptor.InodeTable + (index - 1) / _geometry.InodesPerBlock, first + index))
            {
                index += (uint)_geometry.InodesPerBlock - 1;
                continue;
            }
            var inode = state.Inodes.ReadUnchecked(first + index);
            if (inode.Bytes.ContainsAnyExcept((byte)0))
                CheckOne(inode);
        }
    }

    private bool IsEmpty(long block, uint number) => !state.Blocks.Read(block, $"Inode {number}").AsSpan().ContainsAnyExcept((byte)0);

    private void CheckOne(ExtInode inode)
    {
        var isOrphan = _orphans.Numbers.Contains(inode.Number);
        var isReserved = inode.Number < _geometry.FirstInode && inode.Number != ExtGeometry.RootInode;
        if (inode.LinkCount == 0 && !isOrphan && !(isReserved && inode.Number is BadBlocksInode or ExtGeometry.ResizeInode))
        {
            if (inode.Mode != 0 && inode.Record.DeleteTime == 0)
                Error("EXT-0104", inode, 0x14, "is deleted and has no time of deletion");
            return;
        }
        if (state.Checksums.IsOn && !state.Checksums.IsInodeRight(inode.Number, inode.Bytes, out var found, out var expected))
            Error("EXT-0101", inode, 0x7C, $"checksum: found 0x{found:X8}, expected 0x{expected:X8}");
        ref var fact = ref state.Facts[inode.Number];
        fact = new ExtInodeFact
        {
            IsUsed = true,
            Mode = (ushort)inode.Mode,
            Links = (ushort)inode.LinkCount,
            IsValue = (inode.Flags & ExtInodeFlags.EaInode) != 0,
            IsEncrypted = (inode.Flags & ExtInodeFlags.Encrypt) != 0,
            Names = isOrphan && inode.LinkCount == 0 ? 0u : fact.Names,
        };
        if (inode.Number == BadBlocksInode || inode.Number == ExtGeometry.ResizeInode)
        {
            CheckSpecial(inode);
            return;
        }
        if (inode.Record.DeleteTime != 0 && !isOrphan)
            Error("EXT-0103", inode, 0x14, "is in use and has a time of deletion");
        if (inode.Kind is null)
        {
            if (!isReserved || inode.Mode != 0)
                Error("EXT-0102", inode, 0, $"mode: found 0x{inode.Mode:X4}, which is no kind of file");
            return;
        }
        if (isReserved && inode.Number is not (3 or 4 or BootInode or JournalInode) && !IsNamed(inode.Number))
            state.Warning("EXT-0112", $"Inode {inode.Number}", inode.Offset, "is reserved and in use");
        if (inode.IsDirectory)
            state.Directories.Add(inode.Number);
        CheckFields(inode);
        CheckContent(inode);
    }

    private bool IsNamed(uint number)
    {
        ref readonly var s = ref _geometry.Super;
        return number == s.UserQuotaInode || number == s.GroupQuotaInode || number == s.ProjectQuotaInode || number == s.JournalInode || number == s.OrphanFileInode;
    }

    private void CheckFields(ExtInode inode)
    {
        ref readonly var record = ref inode.Record;
        var flags = inode.Flags;
        if (_geometry.InodeSize > ExtInodeRecord.Size)
        {
            int extra = inode.Extra.ExtraSize, most = _geometry.InodeSize - ExtInodeRecord.Size;
            if (extra != 0 && (extra < 4 || extra > most || extra % 4 != 0))
                Error("EXT-0105", inode, 0x80, $"extra size: found {extra}, expected a multiple of 4, 4..{most}");
        }
        if (record.FragmentAddress != 0)
            Error("EXT-0119", inode, 0x70, $"fragment address: found {record.FragmentAddress}, expected 0");
        if (!_geometry.Has(ExtCompat.ExtAttr) && !_geometry.Has(ExtIncompat.EaInode) && inode.AttributeBlock != 0)
            Error("EXT-0119", inode, 0x68, $"block of attributes: found {inode.AttributeBlock}, expected 0 without ext_attr");
        if (!_geometry.Has(ExtRoCompat.HugeFile) && record.BlocksHigh != 0)
            Error("EXT-0119", inode, 0x74, $"high half of the block count: found {record.BlocksHigh}, expected 0 without huge_file");
        Needs(ExtInodeFlags.Extents, _geometry.Has(ExtIncompat.Extents), "extent");
        Needs(ExtInodeFlags.InlineData, _geometry.Has(ExtIncompat.InlineData), "inline_data");
        Needs(ExtInodeFlags.Index, _geometry.Has(ExtCompat.DirIndex), "dir_index");
        Needs(ExtInodeFlags.Casefold, _geometry.Has(ExtIncompat.Casefold), "casefold");
        Needs(ExtInodeFlags.Verity, _geometry.Has(ExtRoCompat.Verity), "verity");
        if (!inode.IsDirectory && (flags & (ExtInodeFlags.Index | ExtInodeFlags.Casefold)) != 0)
            Error("EXT-0110", inode, 0x20, "has a flag of directories and is none");
        if (inode.IsDevice || inode.Kind is EntryKind.Fifo or EntryKind.Socket)
            CheckDevice(inode);

        void Needs(ExtInodeFlags flag, bool isThere, string feature)
        {
            if ((flags & flag) != 0 && !isThere)
                Error("EXT-0110", inode, 0x20, $"has the flag {flag} on a volume without {feature}");
        }
    }

    private void CheckDevice(ExtInode inode)
    {
        if ((inode.Flags & (ExtInodeFlags.Index | ExtInodeFlags.Extents | ExtInodeFlags.InlineData)) != 0)
            Error("EXT-0111", inode, 0x20, $"is a {inode.Kind} and has flags of files: {inode.Flags}");
        if ((inode.Flags & (ExtInodeFlags.Immutable | ExtInodeFlags.Append)) != 0)
            Error("EXT-0111", inode, 0x20, $"is a {inode.Kind} and immutable or append-only");
        if (inode.Length != 0)
            Error("EXT-0111", inode, 0x04, $"is a {inode.Kind} of {inode.Length} bytes, expected 0");
        if ((inode.Flags & (ExtInodeFlags.Immutable | ExtInodeFlags.Append)) != 0 && inode.Block[16..].ContainsAnyExcept((byte)0))
            Error("EXT-0111", inode, 0x28, $"is a {inode.Kind} and has block numbers");
    }

    private void CheckContent(ExtInode inode)
    {
        var (clusters, values, inline) = attributes.Check(inode);
        var facts = new ExtMapFacts();
        if ((inode.Flags & ExtInodeFlags.InlineData) != 0 && !inode.IsDevice)
        {
            CheckInline(inode, inline);
        }
        else if (inode.IsSymbolicLink && inode.IsFastLink(_geometry))
        {
            CheckTarget(inode, inode.Block);
        }
        else if (inode.IsFile || inode.IsDirectory || inode.IsSymbolicLink)
        {
            if ((inode.Flags & ExtInodeFlags.Extents) == 0 && _geometry.Has(ExtIncompat.Extents)
                && OnDisk.View<ExtExtentHeader>(inode.Block).Magic == ExtExtentHeader.MagicValue && ExtExtentNode.Parse(inode.Block, -1, _geometry, out _, out _) is null)
                Error("EXT-0110", inode, 0x20, "has an extent tree and not the flag for it");
            facts = maps.Check(inode);
            CheckLength(inode, facts);
            if (inode.IsSymbolicLink)
                CheckLongTarget(inode, facts);
        }
        if (facts.IsShared)
            _sharing.Add((inode.Number, "uses blocks that something else uses, too"));
        CheckBlockCount(inode, facts, clusters);
        quota.Count(inode, facts.Clusters + clusters, values);
        state.Facts[inode.Number].Mode = (ushort)inode.Mode;
    }

    private void CheckInline(ExtInode inode, int? inline)
    {
        if (inline is not { } rest)
        {
            if (_geometry.Has(ExtIncompat.InlineData))
                Error("EXT-0107", inode, 0x20, "has inline data and no attribute system.data");
        }
        else if (inode.Length > ExtInodeRecord.BlockLength + rest || inode.Length < 0 || (inode.IsDirectory && inode.Length != ExtInodeRecord.BlockLength + rest))
        {
            Error("EXT-0107", inode, 0x04, $"has inline data of {inode.Length} bytes, expected {(inode.IsDirectory ? "" : "at most ")}{ExtInodeRecord.BlockLength + rest}");
        }
        else if (inode.IsSymbolicLink && rest == 0 && inode.Length < ExtInodeRecord.BlockLength)
        {
            CheckTarget(inode, inode.Block);
        }
    }

    private void CheckTarget(ExtInode inode, ReadOnlySpan<byte> space)
    {
        var end = space.IndexOf((byte)0);
        if ((inode.Flags & ExtInodeFlags.Encrypt) == 0 && (inode.Length == 0 || end != inode.Length))
            Error("EXT-0108", inode, 0x04, $"is a symbolic link of {inode.Length} bytes, found {(end < 0 ? "no end" : $"{end}")}");
    }

    private void CheckLongTarget(ExtInode inode, ExtMapFacts facts)
    {
        if (facts.IsBroken)
            return;
        if (facts.Blocks != 1 || facts.First != 0 || facts.LastWritten != 0 || inode.Length <= 0 || inode.Length > _geometry.BlockSize)
        {
            Error("EXT-0108", inode, 0x28, $"is a symbolic link of {inode.Length} bytes in {facts.Blocks} blocks, expected one");
            return;
        }
        try
        {
            var run = ExtBlockMap.Of(inode, _geometry, state.Blocks, state.Checksums).Find(0);
            CheckTarget(inode, state.Blocks.Read(run.Physical, $"Inode {inode.Number}"));
        }
        catch (DiskFormatException e)
        {
            state.Error(e);
        }
    }

    private void CheckLength(ExtInode inode, ExtMapFacts facts)
    {
        var length = inode.Length;
        var blocks = facts.Last + 1;
        if (inode.IsDirectory)
        {
            if (facts.HasUnwritten)
                Error("EXT-0314", inode, 0x28, "is a directory with unwritten extents");
            if (!_geometry.Has(ExtIncompat.LargeDir) && length > uint.MaxValue)
                Error("EXT-0106", inode, 0x04, $"is a directory of {length} bytes, expected less than 4 GiB without large_dir");
            else if (length < 0 || length % _geometry.BlockSize != 0 || length >> _geometry.LogBlockSize > blocks || blocks - (length >> _geometry.LogBlockSize) > _geometry.Super.PreallocDirBlocks)
                Broken("EXT-0106", $"is a directory of {length} bytes, expected {blocks << _geometry.LogBlockSize}");
            return;
        }
        if (length < 0 || (length < facts.LastWritten << _geometry.LogBlockSize && (inode.Flags & ExtInodeFlags.Verity) == 0))
            Broken("EXT-0106", $"length: found {length}, expected at least {facts.LastWritten << _geometry.LogBlockSize}: there are blocks behind it");
        else if (inode.IsFile && length > Most(inode))
            Broken("EXT-0106", $"length: found {length}, expected at most {Most(inode)}");
        else if (inode.IsFile && length > int.MaxValue && !_geometry.Has(ExtRoCompat.LargeFile))
            state.Warning("EXT-0019", $"Inode {inode.Number}", inode.Offset, $"has {length} bytes, which need large_file");

        void Broken(string code, string problem)
        {
            if (!facts.IsBroken)
                Error(code, inode, 0x04, problem);
        }
    }

    private long Most(ExtInode inode)
    {
        if ((inode.Flags & ExtInodeFlags.Extents) != 0)
            return (1L << 32 + _geometry.LogBlockSize) - 1;
        var bits = _geometry.LogBlockSize - 2;
        return ExtIndirectBlocks.DirectBlocks + (1L << bits) + (1L << 2 * bits) + (1L << 3 * bits) << _geometry.LogBlockSize;
    }

    private void CheckBlockCount(ExtInode inode, ExtMapFacts facts, long attributeClusters)
    {
        if (facts.IsBroken)
            return;
        var clusters = facts.Clusters + attributeClusters;
        var expected = clusters * _geometry.ClusterRatio << _geometry.LogBlockSize;
        var found = inode.AllocatedBytes(_geometry);
        if (found != expected)
            Error("EXT-0109", inode, 0x1C, $"has {found} bytes in blocks by its count, expected {expected}");
    }

    // The list of bad blocks, and the reserved descriptor blocks as a file: both are not what they seem.
    private void CheckSpecial(ExtInode inode)
    {
        if (inode.Number == BadBlocksInode)
        {
            if (inode.Mode != 0 && inode.Kind is not EntryKind.File)
                Error("EXT-0113", inode, 0, $"should list bad blocks, and is a {inode.Kind}");
            if (!inode.Block.ContainsAnyExcept((byte)0) || (inode.Flags & ExtInodeFlags.Extents) != 0)
                return;
            if (maps.Check(inode).IsShared)
                _sharing.Add((inode.Number, "lists bad blocks that something uses"));
            return;
        }
        const int doubleIndirect = (ExtIndirectBlocks.DirectBlocks + 1) * 4;
        uint block = OnDisk.View<U32Le>(inode.Block, doubleIndirect);
        if (!_geometry.Has(ExtCompat.ResizeInode))
        {
            if (inode.Block.ContainsAnyExcept((byte)0))
                Error("EXT-0113", inode, 0x28, "keeps room for descriptors, but the volume has no resize_inode");
            return;
        }
        if (!inode.IsFile || inode.LinkCount == 0 || !_geometry.IsBlock(block) || inode.Block[..doubleIndirect].ContainsAnyExcept((byte)0))
            Error("EXT-0113", inode, 0x28, "should keep room for descriptors below its double indirect block");
        else if (!state.Used.Add(block, 1))
            _sharing.Add((inode.Number, "its double indirect block is used by something else, too"));
    }

    private void Error(string code, ExtInode inode, int field, string problem) => state.Error(code, $"Inode {inode.Number}", inode.Offset + field, problem);
}
