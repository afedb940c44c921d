using Platter.Blocks;

namespace Platter.Images.Compressed;

/// <summary>Writes a compressed file part by part, each of which can be unpacked alone. Streams have no holes: what is never stored
/// becomes parts of zeros, which are packed once.</summary>
internal abstract class StreamWriter(ResizableDevice host, long length, int blockSize) : ImageWriter
{
    /// <summary>The length of content that comes until it ends, whose writer fills nothing up with zeros.</summary>
    internal const long UnknownLength = -1;

    private const int BufferSize = 1 << 20;

    private readonly byte[] _buffer = new byte[BufferSize];
    private int _buffered;
    private long _flushed;              // bytes of the file that have been written
    private long _position;             // of the disk: what comes next
    private PackedBlock? _zeros;

    public sealed override long Length { get; } = length;
    public sealed override int BlockSize { get; } = blockSize;

    /// <summary>Bytes of the file so far.</summary>
    protected long FilePosition => _flushed + _buffered;

    public sealed override void Store(in PackedBlock block)
    {
        FillUp(block.Offset);
        Append(block);
        _position = block.Offset + block.Length;
    }

    public sealed override void Complete()
    {
        FillUp(Length);
        Finish();
        WriteOut();
        host.Flush();
    }

    /// <summary>What stands behind the last part.</summary>
    protected abstract void Finish();

    /// <summary>Notes a part that is about to be written.</summary>
    /// <returns>What is written of it.</returns>
    protected virtual PackedBlock Noted(in PackedBlock block) => block;

    protected void Put(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_buffered == BufferSize)
                WriteOut();
            var count = Math.Min(bytes.Length, BufferSize - _buffered);
            bytes[..count].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += count;
            bytes = bytes[count..];
        }
    }

    private void FillUp(long end)
    {
        while (_position < end)
        {
            var count = (int)Math.Min(BlockSize, end - _position);
            if (_zeros is not { } zeros || zeros.Length != count)
                _zeros = zeros = Pack(_position, new byte[count]);
            Append(zeros);
            _position += count;
        }
    }

    private void Append(in PackedBlock block) => Put(Noted(block).Data.Span);

    private void WriteOut()
    {
        if (_buffered == 0)
            return;
        host.SetLength(_flushed + _buffered);
        host.Write(_flushed, _buffer.AsSpan(0, _buffered));
        _flushed += _buffered;
        _buffered = 0;
    }
}
