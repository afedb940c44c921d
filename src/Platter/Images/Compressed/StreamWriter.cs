using Platter.Blocks;

namespace Platter.Images.Compressed;

/// <summary>Writes a compressed file part by part, each of which can be unpacked alone. Streams have no holes: what is never stored
/// becomes parts of zeros, which are packed once.</summary>
internal abstract class StreamWriter(ResizableDevice host, long length, int blockSize) : ImageWriter
{
    /// <summary>The length of content that comes until it ends, whose writer fills nothing up with zeros.</summary>
    internal const long UnknownLength = -1;

    private readonly AppendedFile _file = new(host);
    private long _position;             // of the disk: what comes next
    private PackedBlock? _zeros;

    public sealed override long Length { get; } = length;
    public sealed override int BlockSize { get; } = blockSize;

    /// <summary>Bytes of the file so far.</summary>
    protected long FilePosition => _file.Position;

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
        _file.Complete();
    }

    /// <summary>What stands behind the last part.</summary>
    protected abstract void Finish();

    /// <summary>Notes a part that is about to be written.</summary>
    /// <returns>What is written of it.</returns>
    protected virtual PackedBlock Noted(in PackedBlock block) => block;

    protected void Put(ReadOnlySpan<byte> bytes) => _file.Put(bytes);

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
}
