namespace Platter.Images.Compressed;

/// <summary>Packs what is written to it, on all cores: cut into blocks that stand for themselves, so that the same bytes come out whatever
/// the number of cores.</summary>
internal sealed class PackingStream : Stream
{
    private const long Memory = 512L << 20;

    private readonly ImageWriter _writer;
    private readonly Queue<(Task<PackedBlock> Block, byte[] Buffer)> _underWay = new();
    private readonly Stack<byte[]> _free = new();
    private readonly int _atOnce;
    private byte[] _buffer;
    private int _filled;
    private long _position;

    /// <param name="writer">A writer of content whose length nobody knows; taken over.</param>
    public PackingStream(ImageWriter writer)
    {
        _writer = writer;
        _buffer = new byte[writer.BlockSize];
        var room = Memory / (writer.WorkingMemory + 3L * writer.BlockSize);
        _atOnce = (int)Math.Clamp(room, 1, Math.Clamp(Environment.ProcessorCount, 1, 8) * 2);
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException("the length is not known before the end");

    public override long Position
    {
        get => _position + _filled;
        set => throw new NotSupportedException("what is packed is written in order");
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var count = Math.Min(buffer.Length, _buffer.Length - _filled);
            buffer[..count].CopyTo(_buffer.AsSpan(_filled));
            _filled += count;
            buffer = buffer[count..];
            if (_filled == _buffer.Length)
                Pack();
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Packs what is left, and writes what stands at the end.</summary>
    public void Complete()
    {
        if (_filled > 0)
            Pack();
        while (_underWay.Count > 0)
            StoreNext();
        _writer.Complete();
    }

    public override void Flush()
    {
        // Blocks are whole until the end.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("what is packed is not read");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("what is packed is written in order");

    public override void SetLength(long value) => throw new NotSupportedException("what is packed is written in order");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var (block, _) in _underWay)
                ((IAsyncResult)block).AsyncWaitHandle.WaitOne();
            _underWay.Clear();
            _writer.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Pack()
    {
        if (_underWay.Count == _atOnce)
            StoreNext();
        var (buffer, length, offset) = (_buffer, _filled, _position);
        _underWay.Enqueue((Task.Run(() => _writer.Pack(offset, buffer.AsSpan(0, length))), buffer));
        _position += length;
        _filled = 0;
        _buffer = _free.TryPop(out var free) ? free : new byte[buffer.Length];
    }

    private void StoreNext()
    {
        var (block, buffer) = _underWay.Dequeue();
        _writer.Store(block.GetAwaiter().GetResult());
        _free.Push(buffer);
    }
}
