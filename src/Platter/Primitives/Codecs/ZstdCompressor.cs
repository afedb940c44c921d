namespace Platter.Primitives.Codecs;

/// <summary>Compresses many buffers, or a stream piece by piece, with one context. One thread at a time.</summary>
public sealed class ZstdCompressor : IDisposable
{
    private readonly Zstd.CompressionContext _context;

    /// <param name="level">1 to <see cref="Zstd.MaxLevel"/>; higher is smaller and slower.</param>
    /// <param name="checksum">Whether each frame ends with a checksum of its content.</param>
    /// <exception cref="UnsupportedFeatureException">libzstd is not installed.</exception>
    public ZstdCompressor(int level = Zstd.DefaultLevel, bool checksum = false)
    {
        Zstd.Load();
        _context = Zstd.ZSTD_createCCtx();
        if (_context.IsInvalid)
            throw new IOException("zstd: no memory for a context");
        Zstd.Check(Zstd.ZSTD_CCtx_setParameter(_context, Zstd.Parameter.Level, level));
        Zstd.Check(Zstd.ZSTD_CCtx_setParameter(_context, Zstd.Parameter.Checksum, checksum ? 1 : 0));
    }

    /// <summary>Compresses to one frame, with its content's length in the header.</summary>
    /// <returns>The frame's length; -1 when <paramref name="target"/> is too short for it.</returns>
    public unsafe int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        fixed (byte* from = source)
        fixed (byte* to = target)
        {
            var result = Zstd.ZSTD_compress2(_context, to, (nuint)target.Length, from, (nuint)source.Length);
            return Zstd.IsTooShort(result) ? -1 : (int)Zstd.Check(result);
        }
    }

    /// <summary>Takes a piece of a stream; what comes out may belong to earlier pieces.</summary>
    /// <param name="source">What is left of the piece; cut by what was taken.</param>
    /// <param name="target">Room for what comes out.</param>
    /// <param name="end">The piece is the last one of its frame: call until the result says so.</param>
    /// <param name="written">Bytes put into <paramref name="target"/>.</param>
    /// <returns>True when all of the piece is taken and, if <paramref name="end"/>, all of the frame is out; else there is more to come.</returns>
    public unsafe bool Compress(ref ReadOnlySpan<byte> source, Span<byte> target, bool end, out int written)
    {
        fixed (byte* from = source)
        fixed (byte* to = target)
        {
            var input = new Zstd.Part { Bytes = from, Length = (nuint)source.Length };
            var output = new Zstd.Part { Bytes = to, Length = (nuint)target.Length };
            var left = Zstd.Check(Zstd.ZSTD_compressStream2(_context, &output, &input, end ? Zstd.Directive.End : Zstd.Directive.Continue));
            written = (int)output.Position;
            source = source[(int)input.Position..];
            return source.IsEmpty && (!end || left == 0);
        }
    }

    /// <summary>Forgets a stream that was begun; the level stays.</summary>
    public void Reset() => Zstd.Check(Zstd.ZSTD_CCtx_reset(_context, Zstd.Reset.Session));

    public void Dispose() => _context.Dispose();
}
