using System.Collections.Concurrent;
using System.IO.Compression;
using Platter.Primitives.Codecs;

namespace Platter.Images.Qcow2;

/// <summary>Compressed clusters, to and fro: raw deflate (RFC 1951), or one zstd frame. Any thread.</summary>
internal sealed class Qcow2Codec(Qcow2Compression type) : IDisposable
{
    // Contexts are dear to make; each thread that comes finds one, or makes one and leaves it for the next.
    private readonly ConcurrentBag<ZstdDecompressor> _decompressors = [];
    private readonly ConcurrentBag<ZstdCompressor> _compressors = [];
    private readonly ConcurrentBag<DeflateCompressor> _deflaters = [];

    /// <summary>Fills the cluster; what follows the compressed bytes in <paramref name="packed"/> is another's.</summary>
    /// <exception cref="InvalidDataException">The bytes are not what they should be, or not enough.</exception>
    internal unsafe void Decompress(ReadOnlySpan<byte> packed, Span<byte> cluster)
    {
        int filled;
        if (type == Qcow2Compression.Zstd)
        {
            var context = _decompressors.TryTake(out var idle) ? idle : new ZstdDecompressor();
            filled = context.Fill(packed, cluster);
            _decompressors.Add(context);
        }
        else
        {
            fixed (byte* bytes = packed)
            {
                using var source = new UnmanagedMemoryStream(bytes, packed.Length);
                using var inflate = new DeflateStream(source, CompressionMode.Decompress);
                filled = inflate.ReadAtLeast(cluster, cluster.Length, throwOnEndOfStream: false);
            }
        }
        if (filled < cluster.Length)
            throw new InvalidDataException($"its content ends after {filled} bytes of {cluster.Length}");
    }

    /// <summary>Compresses a cluster.</summary>
    /// <returns>Bytes put into <paramref name="packed"/>; -1 when they don't fit: it is better kept as it is.</returns>
    internal int Compress(ReadOnlySpan<byte> cluster, Span<byte> packed)
    {
        if (type == Qcow2Compression.Zstd)
        {
            var context = _compressors.TryTake(out var idle) ? idle : new ZstdCompressor();
            var length = context.Compress(cluster, packed);
            _compressors.Add(context);
            return length;
        }
        var deflate = _deflaters.TryTake(out var left) ? left : new DeflateCompressor();
        var count = deflate.Compress(cluster, packed);
        _deflaters.Add(deflate);
        return count;
    }

    public void Dispose()
    {
        foreach (var context in _decompressors)
            context.Dispose();
        foreach (var context in _compressors)
            context.Dispose();
    }
}
