using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Looks at every directory: the chains of entries, the names, where they lead, and the hash tree over them.</summary>
internal sealed class ExtCheckerDirectories(ExtCheckState state)
{
    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly HashSet<long> _seenBlocks = [];
    private readonly HashSet<ulong> _names = [];

    // The directory at hand.
    private ExtInode _inode = null!;
    private uint _seed;
    private bool _isFolded, _isEncrypted;
    private int _entries;

    public void Check()
    {
        for (var i = 0; i < state.Directories.Count; i++)
        {
            state.Progress("checking directories", i, state.Directories.Count);
            try
            {
                CheckOne(state.Inodes.ReadUnchecked(state.Directories[i]));
            }
            catch (DiskFormatException e)
            {
                state.Error(e);
            }
        }
    }

    private void CheckOne(ExtInode inode)
    {
        _inode = inode;
        _seed = state.Checksums.InodeSeed(inode.Number, inode.Generation);
        _isFolded = (inode.Flags & ExtInodeFlags.Casefold) != 0;
        _isEncrypted = (inode.Flags & ExtInodeFlags.Encrypt) != 0;
        _entries = 0;
        _names.Clear();
        if ((inode.Flags & ExtInodeFlags.InlineData) != 0)
        {
            if (_geometry.Has(ExtIncompat.InlineData))
                CheckInline();
            return;
        }
        var map = ExtBlockMap.Of(inode, _geometry, state.Blocks, state.Checksums);
        var blocks = Math.Min(inode.Length >> _geometry.LogBlockSize, map.MaxBlocks);
        var isIndexed = (inode.Flags & ExtInodeFlags.Index) != 0 && _geometry.Has(ExtCompat.DirIndex);
        var tree = isIndexed ? new ExtCheckerHashTree(state, inode, map, blocks) : null;
        tree?.Check();
        for (var block = 0L; block < blocks;)
        {
            var run = map.Find(block);
            if (!run.HasData)
            {
                state.Error("EXT-0203", Structure(block), inode.Offset, $"{Math.Min(run.Count, blocks - block)} blocks are holes");
                block = run.End;
                continue;
            }
            if (_seenBlocks.Add(run.Physical))
                CheckBlock(block, run.Physical, tree);
            block++;
        }
        tree?.Finish();
        if (blocks == 0)
            state.Error("EXT-0205", $"Directory {inode.Number}", inode.Offset, "has no blocks, expected one with \".\" and \"..\"");
    }

    private void CheckBlock(long number, long physical, ExtCheckerHashTree? tree)
    {
        ReadOnlySpan<byte> bytes = state.Blocks.Read(physical, Structure(number));
        var offset = physical << _geometry.LogBlockSize;
        var isIndexBlock = tree is not null && tree.IsIndexBlock(number);
        if (state.Checksums.IsOn && !isIndexBlock)
        {
            if (!ExtDirectoryBlock.HasTail(bytes))
            {
                state.Error("EXT-0201", Structure(number), offset, "has no checksum");
            }
            else
            {
                var found = (uint)OnDisk.View<ExtDirectoryTail>(bytes, bytes.Length - ExtDirectoryTail.Size).Checksum;
                var expected = ExtChecksums.OfDirectoryBlock(_seed, bytes);
                if (found != expected)
                    state.Error("EXT-0202", Structure(number), offset, $"checksum: found 0x{found:X8}, expected 0x{expected:X8}");
                bytes = bytes[..^ExtDirectoryTail.Size];
            }
        }
        if (isIndexBlock && number != 0)
            return;
        CheckChain(bytes, number, offset, number == 0, tree);
    }

