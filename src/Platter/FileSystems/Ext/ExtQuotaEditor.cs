using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>A quota file that follows the edits of its volume: entries are found by id, made when an id is new, and kept when nothing of its is left.</summary>
/// <remarks>Limits and times of grace stay as they are, and nobody is refused because of them. Where the entries lie is remembered; their bytes are the volume's blocks.</remarks>
internal sealed class ExtQuotaEditor
{
    private readonly ExtEditState _state;
    private readonly ExtGeometry _geometry;
    private readonly uint _number;
    private readonly Dictionary<uint, (long Block, int Offset)> _places = [];

    /// <summary>Opens the file in an inode.</summary>
    /// <exception cref="DiskFormatException">Its inode or its head is not that of a quota file: what it counts is not to be guessed.</exception>
    public ExtQuotaEditor(ExtEditState state, ExtQuotaType type, uint number)
    {
        (_state, _geometry, _number, Type) = (state, state.Geometry, number, type);
        var inode = state.Inodes.Read(number);
        if (!inode.IsFile || inode.LinkCount == 0 || (inode.Flags & ExtInodeFlags.InlineData) != 0)
            throw Broken("should hold quotas, and is no file of blocks");
        if (inode.Length < 2 * ExtQuotaHeader.BlockSize)
            throw Broken($"has {inode.Length} bytes, expected at least {2 * ExtQuotaHeader.BlockSize}");
        if (ExtQuotaFile.HeaderProblem(type, inode.Length, Read(0)) is { } problem)
            throw Broken(problem);
    }

    public ExtQuotaType Type { get; }

    private string Structure => $"Inode {_number}, quota file";

    /// <summary>An id uses so much more, or less.</summary>
    /// <param name="id">User, group or project.</param>
    /// <param name="space">Bytes.</param>
    /// <param name="inodes">Inodes.</param>
    /// <exception cref="DiskFormatException">The tree of ids is broken.</exception>
    /// <exception cref="VolumeFullException">The id is new, and there is no room for its entry.</exception>
    public void Add(uint id, long space, long inodes)
    {
        if (!_places.TryGetValue(id, out var place))
            _places[id] = place = Find(id);
        var bytes = _state.Edit(place.Block, Structure).AsSpan(place.Offset, ExtQuotaEntry.Size);
        ref var entry = ref OnDisk.Edit<ExtQuotaEntry>(bytes);

        // An entry of zeros would be a free one: that of root carries a mark when there is nothing else in it.
        if (IsMarkOnly(bytes))
            entry.InodeTime = 0;
        entry.Id = id;
        entry.Space = Sum(entry.Space, space);
        entry.Inodes = Sum(entry.Inodes, inodes);
        if (!bytes.ContainsAnyExcept((byte)0))
            entry.InodeTime = 1;
    }

    /// <summary>An edit was undone, or the volume went back to the last commit: entries may be elsewhere.</summary>
    public void Forget() => _places.Clear();

    // Counts that are too low to begin with end at nothing, as with the kernel.
    private static ulong Sum(ulong count, long change) => change < 0 ? count - Math.Min(count, (ulong)-change) : count + (ulong)change;

    private static bool IsMarkOnly(ReadOnlySpan<byte> entry)
    {
        const int inodeTimeOffset = 0x40;
        return OnDisk.View<ExtQuotaEntry>(entry).InodeTime == 1 && !entry[..inodeTimeOffset].ContainsAnyExcept((byte)0);
    }

    private static int Slot(uint id, int level) => (int)(id >> 8 * (ExtQuotaHeader.LevelCount - 1 - level)) & 0xFF;

    private (long Block, int Offset) Find(uint id)
    {
        var block = (uint)ExtQuotaHeader.RootBlock;
        for (var level = 0; level < ExtQuotaHeader.LevelCount; level++)
        {
            uint next = References(Read(block))[Slot(id, level)];
            if (next == 0)
                return Make(id, block, level);
            Check(next, block);
            block = next;
        }
        var bytes = Read(block);
        for (var at = ExtQuotaBlockHeader.Size; at + ExtQuotaEntry.Size <= bytes.Length; at += ExtQuotaEntry.Size)
        {
            if (OnDisk.View<ExtQuotaEntry>(bytes, at).Id == id && bytes.Slice(at, ExtQuotaEntry.Size).ContainsAnyExcept((byte)0))
                return At(block, at);
        }
        throw Broken($"leads to block {block} for the id {id}, which is not there");
    }

