using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Platter.Images.Compressed;

/// <summary>The memory that a codec library works in, handed out by us: a copy of it is the decoder's whole state, so a decoder can be
/// put back to where it was, at any byte, whatever the library.</summary>
/// <remarks>Libraries keep pointers into their own memory; a copy is therefore only ever put back to the same addresses. A block that a
/// saved state needs stays ours until no state needs it.</remarks>
internal sealed unsafe class DecoderMemory : IDisposable
{
    // A damaged stream may ask for any amount; zstd's own limit for windows is 128 MiB, liblzma is told one.
    private const long Limit = 320L << 20;

    private readonly Dictionary<nint, Block> _live = [];
    private readonly HashSet<Block> _all = [];
    private GCHandle _self;
    private long _total;

    private sealed class Block(nint address, nuint size)
    {
        internal readonly nint Address = address;
        internal readonly nuint Size = size;
        internal int Pins;      // saved states that need it
        internal bool IsLive = true;
    }

    /// <summary>A decoder's state: what its blocks held.</summary>
    internal sealed class State
    {
        private readonly DecoderMemory _owner;
        private readonly Block[] _blocks;
        private readonly SavedBytes[] _contents;

        private State(DecoderMemory owner, Block[] blocks, SavedBytes[] contents)
        {
            (_owner, _blocks, _contents) = (owner, blocks, contents);
            foreach (var content in contents)
                Size += content.Size;
            foreach (var block in blocks)
                block.Pins++;
        }

        /// <summary>Copies what the decoder has now.</summary>
        /// <returns>Null when the copy would take more than <paramref name="limit"/> bytes.</returns>
        internal static State? Of(DecoderMemory owner, long limit)
        {
            Block[] blocks = [.. owner._live.Values];
            var contents = new SavedBytes[blocks.Length];
            for (var i = 0; i < blocks.Length; i++)
            {
                if (SavedBytes.Of(new ReadOnlySpan<byte>((void*)blocks[i].Address, checked((int)blocks[i].Size)), limit) is not { } content)
                    return null;
                limit -= content.Size;
                contents[i] = content;
            }
            return new State(owner, blocks, contents);
        }

        /// <summary>Bytes that it takes.</summary>
        internal long Size { get; }

        internal void Restore()
        {
            foreach (var block in _owner._live.Values.ToList())
                _owner.Retire(block);
            for (var i = 0; i < _blocks.Length; i++)
            {
                var block = _blocks[i];
                block.IsLive = true;
                _owner._live[block.Address] = block;
                _contents[i].CopyTo(new Span<byte>((void*)block.Address, (int)block.Size));
            }
        }

        internal void Drop()
        {
            foreach (var block in _blocks)
            {
                block.Pins--;
                _owner.FreeUnused(block);
            }
        }
    }

    internal DecoderMemory() => _self = GCHandle.Alloc(this);

    /// <summary>What the libraries hand to <see cref="Allocate(void*, nuint)"/> and its like.</summary>
    internal nint Opaque => GCHandle.ToIntPtr(_self);

    /// <summary>Zeroed memory of the decoder's own.</summary>
    internal nint Take(nuint size)
    {
        if (size > int.MaxValue || _total + (long)size > Limit)
            return 0;
        var address = (nint)NativeMemory.AllocZeroed(Math.Max(size, 1));
        var block = new Block(address, size);
        _live.Add(address, block);
        _all.Add(block);
        _total += (long)size;
        return address;
    }

    /// <summary>Bytes that the decoder, and states of it, hold.</summary>
    internal long Total => _total;

    /// <inheritdoc cref="State.Of"/>
    internal State? Save(long limit) => State.Of(this, limit);

    public void Dispose()
    {
        foreach (var block in _all)
            NativeMemory.Free((void*)block.Address);
        _all.Clear();
        _live.Clear();
        if (_self.IsAllocated)
            _self.Free();
    }

    // void *(*)(void *opaque, size_t size): zstd
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static void* Allocate(void* opaque, nuint size) => (void*)Of(opaque).Take(size);

    // void *(*)(void *opaque, size_t count, size_t size): liblzma
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static void* AllocateMany(void* opaque, nuint count, nuint size) => (void*)Of(opaque).Take(Product(count, size));

    // void *(*)(void *opaque, unsigned count, unsigned size): zlib, libbz2 (signed there, never negative)
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static void* AllocateItems(void* opaque, uint count, uint size) => (void*)Of(opaque).Take(Product(count, size));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static void Free(void* opaque, void* address)
    {
        var memory = Of(opaque);
        if (memory._live.TryGetValue((nint)address, out var block))
            memory.Retire(block);
    }

    private static DecoderMemory Of(void* opaque) => (DecoderMemory)GCHandle.FromIntPtr((nint)opaque).Target!;

    private static nuint Product(nuint count, nuint size) => size != 0 && count > int.MaxValue / size ? nuint.MaxValue : count * size;

    private void Retire(Block block)
    {
        _live.Remove(block.Address);
        block.IsLive = false;
        FreeUnused(block);
    }

    private void FreeUnused(Block block)
    {
        if (block.IsLive || block.Pins > 0 || !_all.Remove(block))
            return;
        _total -= (long)block.Size;
        NativeMemory.Free((void*)block.Address);
    }
}
