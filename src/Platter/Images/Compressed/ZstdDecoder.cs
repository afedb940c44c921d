using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>Unpacks frames of Zstandard (RFC 8878) by the system's libzstd, which checks each frame's checksum where it has one.</summary>
internal sealed unsafe partial class ZstdDecoder : LibraryDecoder
{
    private const int WindowTooLarge = 16;      // ZSTD_error_frameParameter_windowTooLarge

    private readonly nint _context;

    [StructLayout(LayoutKind.Sequential)]
    private struct CustomMemory     // zstd.h's ZSTD_customMem, passed by value
    {
        public delegate* unmanaged[Cdecl]<void*, nuint, void*> Allocate;
        public delegate* unmanaged[Cdecl]<void*, void*, void> Free;
        public nint Opaque;
    }

    internal ZstdDecoder(BlockDevice host) : base(host, "ZstdFrame")
    {
        Zstd.Load();
        _context = ZSTD_createDCtx_advanced(new CustomMemory { Allocate = &DecoderMemory.Allocate, Free = &DecoderMemory.Free, Opaque = Memory.Opaque });
        if (_context == 0)
            throw new IOException("zstd: no memory for a context");
    }

    protected override void Start() => ZSTD_DCtx_reset(_context, Zstd.Reset.Session);

    protected override bool Step(byte* from, int available, byte* to, int room, out int consumed, out int produced)
    {
        var input = new Zstd.Part { Bytes = from, Length = (nuint)available };
        var output = new Zstd.Part { Bytes = to, Length = (nuint)room };
        var result = ZSTD_decompressStream(_context, &output, &input);
        consumed = (int)input.Position;
        produced = (int)output.Position;
        if (!Zstd.IsError(result))
            return result == 0;
        if (ZSTD_getErrorCode(result) == WindowTooLarge)
            throw new UnsupportedFeatureException("the image is compressed with a zstd window of more than 128 MiB (--long, --ultra); unpack it with 'zstd -d --long=31'");
        throw Damaged(Marshal.PtrToStringUTF8(ZSTD_getErrorName(result)) ?? "");
    }

    [LibraryImport(SystemLibraries.Zstd)] private static partial nint ZSTD_createDCtx_advanced(CustomMemory memory);
    [LibraryImport(SystemLibraries.Zstd)] private static partial nuint ZSTD_DCtx_reset(nint context, Zstd.Reset what);
    [LibraryImport(SystemLibraries.Zstd)] private static partial nuint ZSTD_decompressStream(nint context, Zstd.Part* to, Zstd.Part* from);
    [LibraryImport(SystemLibraries.Zstd)] private static partial int ZSTD_getErrorCode(nuint result);
    [LibraryImport(SystemLibraries.Zstd)] private static partial nint ZSTD_getErrorName(nuint result);
}
