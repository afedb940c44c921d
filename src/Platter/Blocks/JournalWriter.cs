using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.Blocks;

/// <summary>Writes one transaction's journal: slots as pages spill, then index and commit record.</summary>
/// <remarks>The file is kept, with its commit record zeroed, from one transaction to the next: overwriting allocated
/// blocks spares the host's own journal. That the zeroing may be lost in a power cut does no harm: replaying what is home
/// already changes nothing that a committed structure refers to.</remarks>
internal sealed class JournalWriter(JournalStore store) : IDisposable
{
    private const int BufferSize = 1 << 20, SmallBufferSize = 64 << 10;
    private const long LargestKept = 16 << 20;      // bytes; a longer file is not worth keeping for the next transaction

    private readonly GrowingArray<uint> _slotChecksums = new();
    private readonly GrowingArray<int> _freeSlots = new();
    private ResizableDevice? _file;
    private byte[]? _buffer;
    private long _bufferOffset;
    private int _buffered;
    private ulong _salt;
    private bool _nameIsDurable;
    private bool _pastIsDurable;

    /// <summary>Where slots are read from; null while nothing has been written.</summary>
    internal BlockDevice? File => _file;

    /// <summary>Whether this transaction has put anything into the file.</summary>
    internal bool IsStarted { get; private set; }

    /// <summary>Whether this transaction has recorded how long the image was.</summary>
    internal bool HasIntent { get; private set; }

    internal string Name => store.Name;

    /// <summary>Moves pages out of memory, into slots.</summary>
    internal void Spill(PageOverlay pages)
    {
        Start();
        foreach (var page in pages.SortedPages())
        {
            var content = pages.InMemory(page);
            if (content.IsEmpty)
                continue;
            var checksum = Journal.PageChecksum(_salt, page, content);
            if (_freeSlots.TryPop(out var slot))
            {
                _slotChecksums[slot] = checksum;
            }
            else
            {
                slot = _slotChecksums.Count;
                _slotChecksums.Add(checksum);
            }
            Put(Journal.OffsetOfSlot(slot), content);
            pages.MoveToSlot(page, slot);
        }
        FlushBuffer();
        pages.Journal = _file;
    }

    /// <summary>A page left its slot, which can be used again.</summary>
    internal void Release(int slot) => _freeSlots.Add(slot);

    /// <summary>Records, durably, how long the image is, before it grows.</summary>
    internal void WriteIntent(long lengthBefore, PageSample[] samples)
    {
        Start();
        var bytes = new byte[Journal.SlotsOffset];      // the commit record behind it is zeroed by the same write
        ref var intent = ref OnDisk.Edit<JournalIntent>(bytes);
        intent.Magic = Journal.IntentMagic;
        intent.Version = Journal.Version;
        intent.PageSize = Journal.PageSize;
        intent.Salt = _salt;
        intent.LengthBefore = (ulong)lengthBefore;
        intent.SampleCount = (uint)samples.Length;
        var head = Unsafe.SizeOf<JournalIntent>();
        PutSamples(samples, bytes, head);
        intent.Checksum = Journal.RecordChecksum(_salt, bytes.AsSpan(0, head + samples.Length * Unsafe.SizeOf<PageSample>()));
        Put(0, bytes);
        FlushBuffer();
        HasIntent = true;
        MakeDurable();
    }

    /// <summary>Writes what is not in a slot yet, the index and the commit record, and makes all of it durable.</summary>
    internal void Commit(PageOverlay pages, long[] sortedPages, long lengthBefore, long lengthAfter, PageSample[] samples)
    {
        Start();
        var zeroCount = pages.Zeros.Count;
        var entries = sortedPages.Length * 16;
        var index = new byte[entries + zeroCount * 16 + samples.Length * Unsafe.SizeOf<PageSample>()];
        var nextSlot = _slotChecksums.Count;
        for (var i = 0; i < sortedPages.Length; i++)
        {
            var page = sortedPages[i];
            var slot = pages.SlotOf(page);
            ref var entry = ref OnDisk.Edit<PageEntry>(index, i * 16);
            entry.Page = (ulong)page;
            entry.Checksum = slot >= 0 ? _slotChecksums[slot] : Journal.PageChecksum(_salt, page, pages.InMemory(page));
            entry.Slot = (uint)(slot >= 0 ? slot : nextSlot++);
        }
        for (var i = 0; i < zeroCount; i++)
        {
            ref var zeros = ref OnDisk.Edit<ZeroEntry>(index, entries + i * 16);
            zeros.FirstPage = (ulong)pages.Zeros[i].Start;
            zeros.PageCount = (ulong)pages.Zeros[i].Length;
        }
        PutSamples(samples, index, entries + zeroCount * 16);

        var commit = new JournalCommit
        {
            Magic = Journal.CommitMagic, Version = Journal.Version, PageSize = Journal.PageSize, Salt = _salt,
            LengthBefore = (ulong)lengthBefore, LengthAfter = (ulong)lengthAfter,
            IndexOffset = (ulong)Journal.OffsetOfSlot(nextSlot), IndexLength = (ulong)index.Length,
            PageCount = (ulong)sortedPages.Length, ZeroCount = (ulong)zeroCount, SampleCount = (uint)samples.Length,
            IndexChecksum = Journal.RecordChecksum(_salt, index),
        };
        commit.Checksum = Journal.RecordChecksum(_salt, OnDisk.Bytes(ref commit));
        if (!HasIntent)
            Put(0, new byte[Journal.PageSize]);
        var record = new byte[Journal.PageSize];
        OnDisk.Bytes(ref commit).CopyTo(record);
        Put(Journal.CommitOffset, record);
        for (var i = 0; i < sortedPages.Length; i++)
        {
            ref readonly var entry = ref OnDisk.View<PageEntry>(index, i * 16);
            var content = pages.InMemory((long)(ulong)entry.Page);
            if (!content.IsEmpty)
                Put(Journal.OffsetOfSlot(entry.Slot), content);
        }
        Put(Journal.OffsetOfSlot(nextSlot), index);
        FlushBuffer();
        MakeDurable();
    }

