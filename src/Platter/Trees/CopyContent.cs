namespace Platter.Trees;

/// <summary>The content of one file on its way to a sink: pieces in ascending order, each either bytes or a hole. Also a
/// forward-only <see cref="Stream"/>, in which holes are zeros.</summary>
/// <remarks>Reading may throw <see cref="SourceFailureException"/>: the file then has to be undone.</remarks>
public sealed class CopyContent : Stream
{
    private readonly CopyFeed _feed;
    private TreeEntry? _entry;
    private CopyMessage _piece;
    private bool _ended;
    private int _taken;

    internal CopyContent(CopyFeed feed) => _feed = feed;

    /// <summary>Bytes in all as the source lists them; null when only the end will tell.</summary>
    public long? DeclaredLength { get; private set; }

    /// <summary>Whether the source has holes in this file that are worth keeping.</summary>
    public bool HasHoles { get; private set; }

    /// <summary>Where the current piece starts, in bytes from the start of the file.</summary>
    public long PieceOffset { get; private set; }

    /// <summary>Bytes in the current piece.</summary>
    public long PieceLength => _piece.Length;

    /// <summary>Whether the current piece is a hole.</summary>
    public bool IsHole => _piece.Step == CopyStep.Hole;

    /// <summary>Where the current piece lies in a file of the host, when it does and the sink takes that; there is no <see cref="Data"/> then.</summary>
    internal Blocks.HostExtent? Extent => _piece.Step == CopyStep.Extent ? (Blocks.HostExtent)_piece.Extra! : null;

    /// <summary>The bytes of the current piece; empty for a hole. Valid until <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<byte> Data => IsHole ? default : _feed.Ring.Bytes(_piece.RingOffset, (int)_piece.Length);

    /// <summary>Bytes of data (not holes) that have gone by.</summary>
    internal long DataBytes { get; private set; }

    /// <summary>Whether there was less to read than the source had listed.</summary>
    internal bool HasShrunk { get; private set; }

    internal void Start(in CopyMessage message)
    {
        _entry = message.Entry;
        DeclaredLength = message.DeclaredLength;
        HasHoles = message.HasHoles;
        PieceOffset = 0;
        DataBytes = 0;
        HasShrunk = false;
        _taken = 0;
        _piece = default;
        _ended = false;
        if (message.Whole)
        {
            _whole = message;
            _hasWhole = true;
        }
    }

    private CopyMessage _whole;
    private bool _hasWhole;

    /// <summary>Goes to the next piece.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="SourceFailureException">The source could not be read on.</exception>
    /// <exception cref="OperationCanceledException">The copy was cancelled.</exception>
    public bool MoveNext()
    {
        PieceOffset += _piece.Length;
        _feed.Ring.Release(_piece.Charge);
        _piece = default;
        _taken = 0;
        if (_ended)
            return false;
        _feed.Cancellation.ThrowIfCancellationRequested();
        if (_hasWhole)
        {
            _hasWhole = false;
            _ended = true;
            _piece = _whole with { Step = CopyStep.Data };
        }
        else
        {
            _feed.Next(out _piece);
        }
        switch (_piece.Step)
        {
            case CopyStep.Data:
                DataBytes += _piece.Length;
                _feed.Moved(_piece.Length);
                if (_piece.Length == 0)
                    return MoveNext();
                return true;
            case CopyStep.Extent:
                DataBytes += _piece.Length;
                _feed.Moved(_piece.Length);
                return true;
            case CopyStep.Hole:
                return true;
            case CopyStep.Fault:
                _ended = true;
                var reason = _piece.Fault!;
                _piece = default;
                throw new SourceFailureException(_entry!.Path, reason);
            default:
                _ended = true;
                HasShrunk = _piece.Losses.HasFlag(CopyLosses.Changed);
                _piece = default;
                return false;
        }
    }

    /// <summary>Passes over what is left, so that the feed stands at the next entry; the source may stop reading early.</summary>
    internal void Drain()
    {
        if (!_ended)
            _feed.Abandon(_entry!);
        if (_hasWhole)
        {
            _hasWhole = false;
            _ended = true;
            _feed.Ring.Release(_whole.Charge);
        }
        _feed.Ring.Release(_piece.Charge);
        _piece = default;
        while (!_ended)
        {
            _feed.Next(out var rest);
            _feed.Ring.Release(rest.Charge);
            _ended = rest.Step is CopyStep.End or CopyStep.Fault or CopyStep.Finished;
        }
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
        while (_taken == _piece.Length)
        {
            if (!MoveNext())
                return 0;
        }
        var n = (int)Math.Min(buffer.Length, _piece.Length - _taken);
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
                for (var left = _piece.Length - _taken; left > 0; left -= Zeros.Length)
                    destination.Write(Zeros.AsSpan(0, (int)Math.Min(left, Zeros.Length)));
            }
            else if (_taken < _piece.Length)
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
