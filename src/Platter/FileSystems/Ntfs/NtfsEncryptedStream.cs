using System.Buffers;
using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>An open stream that is encrypted (EFS), decrypted as it is read.</summary>
/// <remarks>What lies behind the initialised length, and in holes, is zeros that were never encrypted: [MS-EFSR] 2.2.3.3, "Bytes Within VDL" and the
/// sizes of data blocks.</remarks>
internal sealed class NtfsEncryptedStream : ReadingStream
{
    // Decrypted at a time.
    private const int Piece = 64 << 10;

    private readonly NtfsContent _content;
    private readonly NtfsFileKey _key;

    /// <param name="content">What it reads; in clusters, and not compressed.</param>
    /// <param name="key">The stream's own from now on.</param>
    public NtfsEncryptedStream(NtfsContent content, NtfsFileKey key) : base(content.Length) => (_content, _key) = (content, key);

    protected override void Fill(long offset, Span<byte> buffer)
    {
        const int sector = NtfsFileKey.SectorSize;
        var written = (int)Math.Clamp(_content.Initialized - offset, 0, buffer.Length);
        buffer[written..].Clear();
        var (cipher, plain) = (ArrayPool<byte>.Shared.Rent(Piece), ArrayPool<byte>.Shared.Rent(Piece));
        for (var done = 0; done < written;)
        {
            var within = (int)((offset + done) & sector - 1);
            var at = offset + done - within;
            var length = (int)Math.Min(Piece, InOnePiece(at, written - done + within + sector - 1 & -sector, out var isHole));
            var part = buffer[done..Math.Min(written, done + length - within)];
            if (isHole)
            {
                part.Clear();
            }
            else
            {
                _content.ReadClusters(at, cipher.AsSpan(0, length));
                _key.Decrypt(at, cipher.AsSpan(0, length), plain.AsSpan(0, length));
                plain.AsSpan(within, part.Length).CopyTo(part);
            }
            done += part.Length;
        }
        ArrayPool<byte>.Shared.Return(cipher);
        ArrayPool<byte>.Shared.Return(plain, clearArray: true);
    }

    // How many of the bytes are all in a hole, or all not; whole sectors.
    private long InOnePiece(long at, long length, out bool isHole)
    {
        isHole = false;
        if (_content.Runs.Find(at >> _content.ClusterShift) is not { } run)
            return length;
        isHole = run.IsHole;
        var left = (run.Count << _content.ClusterShift) - (at - (run.Vcn << _content.ClusterShift));
        // A sector of which a part lies in another run is one piece, whatever that is.
        return Math.Min(length, Math.Max(NtfsFileKey.SectorSize, left & -NtfsFileKey.SectorSize));
    }

    public override IEnumerable<ByteRange> DataRanges() => NtfsExtents.Data(_content, _content.Initialized);

    public override IEnumerable<StreamExtent> Extents() => NtfsExtents.Of(_content, _content.Length);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _key.Dispose();
        base.Dispose(disposing);
    }
}
