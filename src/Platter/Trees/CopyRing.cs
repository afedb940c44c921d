using System.Runtime.InteropServices;

namespace Platter.Trees;

/// <summary>The bytes between the reader and the writer of a copy: one block of memory, used in a circle, so that a file costs
/// no allocation and the memory of a copy is bounded.</summary>
/// <remarks>Ranges are reserved by one thread and released by another, in the same order. A range is contiguous: what is left at
/// the end of the block when a range does not fit there is charged to that range.</remarks>
internal sealed unsafe class CopyRing(int capacity) : IDisposable
{
#pragma warning disable MA0158, IDE0330 // Not a Lock: that reads its settings at first use, a part of a millisecond of every start.
    private readonly object _gate = new();
#pragma warning restore MA0158, IDE0330
    private SemaphoreSlim? _room;     // from when somebody had to wait

    // Outside the collected heap: pages that are never touched cost nothing there, and no collection is set off by its size.
    private byte* _bytes;
    private int _head;
    private int _used;
    private bool _waiting;

    public int Capacity => capacity;

    /// <summary>The longest range: several fit, so that both sides always have work.</summary>
    public int LongestRange { get; } = Math.Min(1 << 20, capacity / 4);

    /// <summary>Reserves a range, waiting until the other side has released enough.</summary>
    /// <returns>Where it lies, and what to release for it.</returns>
    public (int Offset, int Charge) Reserve(int length, CancellationToken stop)
    {
        if (_bytes == null)
            _bytes = (byte*)NativeMemory.Alloc((nuint)capacity);
        if (_head == capacity)
            _head = 0;
        var charge = _head + length > capacity ? capacity - _head + length : length;
        while (true)
        {
            lock (_gate)
            {
                if (_used + charge <= capacity)
                {
                    var offset = charge > length ? 0 : _head;
                    _used += charge;
                    _head = offset + length;
                    return (offset, charge);
                }
                _room ??= new SemaphoreSlim(0);
                _waiting = true;
            }
            _room.Wait(stop);
        }
    }

    /// <summary>Gives back the end of the range reserved last, because less was read than hoped for.</summary>
    /// <returns>What is now to release for the range.</returns>
    public int Shrink(int offset, int charge, int reserved, int kept)
    {
        if (kept > 0)
        {
            _head = offset + kept;
            Release(reserved - kept);
            return charge - (reserved - kept);
        }
        // Nothing is left of it: the skipped end of the block is free again too.
        _head = charge > reserved ? capacity - (charge - reserved) : offset;
        Release(charge);
        return 0;
    }

    public void Release(int charge)
    {
        if (charge == 0)
            return;
        lock (_gate)
        {
            _used -= charge;
            // Half empty before the reader is woken: waking for every small file costs more than reading it.
            if (!_waiting || _used > capacity / 2)
                return;
            _waiting = false;
        }
        _room!.Release();
    }

    /// <summary>Neither side may use a range any more.</summary>
    public void Dispose()
    {
        _room?.Dispose();
        NativeMemory.Free(_bytes);
        _bytes = null;
    }

    public Span<byte> Bytes(int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, capacity - length);
        ObjectDisposedException.ThrowIf(_bytes == null && length > 0, this);
        return new Span<byte>(_bytes + offset, length);
    }
}
