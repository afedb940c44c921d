using Platter.Blocks;

namespace Platter.Images;

/// <summary>A file that is written from its start to its end, through a buffer.</summary>
internal sealed class AppendedFile(ResizableDevice host)
{
    private const int BufferSize = 1 << 20;

    private readonly byte[] _buffer = new byte[BufferSize];
    private int _buffered;
    private long _written;

    /// <summary>Bytes so far.</summary>
    internal long Position => _written + _buffered;

    internal void Put(ReadOnlySpan<byte> bytes)
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

    /// <summary>Nothing follows: all of it becomes durable.</summary>
    internal void Complete()
    {
        WriteOut();
        host.Flush();
    }

    private void WriteOut()
    {
        if (_buffered == 0)
            return;
        host.SetLength(_written + _buffered);
        host.Write(_written, _buffer.AsSpan(0, _buffered));
        _written += _buffered;
        _buffered = 0;
    }
}
