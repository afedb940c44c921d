using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Finding names: in the one leaf of a hash tree or list, with the room that the name would take; else in all that can hold it.
internal sealed partial class ExtDirectoryEditor
{
    /// <summary>Finds a name.</summary>
    public bool TryFind(ReadOnlySpan<byte> name, out ExtPlace place)
    {
        place = default;
        if (IsInline)
            return TryFindInline(name, out place);
        if (IsMissing(name))
            return false;
        if (!IsFolded && TryLeafOf(name, out var leaf))
            return TryFindInLeaf(leaf, name, out place);
        return TryFindAnywhere(name, out place);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryFindAnywhere(ReadOnlySpan<byte> name, out ExtPlace place)
    {
        place = default;
        if (IsIndexed && _geometry.Has(ExtCompat.DirIndex) && (!IsFolded || IsAscii(name)))
        {
            var directory = new ExtDirectory(_state.Volume, Inode);
            if (new ExtHashTree(directory, _geometry, _state.Checksums).LeavesOf(Folded(name)) is { } leaves)
            {
                foreach (var leaf in leaves)
                {
                    if (TryFindIn(leaf, name, out place))
                        return true;
                }
                return false;
            }
        }
        for (var block = 0L; block < BlockCount;)
        {
            var run = Map.Find(block);
            if (!run.HasData)
                block = run.End;
            else if (TryFindIn(block, name, out place))
                return true;
            else
                block++;
        }
        return false;
    }

    private bool IsMissing(ReadOnlySpan<byte> name) => _missingLength == name.Length && name.SequenceEqual(_missing.AsSpan(0, _missingLength));

    // The one leaf that a name can be in; false where there is not just one.
    private bool TryLeafOf(ReadOnlySpan<byte> name, out long leaf)
    {
        leaf = 0;
        return (Inode.Flags & ExtInodeFlags.Index) == 0 ? BlockCount == 1 : IsIndexed && _geometry.Has(ExtCompat.DirIndex) && Tree.TryFindLeaf(name, out leaf);
    }

    // Looks for a name and for the room that it would take in one go.
    private bool TryFindInLeaf(long leaf, ReadOnlySpan<byte> name, out ExtPlace place)
    {
        place = default;
        var entries = Entries(Read(leaf));
        if (ExtDirectoryWriter.TryFind(entries, BlockSize, name, out var at, out var room, out var problem))
        {
            place = new ExtPlace(leaf, at, OnDisk.View<ExtDirectoryEntryHead>(entries, at).Inode);
            return true;
        }
        if (problem is not null)
            throw Broken("EXT-0200", leaf, problem);
        if (_missing.Length > 0)
        {
            name.CopyTo(_missing);
            (_missingLength, _leaf, _room) = (name.Length, leaf, room);
        }
        return false;
    }

    private bool TryFindIn(long block, ReadOnlySpan<byte> name, out ExtPlace place)
    {
        // Index blocks look like blocks without entries, and have no tail.
        var isLeaf = (Inode.Flags & ExtInodeFlags.Index) == 0 || (block > 0 && !LooksLikeIndex(block));
        var bytes = Read(block, isLeaf);
        if (TryFindIn(isLeaf ? Entries(bytes) : bytes, name, out var offset, out var inode, out var problem))
        {
            place = new ExtPlace(block, offset, inode);
            return true;
        }
        place = default;
        return problem is null ? false : throw Broken("EXT-0200", block, problem);
    }

    private bool LooksLikeIndex(long block)
    {
        var bytes = Read(block, isLeaf: false);
        ref readonly var head = ref OnDisk.View<ExtDirectoryEntryHead>(bytes);
        return head.Inode == 0 && ExtDirectoryBlock.DecodeLength(head.RecordLength, BlockSize) == bytes.Length;
    }

    private bool TryFindIn(ReadOnlySpan<byte> entries, ReadOnlySpan<byte> name, out int offset, out uint inode, out string? problem)
    {
        var folded = IsFolded ? ExtCasefold.Fold(EscapedUtf8.Decode(name)) : "";
        var chain = new ExtDirectoryBlock(entries, BlockSize);
        while (chain.MoveNext())
        {
            if (chain.Inode == 0 || !(chain.Name.SequenceEqual(name) || (IsFolded && ExtCasefold.Fold(EscapedUtf8.Decode(chain.Name)) == folded)))
                continue;
            (offset, inode, problem) = (chain.Offset, chain.Inode, null);
            return true;
        }
        (offset, inode, problem) = (0, 0, chain.Problem);
        return false;
    }
}
