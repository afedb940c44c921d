using System.Runtime.ExceptionServices;
using Platter.Primitives;

namespace Platter.Trees;

/// <summary>What a <see cref="CopyMessage"/> says.</summary>
internal enum CopyStep
{
    None,

    /// <summary>An entry begins; <see cref="CopyMessage.Extra"/> may be its <see cref="CopyOutline"/>. A file's content follows (<see cref="Data"/> and <see cref="Hole"/> up to <see cref="End"/> or
    /// <see cref="Fault"/>) unless <see cref="CopyMessage.Whole"/> says that the message brings all of it.</summary>
    Entry,

    /// <summary>The entry is another name of the file of <see cref="CopyMessage.Extra"/>.</summary>
    HardLink,

    Data,
    Hole,

    /// <summary>Data that the writer is to have the host copy: <see cref="CopyMessage.Extra"/> is its <see cref="Blocks.HostExtent"/>.</summary>
    Extent,
    End,
    Fault,

    /// <summary>An extended attribute of the entry: <see cref="CopyMessage.Extra"/> is its name and value.</summary>
    Attribute,

    /// <summary>A further stream of the entry begins; content follows as for a file.</summary>
    Stream,

    /// <summary>There is no more.</summary>
    Finished,
}

/// <summary>One step from the reader to the writer of a copy.</summary>
internal record struct CopyMessage(CopyStep Step, TreeEntry Entry)
{
    /// <summary>Where the bytes lie in the ring.</summary>
    public int RingOffset;

    /// <summary>What to release in the ring when the bytes are done with.</summary>
    public int Charge;

    /// <summary>Bytes of data or hole.</summary>
    public long Length;

    public long? DeclaredLength;
    public bool Whole, HasHoles;

    /// <summary>What the entry has and the target cannot hold, found out by the reader.</summary>
    public CopyLosses Losses;

    public Exception? Fault;
    public object? Extra;
}

/// <summary>What a target that writes in order needs to know of an entry before its content.</summary>
/// <param name="Attributes">The extended attributes; null for none.</param>
/// <param name="Data">The parts of a file that are no holes; null when it has none, or too many to list.</param>
internal sealed record CopyOutline(IReadOnlyDictionary<string, byte[]>? Attributes, IReadOnlyList<Blocks.ByteRange>? Data);

/// <summary>Losses that only the reader of a copy can see.</summary>
[Flags]
internal enum CopyLosses
{
    None = 0,
    ExtendedAttributes = 1,
    NamedStreams = 2,
    ResourceForks = 4,
    HardLink = 8,
    LinkCopied = 16,
    Changed = 32,
}

/// <summary>Brings the messages of a <see cref="CopyReader"/> to the writer: from a thread of its own, ahead of the writer as
/// far as the ring has room. The first few, and all when source and target are the same volume, one by one.</summary>
internal sealed class CopyFeed : IDisposable
{
    private const int MaxQueued = 4096;

    // Reading ahead pays from here on: a thread and what goes with it cost more than a small file.
    private const int AloneMessages = 16;
    private const long AloneBytes = 1 << 20;

    private readonly IEnumerator<CopyMessage> _messages;
    private readonly CancellationTokenSource _stop = new();
    private readonly CopyRun _writer;
    private readonly bool _threaded;
#pragma warning disable MA0158, IDE0330 // Not a Lock: that reads its settings at first use, a part of a millisecond of every start.
    private readonly object _gate = new();
#pragma warning restore MA0158, IDE0330

    // All three from when the thread starts.
    private Thread? _thread;
    private SemaphoreSlim? _filled, _room;
    private int _aloneMessages;
    private long _aloneBytes;

    // The writer takes whole batches: one lock for many small files.
    private GrowingArray<CopyMessage> _incoming = new(), _batch = new();
    private int _taken;
    private bool _writerWaits, _readerWaits;
    private volatile TreeEntry? _abandoned;

    public CopyFeed(CopyReader reader, CopyRun writer, int readAhead, bool threaded, CancellationToken cancellation)
    {
        Ring = new CopyRing(Math.Max(readAhead, 1 << 16));
        Cancellation = cancellation;
        _writer = writer;
        _messages = reader.Read(this).GetEnumerator();
        _threaded = threaded;
    }

    public CopyRing Ring { get; }

    /// <summary>The caller's wish to stop.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Set when the writer is gone: the reader is to end.</summary>
    public CancellationToken Stop => _stop.Token;

    public void Moved(long bytes) => _writer.Moved(bytes);

    /// <summary>The writer has no use for the rest of this entry's content.</summary>
    public void Abandon(TreeEntry entry) => _abandoned = entry;

    public bool IsAbandoned(TreeEntry entry) => ReferenceEquals(_abandoned, entry);

    /// <summary>The next message; waits for it. At the end the same, or the same exception, again and again.</summary>
    public void Next(out CopyMessage message)
    {
        if (_thread is null)
        {
            if (!_threaded || (_aloneMessages < AloneMessages && _aloneBytes < AloneBytes))
            {
                message = _messages.MoveNext() ? _messages.Current : new CopyMessage(CopyStep.Finished, null!);
                _aloneMessages++;
                _aloneBytes += message.Length;
                return;
            }
            StartThread();
        }
        while (_taken == _batch.Count)
        {
            lock (_gate)
            {
                if (_incoming.Count > 0)
                {
                    _batch.Clear();
                    (_batch, _incoming) = (_incoming, _batch);
                    _taken = 0;
                    if (_readerWaits)
                    {
                        _readerWaits = false;
                        _room!.Release();
                    }
                    break;
                }
                _writerWaits = true;
            }
            _filled!.Wait(Cancellation);
        }
        message = _batch[_taken];
        if (message.Step != CopyStep.Finished)
            _taken++;
        else if (message.Fault is not null)
            ExceptionDispatchInfo.Throw(message.Fault);
    }

    public void Dispose()
    {
        if (_thread is not null)
        {
            _stop.Cancel();
            _thread.Join();
        }
        _messages.Dispose();
        Ring.Dispose();
        _stop.Dispose();
        _filled?.Dispose();
        _room?.Dispose();
    }

    private void StartThread()
    {
        (_filled, _room) = (new SemaphoreSlim(0), new SemaphoreSlim(0));
        _thread = new Thread(Pump) { IsBackground = true, Name = "Platter copy reader" };
        _thread.Start();
    }

    private void Pump()
    {
        Exception? fault = null;
        try
        {
            while (_messages.MoveNext())
                Send(_messages.Current);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return;
        }
#pragma warning disable CA1031 // Whatever ends the reader is thrown again on the writer's thread.
        catch (Exception e)
#pragma warning restore CA1031
        {
            fault = e;
        }
        try
        {
            Send(new CopyMessage(CopyStep.Finished, null!) { Fault = fault });
        }
        catch (OperationCanceledException)
        {
            // The writer is gone: nobody is left to be told.
        }
    }

    private void Send(in CopyMessage message)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_incoming.Count < MaxQueued)
                {
                    _incoming.Add(message);
                    if (!_writerWaits)
                        return;
                    _writerWaits = false;
                    _filled!.Release();
                    return;
                }
                _readerWaits = true;
            }
            _room!.Wait(Stop);
        }
    }
}
