using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>Writes one lz4 frame of blocks that stand for themselves, each with its checksum, and the content's length in the header.</summary>
internal sealed unsafe partial class Lz4Writer : StreamWriter
{
    private const int FastLevels = 2;           // from 3 on liblz4's slower, better search, as the lz4 command has it
    private const uint Plain = 0x80000000;

    private readonly int _level;

    internal Lz4Writer(ResizableDevice host, long length, ContainerSettings settings)
        : base(host, length, (int)settings.PowerOfTwo("block_size", 1 << 20, 64 << 10, 4 << 20))
    {
        SystemLibraries.Require(SystemLibraries.Lz4);
        _level = settings.Number("compression_level", 1, 1, 12);
        Put(Header());
    }

    public override PackedBlock Pack(long offset, ReadOnlySpan<byte> block)
    {
        // The size in front, the checksum behind.
        var packed = new byte[4 + block.Length + 4];
        int count;
        fixed (byte* from = block)
        fixed (byte* to = packed)
        {
            count = _level <= FastLevels
                ? LZ4_compress_default(from, to + 4, block.Length, block.Length - 1)
                : LZ4_compress_HC(from, to + 4, block.Length, block.Length - 1, _level);
        }
        var isPlain = count <= 0;
        if (isPlain)
        {
            block.CopyTo(packed.AsSpan(4));
            count = block.Length;
        }
        OnDisk.Edit<U32Le>(packed, 0) = (uint)count | (isPlain ? Plain : 0);
        OnDisk.Edit<U32Le>(packed, 4 + count) = XxHash32.Compute(packed.AsSpan(4, count));
        return new PackedBlock(offset, block.Length, packed.AsMemory(0, count + 8), !isPlain);
    }

    protected override void Finish() => Put(stackalloc byte[4]);

    private byte[] Header()
    {
        var header = new byte[Length == UnknownLength ? 7 : 15];
        OnDisk.Edit<U32Le>(header, 0) = Lz4Frames.FrameMagic;
        header[4] = 0x40 | 0x20 | 0x10;             // version 1, independent blocks, their checksums
        header[5] = (byte)(BlockSizeCode() << 4);
        if (Length != UnknownLength)
        {
            header[4] |= 0x08;                      // the content's length
            OnDisk.Edit<U64Le>(header, 6) = (ulong)Length;
        }
        header[^1] = (byte)(XxHash32.Compute(header.AsSpan(4, header.Length - 5)) >> 8);
        return header;
    }

    // 4 for 64 KiB, each one more four times as much; a size between two takes the larger one's code, and fills its blocks no further.
    private int BlockSizeCode()
    {
        var code = 4;
        while (1 << (8 + 2 * code) < BlockSize)
            code++;
        return code;
    }

    [LibraryImport(SystemLibraries.Lz4)]
    private static partial int LZ4_compress_default(byte* from, byte* to, int length, int room);

    [LibraryImport(SystemLibraries.Lz4)]
    private static partial int LZ4_compress_HC(byte* from, byte* to, int length, int room, int level);
}
