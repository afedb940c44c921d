using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>An open file of a volume that is edited: its content in blocks, or in its inode as long as it fits there.</summary>
internal sealed class ExtFile : OpenFile
{
    private const int ZeroBytes = 1 << 18;

    private readonly ExtEditState _state;
    private readonly ExtGeometry _geometry;
    private readonly GrowingArray<ExtRun> _made = new();
    private ExtInode _inode;
    private ExtBlockMap? _map;
    private byte[]? _inline;
    private ExtRun _run;
    private long _reserved;     // bytes that are going to be written in all, and where there is room for them
    private long _reservedGoal;

    public ExtFile(NodeId id, ExtInode inode, ExtEditState state) : base(id)
    {
        _state = state;
        _geometry = state.Geometry;
        _inode = inode;
        Load();
    }

    public override long Length => _inode.Length;

    private string Structure => "Inode " + _inode.Number;

    protected override long MaxLength => _state.Volume.Capabilities.MaxFileLength;

    protected override int ReadCore(long offset, Span<byte> buffer)
    {
        if (offset >= Length)
            return 0;
        buffer = buffer[..(int)Math.Min(buffer.Length, Length - offset)];
        if (_inline is { } inline)
        {
            inline.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
            return buffer.Length;
        }
        for (var done = 0; done < buffer.Length;)
        {
            var run = RunAt(offset + done >> _geometry.LogBlockSize);
            var left = Math.Min(run.End, long.MaxValue >> _geometry.LogBlockSize) << _geometry.LogBlockSize;
            var part = buffer.Slice(done, (int)Math.Min(buffer.Length - done, left - (offset + done)));
            if (run.HasData)
                _state.Device.Read(DeviceOffset(run, offset + done, part.Length), part);
            else
                part.Clear();
            done += part.Length;
        }
        return buffer.Length;
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        var end = offset + data.Length;
        var complete = false;
        _state.Begin();
        try
        {
            Reload();
            if (_inline is not null ? !TryWriteInline(offset, data) : !TryBeginInline(offset, data))
                WriteBlocks(offset, data);
            if (end > Length)
                _inode.SetLength(end);
            Store();
            complete = true;
        }
        finally
        {
            End(complete);
        }
    }

    protected override void SetLengthCore(long value)
    {
        var complete = false;
        _state.Begin();
        try
        {
            Reload();
            if (_inline is null || !TrySetInlineLength(value))
            {
                var map = ExtMapEditor.Of(_inode, _state);
                if (value < Length)
                {
                    map.Truncate(value + _geometry.BlockSize - 1 >> _geometry.LogBlockSize);
                    _inode.SetFlag(ExtInodeFlags.EofBlocks, false);
                    Zero(map, value, Math.Min(Length, RoundUp(value)));
                }
                else
                {
                    if (value - 1 >> _geometry.LogBlockSize >= map.MaxBlocks)
                        throw TooLong((ulong)value);
                    Zero(map, Length, Math.Min(value, RoundUp(Length)));
                }
            }
            _inode.SetLength(value);
            Store();
            complete = true;
        }
        finally
        {
            End(complete);
        }
    }

    protected override void ReserveCore(long length)
    {
        var needed = ClustersFor(length) - ClustersFor(Length);
        if (needed <= 0)
            return;
        if (needed > _state.Space.FreeClusters)
            throw _state.Space.Full(needed);
        (_reserved, _reservedGoal) = (length, 0);
    }

    /// <summary>Gives a file that is being made, within the edit that makes it, all of its content. The inode is the caller's to write.</summary>
    /// <param name="padded">The content, and zeros to the end of its last block.</param>
    /// <param name="length">Bytes of it that are content; at least 1.</param>
    public void Fill(ReadOnlySpan<byte> padded, int length)
    {
        if (!TryBeginInline(0, padded[..length]))
        {
            var map = ExtMapEditor.Of(_inode, _state);
            _reserved = length;
            _made.Clear();
            map.Fill(0, (length - 1 >> _geometry.LogBlockSize) + 1, Goal(map, length), _made);
            foreach (var run in _made.Items)
                Put(run, run.Logical << _geometry.LogBlockSize, padded.Slice((int)(run.Logical << _geometry.LogBlockSize), (int)(run.Count << _geometry.LogBlockSize)));
        }
        _inode.SetLength(length);
    }

    public override IEnumerable<ByteRange> DataRanges()
    {
        CheckValid();
        using var stream = Snapshot();
        return [.. stream.DataRanges()];
    }

