using System.Runtime.CompilerServices;

namespace Platter.Trees;

/// <summary>The content of one file on its way to a sink: pieces in ascending order, each either bytes or a hole. Also a
/// forward-only <see cref="Stream"/>, in which holes are zeros.</summary>
/// <remarks>Reading may throw <see cref="SourceFailureException"/>: the file then has to be undone.</remarks>
public sealed class CopyContent : Stream
{
    // One of the two: what a feed brings, or all of it at once.
    private readonly CopyPieces? _pieces;
    private readonly byte[]? _whole;
    private bool _isWholeTaken;
    private int _taken;

    internal CopyContent(CopyPieces pieces) => _pieces = pieces;

    /// <summary>A content that is read already: one piece.</summary>
    internal CopyContent(byte[] whole)
    {
        _whole = whole;
        DeclaredLength = whole.Length;
    }

    /// <summary>Bytes in all as the source lists them; null when only the end will tell.</summary>
    public long? DeclaredLength { get; private set; }

    /// <summary>Whether the source has holes in this file that are worth keeping.</summary>
    public bool HasHoles { get; private set; }

    /// <summary>Where the current piece starts, in bytes from the start of the file.</summary>
    public long PieceOffset { get; private set; }

    /// <summary>Bytes in the current piece.</summary>
    public long PieceLength { get; private set; }

    /// <summary>Whether the current piece is a hole.</summary>
    public bool IsHole { get; private set; }

    /// <summary>Where the current piece lies in a file of the host, when it does and the sink takes that; there is no <see cref="Data"/> then.</summary>
    internal Blocks.HostExtent? Extent => _pieces?.Extent;

    /// <summary>The bytes of the current piece; empty for a hole. Valid until <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<byte> Data => _whole is null ? _pieces!.Data : _whole.AsSpan(0, (int)PieceLength);

    /// <summary>Bytes of data (not holes) that have gone by.</summary>
    internal long DataBytes { get; private set; }

    /// <summary>Whether there was less to read than the source had listed.</summary>
    internal bool HasShrunk => _pieces is not null && _pieces.HasShrunk;

    internal void Start(in CopyMessage message)
    {
        DeclaredLength = message.DeclaredLength;
        HasHoles = message.HasHoles;
        PieceOffset = 0;
        PieceLength = 0;
        IsHole = false;
        DataBytes = 0;
        _taken = 0;
        _pieces!.Start(message);
    }

    /// <summary>Goes to the next piece.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="SourceFailureException">The source could not be read on.</exception>
    /// <exception cref="OperationCanceledException">The copy was cancelled.</exception>
    public bool MoveNext()
    {
        PieceOffset += PieceLength;
        PieceLength = 0;
        _taken = 0;
        if (_pieces is not null)
        {
            if (!TakeNext(_pieces))
                return false;
        }
        else
        {
            if (_isWholeTaken || _whole!.Length == 0)
                return false;
            _isWholeTaken = true;
            PieceLength = _whole.Length;
        }
        if (!IsHole)
            DataBytes += PieceLength;
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TakeNext(CopyPieces pieces)
    {
        var found = pieces.MoveNext();
        (PieceLength, IsHole) = (pieces.Length, pieces.IsHole);
        return found;
    }

    /// <summary>Passes over what is left, so that the feed stands at the next entry; the source may stop reading early.</summary>
    internal void Drain()
    {
        PieceLength = 0;
        IsHole = false;
        _pieces?.Drain();
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => DeclaredLength ?? throw new NotSupportedException("only the end of the stream will tell its length");

    public override long Position
    {
        get => PieceOffset + _taken;
        set => throw new NotSupportedException("the content goes forwards only");
    }

    public override int Read(Span<byte> buffer)
    {
        while (_taken == PieceLength)
        {
            if (!MoveNext())
                return 0;
        }
        var n = (int)Math.Min(buffer.Length, PieceLength - _taken);
        if (IsHole)
            buffer[..n].Clear();
        else
            Data.Slice(_taken, n).CopyTo(buffer);
        _taken += n;
        return n;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <summary>Hands the pieces to <paramref name="destination"/> where they lie, without a copy between.</summary>
    public override void CopyTo(Stream destination, int bufferSize)
    {
        do
        {
            if (IsHole)
            {
                for (var left = PieceLength - _taken; left > 0; left -= Zeros.Length)
                    destination.Write(Zeros.AsSpan(0, (int)Math.Min(left, Zeros.Length)));
            }
            else if (_taken < PieceLength)
            {
                destination.Write(Data[_taken..]);
            }
        }
        while (MoveNext());
    }

    private static readonly byte[] Zeros = new byte[64 << 10];

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("the content goes forwards only");

    public override void SetLength(long value) => throw new NotSupportedException("the content is read-only");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("the content is read-only");
}

/// <summary>The source of a copy could not be read; <see cref="Exception.InnerException"/> says why.</summary>
public sealed class SourceFailureException(string path, Exception reason) : IOException($"{path} could not be read: {reason.Message}", reason);
