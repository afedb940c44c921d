using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>Lists the directory that a walk enters next, on a thread of its own, while the names of the one before are shown.</summary>
/// <remarks>The volume is the thread's from <see cref="Begin"/> until <see cref="Wait"/> or <see cref="TryTake"/>: nobody else asks it anything meanwhile.</remarks>
internal sealed class NamesAhead(Volume volume) : IDisposable
{
    // Looks before a side goes to sleep, some 50 us in all: being woken takes as long as a directory of some hundred names.
    private const int Looks = 400, Pauses = 4;

    private readonly object _gate = new();
    private volatile State _state;
    private Thread? _thread;
    private NameList _names = new();
    private NodeId _directory;
    private Exception? _problem;

    private enum State { Idle, Wanted, Listed, Over }

    /// <summary>Has a directory listed; what was listed before has been taken.</summary>
    public void Begin(NodeId directory)
    {
        Wait();
        _names.Clear();
        (_directory, _problem) = (directory, null);
        Become(State.Wanted);
        if (_thread is null)
            Start();
    }

    /// <summary>Returns when nothing is being listed.</summary>
    public void Wait()
    {
        if (_state == State.Wanted)
            Until(State.Listed, State.Listed);
    }

    /// <summary>Takes over what was listed.</summary>
    /// <param name="directory">What is looked for.</param>
    /// <param name="names">An empty list; its names when it is what was listed.</param>
    /// <returns>False when another directory was listed, or none.</returns>
    /// <exception cref="Exception">As <see cref="Volume.List"/>; what was read until then is in the list.</exception>
    public bool TryTake(NodeId directory, ref NameList names)
    {
        Wait();
        if (_state != State.Listed || !_directory.Equals(directory))
            return false;
        _state = State.Idle;
        (names, _names) = (_names, names);
        if (_problem is not null)
            ExceptionDispatchInfo.Throw(_problem);
        return true;
    }

    public void Dispose()
    {
        // It has nothing of the volume any more, and ends by itself.
        Wait();
        Become(State.Over);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Start()
    {
        _thread = new Thread(Work) { IsBackground = true };
        _thread.UnsafeStart();
    }

    private void Work()
    {
        while (Until(State.Wanted, State.Over) == State.Wanted)
        {
            try
            {
                volume.List(_directory, _names);
            }
            catch (Exception e)
            {
                // Whoever takes the list gets it.
                _problem = e;
            }
            Become(State.Listed);
        }
    }

    private void Become(State state)
    {
        lock (_gate)
        {
            _state = state;
            Monitor.PulseAll(_gate);
        }
    }

    private State Until(State one, State other)
    {
        for (var i = 0; i < Looks; i++)
        {
            var state = _state;
            if (state == one || state == other)
                return state;
            Thread.SpinWait(Pauses);
        }
        lock (_gate)
        {
            while (_state != one && _state != other)
                Monitor.Wait(_gate);
            return _state;
        }
    }
}
