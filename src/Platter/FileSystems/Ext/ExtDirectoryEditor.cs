using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Where an entry stands.</summary>
/// <param name="Block">Block of the directory; -1: the first part of inline data, -2: the rest.</param>
/// <param name="Offset">Bytes from the start of the block or part.</param>
/// <param name="Inode">Where it leads.</param>
internal readonly record struct ExtPlace(long Block, int Offset, uint Inode);

/// <summary>Changes one directory: entries in its inode, in a list of blocks, or below a hash tree. The directory's inode is changed with it, and is the caller's to write.</summary>
/// <remarks>A directory that outgrows its first block gets a hash tree when the volume has dir_index, and never loses it; blocks are not given back before the
/// directory goes, as in the kernel.</remarks>
internal sealed partial class ExtDirectoryEditor
{
    private const int InlineFirst = -1, InlineRest = -2, InlineParent = 4;
    private const byte DotSize = 12;

    private readonly ExtEditState _state;
    private readonly ExtGeometry _geometry;
    private readonly ExtMapEditor? _given;
    private ExtMapEditor? _map;
    private ExtHashTreeEditor? _tree;
    private ExtRun _run;                // the run of its blocks that was asked for last
    private bool _isOwn;                // whether its first block was found to be its own
    private long _own;                  // the block that was last found to be

    // Of a directory that stays open: blocks whose checksums were right, and the name that was last found not to be there, with the leaf that it goes to and
    // the entry there that has room for it, -1 for none.
    private NumberMap<int>? _verified;
    private byte[] _missing = [];
    private int _missingLength = -1, _room;
    private long _leaf;

    /// <param name="inode">The directory.</param>
    /// <param name="state">The volume.</param>
    /// <param name="hasTails">Whether its blocks end in checksums, where that isn't what the volume says yet.</param>
    public ExtDirectoryEditor(ExtInode inode, ExtEditState state, bool? hasTails = null)
    {
        Inode = inode;
        _state = state;
        _geometry = state.Geometry;
        IsFolded = (inode.Flags & ExtInodeFlags.Casefold) != 0 && _geometry.Has(ExtIncompat.Casefold);
        Seed = state.Checksums.InodeSeed(inode.Number, inode.Generation);
        HasTails = hasTails ?? state.Checksums.IsOn;
        if ((inode.Flags & ExtInodeFlags.Encrypt) != 0)
            throw new UnsupportedFeatureException($"directory {inode.Number} is encrypted (ext4 INCOMPAT_ENCRYPT, bit 0x10000): changing it needs a key");
        if (inode.Length < 0)
            throw new DiskFormatException("EXT-0106", $"Inode {inode.Number}", inode.Offset, $"length: found {inode.Length}");
        _given = IsInline ? null : ExtMapEditor.Of(inode, state);
    }

    public ExtInode Inode { get; }

    /// <summary>What the checksums of its blocks start from.</summary>
    public uint Seed { get; }

    public bool HasTails { get; }

    /// <summary>Whether names are compared without case.</summary>
    public bool IsFolded { get; }

    public int BlockSize => _geometry.BlockSize;
    public ExtGeometry Geometry => _geometry;
    public long BlockCount => IsInline ? 0 : Inode.Length >> _geometry.LogBlockSize;

    private bool IsInline => (Inode.Flags & ExtInodeFlags.InlineData) != 0;

    private bool IsIndexed => (Inode.Flags & ExtInodeFlags.Index) != 0 && BlockCount > 1;

    private ExtHashTreeEditor Tree => _tree ??= new ExtHashTreeEditor(this);

    private ExtMapEditor Map => _map ??= _given ?? ExtMapEditor.Of(Inode, _state);

    /// <summary>Gives a new directory its first block, with "." and ".."; with inline_data the room in its inode.</summary>
    public static void Create(ExtInode inode, uint parent, ExtEditState state)
    {
        if (state.Geometry.Has(ExtIncompat.InlineData))
        {
            var content = new byte[ExtInodeRecord.BlockLength];
            OnDisk.Edit<U32Le>(content) = parent;
            ExtDirectoryWriter.Clear(content.AsSpan(InlineParent), state.Geometry.BlockSize);
            if (ExtInlineData.TryStore(inode, state, content))
            {
                inode.SetFlag(ExtInodeFlags.Extents, false);
                inode.SetFlag(ExtInodeFlags.InlineData, true);
                inode.SetLength(content.Length);
                return;
            }
        }
        var directory = new ExtDirectoryEditor(inode, state);
        var number = directory.Append();
        directory.WriteDots(directory.Edit(number), parent, []);
        directory.SealLeaf(number);
    }

