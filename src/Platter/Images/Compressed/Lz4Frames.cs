using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Compressed;

/// <summary>Where a block's bytes lie in the file.</summary>
/// <param name="Start">The first of its packed bytes.</param>
/// <param name="Size">How many there are.</param>
/// <param name="IsPlain">They are the content itself.</param>
/// <param name="End">Behind the block and its checksum.</param>
internal readonly record struct Lz4Block(long Start, int Size, bool IsPlain, long End);

/// <summary>The blocks of the frames of an lz4 file ("LZ4 Frame Format Description" 1.6.4). Where a frame says how long its content is,
/// nothing is unpacked.</summary>
/// <remarks>
/// <code>
///   magic (4) | FLG | BD | content size (8)? | dictionary (4)? | header checksum | block: size (4), bytes, checksum (4)? ... | 0 (4) | checksum (4)?
/// </code>
/// Frames of lz4 before 1.0 have a magic and then blocks of at most 8 MiB, until the file ends or another magic comes.
/// </remarks>
internal static class Lz4Frames
{
    internal const uint FrameMagic = 0x184D2204, LegacyMagic = 0x184C2102;

    private const int LegacyBlockSize = 8 << 20;
    private const uint Plain = 0x80000000;

    [Flags]
    private enum Flags : byte { HasDictionary = 1, HasContentChecksum = 4, HasContentSize = 8, HasBlockChecksums = 16, AreIndependent = 32, Version = 64, VersionMask = 192 }

    /// <exception cref="DiskFormatException">The stream is damaged or cut.</exception>
    internal static CompressedMap Read(BlockDevice host, StreamSurvey survey)
    {
        var map = new CompressedMap();
        Span<byte> word = stackalloc byte[8];
        for (var at = 0L; at < host.Length;)
        {
            word.Clear();
            host.Read(at, word[..(int)Math.Min(8, host.Length - at)]);
            uint magic = OnDisk.View<U32Le>(word);
            if (magic == FrameMagic)
                at = ReadFrame(host, at, map, survey);
            else if (magic == LegacyMagic)
                at = AddBlocks(host, at, at + 4, new Lz4Blocks(LegacyBlockSize, IsLinked: false, HasChecksums: false, IsLegacy: true), null, map, survey);
            else if ((magic & ZstdMap.SkippableMask) == ZstdMap.SkippableMagic && OnDisk.View<U32Le>(word, 4) <= host.Length - at - 8)
                at += 8 + OnDisk.View<U32Le>(word, 4);
            else if (at == 0)
                throw new DiskFormatException("CMP-0002", "Lz4Frame.magic", at, $"found 0x{magic:X8}, expected 0x{FrameMagic:X8}");
            else
            {
                map.Trailing = at;
                break;
            }
        }
        return map;
    }

    /// <summary>Finds a block's bytes.</summary>
    /// <returns>False at the end of the frame.</returns>
    /// <exception cref="DiskFormatException">The block is too long, or the file was cut.</exception>
    internal static bool TryReadBlock(BlockDevice host, long at, long end, Lz4Blocks blocks, out Lz4Block block)
    {
        block = default;
        if (blocks.IsLegacy && at >= end)
            return false;
        Span<byte> word = stackalloc byte[4];
        if (at > end - 4)
            throw new DiskFormatException("CMP-0001", "Lz4Block.size", at, "the file ends before the frame does: it was cut");
        host.Read(at, word);
        uint size = OnDisk.View<U32Le>(word);
        if (size == 0 || (blocks.IsLegacy && size is FrameMagic or LegacyMagic))
            return false;
        var isPlain = !blocks.IsLegacy && (size & Plain) != 0;
        size &= blocks.IsLegacy ? uint.MaxValue : ~Plain;
        // What can't be made smaller is stored plain; the oldest format has no such thing, and may grow a little.
        var largest = blocks.IsLegacy ? LegacyBlockSize + LegacyBlockSize / 255 + 16 : blocks.BlockSize;
        if (size > largest)
            throw new DiskFormatException("CMP-0002", "Lz4Block.size", at, $"found {size} bytes, at most {largest} are allowed");
        block = new Lz4Block(at + 4, (int)size, isPlain, at + 4 + size + (blocks.HasChecksums ? 4 : 0));
        if (block.End > end)
            throw new DiskFormatException("CMP-0001", "Lz4Block", end, $"the file ends within a block that starts at 0x{at:X}: it was cut");
        return true;
    }

