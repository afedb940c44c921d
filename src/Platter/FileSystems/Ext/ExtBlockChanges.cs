using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The structure blocks that were changed: held in memory until they are written, in order; and within one edit, what each was before.</summary>
/// <remarks>
/// <para>An edit begins with <see cref="Begin"/> and ends with <see cref="Keep"/> or <see cref="Undo"/>. So an edit that fails anywhere, by a full volume
/// or a broken structure, leaves no trace, and no step has to know how to go back.</para>
/// <para>The bytes of a block are valid until the next change of the same block begins: never keep them over one.</para>
/// </remarks>
internal sealed class ExtBlockChanges(ExtGeometry geometry, BlockDevice device)
{
    private const int MaxSpareBytes = 1 << 20;

    private readonly NumberMap<Change> _changes = new();
    private readonly GrowingArray<Former> _undo = new();
    private readonly GrowingArray<byte[]> _spare = new();
    private byte[] _parts = new byte[1024];     // what parts were, one behind the other
    private int _partsLength;
    private int _edit;

    private sealed class Change
    {
        public required byte[] Bytes { get; init; }

        /// <summary>The edit in which it was made: within the same one it is changed in place.</summary>
        public required int Edit { get; init; }
    }

    /// <summary>What a block was before the edit, nothing when it was not held; or what a part of it was.</summary>
    private readonly struct Former(long block, Change? change, int offset = 0, int length = 0)
    {
        public readonly long Block = block;
        public readonly Change? Change = change;

        /// <summary>Of a part that was changed in place: bytes from the block's start; 0 bytes: all of the block.</summary>
        public readonly int Offset = offset, Length = length;
    }

    /// <summary>Bytes of changed blocks held.</summary>
    public long Bytes => (long)_changes.Count << geometry.LogBlockSize;

    /// <summary>Bytes written to the device since the last commit.</summary>
    public long WrittenBytes { get; set; }

    public bool TryGet(long block, out byte[] bytes)
    {
        var found = _changes.TryGetValue((ulong)block, out var change);
        bytes = found ? change!.Bytes : [];
        return found;
    }

    public bool Contains(long block) => _changes.ContainsKey((ulong)block);

    /// <summary>A block's bytes, to be changed.</summary>
    /// <param name="blocks">Where it is read, when it is not held.</param>
    /// <param name="block">Its number.</param>
    /// <param name="structure">What it is, for messages.</param>
    public byte[] Edit(ExtBlocks blocks, long block, in ExtStructure structure)
    {
        if (_changes.TryGetValue((ulong)block, out var change) && change.Edit == _edit)
            return change.Bytes;
        var bytes = Rent();
        (change?.Bytes ?? blocks.Read(block, structure)).CopyTo(bytes, 0);
        Put(block, change, bytes);
        return bytes;
    }

    /// <summary>As <see cref="Edit"/>, of which only a part is going to be changed: only that is kept for going back.</summary>
    /// <returns>All of the block.</returns>
    public byte[] EditPart(ExtBlocks blocks, long block, int offset, int length, in ExtStructure structure)
    {
        if (!_changes.TryGetValue((ulong)block, out var change))
            return Edit(blocks, block, structure);
        if (change.Edit == _edit)
            return change.Bytes;
        if (_parts.Length - _partsLength < length)
            GrowParts(length);
        change.Bytes.AsSpan(offset, length).CopyTo(_parts.AsSpan(_partsLength));
        _partsLength += length;
        _undo.Add(new Former(block, change, offset, length));
        return change.Bytes;
    }

    /// <summary>A block that has just been allocated: all zeros, whatever it held.</summary>
    public byte[] New(long block)
    {
        var bytes = Rent();
        bytes.AsSpan().Clear();
        Put(block, _changes.TryGetValue((ulong)block, out var change) ? change : null, bytes);
        return bytes;
    }

    /// <summary>A block that has just been freed: what was changed in it need not be written.</summary>
    public void Drop(long block)
    {
        if (!_changes.Remove((ulong)block, out var change))
            return;
        _undo.Add(new Former(block, change));
    }

    /// <summary>An edit begins.</summary>
    public void Begin()
    {
        // What was sealed for writing between two edits is not to be undone.
        EndEdit();
    }

    /// <summary>The edit succeeded.</summary>
    public void Keep()
    {
        for (var i = 0; i < _undo.Count; i++)
        {
            if (_undo[i] is { Change: { } before, Length: 0 })
                GiveBack(before.Bytes);
        }
        EndEdit();
    }

    /// <summary>The edit failed: every block is what it was.</summary>
    public void Undo()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            ref var former = ref _undo[i];
            if (former.Length > 0)
            {
                _partsLength -= former.Length;
                _parts.AsSpan(_partsLength, former.Length).CopyTo(former.Change!.Bytes.AsSpan(former.Offset));
            }
            else if (former.Change is { } before)
            {
                _changes[(ulong)former.Block] = before;
            }
            else
            {
                _changes.Remove((ulong)former.Block);
            }
        }
        EndEdit();
    }

    /// <summary>Writes every changed block, in order.</summary>
    /// <param name="blocks">Keeps them for reading.</param>
    /// <param name="space">Knows whether a committed structure refers to a block.</param>
    public void WriteBack(ExtBlocks blocks, ExtSpace space)
    {
        foreach (var number in _changes.SortedKeys())
        {
            var bytes = _changes[number].Bytes;
            var offset = (long)number << geometry.LogBlockSize;
            if (space.IsFresh((long)number, 1))
                device.WriteFresh(offset, bytes);
            else
                device.Write(offset, bytes);
            blocks.Keep((long)number, bytes);
            WrittenBytes += bytes.Length;
        }
        _changes.Clear();
        EndEdit();
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        _changes.Clear();
        EndEdit();
        WrittenBytes = 0;
    }

    private void EndEdit()
    {
        _undo.Clear();
        _partsLength = 0;
        _edit++;
    }

    private void Put(long block, Change? before, byte[] bytes)
    {
        // Made, or made anew, within this edit: what it was before the edit is on the list already.
        if (before is null || before.Edit != _edit)
            _undo.Add(new Former(block, before));
        _changes[(ulong)block] = new Change { Bytes = bytes, Edit = _edit };
    }

    private void GrowParts(int length)
    {
        var longer = new byte[Math.Max(_parts.Length * 2, _partsLength + length)];
        _parts.AsSpan(0, _partsLength).CopyTo(longer);
        _parts = longer;
    }

    private byte[] Rent() => _spare.TryPop(out var bytes) ? bytes : new byte[geometry.BlockSize];

    private void GiveBack(byte[] bytes)
    {
        if ((long)_spare.Count << geometry.LogBlockSize < MaxSpareBytes)
            _spare.Add(bytes);
    }
}
