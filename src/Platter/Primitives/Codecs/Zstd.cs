using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Platter.Primitives.Codecs;

/// <summary>Zstandard (RFC 8878) by the system's libzstd, 1.4 or later.</summary>
/// <remarks>Whole buffers in one call here; contexts for many buffers, and for streams, in <see cref="ZstdCompressor"/> and
/// <see cref="ZstdDecompressor"/>. Any call may be the first, and throws <see cref="UnsupportedFeatureException"/> when the library
/// is not installed.</remarks>
public static partial class Zstd
{
    /// <summary>What zstd itself takes when nothing is said: fast, and close to gzip's best in size.</summary>
    public const int DefaultLevel = 3;

    /// <summary>The first bytes of a frame.</summary>
    public const uint Magic = 0xFD2FB528;       // little-endian: 28 B5 2F FD

    private static readonly Lazy<bool> Loaded = new(() =>
    {
        SystemLibraries.Require(SystemLibraries.Zstd);
        return true;
    });

    /// <summary>Whether the library is installed.</summary>
    public static bool IsAvailable => SystemLibraries.IsAvailable(SystemLibraries.Zstd);

    /// <summary>The highest level; the lowest useful one is 1, negative ones are faster still.</summary>
    public static int MaxLevel => Loaded.Value ? ZSTD_maxCLevel() : 0;

    /// <summary>Bytes that compressing <paramref name="length"/> bytes takes at most.</summary>
    public static int CompressBound(int length)
    {
        Load();
        return checked((int)ZSTD_compressBound((nuint)length));
    }

    /// <summary>Compresses to one frame, with its content's length in the header.</summary>
    /// <returns>The frame's length; -1 when <paramref name="target"/> is too short for it.</returns>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> target, int level = DefaultLevel)
    {
        using var context = new ZstdCompressor(level);
        return context.Compress(source, target);
    }

    /// <summary>Decompresses one or several whole frames.</summary>
    /// <returns>The content's length.</returns>
    /// <exception cref="InvalidDataException">It is no zstd, or damaged, or longer than <paramref name="target"/>.</exception>
    public static unsafe int Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Load();
        fixed (byte* from = source)
        fixed (byte* to = target)
            return (int)Check(ZSTD_decompress(to, (nuint)target.Length, from, (nuint)source.Length));
    }

    /// <summary>How long the content of the frame is that starts here, as far as its header says so.</summary>
    /// <returns>Null when the header doesn't say, or is not whole, or is none.</returns>
    public static unsafe long? ContentLength(ReadOnlySpan<byte> frame)
    {
        const ulong LastLength = ulong.MaxValue - 2;        // above: ZSTD_CONTENTSIZE_ERROR and ZSTD_CONTENTSIZE_UNKNOWN
        Load();
        fixed (byte* from = frame)
        {
            var length = ZSTD_getFrameContentSize(from, (nuint)frame.Length);
            return length <= Math.Min(LastLength, long.MaxValue) ? (long)length : null;
        }
    }

    internal static void Load() => _ = Loaded.Value;

    // Lengths and error codes share the result: errors are the last few values of size_t.
    internal static nuint Check(nuint result) =>
        IsError(result) ? throw new InvalidDataException($"zstd: {Marshal.PtrToStringUTF8(ZSTD_getErrorName(result))}") : result;

    internal static bool IsError(nuint result) => ZSTD_isError(result) != 0;

    internal static bool IsTooShort(nuint result) => IsError(result) && ZSTD_getErrorCode(result) == 70;    // ZSTD_error_dstSize_tooSmall

    // zstd.h's ZSTD_inBuffer and ZSTD_outBuffer.
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct Part
    {
        public byte* Bytes;
        public nuint Length, Position;
    }

    internal enum Parameter { Level = 100, Checksum = 201 }      // ZSTD_c_compressionLevel, ZSTD_c_checksumFlag
    internal enum Directive { Continue, Flush, End }             // ZSTD_EndDirective
    internal enum Reset { Session = 1 }                          // ZSTD_reset_session_only

    /// <summary>A ZSTD_CCtx, freed when nobody holds it any more.</summary>
    internal sealed class CompressionContext() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle() => ZSTD_freeCCtx(handle) == 0;
    }

    /// <summary>A ZSTD_DCtx, freed when nobody holds it any more.</summary>
    internal sealed class DecompressionContext() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle() => ZSTD_freeDCtx(handle) == 0;
    }

    [LibraryImport(SystemLibraries.Zstd)] private static partial nuint ZSTD_freeCCtx(nint context);
    [LibraryImport(SystemLibraries.Zstd)] private static partial nuint ZSTD_freeDCtx(nint context);
    [LibraryImport(SystemLibraries.Zstd)] private static partial int ZSTD_maxCLevel();
    [LibraryImport(SystemLibraries.Zstd)] private static partial nuint ZSTD_compressBound(nuint length);
    [LibraryImport(SystemLibraries.Zstd)] private static unsafe partial nuint ZSTD_decompress(byte* to, nuint room, byte* from, nuint length);
    [LibraryImport(SystemLibraries.Zstd)] private static unsafe partial ulong ZSTD_getFrameContentSize(byte* from, nuint length);
    [LibraryImport(SystemLibraries.Zstd)] private static partial uint ZSTD_isError(nuint result);
    [LibraryImport(SystemLibraries.Zstd)] private static partial int ZSTD_getErrorCode(nuint result);
    [LibraryImport(SystemLibraries.Zstd)] private static partial nint ZSTD_getErrorName(nuint result);

    [LibraryImport(SystemLibraries.Zstd)] internal static partial CompressionContext ZSTD_createCCtx();
    [LibraryImport(SystemLibraries.Zstd)] internal static partial nuint ZSTD_CCtx_setParameter(CompressionContext context, Parameter parameter, int value);
    [LibraryImport(SystemLibraries.Zstd)] internal static partial nuint ZSTD_CCtx_reset(CompressionContext context, Reset what);
    [LibraryImport(SystemLibraries.Zstd)] internal static unsafe partial nuint ZSTD_compress2(CompressionContext context, byte* to, nuint room, byte* from, nuint length);
    [LibraryImport(SystemLibraries.Zstd)] internal static unsafe partial nuint ZSTD_compressStream2(CompressionContext context, Part* to, Part* from, Directive directive);

    [LibraryImport(SystemLibraries.Zstd)] internal static partial DecompressionContext ZSTD_createDCtx();
    [LibraryImport(SystemLibraries.Zstd)] internal static partial nuint ZSTD_DCtx_reset(DecompressionContext context, Reset what);
    [LibraryImport(SystemLibraries.Zstd)] internal static unsafe partial nuint ZSTD_decompressStream(DecompressionContext context, Part* to, Part* from);
}