    /// <summary>More names are going to be made: what is learnt of the directory is kept, as long as nothing else changes it.</summary>
    public void StayOpen()
    {
        _verified ??= new NumberMap<int>();
        if (_missing.Length == 0)
            _missing = new byte[ExtDirectoryEntryHead.MaxNameLength];
    }

    /// <summary>Refuses to change what is another directory's, whose names would be lost. A checksum says whose a block is, since the inode's number goes into it; without
    /// checksums the first block does, and of the others it shows only when both directories are looked into.</summary>
    /// <exception cref="DiskFormatException">The first block is another directory's, or there is none.</exception>
    public void RequireOwn()
    {
        if (!_isOwn && !IsInline && (!HasTails || BlockCount == 0))
            RequireOwnFirst();
    }

    /// <summary>Adds a name that is not there.</summary>
    /// <exception cref="VolumeFullException">No room for another block, or for another entry in the hash tree.</exception>
    public void Insert(in ExtNewEntry entry)
    {
        if (IsFolded && !IsAscii(entry.Name))
            throw new UnsupportedFeatureException($"directory {Inode.Number} ignores case (ext4 INCOMPAT_CASEFOLD, bit 0x20000): names beyond ASCII, as '{EscapedUtf8.Decode(entry.Name)}', cannot be made in it, since the kernel's Unicode tables are not here");
        if (IsInline)
        {
            if (TryInsertInline(entry))
                return;
            SpillInline();
        }
        RequireOwn();
        if (IsMissing(entry.Name) && _room >= 0)
        {
            Put(_leaf, _room, entry);
            return;
        }
        if ((Inode.Flags & ExtInodeFlags.Index) != 0 && !_geometry.Has(ExtCompat.DirIndex))
            throw new DiskFormatException("EXT-0110", $"Inode {Inode.Number}", Inode.Offset, "has a hash tree on a volume without dir_index");
        if (!IsIndexed)
        {
            if (TryInsertInList(entry))
                return;
            if (BlockCount != 1 || !_geometry.Has(ExtCompat.DirIndex))
            {
                var block = Append();
                ExtDirectoryWriter.Put(Entries(Edit(block)), BlockSize, 0, entry);
                SealLeaf(block);
                return;
            }
            Tree.Create(_geometry.Super.DefaultHashVersion);
        }
        Tree.Insert(entry);
    }

    /// <summary>Takes an entry out.</summary>
    public void Remove(in ExtPlace place)
    {
        if (place.Block < 0)
        {
            var content = _state.Volume.ReadInline(Inode);
            ExtDirectoryWriter.Remove(Part(content, place.Block), BlockSize, place.Offset);
            StoreInline(content);
            return;
        }
        ExtDirectoryWriter.Remove(Entries(Edit(place.Block)), BlockSize, place.Offset);
        SealLeaf(place.Block);
    }

    /// <summary>Lets an entry lead to another inode.</summary>
    public void Redirect(in ExtPlace place, uint inode, byte fileType)
    {
        if (place.Block < 0)
        {
            var content = _state.Volume.ReadInline(Inode);
            Set(ref OnDisk.Edit<ExtDirectoryEntryHead>(Part(content, place.Block), place.Offset));
            StoreInline(content);
            return;
        }
        Set(ref OnDisk.Edit<ExtDirectoryEntryHead>(Edit(place.Block), place.Offset));
        SealLeaf(place.Block);

        void Set(ref ExtDirectoryEntryHead head)
        {
            head.Inode = inode;
            head.FileType = fileType;
        }
    }

    /// <summary>Lets ".." lead to another directory.</summary>
    public void SetParent(uint parent)
    {
        if (IsInline)
        {
            OnDisk.Edit<U32Le>(Inode.EditBlock) = parent;
            return;
        }
        ReadDots();
        OnDisk.Edit<ExtDirectoryEntryHead>(Edit(0), DotSize).Inode = parent;
        if ((Inode.Flags & ExtInodeFlags.Index) != 0)
            Tree.SealRoot();
        else
            SealLeaf(0);
    }

    /// <summary>Where ".." leads.</summary>
    public uint Parent => IsInline ? OnDisk.View<U32Le>(Inode.Block) : ReadDots();

