using System.Diagnostics.CodeAnalysis;
using Platter.Blocks;

namespace Platter.FileSystems.Ext;

/// <summary>The structure blocks that were changed: held in memory until they are written, in order.</summary>
/// <remarks>An edit begins with <see cref="Begin"/> and ends with <see cref="Keep"/> or <see cref="Undo"/>: <see cref="ChangedPages"/>.</remarks>
internal sealed class ExtBlockChanges(ExtGeometry geometry, BlockDevice device)
{
    private const int MaxSpareBytes = 1 << 20;

    private readonly ChangedPages _blocks = new(geometry.BlockSize, MaxSpareBytes);

    /// <summary>Bytes of changed blocks held.</summary>
    public long Bytes => (long)_blocks.Count << geometry.LogBlockSize;

    /// <summary>Bytes written to the device since the last commit.</summary>
    public long WrittenBytes { get; set; }

    public bool TryGet(long block, [NotNullWhen(true)] out byte[]? bytes) => _blocks.TryGet(block, out bytes);

    public bool Contains(long block) => _blocks.Contains(block);

    /// <summary>A block's bytes, to be changed.</summary>
    /// <param name="blocks">Where it is read, when it is not held.</param>
    /// <param name="block">Its number.</param>
    /// <param name="structure">What it is, for messages.</param>
    public byte[] Edit(ExtBlocks blocks, long block, in ExtStructure structure) => _blocks.TryEdit(block, out var bytes) ? bytes : Hold(blocks, block, structure);

    /// <summary>As <see cref="Edit"/>, of which only a part is going to be changed: only that is kept for going back.</summary>
    /// <returns>All of the block.</returns>
    public byte[] EditPart(ExtBlocks blocks, long block, int offset, int length, in ExtStructure structure) =>
        _blocks.TryEditPart(block, offset, length, out var bytes) ? bytes : Hold(blocks, block, structure);

    /// <summary>A block that has just been allocated: all zeros, whatever it held.</summary>
    public byte[] New(long block)
    {
        var bytes = _blocks.Rent();
        bytes.AsSpan().Clear();
        _blocks.Add(block, bytes);
        return bytes;
    }

    /// <summary>A block that has just been freed: what was changed in it need not be written.</summary>
    public void Drop(long block) => _blocks.Drop(block);

    /// <summary>An edit begins. What was sealed for writing since the last one is not to be undone.</summary>
    public void Begin() => _blocks.Keep();

    /// <summary>The edit succeeded.</summary>
    public void Keep() => _blocks.Keep();

    /// <summary>The edit failed: every block is what it was.</summary>
    public void Undo() => _blocks.Undo();

    /// <summary>Writes every changed block, in order.</summary>
    /// <param name="blocks">Keeps them for reading.</param>
    /// <param name="space">Knows whether a committed structure refers to a block.</param>
    public void WriteBack(ExtBlocks blocks, ExtSpace space)
    {
        foreach (var number in _blocks.SortedNumbers())
        {
            if (!_blocks.TryGet((long)number, out var bytes))
                continue;
            var offset = (long)number << geometry.LogBlockSize;
            if (space.IsFresh((long)number, 1))
                device.WriteFresh(offset, bytes);
            else
                device.Write(offset, bytes);
            blocks.Keep((long)number, bytes);
            WrittenBytes += bytes.Length;
        }
        _blocks.Clear();
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        _blocks.Clear();
        WrittenBytes = 0;
    }

    private byte[] Hold(ExtBlocks blocks, long block, in ExtStructure structure)
    {
        var bytes = _blocks.Rent();
        blocks.Read(block, structure).CopyTo(bytes, 0);
        _blocks.Add(block, bytes);
        return bytes;
    }
}
