using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// Entries in the directory's inode: the parent's number, entries to the end of the block area, then entries in an attribute.
internal sealed partial class ExtDirectoryEditor
{
    private bool TryFindInline(ReadOnlySpan<byte> name, out ExtPlace place)
    {
        var content = _state.Volume.ReadInline(Inode);
        foreach (var part in (ReadOnlySpan<long>)[InlineFirst, InlineRest])
        {
            if (TryFindIn(Part(content, part), name, out var offset, out var inode, out var problem))
            {
                place = new ExtPlace(part, offset, inode);
                return true;
            }
            if (problem is not null)
                throw new DiskFormatException("EXT-0200", $"Directory {Inode.Number}, inline data", Inode.Offset, problem);
        }
        place = default;
        return false;
    }

    private bool TryInsertInline(in ExtNewEntry entry)
    {
        var content = _state.Volume.ReadInline(Inode);
        if (content.Length < ExtInodeRecord.BlockLength)
            return false;
        var needed = ExtDirectoryWriter.SizeOf(entry.Name.Length);
        foreach (var part in (ReadOnlySpan<long>)[InlineFirst, InlineRest])
        {
            var at = ExtDirectoryWriter.FindRoom(Part(content, part), BlockSize, needed, out var problem);
            if (problem is not null)
                throw new DiskFormatException("EXT-0200", $"Directory {Inode.Number}, inline data", Inode.Offset, problem);
            if (at < 0)
                continue;
            ExtDirectoryWriter.Put(Part(content, part), BlockSize, at, entry);
            StoreInline(content);
            return true;
        }
        // The rest grows by the entry, as long as the inode has room.
        var longer = content;
        Array.Resize(ref longer, content.Length + needed);
        ExtDirectoryWriter.Write(longer, BlockSize, content.Length, needed, entry);
        if (!ExtInlineData.TryStore(Inode, _state, longer))
            return false;
        Inode.SetLength(longer.Length);
        return true;
    }

    private void StoreInline(byte[] content)
    {
        if (!ExtInlineData.TryStore(Inode, _state, content))
            throw new DiskFormatException("EXT-0107", $"Inode {Inode.Number}", Inode.Offset, "has inline data that does not fit");
    }

    // The entries move to a block.
    private void SpillInline()
    {
        var content = _state.Volume.ReadInline(Inode);
        uint parent = OnDisk.View<U32Le>(Inode.Block);
        ExtInlineData.Remove(Inode, _state);
        Inode.ClearMap(_geometry.Has(ExtIncompat.Extents));
        Inode.SetLength(0);
        var block = Append();
        WriteDots(Edit(block), parent, content);
        SealLeaf(block);
    }

    // The parent's number comes first; entries fill the block area, and then the attribute.
    private static Span<byte> Part(byte[] content, long part)
    {
        var split = Math.Min(ExtInodeRecord.BlockLength, content.Length);
        return part == InlineFirst ? content.AsSpan(Math.Min(InlineParent, split), split - Math.Min(InlineParent, split)) : content.AsSpan(split);
    }
}