    /// <summary>A block's bytes, its checksum verified when it is a leaf that was not changed here.</summary>
    public byte[] Read(long block, bool isLeaf = true)
    {
        var physical = Mapped(block);
        var bytes = _state.Blocks.Read(physical, Structure(block));
        if (isLeaf && HasTails && !IsVerified(block, physical))
        {
            if (!ExtDirectoryBlock.HasTail(bytes))
                throw Broken("EXT-0201", block, "has no checksum");
            if (OnDisk.View<ExtDirectoryTail>(bytes, bytes.Length - ExtDirectoryTail.Size).Checksum != ExtChecksums.OfDirectoryBlock(Seed, bytes))
                throw Broken("EXT-0202", block, "the checksum is wrong");
            Trust(block);
        }
        return bytes;
    }

    /// <summary>A block's bytes, to be changed.</summary>
    public byte[] Edit(long block)
    {
        _missingLength = -1;
        var physical = Mapped(block);
        if (!HasTails)
            RequireOwn(block, physical);
        return _state.Edit(physical, Structure(block));
    }

    /// <summary>Whether a block's checksum need not be looked at: the block was changed, or has been found right.</summary>
    public bool IsTrusted(long block) => IsVerified(block, Mapped(block));

    /// <summary>A block's checksum is right.</summary>
    public void Trust(long block)
    {
        if (_verified is not null)
            _verified[(ulong)block] = 1;
    }

    /// <summary>What of a leaf is entries: all but the tail.</summary>
    public Span<byte> Entries(byte[] block) => HasTails ? block.AsSpan(0, block.Length - ExtDirectoryTail.Size) : block;

    public void SealLeaf(long block)
    {
        if (HasTails)
            ExtDirectoryWriter.Seal(Edit(block), Seed);
    }

    /// <summary>Adds an entry to a leaf; false when it has no room.</summary>
    public bool TryPut(long block, in ExtNewEntry entry)
    {
        var needed = ExtDirectoryWriter.SizeOf(entry.Name.Length);
        var at = ExtDirectoryWriter.FindRoom(Entries(Read(block)), BlockSize, needed, out var problem);
        if (problem is not null)
            throw Broken("EXT-0200", block, problem);
        if (at < 0)
            return false;
        Put(block, at, entry);
        return true;
    }

    // Behind an entry of a leaf that has room.
    private void Put(long leaf, int at, in ExtNewEntry entry)
    {
        _missingLength = -1;
        var physical = Mapped(leaf);
        if (!HasTails)
            RequireOwn(leaf, physical);
        var bytes = Read(leaf);
        bytes = _state.EditPart(physical, at, ExtDirectoryWriter.ChangedBy(Entries(bytes), at, entry), Structure(leaf));
        ExtDirectoryWriter.Put(Entries(bytes), BlockSize, at, entry);
        if (HasTails)
            ExtDirectoryWriter.Seal(_state.EditPart(physical, bytes.Length - ExtDirectoryTail.Size, ExtDirectoryTail.Size, Structure(leaf)), Seed);
    }

    /// <summary>Makes the directory a block longer: an empty leaf.</summary>
    public long Append()
    {
        _missingLength = -1;
        var block = BlockCount;
        if (block + 1 << _geometry.LogBlockSize > uint.MaxValue && !_geometry.Has(ExtIncompat.LargeDir))
            throw new UnsupportedFeatureException($"directory {Inode.Number} would be larger than 4 GiB (large_dir)");
        if (block >= Map.MaxBlocks)
            throw new UnsupportedFeatureException($"directory {Inode.Number} would have more than {Map.MaxBlocks} blocks");
        var made = new GrowingArray<ExtRun>();
        Map.Fill(block, block + 1, 0, made);
        var bytes = _state.Changes.New(Map.Find(block).Physical);
        ExtDirectoryWriter.Clear(Entries(bytes), BlockSize);
        if (HasTails)
            ExtDirectoryWriter.AddTail(bytes);
        Inode.SetLength(block + 1 << _geometry.LogBlockSize);
        _isOwn |= block == 0;
        return block;
    }

    /// <summary>The hash that orders a name in the tree.</summary>
    public uint Hash(ReadOnlySpan<byte> name, byte version)
    {
        if (IsFolded && !IsAscii(name))
            throw new UnsupportedFeatureException($"directory {Inode.Number} ignores case (ext4 INCOMPAT_CASEFOLD, bit 0x20000) and holds names beyond ASCII: it cannot be rearranged, since the kernel's Unicode tables are not here");
        return ExtNameHash.Compute(Folded(name), ExtNameHash.Resolve(version, _geometry.Super.Flags.Value), _geometry.Super.HashSeed).Hash;
    }

