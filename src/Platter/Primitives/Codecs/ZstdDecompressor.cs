namespace Platter.Primitives.Codecs;

/// <summary>Decompresses many buffers, or a stream piece by piece, with one context. One thread at a time.</summary>
public sealed class ZstdDecompressor : IDisposable
{
    private readonly Zstd.DecompressionContext _context;

    /// <exception cref="UnsupportedFeatureException">libzstd is not installed.</exception>
    public ZstdDecompressor()
    {
        Zstd.Load();
        _context = Zstd.ZSTD_createDCtx();
        if (_context.IsInvalid)
            throw new IOException("zstd: no memory for a context");
    }

    /// <summary>Takes a piece of a stream.</summary>
    /// <param name="source">What is left of the piece; cut by what was taken, which is no more than the rest of one frame.</param>
    /// <param name="target">Room for what comes out.</param>
    /// <param name="written">Bytes put into <paramref name="target"/>.</param>
    /// <returns>True at the end of a frame, all of it being out; the next piece starts another one.</returns>
    /// <exception cref="InvalidDataException">It is no zstd, or damaged.</exception>
    public unsafe bool Decompress(ref ReadOnlySpan<byte> source, Span<byte> target, out int written)
    {
        fixed (byte* from = source)
        fixed (byte* to = target)
        {
            var input = new Zstd.Part { Bytes = from, Length = (nuint)source.Length };
            var output = new Zstd.Part { Bytes = to, Length = (nuint)target.Length };
            var left = Zstd.Check(Zstd.ZSTD_decompressStream(_context, &output, &input));
            written = (int)output.Position;
            source = source[(int)input.Position..];
            return left == 0;
        }
    }

    /// <summary>Decompresses frames until the target is full or the source is used up; what follows in the source is ignored.</summary>
    /// <returns>Bytes put into <paramref name="target"/>: fewer than its length where the source held no more.</returns>
    /// <exception cref="InvalidDataException">It is no zstd, or damaged.</exception>
    public int Fill(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Reset();
        var done = 0;
        while (done < target.Length && !source.IsEmpty)
        {
            var before = source.Length;
            Decompress(ref source, target[done..], out var written);
            done += written;
            if (written == 0 && source.Length == before)
                break;
        }
        return done;
    }

    /// <summary>Forgets a stream that was begun.</summary>
    public void Reset() => Zstd.Check(Zstd.ZSTD_DCtx_reset(_context, Zstd.Reset.Session));

    public void Dispose() => _context.Dispose();
}
