using System.IO.Compression;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Compressed;

/// <summary>Writes gzip (RFC 1952): a member a block, each with its own length in the extra field "PL", so that readers that know it find their way.</summary>
internal sealed class GzipWriter(ResizableDevice host, long length, ContainerSettings settings)
    : StreamWriter(host, length, (int)settings.PowerOfTwo("block_size", 1 << 20, 64 << 10, 64 << 20))
{
    private const int ExtraSize = 4 + 8;
    private const int HeadSize = GzipMap.HeaderSize + 2 + ExtraSize;

    private readonly ZLibCompressionOptions _options = new() { CompressionLevel = settings.Number("compression_level", 6, 1, 9) };

    public override PackedBlock Pack(long offset, ReadOnlySpan<byte> block)
    {
        using var member = new MemoryStream(block.Length / 2);
        member.SetLength(HeadSize);
        member.Position = HeadSize;
        using (var deflate = new DeflateStream(member, _options, leaveOpen: true))
            deflate.Write(block);
        Span<byte> trailer = stackalloc byte[GzipMap.TrailerSize];
        OnDisk.Edit<U32Le>(trailer, 0) = Crc32.Compute(block);
        OnDisk.Edit<U32Le>(trailer, 4) = (uint)block.Length;
        member.Write(trailer);
        var head = member.GetBuffer().AsSpan(0, HeadSize);
        GzipMap.Magic.CopyTo(head);
        head[3] = GzipMap.HasExtra;         // no time, so that the same disk gives the same bytes
        head[9] = 255;                      // of an unknown system
        OnDisk.Edit<U16Le>(head, GzipMap.HeaderSize) = ExtraSize;
        "PL"u8.CopyTo(head[(GzipMap.HeaderSize + 2)..]);
        OnDisk.Edit<U16Le>(head, GzipMap.HeaderSize + 4) = 8;
        OnDisk.Edit<U64Le>(head, GzipMap.HeaderSize + 6) = (ulong)member.Length;
        return new PackedBlock(offset, block.Length, member.GetBuffer().AsMemory(0, (int)member.Length), IsCompressed: true);
    }

    protected override void Finish()
    {
        // Members need nothing behind them; of no content there is one all the same, so that it is a gzip file.
        if (Length == 0)
            Put(Pack(0, []).Data.Span);
    }
}
