using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Changes a directory's hash tree: leaves are split by the hashes of their names, index blocks by half, and the root grows a level when it is full.</summary>
/// <remarks>As the kernel does it (fs/ext4/namei.c), so that what one driver left the other goes on with. Deleting leaves the tree as it is.</remarks>
internal sealed class ExtHashTreeEditor(ExtDirectoryEditor directory)
{
    private const int RootEntries = ExtHashRootInfo.Offset + ExtHashRootInfo.Size, NodeEntries = ExtHashTree.NodeEntriesOffset;
    private const byte HalfMd4 = 1;

    private readonly record struct Hashed(uint Hash, int Offset, int Size);

    // From the root on: the block, and the entry in it that leads on.
    private readonly (long Block, int Index)[] _path = new (long, int)[3];
    private int _levels;
    private uint _following;            // the hash from which on the next leaf counts; 0 for none
    private byte _version;

    private int MaxLevels => directory.Geometry.Has(ExtIncompat.LargeDir) ? 2 : 1;

    /// <summary>Makes a tree over a directory of one block, whose entries move to a second one.</summary>
    /// <param name="version">The volume's hash version.</param>
    public void Create(byte version)
    {
        var parent = directory.ReadDots();
        var source = directory.Entries(directory.Read(0)).ToArray();
        var offsets = new List<int>();
        var chain = new ExtDirectoryBlock(source, directory.BlockSize);
        for (var i = 0; chain.MoveNext(); i++)
        {
            if (i >= 2 && chain.Inode != 0)
                offsets.Add(chain.Offset);
        }
        if (chain.Problem is { } problem)
            throw directory.Broken("EXT-0200", 0, problem);
        var leaf = directory.Append();
        ExtDirectoryWriter.Fill(directory.Entries(directory.Edit(leaf)), directory.BlockSize, source, CollectionsMarshal.AsSpan(offsets));
        directory.SealLeaf(leaf);

        var root = directory.Edit(0);
        root.AsSpan().Clear();
        directory.WriteDots(root, parent, []);

        // ".." reaches to the block's end: the tree is hidden behind it from those that do not know it.
        const int dotDot = ExtHashRootInfo.Offset / 2;
        OnDisk.Edit<ExtDirectoryEntryHead>(root, dotDot).RecordLength = ExtDirectoryWriter.EncodeLength(directory.BlockSize - dotDot, directory.BlockSize);
        ref var info = ref OnDisk.Edit<ExtHashRootInfo>(root, ExtHashRootInfo.Offset);
        info.HashVersion = version <= (byte)ExtHashVersion.Tea ? version : HalfMd4;
        info.InfoLength = ExtHashRootInfo.Size;
        SetCount(root, RootEntries, 1, LimitAt(RootEntries));
        OnDisk.Edit<ExtHashEntry>(root, RootEntries).Block = (uint)leaf;
        Seal(root, RootEntries);
        directory.Inode.SetFlag(ExtInodeFlags.Index, true);
    }

    /// <summary>Adds a name.</summary>
    /// <exception cref="VolumeFullException">No room for a block, or the tree has all the levels that it can have and is full.</exception>
    public void Insert(in ExtNewEntry entry)
    {
        // Each turn splits something; a few are enough for any tree that there can be.
        for (var turn = 0; turn < 16; turn++)
        {
            Root(out var root, out var info);
            _version = info.HashVersion;
            var hash = directory.Hash(entry.Name, _version);
            var leaf = Descend(hash, root, info.IndirectLevels);
            if (directory.TryPut(leaf, entry))
                return;
            if (CountAt(_levels) < LimitAt(EntriesOffset(_levels)))
            {
                if (TrySplitLeaf(leaf, hash, entry))
                    return;
            }
            else
            {
                MakeRoom();
            }
        }
        throw new VolumeFullException("entries in the directory's hash tree", 1, 0);
    }

    /// <summary>Finds the leaf that a name can be in.</summary>
    /// <returns>False where others can hold it as well, since names of its hash go on there; and where the tree is not one to go by.</returns>
    public bool TryFindLeaf(ReadOnlySpan<byte> name, out long leaf)
    {
        leaf = 0;
        if (RootProblem(out var root, out var info) is not null)
            return false;
        Verify(root);
        var hash = directory.Hash(name, info.HashVersion);
        leaf = Descend(hash, root, info.IndirectLevels);
        return _following != (hash | 1);
    }

    /// <summary>Brings the root's checksum up to date.</summary>
    public void SealRoot()
    {
        Root(out _, out _);
        Seal(directory.Edit(0), RootEntries);
    }

