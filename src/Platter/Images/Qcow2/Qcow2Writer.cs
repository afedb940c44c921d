using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Platter.Blocks;

namespace Platter.Images.Qcow2;

/// <summary>Writes a compressed image from its start to its end: compressed clusters one behind the other, byte by byte; those that would not
/// get smaller as they are.</summary>
internal sealed class Qcow2Writer : ImageWriter
{
    private const int BufferSize = 1 << 20;

    private readonly Qcow2Image _image;
    private readonly ResizableDevice _host;
    private readonly Qcow2Space _space;
    private readonly ConcurrentBag<byte[]> _idle = [];     // buffers of packed blocks
    private readonly byte[] _buffer;
    private long _bufferStart;      // where the buffer's content goes in the file
    private int _buffered;
    private long _cursor;           // where the next compressed cluster goes; 0 before the first
    private long _limit;            // end of the clusters taken for it
    private long _lastUsed = -1;    // last cluster that a compressed one lies in

    internal Qcow2Writer(ResizableDevice host, Qcow2Image image)
    {
        (_host, _image, _space) = (host, image, image.Space!);
        BlockSize = image.Geometry.ClusterSize;
        _buffer = new byte[Math.Max(BufferSize, BlockSize)];
        image.BeginEdit(0, 1);
    }

    public override long Length => _image.Disk.Length;
    public override int BlockSize { get; }

    public override PackedBlock Pack(long offset, ReadOnlySpan<byte> block)
    {
        if (offset % BlockSize != 0 || block.Length > BlockSize || (block.Length < BlockSize && offset + block.Length != Length))
            throw new ArgumentException($"{block.Length} bytes at {offset} are no block of {BlockSize}");
        if (block.IndexOfAnyExcept((byte)0) < 0)
            return new PackedBlock(offset, block.Length, default, IsCompressed: false);
        var buffer = _idle.TryTake(out var idle) ? idle : new byte[BlockSize];
        var count = block.Length == BlockSize ? _image.Codec.Compress(block, buffer.AsSpan(0, BlockSize - 1)) : CompressLast(block, buffer);
        if (count >= 0)
            return new PackedBlock(offset, block.Length, buffer.AsMemory(0, count), IsCompressed: true);
        block.CopyTo(buffer);
        return new PackedBlock(offset, block.Length, buffer.AsMemory(0, block.Length), IsCompressed: false);
    }

    public override void Store(in PackedBlock block)
    {
        if (block.Data.IsEmpty)
        {
            if (_image.Parent is not null)
                _image.Disk.WriteZeros(block.Offset, block.Length);
            return;
        }
        if (block.IsCompressed)
            StoreCompressed(block.Offset, block.Data.Span);
        else
            _image.Disk.WriteFresh(block.Offset, block.Data.Span);
        if (MemoryMarshal.TryGetArray(block.Data, out var array) && array.Array is { } buffer && buffer.Length == BlockSize)
            _idle.Add(buffer);
    }

    public override void Complete()
    {
        WriteBuffer();
        _image.Commit();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _image.Dispose();
        base.Dispose(disposing);
    }

    // The last cluster is whole in the image, even if the disk is not.
    private int CompressLast(ReadOnlySpan<byte> block, byte[] buffer)
    {
        var cluster = new byte[BlockSize];
        block.CopyTo(cluster);
        return _image.Codec.Compress(cluster, buffer.AsSpan(0, BlockSize - 1));
    }

    private void StoreCompressed(long offset, ReadOnlySpan<byte> data)
    {
        var place = Reserve(data.Length);
        _image.QcowDisk.EnterCompressed(offset, L2Entry.Compressed(place, data.Length, _image.Geometry.ClusterBits));
        if (place != _bufferStart + _buffered || _buffered + data.Length > _buffer.Length)
        {
            WriteBuffer();
            _bufferStart = place;
        }
        data.CopyTo(_buffer.AsSpan(_buffered));
        _buffered += data.Length;
    }

    // Behind the last one where that is possible; each cluster that it touches is referred to once more.
    private long Reserve(int length)
    {
        var bits = _image.Geometry.ClusterBits;
        if (_cursor < _limit && _image.Refcounts.Get(_cursor >> bits) == _image.Refcounts.Maximum)
            _cursor = _limit;
        if (_cursor + length > _limit)
        {
            var run = _space.TakeAtEnd(1);
            if (run.Offset != _limit || _cursor == _limit)
                _cursor = run.Offset;
            _limit = run.Offset + BlockSize;
        }
        var place = _cursor;
        _cursor += length;
        for (var cluster = place >> bits; cluster <= (_cursor - 1) >> bits; cluster++)
        {
            if (cluster <= _lastUsed)
                _image.Refcounts.Set(cluster, _image.Refcounts.Get(cluster) + 1);
            else
                _lastUsed = cluster;
        }
        return place;
    }

    private void WriteBuffer()
    {
        if (_buffered > 0)
            _host.WriteFresh(_bufferStart, _buffer.AsSpan(0, _buffered));
        _buffered = 0;
    }
}