    private void CheckInline()
    {
        const int parent = 4;
        ReadOnlySpan<byte> first = _inode.Block;
        ref var fact = ref state.Facts[_inode.Number];
        fact.DotDot = OnDisk.View<U32Le>(first);
        fact.Names++;       // the "." that is not written
        CountParent(fact.DotDot);
        _entries = 2;
        CheckChain(first[parent..], 0, _inode.Offset + ExtInodeRecord.BlockOffset + parent, false, null);
        var found = new List<ExtAttribute>();
        var space = _inode.AttributeSpace;
        if (space.Length < ExtAttributeHeader.InodeSize || ExtAttributes.Parse(space, ExtAttributeHeader.InodeSize, ExtAttributeHeader.InodeSize, found) is not null)
            return;
        foreach (var attribute in found)
        {
            if (attribute is { Index: ExtAttributes.SystemIndex, Name: ExtAttributes.InlineDataName, ValueInode: 0, ValueLength: > 0 })
                CheckChain(space.Slice(attribute.ValueOffset, attribute.ValueLength), 0, _inode.Offset, false, null);
        }
    }

    private void CheckChain(ReadOnlySpan<byte> bytes, long number, long offset, bool hasDots, ExtCheckerHashTree? tree)
    {
        var block = new ExtDirectoryBlock(bytes, _geometry.BlockSize);
        for (var index = 0; block.MoveNext(); index++)
        {
            if (hasDots && index < 2)
                CheckDots(ref block, index, number, offset);
            else if (block.Inode != 0)
                CheckEntry(ref block, number, offset, tree);
        }
        if (block.Problem is { } problem)
        {
            state.IsIncomplete = true;
            state.Error("EXT-0200", Structure(number), offset, problem);
        }
    }

    private void CheckDots(ref ExtDirectoryBlock block, int index, long number, long offset)
    {
        _entries++;
        var isDot = index == 0;
        var expected = isDot ? "."u8 : ".."u8;
        ref var fact = ref state.Facts[_inode.Number];
        if (block.Inode == 0 || !block.Name.SequenceEqual(expected))
        {
            state.Error(isDot ? "EXT-0205" : "EXT-0206", Structure(number), offset + block.Offset, $"entry {index} should be \"{(isDot ? "." : "..")}\", found \"{EscapedUtf8.Decode(block.Name)}\" leading to inode {block.Inode}");
            if (block.Inode != 0 && !ExtDirectoryBlock.IsDot(block.Name))
                CheckEntry(ref block, number, offset, null);
            return;
        }
        if (isDot)
        {
            fact.Names++;
            if (block.Inode != _inode.Number)
                state.Error("EXT-0205", Structure(number), offset + block.Offset, $"\".\" leads to inode {block.Inode}, expected {_inode.Number}");
        }
        else
        {
            fact.DotDot = block.Inode;
            CountParent(block.Inode);
            if (block.Inode > _geometry.InodesCount || !state.Facts.IsUsed(block.Inode))
                state.Error("EXT-0206", Structure(number), offset + block.Offset, $"\"..\" leads to inode {block.Inode}, which is not in use");
        }
        CheckType(ref block, number, offset, ExtFileType.Directory);
    }

    private void CountParent(uint parent)
    {
        if (parent != 0 && parent <= _geometry.InodesCount)
            state.Facts[parent].Names++;
    }

