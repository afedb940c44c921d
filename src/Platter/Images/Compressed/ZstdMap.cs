using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Compressed;

/// <summary>The frames of a zstd file: from its seek table ("Zstandard Seekable Format" 0.1.0), or by going from block header to block
/// header (RFC 8878, section 3.1); nothing is unpacked unless a frame doesn't say how long its content is.</summary>
internal static class ZstdMap
{
    internal const uint FrameMagic = 0xFD2FB528, SkippableMagic = 0x184D2A50, SkippableMask = 0xFFFFFFF0, SeekTableFrame = 0x184D2A5E, SeekTableMagic = 0x8F92EAB1;
    internal const int SeekTableFooterSize = 9, SkippableHeaderSize = 8;

    private const int LargestHeader = 18;           // bytes of a frame header with its magic

    /// <summary>Where the first frame with content starts; null when there is none.</summary>
    internal static long? FirstFrame(BlockDevice host)
    {
        Span<byte> header = stackalloc byte[SkippableHeaderSize];
        for (var at = 0L; host.Length - at >= SkippableHeaderSize;)
        {
            host.Read(at, header);
            if (((uint)OnDisk.View<U32Le>(header) & SkippableMask) != SkippableMagic)
                return at;
            at += SkippableHeaderSize + (long)(uint)OnDisk.View<U32Le>(header, 4);
        }
        return null;
    }

    /// <exception cref="DiskFormatException">The stream is damaged or cut.</exception>
    internal static CompressedMap Read(BlockDevice host, StreamSurvey survey)
    {
        var map = new CompressedMap();
        if (TryReadSeekTable(host, map))
            return map;
        Span<byte> header = stackalloc byte[LargestHeader];
        for (var at = 0L; at < host.Length;)
        {
            var there = header[..(int)Math.Min(LargestHeader, host.Length - at)];
            host.Read(at, there);
            if (there.Length < 4)
            {
                map.Trailing = at;
                break;
            }
            uint magic = OnDisk.View<U32Le>(there);
            if ((magic & SkippableMask) == SkippableMagic && there.Length >= SkippableHeaderSize)
            {
                var size = (long)OnDisk.View<U32Le>(there, 4);
                if (size > host.Length - at - SkippableHeaderSize)
                    throw new DiskFormatException("CMP-0001", "ZstdSkippableFrame.size", at + 4, $"found {size} bytes, but the file ends before: it was cut");
                at += SkippableHeaderSize + size;
                continue;
            }
            if (magic != FrameMagic)
            {
                if (map.Pieces.Count == 0 && at == 0)
                    throw new DiskFormatException("CMP-0002", "ZstdFrame.magic", at, $"found 0x{magic:X8}, expected 0x{FrameMagic:X8}");
                map.Trailing = at;
                break;
            }
            var (length, hasChecksum, headerSize) = ReadHeader(there, at);
            var end = FindEnd(host, at, at + headerSize, hasChecksum);
            map.Add(at, end, length ?? survey.Measure(new CompressedPiece(at, end, map.Length, long.MaxValue)).Length);
            at = end;
        }
        return map;
    }

    // RFC 8878, 3.1.1.1: descriptor, window, dictionary, content size.
    private static (long? Length, bool HasChecksum, int Size) ReadHeader(ReadOnlySpan<byte> header, long at)
    {
        if (header.Length < 6)
            throw new DiskFormatException("CMP-0001", "ZstdFrame.header", at, "the file ends within the header: it was cut");
        int descriptor = header[4];
        var single = (descriptor & 0x20) != 0;
        int dictionarySize = (descriptor & 3) switch { 0 => 0, 1 => 1, 2 => 2, _ => 4 };
        var sizeSize = (descriptor >> 6) switch { 0 => single ? 1 : 0, 1 => 2, 2 => 4, _ => 8 };
        var position = 5 + (single ? 0 : 1);
        if (position + dictionarySize + sizeSize > header.Length)
            throw new DiskFormatException("CMP-0001", "ZstdFrame.header", at, "the file ends within the header: it was cut");
        if ((descriptor & 8) != 0)
            throw new UnsupportedFeatureException("the image is compressed with a later kind of zstd frame (reserved bit set)");
        if (header.Slice(position, dictionarySize).ContainsAnyExcept((byte)0))
            throw new UnsupportedFeatureException("the image is compressed with a zstd dictionary, which is not in the file");
        position += dictionarySize;
        long? length = sizeSize switch
        {
            1 => header[position],
            2 => OnDisk.View<U16Le>(header, position) + 256,
            4 => OnDisk.View<U32Le>(header, position),
            8 => (long)(ulong)OnDisk.View<U64Le>(header, position),
            _ => null,
        };
        return (length, (descriptor & 4) != 0, position + sizeSize);
    }

    // Blocks: a header of 3 bytes each, with the kind and the size of what follows.
    private static long FindEnd(BlockDevice host, long frame, long at, bool hasChecksum)
    {
        Span<byte> header = stackalloc byte[3];
        for (var isLast = false; !isLast;)
        {
            if (host.Length - at < 3)
                throw new DiskFormatException("CMP-0001", "ZstdBlock.header", at, $"the file ends within a frame that starts at 0x{frame:X}: it was cut");
            host.Read(at, header);
            var bits = header[0] | header[1] << 8 | header[2] << 16;
            isLast = (bits & 1) != 0;
            var kind = bits >> 1 & 3;
            if (kind == 3)
                throw new DiskFormatException("CMP-0002", "ZstdBlock.type", at, "found 3, expected 0..2");
            at += 3 + (kind == 1 ? 1 : bits >> 3);
        }
        if (hasChecksum)
            at += 4;
        return at <= host.Length ? at : throw new DiskFormatException("CMP-0001", "ZstdFrame", host.Length, $"the file ends within a frame that starts at 0x{frame:X}: it was cut");
    }

    // A table that doesn't fit the file is passed over: the frames themselves say the same.
    private static bool TryReadSeekTable(BlockDevice host, CompressedMap map)
    {
        const long LargestTable = 64 << 20;
        Span<byte> footer = stackalloc byte[SeekTableFooterSize];
        if (host.Length < SkippableHeaderSize + SeekTableFooterSize)
            return false;
        host.Read(host.Length - SeekTableFooterSize, footer);
        if (OnDisk.View<U32Le>(footer, 5) != SeekTableMagic || (footer[4] & 0x7C) != 0)
            return false;
        var entrySize = (footer[4] & 0x80) != 0 ? 12 : 8;
        var count = (long)OnDisk.View<U32Le>(footer);
        var size = count * entrySize;
        var tableAt = host.Length - SeekTableFooterSize - size;
        if (size > LargestTable || tableAt < SkippableHeaderSize)
            return false;
        var table = new byte[SkippableHeaderSize + size];
        host.Read(tableAt - SkippableHeaderSize, table);
        if (OnDisk.View<U32Le>(table) != SeekTableFrame || OnDisk.View<U32Le>(table, 4) != size + SeekTableFooterSize)
            return false;
        var sum = 0L;
        for (var i = 0; i < count; i++)
            sum += OnDisk.View<U32Le>(table, SkippableHeaderSize + i * entrySize);
        if (sum != tableAt - SkippableHeaderSize)
            return false;
        var at = 0L;
        for (var i = 0; i < count; i++)
        {
            var packed = (long)OnDisk.View<U32Le>(table, SkippableHeaderSize + i * entrySize);
            map.Add(at, at + packed, OnDisk.View<U32Le>(table, SkippableHeaderSize + i * entrySize + 4));
            at += packed;
        }
        return true;
    }
}
