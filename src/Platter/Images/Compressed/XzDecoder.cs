using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>Unpacks blocks of xz files by the system's liblzma, which checks each block's checksum.</summary>
/// <remarks>The library is shown the stream's header and then the block: it never learns that other blocks stand between. A piece's tag
/// is the kind of checksum.</remarks>
internal sealed unsafe partial class XzDecoder : LibraryDecoder
{
    private const ulong MemoryLimit = 256 << 20;        // of the library; xz -9 takes 65 MiB
    private const int Ok = 0, StreamEnd = 1, NoCheck = 2, UnsupportedCheck = 3, MemoryError = 5, MemoryLimitError = 6, OptionsError = 8, BufferError = 10;     // lzma_ret

    private readonly State* _state;

    // lzma/base.h's lzma_stream
    [StructLayout(LayoutKind.Sequential)]
    private struct State
    {
        public byte* NextIn;
        public nuint AvailableIn;
        public ulong TotalIn;
        public byte* NextOut;
        public nuint AvailableOut;
        public ulong TotalOut;
        public Allocator* Allocator;
        public nint Internal, Reserved1, Reserved2, Reserved3, Reserved4;
        public ulong SeekPosition, Reserved5;
        public nuint Reserved6, Reserved7;
        public int Reserved8, Reserved9;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Allocator        // lzma/base.h's lzma_allocator
    {
        public delegate* unmanaged[Cdecl]<void*, nuint, nuint, void*> Allocate;
        public delegate* unmanaged[Cdecl]<void*, void*, void> Free;
        public nint Opaque;
    }

    internal XzDecoder(BlockDevice host) : base(host, "XzBlock")
    {
        SystemLibraries.Require(SystemLibraries.Lzma);
        _state = (State*)Memory.Take((nuint)sizeof(State));
        _state->Allocator = (Allocator*)Memory.Take((nuint)sizeof(Allocator));
        *_state->Allocator = new Allocator { Allocate = &DecoderMemory.AllocateMany, Free = &DecoderMemory.Free, Opaque = Memory.Opaque };
    }

    protected override void Start()
    {
        if (lzma_stream_decoder(_state, MemoryLimit, 0) != Ok)
            throw new IOException("liblzma could not be started");
        Prepend(XzStream.Header(Piece.Tag));
    }

    protected override bool Step(byte* from, int available, byte* to, int room, out int consumed, out int produced)
    {
        _state->NextIn = from;
        _state->AvailableIn = (nuint)available;
        _state->NextOut = to;
        _state->AvailableOut = (nuint)room;
        var result = lzma_code(_state, 0 /* LZMA_RUN */);
        consumed = available - (int)_state->AvailableIn;
        produced = room - (int)_state->AvailableOut;
        if (result is not (Ok or StreamEnd or NoCheck or UnsupportedCheck or BufferError))
        {
            throw result switch
            {
                MemoryError => new IOException("xz: not enough memory"),
                MemoryLimitError => new UnsupportedFeatureException($"unpacking the image takes more than {MemoryLimit >> 20} MiB of memory (a large xz dictionary); unpack it with 'xz -d'"),
                OptionsError => new UnsupportedFeatureException("the image is compressed with an xz filter or option that the system's liblzma does not know"),
                _ => Damaged($"liblzma says {result}"),
            };
        }
        // The block's checksum is behind its content: the end is where all of it has been taken.
        return Position + produced >= Piece.Length && consumed == available && InputPosition + consumed >= InputEnd;
    }

    [LibraryImport(SystemLibraries.Lzma)]
    private static partial int lzma_stream_decoder(State* state, ulong memoryLimit, uint flags);

    [LibraryImport(SystemLibraries.Lzma)]
    private static partial int lzma_code(State* state, int action);
}

/// <summary>Header, footer and index of an xz stream ("The .xz File Format" 1.2.0, sections 2.1 and 4).</summary>
internal static class XzStream
{
    internal const int HeaderSize = 12;

    internal static ReadOnlySpan<byte> HeaderMagic => [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00];
    internal static ReadOnlySpan<byte> FooterMagic => "YZ"u8;

    /// <summary>The header of a stream whose blocks end with this kind of checksum.</summary>
    internal static byte[] Header(int check)
    {
        var header = new byte[HeaderSize];
        HeaderMagic.CopyTo(header);
        header[7] = (byte)check;
        OnDisk.Edit<U32Le>(header, 8) = Crc32.Compute(header.AsSpan(6, 2));
        return header;
    }

    /// <summary>The footer of such a stream.</summary>
    /// <param name="check">The kind of checksum.</param>
    /// <param name="indexSize">Bytes of the index, a multiple of 4.</param>
    internal static byte[] Footer(int check, long indexSize)
    {
        var footer = new byte[HeaderSize];
        OnDisk.Edit<U32Le>(footer, 4) = (uint)(indexSize / 4 - 1);
        footer[9] = (byte)check;
        OnDisk.Edit<U32Le>(footer, 0) = Crc32.Compute(footer.AsSpan(4, 6));
        FooterMagic.CopyTo(footer.AsSpan(10));
        return footer;
    }

    /// <summary>Reads a number of 7 bits a byte, the lowest first; false when it isn't whole or longer than 63 bits.</summary>
    internal static bool TryReadNumber(ReadOnlySpan<byte> bytes, ref int at, out long number)
    {
        number = 0;
        for (var shift = 0; shift < 63 && at < bytes.Length; shift += 7)
        {
            var b = bytes[at++];
            number |= (long)(b & 0x7F) << shift;
            if (b < 0x80)
                return b != 0 || shift == 0;
        }
        return false;
    }

    internal static void WriteNumber(List<byte> bytes, long number)
    {
        for (; number >= 0x80; number >>= 7)
            bytes.Add((byte)(number | 0x80));
        bytes.Add((byte)number);
    }
}
