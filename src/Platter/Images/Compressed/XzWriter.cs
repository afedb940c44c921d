using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>Writes xz: one stream, a block of it for each of ours, and the index that lists them ("The .xz File Format" 1.2.0).</summary>
/// <remarks>The library makes a stream of each block; the block is taken out of it, and the index is ours.</remarks>
internal sealed unsafe partial class XzWriter : StreamWriter
{
    private const int Check = 4;                            // CRC64, as xz has it
    private const ulong Lzma2 = 0x21, EndOfFilters = ulong.MaxValue;
    private const int OptionsSize = 256;                    // of lzma_options_lzma, with room
    private const int DefaultBlockSize = 4 << 20;

    private readonly int _level;
    private readonly List<(long Unpadded, long Length)> _blocks = [];

    [StructLayout(LayoutKind.Sequential)]
    private struct Filter       // lzma/filter.h's lzma_filter
    {
        public ulong Id;
        public void* Options;
    }

    internal XzWriter(ResizableDevice host, long length, ContainerSettings settings)
        : base(host, length, (int)settings.PowerOfTwo("block_size", DefaultBlockSize, 64 << 10, 64 << 20))
    {
        SystemLibraries.Require(SystemLibraries.Lzma);
        _level = settings.Number("compression_level", 6, 0, 9);
        Put(XzStream.Header(Check));
    }

    // bt4 takes about 11 times its dictionary, which is no longer than the block.
    public override long WorkingMemory => 12L * BlockSize;

    public override PackedBlock Pack(long offset, ReadOnlySpan<byte> block)
    {
        var options = stackalloc byte[OptionsSize];
        new Span<byte>(options, OptionsSize).Clear();
        if (lzma_lzma_preset(options, (uint)_level) != 0)
            throw new UnsupportedFeatureException($"the system's liblzma has no preset {_level}");
        ref var dictionary = ref *(uint*)options;           // the structure's first field
        dictionary = (uint)Math.Clamp(dictionary, 4096, Math.Max(4096, block.Length));
        var filters = stackalloc Filter[2];
        filters[0] = new Filter { Id = Lzma2, Options = options };
        filters[1] = new Filter { Id = EndOfFilters };
        var packed = new byte[block.Length + block.Length / 16 + 1024];
        nuint count = 0;
        fixed (byte* from = block)
        fixed (byte* to = packed)
        {
            var result = lzma_stream_buffer_encode(filters, Check, null, from, (nuint)block.Length, to, &count, (nuint)packed.Length);
            if (result != 0)
                throw new IOException($"xz: compressing failed, liblzma says {result}");
        }
        var footer = packed.AsSpan((int)count - XzStream.HeaderSize, XzStream.HeaderSize);
        var indexSize = ((int)(uint)OnDisk.View<U32Le>(footer, 4) + 1) * 4;
        var end = (int)count - XzStream.HeaderSize - indexSize;
        return new PackedBlock(offset, block.Length, packed.AsMemory(XzStream.HeaderSize, end - XzStream.HeaderSize + indexSize), IsCompressed: true);
    }

    // The block came with the index of its own stream behind it, which says how long it is without its padding.
    protected override PackedBlock Noted(in PackedBlock block)
    {
        var bytes = block.Data.Span;
        var index = FindIndex(bytes, block.Length, out var unpadded);
        _blocks.Add((unpadded, block.Length));
        return block with { Data = block.Data[..index] };
    }

    protected override void Finish()
    {
        var index = new List<byte> { 0 };
        XzStream.WriteNumber(index, _blocks.Count);
        foreach (var (unpadded, length) in _blocks)
        {
            XzStream.WriteNumber(index, unpadded);
            XzStream.WriteNumber(index, length);
        }
        while (index.Count % 4 != 0)
            index.Add(0);
        var bytes = new byte[index.Count + 4];
        index.CopyTo(bytes);
        OnDisk.Edit<U32Le>(bytes, index.Count) = Crc32.Compute(bytes.AsSpan(0, index.Count));
        Put(bytes);
        Put(XzStream.Footer(Check, bytes.Length));
    }

    // An index of one record is 8 to 24 bytes long; which, follows from the block's length that it must name.
    private static int FindIndex(ReadOnlySpan<byte> bytes, int length, out long unpadded)
    {
        for (var size = 8; size <= 24; size += 4)
        {
            var at = 2;
            var index = bytes[^size..];
            if (index[0] == 0 && index[1] == 1 && XzStream.TryReadNumber(index, ref at, out unpadded) && XzStream.TryReadNumber(index, ref at, out var said)
                && said == length && (unpadded + 3 & ~3L) == bytes.Length - size)
                return bytes.Length - size;
        }
        throw new IOException("xz: liblzma made a stream without an index");
    }

    [LibraryImport(SystemLibraries.Lzma)]
    private static partial byte lzma_lzma_preset(byte* options, uint preset);

    [LibraryImport(SystemLibraries.Lzma)]
    private static partial int lzma_stream_buffer_encode(Filter* filters, int check, void* allocator, byte* from, nuint length, byte* to, nuint* position, nuint room);
}