    private static void PutSamples(PageSample[] samples, byte[] bytes, int offset)
    {
        for (var i = 0; i < samples.Length; i++)
            OnDisk.Edit<PageSample>(bytes, offset + i * Unsafe.SizeOf<PageSample>()) = samples[i];
    }

    /// <summary>The transaction is home, or never was: its journal counts no longer.</summary>
    internal void Retire()
    {
        if (_file is not null && IsStarted)
        {
            // An intent must go at one stroke with the commit record, and only a removal does that.
            if (HasIntent || _file.Length > LargestKept)
                Remove();
            else if (_file.Length >= Journal.SlotsOffset)
                _file.Write(Journal.CommitOffset, new byte[8]);
        }
        Forget();
    }

    /// <summary>Makes sure that no earlier transaction's journal comes back after a power cut. To be called before the image is touched
    /// outside of a commit: replaying would be harmless even then, but the journal would no longer know its image.</summary>
    internal void MakePastDurable()
    {
        if (_pastIsDurable)
            return;
        if (_file is not null && _nameIsDurable)
            _file.Flush();
        else
            store.MakeNameDurable();
        _pastIsDurable = true;
    }

    /// <summary>Makes sure that a commit that failed half-way is never replayed. Pages in slots can still be read afterwards.</summary>
    internal void Withdraw()
    {
        if (_file is null || _file.Length < Journal.SlotsOffset)
            return;
        _file.Write(Journal.CommitOffset, new byte[Journal.PageSize]);
        _file.Flush();
    }

    /// <summary>Takes the file away.</summary>
    public void Dispose()
    {
        if (_file is not null)
            Remove();
    }

    /// <summary>Lets go of the file, which stays: it is complete, and the next one to open the image replays it.</summary>
    internal void Leave()
    {
        _file?.Dispose();
        _file = null;
    }

    private void Start()
    {
        if (IsStarted)
            return;
        if (_file is null)
        {
            _file = store.Create();
            _nameIsDurable = false;
        }
        // Any number that the journal before it didn't have.
        Span<byte> id = stackalloc byte[16];
        Guid.NewGuid().TryWriteBytes(id);
        _salt = BinaryPrimitives.ReadUInt64LittleEndian(id);
        IsStarted = true;
    }

    private void Forget()
    {
        if (IsStarted)
            _pastIsDurable = false;
        IsStarted = false;
        HasIntent = false;
        _slotChecksums.Clear();
        _freeSlots.Clear();
    }

    private void Remove()
    {
        _file?.Dispose();
        _file = null;
        _nameIsDurable = false;
        store.Remove();
    }

    private void MakeDurable()
    {
        _file!.Flush();
        if (!_nameIsDurable)
            store.MakeNameDurable();
        _nameIsDurable = true;
    }

    // Neighbouring pieces go out in one write.
    private void Put(long offset, ReadOnlySpan<byte> data)
    {
        if (_buffered > 0 && offset != _bufferOffset + _buffered)
            FlushBuffer();
        while (!data.IsEmpty)
        {
            if (_buffer is null || (_buffered == _buffer.Length && _buffer.Length < BufferSize))
                GrowBuffer();
            if (_buffered == 0)
                _bufferOffset = offset;
            var part = data[..Math.Min(data.Length, _buffer!.Length - _buffered)];
            part.CopyTo(_buffer.AsSpan(_buffered));
            _buffered += part.Length;
            offset += part.Length;
            data = data[part.Length..];
            if (_buffered == BufferSize)
                FlushBuffer();
        }
    }

    // Most transactions are small: only one that fills the small buffer gets the large one.
    private void GrowBuffer()
    {
        var larger = new byte[_buffer is null ? SmallBufferSize : BufferSize];
        _buffer?.AsSpan(0, _buffered).CopyTo(larger);
        _buffer = larger;
    }

    private void FlushBuffer()
    {
        if (_buffered == 0)
            return;
        var count = _buffered;
        _buffered = 0;
        if (_bufferOffset + count > _file!.Length)
            _file.SetLength(_bufferOffset + count);
        _file.Write(_bufferOffset, _buffer.AsSpan(0, count));
    }
}
