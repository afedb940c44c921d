using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Changes the block map of ext2 and ext3; see <see cref="ExtIndirectBlocks"/>.</summary>
internal sealed class ExtIndirectEditor : ExtMapEditor
{
    private const int Levels = ExtIndirectBlocks.Levels, DirectBlocks = ExtIndirectBlocks.DirectBlocks;

    private readonly int _pointerBits;

    public ExtIndirectEditor(ExtInode inode, ExtEditState state) : base(inode, state)
    {
        _pointerBits = state.Geometry.LogBlockSize - 2;
        MaxBlocks = new ExtIndirectBlocks(inode, state.Geometry, state.Blocks).MaxBlocks;
    }

    public override long MaxBlocks { get; }

    private string Structure => $"Inode {Inode.Number}, indirect block";

    public override ExtRun Find(long logical) =>
        logical >= MaxBlocks ? new ExtRun(logical, 0, long.MaxValue - logical, false) : new ExtIndirectBlocks(Inode, Geometry, State.Blocks).Find(logical);

    public override void Truncate(long from)
    {
        var root = MemoryMarshal.Cast<byte, U32Le>(Inode.EditBlock);
        var freed = new Freed(this);
        for (var i = (int)Math.Min(from, DirectBlocks); i < DirectBlocks; i++)
        {
            freed.Add(root[i]);
            root[i] = 0;
        }
        var start = (long)DirectBlocks;
        for (var level = 1; level <= Levels; level++)
        {
            var covered = 1L << level * _pointerBits;
            uint block = root[DirectBlocks + level - 1];
            if (block != 0 && from < start + covered && Cut(block, level, Math.Max(0, from - start), freed))
                root[DirectBlocks + level - 1] = 0;
            start += covered;
        }
        freed.Finish();
    }

    protected override void Insert(in ExtRun run)
    {
        if (run.Physical + run.Count > 1L << 32)
            throw Broken("EXT-0300", $"block {run.Physical} cannot be named in 32 bits");
        for (var at = run.Logical; at < run.End;)
            at += Put(at, run.Physical + (at - run.Logical), run.End - at);
    }

    // As many numbers as go to one place; returns how many.
    private long Put(long logical, long physical, long count)
    {
        if (logical < DirectBlocks)
        {
            var direct = (int)Math.Min(count, DirectBlocks - logical);
            Number(MemoryMarshal.Cast<byte, U32Le>(Inode.EditBlock).Slice((int)logical, direct), physical);
            return direct;
        }
        var within = logical - DirectBlocks;
        var level = 1;
        for (; level < Levels && within >= 1L << level * _pointerBits; level++)
            within -= 1L << level * _pointerBits;
        uint block = MemoryMarshal.Cast<byte, U32Le>(Inode.EditBlock)[DirectBlocks + level - 1];
        if (block == 0)
        {
            block = MakeNode();
            MemoryMarshal.Cast<byte, U32Le>(Inode.EditBlock)[DirectBlocks + level - 1] = block;
        }
        for (; level > 1; level--)
        {
            var index = (int)(within >> (level - 1) * _pointerBits);
            within &= (1L << (level - 1) * _pointerBits) - 1;
            uint next = Numbers(State.Blocks.Read(Checked(block), Structure))[index];
            if (next == 0)
            {
                next = MakeNode();
                Numbers(State.Edit(block, Structure))[index] = next;
            }
            block = next;
        }
        var numbers = Numbers(State.Edit(Checked(block), Structure));
        var part = (int)Math.Min(count, numbers.Length - within);
        Number(numbers.Slice((int)within, part), physical);
        return part;
    }

    // Frees what a block leads to from an entry on, in blocks of the file; true when nothing is left and the block itself has gone.
    private bool Cut(uint block, int level, long from, Freed freed)
    {
        var covered = 1L << (level - 1) * _pointerBits;
        var first = (int)(from / covered);
        var count = 1 << _pointerBits;
        for (var i = first; i < count; i++)
        {
            uint entry = Numbers(State.Blocks.Read(Checked(block), Structure))[i];
            if (entry == 0)
                continue;
            var isGone = true;
            if (level == 1)
                freed.Add(entry);
            else
                isGone = Cut(entry, level - 1, i == first ? from - i * covered : 0, freed);
            // Only where the block stays does it matter what is in it.
            if (isGone && from > 0)
                Numbers(State.Edit(block, Structure))[i] = 0;
        }
        if (from > 0 && State.Blocks.Read(block, Structure).AsSpan().ContainsAnyExcept((byte)0))
            return false;
        freed.Finish();
        ReleaseNode(block);
        return true;
    }

    private uint MakeNode()
    {
        var block = TakeNode();
        if (block > uint.MaxValue)
            throw Broken("EXT-0300", $"block {block} cannot be named in 32 bits");
        State.Changes.New(block);
        return (uint)block;
    }

    private uint Checked(uint block) => Geometry.IsBlock(block) ? block
        : throw new DiskFormatException("EXT-0301", Structure, Inode.Offset, $"found {block}, expected {Geometry.FirstDataBlock}..{Geometry.BlocksCount - 1}");

    private static Span<U32Le> Numbers(byte[] bytes) => MemoryMarshal.Cast<byte, U32Le>(bytes.AsSpan());

    private static void Number(Span<U32Le> entries, long physical)
    {
        for (var i = 0; i < entries.Length; i++)
            entries[i] = (uint)(physical + i);
    }

    // Blocks that follow each other are freed in one go.
    private sealed class Freed(ExtIndirectEditor map)
    {
        private long _start, _count;

        public void Add(uint block)
        {
            if (block == 0)
                return;
            if (_count > 0 && block == _start + _count)
            {
                _count++;
                return;
            }
            Finish();
            (_start, _count) = (block, 1);
        }

        public void Finish()
        {
            if (_count > 0)
            {
                map.State.Space.Release(_start, _count);
                map.Inode.AddClusters(-_count, map.Geometry);
            }
            _count = 0;
        }
    }
}
