using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>What a directory says of one name.</summary>
/// <param name="Name">The bytes, as text.</param>
/// <param name="Inode">Where it leads.</param>
/// <param name="FileType">The kind, where the volume keeps it in directories.</param>
internal readonly record struct ExtEntry(string Name, uint Inode, byte FileType);

/// <summary>One directory's entries: in blocks, listed or found through the hash tree, or inline.</summary>
internal sealed class ExtDirectory
{
    private readonly ExtInode _inode;
    private readonly ExtVolume _volume;
    private readonly ExtBlockMap? _map;
    private readonly byte[] _inline = [];
    private readonly bool _isFolded, _isEncrypted;

    public ExtDirectory(ExtVolume volume, ExtInode inode)
    {
        _volume = volume;
        _inode = inode;
        _isFolded = (inode.Flags & ExtInodeFlags.Casefold) != 0 && volume.Geometry.Has(ExtIncompat.Casefold);
        _isEncrypted = (inode.Flags & ExtInodeFlags.Encrypt) != 0;
        if (inode.Length < 0)
            throw new DiskFormatException("EXT-0106", $"Inode {inode.Number}", inode.Offset, $"length: found {inode.Length}");
        Seed = volume.Checksums.InodeSeed(inode.Number, inode.Generation);
        if ((inode.Flags & ExtInodeFlags.InlineData) != 0)
            _inline = volume.ReadInline(inode);
        else
            _map = ExtBlockMap.Of(inode, volume.Geometry, volume.Blocks, volume.Checksums);
    }

    /// <summary>What the checksums of its blocks start from.</summary>
    public uint Seed { get; }

    public long BlockCount => _map is null ? 0 : Math.Min(_inode.Length >> _volume.Geometry.LogBlockSize, _map.MaxBlocks);

    public string Structure(long block) => Named(block).ToString();

    /// <summary>Where a block lies on the device, in bytes; -1 for a hole.</summary>
    public long OffsetOf(long block)
    {
        var run = _map!.Find(block);
        return run.IsHole ? -1 : run.Physical << _volume.Geometry.LogBlockSize;
    }

    /// <summary>A block's bytes.</summary>
    /// <exception cref="DiskFormatException">There is no such block, it is a hole, or it is another directory's as well.</exception>
    public byte[] ReadBlock(long block)
    {
        if (block >= BlockCount)
            throw new DiskFormatException("EXT-0223", Structure(block), _inode.Offset, $"the hash tree leads to block {block}, expected 0..{BlockCount - 1}");
        var run = _map!.Find(block);
        if (!run.HasData)
            throw new DiskFormatException("EXT-0203", Structure(block), _inode.Offset, "is a hole");
        _volume.ClaimDirectoryBlock(run.Physical, _inode.Number, block);
        return _volume.Blocks.Read(run.Physical, Named(block));
    }

    /// <summary>All entries but "." and "..", in stored order, as they are read.</summary>
    public IEnumerable<ExtEntry> Entries()
    {
        var found = new List<ExtEntry>();
        if (_map is null)
        {
            CollectInline(found);
            foreach (var entry in found)
                yield return entry;
            yield break;
        }
        for (var block = 0L; block < BlockCount;)
        {
            var run = _map.Find(block);
            if (!run.HasData)
            {
                block = run.End;      // a hole: the kernel passes over it, the checker does not
                continue;
            }
            found.Clear();
            Collect(block, found);
            foreach (var entry in found)
                yield return entry;
            block++;
        }
    }

    /// <summary>Finds a name; 0 when it is not there.</summary>
    public uint Find(string name)
    {
        if (_isFolded || _isEncrypted || _map is null)
            return FindByListing(name);
        var bytes = EscapedUtf8.Encode(name);
        if (bytes.Length is 0 or > ExtDirectoryEntryHead.MaxNameLength || ExtDirectoryBlock.IsDot(bytes))
            return 0;
        if ((_inode.Flags & ExtInodeFlags.Index) != 0 && _volume.Geometry.Has(ExtCompat.DirIndex) && BlockCount > 1
            && new ExtHashTree(this, _volume.Geometry, _volume.Checksums).LeavesOf(bytes) is { } leaves)
        {
            foreach (var leaf in leaves)
            {
                if (FindIn(leaf, bytes) is var inode and not 0)
                    return inode;
            }
            return 0;
        }
        for (var block = 0L; block < BlockCount;)
        {
            var run = _map.Find(block);
            if (!run.HasData)
            {
                block = run.End;
                continue;
            }
            if (FindIn(block, bytes) is var inode and not 0)
                return inode;
            block++;
        }
        return 0;
    }

