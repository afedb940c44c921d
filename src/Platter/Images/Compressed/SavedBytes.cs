using System.IO.Compression;

namespace Platter.Images.Compressed;

/// <summary>A copy of bytes; of many, a compressed one: the window of a decoder is as compressible as what it decodes.</summary>
internal readonly struct SavedBytes
{
    private const int Large = 256 << 10;    // below, compressing costs more than it saves

    private readonly byte[] _bytes;
    private readonly bool _isCompressed;

    private SavedBytes(byte[] bytes, bool isCompressed)
    {
        _bytes = bytes;
        _isCompressed = isCompressed;
    }

    internal int Size => _bytes.Length;

    internal static SavedBytes Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Large)
            return new SavedBytes(bytes.ToArray(), isCompressed: false);
        using var packed = new MemoryStream();
        using (var stream = new DeflateStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            stream.Write(bytes);
        return packed.Length < bytes.Length ? new SavedBytes(packed.ToArray(), isCompressed: true) : new SavedBytes(bytes.ToArray(), isCompressed: false);
    }

    internal void CopyTo(Span<byte> target)
    {
        if (!_isCompressed)
        {
            _bytes.CopyTo(target);
            return;
        }
        using var stream = new DeflateStream(new MemoryStream(_bytes), CompressionMode.Decompress);
        stream.ReadExactly(target);
    }
}
