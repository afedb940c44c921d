using System.Collections.Concurrent;
using Platter.Blocks;
using Platter.Primitives;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>Writes zstd: a frame a block, and a seek table at the end ("Zstandard Seekable Format" 0.1.0), which other programs pass over.</summary>
internal sealed class ZstdWriter(ResizableDevice host, long length, ContainerSettings settings)
    : StreamWriter(host, length, (int)settings.PowerOfTwo("block_size", 1 << 20, 64 << 10, 64 << 20))
{
    private readonly int _level = settings.Number("compression_level", Zstd.DefaultLevel, 1, Zstd.MaxLevel);
    private readonly ConcurrentBag<ZstdCompressor> _compressors = [];
    private readonly List<(uint Packed, uint Length)> _frames = [];

    public override PackedBlock Pack(long offset, ReadOnlySpan<byte> block)
    {
        if (!_compressors.TryTake(out var compressor))
            compressor = new ZstdCompressor(_level, checksum: true);
        var packed = new byte[Zstd.CompressBound(block.Length) + 4];
        var count = compressor.Compress(block, packed);
        _compressors.Add(compressor);
        return new PackedBlock(offset, block.Length, packed.AsMemory(0, count), IsCompressed: true);
    }

    protected override PackedBlock Noted(in PackedBlock block)
    {
        _frames.Add(((uint)block.Data.Length, (uint)block.Length));
        return block;
    }

    protected override void Finish()
    {
        // Of no content there is a frame all the same, so that the file is known for zstd.
        if (_frames.Count == 0)
            Put(Noted(Pack(0, [])).Data.Span);
        const int EntrySize = 8;
        var size = _frames.Count * EntrySize + ZstdMap.SeekTableFooterSize;
        var table = new byte[ZstdMap.SkippableHeaderSize + size];
        OnDisk.Edit<U32Le>(table, 0) = ZstdMap.SeekTableFrame;
        OnDisk.Edit<U32Le>(table, 4) = (uint)size;
        for (var i = 0; i < _frames.Count; i++)
        {
            OnDisk.Edit<U32Le>(table, ZstdMap.SkippableHeaderSize + i * EntrySize) = _frames[i].Packed;
            OnDisk.Edit<U32Le>(table, ZstdMap.SkippableHeaderSize + i * EntrySize + 4) = _frames[i].Length;
        }
        OnDisk.Edit<U32Le>(table, table.Length - ZstdMap.SeekTableFooterSize) = (uint)_frames.Count;
        OnDisk.Edit<U32Le>(table, table.Length - 4) = ZstdMap.SeekTableMagic;      // between them a byte of flags: no checksums
        Put(table);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var compressor in _compressors)
                compressor.Dispose();
        }
        base.Dispose(disposing);
    }
}
