using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Compressed;

/// <summary>The members of a gzip file (RFC 1952). Where all of them say how long they are, nothing is unpacked; else all of it is, once.</summary>
/// <remarks>Two extra fields say it: "PL" of Platter (64 bits, the member's bytes) and "BC" of BGZF (16 bits, the same less one; SAM
/// specification, section 4.1). The content's length is the last number of each member.</remarks>
internal static class GzipMap
{
    internal const int HeaderSize = 10, TrailerSize = 8;
    internal const byte HasExtra = 4;

    internal static ReadOnlySpan<byte> Magic => [0x1F, 0x8B, 0x08];

    /// <exception cref="DiskFormatException">The stream is damaged or cut.</exception>
    internal static CompressedMap Read(BlockDevice host, StreamSurvey survey)
    {
        var map = new CompressedMap();
        var measuring = false;
        Span<byte> length = stackalloc byte[4];
        for (var at = 0L; at < host.Length;)
        {
            if (!IsMember(host, at))
            {
                if (at == 0)
                    throw new DiskFormatException("CMP-0002", "GzipMember.id", at, "found no member of a gzip file");
                map.Trailing = at;
                break;
            }
            if (!measuring && StatedSize(host, at) is { } size && IsEndOfMember(host, at + size))
            {
                host.Read(at + size - 4, length);
                map.Add(at, at + size, OnDisk.View<U32Le>(length));
                at += size;
                continue;
            }
            measuring = true;
            var (content, end) = survey.Measure(new CompressedPiece(at, host.Length, map.Length, long.MaxValue));
            map.Add(at, end, content);
            at = end;
        }
        return map;
    }

    private static bool IsMember(BlockDevice host, long at)
    {
        Span<byte> magic = stackalloc byte[3];
        if (host.Length - at < HeaderSize + TrailerSize)
            return at == 0 && host.Length >= 3;
        host.Read(at, magic);
        return magic.SequenceEqual(Magic);
    }

    private static bool IsEndOfMember(BlockDevice host, long end) => end == host.Length || (end < host.Length && IsMember(host, end));

    // Bytes of the member, from an extra field.
    private static long? StatedSize(BlockDevice host, long at)
    {
        Span<byte> header = stackalloc byte[HeaderSize + 2];
        if (host.Length - at < header.Length)
            return null;
        host.Read(at, header);
        if ((header[3] & HasExtra) == 0)
            return null;
        var extra = new byte[OnDisk.View<U16Le>(header, HeaderSize)];
        if (host.Length - at - header.Length < extra.Length)
            return null;
        host.Read(at + header.Length, extra);
        for (var i = 0; i + 4 <= extra.Length;)
        {
            int length = OnDisk.View<U16Le>(extra, i + 2);
            if (i + 4 + length > extra.Length)
                return null;
            long? size = (extra[i], extra[i + 1], length) switch
            {
                ((byte)'P', (byte)'L', 8) => (long)Math.Min((ulong)OnDisk.View<U64Le>(extra, i + 4), long.MaxValue),
                ((byte)'B', (byte)'C', 2) => OnDisk.View<U16Le>(extra, i + 4) + 1,
                _ => null,
            };
            if (size is not null)
                return size >= HeaderSize + TrailerSize && size <= host.Length - at ? size : null;
            i += 4 + length;
        }
        return null;
    }
}
