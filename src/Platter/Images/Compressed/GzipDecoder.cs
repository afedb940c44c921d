using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>Unpacks members of gzip files (RFC 1952) by the system's zlib, which checks length and CRC of each.</summary>
internal sealed unsafe partial class GzipDecoder : LibraryDecoder
{
    private const int Ok = 0, StreamEnd = 1, BufferError = -5, OutOfMemory = -4;     // zlib.h
    private const int GzipWindow = 15 + 16;     // the largest window; expect a gzip header and trailer

    private readonly State* _state;

    // zlib.h's z_stream; uLong is 32 bits on Windows.
    [StructLayout(LayoutKind.Sequential)]
    private struct State
    {
        public byte* NextIn;
        public uint AvailableIn;
        public CULong TotalIn;
        public byte* NextOut;
        public uint AvailableOut;
        public CULong TotalOut;
        public nint Message, Internal;
        public delegate* unmanaged[Cdecl]<void*, uint, uint, void*> Allocate;
        public delegate* unmanaged[Cdecl]<void*, void*, void> Free;
        public nint Opaque;
        public int DataType;
        public CULong Adler, Reserved;
    }

    internal GzipDecoder(BlockDevice host) : base(host, "GzipMember")
    {
        SystemLibraries.Require(SystemLibraries.Zlib);
        _state = (State*)Memory.Take((nuint)sizeof(State));
        _state->Allocate = &DecoderMemory.AllocateItems;
        _state->Free = &DecoderMemory.Free;
        _state->Opaque = Memory.Opaque;
        if (inflateInit2_(_state, GzipWindow, "1.2.0"u8, sizeof(State)) != Ok)
            throw new IOException("zlib could not be started");
    }

    protected override void Start() => _ = inflateReset2(_state, GzipWindow);

    protected override bool Step(byte* from, int available, byte* to, int room, out int consumed, out int produced)
    {
        _state->NextIn = from;
        _state->AvailableIn = (uint)available;
        _state->NextOut = to;
        _state->AvailableOut = (uint)room;
        var result = inflate(_state, 0 /* Z_NO_FLUSH */);
        consumed = available - (int)_state->AvailableIn;
        produced = room - (int)_state->AvailableOut;
        return result switch
        {
            StreamEnd => true,
            Ok or BufferError => false,
            OutOfMemory => throw new IOException("zlib: not enough memory"),
            _ => throw Damaged(Marshal.PtrToStringUTF8(_state->Message) ?? $"zlib says {result}"),
        };
    }

    [LibraryImport(SystemLibraries.Zlib)]
    private static partial int inflateInit2_(State* state, int windowBits, ReadOnlySpan<byte> version, int size);

    [LibraryImport(SystemLibraries.Zlib)]
    private static partial int inflateReset2(State* state, int windowBits);

    [LibraryImport(SystemLibraries.Zlib)]
    private static partial int inflate(State* state, int flush);
}