    /// <summary>The first block with content; null when there is none.</summary>
    /// <exception cref="DiskFormatException">The stream is damaged or cut.</exception>
    internal static CompressedPiece? FirstPiece(BlockDevice host)
    {
        Span<byte> word = stackalloc byte[8];
        for (var at = 0L; host.Length - at >= 8;)
        {
            host.Read(at, word);
            uint magic = OnDisk.View<U32Le>(word);
            if ((magic & ZstdMap.SkippableMask) == ZstdMap.SkippableMagic)
            {
                at += 8 + (long)(uint)OnDisk.View<U32Le>(word, 4);
                continue;
            }
            if (magic is not (FrameMagic or LegacyMagic))
                return null;
            var (blocks, size) = magic == FrameMagic ? ReadHeader(host, at, out _, out _) : (new Lz4Blocks(LegacyBlockSize, IsLinked: false, HasChecksums: false, IsLegacy: true), 4);
            if (TryReadBlock(host, at + size, host.Length, blocks, out var block))
                return new CompressedPiece(at + size, blocks.IsLinked ? host.Length : block.End, 0, long.MaxValue, blocks.ToTag());
            return null;
        }
        return null;
    }

    private static (Lz4Blocks Blocks, int Size) ReadHeader(BlockDevice host, long at, out Flags flags, out byte[] header)
    {
        header = new byte[19];
        header = header[..(int)Math.Min(header.Length, host.Length - at)];
        host.Read(at, header);
        flags = header.Length > 4 ? (Flags)header[4] : 0;
        var size = 4 + 2 + ((flags & Flags.HasContentSize) != 0 ? 8 : 0) + ((flags & Flags.HasDictionary) != 0 ? 4 : 0) + 1;
        if (header.Length < size)
            throw new DiskFormatException("CMP-0001", "Lz4Frame.header", at, "the file ends within the header: it was cut");
        if ((flags & Flags.VersionMask) != Flags.Version || header[5] >> 4 is < 4 or > 7)
            throw new UnsupportedFeatureException($"the image is compressed with an lz4 frame of flags 0x{header[4]:X2} 0x{header[5]:X2}, which are not known");
        if ((flags & Flags.HasDictionary) != 0)
            throw new UnsupportedFeatureException("the image is compressed with an lz4 dictionary, which is not in the file");
        var expected = (byte)(XxHash32.Compute(header.AsSpan(4, size - 5)) >> 8);
        if (header[size - 1] != expected)
            throw new DiskFormatException("CMP-0002", "Lz4Frame.headerChecksum", at + size - 1, $"found 0x{header[size - 1]:X2}, expected 0x{expected:X2}");
        var blocks = new Lz4Blocks(1 << (8 + 2 * (header[5] >> 4)), (flags & Flags.AreIndependent) == 0, (flags & Flags.HasBlockChecksums) != 0, IsLegacy: false);
        return (blocks, size);
    }

    private static long ReadFrame(BlockDevice host, long at, CompressedMap map, StreamSurvey survey)
    {
        var (blocks, size) = ReadHeader(host, at, out var flags, out var header);
        long? length = (flags & Flags.HasContentSize) != 0 ? (long)(ulong)OnDisk.View<U64Le>(header, 6) : null;
        if (length < 0)
            throw new DiskFormatException("CMP-0003", "Lz4Frame.contentSize", at + 6, $"found {(ulong)length} bytes, more than a disk can have");
        var end = AddBlocks(host, at, at + size, blocks, length, map, survey) + ((flags & Flags.HasContentChecksum) != 0 ? 4 : 0);
        return end <= host.Length ? end : throw new DiskFormatException("CMP-0001", "Lz4Frame.contentChecksum", host.Length, "the file ends before the frame does: it was cut");
    }

    // Blocks that stand for themselves become a piece each, linked ones a piece together. Returns what is behind the end mark.
    private static long AddBlocks(BlockDevice host, long frame, long first, Lz4Blocks blocks, long? length, CompressedMap map, StreamSurvey survey)
    {
        var found = new List<(long At, long End)>();
        var at = first;
        while (TryReadBlock(host, at, host.Length, blocks, out var block))
        {
            found.Add((at, block.End));
            at = block.End;
        }
        var end = at + (blocks.IsLegacy ? 0 : 4);
        if (blocks.IsLinked)
        {
            var piece = new CompressedPiece(first, end, map.Length, length ?? long.MaxValue, blocks.ToTag());
            map.Add(first, end, length ?? survey.Measure(piece).Length, blocks.ToTag());
            return end;
        }
        // A frame that knows its length and has no more blocks than it needs has all of them full, but for the last.
        var isRegular = length is { } known && (known + blocks.BlockSize - 1) / blocks.BlockSize == found.Count;
        var start = map.Length;
        for (var i = 0; i < found.Count; i++)
        {
            var piece = new CompressedPiece(found[i].At, found[i].End, map.Length, blocks.BlockSize, blocks.ToTag());
            var content = isRegular ? Math.Min(blocks.BlockSize, length!.Value - (map.Length - start)) : survey.Measure(piece).Length;
            map.Add(piece.Source, piece.SourceEnd, content, piece.Tag);
        }
        if (length is { } said && said != map.Length - start)
            throw new DiskFormatException("CMP-0003", "Lz4Frame.contentSize", frame + 6, $"found {said} bytes, the blocks hold {map.Length - start}");
        return end;
    }
}