    private static int EntriesOffset(int level) => level == 0 ? RootEntries : NodeEntries;

    private int LimitAt(int entriesOffset) => (directory.BlockSize - entriesOffset - (directory.HasTails ? ExtHashTail.Size : 0)) / ExtHashEntry.Size;

    private int CountAt(int level) => OnDisk.View<ExtHashEntry>(directory.Read(_path[level].Block, isLeaf: false), EntriesOffset(level)).Count;

    private long Descend(uint hash, ExtHashNode root, int levels)
    {
        (_levels, _following) = (levels, 0);
        var node = root;
        var next = 0L;
        for (var level = 0; ; level++)
        {
            var index = node.IndexOf(hash);
            _path[level] = (next, index);
            if (index + 1 < node.Count)
                _following = node.Hash(index + 1);
            next = node.Block(index);
            if (level == levels)
                return next;
            node = Node(next);
        }
    }

    private ExtHashNode Node(long block)
    {
        var bytes = directory.Read(block, isLeaf: false);
        if (ExtHashNode.Parse(bytes, NodeEntries, directory.HasTails, out var node) is { } problem)
            throw directory.Broken("EXT-0221", block, problem);
        if (directory.HasTails && !directory.IsTrusted(block) && !node.IsRight(directory.Seed))
            throw directory.Broken("EXT-0222", block, "the checksum of the hash tree's node is wrong");
        directory.Trust(block);
        return node;
    }

    // The names of the leaf in the order of their hashes: the upper half, by size, goes to a new leaf.
    private bool TrySplitLeaf(long leaf, uint hash, in ExtNewEntry entry)
    {
        var source = directory.Entries(directory.Read(leaf)).ToArray();
        var names = Names(leaf, source);
        if (names.Count < 2)
            throw directory.Broken("EXT-0200", leaf, "is full with fewer than two names");
        names.Sort(static (a, b) => a.Hash != b.Hash ? a.Hash.CompareTo(b.Hash) : a.Offset - b.Offset);
        var split = SplitAt(names);
        var border = names[split].Hash;
        var goesOn = border == names[split - 1].Hash;
        var upper = directory.Append();
        FillLeaf(leaf, source, names, 0, split);
        FillLeaf(upper, source, names, split, names.Count);
        AddIndex(_levels, border | (goesOn ? 1u : 0), upper);
        var target = hash >= border ? upper : leaf;
        return directory.TryPut(target, entry) || (goesOn && hash == border && directory.TryPut(leaf, entry));
    }

    private List<Hashed> Names(long leaf, byte[] source)
    {
        var names = new List<Hashed>();
        var chain = new ExtDirectoryBlock(source, directory.BlockSize);
        while (chain.MoveNext())
        {
            if (chain.Inode != 0 && !chain.Name.IsEmpty)
                names.Add(new Hashed(directory.Hash(chain.Name, _version), chain.Offset, ExtDirectoryWriter.SizeOf(chain.Name.Length)));
        }
        return chain.Problem is { } problem ? throw directory.Broken("EXT-0200", leaf, problem) : names;
    }

    private int SplitAt(List<Hashed> names)
    {
        var (size, at) = (0, names.Count);
        while (at > 0 && size + names[at - 1].Size / 2 <= directory.BlockSize / 2)
            size += names[--at].Size;
        return at > 0 && at < names.Count ? at : names.Count / 2;
    }

    private void FillLeaf(long leaf, byte[] source, List<Hashed> names, int from, int end)
    {
        Span<int> offsets = new int[end - from];
        for (var i = from; i < end; i++)
            offsets[i - from] = names[i].Offset;
        var bytes = directory.Edit(leaf);
        ExtDirectoryWriter.Fill(directory.Entries(bytes), directory.BlockSize, source, offsets);
        directory.SealLeaf(leaf);
    }

    // A full index block: its upper half goes to a new one, below the next block above that has room; or all of the root's entries do.
    private void MakeRoom()
    {
        var level = _levels;
        while (level > 0 && CountAt(level - 1) == LimitAt(EntriesOffset(level - 1)))
            level--;
        if (level == 0)
        {
            Grow();
            return;
        }
        var half = CountAt(level) / 2;
        var block = directory.Append();
        var bytes = directory.Edit(_path[level].Block);
        var moved = MemoryMarshal.Cast<byte, ExtHashEntry>(bytes.AsSpan(NodeEntries, CountAt(level) * ExtHashEntry.Size))[half..].ToArray();
        uint border = moved[0].Hash;
        MakeNode(block, moved);
        SetCount(bytes, NodeEntries, half, LimitAt(NodeEntries));
        Seal(bytes, NodeEntries);
        AddIndex(level - 1, border, block);
    }

