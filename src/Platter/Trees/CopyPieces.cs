namespace Platter.Trees;

/// <summary>The pieces of one content after the other as a feed brings them, behind a <see cref="CopyContent"/>.</summary>
internal sealed class CopyPieces(CopyFeed feed)
{
    private TreeEntry? _entry;
    private CopyMessage _piece, _whole;
    private bool _hasWhole, _ended;

    /// <summary>Bytes in the current piece.</summary>
    public long Length => _piece.Length;

    public bool IsHole => _piece.Step == CopyStep.Hole;

    public Blocks.HostExtent? Extent => _piece.Step == CopyStep.Extent ? (Blocks.HostExtent)_piece.Extra! : null;

    public ReadOnlySpan<byte> Data => IsHole ? default : feed.Ring.Bytes(_piece.RingOffset, (int)_piece.Length);

    /// <summary>Whether there was less to read than the source had listed.</summary>
    public bool HasShrunk { get; private set; }

    public void Start(in CopyMessage message)
    {
        _entry = message.Entry;
        HasShrunk = false;
        _piece = default;
        _ended = false;
        if (message.Whole)
        {
            _whole = message;
            _hasWhole = true;
        }
    }

    /// <inheritdoc cref="CopyContent.MoveNext"/>
    public bool MoveNext()
    {
        feed.Ring.Release(_piece.Charge);
        _piece = default;
        if (_ended)
            return false;
        feed.Cancellation.ThrowIfCancellationRequested();
        if (_hasWhole)
        {
            _hasWhole = false;
            _ended = true;
            _piece = _whole with { Step = CopyStep.Data };
        }
        else
        {
            feed.Next(out _piece);
        }
        switch (_piece.Step)
        {
            case CopyStep.Data:
                feed.Moved(_piece.Length);
                return _piece.Length > 0 || MoveNext();
            case CopyStep.Extent:
                feed.Moved(_piece.Length);
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

    /// <inheritdoc cref="CopyContent.Drain"/>
    public void Drain()
    {
        if (!_ended)
            feed.Abandon(_entry!);
        if (_hasWhole)
        {
            _hasWhole = false;
            _ended = true;
            feed.Ring.Release(_whole.Charge);
        }
        feed.Ring.Release(_piece.Charge);
        _piece = default;
        while (!_ended)
        {
            feed.Next(out var rest);
            feed.Ring.Release(rest.Charge);
            _ended = rest.Step is CopyStep.End or CopyStep.Fault or CopyStep.Finished;
        }
    }
}