    /// <summary>Whether nothing but "." and ".." is in it.</summary>
    /// <exception cref="DiskFormatException">A block is another directory's: it must not be freed with this one.</exception>
    public bool IsEmpty()
    {
        foreach (var _ in Entries())
            return false;
        for (var block = 0L; block < BlockCount;)
        {
            var run = _map!.Find(block);
            if (!run.HasData)
            {
                block = run.End;
                continue;
            }
            if (ExtDirectoryBlock.OwnerProblem(ReadBlock(block), _inode.Number, block, out var code) is { } problem)
                throw new DiskFormatException(code, Structure(block), OffsetOf(block), problem);
            block++;
        }
        return true;
    }

    private ExtStructure Named(long block) => new("Directory", _inode.Number, block);

    private uint FindByListing(string name)
    {
        var folded = _isFolded ? ExtCasefold.Fold(name) : name;
        foreach (var entry in Entries())
        {
            if (entry.Name == name || (_isFolded && ExtCasefold.Fold(entry.Name) == folded))
                return entry.Inode;
        }
        return 0;
    }

    private uint FindIn(long number, ReadOnlySpan<byte> name)
    {
        var block = Walk(number, out _);
        while (block.MoveNext())
        {
            if (block.Inode != 0 && block.Name.SequenceEqual(name))
                return block.Inode;
        }
        CheckWalk(block.Problem, number);
        return 0;
    }

    private void Collect(long number, List<ExtEntry> found)
    {
        var block = Walk(number, out var whole);
        while (block.MoveNext())
            Add(ref block, whole, found);
        CheckWalk(block.Problem, number);
    }

    private void CollectInline(List<ExtEntry> found)
    {
        // The parent's number, entries to the end of the block area, then entries in the attribute.
        const int parent = 4;
        ReadOnlySpan<byte> inline = _inline;
        var split = Math.Min(ExtInodeRecord.BlockLength, inline.Length);
        if (inline.Length < parent)
            return;
        foreach (var isFirst in (ReadOnlySpan<bool>)[true, false])
        {
            var part = isFirst ? inline[parent..split] : inline[split..];
            var block = new ExtDirectoryBlock(part, _volume.Geometry.BlockSize);
            while (block.MoveNext())
                Add(ref block, part, found);
            if (block.Problem is { } problem)
                throw new DiskFormatException("EXT-0200", $"Directory {_inode.Number}, inline data", _inode.Offset, problem);
        }
    }

    private void Add(ref ExtDirectoryBlock block, ReadOnlySpan<byte> whole, List<ExtEntry> found)
    {
        if (block.Inode == 0 || block.Name.IsEmpty || ExtDirectoryBlock.IsDot(block.Name))
            return;
        found.Add(new ExtEntry(_isEncrypted ? ExtEncryptedName.Encode(block.Name, HashIn(block, whole)) : EscapedUtf8.Decode(block.Name), block.Inode, block.FileType));
    }

    // Encrypted directories without case keep the hash behind the name, since it cannot be computed without the key.
    private ExtEntryHash HashIn(in ExtDirectoryBlock block, ReadOnlySpan<byte> whole)
    {
        var at = block.Offset + (ExtDirectoryEntryHead.Size + block.Name.Length + 3 & ~3);
        return _isFolded && at + 8 <= block.Offset + block.RecordLength ? OnDisk.View<ExtEntryHash>(whole, at) : default;
    }

    // A block's entries, its checksum verified. Index blocks of a hash tree look like blocks without entries.
    private ExtDirectoryBlock Walk(long number, out ReadOnlySpan<byte> whole)
    {
        var bytes = ReadBlock(number);
        whole = bytes;
        if (_volume.Checksums.IsOn && !IsIndexBlock(number, bytes))
        {
            if (!ExtDirectoryBlock.HasTail(bytes))
                throw new DiskFormatException("EXT-0201", Structure(number), OffsetOf(number), "has no checksum");
            var found = (uint)OnDisk.View<ExtDirectoryTail>(bytes, bytes.Length - ExtDirectoryTail.Size).Checksum;
            var expected = ExtChecksums.OfDirectoryBlock(Seed, bytes);
            if (found != expected)
                throw new DiskFormatException("EXT-0202", Structure(number), OffsetOf(number), $"checksum: found 0x{found:X8}, expected 0x{expected:X8}");
            whole = whole[..^ExtDirectoryTail.Size];
        }
        return new ExtDirectoryBlock(whole, _volume.Geometry.BlockSize);
    }

    private bool IsIndexBlock(long number, ReadOnlySpan<byte> bytes)
    {
        if ((_inode.Flags & ExtInodeFlags.Index) == 0)
            return false;
        ref readonly var head = ref OnDisk.View<ExtDirectoryEntryHead>(bytes);
        return number == 0 || (head.Inode == 0 && ExtDirectoryBlock.DecodeLength(head.RecordLength, bytes.Length) == bytes.Length);
    }

    private void CheckWalk(string? problem, long number)
    {
        if (problem is not null)
            throw new DiskFormatException("EXT-0200", Structure(number), OffsetOf(number), problem);
    }
}