    private void Grow()
    {
        if (_levels == MaxLevels)
            throw new VolumeFullException("entries in the directory's hash tree", 1, 0);
        var block = directory.Append();
        var root = directory.Edit(0);
        MakeNode(block, MemoryMarshal.Cast<byte, ExtHashEntry>(root.AsSpan(RootEntries, CountAt(0) * ExtHashEntry.Size)).ToArray());
        root.AsSpan(RootEntries, LimitAt(RootEntries) * ExtHashEntry.Size).Clear();
        SetCount(root, RootEntries, 1, LimitAt(RootEntries));
        OnDisk.Edit<ExtHashEntry>(root, RootEntries).Block = (uint)block;
        OnDisk.Edit<ExtHashRootInfo>(root, ExtHashRootInfo.Offset).IndirectLevels++;
        Seal(root, RootEntries);
    }

    private void MakeNode(long block, ReadOnlySpan<ExtHashEntry> entries)
    {
        var bytes = directory.Edit(block);
        bytes.AsSpan().Clear();
        OnDisk.Edit<ExtDirectoryEntryHead>(bytes).RecordLength = ExtDirectoryWriter.EncodeLength(bytes.Length, bytes.Length);
        entries.CopyTo(MemoryMarshal.Cast<byte, ExtHashEntry>(bytes.AsSpan(NodeEntries, entries.Length * ExtHashEntry.Size)));
        SetCount(bytes, NodeEntries, entries.Length, LimitAt(NodeEntries));
        Seal(bytes, NodeEntries);
    }

    // Behind the entry of the path.
    private void AddIndex(int level, uint hash, long block)
    {
        var bytes = directory.Edit(_path[level].Block);
        var offset = EntriesOffset(level);
        int count = OnDisk.View<ExtHashEntry>(bytes, offset).Count;
        var entries = MemoryMarshal.Cast<byte, ExtHashEntry>(bytes.AsSpan(offset, (count + 1) * ExtHashEntry.Size));
        var at = _path[level].Index + 1;
        entries[at..count].CopyTo(entries[(at + 1)..]);
        entries[at].Hash = hash;
        entries[at].Block = (uint)block;
        SetCount(bytes, offset, count + 1, LimitAt(offset));
        Seal(bytes, offset);
    }

    private void Root(out ExtHashNode root, out ExtHashRootInfo info)
    {
        if (RootProblem(out root, out info) is { } problem)
            throw directory.Broken("EXT-0220", 0, problem);
        Verify(root);
    }

    // What keeps the tree from being changed, or null.
    private string? RootProblem(out ExtHashNode root, out ExtHashRootInfo info)
    {
        var bytes = directory.Read(0, isLeaf: false);
        info = OnDisk.View<ExtHashRootInfo>(bytes, ExtHashRootInfo.Offset);
        root = default;
        if (info.HashVersion > (byte)ExtHashVersion.Tea || info.InfoLength != ExtHashRootInfo.Size || info.IndirectLevels > MaxLevels)
            return $"the hash tree has version {info.HashVersion}, {info.IndirectLevels} levels and a head of {info.InfoLength} bytes, expected at most 2, at most {MaxLevels}, and 8";
        return ExtHashNode.Parse(bytes, RootEntries, directory.HasTails, out root);
    }

    private void Verify(ExtHashNode root)
    {
        if (directory.HasTails && !directory.IsTrusted(0) && !root.IsRight(directory.Seed))
            throw directory.Broken("EXT-0222", 0, "the checksum of the hash tree's root is wrong");
        directory.Trust(0);
    }

    // Limit and count stand in the place of the first entry's hash.
    private static void SetCount(Span<byte> block, int offset, int count, int limit) =>
        OnDisk.Edit<ExtHashEntry>(block, offset).Hash = (uint)limit | (uint)count << 16;

    private void Seal(Span<byte> block, int offset)
    {
        if (!directory.HasTails)
            return;
        ref readonly var head = ref OnDisk.View<ExtHashEntry>(block, offset);
        var (count, limit) = (head.Count, head.Limit);
        ref var tail = ref OnDisk.Edit<ExtHashTail>(block, offset + limit * ExtHashEntry.Size);
        tail.Reserved = 0;
        tail.Checksum = ExtChecksums.OfHashBlock(directory.Seed, block, offset, count, limit);
    }
}
