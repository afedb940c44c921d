using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Compressed;

/// <summary>The blocks of an xz file, from the index that each stream ends with ("The .xz File Format" 1.2.0, sections 2 and 4).</summary>
/// <remarks>
/// <code>
///   stream: header (12) | block ... | index | footer (12)      padding: zeros, a multiple of 4      next stream ...
/// </code>
/// Read from the end of the file; nothing is unpacked.
/// </remarks>
internal static class XzMap
{
    // An index of 64 MiB lists blocks for some terabytes.
    private const long LargestIndex = 64 << 20;

    /// <exception cref="DiskFormatException">An index or a footer is damaged, or the file was cut.</exception>
    internal static CompressedMap Read(BlockDevice host)
    {
        var streams = new Stack<(long Start, int Check, List<(long Unpadded, long Length)> Blocks)>();
        var end = host.Length;
        while (end > 0)
        {
            end = SkipPadding(host, end);
            if (end == 0)
                break;
            end = ReadStream(host, end, streams);
        }
        var map = new CompressedMap();
        foreach (var (start, check, blocks) in streams)
        {
            var at = start + XzStream.HeaderSize;
            foreach (var (unpadded, length) in blocks)
            {
                var next = at + (unpadded + 3 & ~3L);
                map.Add(at, next, length, check);
                at = next;
            }
        }
        return map;
    }

    private static long SkipPadding(BlockDevice host, long end)
    {
        Span<byte> word = stackalloc byte[4];
        while (end >= 4)
        {
            host.Read(end - 4, word);
            if (word.ContainsAnyExcept((byte)0))
                return end;
            end -= 4;
        }
        return end == 0 ? 0 : throw Broken("CMP-0001", "XzFooter", end, "found no footer: the file was cut");
    }

    // Reads the stream that ends here; returns where it starts.
    private static long ReadStream(BlockDevice host, long end, Stack<(long, int, List<(long, long)>)> streams)
    {
        var footerAt = end - XzStream.HeaderSize;
        if (footerAt < XzStream.HeaderSize)
            throw Broken("CMP-0001", "XzFooter", Math.Max(0, footerAt), "found no room for a footer: the file was cut");
        var footer = new byte[XzStream.HeaderSize];
        host.Read(footerAt, footer);
        if (!footer.AsSpan(10).SequenceEqual(XzStream.FooterMagic))
            throw Broken("CMP-0001", "XzFooter.magic", footerAt + 10, $"found 0x{footer[10]:X2}{footer[11]:X2}, expected \"YZ\": the file was cut, or something was added to it");
        if (OnDisk.View<U32Le>(footer) != Crc32.Compute(footer.AsSpan(4, 6)))
            throw Broken("CMP-0003", "XzFooter.crc32", footerAt, "the checksum is wrong");
        if (footer[8] != 0 || footer[9] > 15)
            throw new UnsupportedFeatureException($"the image is compressed with xz stream flags 0x{footer[8]:X2}{footer[9]:X2}, which are not known");
        var indexSize = ((long)OnDisk.View<U32Le>(footer, 4) + 1) * 4;
        var indexAt = footerAt - indexSize;
        if (indexAt < XzStream.HeaderSize || indexSize > LargestIndex)
            throw Broken("CMP-0003", "XzFooter.backwardSize", footerAt + 4, $"found an index of {indexSize} bytes, expected it to lie in the {footerAt} bytes before, and to have at most {LargestIndex}");
        var blocks = ReadIndex(host, indexAt, (int)indexSize);
        var start = indexAt - XzStream.HeaderSize;
        foreach (var (unpadded, _) in blocks)
        {
            if (unpadded <= 0 || unpadded > start)
                throw Broken("CMP-0003", "XzIndex.unpaddedSize", indexAt, $"found a block of {unpadded} bytes, expected all of them to lie before the index");
            start -= unpadded + 3 & ~3L;
        }
        if (start < 0)
            throw Broken("CMP-0003", "XzIndex.unpaddedSize", indexAt, "found more bytes in blocks than lie before the index");
        var header = new byte[XzStream.HeaderSize];
        host.Read(start, header);
        if (!header.AsSpan().SequenceEqual(XzStream.Header(footer[9])))
            throw Broken("CMP-0003", "XzHeader", start, "found no header that fits the footer");
        streams.Push((start, footer[9], blocks));
        return start;
    }

    private static List<(long Unpadded, long Length)> ReadIndex(BlockDevice host, long indexAt, int size)
    {
        var index = new byte[size];
        host.Read(indexAt, index);
        var at = 1;
        if (index[0] != 0)
            throw Broken("CMP-0003", "XzIndex.indicator", indexAt, $"found 0x{index[0]:X2}, expected 0");
        if (OnDisk.View<U32Le>(index, size - 4) != Crc32.Compute(index.AsSpan(0, size - 4)))
            throw Broken("CMP-0003", "XzIndex.crc32", indexAt + size - 4, "the checksum is wrong");
        var body = index.AsSpan(0, size - 4);
        if (!XzStream.TryReadNumber(body, ref at, out var count) || count > size / 2)
            throw Broken("CMP-0003", "XzIndex.count", indexAt + 1, "found more blocks than the index has room for");
        var blocks = new List<(long, long)>((int)count);
        for (var i = 0; i < count; i++)
        {
            if (!XzStream.TryReadNumber(body, ref at, out var unpadded) || !XzStream.TryReadNumber(body, ref at, out var length))
                throw Broken("CMP-0003", $"XzIndex[{i}]", indexAt + at, "found no whole number");
            blocks.Add((unpadded, length));
        }
        return blocks;
    }

    private static DiskFormatException Broken(string code, string structure, long offset, string problem) => new(code, structure, offset, problem);
}
