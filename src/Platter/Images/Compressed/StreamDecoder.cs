using Platter.Blocks;

namespace Platter.Images.Compressed;

/// <summary>Unpacks one piece of a compressed image at a time, from its start on, and can go back to where it has been.</summary>
/// <remarks>One thread at a time. What comes from the file is untrusted: damage is an exception with its place.</remarks>
internal abstract unsafe class StreamDecoder(BlockDevice host, string structure) : IDisposable
{
    private const int InputSize = 64 << 10;

    private readonly byte[] _input = GC.AllocateUninitializedArray<byte>(InputSize, pinned: true);
    private int _used, _filled;
    private long _next;         // of the file: what _input is filled from next

    /// <summary>The file.</summary>
    protected BlockDevice Host { get; } = host;

    /// <summary>What errors call the stream: <c>GzipMember</c>.</summary>
    protected string Structure { get; } = structure;

    /// <summary>What the decoder is in; unpacking ends with it.</summary>
    protected CompressedPiece Piece { get; private set; }

    /// <summary>Bytes from the start of the piece that have come out.</summary>
    internal long Position { get; private set; }

    /// <summary>Whether all of the piece has come out, and its checksum was right.</summary>
    internal bool IsAtEnd { get; private set; }

    /// <summary>Where in the file the decoder has come to, in bytes.</summary>
    internal virtual long SourcePosition => InputPosition;

    /// <summary>Where the input has come to, in the numbers of <see cref="ReadInput"/>.</summary>
    protected long InputPosition => _next - _filled + _used;

    /// <summary>Where the input of the piece starts, in the numbers of <see cref="ReadInput"/>.</summary>
    protected virtual long InputStart => Piece.Source;

    /// <summary>Where the bytes of the piece end in the file.</summary>
    protected virtual long InputEnd => Math.Min(Piece.SourceEnd, Host.Length);

    /// <summary>Everything that is needed to go on from here.</summary>
    internal sealed record Mark(CompressedPiece Piece, long Position, long InputPosition, object State, long Size);

    /// <summary>Starts a piece.</summary>
    internal void Begin(in CompressedPiece piece)
    {
        Piece = piece;
        Position = 0;
        IsAtEnd = false;
        MoveInput(InputStart);
        Start();
    }

    /// <summary>Unpacks what comes next.</summary>
    /// <returns>Bytes: fewer than asked for only at the end of the piece.</returns>
    /// <exception cref="DiskFormatException">The stream is damaged or cut.</exception>
    internal int Read(Span<byte> output)
    {
        var done = 0;
        while (!IsAtEnd && done < output.Length)
        {
            if (_used == _filled)
                FillInput();
            int consumed, produced;
            bool ended;
            fixed (byte* from = _input)
            fixed (byte* to = output)
                ended = Step(from + _used, _filled - _used, to + done, output.Length - done, out consumed, out produced);
            _used += consumed;
            done += produced;
            Position += produced;
            IsAtEnd = ended;
            if (!ended && consumed == 0 && produced == 0 && _used == _filled && _next >= InputEnd)
                throw Cut();
        }
        return done;
    }

    /// <summary>Keeps the way back to here.</summary>
    /// <returns>Null when that would take more than <paramref name="limit"/> bytes.</returns>
    internal Mark? Save(long limit) => SaveState(limit) is { State: { } state } saved ? new Mark(Piece, Position, InputPosition, state, saved.Size) : null;

    internal void Restore(Mark mark)
    {
        Piece = mark.Piece;
        Position = mark.Position;
        IsAtEnd = false;
        MoveInput(mark.InputPosition);
        RestoreState(mark.State);
    }

    internal virtual void Drop(Mark mark)
    {
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes the library ready for the piece.</summary>
    protected abstract void Start();

    /// <summary>One step of the library.</summary>
    /// <returns>True when the piece has ended.</returns>
    protected abstract bool Step(byte* from, int available, byte* to, int room, out int consumed, out int produced);

    /// <summary>Bytes of memory that the decoder works in, its window among them.</summary>
    internal virtual long WorkingMemory => 0;

    /// <returns>No state when it would take more than <paramref name="limit"/> bytes.</returns>
    protected abstract (object? State, long Size) SaveState(long limit);

    protected abstract void RestoreState(object state);

    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Fills the input with what the decoder is to see before the file's own bytes.</summary>
    protected void Prepend(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_input);
        (_used, _filled) = (0, bytes.Length);
    }

    /// <summary>Fills the input; overridden where the file's bytes are not what the library wants.</summary>
    protected virtual int ReadInput(long offset, Span<byte> buffer)
    {
        var count = (int)Math.Min(buffer.Length, InputEnd - offset);
        Host.Read(offset, buffer[..count]);
        return count;
    }

    protected DiskFormatException Damaged(string what) => new("CMP-0002", Structure, SourcePosition,
        $"the stream is damaged ({what}), {Position} bytes after the start of a part that begins at disk offset {Piece.Offset}");

    private DiskFormatException Cut() => new("CMP-0001", Structure, SourcePosition, $"the stream ends after {Position} bytes of this part's content: the file was cut");

    private void MoveInput(long offset)
    {
        _next = offset;
        (_used, _filled) = (0, 0);
    }

    private void FillInput()
    {
        (_used, _filled) = (0, 0);
        if (_next >= InputEnd)
            return;
        _filled = ReadInput(_next, _input);
        _next += _filled;
    }
}

/// <summary>A decoder of a system library, whose memory is ours.</summary>
internal abstract class LibraryDecoder(BlockDevice host, string structure) : StreamDecoder(host, structure)
{
    protected DecoderMemory Memory { get; } = new();

    internal override long WorkingMemory => Memory.Total;

    protected override (object? State, long Size) SaveState(long limit) => Memory.Save(limit) is { } state ? (state, state.Size) : (null, 0);

    protected override void RestoreState(object state) => ((DecoderMemory.State)state).Restore();

    internal override void Drop(Mark mark) => ((DecoderMemory.State)mark.State).Drop();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Memory.Dispose();
        base.Dispose(disposing);
    }
}