    /// <summary>Writes "." and ".." to an empty first block, and what else it holds.</summary>
    public void WriteDots(byte[] block, uint parent, ReadOnlySpan<byte> inline)
    {
        var entries = Entries(block);
        var type = _geometry.Has(ExtIncompat.Filetype) ? (byte)ExtFileType.Directory : (byte)0;
        ExtDirectoryWriter.Write(entries, BlockSize, 0, DotSize, new ExtNewEntry("."u8, Inode.Number, type));
        ExtDirectoryWriter.Write(entries, BlockSize, DotSize, entries.Length - DotSize, new ExtNewEntry(".."u8, parent, type));
        foreach (var part in (ReadOnlySpan<long>)[InlineFirst, InlineRest])
        {
            var chain = new ExtDirectoryBlock(inline.IsEmpty ? default : Part(inline.ToArray(), part), BlockSize);
            while (chain.MoveNext())
            {
                if (chain.Inode == 0)
                    continue;
                var at = ExtDirectoryWriter.FindRoom(entries, BlockSize, ExtDirectoryWriter.SizeOf(chain.Name.Length), out _);
                ExtDirectoryWriter.Put(entries, BlockSize, at, new ExtNewEntry(chain.Name, chain.Inode, chain.FileType));
            }
            if (chain.Problem is { } problem)
                throw Broken("EXT-0200", 0, problem);
        }
    }

    /// <summary>Where ".." leads; "." and ".." must be what the block begins with.</summary>
    public uint ReadDots()
    {
        var bytes = Read(0, isLeaf: (Inode.Flags & ExtInodeFlags.Index) == 0);
        var chain = new ExtDirectoryBlock(bytes, BlockSize);
        if (!chain.MoveNext() || chain.RecordLength != DotSize || !chain.Name.SequenceEqual("."u8))
            throw Broken("EXT-0205", 0, "does not begin with \".\"");
        if (!chain.MoveNext() || !chain.Name.SequenceEqual(".."u8))
            throw Broken("EXT-0206", 0, "has no \"..\" in second place");
        return chain.Inode;
    }

    public DiskFormatException Broken(string code, long block, string problem) =>
        new(code, Structure(block).ToString(), IsInline ? Inode.Offset : Map.Find(block) is { IsHole: false } run ? run.Physical << _geometry.LogBlockSize : -1, problem);

    private ExtStructure Structure(long block) => new("Directory", Inode.Number, block);

    // Where a block lies. A directory's blocks stay where they are as long as it is there.
    private long Mapped(long block)
    {
        if (block >= _run.Logical && block < _run.End)
            return _run.Physical + (block - _run.Logical);
        if (block < 0 || block >= BlockCount)
            throw new DiskFormatException("EXT-0223", Structure(block).ToString(), Inode.Offset, $"the hash tree leads to block {block}, expected 0..{BlockCount - 1}");
        var run = Map.Find(block);
        if (!run.HasData)
            throw new DiskFormatException("EXT-0203", Structure(block).ToString(), Inode.Offset, "is a hole");
        _run = run with { Count = Math.Min(run.Count, BlockCount - block) };
        return run.Physical;
    }

    private void RequireOwn(long block, long physical)
    {
        RequireOwn();
        if (block == 0 || block == _own)
            return;
        RequireOwner(block, physical);
        _state.Volume.ClaimDirectoryBlock(physical, Inode.Number, block);
        _own = block;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RequireOwnFirst()
    {
        if (BlockCount == 0)
            throw Broken("EXT-0205", 0, "has no blocks");
        RequireOwner(0, Mapped(0));
        _isOwn = true;
    }

    private void RequireOwner(long block, long physical)
    {
        if (ExtDirectoryBlock.OwnerProblem(_state.Blocks.Read(physical, Structure(block)), Inode.Number, block, out var code) is { } problem)
            throw Broken(code, block, problem);
    }

    private bool IsVerified(long block, long physical) => (_verified is not null && _verified.ContainsKey((ulong)block)) || _state.Changes.Contains(physical);

    private bool TryInsertInList(in ExtNewEntry entry)
    {
        for (var block = 0L; block < BlockCount;)
        {
            var run = Map.Find(block);
            if (run.IsHole)
                block = run.End;
            else if (TryPut(block, entry))
                return true;
            else
                block++;
        }
        return false;
    }

    private ReadOnlySpan<byte> Folded(ReadOnlySpan<byte> name) => IsFolded ? Fold(name) : name;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static byte[] Fold(ReadOnlySpan<byte> name) => EscapedUtf8.Encode(ExtCasefold.Fold(EscapedUtf8.Decode(name)));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsAscii(ReadOnlySpan<byte> name) => !name.ContainsAnyInRange((byte)0x80, (byte)0xFF);
}