    private void CheckEntry(ref ExtDirectoryBlock block, long number, long offset, ExtCheckerHashTree? tree)
    {
        var at = offset + block.Offset;
        var target = block.Inode;
        var name = block.Name;
        _entries++;
        if (name.IsEmpty)
        {
            state.Error("EXT-0207", Structure(number), at, "an entry has no name");
            return;
        }
        if (ExtDirectoryBlock.IsDot(name))
        {
            state.Error("EXT-0207", Structure(number), at, $"\"{EscapedUtf8.Decode(name)}\" stands at another place than the first two");
            return;
        }
        if (!_isEncrypted && (name.Contains((byte)'/') || name.Contains((byte)0)))
            state.Error("EXT-0207", Structure(number), at, $"\"{EscapedUtf8.Decode(name).Replace('\0', '?')}\" holds a character that no name may hold");
        if (_isEncrypted && name.Length < 16)
            state.Error("EXT-0214", Structure(number), at, $"an encrypted name has {name.Length} bytes, expected at least 16");
        if (_isFolded && !_isEncrypted && _geometry.Has(ExtIncompat.Casefold) && (_geometry.Super.EncodingFlags & ExtSuperblock.StrictEncoding) != 0 && !System.Text.Unicode.Utf8.IsValid(name))
            state.Error("EXT-0217", Structure(number), at, $"{Quote(name)} is no UTF-8, which names of such directories must be here (strict casefold)");
        CheckUnique(name, number, at);
        tree?.Take(number, name);
        if (target > _geometry.InodesCount || (target < _geometry.FirstInode && target != ExtGeometry.RootInode && !IsVisibleReserved(target)))
        {
            state.Error("EXT-0208", Structure(number), at, $"{Quote(name)} leads to inode {target}, expected {_geometry.FirstInode}..{_geometry.InodesCount}");
            return;
        }
        if (!state.Facts.IsUsed(target))
        {
            state.Error("EXT-0209", Structure(number), at, $"{Quote(name)} leads to inode {target}, which is not in use");
            return;
        }
        ref var fact = ref state.Facts[target];
        fact.Names++;
        if (fact.IsDirectory)
            TakeDirectory(ref fact, target, name, number, at);
        if (_isEncrypted && !fact.IsEncrypted && (fact.Mode >> 12) is 4 or 8 or 10)
            state.Error("EXT-0214", Structure(number), at, $"{Quote(name)} leads to inode {target}, which is not encrypted as its directory is");
        CheckType(ref block, number, offset, TypeOf(fact.Mode));
    }

    private void TakeDirectory(ref ExtInodeFact fact, uint target, ReadOnlySpan<byte> name, long number, long at)
    {
        if (target == ExtGeometry.RootInode || fact.Parent != 0)
            state.Error("EXT-0212", Structure(number), at, $"{Quote(name)} leads to directory {target}, which {(target == ExtGeometry.RootInode ? "is the root" : $"directory {fact.Parent} names already")}");
        else
            fact.Parent = _inode.Number;
    }

    private void CheckType(ref ExtDirectoryBlock block, long number, long offset, ExtFileType expected)
    {
        var wanted = _geometry.Has(ExtIncompat.Filetype) ? (byte)expected : (byte)0;
        if (block.FileType != wanted)
            state.Error("EXT-0210", Structure(number), offset + block.Offset + 7, $"{Quote(block.Name)} has the file type {block.FileType}, expected {wanted}");
    }

    private void CheckUnique(ReadOnlySpan<byte> name, long number, long at)
    {
        var key = _isFolded && !_isEncrypted ? Hash(EscapedUtf8.Encode(ExtCasefold.Fold(EscapedUtf8.Decode(name)))) : Hash(name);
        if (!_names.Add(key))
            state.Error("EXT-0211", Structure(number), at, $"{Quote(name)} is there twice");
    }

    // FNV-1a, then mixed: names of one directory that meet in 64 bits are equal.
    private static ulong Hash(ReadOnlySpan<byte> name)
    {
        var hash = 0xCBF29CE484222325;
        foreach (var b in name)
            hash = (hash ^ b) * 0x100000001B3;
        return hash ^ hash >> 29;
    }

    private bool IsVisibleReserved(uint number) => number == _geometry.Super.JournalInode && !_geometry.Has(ExtIncompat.Extents) && number >= _geometry.FirstInode;

    private static ExtFileType TypeOf(ushort mode) => (mode >> 12) switch
    {
        1 => ExtFileType.Fifo,
        2 => ExtFileType.CharacterDevice,
        4 => ExtFileType.Directory,
        6 => ExtFileType.BlockDevice,
        8 => ExtFileType.File,
        10 => ExtFileType.SymbolicLink,
        12 => ExtFileType.Socket,
        _ => ExtFileType.Unknown,
    };

    private string Quote(ReadOnlySpan<byte> name) => _isEncrypted ? "an encrypted name" : $"'{EscapedUtf8.Decode(name)}'";

    private string Structure(long block) => $"Directory {_inode.Number}, block {block}";
}