    // From the level where the id's way ends, downwards: blocks of the tree, and an entry in a block that has room.
    private (long Block, int Offset) Make(uint id, uint block, int level)
    {
        for (; level < ExtQuotaHeader.LevelCount; level++)
        {
            var next = level < ExtQuotaHeader.LevelCount - 1 ? NewBlock() : BlockWithRoom();
            MemoryMarshal.Cast<byte, U32Le>(Edit(block))[Slot(id, level)] = next;
            block = next;
        }
        var bytes = Edit(block);
        var at = ExtQuotaBlockHeader.Size;
        while (at + ExtQuotaEntry.Size <= bytes.Length && bytes.Slice(at, ExtQuotaEntry.Size).ContainsAnyExcept((byte)0))
            at += ExtQuotaEntry.Size;
        ref var head = ref OnDisk.Edit<ExtQuotaBlockHeader>(bytes);
        if (at + ExtQuotaEntry.Size > bytes.Length || head.EntryCount >= ExtQuotaBlockHeader.Capacity)
            throw Broken($"block {block} should have room for an entry and is full");
        OnDisk.Edit<ExtQuotaEntry>(bytes, at).Id = id;
        head.EntryCount++;
        if (head.EntryCount == ExtQuotaBlockHeader.Capacity)
            LeaveList(block);
        return At(block, at);
    }

    // The first of those that have room.
    private uint BlockWithRoom()
    {
        uint block = OnDisk.View<ExtQuotaHeader>(Read(0)).FreeEntry;
        if (block != 0)
        {
            Check(block, 0);
            return block;
        }
        block = NewBlock();
        OnDisk.Edit<ExtQuotaHeader>(Edit(0)).FreeEntry = block;
        return block;
    }

    private void LeaveList(uint block)
    {
        ref var head = ref OnDisk.Edit<ExtQuotaBlockHeader>(Edit(block));
        uint next = head.NextFree;
        if (head.PreviousFree != 0)
            throw Broken($"block {block} is the first that has room, and follows block {(uint)head.PreviousFree}");
        (head.NextFree, head.PreviousFree) = (0u, 0u);
        OnDisk.Edit<ExtQuotaHeader>(Edit(0)).FreeEntry = next;
        if (next == 0)
            return;
        Check(next, block);
        OnDisk.Edit<ExtQuotaBlockHeader>(Edit(next)).PreviousFree = 0;
    }

    // One that the tree gave up, else one behind the last.
    private uint NewBlock()
    {
        uint block = OnDisk.View<ExtQuotaHeader>(Read(0)).FreeBlock;
        if (block != 0)
        {
            Check(block, 0);
            uint next = OnDisk.View<ExtQuotaBlockHeader>(Read(block)).NextFree;
            OnDisk.Edit<ExtQuotaHeader>(Edit(0)).FreeBlock = next;
        }
        else
        {
            block = OnDisk.View<ExtQuotaHeader>(Read(0)).BlockCount;
            Append(block);
            OnDisk.Edit<ExtQuotaHeader>(Edit(0)).BlockCount = block + 1;
        }
        Edit(block).Clear();
        return block;
    }

    private void Append(uint block)
    {
        var end = (block + 1L) * ExtQuotaHeader.BlockSize;
        var logical = end - 1 >> _geometry.LogBlockSize;
        var inode = _state.Inodes.Read(_number);
        var made = new GrowingArray<ExtRun>();
        ExtMapEditor.Of(inode, _state).Fill(logical, logical + 1, 0, made);
        if (made.Count > 0)
            _state.Changes.New(made[0].Physical);
        if (inode.Length < end)
            inode.SetLength(end);
        _state.Inodes.Write(inode);
    }

    private static ReadOnlySpan<U32Le> References(ReadOnlySpan<byte> block) => MemoryMarshal.Cast<byte, U32Le>(block);

    private ReadOnlySpan<byte> Read(uint block)
    {
        var (place, offset) = At(block, 0);
        return _state.Blocks.Read(place, Structure).AsSpan(offset, ExtQuotaHeader.BlockSize);
    }

    private Span<byte> Edit(uint block)
    {
        var (place, offset) = At(block, 0);
        return _state.Edit(place, Structure).AsSpan(offset, ExtQuotaHeader.BlockSize);
    }

    // Where a block of the file lies, and a byte of it.
    private (long Block, int Offset) At(uint block, int offset)
    {
        var start = (long)block * ExtQuotaHeader.BlockSize;
        var logical = start >> _geometry.LogBlockSize;
        var map = ExtBlockMap.Of(_state.Inodes.Read(_number), _geometry, _state.Blocks, _state.Checksums);
        var run = logical < map.MaxBlocks ? map.Find(logical) : default;
        if (!run.HasData)
            throw Broken($"block {block} is a hole");
        return (run.Physical, (int)(start & _geometry.BlockSize - 1) + offset);
    }

    private void Check(uint block, uint from)
    {
        uint count = OnDisk.View<ExtQuotaHeader>(Read(0)).BlockCount;
        if (block <= ExtQuotaHeader.RootBlock || block >= count)
            throw Broken($"block {from} leads to block {block}, expected 2..{count - 1}");
    }

    private DiskFormatException Broken(string problem) => new("EXT-0700", Structure, -1, problem);
}
