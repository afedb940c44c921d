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
    private int _edit;

    private sealed class Change
    {
        public required byte[] Bytes { get; init; }

        /// <summary>The edit in which it was made: within the same one it is changed in place.</summary>
        public required int Edit { get; init; }
    }

    /// <summary>What a block was before the edit; nothing when it was not held.</summary>
    private readonly struct Former(long block, Change? change)
    {
        public readonly long Block = block;
        public readonly Change? Change = change;
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
        _undo.Clear();
        _edit++;
    }

    /// <summary>The edit succeeded.</summary>
    public void Keep()
    {
        for (var i = 0; i < _undo.Count; i++)
        {
            if (_undo[i].Change is { } before)
                GiveBack(before.Bytes);
        }
        _undo.Clear();
        _edit++;
    }

    /// <summary>The edit failed: every block is what it was.</summary>
    public void Undo()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            var block = (ulong)_undo[i].Block;
            if (_undo[i].Change is { } before)
                _changes[block] = before;
            else
                _changes.Remove(block);
        }
        _undo.Clear();
        _edit++;
    }

    /// <summary>Writes every changed block, in order.</summary>
    /// <param name="blocks">Keeps them for reading.</param>
    /// <param name="isFresh">Whether no committed structure refers to a block.</param>
    public void WriteBack(ExtBlocks blocks, Func<long, bool> isFresh)
    {
        foreach (var number in _changes.SortedKeys())
        {
            var bytes = _changes[number].Bytes;
            var offset = (long)number << geometry.LogBlockSize;
            if (isFresh((long)number))
                device.WriteFresh(offset, bytes);
            else
                device.Write(offset, bytes);
            blocks.Keep((long)number, bytes);
            WrittenBytes += bytes.Length;
        }
        _changes.Clear();
        _undo.Clear();
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        _changes.Clear();
        _undo.Clear();
        WrittenBytes = 0;
        _edit++;
    }

    private void Put(long block, Change? before, byte[] bytes)
    {
        // Made, or made anew, within this edit: what it was before the edit is on the list already.
        if (before is null || before.Edit != _edit)
            _undo.Add(new Former(block, before));
        _changes[(ulong)block] = new Change { Bytes = bytes, Edit = _edit };
    }

    private byte[] Rent() => _spare.TryPop(out var bytes) ? bytes : new byte[geometry.BlockSize];

    private void GiveBack(byte[] bytes)
    {
        if ((long)_spare.Count << geometry.LogBlockSize < MaxSpareBytes)
            _spare.Add(bytes);
    }
}