    public override IEnumerable<StreamExtent> Extents()
    {
        CheckValid();
        using var stream = Snapshot();
        return [.. stream.Extents()];
    }

    // The content goes to its blocks: those that are new first get zeros where no data comes.
    private void WriteBlocks(long offset, ReadOnlySpan<byte> data)
    {
        var end = offset + data.Length;
        if (_inline is { } inline)
            Spill(inline);
        var map = ExtMapEditor.Of(_inode, _state);
        var (first, behind) = (offset >> _geometry.LogBlockSize, (end - 1 >> _geometry.LogBlockSize) + 1);
        if (behind > map.MaxBlocks)
            throw TooLong((ulong)end);
        if (offset > Length)
            Zero(map, Length, Math.Min(offset, RoundUp(Length)));
        _made.Clear();
        map.Fill(first, behind, Goal(map, end), _made);
        ClearUnwritten(map, first, behind, offset, end);
        map.MarkWritten(first, behind);
        ClearEdges(offset, end);
        for (var at = offset; at < end;)
        {
            var run = map.Find(at >> _geometry.LogBlockSize);
            if (!run.HasData)
                throw new DiskFormatException("EXT-0311", Structure, _inode.Offset, $"block {run.Logical} cannot be mapped");
            var part = (int)(Math.Min(end, run.End << _geometry.LogBlockSize) - at);
            Put(run, at, data.Slice((int)(at - offset), part));
            at += part;
        }
    }

    // What was allocated unwritten reads as zeros: so must those bytes of its first and last block that are not written now.
    private void ClearUnwritten(ExtMapEditor map, long first, long behind, long offset, long end)
    {
        foreach (var block in (ReadOnlySpan<long>)[first, behind - 1])
        {
            var run = map.Find(block);
            if (run.IsUnwritten && !run.IsHole)
                _made.Add(run with { Count = 1 });
            if (behind - first == 1)
                return;
        }
    }

    // New blocks at both ends are written whole: content of others must not show.
    private void ClearEdges(long offset, long end)
    {
        var (head, tail) = (offset & _geometry.BlockSize - 1, end & _geometry.BlockSize - 1);
        foreach (var run in _made.Items)
        {
            var (from, to) = (run.Logical << _geometry.LogBlockSize, run.End << _geometry.LogBlockSize);
            if (head != 0 && from <= offset && offset < to)
                PutZeros(run, offset - head, offset);
            if (tail != 0 && from < end && end <= to)
                PutZeros(run, end, end - tail + _geometry.BlockSize);
        }
    }

    private void Put(in ExtRun run, long at, ReadOnlySpan<byte> data)
    {
        var place = DeviceOffset(run, at, data.Length);
        var block = place >> _geometry.LogBlockSize;
        if (_state.Space.IsFresh(block, (place + data.Length - 1 >> _geometry.LogBlockSize) - block + 1))
            _state.Device.WriteFresh(place, data);
        else
            _state.Device.Write(place, data);
    }

    private void PutZeros(in ExtRun run, long from, long end)
    {
        var zeros = new byte[(int)Math.Min(end - from, ZeroBytes)];
        for (var at = from; at < end; at += zeros.Length)
            Put(run, at, zeros.AsSpan(0, (int)Math.Min(zeros.Length, end - at)));
    }

    // Within one block that was there before: the rest of the old last block.
    private void Zero(ExtMapEditor map, long from, long end)
    {
        if (end > from && map.Find(from >> _geometry.LogBlockSize) is { HasData: true } run)
            PutZeros(run, from, end);
    }

    // Of what was reserved the room is looked for once, as long as nothing is there.
    private long Goal(ExtMapEditor map, long end)
    {
        if (_reserved < end)
            return 0;
        if (_reservedGoal == 0)
        {
            var group = (_inode.Number - 1) / _geometry.InodesPerGroup;
            var clusters = ClustersFor(_reserved);
            _reservedGoal = clusters > 1 ? _state.Space.SeekRoom(_state.Space.GoalIn(group), clusters) : 0;
        }
        return _reservedGoal;
    }

