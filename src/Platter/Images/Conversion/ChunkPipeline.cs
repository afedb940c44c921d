using System.Runtime.ExceptionServices;

namespace Platter.Images.Conversion;

/// <summary>What one chunk is worked on with: used again and again, so that the memory of a conversion is bounded.</summary>
internal abstract class ChunkSlot
{
    internal PlannedChunk Chunk { get; set; }
    internal SlotState State { get; set; }
}

internal enum SlotState { Free, Working, Ready }

/// <summary>Takes chunks through two steps: preparing (reading, comparing, compressing) on many threads, storing on the caller's, in order.</summary>
/// <remarks>Slots form a ring, and chunks take them in order, so the chunk that is to be stored next always has one: nobody waits for
/// a slot that can't become free.</remarks>
internal sealed class ChunkPipeline<TSlot> where TSlot : ChunkSlot
{
    private readonly object _gate = new();
    private readonly TSlot[] _ring;
    private readonly Thread[] _threads;
    private readonly Action<TSlot> _prepare;
    private readonly CancellationToken _cancellation;
    private IEnumerator<PlannedChunk>? _chunks;
    private long _taken;
    private bool _ended, _stopped;
    private ExceptionDispatchInfo? _failure;

    /// <param name="threads">How many prepare.</param>
    /// <param name="makeSlot">Makes a slot with its buffers; two more of them than threads, at least.</param>
    /// <param name="prepare">Any thread.</param>
    /// <param name="cancellation">Ends <see cref="Run"/>.</param>
    internal ChunkPipeline(int threads, Func<TSlot> makeSlot, Action<TSlot> prepare, CancellationToken cancellation)
    {
        _prepare = prepare;
        _cancellation = cancellation;
        _ring = new TSlot[threads * 2 + 2];
        for (var i = 0; i < _ring.Length; i++)
            _ring[i] = makeSlot();
        _threads = new Thread[threads];
    }

    internal static int ThreadsFor(int wished) => wished > 0 ? wished : Math.Clamp(Environment.ProcessorCount, 1, 8);

    /// <summary>Runs until every chunk is stored.</summary>
    /// <param name="chunks">In order; taken one by one, by whichever thread is next.</param>
    /// <param name="store">The caller's thread, in order.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal void Run(IEnumerable<PlannedChunk> chunks, Action<TSlot> store)
    {
        _chunks = chunks.GetEnumerator();
        for (var i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = "platter convert" };
            _threads[i].Start();
        }
        try
        {
            for (var number = 0L; Next(number) is { } slot; number++)
            {
                _cancellation.ThrowIfCancellationRequested();
                store(slot);
                lock (_gate)
                {
                    slot.State = SlotState.Free;
                    Monitor.PulseAll(_gate);
                }
            }
        }
        finally
        {
            lock (_gate)
            {
                _stopped = true;
                Monitor.PulseAll(_gate);
            }
            foreach (var thread in _threads)
                thread.Join();
            _chunks.Dispose();
        }
        _failure?.Throw();
        _cancellation.ThrowIfCancellationRequested();
    }

    // The chunk of this number once it is ready; null when there are no more, or one has failed.
    private TSlot? Next(long number)
    {
        var slot = _ring[number % _ring.Length];
        lock (_gate)
        {
            while (true)
            {
                if (_failure is not null)
                    return null;
                if (slot.State == SlotState.Ready)
                    return slot;
                if (_ended && number >= _taken)
                    return null;
                Monitor.Wait(_gate);
            }
        }
    }

    private void Work()
    {
        try
        {
            while (Take() is { } slot)
            {
                _prepare(slot);
                lock (_gate)
                {
                    slot.State = SlotState.Ready;
                    Monitor.PulseAll(_gate);
                }
            }
        }
        catch (Exception e)     // thrown again by the thread that asked for the work
        {
            lock (_gate)
            {
                _failure ??= ExceptionDispatchInfo.Capture(e);
                _stopped = true;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private TSlot? Take()
    {
        lock (_gate)
        {
            while (!_stopped && !_ended)
            {
                var slot = _ring[_taken % _ring.Length];
                if (slot.State != SlotState.Free)
                {
                    Monitor.Wait(_gate);
                    continue;
                }
                if (_cancellation.IsCancellationRequested || !_chunks!.MoveNext())
                {
                    _ended = true;
                    Monitor.PulseAll(_gate);
                    return null;
                }
                slot.Chunk = _chunks.Current;
                slot.State = SlotState.Working;
                _taken++;
                return slot;
            }
            return null;
        }
    }
}