    // A new file of a volume with inline_data starts in its inode, if it fits there.
    private bool TryBeginInline(long offset, ReadOnlySpan<byte> data)
    {
        if (!_geometry.Has(ExtIncompat.InlineData) || Length != 0 || offset + data.Length > _geometry.InodeSize)
            return false;
        var own = _inode.AttributeBlock == 0 ? 0 : _state.Space.BytesIn(1);
        if (_inode.AllocatedBytes(_geometry) != own)
            return false;
        var content = new byte[offset + data.Length];
        data.CopyTo(content.AsSpan((int)offset));
        if (!TryStoreInline(content))
            return false;
        _inode.SetFlag(ExtInodeFlags.InlineData, true);
        _inode.SetFlag(ExtInodeFlags.Extents, false);
        return true;
    }

    private bool TryWriteInline(long offset, ReadOnlySpan<byte> data)
    {
        var end = offset + data.Length;
        var content = _inline!;
        if (end > content.Length)
        {
            if (end > _geometry.BlockSize)
                return false;
            Array.Resize(ref content, (int)end);
        }
        else
        {
            content = [.. content];
        }
        data.CopyTo(content.AsSpan((int)offset));
        return TryStoreInline(content);
    }

    private bool TrySetInlineLength(long value)
    {
        if (value > _geometry.BlockSize)
        {
            Spill(_inline!);
            return false;
        }
        var content = _inline!;
        Array.Resize(ref content, (int)value);
        if (TryStoreInline(content))
            return true;
        Spill(_inline!);
        return false;
    }

    private bool TryStoreInline(byte[] content)
    {
        if (!ExtInlineData.TryStore(_inode, _state, content))
            return false;
        _inline = content;
        return true;
    }

    // Content that has outgrown the inode gets a map.
    private void Spill(byte[] content)
    {
        ExtInlineData.Remove(_inode, _state);
        _inode.ClearMap(_geometry.Has(ExtIncompat.Extents));
        _inline = null;
        if (content.Length > 0)
            WriteBlocks(0, content);
    }

    private long DeviceOffset(in ExtRun run, long at, int length)
    {
        var place = at - (run.Logical << _geometry.LogBlockSize) + (run.Physical << _geometry.LogBlockSize);
        if (place + length > _state.Device.Length)
            throw new DiskFormatException("EXT-0012", Structure, place, $"lies behind the end of the device ({_state.Device.Length} bytes): the image is cut short");
        return place;
    }

    private ExtRun RunAt(long logical)
    {
        _map ??= ExtBlockMap.Of(_inode, _geometry, _state.Blocks, _state.Checksums);
        if (logical < _run.Logical || logical >= _run.End)
            _run = logical < _map.MaxBlocks ? _map.Find(logical) : new ExtRun(logical, 0, (long.MaxValue >> _geometry.LogBlockSize) - logical, false);
        return _run;
    }

    private VolumeStream Snapshot() => _inline is { } inline ? new ExtInlineStream(inline)
        : new ExtFileStream(_inode, ExtBlockMap.Of(_inode, _geometry, _state.Blocks, _state.Checksums), _geometry, _state.Blocks);

    // The inode as it is now: its metadata may have been set since.
    private void Reload()
    {
        _inode = _state.Volume.ReadInode(Id);
        Load();
    }

    private void Load()
    {
        (_map, _run) = (null, default);
        _inline = (_inode.Flags & ExtInodeFlags.InlineData) != 0 ? _state.Volume.ReadInline(_inode) : null;
    }

    private void Store()
    {
        var now = _state.Now;
        _inode.SetModified(now);
        _inode.SetChanged(now);
        _state.Inodes.Write(_inode);
        (_map, _run) = (null, default);
    }

    private void End(bool complete)
    {
        if (complete)
        {
            _state.Keep();
            return;
        }
        _state.Undo();
        Reload();
    }

    private long RoundUp(long length) => length + _geometry.BlockSize - 1 & -_geometry.BlockSize;

    private long ClustersFor(long length) => ((length - 1 >> _geometry.LogBlockSize) + _geometry.ClusterRatio) / _geometry.ClusterRatio;

    protected override UnsupportedFeatureException TooLong(ulong length) =>
        new($"this {_geometry.TypeName} file can have at most {Math.Min(MaxLength, MostMapped())} bytes, {length} were asked for");

    private long MostMapped()
    {
        if (_inline is not null)
            return long.MaxValue;
        var blocks = ExtBlockMap.Of(_inode, _geometry, _state.Blocks, _state.Checksums).MaxBlocks;
        return blocks > long.MaxValue >> _geometry.LogBlockSize ? long.MaxValue : blocks << _geometry.LogBlockSize;
    }
}
